//! The network: only with a grant, only by name, only over TLS, and recorded.

use crate::support::{FakeReads, Fixture, courier, doing, fault, judge, judgement};
use async_trait::async_trait;
use bytes::Bytes;
use portcullis_core::gate::{Fault, Report};
use portcullis_runtime::{Outbound, OutboundError};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Post {
    sent: Mutex<Vec<String>>,
    answer: Vec<u8>,
}

#[async_trait]
impl Outbound for Post {
    async fn send(&self, request: http::Request<Bytes>, _: u64) -> Result<http::Response<Bytes>, OutboundError> {
        self.sent.lock().unwrap().push(request.uri().to_string());
        Ok(http::Response::new(Bytes::from(self.answer.clone())))
    }
}

async fn ask(granted: &[&str], config: &str, post: &Arc<Post>) -> Report {
    let fixture = Fixture::new();
    let gate = fixture.load(courier()).await;
    assert!(gate.wants_network());
    let mut call = doing(config);
    call.grants.network = granted.iter().map(|name| (*name).to_owned()).collect();
    call.outbound = Some(Arc::clone(post) as _);
    fixture.runtime.evaluate(&gate, call, Arc::new(FakeReads::default())).await
}

#[tokio::test]
async fn a_gate_that_imports_http_without_a_grant_does_not_run() {
    // GAT-5
    let report = ask(&[], r#"{"do":"pass"}"#, &Arc::default()).await;
    match fault(&report) {
        Fault::NotGranted { import, remedy } => {
            assert!(import.contains("wasi:http/outgoing-handler") && remedy.contains("grant.network"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_granted_host_is_called_and_the_call_is_recorded() {
    // GAT-5
    let post = Arc::new(Post { answer: b"hello".to_vec(), ..Post::default() });
    let report = ask(&["api.osv.dev"], r#"{"do":"http","host":"api.osv.dev"}"#, &post).await;
    assert_eq!(judgement(&report).summary, "200 5", "{}", report.log);
    assert_eq!(*post.sent.lock().unwrap(), ["https://api.osv.dev/v1?q=1"]);
    let line: serde_json::Value = serde_json::from_slice(&report.transcript).unwrap();
    assert_eq!(line["interface"], "wasi:http/outgoing-handler");
    assert_eq!(line["result"]["Ok"]["body"]["text"], "hello");
    assert_eq!(report.host_calls, 1);
}

#[tokio::test]
async fn a_denied_host_is_not_called_and_the_log_says_what_would_allow_it() {
    // GAT-5
    let post = Arc::new(Post::default());
    let report = ask(&["api.osv.dev"], r#"{"do":"http","host":"evil.example"}"#, &post).await;
    assert!(judgement(&report).summary.contains("HttpRequestDenied"), "{}", judgement(&report).summary);
    assert!(report.log.contains("grant.network = [\"evil.example\"]"), "{}", report.log);
    let report = ask(&["api.osv.dev"], r#"{"do":"http","host":"api.osv.dev","scheme":"http"}"#, &post).await;
    assert!(judgement(&report).summary.contains("HttpRequestDenied"), "{}", judgement(&report).summary);
    assert!(post.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_response_that_is_too_large_does_not_reach_the_gate() {
    // GAT-5
    let post = Arc::new(Post { answer: vec![b'x'; (16 << 20) + 1], ..Post::default() });
    let report = ask(&["api.osv.dev"], r#"{"do":"http","host":"api.osv.dev"}"#, &post).await;
    assert!(judgement(&report).summary.contains("HttpResponseBodySize"), "{}", judgement(&report).summary);
}

/// The same over `portcullis:read/web`, which a gate may import without being granted anything.
async fn ask_web(granted: &[&str], url: &str, post: &Arc<Post>) -> Report {
    let fixture = Fixture::new();
    let gate = fixture.load(judge()).await;
    assert!(!gate.wants_network());
    let mut call = doing(&format!(r#"{{"do":"web","url":"{url}"}}"#));
    call.grants.network = granted.iter().map(|name| (*name).to_owned()).collect();
    call.outbound = Some(Arc::clone(post) as _);
    fixture.runtime.evaluate(&gate, call, Arc::new(FakeReads::default())).await
}

#[tokio::test]
async fn a_gate_that_can_do_without_the_network_runs_and_is_denied_each_host_that_is_not_granted() {
    // GAT-5
    let post = Arc::new(Post { answer: b"hello".to_vec(), ..Post::default() });
    for (granted, url) in [
        (&[][..], "https://api.osv.dev/v1"),
        (&["api.osv.dev"], "https://evil.example/v1"),
        (&["api.osv.dev"], "http://api.osv.dev/v1"),
        (&["api.osv.dev"], "https://user:pass@api.osv.dev/v1"),
        (&["api.osv.dev"], "no address"),
    ] {
        let report = ask_web(granted, url, &post).await;
        assert!(judgement(&report).summary.contains("Denied"), "{url}: {}", judgement(&report).summary);
    }
    assert!(post.sent.lock().unwrap().is_empty());
    let report = ask_web(&["api.osv.dev"], "https://api.osv.dev/v1", &post).await;
    let summary = &judgement(&report).summary;
    assert_eq!(summary, "Ok(200 hello); Ok(200 hello)");
    assert_eq!(*post.sent.lock().unwrap(), ["https://api.osv.dev/v1", "https://api.osv.dev/v1"]);
    let line: serde_json::Value =
        serde_json::from_slice(report.transcript.split(|b| *b == b'\n').next().unwrap()).unwrap();
    assert_eq!((&line["interface"], &line["function"]), (&"portcullis:read/web@0.1.0".into(), &"get".into()));
    assert_eq!(line["result"]["Ok"]["body"]["text"], "hello");
    assert_eq!(report.host_calls, 2);
}

#[tokio::test]
async fn a_response_over_the_web_that_is_too_large_does_not_reach_the_gate_either() {
    // GAT-5
    let post = Arc::new(Post { answer: vec![b'x'; (16 << 20) + 1], ..Post::default() });
    let report = ask_web(&["api.osv.dev"], "https://api.osv.dev/v1", &post).await;
    assert!(judgement(&report).summary.contains("Failed(\"the answer is larger"), "{}", judgement(&report).summary);
}
