//! Reading Plane's work items: real paging, states by name and group, and an item's last move.

use crate::server::{Asked, Reply, Server};
use portcullis_connect::http::Connection;
use portcullis_connect::secret::Secret;
use portcullis_connect::tracker::{Item, Move, Plane, PlaneSettings, Tracker, TrackerError, TrackerItem};
use portcullis_core::effect::TrackerState;
use portcullis_core::reconcile::{ItemState, StateGroup};
use portcullis_core::time::UnixMillis;
use portcullis_testkit::FakeClock;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const BASE: &str = "/api/v1/workspaces/harbour/projects/p1";
const COMMANDS: [TrackerState; 2] = [TrackerState::ToAnalyse, TrackerState::Approved];
/// 2026-01-05T09:00:00Z
const NINE: UnixMillis = UnixMillis(1_767_603_600_000);

fn plane(server: &Server) -> Plane {
    let connection = Connection::new(&server.url, Secret::new("key"));
    Plane::new(PlaneSettings::new(connection, "harbour"), Arc::new(FakeClock::at("2026-01-05T09:00:00Z"))).unwrap()
}

fn states() -> Value {
    json!([
        { "id": "s-analyse", "name": "To Analyse", "group": "unstarted" },
        { "id": "s-progress", "name": "In Progress", "group": "started" },
        { "id": "s-approved", "name": "Approved", "group": "completed" },
        { "id": "s-done", "name": "Done", "group": "completed" },
    ])
}

/// An item, changed so many minutes after nine.
fn row(id: &str, state: &str, minute: u32) -> Value {
    json!({ "id": id, "name": format!("Item {id}"), "sequence_id": 7, "state": state, "project": "p1",
            "updated_at": format!("2026-01-05T09:{minute:02}:00.000000Z") })
}

fn page(rows: &[Value], more: bool) -> Reply {
    // There is always a next cursor.
    Reply::json(200, json!({ "results": rows, "next_cursor": "100:1:0", "next_page_results": more }))
}

fn is_states(asked: &Asked) -> bool {
    asked.what() == format!("GET {BASE}/states/")
}

/// A Plane whose list of work items has these pages.
async fn listing(pages: Vec<Vec<Value>>) -> Server {
    let at = AtomicUsize::new(0);
    Server::start(move |asked| {
        if is_states(asked) {
            return Reply::json(200, states());
        }
        assert_eq!(asked.what(), format!("GET {BASE}/work-items/"), "{}", asked.target);
        let n = at.fetch_add(1, SeqCst);
        assert_eq!(asked.query("cursor").is_some(), n > 0, "the first page has no cursor, every other one has");
        page(&pages[n], n + 1 < pages.len())
    })
    .await
}

fn ids(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.at.id.as_str()).collect()
}

// REC-3
#[tokio::test]
async fn items_are_read_over_all_pages_and_only_those_in_the_wanted_states_are_kept() {
    let server = listing(vec![
        vec![row("a", "s-analyse", 9), row("b", "s-progress", 8)],
        vec![row("c", "s-done", 7), row("d", "s-approved", 6)],
        vec![row("e", "s-analyse", 5)],
    ])
    .await;
    let items = plane(&server).items("p1", &COMMANDS, None).await.unwrap();
    assert_eq!(ids(&items), ["a", "d", "e"]);
    assert_eq!(server.count(&format!("GET {BASE}/work-items/")), 3);
    let first = server.asked().into_iter().find(|asked| !is_states(asked)).unwrap();
    assert_eq!((first.query("order_by"), first.query("per_page")), (Some("-updated_at"), Some("100")));
    assert!(!first.query("fields").unwrap().contains("description"), "lists are read without descriptions");
    let expected = Item {
        at: TrackerItem { project: "p1".to_owned(), id: "d".to_owned() },
        name: Some("7".to_owned()),
        title: "Item d".to_owned(),
        description: String::new(),
        state_id: "s-approved".to_owned(),
        // The group is the tracker's own, whatever the state is called (REC-4).
        state: ItemState {
            name: "Approved".to_owned(),
            state: Some(TrackerState::Approved),
            group: Some(StateGroup::Completed),
        },
        updated_at: Some(UnixMillis(NINE.0 + 6 * 60_000)),
    };
    assert_eq!(items[1], expected);
}

// REC-3, QUE-6: the cost of a poll follows what has changed, unless the tracker keeps no order.
#[tokio::test]
async fn a_poll_ends_where_nothing_has_changed_since_but_only_if_the_order_was_kept() {
    let since = Some(UnixMillis(NINE.0 + 7 * 60_000));
    let in_order = vec![
        vec![row("a", "s-analyse", 9), row("b", "s-analyse", 7)],
        vec![row("c", "s-analyse", 6), row("d", "s-analyse", 5)],
        vec![row("e", "s-analyse", 4)],
    ];
    let server = listing(in_order.clone()).await;
    assert_eq!(ids(&plane(&server).items("p1", &COMMANDS, since).await.unwrap()), ["a", "b", "c", "d"]);
    assert_eq!(server.count(&format!("GET {BASE}/work-items/")), 2);
    let mut shuffled = in_order;
    shuffled.swap(0, 1);
    shuffled[0].reverse();
    let server = listing(shuffled).await;
    assert_eq!(plane(&server).items("p1", &COMMANDS, since).await.unwrap().len(), 5);
    assert_eq!(server.count(&format!("GET {BASE}/work-items/")), 3);
}

// REC-3
#[tokio::test]
async fn a_poll_is_bounded_and_says_so_where_it_cannot_know_what_it_left_out() {
    for (minute, complete) in [("00", true), ("{n}", false)] {
        let n = AtomicUsize::new(0);
        let server = Server::start(move |asked| {
            if is_states(asked) {
                return Reply::json(200, states());
            }
            let mut row = row("a", "s-analyse", 0);
            let n = n.fetch_add(1, SeqCst).to_string();
            row["updated_at"] = json!(format!("2026-01-05T09:{:0>2}:00Z", minute.replace("{n}", &n)));
            page(&[row], true)
        })
        .await;
        let items = plane(&server).items("p1", &COMMANDS, None).await;
        assert_eq!(items.is_ok(), complete, "{items:?}");
        assert_eq!(server.count(&format!("GET {BASE}/work-items/")), 50);
    }
}

// TRK-3: the board was changed since it was read.
#[tokio::test]
async fn a_state_that_the_kept_board_does_not_know_is_looked_up_anew() {
    let reads = AtomicUsize::new(0);
    let server = Server::start(move |asked| match is_states(asked) {
        true if reads.fetch_add(1, SeqCst) == 0 => Reply::json(200, json!([])),
        true => Reply::json(200, states()),
        false => page(&[row("a", "s-analyse", 1)], false),
    })
    .await;
    let plane = plane(&server);
    for _ in 0..2 {
        assert_eq!(ids(&plane.items("p1", &COMMANDS, None).await.unwrap()), ["a"]);
    }
    assert_eq!(server.count(&format!("GET {BASE}/states/")), 2);
}

// REC-2
#[tokio::test]
async fn one_item_is_told_whole_under_the_newer_and_the_older_name_and_a_missing_one_is_none() {
    for name in ["work-items", "issues"] {
        let server = Server::start(move |asked| match asked.what() {
            _ if is_states(asked) => Reply::json(200, states()),
            what if what == format!("GET {BASE}/{name}/i1/") => {
                let mut item = row("i1", "s-progress", 3);
                item["description_html"] = json!("<p>Lift <b>40 t</b></p>");
                // Some versions expand the state.
                item["state"] = json!({ "id": "s-progress", "name": "whatever" });
                Reply::json(200, item)
            }
            _ => Reply::json(404, json!({ "error": "The required object does not exist." })),
        })
        .await;
        let plane = plane(&server);
        let ask = |id: &str| TrackerItem { project: "p1".to_owned(), id: id.to_owned() };
        let item = plane.item(&ask("i1")).await.unwrap().unwrap();
        assert_eq!(item.state.state, Some(TrackerState::InProgress), "{name}");
        assert_eq!((item.description.as_str(), item.title.as_str()), ("Lift 40 t", "Item i1"));
        assert_eq!(plane.item(&ask("i2")).await, Ok(None));
    }
}

// REC-2
#[tokio::test]
async fn a_state_that_cannot_be_learnt_is_an_error_and_never_a_guess() {
    let ask = TrackerItem { project: "p1".to_owned(), id: "i1".to_owned() };
    for reply in [
        Reply::text(503, "down"),
        Reply::json(200, row("i1", "s-nobody-knows", 1)),
        Reply::json(200, json!({ "id": "i1", "state": null })),
        Reply::text(200, "garbage"),
        Reply::HangUp,
    ] {
        let server =
            Server::start(move |asked| if is_states(asked) { Reply::json(200, states()) } else { reply.clone() }).await;
        let error = plane(&server).item(&ask).await.unwrap_err();
        assert!(matches!(error, TrackerError::Unavailable(_)), "{error}");
    }
    let server = Server::start(|_| Reply::text(429, "").with("retry-after", "9")).await;
    assert_eq!(plane(&server).item(&ask).await, Err(TrackerError::RateLimited(9)));
    assert_eq!(plane(&server).items("p1", &COMMANDS, None).await, Err(TrackerError::RateLimited(9)));
}

fn activity(field: Value, minute: u32, actor: Value) -> Value {
    json!({ "field": field, "created_at": format!("2026-01-05T09:{minute:02}:00.5Z"), "actor": actor, "verb": "updated" })
}

// REC-3, STG-5
#[tokio::test]
async fn an_item_s_last_move_is_the_newest_change_of_its_state_in_its_history() {
    let history = [
        activity(json!("description"), 9, json!("p-ben")),
        activity(json!("state"), 6, json!("p-ann")),
        activity(json!("state"), 2, json!("p-ben")),
        activity(json!(null), 1, json!("p-ben")),
    ];
    let newest = Move { at: UnixMillis(NINE.0 + 6 * 60_000 + 500), by: "p-ann".to_owned() };
    let item = TrackerItem { project: "p1".to_owned(), id: "i1".to_owned() };
    // Newest first on two pages, of which the second is not needed; oldest first, where it is.
    let halves = |history: &[Value]| [history[..2].to_vec(), history[2..].to_vec()];
    let reversed: Vec<Value> = history.iter().rev().cloned().collect();
    for (pages, asked) in [(halves(&history), 1), (halves(&reversed), 2)] {
        let server = Server::start(move |asked| {
            assert_eq!(asked.what(), format!("GET {BASE}/work-items/i1/activities/"));
            let second = asked.query("cursor").is_some();
            page(&pages[usize::from(second)], !second)
        })
        .await;
        assert_eq!(plane(&server).last_move(&item).await, Ok(Some(newest.clone())));
        assert_eq!(server.asked().len(), asked);
    }
    // Where a person is expanded; where nothing was moved; where there is no history.
    let expanded = activity(json!("state_id"), 4, json!({ "id": "p-eve", "display_name": "eve" }));
    for (reply, by) in [
        (page(&[expanded], false), Some("p-eve".to_owned())),
        (page(&[activity(json!("priority"), 4, json!("p-ann"))], false), None),
        (Reply::text(404, ""), None),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        assert_eq!(plane(&server).last_move(&item).await.unwrap().map(|moved| moved.by), by);
    }
}
