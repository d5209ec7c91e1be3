//! The user's reference and the rules say the same.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use portcullis_gate_security::rules;
use std::path::Path;

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security-gate.md")).unwrap()
}

// SEC-2
#[test]
fn each_trap_that_the_reference_lists_has_the_tests_that_it_names() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [top.join("tests"), top.join("../../tests/tests/e2e")];
    let page = page();
    let section = page.split("\n## ").find(|section| section.starts_with("Traps, ")).unwrap();
    let mut named = 0;
    for row in section.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`")) {
        let words = row.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs") || word.len() > 30);
        let mut file = "";
        for word in words {
            if word.ends_with(".rs") {
                file = word;
                continue;
            }
            let path = folders.iter().map(|folder| folder.join(file)).find(|path| path.exists());
            let text = std::fs::read_to_string(path.unwrap_or_else(|| panic!("there is no {file}: {row}"))).unwrap();
            assert!(text.contains(&format!("#[test]\nfn {word}()")), "{file} has no test {word}");
            named += 1;
        }
    }
    assert!(named > 20, "the table is not read: {named}");
}

// SEC-2
#[test]
fn the_table_of_kinds_in_the_reference_is_that_of_the_rules() {
    let page = page();
    let row = |rule: &rules::Rule| format!("| `{}` | {} |\n", rule.id, rule.about);
    let table: String = rules::all().map(row).collect();
    assert!(page.contains(&table), "docs/security-gate.md should hold this table:\n{table}");
    assert!(page.contains(&format!("{} kinds", rules::count())), "the page should say {} kinds", rules::count());
}
