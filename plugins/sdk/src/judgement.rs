//! Builders for what a gate answers.

use crate::{Finding, Judgement, Severity, Verdict, fingerprint};

impl Judgement {
    fn new(verdict: Verdict, summary: impl Into<String>) -> Self {
        Self { verdict, summary: summary.into(), findings: Vec::new(), evidence: Vec::new(), retry_after_s: None }
    }

    /// The edge may be crossed. `summary` is one line that reads well in a list.
    pub fn pass(summary: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, summary)
    }

    /// It may not, and the findings (add at least one) say why.
    pub fn fail(summary: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, summary)
    }

    /// Not decidable yet; asking again after `retry_after_s` seconds makes sense.
    pub fn pending(summary: impl Into<String>, retry_after_s: u32) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new(Verdict::Pending, summary) }
    }

    /// Not passable as things stand, but `act` can change that.
    pub fn actionable(summary: impl Into<String>) -> Self {
        Self::new(Verdict::Actionable, summary)
    }

    /// Adds a finding.
    #[must_use]
    pub fn finding(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// Adds findings.
    #[must_use]
    pub fn with_findings(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        self
    }

    /// Keeps the first `max` findings and says in a last one how many there were, so that no input, however large, makes
    /// the answer exceed the host's limits.
    #[must_use]
    pub fn at_most(mut self, max: usize) -> Self {
        let more = self.findings.len().saturating_sub(max);
        if more > 0 {
            self.findings.truncate(max);
            self.findings
                .push(Finding::note("more-findings", format!("{more} more findings like these were left out")));
        }
        self
    }

    /// Adds a named fact that the verdict rests on.
    #[must_use]
    pub fn evidence(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push((name.into(), value.into()));
        self
    }
}

impl Finding {
    /// A finding of stable rule name `rule` with one sentence for the person who must mend it, never the secret itself.
    ///
    /// Its fingerprint covers rule and message until [`Finding::at`] or [`Finding::identified_by`] changes it.
    pub fn new(severity: Severity, rule: impl Into<String>, message: impl Into<String>) -> Self {
        let (rule, message) = (rule.into(), message.into());
        let fingerprint = fingerprint([&rule, &message]);
        Self { rule, severity, message, path: None, line: None, fingerprint }
    }

    /// Must be mended.
    pub fn error(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, message)
    }

    /// Worth mending.
    pub fn warning(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, rule, message)
    }

    /// Worth knowing.
    pub fn note(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, rule, message)
    }

    /// Where it is: a path in the repository and, if it has one, a 1-based line. The fingerprint covers rule, path and
    /// message from here on; the line is no part of it, since lines move.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>, line: Option<u32>) -> Self {
        let path = path.into();
        self.fingerprint = fingerprint([&self.rule, &path, &self.message]);
        self.path = Some(path);
        self.line = line;
        self
    }

    /// Names what makes this finding the same finding in another commit, in place of rule, path and message. Call it last.
    #[must_use]
    pub fn identified_by<P: AsRef<[u8]>>(mut self, parts: impl IntoIterator<Item = P>) -> Self {
        self.fingerprint = fingerprint(parts);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_keeps_its_fingerprint_when_only_its_line_moves() {
        let finding = |line| Finding::error("rule", "mend it").at("src/a.rs", Some(line));
        assert_eq!(finding(3).fingerprint, finding(30).fingerprint);
        assert_ne!(finding(3).fingerprint, Finding::error("rule", "mend it").at("src/b.rs", Some(3)).fingerprint);
        assert_ne!(finding(3).fingerprint, Finding::error("other", "mend it").at("src/a.rs", Some(3)).fingerprint);
        assert_eq!(finding(3).identified_by(["x"]).fingerprint, fingerprint(["x"]));
    }

    #[test]
    fn an_answer_with_too_many_findings_is_cut_and_says_so() {
        let many = (0..7).map(|n| Finding::error("rule", n.to_string()));
        let judgement = Judgement::fail("much").with_findings(many).at_most(5);
        assert_eq!(judgement.findings.len(), 6);
        assert_eq!(judgement.findings[5].message, "2 more findings like these were left out");
        let few = Judgement::fail("little").finding(Finding::error("rule", "x")).at_most(1);
        assert_eq!(few.findings.len(), 1);
    }

    #[test]
    fn only_pending_carries_a_time_to_ask_again() {
        assert_eq!(Judgement::pending("wait", 15).retry_after_s, Some(15));
        for judgement in [Judgement::pass("a"), Judgement::fail("b"), Judgement::actionable("c")] {
            assert_eq!(judgement.retry_after_s, None);
        }
    }
}
