//! Webhooks: who is let in, what is kept, and what a hostile or broken sender can do (nothing).

use portcullis_connect::secret::Secret;
use portcullis_connect::webhook::{sign, signature_header};
use portcullis_core::event::Source;
use portcullis_e2e::plane::FakePlane;
use portcullis_e2e::scene::{READER, SECRET};
use portcullis_e2e::{Answer, Daemon, Scene, payload};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const SOURCES: [Source; 3] = [Source::Gitea, Source::Github, Source::Plane];
const REVISION: &str = "9b8e7d6c5b4a39281706f5e4d3c2b1a0ffeeddcc";

fn stored(daemon: &Daemon) -> Vec<Value> {
    daemon.get("/inbox?limit=1000").body["events"].as_array().unwrap().clone()
}

fn number(answer: &Answer) -> i64 {
    answer.body["event"].as_i64().unwrap_or_else(|| panic!("{answer:?}"))
}

fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.content_type, "application/problem+json", "{answer:?}");
    assert_eq!(answer.body["status"], status, "{answer:?}");
    assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer:?}");
}

#[test]
fn unsigned_and_wrongly_signed_webhooks_are_refused_and_not_stored() {
    // WEB-1
    let scene = Scene::builder().build();
    let daemon = scene.start();
    let body = payload::push("task/X-1", REVISION);
    for source in SOURCES {
        let path = format!("/webhooks/{}", source.as_str());
        let post = |headers: &[(&str, &str)]| daemon.send(Method::POST, &path, headers, body.clone());
        let (name, right) = signature_header(source, &Secret::new(SECRET), &body).unwrap();
        let (_, foreign) = signature_header(source, &Secret::new("another"), &body).unwrap();
        let (_, of_another_body) = signature_header(source, &Secret::new(SECRET), b"{}").unwrap();
        is_problem(&post(&[]), 401);
        for wrong in
            ["", " ", "sha256=", "0", &foreign, &of_another_body, &right[..right.len() - 2], &format!("{right}00")]
        {
            is_problem(&post(&[(name, wrong)]), 401);
        }
        // A token for the interface opens no webhook.
        is_problem(&post(&[("authorization", &format!("Bearer {READER}"))]), 401);
    }
    assert!(stored(&daemon).is_empty());
    is_problem(&daemon.send(Method::POST, "/webhooks/jira", &[], body.clone()), 404);
    // The control: the very same body is taken with the right signature.
    assert_eq!(daemon.webhook(Source::Gitea, "push", "control", &body).status, 202);
}

#[test]
fn a_source_without_a_secret_is_closed() {
    // WEB-1
    let scene = Scene::builder().build();
    let text = std::fs::read_to_string(scene.settings()).unwrap();
    let line = text.lines().find(|line| line.starts_with("github = ")).unwrap();
    scene.edit_settings(line, "");
    let daemon = scene.start();
    let body = payload::fixture("github/push").to_string();
    for signature in [Some(format!("sha256={}", sign(&Secret::new(SECRET), body.as_bytes()).unwrap())), None] {
        let headers: Vec<(&str, &str)> =
            signature.iter().map(|signature| ("x-hub-signature-256", signature.as_str())).collect();
        let answer = daemon.send(Method::POST, "/webhooks/github", &headers, body.clone().into_bytes());
        is_problem(&answer, 401);
        assert!(
            answer.body["detail"].as_str().unwrap().contains("webhooks.github"),
            "it names the setting: {answer:?}"
        );
    }
    assert!(stored(&daemon).is_empty());
    assert_eq!(daemon.webhook(Source::Gitea, "push", "1", &payload::push("x", REVISION)).status, 202);
}

#[test]
fn an_acknowledged_event_survives_a_kill_and_is_handled_by_the_next_daemon() {
    // WEB-2
    let plane = FakePlane::start();
    let scene = Scene::builder().project(&plane.tracker()).build();
    let daemon = scene.start();
    let mut numbers = Vec::new();
    for n in 0..10 {
        let answer =
            daemon.webhook(Source::Gitea, "push", &format!("d{n}"), &payload::push(&format!("b{n}"), REVISION));
        assert_eq!(answer.status, 202);
        numbers.push(number(&answer));
    }
    let body = payload::work_item("item-1", 1, "To Analyse", "2026-01-05T09:20:11Z");
    let last = daemon.webhook(Source::Plane, "issue", "p1", &body);
    daemon.kill();
    assert_eq!(last.status, 202);
    let daemon = scene.start();
    for id in numbers {
        assert_eq!(daemon.until_handled(id)["state"], "ignored", "no project owns that repository");
    }
    assert_eq!(daemon.until_handled(number(&last))["state"], "processed");
    let tasks = daemon.get("/tasks").body;
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 1, "{tasks}");
    assert_eq!(tasks["tasks"][0]["work_item"], "demo-1");
}

#[test]
fn a_redelivery_is_recognised_by_its_id_and_by_its_meaning() {
    // WEB-3
    let scene = Scene::builder().build();
    let daemon = scene.start();
    let body = payload::status(REVISION, "ci/test", "success");
    let first = daemon.webhook(Source::Gitea, "status", "one", &body);
    assert_eq!((first.status, &first.body["seen_before"]), (202, &json!(false)));
    daemon.until_handled(number(&first));
    for delivery in ["one", "another"] {
        let again = daemon.webhook(Source::Gitea, "status", delivery, &body);
        assert_eq!((again.status, number(&again)), (200, number(&first)), "{delivery}");
    }
    // The same id of another sender is another delivery; the same check reported later is another event.
    let later = payload::status(REVISION, "ci/test", "success");
    assert_eq!(daemon.webhook(Source::Github, "status", "one", &later).status, 202);
    assert_eq!(daemon.webhook(Source::Gitea, "status", "later", &later).status, 202);
    assert_eq!(stored(&daemon).len(), 3);
}

#[test]
fn of_ten_simultaneous_deliveries_of_one_event_one_is_stored() {
    // WEB-3
    let scene = Scene::builder().build();
    let daemon = scene.start();
    let body = payload::status(REVISION, "ci/test", "success");
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let send = |n: u32| {
            let (daemon, body) = (&daemon, &body);
            // Half of them under one id, half under ids of their own.
            let delivery = if n.is_multiple_of(2) { "one".to_owned() } else { format!("own-{n}") };
            scope.spawn(move || daemon.webhook(Source::Gitea, "status", &delivery, body).status)
        };
        let senders: Vec<_> = (0..10).map(send).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 202).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 9, "{answers:?}");
    assert_eq!(stored(&daemon).len(), 1);
}

#[test]
fn a_signed_body_that_makes_no_sense_is_parked_with_its_reason_and_can_be_replayed() {
    // WEB-4, WEB-5
    let scene = Scene::builder().build();
    let daemon = scene.start();
    let push = payload::push("task/X-1", REVISION);
    let mut no_utf8 = push.clone();
    no_utf8[20] = 0xff;
    let mut bad_revision = payload::fixture("gitea/push");
    bad_revision["after"] = json!("--upload-pack=touch /tmp/x");
    let broken: [(&str, Vec<u8>, &str); 8] = [
        ("truncated", push[..push.len() / 2].to_vec(), "no JSON at line"),
        ("nested", format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000)).into_bytes(), "nested more than"),
        ("never closed", "[".repeat(500_000).into_bytes(), "nested more than"),
        ("no UTF-8", no_utf8, "not UTF-8 (at byte 20)"),
        ("a form", b"payload=%7B%7D".to_vec(), "application/json"),
        ("empty", Vec::new(), "no JSON"),
        ("a list", b"[]".to_vec(), "not usable"),
        ("a bad revision", bad_revision.to_string().into_bytes(), "`after`"),
    ];
    for (name, body, says) in &broken {
        let answer = daemon.webhook(Source::Gitea, "push", name, body);
        assert_eq!(answer.status, 202, "{name}: the sender did its part");
        let event = daemon.until_handled(number(&answer));
        assert_eq!(event["state"], "parked", "{name}: {event}");
        assert!(event["reason"].as_str().unwrap().contains(says), "{name}: {event}");
    }
    let inbox = daemon.get("/queue").body["inbox"].clone();
    assert_eq!(inbox["counts"]["parked"], broken.len(), "{inbox}");
    let parked = inbox["parked"].as_array().unwrap();
    assert_eq!(parked.len(), broken.len());
    for event in parked {
        assert!(event["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event}");
        let path = format!("/inbox/{}/replay", event["event"]);
        let token = format!("Bearer {READER}");
        is_problem(&daemon.send(Method::POST, &path, &[("authorization", &token)], Vec::new()), 403);
        assert_eq!(daemon.post(&path, &json!({ "by": "ada", "why": "mended" })).status, 200);
        let trail = daemon.get("/audit?limit=1").body["audit"][0].clone();
        let told = json!(["ada", "replay-event", "parked", "new", format!("event {}: mended", event["event"])]);
        let [actor, what, from, to, why] = ["actor", "what", "from", "to", "why"].map(|key| trail[key].clone());
        assert_eq!(json!([actor, what, from, to, why]), told);
        let again = daemon.until_handled(event["event"].as_i64().unwrap());
        assert_eq!((&again["state"], &again["reason"]), (&json!("parked"), &event["reason"]), "as broken as before");
    }
    // None of it disturbs what comes after.
    let answer = daemon.webhook(Source::Gitea, "push", "sound", &push);
    assert_eq!(daemon.until_handled(number(&answer))["state"], "ignored");
}

/// Sends bytes as they are and reads until the daemon closes the connection.
fn raw(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(daemon.url().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the daemon closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn an_oversized_body_is_refused_whether_its_length_is_told_or_not() {
    // WEB-5
    let scene = Scene::builder().build();
    let daemon = scene.start();
    let told = raw(&daemon, b"POST /webhooks/gitea HTTP/1.1\r\nhost: x\r\ncontent-length: 1048577\r\n\r\n");
    assert!(told.starts_with("HTTP/1.1 413 ") && told.contains("application/problem+json"), "{told}");
    let mut chunked = b"POST /webhooks/gitea HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    // A little more than the limit, and no more than the daemon reads: the rest would meet a closed connection.
    for _ in 0..16 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend_from_slice(&vec![b' '; 0x10000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"1\r\n \r\n");
    let untold = raw(&daemon, &chunked);
    assert!(untold.starts_with("HTTP/1.1 413 "), "{untold}");
    assert!(stored(&daemon).is_empty());
    // A body of exactly the limit is fine.
    let mut largest = payload::push("x", REVISION);
    largest.resize(1 << 20, b' ');
    assert_eq!(daemon.webhook(Source::Gitea, "push", "largest", &largest).status, 202);
}

#[test]
fn a_sender_that_dawdles_is_cut_off_and_nobody_else_waits_for_it() {
    // WEB-5
    let scene = Scene::builder().build();
    scene.edit_settings("[server]\n", "[server]\nrequest_timeout_s = 1\n");
    let daemon = scene.start();
    let halves: [&[u8]; 4] = [
        b"",
        b"POST /webhooks/gi",
        b"POST /webhooks/gitea HTTP/1.1\r\nhost: x\r\ncontent-type: appl",
        b"POST /webhooks/gitea HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"ref\":",
    ];
    std::thread::scope(|scope| {
        let senders: Vec<_> = halves.iter().map(|half| scope.spawn(|| raw(&daemon, half))).collect();
        let answer = daemon.webhook(Source::Gitea, "push", "meanwhile", &payload::push("x", REVISION));
        assert_eq!(answer.status, 202);
        let answers: Vec<String> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        assert!(
            answers[3].starts_with("HTTP/1.1 408 "),
            "the head was whole, so there is somebody to tell: {answers:?}"
        );
        assert!(answers[..3].iter().all(|answer| !answer.starts_with("HTTP/1.1 2")), "{answers:?}");
    });
    // A daemon that is asked anew: the connections to the old one are cut off as well once they idle.
    daemon.kill();
    assert_eq!(stored(&scene.start()).len(), 1);
}

#[test]
fn events_of_no_consequence_are_recorded_as_ignored_with_the_reason() {
    // WEB-5, WEB-6, REG-3
    let scene = Scene::builder().build();
    let daemon = scene.start();
    let fork = json!({ "anything": 1 }).to_string().into_bytes();
    let cases: [(Source, &str, Vec<u8>, &str); 8] = [
        (Source::Gitea, "fork", fork.clone(), "nothing is done on Gitea's event fork"),
        (Source::Gitea, "", b"{\"a\":1}".to_vec(), "named no event"),
        (Source::Github, "ping", payload::fixture("github/ping").to_string().into_bytes(), ""),
        (Source::Plane, "issue_comment", payload::fixture("plane/comment").to_string().into_bytes(), ""),
        (Source::Gitea, "status", payload::status(REVISION, "portcullis/review", "success"), "echo of our own status"),
        (Source::Gitea, "push", payload::push("x", REVISION), "no project owns repository `acme/service`"),
        (
            Source::Github,
            "push",
            payload::fixture("github/push").to_string().into_bytes(),
            "no project owns repository `harbour/crane`",
        ),
        (
            Source::Plane,
            "issue",
            payload::fixture("plane/state_by_page").to_string().into_bytes(),
            "no project owns tracker project `7e1f9f3a-2222-4e0e-8a9b-0c1d2e3f4a5b`",
        ),
    ];
    for (at, (source, event, body, says)) in cases.iter().enumerate() {
        let answer = daemon.webhook(*source, event, &format!("case-{at}"), body);
        assert_eq!(answer.status, 202, "{event}");
        let event = daemon.until_handled(number(&answer));
        assert_eq!(event["state"], "ignored", "{event}");
        let reason = event["reason"].as_str().unwrap();
        assert!(reason.contains(says) && !reason.is_empty(), "{event}");
    }
    let queue = daemon.get("/queue").body;
    assert_eq!(queue["inbox"]["counts"]["ignored"], cases.len());
    assert!(queue["inbox"]["parked"].as_array().unwrap().is_empty(), "ignored is no error");
}
