//! Wherever the database's log is cut off, what is left of it is a state that was: nothing half done.

use portcullis_e2e::chaos::cuts::{Recording, tear_last};
use portcullis_e2e::chaos::local::Local;
use portcullis_e2e::chaos::play::play_with;
use portcullis_e2e::chaos::story::Story;
use portcullis_e2e::invariants::{History, broken_at_any_time};

/// How far each task has come.
fn versions(history: &History) -> Vec<i64> {
    history.tasks.iter().map(|task| task.version).collect()
}

#[test]
fn wherever_the_log_of_a_whole_run_is_cut_off_nothing_is_half_done() {
    // STG-2, I1, I2, I8, LAU-2
    let mut story = Local::default();
    let recording = Recording::of(&mut story);
    let courses = story.courses();
    let whole = recording.cut(*recording.frames.last().unwrap());
    let ended = whole.tasks.iter().filter(|task| task.standing == "finished" || task.standing == "held").count();
    assert_eq!(ended, story.tasks(), "it was told to its end");
    let (mut later, mut states) = (versions(&whole), 1);
    // From its end to its beginning; each time at a frame's end, and in the midst of the frame before it.
    for window in recording.frames.windows(2).rev() {
        let [before, end] = window else { continue };
        for at in [*end, before + (end - before) / 2] {
            let history = recording.cut(at);
            let wrong = broken_at_any_time(&history, &courses);
            assert!(wrong.is_empty(), "cut at byte {at}: {}", wrong.join("\n"));
            let now = versions(&history);
            let ahead = now.iter().zip(&later).any(|(now, later)| now > later) || now.len() > later.len();
            assert!(!ahead, "cut at byte {at}: {now:?} came after {later:?}");
            states += usize::from(now != later);
            later = now;
        }
    }
    let (frames, transactions) = (recording.frames.len(), recording.transactions.len());
    println!("{frames} frames of {transactions} transactions, {states} states of the tasks");
    assert!(states > 20, "the cuts fell between the tasks' moves: {states}");
}

#[test]
fn a_transaction_that_was_torn_by_a_loss_of_power_has_never_happened() {
    // STG-2, I1, I2, I7, I8, LAU-6: the daemon dies right after COMMIT, and the log loses a part of it.
    for (point, part) in [
        ("store/move-a-task/after#2", 0.0),
        ("store/record-a-launch/after", 0.5),
        ("store/finish-a-job/after", 0.9),
        ("store/move-a-task/after#7", 0.999),
    ] {
        let mut story = Local::default();
        let database = story.scene().home().join("portcullis.db");
        let played = play_with(&mut story, &[point.to_owned()], &mut |deaths| {
            if deaths == 1 {
                tear_last(&database, part);
            }
        });
        assert_eq!(played.violations, Vec::<String>::new(), "{point}");
        assert!(played.reached.len() > 1, "{point} was not reached");
    }
}
