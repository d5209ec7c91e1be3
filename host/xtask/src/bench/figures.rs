//! What the programs under comparison print, and what becomes of it: medians over rounds, in a markdown table.

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A line of JSON from one of the programs: one piece of work, done `jobs` times.
#[derive(Debug, Deserialize)]
struct Line {
    work: String,
    jobs: f64,
    seconds: f64,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
}

/// One round of one program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Round {
    enqueued_per_s: f64,
    p50_us: f64,
    p99_us: f64,
    worked_per_s: f64,
}

impl Round {
    /// Reads what a program printed.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let lines: Vec<Line> = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .with_context(|| format!("failed to read the answer `{text}`"))?;
        ensure!(lines.len() == 2, "the answer has {} lines instead of one for each piece of work", lines.len());
        let of =
            |work: &str| lines.iter().find(|line| line.work == work).with_context(|| format!("no line for {work}"));
        let (enqueue, work) = (of("enqueue")?, of("work")?);
        Ok(Self {
            enqueued_per_s: enqueue.jobs / enqueue.seconds,
            p50_us: enqueue.p50_us.context("no p50 of one enqueue")?,
            p99_us: enqueue.p99_us.context("no p99 of one enqueue")?,
            worked_per_s: work.jobs / work.seconds,
        })
    }
}

/// The table's head.
pub(crate) const HEAD: &str = "| clients | queue | enqueued/s | p50 µs | p99 µs | claimed + completed/s |\n\
                               |---:|---|---:|---:|---:|---:|";

/// A row of the table: medians of these rounds.
pub(crate) fn row(clients: usize, name: &str, rounds: &[Round]) -> String {
    if rounds.is_empty() {
        return format!("| {clients} | {name} | – | – | – | – |");
    }
    let median = |of: fn(&Round) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (enqueued, p50, p99) = (median(|r| r.enqueued_per_s), median(|r| r.p50_us), median(|r| r.p99_us));
    let worked = median(|r| r.worked_per_s);
    format!("| {clients} | {name} | {enqueued:.0} | {p50:.0} | {p99:.0} | {worked:.0} |")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;

    const ANSWER: &str = "{\"work\":\"enqueue\",\"jobs\":100,\"seconds\":0.5,\"p50_us\":10.4,\"p99_us\":99.0}\n\
                          {\"work\":\"work\",\"jobs\":100,\"seconds\":2.0,\"p50_us\":null,\"p99_us\":null}\n";

    #[test]
    fn a_row_shows_the_median_of_each_figure() {
        let slower = Round { enqueued_per_s: 1.0, p50_us: 1000.0, p99_us: 2.0, worked_per_s: 60.0 };
        let faster = Round { enqueued_per_s: 900.0, p50_us: 1.0, p99_us: 5000.0, worked_per_s: 40.0 };
        let rounds = [slower, Round::parse(ANSWER).unwrap(), faster];
        assert_eq!(row(8, "a queue", &rounds), "| 8 | a queue | 200 | 10 | 99 | 50 |");
        assert_eq!(row(8, "a queue", &[]), "| 8 | a queue | – | – | – | – |");
    }

    #[test]
    fn an_answer_with_a_piece_of_work_missing_does_not_count() {
        let half = ANSWER.lines().next().unwrap();
        assert!(Round::parse(half).is_err());
        assert!(Round::parse(&format!("{half}\n{half}\n")).is_err());
        assert!(Round::parse("Segmentation fault").is_err());
    }
}
