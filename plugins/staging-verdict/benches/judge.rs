//! What reading and judging staging results costs: 300 checks with messages, three of them waived.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints its table, and ends where it fails")]

use portcullis_gate_sdk::testing::timed;
use portcullis_gate_staging_verdict::{Config, Expected, Infra, Results, judge};
use std::hint::black_box;

fn main() {
    let check = |n: usize| match n % 100 {
        7 => format!(r#"{{"id": "egress-{n}", "status": "error", "message": "no route to host"}}"#),
        _ => format!(r#"{{"id": "shop.checkout.CartTest.case_{n}", "status": "pass", "message": "in {n} ms"}}"#),
    };
    let checks: Vec<String> = (0..300).map(check).collect();
    let document = format!(
        r#"{{"format": 1, "revision": "9f2c", "image": "sha256:aa", "strict": false, "checks": [{}]}}"#,
        checks.join(",")
    );
    let infra =
        vec![Infra::try_from("egress-*".to_owned()).unwrap(), Infra::try_from("sandbox-dns".to_owned()).unwrap()];
    let config = Config { infra, tolerate_infra: true, ..Config::default() };
    let expected = Expected::Image { revision: Ok("9f2c".into()), digest: Some("sha256:aa".into()) };
    let mut summary = String::new();
    let row = timed("staging-verdict: 300 checks, parsed and judged", 5_000, || {
        let results = Results::parse(black_box(document.as_bytes())).unwrap();
        summary = judge(&expected, Ok(&results), black_box(&config)).summary;
    });
    assert!(summary.contains("infra failures waived (3)"), "{summary}");
    println!("| what | p50 | p99 | times |\n|---|---|---|---|\n{row}");
}
