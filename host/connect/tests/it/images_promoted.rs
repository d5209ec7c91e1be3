//! The validated image under another name (IMG-2): the same digest, or nothing.

use crate::images::{LABEL, client, inspect, push_index};
use crate::server::{Reply, Server};
use portcullis_connect::image::{Order, PromoteError, Registry, RegistryError, RegistrySettings};
use portcullis_testkit::images::{Door, ImageRegistry, ToMake};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub(crate) fn order(client: &Registry, from: &str, to: &str, revision: &str) -> Order {
    let from = client.reference(from).unwrap();
    Order { from, to: to.to_owned(), revision: revision.to_owned(), label: LABEL.to_owned() }
}

fn labels(revision: &str) -> [(&str, &str); 1] {
    [(LABEL, revision)]
}

// IMG-2
#[tokio::test]
async fn the_very_digest_gets_the_new_name_and_a_second_time_changes_nothing() {
    let registry = ImageRegistry::start(Door::Open);
    let client = client(&registry);
    for docker in [false, true] {
        let digest = registry.push("shop:staging", &ToMake { docker, ..ToMake::with(&labels("1111")) });
        let order = order(&client, &format!("shop:staging@{digest}"), "production", "1111");
        let first = client.promote(&order).await.unwrap();
        assert_eq!((first.digest.as_str(), first.revision.as_str()), (&*digest, "1111"));
        assert_eq!(first.name.to_string(), format!("{}/shop:production", registry.host()));
        assert_ne!(first.before.as_ref(), Some(&first.digest));
        let again = client.promote(&order).await.unwrap();
        assert_eq!(again.before, Some(first.digest));
        assert_eq!(inspect(&client, "shop:production").await.unwrap().digest.as_str(), digest);
        assert_eq!(inspect(&client, "shop:staging").await.unwrap().digest.as_str(), digest);
    }
}

// IMG-2
#[tokio::test]
async fn anything_but_the_expected_digest_and_revision_is_refused_and_nothing_is_written() {
    let registry = ImageRegistry::start(Door::Open);
    let client = client(&registry);
    let digest = registry.push("shop:staging", &ToMake::with(&labels("1111")));
    let unlabelled = registry.push("shop:bare", &ToMake::with(&[]));
    let refused = async |from: String, to: &str, revision: &str| {
        client.promote(&order(&client, &from, to, revision)).await.unwrap_err()
    };
    let by_tag = refused("shop:staging".to_owned(), "production", "1111").await;
    assert!(matches!(by_tag, PromoteError::Unpinned(_)), "{by_tag}");
    for revision in ["2222", "111", "11111", ""] {
        let other = refused(format!("shop@{digest}"), "production", revision).await;
        assert!(matches!(&other, PromoteError::OtherRevision { found, .. } if found == "linux/amd64: 1111"), "{other}");
    }
    let bare = refused(format!("shop@{unlabelled}"), "production", "1111").await;
    assert!(matches!(&bare, PromoteError::OtherRevision { found, .. } if found == "linux/amd64: (none)"), "{bare}");
    let absent = format!("shop@{}", digest.replace(&digest[8..12], "0000"));
    assert_eq!(refused(absent, "production", "1111").await, RegistryError::NotFound.into());
    for to in ["", "a tag", "team/shop", "other.example/shop:production", &format!("shop@{digest}")] {
        let nowhere = refused(format!("shop@{digest}"), to, "1111").await;
        assert!(matches!(nowhere, PromoteError::Reference(_)), "{nowhere}");
    }
    assert_eq!(inspect(&client, "shop:production").await, Err(RegistryError::NotFound));
}

// IMG-2
#[tokio::test]
async fn a_tag_that_has_moved_since_it_was_judged_is_noticed() {
    let registry = ImageRegistry::start(Door::Open);
    let client = client(&registry);
    let judged = registry.push("shop:staging", &ToMake::with(&labels("1111")));
    let newer = registry.push("shop:staging", &ToMake::with(&labels("2222")));
    let error = client.promote(&order(&client, &format!("shop:staging@{judged}"), "production", "1111")).await;
    let error = error.unwrap_err();
    assert!(matches!(&error, PromoteError::Moved { found, .. } if *found == newer), "{error}");
    assert_eq!(inspect(&client, "shop:production").await, Err(RegistryError::NotFound));
    // Named by its digest alone, it is what was judged, whatever the tag does.
    let promoted = client.promote(&order(&client, &format!("shop@{judged}"), "production", "1111")).await.unwrap();
    assert_eq!(promoted.digest.as_str(), judged);
}

// IMG-2
#[tokio::test]
async fn an_index_is_promoted_whole_and_only_if_every_platform_is_the_expected_one() {
    let registry = ImageRegistry::start(Door::Open);
    let made = |architecture: &'static str, revision: &'static str| {
        let labels = labels(revision);
        let image = ToMake { architecture, ..ToMake::with(&labels) };
        registry.push(&format!("shop:{architecture}-{revision}"), &image)
    };
    let (amd, arm, old) = (made("amd64", "2222"), made("arm64", "2222"), made("arm64", "1111"));
    let good = push_index(&registry, "shop:good", &[("amd64", &amd), ("arm64", &arm)]).await;
    let stale = push_index(&registry, "shop:stale", &[("amd64", &amd), ("arm64", &old)]).await;
    // Looking at one platform is for judging; what goes out is everything.
    let platforms = "linux/amd64".parse().unwrap();
    let client = Registry::new(RegistrySettings { platforms, ..RegistrySettings::new(registry.url()) }).unwrap();
    let error = client.promote(&order(&client, &format!("shop@{stale}"), "production", "2222")).await.unwrap_err();
    let expected = "linux/amd64: 2222, linux/arm64: 1111";
    assert!(matches!(&error, PromoteError::OtherRevision { found, .. } if found == expected), "{error}");
    client.promote(&order(&client, &format!("shop@{good}"), "production", "2222")).await.unwrap();
    let there = inspect(&client, "shop:production").await.unwrap();
    assert_eq!((there.digest.as_str(), there.label(LABEL)), (&*good, Some("2222")));
    // Into another repository goes all that it is made of.
    client.promote(&order(&client, &format!("shop@{good}"), "live/shop:v1", "2222")).await.unwrap();
    for digest in [&good, &amd, &arm] {
        inspect(&client, &format!("live/shop@{digest}")).await.unwrap();
    }
    let layer = |digest: &str| {
        let manifest = std::fs::read_to_string(registry.blob(digest)).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
    };
    let get = portcullis_connect::http::client(std::time::Duration::from_secs(20)).unwrap();
    let url = format!("{}/v2/live/shop/blobs/{}", registry.url(), layer(&arm));
    assert_eq!(get.get(url).send().await.unwrap().status(), 200);
}

// IMG-2: what the registry says that it wrote is read back, and a rival's image in its place is no success.
#[tokio::test]
async fn a_rival_that_takes_the_tag_at_the_same_time_is_noticed() {
    let registry = ImageRegistry::start(Door::Open);
    let digest = registry.push("shop:staging", &ToMake::with(&labels("1111")));
    let rival = registry.push("shop:rival", &ToMake::with(&labels("2222")));
    let bytes = |digest: &str| std::fs::read(registry.blob(digest)).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&bytes(&digest)).unwrap();
    let configuration = bytes(manifest["config"]["digest"].as_str().unwrap());
    let (ours, theirs, of) = (bytes(&digest), bytes(&rival), digest.clone());
    let reads = AtomicUsize::new(0);
    // Between our writing and our reading back, the tag became the rival's.
    let server = Server::start(move |asked| match (asked.method.as_str(), asked.target.as_str()) {
        ("PUT", "/v2/shop/manifests/production") => Reply::text(201, ""),
        ("GET", "/v2/shop/manifests/production") if reads.fetch_add(1, SeqCst) == 0 => {
            Reply::json(404, serde_json::json!({"errors": [{"code": "MANIFEST_UNKNOWN"}]}))
        }
        ("GET", "/v2/shop/manifests/production") => manifest_reply(&theirs),
        ("GET", target) if target.ends_with(&of) => manifest_reply(&ours),
        _ => Reply::Full(200, Vec::new(), configuration.clone()),
    })
    .await;
    let client = Registry::new(RegistrySettings::new(server.url.clone())).unwrap();
    let order = order(&client, &format!("shop@{digest}"), "production", "1111");
    let error = client.promote(&order).await.unwrap_err();
    assert!(matches!(&error, PromoteError::Moved { found, .. } if *found == rival), "{error}");
    let put = server.asked().into_iter().find(|asked| asked.method == "PUT").unwrap();
    assert_eq!(put.header("content-type"), Some("application/vnd.oci.image.manifest.v1+json"));
    assert_eq!(put.body.as_bytes(), bytes(&digest));
}

fn manifest_reply(bytes: &[u8]) -> Reply {
    let media_type = "application/vnd.oci.image.manifest.v1+json".to_owned();
    Reply::Full(200, vec![("content-type", media_type)], bytes.to_vec())
}
