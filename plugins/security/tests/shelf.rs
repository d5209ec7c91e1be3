//! The report at the head: written, read back and compared, over a small model of what the host does (SEC-7).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_sdk::{Finding, Judgement, Refusal, Subject, Verdict, testing};
use portcullis_gate_security::document::render;
use portcullis_gate_security::scan::Scanner;
use portcullis_gate_security::shelf::{Shelf, demand, supply};
use proptest::prelude::*;
use std::cell::RefCell;

/// A branch whose heads are numbers: each has a document or none, and changed code or only documents.
#[derive(Default)]
struct Branch {
    heads: Vec<(Option<Vec<u8>>, bool)>,
    written: RefCell<Option<Vec<u8>>>,
    writing_fails: bool,
}

fn name(head: usize) -> String {
    format!("{head:040x}")
}

impl Branch {
    fn new() -> Self {
        Self { heads: vec![(None, true)], ..Self::default() }
    }

    fn head(&self) -> usize {
        self.heads.len() - 1
    }

    fn subject(&self) -> Subject {
        Subject { head: name(self.head()), ..testing::subject() }
    }

    fn push(&mut self, document: Option<Vec<u8>>, code: bool) {
        self.heads.push((document, code));
    }

    /// What the host does after an act that passed.
    fn settle(&mut self) {
        if let Some(document) = self.written.take()
            && self.heads[self.head()].0.as_ref() != Some(&document)
        {
            self.push(Some(document), false);
        }
    }
}

impl Shelf for Branch {
    fn read(&self) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.heads[self.head()].0.clone())
    }

    fn only_documents_since(&self, earlier: &str, head: &str) -> Result<bool, Refusal> {
        let Some(from) = (0..self.heads.len()).find(|at| name(*at) == earlier) else { return Ok(false) };
        assert_eq!(head, name(self.head()));
        Ok(self.heads[from + 1..].iter().all(|(_, code)| !code))
    }

    fn write(&self, content: &str) -> Result<(), Refusal> {
        if self.writing_fails {
            return Err(Refusal::Unavailable("no room".into()));
        }
        *self.written.borrow_mut() = Some(content.as_bytes().to_vec());
        Ok(())
    }
}

fn pass() -> Judgement {
    Judgement::pass("no secrets in 1 commit")
        .finding(
            Finding::note(
                "github-token",
                "allowed: revoked in May (GitHub token, ghp_… (40 characters), added by commit 9f2c)",
            )
            .at("src/token.rs", Some(3)),
        )
        .evidence("base", "2".repeat(40))
}

fn verdict(branch: &Branch, judgement: &Judgement) -> Verdict {
    demand(branch, &branch.subject(), judgement.clone()).unwrap().verdict
}

// SEC-7
#[test]
fn a_pass_without_its_report_is_mended_once_and_then_counts() {
    let mut branch = Branch::new();
    assert_eq!(verdict(&branch, &pass()), Verdict::Actionable);
    assert_eq!(supply(&branch, &branch.subject(), pass()).unwrap().verdict, Verdict::Pass);
    assert_eq!(verdict(&branch, &pass()), Verdict::Actionable, "written is not read back");
    branch.settle();
    assert_eq!(verdict(&branch, &pass()), Verdict::Pass);
    supply(&branch, &branch.subject(), pass()).unwrap();
    assert!(branch.written.borrow().is_none(), "there is nothing to do any more");
    branch.push(branch.heads[1].0.clone(), false);
    assert_eq!(verdict(&branch, &pass()), Verdict::Pass, "another document changes nothing");
    branch.push(branch.heads[1].0.clone(), true);
    assert_eq!(verdict(&branch, &pass()), Verdict::Actionable, "code that came later has no report yet");
}

// SEC-7
#[test]
fn a_fail_outranks_every_document() {
    let mut branch = Branch::new();
    let fail = Judgement::fail("1 secret").finding(Finding::error("github-token", "x"));
    branch.push(Some(render(&branch.subject(), &pass()).into_bytes()), false);
    assert_eq!(verdict(&branch, &fail), Verdict::Fail);
    assert_eq!(supply(&branch, &branch.subject(), fail).unwrap().verdict, Verdict::Fail);
    assert!(branch.written.borrow().is_none());
}

// SEC-7
#[test]
fn a_report_that_is_forged_broken_or_of_something_else_does_not_count_and_is_replaced() {
    let subject = Branch::new().subject();
    let honest = render(&subject, &pass());
    let forgeries = [
        honest.replace("verdict: pass", "verdict: fail"),
        honest.replace("findings: 1", "findings: 0"),
        honest.replace(&name(0), &name(77)),
        honest.replace("---\nverdict", "verdict"),
        render(&subject, &Judgement::pass("nothing at all")),
        String::new(),
    ];
    for forged in forgeries {
        let mut branch = Branch::new();
        branch.push(Some(forged.clone().into_bytes()), false);
        assert_eq!(verdict(&branch, &pass()), Verdict::Actionable, "{forged}");
        supply(&branch, &branch.subject(), pass()).unwrap();
        branch.settle();
        assert_eq!(verdict(&branch, &pass()), Verdict::Pass);
    }
}

// SEC-7
#[test]
fn a_report_that_cannot_be_written_is_a_refusal() {
    let branch = Branch { writing_fails: true, ..Branch::new() };
    assert!(matches!(supply(&branch, &branch.subject(), pass()), Err(Refusal::Unavailable(_))));
}

// SEC-7
#[test]
fn the_report_itself_holds_nothing_that_the_gate_would_stop() {
    let rules = ["github-token", "generic-secret", "aws-secret-key", "jwt", "not-scanned", "kubernetes-secret"];
    let findings = rules.map(|rule| {
        Finding::note(
            rule,
            format!("allowed: {rule} for tests ({rule}, x7Kq… (40 characters), added by commit 9f2c4e1ab7d3)"),
        )
        .at(format!("config/{rule}/password.env"), Some(7))
    });
    let document = render(&testing::subject(), &pass().with_findings(findings).evidence("token", "1".repeat(40)));
    let hits = Scanner::new(&[]).unwrap().scan(document.as_bytes(), true).unwrap();
    let said: Vec<_> = hits.iter().map(|hit| (hit.rule.id, hit.line)).collect();
    assert_eq!(said, [], "{document}");
}

proptest! {
    // SEC-7
    #[test]
    fn it_comes_to_rest_after_one_act_whatever_lay_there(
        before in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60)),
        code in any::<bool>(),
    ) {
        let mut branch = Branch::new();
        branch.push(before, code);
        prop_assert_eq!(verdict(&branch, &pass()), Verdict::Actionable);
        supply(&branch, &branch.subject(), pass()).unwrap();
        branch.settle();
        prop_assert_eq!(verdict(&branch, &pass()), Verdict::Pass);
    }
}
