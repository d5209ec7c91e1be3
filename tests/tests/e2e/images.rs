//! A real registry: a staging image that is stale is rebuilt and judged again, and what then passed is promoted by its
//! digest (IMG-1, IMG-2).

use portcullis_e2e::Scene;
use portcullis_e2e::daemon::program;
use portcullis_testkit::images::{Door, ImageRegistry, PASSWORD, ToMake, USER};
use serde_json::Value;
use std::process::{Command, Output};

const LABEL: &str = "org.opencontainers.image.revision";

/// The operator's command: makes the image of the revision and pushes it, with what the daemon tells of the registry.
const BUILD: &str = r#"set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umoci init --layout "$work/image"
umoci new --image "$work/image:made"
umoci insert --rootless --image "$work/image:made" DEMO-1.txt /DEMO-1.txt
umoci config --image "$work/image:made" --no-history --config.label "org.opencontainers.image.revision=$PORTCULLIS_REVISION"
skopeo --insecure-policy copy --quiet --dest-tls-verify=false \
    --dest-creds "$PORTCULLIS_REGISTRY_USERNAME:$(cat "$PORTCULLIS_REGISTRY_PASSWORD_FILE")" \
    "oci:$work/image:made" "docker://${PORTCULLIS_REGISTRY#http://}/shop:staging"
"#;

const MANIFEST: &str = r#"format = 1

[[stage]]
name = "development"
role = "developer"

[[stage]]
name = "deploy"
role = "deployer"
acts = true

[[stage]]
name = "done"

[[edge]]
from = "development"
to = "deploy"

  [[edge.gate]]
  name = "fresh"
  plugin = "portcullis/image-freshness"
  version = "^0.1"
  limits = { wall-ms = 120000 }
  config = { image = "shop:staging", rebuild = ["build-staging"] }

[[edge]]
from = "deploy"
to = "done"
"#;

/// A project whose images lie in `registry`, behind a password.
fn scene(registry: &ImageRegistry, build: &str) -> Scene {
    // What a deploy hook would say; the image and its revision are in its environment.
    let deploy = format!("set -eu\n\"{}\" image promote --to production\n", program().display());
    let scene = Scene::builder()
        .manifest(MANIFEST)
        .settings("[queue]\nmax_returns = 1\n")
        .project(&format!(
            "registry = {{ url = \"{}\", username = \"{USER}\", password = {{ file = \"PASSWORD_FILE\" }} }}\n",
            registry.url()
        ))
        .role("developer", "echo text > \"$PORTCULLIS_WORK_ITEM.txt\"\n")
        .role("deployer", &deploy)
        .command("build-staging", build)
        .build();
    let file = scene.home().join("registry-password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    scene.edit_settings("PASSWORD_FILE", &file.display().to_string());
    scene
}

/// Runs `portcullis image` at the registry, as an operator would by hand.
fn image(registry: &ImageRegistry, args: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.arg("image").args(args).args(["--registry", &registry.url(), "--username", USER]);
    command.args(["--password-env", "OUR_PASSWORD"]).env("OUR_PASSWORD", PASSWORD).output().unwrap()
}

fn inspected(registry: &ImageRegistry, name: &str) -> Value {
    let output = image(registry, &["inspect", name, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Call and verdict of the gate's evaluations, oldest first.
fn verdicts(shown: &Value) -> Vec<(&str, &str)> {
    let all = shown["evaluations"].as_array().unwrap();
    all.iter().map(|e| (e["call"].as_str().unwrap(), e["verdict"].as_str().unwrap_or("none"))).collect()
}

/// A named fact of the last one.
fn fact<'a>(shown: &'a Value, name: &str) -> &'a str {
    let evidence = shown["evaluations"].as_array().unwrap().last().unwrap()["evidence"].as_array().unwrap();
    evidence.iter().find(|pair| pair[0] == name).unwrap()[1].as_str().unwrap()
}

#[test]
fn a_stale_image_is_rebuilt_judged_again_and_promoted_by_the_digest_that_passed() {
    // IMG-1, IMG-2
    let registry = ImageRegistry::start(Door::Basic);
    let stale = registry.push("shop:staging", &ToMake::with(&[(LABEL, "0123456789012345678901234567890123456789")]));
    let scene = scene(&registry, BUILD);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "finished");
    let head = shown["task"]["head"].as_str().unwrap();

    assert_eq!(verdicts(&shown), [("evaluate", "actionable"), ("act", "pass"), ("evaluate", "pass")]);
    assert_eq!((fact(&shown, "image-revision"), fact(&shown, "image")), (head, "shop:staging"));
    let digest = fact(&shown, "image-digest");
    assert_ne!(digest, stale);

    let production = inspected(&registry, "shop:production");
    assert_eq!(production["digest"], digest, "the very digest that was validated");
    assert_eq!(production["platforms"][0]["labels"][LABEL], head);
    assert!(!daemon.log().contains(PASSWORD));
}

#[test]
fn a_rebuild_that_does_not_make_the_image_fresh_promotes_nothing() {
    // IMG-1
    let registry = ImageRegistry::start(Door::Basic);
    registry.push("shop:staging", &ToMake::with(&[]));
    let scene = scene(&registry, "true\n");
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "held");
    let reason = shown["task"]["held"]["reason"].as_str().unwrap();
    assert!(reason.contains("the rebuild ended well and changed nothing"), "{reason}");
    assert_eq!(image(&registry, &["inspect", "shop:production"]).status.code(), Some(1), "there is no such image");
}

#[test]
fn promoting_by_hand_refuses_whatever_is_not_expected() {
    // IMG-2
    let registry = ImageRegistry::start(Door::Basic);
    let digest = registry.push("shop:staging", &ToMake::with(&[(LABEL, "1111")]));
    let pinned = format!("shop:staging@{digest}");
    let promote = |image_name: &str, revision: &str| {
        image(&registry, &["promote", image_name, "--to", "production", "--revision", revision])
    };
    let ends = |output: &Output, code: i32, said: &str| {
        let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(said), "{text}");
        assert!(!text.contains(PASSWORD), "{text}");
    };
    ends(&promote("shop:staging", "1111"), 1, "names no digest");
    ends(&promote(&pinned, "2222"), 1, "is built from linux/amd64: 1111, not from 2222");
    ends(&promote("other.example/shop@sha256:aa", "1111"), 2, "is not a reference");
    ends(&promote(&pinned, "1111"), 0, "shop:production is now sha256:");
    ends(&promote(&pinned, "1111"), 0, "already");
    registry.push("shop:staging", &ToMake::with(&[(LABEL, "2222")]));
    ends(&promote(&pinned, "1111"), 1, "has moved");
    assert_eq!(inspected(&registry, "shop:production")["digest"], digest);
    let url = registry.url();
    drop(registry);
    let gone = Command::new(program()).args(["image", "inspect", "shop:staging", "--registry", &url]).output().unwrap();
    ends(&gone, 3, "unavailable");
}
