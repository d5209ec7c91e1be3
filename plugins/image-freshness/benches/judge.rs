//! What judging costs once registry and repository have answered: the head changes 200 documents since the image.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints its table, and ends where it fails")]

use portcullis_gate_image_freshness::{Config, Standing, judge};
use portcullis_gate_sdk::lineage::{Folder, Kinship};
use portcullis_gate_sdk::testing::{subject, timed};
use std::hint::black_box;

fn main() {
    let path = |n: usize| match n % 2 {
        0 => format!("docs/work-items/ORCH-65/notes/{n}.md").into_bytes(),
        _ => format!("docs/handbook/chapter-{n}.md").into_bytes(),
    };
    let changed = (0..200).map(path).collect();
    let standing = Standing::Labelled {
        digest: format!("sha256:{}", "5b3c".repeat(16)),
        revision: "3".repeat(40),
        kinship: Kinship::Descendant { changed },
    };
    let ignore = ["CHANGELOG.md", "docs/handbook"].map(|path| Folder::try_from(path.to_owned()).unwrap()).into();
    let config = Config { ignore, ..Config::of("registry.example/shop:staging") };
    let (subject, mut summary) = (subject(), String::new());
    let row = timed("image-freshness: 200 changed documents", 20_000, || {
        summary = judge(black_box(&subject), black_box(&standing), "docs/work-items/ORCH-65", &config).summary;
    });
    assert!(summary.contains("files: 200"), "{summary}");
    println!("| what | p50 | p99 | times |\n|---|---|---|---|\n{row}");
}
