//! What people read of this gate, word for word.

use portcullis_gate_image_freshness::{Config, Standing, judge};
use portcullis_gate_sdk::lineage::Kinship;
use portcullis_gate_sdk::testing::{assert_golden, subject};

#[test]
fn the_reports_are_the_approved_ones() {
    // IMG-1
    let config = Config::of("registry.example/shop:staging");
    let rebuilds = Config { rebuild: vec!["build-staging".into(), "test-staging".into()], ..config.clone() };
    let labelled = |kinship| Standing::Labelled { digest: "sha256:aa".into(), revision: "3".repeat(40), kinship };
    let later = |paths: &[&str]| {
        labelled(Kinship::Descendant { changed: paths.iter().map(|path| path.as_bytes().to_vec()).collect() })
    };
    let report = |standing, config| judge(&subject(), &standing, "docs/work-items/ORCH-65", config);
    let same = Standing::Labelled { digest: "sha256:aa".into(), revision: subject().head, kinship: Kinship::Same };
    let divided = Standing::Divided { digest: "sha256:aa".into(), said: "linux/amd64: 3, linux/arm64: (none)".into() };
    let pinned = Config { image: "shop@sha256:aa".into(), ..rebuilds.clone() };
    assert_golden(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reports.txt"),
        &[
            ("fresh", report(same, &config)),
            (
                "fresh but for the documents",
                report(later(&["docs/work-items/ORCH-65/15-staging-results.json"]), &config),
            ),
            ("stale", report(later(&["src/main.rs", "Cargo.lock"]), &config)),
            ("stale, with commands that rebuild", report(later(&["src/main.rs"]), &rebuilds)),
            ("of another line of work", report(labelled(Kinship::Stranger), &config)),
            ("of platforms that differ", report(divided, &config)),
            ("stale and pinned, which no command rebuilds", report(labelled(Kinship::Stranger), &pinned)),
            ("without a label", report(Standing::Unlabelled { digest: "sha256:aa".into() }, &config)),
            ("not there", report(Standing::Absent, &rebuilds)),
        ],
    );
}
