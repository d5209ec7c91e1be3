//! The user's reference and the rules say the same.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use portcullis_gate_security::rules;

// SEC-2
#[test]
fn the_table_of_kinds_in_the_reference_is_that_of_the_rules() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security-gate.md");
    let page = std::fs::read_to_string(path).unwrap();
    let row = |rule: &rules::Rule| format!("| `{}` | {} |\n", rule.id, rule.about);
    let table: String = rules::all().map(row).collect();
    assert!(page.contains(&table), "docs/security-gate.md should hold this table:\n{table}");
    assert!(page.contains(&format!("{} kinds", rules::count())), "the page should say {} kinds", rules::count());
}
