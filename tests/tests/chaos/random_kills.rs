//! Daemon, shims and roles die at random moments while webhooks come twice, late, out of order or never.

use portcullis_e2e::chaos::random::{Round, round};

#[test]
fn whoever_is_killed_whenever_every_task_ends_and_nothing_is_done_twice() {
    // I1, I2, I3, I6, I7, I8, LAU-6, QUE-1, WEB-3, REC-1, REC-3
    let (mut found, mut killed_by_kind) = (0, [0; 3]);
    for seed in [1, 2, 3] {
        let round = round(seed, 8);
        let Round { killed, lost, found: here, unblocked, .. } = &round;
        println!(
            "seed {seed}: {killed:?} killed, {lost} webhooks never came, {here} found, {unblocked} tasks unblocked"
        );
        assert!(round.violations.is_empty(), "seed {seed}: {}", round.violations.join("\n"));
        found += round.found;
        killed_by_kind.iter_mut().zip(killed).for_each(|(all, here)| *all += here);
    }
    assert!(killed_by_kind.iter().all(|killed| *killed > 0), "daemons, shims and roles: {killed_by_kind:?}");
    assert!(found > 0, "what never came was found on no board");
}
