//! Gates' own requests (GAT-5): no way into the house, no secret into a guest, nothing without bounds.

use crate::server::{Reply, Server};
use bytes::Bytes;
use portcullis_connect::http::{Forbidden, GuardedClient, GuardedSettings, Lookup, OutboundError};
use portcullis_connect::secret::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Answers the same addresses for every name; counts how often it was asked.
struct Says(Vec<IpAddr>, AtomicUsize);

#[async_trait::async_trait]
impl Lookup for Says {
    async fn addresses(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
        self.1.fetch_add(1, SeqCst);
        Ok(self.0.clone())
    }
}

fn says(addresses: &[&str]) -> Arc<Says> {
    Arc::new(Says(addresses.iter().map(|address| address.parse().unwrap()).collect(), AtomicUsize::new(0)))
}

fn settings(allowed: &[&str]) -> GuardedSettings {
    GuardedSettings {
        allowed_hosts: allowed.iter().map(|&host| host.to_owned()).collect(),
        timeout: Duration::from_secs(20),
        ..GuardedSettings::default()
    }
}

fn get(url: &str) -> http::Request<Bytes> {
    http::Request::get(url).body(Bytes::new()).unwrap()
}

// GAT-5
#[tokio::test]
async fn addresses_of_the_house_are_refused_in_every_notation() {
    let server = Server::start(|_| Reply::text(200, "inside")).await;
    let client = GuardedClient::new(settings(&[])).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
    ] {
        let url = format!("http://{host}:{}/", server.port);
        let Ok(request) = http::Request::get(&url).body(Bytes::new()) else { panic!("{url}") };
        let error = client.send(request, 1000).await.unwrap_err();
        assert!(matches!(error, OutboundError::Forbidden { .. }), "{host}: {error}");
    }
    for (host, why) in [("169.254.169.254", Forbidden::LinkLocal), ("10.1.2.3", Forbidden::Private)] {
        let error = client.send(get(&format!("http://{host}/latest/meta-data")), 1000).await.unwrap_err();
        assert_eq!(error, OutboundError::Forbidden { host: host.to_owned(), why });
    }
    assert!(server.asked().is_empty());
}

// GAT-5
#[tokio::test]
async fn a_name_that_leads_into_the_house_is_refused_even_among_public_addresses() {
    let server = Server::start(|_| Reply::text(200, "inside")).await;
    for addresses in [&["127.0.0.1"][..], &["8.8.8.8", "127.0.0.1"], &["fd00::1"], &["::ffff:169.254.169.254"]] {
        let client = GuardedClient::with_lookup(settings(&[]), says(addresses)).unwrap();
        let error = client.send(get(&format!("http://evil.example:{}/", server.port)), 1000).await.unwrap_err();
        assert!(matches!(error, OutboundError::Forbidden { .. }), "{addresses:?}: {error}");
    }
    assert!(server.asked().is_empty());
    let client = GuardedClient::with_lookup(settings(&[]), says(&[])).unwrap();
    let error = client.send(get("http://nowhere.example/"), 1000).await.unwrap_err();
    assert_eq!(error, OutboundError::Unresolved("nowhere.example".to_owned()));
}

// GAT-5: between a check and a second look-up a name could change its mind; there is only one.
#[tokio::test]
async fn the_checked_address_is_the_one_connected_to() {
    let server = Server::start(|_| Reply::text(200, "feed")).await;
    let lookup = says(&["127.0.0.1"]);
    let client =
        GuardedClient::with_lookup(settings(&["feed.internal"]), Arc::clone(&lookup) as Arc<dyn Lookup>).unwrap();
    // No resolver of the machine knows this name: the answer can only have come by the address that was checked.
    let answer = client.send(get(&format!("http://Feed.Internal:{}/osv?q=1", server.port)), 1000).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, &b"feed"[..]));
    assert_eq!(lookup.1.load(SeqCst), 1);
    client.send(get(&format!("http://feed.internal.:{}/", server.port)), 1000).await.unwrap();
    assert_eq!(server.asked()[0].target, "/osv?q=1");
    let error = client.send(get(&format!("http://other.internal:{}/", server.port)), 1000).await.unwrap_err();
    assert!(matches!(error, OutboundError::Forbidden { .. }), "{error}");
}

fn with_secret(host: &str, allowed: &[&str]) -> GuardedClient {
    let headers = vec![("Authorization".to_owned(), Secret::new("Bearer s3cr3t-of-the-operator"))];
    let secret_headers = BTreeMap::from([(host.to_owned(), headers)]);
    GuardedClient::new(GuardedSettings { secret_headers, ..settings(allowed) }).unwrap()
}

// GAT-5
#[tokio::test]
async fn secrets_are_added_on_the_way_out_and_replace_the_guest_s() {
    let server = Server::start(|_| Reply::text(200, "ok")).await;
    let client = with_secret("127.0.0.1", &["127.0.0.1", "localhost"]);
    let request = http::Request::post(format!("http://127.0.0.1:{}/q", server.port))
        .header("authorization", "Bearer of-the-guest")
        .header("host", "elsewhere.example")
        .header("transfer-encoding", "chunked")
        .header("content-length", "999")
        .header("x-mine", "1")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    client.send(request, 1000).await.unwrap();
    let asked = &server.asked()[0];
    let all = asked.headers.iter().filter(|(name, _)| name == "authorization").count();
    assert_eq!((all, asked.header("authorization")), (1, Some("Bearer s3cr3t-of-the-operator")));
    assert_eq!(asked.header("host"), Some(format!("127.0.0.1:{}", server.port).as_str()));
    assert_eq!(
        (asked.header("x-mine"), asked.header("transfer-encoding"), asked.body.as_str()),
        (Some("1"), None, "{}")
    );
    // Another host, even if it is the same machine, gets none.
    client.send(get(&format!("http://localhost:{}/q", server.port)), 1000).await.unwrap();
    assert_eq!(server.asked()[1].header("authorization"), None);
    assert!(!format!("{client:?}").contains("s3cr3t"));
}

// GAT-5
#[tokio::test]
async fn secrets_never_go_out_in_plain_text_nor_come_back_to_the_guest() {
    let error = with_secret("api.example.org", &[]).send(get("http://api.example.org/"), 1000).await.unwrap_err();
    assert_eq!(error, OutboundError::Plaintext("api.example.org".to_owned()));
    for in_header in [false, true] {
        let server = Server::start(move |asked| {
            let secret = asked.header("authorization").unwrap().to_owned();
            if in_header {
                Reply::text(200, "").with("x-echo", &secret)
            } else {
                Reply::text(200, &format!("you sent {secret}"))
            }
        })
        .await;
        let client = with_secret("127.0.0.1", &["127.0.0.1"]);
        let error = client.send(get(&format!("http://127.0.0.1:{}/", server.port)), 1000).await.unwrap_err();
        assert_eq!(error, OutboundError::Echoed("127.0.0.1".to_owned()));
    }
}

// GAT-5
#[tokio::test]
async fn a_redirect_is_the_guest_s_to_follow() {
    let inside = Server::start(|_| Reply::text(200, "inside")).await;
    let target = format!("http://localhost:{}/", inside.port);
    let location = target.clone();
    let server = Server::start(move |_| Reply::text(302, "").with("location", &location)).await;
    let client = GuardedClient::new(settings(&["127.0.0.1"])).unwrap();
    let answer = client.send(get(&format!("http://127.0.0.1:{}/", server.port)), 1000).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (302, target.as_str()));
    assert!(inside.asked().is_empty());
    let error = client.send(get(&target), 1000).await.unwrap_err();
    assert!(matches!(error, OutboundError::Forbidden { .. }), "{error}");
}

// GAT-1
#[tokio::test]
async fn sizes_and_time_are_bounded() {
    let url = |server: &Server| format!("http://127.0.0.1:{}/", server.port);
    let client = GuardedClient::new(settings(&["127.0.0.1"])).unwrap();
    let exact = Server::start(|_| Reply::text(200, "12345")).await;
    assert_eq!(client.send(get(&url(&exact)), 5).await.unwrap().body().len(), 5);
    for reply in [Reply::text(200, "123456"), Reply::Endless] {
        let server = Server::start(move |_| reply.clone()).await;
        let error = client.send(get(&url(&server)), 5).await.unwrap_err();
        assert_eq!(error, OutboundError::ResponseTooLarge { host: "127.0.0.1".to_owned(), limit: 5 });
    }
    let large = http::Request::post(url(&exact)).body(Bytes::from(vec![0; (1 << 20) + 1])).unwrap();
    assert_eq!(client.send(large, 5).await.unwrap_err(), OutboundError::RequestTooLarge(1 << 20));
    let silent = Server::start(|_| Reply::Silent).await;
    let hasty = GuardedSettings { timeout: Duration::from_millis(150), ..settings(&["127.0.0.1"]) };
    let error = GuardedClient::new(hasty).unwrap().send(get(&url(&silent)), 5).await.unwrap_err();
    assert_eq!(error, OutboundError::TimedOut("127.0.0.1".to_owned()));
}

// GAT-5
#[tokio::test]
async fn unusable_requests_and_settings_are_refused() {
    let client = GuardedClient::new(settings(&[])).unwrap();
    for url in ["ftp://example.org/", "file://etc/passwd", "/only/a/path", "http://user:pass@example.org/"] {
        let error = client.send(get(url), 5).await.unwrap_err();
        assert!(matches!(error, OutboundError::BadRequest(_)), "{url}: {error}");
    }
    for (name, value) in [("bad name", "v"), ("authorization", "a\nb")] {
        let secret_headers = BTreeMap::from([("h".to_owned(), vec![(name.to_owned(), Secret::new(value))])]);
        let refused =
            GuardedClient::new(GuardedSettings { secret_headers, allowed_hosts: BTreeSet::new(), ..settings(&[]) });
        assert!(!refused.unwrap_err().to_string().contains("a\nb"));
    }
}
