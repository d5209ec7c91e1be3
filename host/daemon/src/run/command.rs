//! Named commands of the operator, run for a gate that acts.

use super::launch::{LaunchError, Launcher};
use super::shim::{LOG, RunOrder};
use crate::crash;
use crate::redact::Redactor;
use portcullis_core::facts::CommandOutcome;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of output that an outcome carries.
const TAIL_BYTES: u64 = 4 << 10;
/// Exit code of a command that was ended and said that all is well, as `timeout` has it.
const OUT_OF_TIME: i32 = 124;

/// Runs `order` to its end in a run folder of its own.
///
/// # Errors
/// [`LaunchError`] if it could not be started. That it failed is an outcome.
pub async fn run(
    launcher: &Launcher,
    folder: &Path,
    order: &RunOrder,
    redactor: &Redactor,
    since: impl Fn() -> u64,
) -> Result<CommandOutcome, LaunchError> {
    launcher.prepare(folder, order)?;
    crash::point("command/before");
    let exit = launcher.start(folder)?.wait(folder).await;
    crash::point("command/after");
    let mut output_tail = redactor.clean(&tail(&folder.join(LOG), TAIL_BYTES));
    let exit_code = match exit {
        Some(exit) => {
            let ended_by_us = exit.reason.is_some();
            if let Some(reason) = exit.reason {
                output_tail.push_str(&format!("\n[{reason}]"));
            }
            // One that is asked to end may end with 0. It has not come to its own end, so it has shown nothing.
            if ended_by_us && exit.exit_code == 0 { OUT_OF_TIME } else { exit.exit_code }
        }
        None => {
            output_tail.push_str("\n[the command was lost: its shim ended without a record]");
            1
        }
    };
    Ok(CommandOutcome { exit_code, output_tail, duration_ms: since() })
}

/// The last `bytes` of a log, as text.
pub fn tail(path: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut text = Vec::new();
        file.take(bytes).read_to_end(&mut text)?;
        Ok(text)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).trim().to_owned()
}
