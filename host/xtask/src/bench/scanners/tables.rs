//! The tables as they stand in docs/benchmarks.md, and below each what it takes to judge them.

use super::inputs::Input;
use super::measure::{Usage, median};
use super::score::{Found, Label, behind, score};
use super::tools::{Reads, Scanner};
use super::{Column, Row};
use std::io::Write;

/// Providers that are named, of those where a peer finds more.
const MOST_PROVIDERS: usize = 20;

/// What is found of a labelled set.
pub(crate) fn recall(
    out: &mut impl Write,
    labels: &[Label],
    found: &[(&Scanner, Option<Found>)],
) -> anyhow::Result<()> {
    writeln!(
        out,
        "\nThe labelled set, in percent; lineage: the same without the labels from the scanner's own lineage.\n"
    )?;
    writeln!(out, "| scanner | recall | precision | core recall | look-alikes flagged | hard ones | lineage |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---|")?;
    for (scanner, found) in found {
        let Some(found) = found else {
            writeln!(out, "| {} | – | – | – | – | – | |", scanner.name)?;
            continue;
        };
        let all = score(labels, found, &[]);
        let lineage = if scanner.lineage.is_empty() {
            String::new()
        } else {
            let others = score(labels, found, scanner.lineage);
            format!("without {}: {} / {}", scanner.lineage.join(", "), others.recall, others.precision)
        };
        let row =
            [&all.recall, &all.precision, &all.core, &all.flagged, &all.hard].map(ToString::to_string).join(" | ");
        writeln!(out, "| {} | {row} | {lineage} |", scanner.name)?;
    }
    let known: Vec<&Found> = found.iter().filter_map(|(_, found)| found.as_ref()).collect();
    if let Some((ours, others)) = known.split_first() {
        // The next one is ours too.
        let (by_provider, nobody) = behind(labels, ours, others.get(1..).unwrap_or_default());
        let mut missed: Vec<_> = by_provider.into_iter().collect();
        missed.sort_by_key(|(provider, count)| (std::cmp::Reverse(*count), *provider));
        let told: Vec<String> = missed.iter().map(|(provider, count)| format!("{provider} {count}")).collect();
        let sum: usize = missed.iter().map(|(_, count)| count).sum();
        writeln!(
            out,
            "\nMissed by the component: {sum} that a peer finds, of {} providers (most of {}), and {nobody} that nobody finds.",
            told.len(),
            told[..told.len().min(MOST_PROVIDERS)].join(", ")
        )?;
    }
    Ok(())
}

/// How long a range takes.
pub(crate) fn speed(
    out: &mut impl Write,
    input: &Input,
    scanners: &[Scanner],
    rows: &[Row],
    patience_s: u64,
    rounds: usize,
    empty_ms: f64,
) -> anyhow::Result<()> {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    writeln!(out, "\n### {}\n", input.name)?;
    writeln!(
        out,
        "Commits: {}. Blobs that they bring in: {}, of {:.2} MB. Lines that their patches add: {:.2} MB. As files: {:.2} MB. Medians \
         of {rounds} interleaved rounds; an empty program seems to take {empty_ms:.0} ms.\n",
        input.commits,
        input.blobs,
        megabytes(input.bytes),
        megabytes(input.patch_bytes),
        megabytes(input.file_bytes)
    )?;
    writeln!(
        out,
        "| scanner | reads | findings | 1 core | CPU | MB/s | peak MiB | 2 cores | CPU | MB/s | peak MiB |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )?;
    for (scanner, row) in scanners.iter().zip(rows).filter(|(scanner, _)| scanner.program.is_ok()) {
        let (reads, bytes) = match scanner.reads {
            Reads::Objects => ("objects", input.bytes),
            Reads::Patches => ("patches", input.bytes),
            Reads::Files => ("files", input.file_bytes),
        };
        let found = row.last.as_ref().map_or_else(
            || "–".to_owned(),
            |answer| {
                let more = answer.gate.as_ref().is_some_and(|gate| gate.is_cut);
                format!("{}{}", answer.places.len(), if more { "+" } else { "" })
            },
        );
        // Who was too slow with two cores was not tried with one.
        let one = if row.two_cores.too_long { &row.two_cores } else { &row.one_core };
        let columns = [one, &row.two_cores].map(|column| cells(column, bytes, patience_s));
        writeln!(out, "| {} | {reads} | {found} | {} | {} |", scanner.name, columns[0], columns[1])?;
    }
    ours(out, rows)
}

/// Time, processor time, speed and memory of one scanner on so many cores.
fn cells(column: &Column, bytes: u64, patience_s: u64) -> String {
    if column.too_long {
        return format!("> {patience_s} s | – | – | –");
    }
    let of = |figure: fn(&Usage) -> f64| median(column.rounds.iter().map(figure));
    let figures = (of(|usage| usage.wall_s), of(|usage| usage.cpu_s), of(|usage| usage.peak_mib));
    let (Some(wall_s), Some(cpu_s), Some(peak_mib)) = figures else { return "– | – | – | –".to_owned() };
    let speed = bytes as f64 / 1e6 / wall_s;
    let speed = if speed < 10.0 { format!("{speed:.1}") } else { format!("{speed:.0}") };
    format!("{} | {} | {speed} | {peak_mib:.0}", seconds(wall_s), seconds(cpu_s))
}

fn seconds(time: f64) -> String {
    if time < 1.0 { format!("{:.0} ms", time * 1e3) } else { format!("{time:.2} s") }
}

/// What the host says of our gate, and how it stands beside the same code without a sandbox.
fn ours(out: &mut impl Write, rows: &[Row]) -> anyhow::Result<()> {
    let [component, native, ..] = rows else { return Ok(()) };
    if let Some(gate) = component.last.as_ref().and_then(|answer| answer.gate.as_ref()) {
        writeln!(
            out,
            "\nOf the component's last run the evaluation took {:.0} ms and {:.1} MiB of the gate's memory; it says: {}.",
            gate.took_ms, gate.peak_mib, gate.summary
        )?;
    }
    let cpu = |row: &Row| median(row.one_core.rounds.iter().map(|usage| usage.cpu_s));
    if let (Some(component), Some(native)) = (cpu(component), cpu(native)) {
        writeln!(out, "By processor time the component takes {:.2} times what native code takes.", component / native)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_the_median_of_each_figure_or_how_long_we_waited() {
        let usage = |wall_s, peak_mib| Usage { wall_s, cpu_s: 0.5, peak_mib };
        let rounds = vec![usage(2.0, 9.0), usage(8.0, 3.0), usage(1.0, 6.0)];
        assert_eq!(cells(&Column { rounds, too_long: false }, 30_000_000, 60), "2.00 s | 500 ms | 15 | 6");
        assert_eq!(cells(&Column::default(), 1, 60), "– | – | – | –");
        assert_eq!(cells(&Column { rounds: Vec::new(), too_long: true }, 1, 60), "> 60 s | – | – | –");
    }
}
