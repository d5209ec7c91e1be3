//! Daemon, shims and roles die at random moments while webhooks come twice, late, out of order or never.

use portcullis_e2e::chaos::random::round;

#[test]
fn whoever_is_killed_whenever_every_task_ends_and_nothing_is_done_twice() {
    // I1, I2, I3, I6, I7, I8, LAU-6, QUE-1, WEB-3
    for seed in [1, 2, 3] {
        let round = round(seed, 8);
        println!("seed {seed}: {:?} killed, {} webhooks never came", round.killed, round.lost);
        assert!(round.violations.is_empty(), "seed {seed}: {}", round.violations.join("\n"));
    }
}
