//! Promises about leases (LSE).

use super::Shared;
use super::fixtures::*;
use crate::model::{Filter, Finished, JobEnd};
use portcullis_core::job::{Lane, TakeOver};
use portcullis_core::lease::{Acquire, Lease, LeaseName};
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Held};
use portcullis_core::time::UnixMillis;
use std::time::Duration;

async fn won(store: &Shared, name: &LeaseName, boot: &str, now: UnixMillis) -> Lease {
    match store.acquire(name, &holder(boot), now, MINUTE).await.unwrap() {
        Acquire::Won(lease) => lease,
        Acquire::Held { by, until } => panic!("held by {by:?} until {until:?}"),
    }
}

/// The same claim, as a holder would have it that never learnt of its end.
fn copy(lease: &Lease) -> Lease {
    Lease::granted(lease.name().clone(), lease.number(), lease.deadline())
}

pub(super) async fn a_lease_has_one_holder_and_a_number_that_grows(store: &Shared) {
    // LSE-1
    let name = LeaseName::merge("owner/name");
    let first = won(store, &name, "boot-1", at(0)).await;
    assert_eq!((first.name(), first.deadline()), (&name, at(60_000)));
    let refused = store.acquire(&name, &holder("boot-2"), at(59_999), MINUTE).await.unwrap();
    assert_eq!(refused, Acquire::Held { by: holder("boot-1"), until: at(60_000) });
    // Not twice for the same holder either.
    assert!(matches!(store.acquire(&name, &holder("boot-1"), at(1), MINUTE).await.unwrap(), Acquire::Held { .. }));
    let other = won(store, &LeaseName::merge("owner/other"), "boot-2", at(1)).await;
    let shown = store.snapshot().await.unwrap().leases;
    assert_eq!(shown.iter().map(|row| row.number).collect::<Vec<_>>(), [first.number(), other.number()]);
    assert_eq!((&shown[0].name, &shown[0].holder, shown[0].since), (&name, &holder("boot-1"), at(0)));

    let (number, stale) = (first.number(), copy(&first));
    store.release(first, at(0)).await.unwrap();
    let second = won(store, &name, "boot-2", at(2)).await;
    assert!(second.number() > number);
    // The first holder gives back once more: it is not his.
    store.release(stale, at(0)).await.unwrap();
    assert!(matches!(store.acquire(&name, &holder("boot-3"), at(3), MINUTE).await.unwrap(), Acquire::Held { .. }));
}

pub(super) async fn rivals_for_a_lease_have_one_winner(store: &Shared) {
    // LSE-1, MRG-2
    let mut last = 0;
    for round in 0..5 {
        let mut rivals = tokio::task::JoinSet::new();
        for number in 0..10 {
            let store = store.clone();
            rivals.spawn(async move {
                let name = LeaseName::merge("owner/name");
                store.acquire(&name, &holder(&format!("boot-{number}")), at(round), MINUTE).await.unwrap()
            });
        }
        let mut winners: Vec<Lease> = rivals
            .join_all()
            .await
            .into_iter()
            .filter_map(|answer| match answer {
                Acquire::Won(lease) => Some(lease),
                Acquire::Held { .. } => None,
            })
            .collect();
        assert_eq!(winners.len(), 1);
        let winner = winners.remove(0);
        assert!(winner.number() > last);
        last = winner.number();
        store.release(winner, at(0)).await.unwrap();
    }
}

pub(super) async fn a_lease_past_its_deadline_is_reclaimed_and_its_old_number_is_void(store: &Shared) {
    // LSE-2
    let name = LeaseName::merge("owner/name");
    let mut late = won(store, &name, "boot-1", at(0)).await;
    let heir = won(store, &name, "boot-2", at(60_000)).await;
    assert!(heir.number() > late.number());
    assert!(!store.renew(&mut late, at(60_001), MINUTE).await.unwrap());
    assert_eq!(late.deadline(), at(60_000), "an unsuccessful renewal promises nothing");
    store.release(late, at(0)).await.unwrap();
    let row = store.snapshot().await.unwrap().leases.remove(0);
    assert_eq!((row.number, row.holder), (heir.number(), holder("boot-2")));
}

pub(super) async fn renewing_never_shortens_and_works_until_somebody_else_has_it(store: &Shared) {
    let name = LeaseName::merge("owner/name");
    let mut lease = won(store, &name, "boot-1", at(0)).await;
    assert!(store.renew(&mut lease, at(10_000), MINUTE).await.unwrap());
    assert_eq!(lease.deadline(), at(70_000));
    assert!(store.renew(&mut lease, at(10_000), Duration::from_secs(1)).await.unwrap());
    assert_eq!(lease.deadline(), at(70_000));
    // Late, but nobody was quicker.
    assert!(store.renew(&mut lease, at(500_000), MINUTE).await.unwrap());
    assert_eq!(lease.deadline(), at(560_000));
    assert!(matches!(
        store.acquire(&name, &holder("boot-2"), at(559_999), MINUTE).await.unwrap(),
        Acquire::Held { until, .. } if until == at(560_000)
    ));
    let mut released = copy(&lease);
    store.release(lease, at(0)).await.unwrap();
    assert!(!store.renew(&mut released, at(500_001), MINUTE).await.unwrap());
}

pub(super) async fn leases_of_dead_daemons_are_freed_and_cannot_be_renewed(store: &Shared) {
    // LSE-2
    let (one, two, ours) = (LeaseName::merge("one"), LeaseName::merge("two"), LeaseName::merge("ours"));
    let mut orphan = won(store, &one, "boot-1", at(0)).await;
    let _orphan = won(store, &two, "boot-1", at(0)).await;
    let mut kept = won(store, &ours, "boot-2", at(0)).await;
    let freed = store.reclaim_leases("boot-2", at(1)).await.unwrap();
    assert_eq!(freed.iter().map(|row| &row.name).collect::<Vec<_>>(), [&one, &two]);
    assert!(freed.iter().all(|row| row.holder == holder("boot-1") && row.since == at(0)), "{freed:?}");
    assert_eq!(store.reclaim_leases("boot-2", at(1)).await.unwrap(), []);
    let trail = store.audit(Filter::default()).await.unwrap();
    assert_eq!(trail.iter().map(|row| row.what.as_str()).collect::<Vec<_>>(), ["reclaim-lease"; 2]);
    assert!(!store.renew(&mut orphan, at(1), MINUTE).await.unwrap());
    assert!(store.renew(&mut kept, at(1), MINUTE).await.unwrap());
    assert!(won(store, &one, "boot-2", at(2)).await.number() > orphan.number());
}

pub(super) async fn leases_past_their_deadline_are_freed_even_of_a_living_daemon(store: &Shared) {
    // LSE-2: its holder has not renewed it in time; that he lives helps nobody who waits.
    let (late, kept) = (LeaseName::merge("late"), LeaseName::merge("kept"));
    let mut first = won(store, &late, "boot-1", at(0)).await;
    let mut second = won(store, &kept, "boot-1", at(1)).await;
    assert_eq!(store.reclaim_leases("boot-1", at(59_999)).await.unwrap(), []);
    let freed = store.reclaim_leases("boot-1", at(60_000)).await.unwrap();
    assert_eq!(freed.iter().map(|row| (&row.name, row.number)).collect::<Vec<_>>(), [(&late, first.number())]);
    assert!(!store.renew(&mut first, at(60_001), MINUTE).await.unwrap());
    assert!(store.renew(&mut second, at(60_001), MINUTE).await.unwrap());
    assert_eq!(store.audit(Filter::default()).await.unwrap().len(), 1);
    assert!(won(store, &late, "boot-1", at(60_002)).await.number() > first.number());
}

pub(super) async fn whoever_waits_for_a_lease_is_due_when_it_is_given_back_one_at_a_time(store: &Shared) {
    // MRG-2: a queue for the merge moves as fast as the merges do, not as often as somebody looks.
    let name = LeaseName::merge("owner/name");
    let waits_for = |name: &LeaseName, until| Change::Rest {
        rest: Rest::LeaseTaken { lease: name.to_string(), by: "task 9".to_owned() },
        next_look_at: Some(at(until)),
    };
    let lease = won(store, &name, BOOT, at(0)).await;
    let other = won(store, &LeaseName::merge("owner/other"), BOOT, at(0)).await;
    let mut tasks = Vec::new();
    for item in ["A-1", "A-2", "A-3", "A-4"] {
        tasks.push(task(store, item).await);
    }
    let [held, elsewhere, first, second] = tasks[..] else { panic!("four") };
    for (id, name) in [(second, &name), (first, &name), (elsewhere, other.name()), (held, &name)] {
        change(store, id, waits_for(name, 9_000), at(10)).await;
    }
    let stop = Held { reason: "stop".to_owned(), since: at(10), by: "ada".to_owned() };
    change(store, held, Change::Hold { held: stop, returns: 0 }, at(10)).await;
    let due = async |now| store.due_tasks(at(now), 10).await.unwrap();
    assert_eq!(due(8_999).await, []);
    let stale = copy(&lease);
    store.release(lease, at(20)).await.unwrap();
    assert_eq!((due(19).await, due(20).await), (vec![], vec![first]), "the oldest of those who wait for this one");

    // It takes its turn; what its predecessor gives back once more is nobody's sign.
    let lease = won(store, &name, BOOT, at(21)).await;
    change(store, first, Change::Rest { rest: Rest::Finished, next_look_at: None }, at(22)).await;
    store.release(stale, at(23)).await.unwrap();
    assert_eq!(due(8_999).await, []);
    store.release(lease, at(30)).await.unwrap();
    assert_eq!((due(29).await, due(30).await), (vec![], vec![second]));

    // Found taken, and given back before that was written: nobody would say so any more.
    change(store, second, waits_for(&name, 9_000), at(40)).await;
    assert_eq!((due(39).await, due(40).await), (vec![], vec![second]));

    // Its holder is gone: as if he had given it back.
    let _lost = won(store, &name, "boot-of-yesterday", at(50)).await;
    change(store, second, waits_for(&name, 9_000), at(51)).await;
    assert_eq!(due(8_999).await, []);
    store.reclaim_leases(BOOT, at(60)).await.unwrap();
    assert_eq!((due(59).await, due(60).await), (vec![], vec![second]));
}

pub(super) async fn a_claim_stands_until_somebody_else_has_it(store: &Shared) {
    // LSE-1, I7: what no transaction can guard asks this first.
    let id = task(store, "A-1").await;
    let late = drive(store, id, at(0)).await;
    let (fence, name) = (late.fence(), late.name().clone());
    assert!(store.stands(&fence).await.unwrap());
    // Past its deadline it stands until it is granted anew.
    let Acquire::Won(heir) = store.acquire(&name, &holder(BOOT), at(9_000_000), MINUTE).await.unwrap() else {
        panic!("its deadline has passed")
    };
    assert!(!store.stands(&fence).await.unwrap() && store.stands(&heir.fence()).await.unwrap());
    let fence = heir.fence();
    store.release(heir, at(0)).await.unwrap();
    assert!(!store.stands(&fence).await.unwrap(), "nobody has it");

    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert!(store.stands(&job.fence()).await.unwrap());
    let TakeOver::Won(heir) = store.take_over(job.id, job.lease, BOOT).await.unwrap() else { panic!("it runs") };
    assert!(!store.stands(&job.fence()).await.unwrap() && store.stands(&heir.fence()).await.unwrap());
    assert_eq!(store.finish(&heir, ended(JobEnd::Done, at(3))).await.unwrap(), Finished::Recorded);
    assert!(!store.stands(&heir.fence()).await.unwrap(), "it is over");
}
