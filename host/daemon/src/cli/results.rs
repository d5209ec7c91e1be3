//! `portcullis results`: from test tools' reports to the document that the gate `staging-verdict` judges.

use super::print::{line, note};
use super::{CliError, Outcome};
use crate::document::frontmatter;
use portcullis_core::ids::Revision;
use portcullis_results::{Document, IdFormat, Provenance, Report, Status, import};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `portcullis results`.
#[derive(Debug, clap::Args)]
pub struct ResultsArgs {
    #[command(subcommand)]
    command: ResultsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ResultsCommand {
    /// Makes one document out of JUnit XML reports
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The reports
    #[arg(required = true, value_name = "FILE")]
    reports: Vec<PathBuf>,
    /// Full object name of the revision that the tested image was built from
    #[arg(long, env = "PORTCULLIS_REVISION")]
    revision: String,
    /// Digest of the tested image
    #[arg(long, value_name = "DIGEST")]
    image: Option<String>,
    /// How a test's names become its id: text with {name}, {class}, {suite} and {file}
    #[arg(long, value_name = "FORMAT")]
    id_format: Option<IdFormat>,
    /// Ask for the strict reading of this run
    #[arg(long)]
    strict: bool,
    /// File to write, with frontmatter if it ends in .md; printed as JSON without one
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// Why there are no results, in a sentence.
pub fn run(args: ResultsArgs) -> Outcome {
    let ResultsCommand::Import(args) = args.command;
    // Old results must not stand in for new ones that cannot be read.
    if let Some(path) = &args.output {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(usage(format!("failed to remove the earlier {}: {error}", path.display())));
            }
            _ => {}
        }
    }
    let document = read(&args)?;
    match &args.output {
        None => line(document.to_json().trim_end()),
        Some(path) => {
            write(path, &document)?;
            let count = |status| document.checks.iter().filter(|check| check.status == status).count();
            let counts = [Status::Pass, Status::Fail, Status::Error, Status::Skip]
                .map(|status| format!("{} {}", count(status), status.word()));
            note(&format!("wrote {}: {}", path.display(), counts.join(", ")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(args: &ImportArgs) -> Result<Document, CliError> {
    let revision = Revision::parse(&args.revision).map_err(|error| usage(format!("--revision: {error}")))?;
    if let Some(image) = &args.image {
        let hex = image.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(usage(format!("--image: `{image}` is no digest, such as sha256:5b3c… with 64 digits")));
        }
    }
    let mut contents = Vec::new();
    for path in &args.reports {
        let bytes =
            std::fs::read(path).map_err(|error| usage(format!("failed to read {}: {error}", path.display())))?;
        contents.push((path.display().to_string(), bytes));
    }
    let reports: Vec<Report<'_>> = contents.iter().map(|(name, bytes)| Report { name, bytes }).collect();
    let of = Provenance { revision: revision.to_string(), image: args.image.clone(), strict: args.strict };
    let format = args.id_format.clone().unwrap_or_default();
    import(&reports, of, &format).map_err(|error| usage(format!("there are no results: {error}")))
}

fn write(path: &Path, document: &Document) -> Result<(), CliError> {
    let markdown = path.extension().is_some_and(|extension| extension == "md");
    let text = if markdown { document.to_markdown() } else { document.to_json() };
    // What the gate will read it with has a narrower limit than a data file.
    if markdown && let Err(error) = frontmatter(text.as_bytes()) {
        return Err(usage(format!("{} cannot hold the results: {error}; name a .json file", path.display())));
    }
    std::fs::write(path, text).map_err(|error| usage(format!("failed to write {}: {error}", path.display())))
}

fn usage(text: String) -> CliError {
    CliError::Usage(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::Value;

    fn args(folder: &Path, report: &str, output: &str) -> ResultsArgs {
        let path = folder.join("junit.xml");
        std::fs::write(&path, report).unwrap();
        let command = ResultsCommand::Import(ImportArgs {
            reports: vec![path],
            revision: "9f2c".repeat(10),
            image: Some(format!("sha256:{}", "5b3c".repeat(16))),
            id_format: None,
            strict: true,
            output: Some(folder.join(output)),
        });
        ResultsArgs { command }
    }

    #[test]
    fn the_frontmatter_form_says_what_the_json_form_says() {
        // STV-1
        let folder = tempfile::tempdir().unwrap();
        let report = "<testsuite><testcase name='a: #b \\ \"c\" &#9;&#x85; - é {x}'><failure message='&lt;no&gt;: *p &amp;q \u{7f}'/>\
            </testcase><testcase name='yes'/><testcase name='---'/></testsuite>";
        run(args(folder.path(), report, "results.json")).unwrap();
        run(args(folder.path(), report, "results.md")).unwrap();
        let json: Value = serde_json::from_slice(&std::fs::read(folder.path().join("results.json")).unwrap()).unwrap();
        let read = frontmatter(&std::fs::read(folder.path().join("results.md")).unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), json);
        assert_eq!((&json["strict"], json["checks"].as_array().unwrap().len()), (&Value::Bool(true), 3));
    }

    #[test]
    fn reports_that_cannot_be_trusted_leave_no_earlier_results_behind() {
        // STV-2
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("results.json");
        run(args(folder.path(), "<testsuite><testcase name='a'/></testsuite>", "results.json")).unwrap();
        assert!(output.exists());
        let Err(CliError::Usage(why)) = run(args(folder.path(), "<testsuite>", "results.json")) else { panic!("read") };
        assert!(why.contains("there are no results") && why.contains("ends in the middle"), "{why}");
        assert!(!output.exists());
    }
}
