//! `portcullis advisories`: the database of known vulnerabilities that gates look packages up in.

use super::print::{line, note, table};
use super::{CliError, Outcome};
use crate::clock::SystemClock;
use crate::gatehouse::chain;
use portcullis_connect::advisories::{Database, import};
use portcullis_core::time::Clock as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `portcullis advisories`.
#[derive(Debug, clap::Args)]
pub struct AdvisoriesArgs {
    #[command(subcommand)]
    command: AdvisoriesCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AdvisoriesCommand {
    /// Makes the database anew from OSV's dumps, in the place of the one before
    Import {
        /// Records (.json), folders of them, or archives of them (.zip)
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        database: DatabaseArg,
    },
    /// Says what is in the database
    Show {
        #[command(flatten)]
        database: DatabaseArg,
    },
}

#[derive(Debug, clap::Args)]
struct DatabaseArg {
    /// The database
    #[arg(long, env = "PORTCULLIS_GATES__ADVISORIES", default_value = "advisories.db")]
    database: PathBuf,
}

/// Runs it.
///
/// # Errors
/// What is wrong with the sources or the database, in a sentence.
pub fn run(args: AdvisoriesArgs) -> Outcome {
    let fail = |error: &dyn std::error::Error| CliError::Usage(chain(error));
    match args.command {
        AdvisoriesCommand::Import { files, database: DatabaseArg { database } } => {
            let now_s = SystemClock::default().now().0.div_euclid(1000);
            let imported = import(&files, &database, now_s).map_err(|error| fail(&error))?;
            for named in &imported.named {
                note(&format!("no advisory: {named}"));
            }
            if imported.malformed > imported.named.len() as u64 {
                note(&format!("no advisories in all: {}", imported.malformed));
            }
            let row = |(ecosystem, count): (&String, &u64)| vec![ecosystem.clone(), count.to_string()];
            table(&["ecosystem", "advisories"], &imported.ecosystems.iter().map(row).collect::<Vec<_>>());
            line(&format!(
                "wrote {}: {} advisories about {} packages; left out: {} withdrawn, {} malformed",
                database.display(),
                imported.records,
                imported.packages,
                imported.withdrawn,
                imported.malformed
            ));
        }
        AdvisoriesCommand::Show { database: DatabaseArg { database } } => {
            let opened = Database::open(&database).map_err(|error| fail(&error))?;
            let Some(opened) = opened else {
                return Err(CliError::Usage(format!(
                    "there is no {}; make it with `portcullis advisories import`",
                    database.display()
                )));
            };
            let about = opened.about();
            let at =
                jiff::Timestamp::from_second(about.imported_at_s).map_or_else(|_| "?".to_owned(), |at| at.to_string());
            line(&format!(
                "{}: {} advisories, imported {at}; {}",
                database.display(),
                about.records,
                about.ecosystems.join(", ")
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}
