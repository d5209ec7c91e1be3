//! Merging over both forges (MRG-3): look, ask, look again, believe only what was seen.

use crate::revision;
use crate::server::{Asked, Reply, Server};
use portcullis_connect::forge::{Forge, GitHub, Gitea, Landing, Merged};
use portcullis_connect::http::Connection;
use portcullis_connect::secret::Secret;
use portcullis_core::facts::ForgeError;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

/// A pull request and its target branch as the forge has them; the merge request changes them as a test says.
#[derive(Clone)]
struct World {
    open: bool,
    merged: bool,
    head: char,
    target: char,
    conflicts: bool,
}

const FRESH: World = World { open: true, merged: false, head: 'a', target: 'b', conflicts: false };

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Gitea,
    GitHub,
}

const KINDS: [Kind; 2] = [Kind::Gitea, Kind::GitHub];

impl World {
    fn pull(&self) -> Value {
        let sha = |digit: char| digit.to_string().repeat(40);
        json!({
            "number": 7, "state": if self.open { "open" } else { "closed" }, "merged": self.merged,
            // A trial merge before the real one, as GitHub has it.
            "merge_commit_sha": if self.merged { sha('c') } else { sha('d') },
            "mergeable": !self.conflicts, "mergeable_state": if self.conflicts { "dirty" } else { "clean" },
            "head": { "ref": "task/1", "sha": sha(self.head), "repo": null },
            "base": { "ref": "main", "sha": sha('0') },
        })
    }

    fn branch(&self) -> Value {
        let sha = self.target.to_string().repeat(40);
        json!({ "name": "main", "commit": { "id": sha, "sha": sha } })
    }
}

/// A forge in this state, at which a request to merge does `on_merge`.
async fn forge(before: World, on_merge: impl Fn(&mut World) -> Reply + Send + Sync + 'static) -> Server {
    let world = Mutex::new(before);
    Server::start(move |asked: &Asked| {
        let mut world = world.lock().unwrap();
        match (asked.method.as_str(), asked.target.as_str()) {
            ("GET", path) if path.ends_with("/pulls/7") => Reply::json(200, world.pull()),
            ("GET", path) if path.ends_with("/branches/main") => Reply::json(200, world.branch()),
            ("POST" | "PUT", path) if path.ends_with("/pulls/7/merge") => on_merge(&mut world),
            ("DELETE", path) if path.ends_with("/pulls/7/merge") => Reply::text(204, ""),
            other => panic!("asked {other:?}"),
        }
    })
    .await
}

async fn merge_at(kind: Kind, server: &Server) -> Result<Merged, ForgeError> {
    land_at(kind, server, Landing::MergeCommit).await
}

async fn land_at(kind: Kind, server: &Server, landing: Landing) -> Result<Merged, ForgeError> {
    let connection =
        Connection { timeout: Duration::from_secs(20), ..Connection::new(&server.url, Secret::new("tttttttt")) };
    let (head, target) = (revision('a'), revision('b'));
    let message = "ORCH-1: title\n\nbody of it";
    match kind {
        Kind::Gitea => Gitea::new(connection, "o/r").unwrap().landing(landing).merge(7, &head, &target, message).await,
        Kind::GitHub => {
            GitHub::new(connection, "o/r").unwrap().landing(landing).merge(7, &head, &target, message).await
        }
    }
}

fn merges(server: &Server) -> Vec<Asked> {
    server.asked().into_iter().filter(|asked| asked.target.ends_with("/merge") && asked.method != "DELETE").collect()
}

fn done(world: &mut World) -> Reply {
    (world.open, world.merged) = (false, true);
    Reply::json(200, json!({ "merged": true }))
}

// MRG-3
#[tokio::test]
async fn a_merge_names_the_tested_head_and_answers_the_commit_on_the_target() {
    for kind in KINDS {
        let server = forge(FRESH, done).await;
        assert_eq!(merge_at(kind, &server).await, Ok(Merged::Merged(revision('c'))), "{kind:?}");
        let asked = merges(&server);
        assert_eq!(asked.len(), 1);
        let body = asked[0].json();
        let (head, title, message) = match kind {
            Kind::Gitea => (&body["head_commit_id"], &body["MergeTitleField"], &body["MergeMessageField"]),
            Kind::GitHub => (&body["sha"], &body["commit_title"], &body["commit_message"]),
        };
        assert_eq!((head, title), (&json!("a".repeat(40)), &json!("ORCH-1: title")), "{kind:?}");
        assert_eq!(message, &json!("body of it"));
    }
}

// MRG-3
#[tokio::test]
async fn the_way_into_the_target_is_the_one_that_was_set_and_names_the_tested_head() {
    for (kind, landing, way) in [
        (Kind::Gitea, Landing::MergeCommit, ("Do", "merge")),
        (Kind::Gitea, Landing::FastForward, ("Do", "fast-forward-only")),
        (Kind::GitHub, Landing::MergeCommit, ("merge_method", "merge")),
        (Kind::GitHub, Landing::FastForward, ("merge_method", "rebase")),
    ] {
        let server = forge(FRESH, done).await;
        assert_eq!(land_at(kind, &server, landing).await, Ok(Merged::Merged(revision('c'))), "{kind:?}");
        let body = merges(&server)[0].json();
        assert_eq!(body[way.0], way.1, "{kind:?} {landing:?}");
        let head = if kind == Kind::Gitea { &body["head_commit_id"] } else { &body["sha"] };
        assert_eq!(head, &json!("a".repeat(40)), "{kind:?} {landing:?}");
    }
}

// MRG-3
#[tokio::test]
async fn what_is_merged_already_is_never_merged_again() {
    for kind in KINDS {
        // Even with another head: it is done, by whomever.
        for head in ['a', 'e'] {
            let world = World { open: false, merged: true, head, ..FRESH };
            let server = forge(world, |_| panic!("it must not be asked")).await;
            let expected = Merged::AlreadyMerged { merge_commit: Some(revision('c')) };
            assert_eq!(merge_at(kind, &server).await, Ok(expected), "{kind:?}");
            assert!(merges(&server).is_empty());
        }
    }
}

// MRG-3
#[tokio::test]
async fn a_moved_head_a_moved_target_and_a_closed_pull_request_are_not_even_tried() {
    for kind in KINDS {
        for (world, expected) in [
            (World { head: 'e', ..FRESH }, Merged::HeadMoved),
            (World { target: 'e', ..FRESH }, Merged::TargetMoved),
            (World { open: false, ..FRESH }, Merged::NotYet("pull request 7 is closed; open it again".to_owned())),
        ] {
            let server = forge(world, |_| panic!("it must not be asked")).await;
            assert_eq!(merge_at(kind, &server).await, Ok(expected), "{kind:?}");
            assert!(merges(&server).is_empty());
        }
    }
}

// MRG-3
#[tokio::test]
async fn a_refusal_is_explained_by_what_is_seen_afterwards() {
    for kind in KINDS {
        for status in [405, 409, 422] {
            for (change, expected) in [
                (World { head: 'e', ..FRESH }, Merged::HeadMoved),
                (World { target: 'e', ..FRESH }, Merged::TargetMoved),
                (
                    World { open: false, merged: true, ..FRESH },
                    Merged::AlreadyMerged { merge_commit: Some(revision('c')) },
                ),
            ] {
                let server = forge(FRESH, move |world| {
                    *world = change.clone();
                    Reply::json(status, json!({ "message": "Please try again later" }))
                })
                .await;
                assert_eq!(merge_at(kind, &server).await, Ok(expected), "{kind:?} {status}");
            }
            let server =
                forge(FRESH, move |_| Reply::json(status, json!({ "message": "Please try again later" }))).await;
            let Ok(Merged::NotYet(why)) = merge_at(kind, &server).await else { panic!("{kind:?} {status}") };
            assert!(why.contains("Please try again later") && why.contains(&status.to_string()), "{why}");
        }
    }
}

// MRG-1
#[tokio::test]
async fn a_conflict_is_told_with_its_paths_where_the_forge_names_them() {
    let output = json!({ "Style": "merge", "StdOut": "Auto-merging a.rs\nCONFLICT (content): Merge conflict in a.rs\n", "StdErr": "" });
    let server = forge(FRESH, move |_| Reply::json(409, output.clone())).await;
    assert_eq!(merge_at(Kind::Gitea, &server).await, Ok(Merged::Conflict(vec!["a.rs".to_owned()])));
    let dirty = |world: &mut World| {
        world.conflicts = true;
        Reply::json(405, json!({ "message": "Pull Request is not mergeable" }))
    };
    let server = forge(FRESH, dirty).await;
    assert_eq!(merge_at(Kind::GitHub, &server).await, Ok(Merged::Conflict(Vec::new())));
    // Gitea's word on mergeability is not to be relied on.
    let server = forge(FRESH, dirty).await;
    assert!(matches!(merge_at(Kind::Gitea, &server).await, Ok(Merged::NotYet(_))));
}

// MRG-3: the answer was lost, the merge was not.
#[tokio::test]
async fn a_merge_whose_answer_is_lost_is_found_done() {
    for kind in KINDS {
        for reply in [Reply::HangUp, Reply::text(502, "bad gateway"), Reply::text(429, "")] {
            let server = forge(FRESH, move |world| {
                done(world);
                reply.clone()
            })
            .await;
            let expected = Merged::AlreadyMerged { merge_commit: Some(revision('c')) };
            assert_eq!(merge_at(kind, &server).await, Ok(expected), "{kind:?}");
        }
        let server = forge(FRESH, |_| Reply::text(502, "bad gateway")).await;
        assert!(matches!(merge_at(kind, &server).await, Err(ForgeError::Unavailable(_))), "{kind:?}");
        let server = forge(FRESH, |_| Reply::text(429, "").with("retry-after", "9")).await;
        assert_eq!(merge_at(kind, &server).await, Err(ForgeError::RateLimited(9)), "{kind:?}");
    }
}

// MRG-3: an answer alone is not believed.
#[tokio::test]
async fn a_merge_that_is_only_said_to_be_done_is_not_done() {
    for kind in KINDS {
        let server = forge(FRESH, |_| Reply::json(200, json!({ "merged": true }))).await;
        assert!(matches!(merge_at(kind, &server).await, Ok(Merged::NotYet(_))), "{kind:?}");
    }
}

// MRG-3: a scheduled merge would land whatever the gates say then.
#[tokio::test]
async fn a_scheduled_merge_is_cancelled() {
    let server = forge(FRESH, |_| Reply::text(201, "")).await;
    let Ok(Merged::NotYet(why)) = merge_at(Kind::Gitea, &server).await else { panic!() };
    assert!(why.contains("cancelled"), "{why}");
    assert_eq!(server.count("DELETE /api/v1/repos/o/r/pulls/7/merge"), 1);
    // It may have landed before it could be cancelled.
    let server = forge(FRESH, |world| {
        done(world);
        Reply::text(201, "")
    })
    .await;
    assert!(matches!(merge_at(Kind::Gitea, &server).await, Ok(Merged::AlreadyMerged { .. })));
    // GitHub's merge queue cannot be left this way, which must not pass unnoticed.
    let server = forge(FRESH, |_| Reply::text(202, "")).await;
    let error = merge_at(Kind::GitHub, &server).await.unwrap_err();
    assert!(error.to_string().contains("merge queue"), "{error}");
}
