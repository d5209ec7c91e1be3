//! A registry that lies, stalls, or leads us where we should not go (IMG-1): never an image, never our password.

use crate::server::{Asked, Reply, Server};
use portcullis_connect::http::Lookup;
use portcullis_connect::image::{Credentials, Inspected, Registry, RegistryError, RegistrySettings};
use portcullis_connect::secret::Secret;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const PASSWORD: &str = "hunter2-hunter2";

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// An image of the test's own.
#[derive(Clone)]
struct Image {
    configuration: Vec<u8>,
    manifest: Vec<u8>,
}

impl Image {
    fn with(change: impl FnOnce(&mut Value, &[u8])) -> Self {
        let configuration = br#"{"os":"linux","architecture":"amd64","config":{"Labels":{"a":"b"}}}"#.to_vec();
        let mut manifest = json!({
            "schemaVersion": 2,
            "config": {"mediaType": "x", "digest": digest(&configuration), "size": configuration.len()},
            "layers": [],
        });
        change(&mut manifest, &configuration);
        Self { manifest: manifest.to_string().into_bytes(), configuration }
    }

    fn sound() -> Self {
        Self::with(|_, _| {})
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.target.contains("/blobs/") {
            return Reply::Full(200, Vec::new(), self.configuration.clone());
        }
        as_manifest(&self.manifest)
    }
}

fn as_manifest(bytes: &[u8]) -> Reply {
    Reply::Full(200, vec![("content-type", MANIFEST.to_owned())], bytes.to_vec())
}

fn settings(server: &Server) -> RegistrySettings {
    let credentials = Some(Credentials { username: "ci".to_owned(), password: Secret::new(PASSWORD) });
    RegistrySettings { credentials, timeout: Duration::from_secs(20), ..RegistrySettings::new(server.url.clone()) }
}

async fn ask(settings: RegistrySettings, name: &str) -> Result<Inspected, RegistryError> {
    let client = Registry::new(settings).unwrap();
    client.inspect(&client.reference(name).unwrap()).await
}

/// What comes of asking a registry that answers so.
async fn of(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Result<Inspected, RegistryError> {
    let server = Server::start(answer).await;
    ask(settings(&server), "shop:staging").await
}

#[track_caller]
fn malformed(result: Result<Inspected, RegistryError>, said: &str) {
    let error = result.unwrap_err();
    assert!(matches!(&error, RegistryError::Malformed(why) if why.contains(said)), "{error}, not {said}");
}

// IMG-1
#[tokio::test]
async fn bytes_that_are_not_what_their_digest_says_are_no_image() {
    let image = Image::sound();
    let sound = {
        let image = image.clone();
        of(move |asked| image.answer(asked)).await.unwrap()
    };
    assert_eq!((sound.digest.as_str(), sound.label("a")), (&*digest(&image.manifest), Some("b")));

    let server = {
        let image = image.clone();
        Server::start(move |asked| image.answer(asked)).await
    };
    let pinned = format!("shop@{}", digest(b"another one"));
    malformed(ask(settings(&server), &pinned).await, "it sends");

    let lying = image.clone();
    malformed(of(move |asked| lying.answer(asked).with("docker-content-digest", &digest(b"x"))).await, "another");
    let mut swapped = image.clone();
    swapped.configuration = br#"{"os":"linux","architecture":"amd64","config":{"Labels":{"a":"c"}}}"#.to_vec();
    malformed(of(move |asked| swapped.answer(asked)).await, "it sends");
    let mut longer = image;
    longer.configuration.push(b' ');
    malformed(of(move |asked| longer.answer(asked)).await, "larger than");
    let short = Image::with(|manifest, configuration| manifest["config"]["size"] = json!(configuration.len() + 1));
    malformed(of(move |asked| short.answer(asked)).await, "it sends");
    let huge = Image::with(|manifest, _| manifest["config"]["size"] = json!(u64::MAX));
    malformed(of(move |asked| huge.answer(asked)).await, "larger than");
}

// IMG-1
#[tokio::test]
async fn an_index_cannot_list_another_index_nor_what_is_not_as_it_says() {
    let image = Image::sound();
    let listed = |media_type: &str, size: usize| {
        let entry = json!({"mediaType": media_type, "digest": digest(&image.manifest), "size": size});
        json!({"schemaVersion": 2, "manifests": [entry]}).to_string().into_bytes()
    };
    let served = |index: Vec<u8>, part_type: &'static str, part: Vec<u8>| {
        let image = image.clone();
        of(move |asked| match asked.target.as_str() {
            "/v2/shop/manifests/staging" => Reply::Full(200, vec![("content-type", INDEX.to_owned())], index.clone()),
            target if target.contains("/manifests/") => {
                Reply::Full(200, vec![("content-type", part_type.to_owned())], part.clone())
            }
            _ => image.answer(asked),
        })
    };
    let size = image.manifest.len();
    let sound = served(listed(MANIFEST, size), MANIFEST, image.manifest.clone()).await;
    assert_eq!(sound.unwrap().label("a"), Some("b"));
    malformed(served(listed(MANIFEST, size + 1), MANIFEST, image.manifest.clone()).await, "size and kind");
    malformed(served(listed(INDEX, size), MANIFEST, image.manifest.clone()).await, "size and kind");
    malformed(served(listed(MANIFEST, size), MANIFEST, b"{}".to_vec()).await, "it sends");
    let inner = json!({"schemaVersion": 2, "manifests": []}).to_string().into_bytes();
    let entry = json!({"mediaType": INDEX, "digest": digest(&inner), "size": inner.len()});
    let outer = json!({"schemaVersion": 2, "manifests": [entry]}).to_string().into_bytes();
    malformed(served(outer, INDEX, inner).await, "another index");
}

// IMG-1: a wrong address or a proxy's page must not look like an image that is not there yet.
#[tokio::test]
async fn only_a_registry_s_own_word_means_that_an_image_is_not_there() {
    let coded = || Reply::json(404, json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": ""}]}));
    assert_eq!(of(move |_| coded()).await, Err(RegistryError::NotFound));
    let marked = |_: &Asked| Reply::text(404, "").with("docker-distribution-api-version", "registry/2.0");
    assert_eq!(of(marked).await, Err(RegistryError::NotFound));
    for page in ["", "<html>404</html>", "{}", r#"{"errors":[]}"#, r#"{"errors":"x"}"#] {
        malformed(of(move |_| Reply::text(404, page)).await, "not as a registry does");
    }
    // A part that is missing is not the whole that is missing.
    let image = Image::sound();
    let without_configuration = move |asked: &Asked| match asked.target.contains("/blobs/") {
        true => Reply::json(404, json!({"errors": [{"code": "BLOB_UNKNOWN"}]})),
        false => image.answer(asked),
    };
    malformed(of(without_configuration).await, "has no configuration");
}

// IMG-1
#[tokio::test]
async fn garbage_and_refusals_are_told_apart() {
    for (media_type, body) in [
        ("text/html", "<html>"),
        ("", "{}"),
        (MANIFEST, ""),
        (MANIFEST, "<html>"),
        (MANIFEST, "{}"),
        (MANIFEST, "[[[[[[[["),
        (INDEX, r#"{"schemaVersion":2,"manifests":{}}"#),
        (MANIFEST, "\u{0}\u{ffff}"),
    ] {
        let reply = move |_: &Asked| Reply::text(200, body).with("content-type", media_type);
        let error = of(reply).await.unwrap_err();
        assert!(matches!(error, RegistryError::Malformed(_)), "{media_type} {body}: {error}");
    }
    let deep = "[".repeat(200_000);
    malformed(of(move |_| as_manifest(deep.as_bytes())).await, "cannot be read");
    for status in [429, 500, 502, 503] {
        let error = of(move |_| Reply::text(status, "")).await.unwrap_err();
        assert!(matches!(&error, RegistryError::Unavailable(why) if why.contains(&status.to_string())), "{error}");
    }
    let error = of(|_| Reply::json(403, json!({"errors": [{"code": "DENIED", "message": "not you"}]}))).await;
    let error = error.unwrap_err();
    assert!(matches!(&error, RegistryError::Denied(why) if why.contains("DENIED: not you")), "{error}");
    malformed(of(|_| Reply::text(418, "")).await, "418");
}

// IMG-1, GAT-1
#[tokio::test]
async fn what_has_no_end_in_size_or_time_is_ended() {
    let image = Image::sound();
    let blob_without_end = move |asked: &Asked| match asked.target.contains("/blobs/") {
        true => Reply::Endless,
        false => image.answer(asked),
    };
    malformed(of(blob_without_end).await, "larger than");
    let manifest_without_end = |asked: &Asked| match asked.header("accept") {
        Some(_) => Reply::Endless,
        None => Reply::HangUp,
    };
    malformed(of(manifest_without_end).await, "larger than");
    let silent = Server::start(|_| Reply::Silent).await;
    let hasty = RegistrySettings { timeout: Duration::from_millis(150), ..settings(&silent) };
    let error = ask(hasty, "shop:staging").await.unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable(_)), "{error}");
    let error = of(|_| Reply::HangUp).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable(_)), "{error}");
}

/// Leads everybody who wants a blob to `location`.
fn leads_to(location: String) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    let image = Image::sound();
    move |asked| match asked.target.contains("/blobs/") {
        true if asked.header("authorization").is_none() => {
            Reply::text(401, "").with("www-authenticate", "Basic realm=\"x\"")
        }
        true => Reply::text(307, "").with("location", &location),
        false => image.answer(asked),
    }
}

// IMG-1, CFG-1
#[tokio::test]
async fn a_blob_that_lies_elsewhere_is_fetched_without_our_password() {
    let image = Image::sound();
    let elsewhere = Server::start(move |_| Reply::Full(200, Vec::new(), image.configuration.clone())).await;
    for host in ["127.0.0.1", "localhost"] {
        let server = Server::start(leads_to(format!("http://{host}:{}/blob?sig=1", elsewhere.port))).await;
        let found = ask(settings(&server), "shop:staging").await.unwrap();
        assert_eq!(found.label("a"), Some("b"));
        let shown = server.asked().iter().any(|asked| asked.header("authorization").is_some());
        assert!(shown, "the registry itself is shown the password");
    }
    assert_eq!(elsewhere.count("GET /blob"), 2);
    assert!(elsewhere.asked().iter().all(|asked| asked.header("authorization").is_none()), "{:?}", elsewhere.asked());
}

/// Answers the same addresses for every name.
struct Says(Vec<IpAddr>);

#[async_trait::async_trait]
impl Lookup for Says {
    async fn addresses(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(self.0.clone())
    }
}

// GAT-5
#[tokio::test]
async fn nobody_is_led_to_addresses_of_the_house_or_in_circles() {
    for (location, said) in [
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://10.1.2.3/blob", "private"),
        ("http://[fd00::1]/blob", "private"),
        ("http://[::ffff:192.168.0.1]:80/blob", "private"),
        ("http://0.0.0.0/blob", "no public host"),
        ("http://0xa.1/blob", "private"),
    ] {
        let error = of(leads_to(location.to_owned())).await.unwrap_err();
        assert!(matches!(&error, RegistryError::Denied(why) if why.contains(said)), "{location}: {error}");
    }
    for address in ["10.0.0.1", "169.254.169.254", "fd00::1"] {
        let server = Server::start(leads_to("http://blobs.example/blob".to_owned())).await;
        let lookup = Arc::new(Says(vec!["8.8.8.8".parse().unwrap(), address.parse().unwrap()]));
        let client = Registry::with_lookup(settings(&server), lookup).unwrap();
        let error = client.inspect(&client.reference("shop:staging").unwrap()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Denied(_)), "{address}: {error}");
    }
    for location in ["ftp://blobs.example/blob", "file:///etc/passwd", "http://user:pw@127.0.0.1/blob"] {
        malformed(of(leads_to(location.to_owned())).await, "not to be used");
    }
    malformed(of(|_| Reply::text(307, "")).await, "without saying where to");
    let circle = Server::start(|asked| Reply::text(307, "").with("location", &asked.target)).await;
    malformed(ask(settings(&circle), "shop:staging").await, "307");
    assert_eq!(circle.asked().len(), 4);
}

/// Wants a token of this service.
fn wants_token(challenge: String) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |_| Reply::text(401, "").with("www-authenticate", &challenge)
}

// CFG-1
#[tokio::test]
async fn the_password_goes_to_no_token_service_that_only_the_registry_named() {
    let stranger = Server::start(|_| Reply::json(200, json!({"token": "t"}))).await;
    let server = Server::start(wants_token(format!("Bearer realm=\"{}/token\",service=\"s\"", stranger.url))).await;
    let error = ask(settings(&server), "shop:staging").await.unwrap_err();
    assert!(matches!(&error, RegistryError::Denied(why) if why.contains("plain http")), "{error}");
    for (realm, said) in [
        ("https://10.0.0.1/token", "private"),
        ("https://169.254.169.254/token", "link-local"),
        ("https://127.0.0.1/token", "loopback"),
    ] {
        let error = of(wants_token(format!("Bearer realm=\"{realm}\""))).await.unwrap_err();
        assert!(matches!(&error, RegistryError::Denied(why) if why.contains(said)), "{realm}: {error}");
    }
    for realm in ["", "nonsense", "file:///etc/passwd", "https://user:pw@registry.example/", "ftp://registry.example/"]
    {
        malformed(of(wants_token(format!("Bearer realm=\"{realm}\""))).await, "token service");
    }
    for challenge in ["", "Negotiate", "Bearer service=\"s\""] {
        let error = of(wants_token(challenge.to_owned())).await.unwrap_err();
        assert!(matches!(&error, RegistryError::Denied(why) if why.contains("not spoken")), "{error}");
    }
    assert_eq!(stranger.asked().len(), 0);
    // It is asked no third time.
    assert_eq!(server.asked().len(), 1);
    let deaf = Server::start(wants_token("Basic realm=\"x\"".to_owned())).await;
    assert!(matches!(ask(settings(&deaf), "shop:staging").await, Err(RegistryError::Denied(_))));
    assert_eq!(deaf.asked().len(), 2);
}

// CFG-1
#[tokio::test]
async fn what_a_registry_repeats_of_our_secrets_stays_out_of_errors() {
    let echo = |asked: &Asked| match asked.header("authorization") {
        None => Reply::text(401, "").with("www-authenticate", "Basic realm=\"x\""),
        Some(secret) => Reply::json(
            403,
            json!({"errors": [{"code": "DENIED", "message": format!("{secret} {PASSWORD}\nfrom here")}]}),
        ),
    };
    let error = of(echo).await.unwrap_err().to_string();
    assert!(error.contains("Basic *** *** from here"), "{error}");

    let own = Server::start(|asked| match (asked.target.starts_with("/token"), asked.header("authorization")) {
        (true, _) => Reply::json(200, json!({"access_token": "s3cr3t-token"})),
        (false, Some(secret)) => Reply::json(403, json!({"errors": [{"code": "DENIED", "message": secret}]})),
        (false, None) => {
            let host = asked.header("host").unwrap();
            Reply::text(401, "").with("www-authenticate", &format!("Bearer realm=\"http://{host}/token\""))
        }
    })
    .await;
    let error = ask(settings(&own), "shop:staging").await.unwrap_err().to_string();
    assert!(error.contains("Bearer ***"), "{error}");
    for body in [json!({}), json!({"token": ""}), json!({"token": "a\nb"}), json!([]), json!({"token": 7})] {
        let reply = move |asked: &Asked| match asked.target.starts_with("/token") {
            true => Reply::json(200, body.clone()),
            false => {
                let host = asked.header("host").unwrap();
                Reply::text(401, "").with("www-authenticate", &format!("Bearer realm=\"http://{host}/token\""))
            }
        };
        malformed(of(reply).await, "gave no token");
    }
}
