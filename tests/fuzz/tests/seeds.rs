//! Every target over its seeds, cut and bent in simple ways: what a fuzzer starts from must not fail already.

const TARGETS: [(&str, fn(&[u8])); 6] = [
    ("staging_results", portcullis_fuzz::staging_results),
    ("junit", portcullis_fuzz::junit),
    ("frontmatter", portcullis_fuzz::frontmatter),
    ("document_verdict", portcullis_fuzz::document_verdict),
    ("conflict_words", portcullis_fuzz::conflict_words),
    ("ci_contexts", portcullis_fuzz::ci_contexts),
];

#[test]
fn no_seed_and_no_part_of_one_breaks_a_target() {
    // GAT-1
    for (name, target) in TARGETS {
        let folder = format!("{}/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut seeds = 0;
        for entry in std::fs::read_dir(&folder).expect("each target has seeds") {
            let seed = std::fs::read(entry.expect("a seed").path()).expect("a seed can be read");
            target(&seed);
            for at in 0..seed.len() {
                target(&seed[..at]);
                target(&seed[at..]);
                let mut bent = seed.clone();
                bent[at] = bent[at].wrapping_add(1);
                target(&bent);
                bent[at] = b'"';
                target(&bent);
            }
            seeds += 1;
        }
        assert!(seeds > 0, "{name} has no seed");
    }
}
