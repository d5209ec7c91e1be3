//! Nothing stuck, nothing twice, nothing lost: daemons that die at every place where something becomes durable, and at
//! random moments. The longer forms are `cargo xtask chaos`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod bells;
mod crash_points;
mod damage;
mod finishing;
mod random_kills;
mod rivals;
mod strangers;
mod wal_cuts;
