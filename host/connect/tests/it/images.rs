//! Images in a real registry (IMG-1): what is known of them, by which door we come in, and what is no answer.

use crate::server::{Asked, Reply, Server};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_connect::image::{Credentials, Inspected, Registry, RegistryError, RegistrySettings};
use portcullis_connect::secret::Secret;
use portcullis_testkit::images::{Certificate, Door, ImageRegistry, PASSWORD, ToMake, USER};

pub(crate) const LABEL: &str = "org.opencontainers.image.revision";

pub(crate) fn client(registry: &ImageRegistry) -> Registry {
    Registry::new(RegistrySettings::new(registry.url())).unwrap()
}

fn client_as(registry: &ImageRegistry, password: &str, token_host: Option<String>) -> Registry {
    let credentials = Some(Credentials { username: USER.to_owned(), password: Secret::new(password) });
    Registry::new(RegistrySettings { credentials, token_host, ..RegistrySettings::new(registry.url()) }).unwrap()
}

pub(crate) async fn inspect(client: &Registry, name: &str) -> Result<Inspected, RegistryError> {
    client.inspect(&client.reference(name).unwrap()).await
}

/// Lists images, by their digests, in an index under `name`, and answers the index's digest.
pub(crate) async fn push_index(registry: &ImageRegistry, name: &str, entries: &[(&str, &str)]) -> String {
    let (repository, tag) = name.split_once(':').unwrap();
    let of = "application/vnd.oci.image.manifest.v1+json";
    let manifests: Vec<serde_json::Value> = entries
        .iter()
        .map(|(architecture, digest)| {
            let size = std::fs::metadata(registry.blob(digest)).unwrap().len();
            let platform = serde_json::json!({"os": "linux", "architecture": architecture});
            serde_json::json!({"mediaType": of, "digest": digest, "size": size, "platform": platform})
        })
        .collect();
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests});
    let put = portcullis_connect::http::client(std::time::Duration::from_secs(20)).unwrap();
    let put = put.put(format!("{}/v2/{repository}/manifests/{tag}", registry.url()));
    let answer = put.header("content-type", media_type).body(index.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.headers()["docker-content-digest"].to_str().unwrap().to_owned()
}

// IMG-1
#[tokio::test]
async fn an_image_is_known_by_its_digest_with_labels_and_age() {
    let registry = ImageRegistry::start(Door::Open);
    let client = client(&registry);
    for docker in [false, true] {
        let image = ToMake { docker, ..ToMake::with(&[(LABEL, "3333"), ("team", "shop, and more")]) };
        let digest = registry.push("team/shop:staging", &image);
        for name in [
            "team/shop:staging".to_owned(),
            format!("team/shop@{digest}"),
            format!("{}/team/shop:gone@{digest}", registry.host()),
        ] {
            let found = inspect(&client, &name).await.unwrap();
            assert_eq!(found.media_type.contains("docker"), docker);
            assert_eq!(found.platforms[0].platform, "linux/amd64");
            let facts = found.facts();
            assert_eq!(
                (facts.digest.as_str(), facts.created.as_deref()),
                (digest.as_str(), Some("2026-01-01T00:00:00Z"))
            );
            let labels = [(LABEL, "3333"), ("team", "shop, and more")];
            assert_eq!(facts.labels, labels.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }
}

// IMG-1
#[tokio::test]
async fn an_image_without_labels_has_none_and_one_that_is_not_there_is_not_found() {
    let registry = ImageRegistry::start(Door::Open);
    let digest = registry.push("shop:staging", &ToMake::with(&[]));
    let client = client(&registry);
    assert_eq!(inspect(&client, "shop:staging").await.unwrap().facts().labels, []);
    let other = format!("shop@{}", digest.replace(&digest[8..12], "0000"));
    for name in ["shop:production", "shop", "nobody/knows:this", &other] {
        assert_eq!(inspect(&client, name).await, Err(RegistryError::NotFound), "{name}");
    }
}

// IMG-1, IMG-2
#[tokio::test]
async fn a_tag_that_moves_is_another_image_and_a_digest_stays_what_it_was() {
    let registry = ImageRegistry::start(Door::Open);
    let client = client(&registry);
    let first = registry.push("shop:staging", &ToMake::with(&[(LABEL, "1111")]));
    let second = registry.push("shop:staging", &ToMake::with(&[(LABEL, "2222")]));
    assert_eq!(inspect(&client, "shop:staging").await.unwrap().digest.as_str(), second);
    let pinned = inspect(&client, &format!("shop:staging@{first}")).await.unwrap();
    assert_eq!((pinned.digest.as_str(), pinned.label(LABEL)), (first.as_str(), Some("1111")));
}

// IMG-1
#[tokio::test]
async fn every_platform_of_an_index_counts_unless_one_is_chosen() {
    let registry = ImageRegistry::start(Door::Open);
    let made = |architecture: &'static str, revision: &'static str| {
        let labels = [(LABEL, revision), ("team", "shop")];
        let image = ToMake { architecture, ..ToMake::with(&labels) };
        registry.push(&format!("shop:{architecture}-{revision}"), &image)
    };
    let (amd, arm, old) = (made("amd64", "2222"), made("arm64", "2222"), made("arm64", "1111"));
    let agreeing = push_index(&registry, "shop:agreeing", &[("amd64", &amd), ("arm64", &arm)]).await;
    let differing = push_index(&registry, "shop:differing", &[("amd64", &amd), ("arm64", &old)]).await;

    let every = client(&registry);
    let found = inspect(&every, "shop:agreeing").await.unwrap();
    assert_eq!((found.digest.as_str(), found.label(LABEL), found.platforms.len()), (&*agreeing, Some("2222"), 2));
    let found = inspect(&every, "shop:differing").await.unwrap();
    assert_eq!((found.digest.as_str(), found.label(LABEL), found.label("team")), (&*differing, None, Some("shop")));
    let facts = found.facts();
    assert!(facts.labels.iter().all(|(name, _)| name != LABEL), "{:?}", facts.labels);
    let said = facts.labels.iter().find(|(name, _)| name.ends_with(LABEL)).unwrap();
    assert_eq!(said.1, "linux/amd64: 2222, linux/arm64: 1111");

    let one = |platform: &str| {
        let platforms = platform.parse().unwrap();
        Registry::new(RegistrySettings { platforms, ..RegistrySettings::new(registry.url()) }).unwrap()
    };
    for (platform, revision) in [("linux/amd64", "2222"), ("linux/arm64", "1111")] {
        let found = inspect(&one(platform), "shop:differing").await.unwrap();
        assert_eq!((found.label(LABEL), found.digest.as_str()), (Some(revision), &*differing));
    }
    let error = inspect(&one("windows/amd64"), "shop:differing").await.unwrap_err();
    assert!(matches!(error, RegistryError::Malformed(_)), "{error}");
}

// IMG-1
#[tokio::test]
async fn what_the_registry_s_disk_has_spoilt_is_never_believed() {
    let registry = ImageRegistry::start(Door::Open);
    let digest = registry.push("shop:staging", &ToMake::with(&[(LABEL, "1111")]));
    let client = client(&registry);
    let manifest = std::fs::read_to_string(registry.blob(&digest)).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let configuration = registry.blob(manifest["config"]["digest"].as_str().unwrap());
    let spoilt = std::fs::read_to_string(&configuration).unwrap().replace("1111", "2222");
    std::fs::write(configuration, spoilt).unwrap();
    let error = inspect(&client, "shop:staging").await.unwrap_err();
    assert!(matches!(&error, RegistryError::Malformed(why) if why.contains("it sends")), "{error}");
}

// IMG-1, CFG-1
#[tokio::test]
async fn a_password_opens_the_door_and_stands_in_no_error() {
    let registry = ImageRegistry::start(Door::Basic);
    let digest = registry.push("shop:staging", &ToMake::with(&[(LABEL, "1111")]));
    let right = client_as(&registry, PASSWORD, None);
    assert_eq!(inspect(&right, "shop:staging").await.unwrap().digest.as_str(), digest);
    assert_eq!(inspect(&right, "shop:other").await, Err(RegistryError::NotFound));
    let wrong = inspect(&client_as(&registry, "not-the-password", None), "shop:staging").await.unwrap_err();
    assert!(matches!(&wrong, RegistryError::Denied(_)) && !wrong.to_string().contains("not-the"), "{wrong}");
    let none = inspect(&client(&registry), "shop:staging").await.unwrap_err();
    assert!(none.to_string().contains("none is set"), "{none}");
    assert!(!format!("{right:?}").contains(PASSWORD));
}

/// A token service as registries know them: signs what the user may do, and is asked with their password.
async fn token_service(signer: Certificate) -> Server {
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    Server::start(move |asked| {
        if asked.header("authorization") != Some(&basic) {
            return Reply::json(
                401,
                serde_json::json!({"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}),
            );
        }
        Reply::json(200, serde_json::json!({"token": token(asked, &signer)}))
    })
    .await
}

fn token(asked: &Asked, signer: &Certificate) -> String {
    let scopes = scopes(asked);
    let access = scopes.iter().map(|scope| {
        let [kind, name, actions] = scope.split(':').collect::<Vec<_>>()[..] else { panic!("{scope}") };
        serde_json::json!({"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()})
    });
    let now = jiff::Timestamp::now().as_second();
    let head = serde_json::json!({"typ": "JWT", "alg": "RS256", "x5c": [signer.base64()]});
    let claims = serde_json::json!({
        "iss": "the test", "sub": USER, "aud": "the test", "jti": "1",
        "iat": now - 60, "nbf": now - 60, "exp": now + 600, "access": access.collect::<Vec<_>>(),
    });
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(head), part(claims));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signer.sign(&text)))
}

fn scopes(asked: &Asked) -> Vec<String> {
    let query = asked.target.split_once('?').map_or("", |(_, query)| query);
    let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    scopes.map(|scope| scope.replace("%3A", ":").replace("%2C", ",").replace("%2F", "/")).collect()
}

// IMG-1, IMG-2, CFG-1
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_by_the_password_once_and_for_no_more_than_is_done() {
    let signer = Certificate::new();
    let tokens = token_service(signer.clone()).await;
    let open = ImageRegistry::start(Door::Open);
    let digest = open.push("shop:staging", &ToMake::with(&[(LABEL, "1111")]));
    let registry = open.beside(Door::Token { realm: format!("{}/token", tokens.url), signer });
    let token_host = Some(format!("127.0.0.1:{}", tokens.port));

    let right = client_as(&registry, PASSWORD, token_host.clone());
    for _ in 0..2 {
        assert_eq!(inspect(&right, "shop:staging").await.unwrap().label(LABEL), Some("1111"));
    }
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (scopes(&asked[0]), asked[0].query("service")),
        (vec!["repository:shop:pull".to_owned()], Some("the+test"))
    );

    let order = crate::images_promoted::order(&right, &format!("shop@{digest}"), "production", "1111");
    assert_eq!(right.promote(&order).await.unwrap().digest.as_str(), digest);
    let asked = tokens.asked();
    assert_eq!((asked.len(), scopes(&asked[1])), (2, vec!["repository:shop:pull,push".to_owned()]));

    let wrong = inspect(&client_as(&registry, "not-the-password", token_host), "shop:staging").await.unwrap_err();
    assert!(matches!(&wrong, RegistryError::Denied(why) if why.contains("who are you?")), "{wrong}");
    // A token service that the operator has not named sees no password, and none of it goes over plain http.
    let before = tokens.asked().len();
    let unnamed = inspect(&client_as(&registry, PASSWORD, None), "shop:staging").await.unwrap_err();
    assert!(matches!(&unnamed, RegistryError::Denied(why) if why.contains("plain http")), "{unnamed}");
    assert_eq!(tokens.asked().len(), before);
}

// IMG-1
#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_ends_it() {
    let registry = ImageRegistry::start(Door::Tls(Certificate::new()));
    let error = inspect(&client(&registry), "shop:staging").await.unwrap_err();
    assert!(matches!(&error, RegistryError::Unavailable(why) if why.contains("certificate")), "{error}");
}
