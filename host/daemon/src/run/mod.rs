//! Running things: roles, the projects' CI, and the named commands of gates that act.
//!
//! Every run has a shim of its own ([`shim`]) that outlives the daemon and writes down how the run ended. The daemon
//! starts it ([`launch`]), waits for its end through the kernel ([`process`]), and then follows the fixed order of
//! [`finish`]: exit code first, then commit, push, pull request, and only then the job's end (LAU-2).

pub mod adopt;
pub mod brief;
pub mod command;
pub mod finish;
pub mod launch;
pub mod process;
pub mod shim;
pub mod worker;
