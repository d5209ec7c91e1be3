//! Which states are the same but for names: versions and fencing numbers are renamed by rank, drivers and hands are put in
//! order, the two tasks may change places.

use crate::search::Fast;
use crate::state::{Driver, Errand, Hand, Phase, Reaper, State, TASKS};
use std::cmp::Ordering;
use std::hash::{BuildHasher, BuildHasherDefault};

impl State {
    /// The representative of all states that differ from this one in names only.
    pub(crate) fn canonical(mut self, drivers: usize, swaps: bool) -> Self {
        self.rename_numbers();
        self.sort(drivers);
        // Which of the two does not matter, as long as both come to the same.
        let order = self.tasks[0].row.cmp(&self.tasks[1].row);
        if !swaps || order == Ordering::Less {
            return self;
        }
        let mut other = self.with_tasks_swapped();
        other.sort(drivers);
        let hasher = BuildHasherDefault::<Fast>::default();
        if order == Ordering::Greater || hasher.hash_one(other) < hasher.hash_one(self) { other } else { self }
    }

    fn sort(&mut self, drivers: usize) {
        self.drivers[..drivers].sort_unstable();
        self.hands.sort_unstable();
    }

    fn rename_numbers(&mut self) {
        let Self { tasks, drivers, hands, merge, reaper, reconciler, .. } = self;
        for (index, task) in (0_u8..).zip(tasks.iter_mut()) {
            let mine = |driver: &&mut Driver| driver.task == index;
            let mut versions = Names::default();
            let seen = drivers.iter_mut().filter(mine).map(|driver| &mut driver.seen.version);
            let keys = task.effects.iter_mut().map(|effect| &mut effect.key);
            let errand = match reconciler {
                Errand::Ring { task, version } if *task == index => Some(version),
                Errand::None | Errand::Ring { .. } => None,
            };
            versions.rename(seen.chain(keys).chain(errand).chain([&mut task.row.version, &mut task.moved]));
            let held = drivers.iter_mut().filter(mine).map(|driver| &mut driver.number);
            Names::default().rename(held.chain([&mut task.drive.number]));
            let theirs = hands.iter_mut().filter(|hand| hand.task == index).map(|hand| &mut hand.lease);
            let looked = match reaper {
                Reaper::Absent { task, lease, .. } | Reaper::Taking { task, lease, .. } if *task == index => {
                    Some(lease)
                }
                Reaper::Idle | Reaper::Absent { .. } | Reaper::Taking { .. } => None,
            };
            let gone = &mut task.gone.1;
            Names::default().rename(theirs.chain(looked).chain([&mut task.job.lease, gone]));
        }
        let kept = drivers.iter_mut().map(|driver| &mut driver.kept.1);
        Names::default().rename(kept.chain([&mut merge.number]));
    }

    fn with_tasks_swapped(mut self) -> Self {
        self.tasks.swap(0, TASKS - 1);
        let other = |task: &mut u8| *task = 1 - *task;
        for driver in &mut self.drivers {
            if driver.phase != Phase::Idle {
                other(&mut driver.task);
            }
            if driver.kept.0 > 0 {
                driver.kept.0 = 3 - driver.kept.0;
            }
        }
        self.hands.iter_mut().filter(|hand| **hand != Hand::default()).for_each(|hand| other(&mut hand.task));
        match &mut self.reaper {
            Reaper::Idle => {}
            Reaper::Absent { task, .. } | Reaper::Taking { task, .. } => other(task),
        }
        match &mut self.reconciler {
            Errand::None => {}
            Errand::Ring { task, .. } => other(task),
        }
        if let Some((task, _)) = &mut self.sender {
            other(task);
        }
        self
    }
}

/// New names for a handful of numbers: their ranks. Nought stays nought.
#[derive(Default)]
struct Names(u64);

impl Names {
    fn rename<'a>(&mut self, numbers: impl Iterator<Item = &'a mut u8>) {
        let mut all: [Option<&mut u8>; 12] = Default::default();
        let mut count = 0;
        for (place, number) in all.iter_mut().zip(numbers) {
            self.0 |= 1 << *number;
            *place = Some(number);
            count += 1;
        }
        debug_assert!(count < 12, "more numbers than there is room for");
        self.0 &= !1;
        for number in all.into_iter().flatten() {
            let up_to = (2_u64 << *number) - 1;
            *number = u8::try_from((self.0 & up_to).count_ones()).unwrap_or(u8::MAX);
        }
    }
}
