//! What settings are refused, and with which words.
#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.toml");
    std::fs::write(&path, text).unwrap();
    Settings::load(Some(&path), environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_and_its_line() {
    // CFG-1
    let error = load("[queue]\nmax_concurency = 3\n", &[]).unwrap_err().to_string();
    assert!(error.contains("max_concurency") && error.contains("line 2"), "{error}");
    assert!(error.contains("max_concurrency"), "it names what would be right: {error}");
}

#[test]
fn the_environment_overrides_the_file() {
    // CFG-1
    let settings = load(
        "[queue]\nmax_concurrency = 3\n",
        &[
            ("PORTCULLIS_QUEUE__MAX_CONCURRENCY", "5"),
            ("PORTCULLIS_SERVER__LISTEN", "127.0.0.1:0"),
            ("PORTCULLIS_TOKEN", "x"),
        ],
    )
    .unwrap();
    assert_eq!((settings.queue.max_concurrency, settings.server.listen.as_str()), (5, "127.0.0.1:0"));
}

#[test]
fn bad_values_name_the_setting_and_the_remedy() {
    // CFG-1
    for (text, says) in [
        ("[queue]\nmax_concurrency = 0\n", "setting `queue.max_concurrency`: must be at least 1"),
        ("[store]\nurl = \"postgres://x\"\n", "setting `store.url`: `postgres://x` is not supported yet"),
        ("[reaper]\nfinalize_grace_s = 1\n", "setting `reaper.finalize_grace_s`: must be at least 5"),
        ("[server]\nlisten = \"here\"\n", "setting `server.listen`: `here` is no address"),
        (
            "[[project]]\nname = \"a b\"\nrepository = \"o/r\"\nremote = \"/r\"\nforge = \"local\"\n",
            "setting `project.a b.name`",
        ),
        (
            "[[project]]\nname = \"a\"\nrepository = \"o/r\"\nremote = \"/r\"\nforge = \"gitea\"\n",
            "setting `project.a.forge_url`",
        ),
        (
            "[[project]]\nname = \"a\"\nrepository = \"o/r\"\nremote = \"/r\"\nforge = \"local\"\nroles.developer.command = []\n",
            "setting `project.a.roles.developer.command`: name a program",
        ),
        (
            "[[project]]\nname = \"a\"\nrepository = \"o/r\"\nremote = \"/r\"\nforge = \"github\"\nforge_token = { env = \"T\" }\nmerge_style = \"fast-forward\"\n",
            "setting `project.a.merge_style`: GitHub merges no pull request so",
        ),
    ] {
        let error = load(text, &[]).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn a_secret_is_read_from_its_source_and_an_empty_one_is_refused() {
    // CFG-1, WEB-1
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "s3cret\n").unwrap();
    assert_eq!(SecretSource::File { file: path.clone() }.read("webhooks.gitea").unwrap(), "s3cret");
    std::fs::write(&path, "\n").unwrap();
    let error = SecretSource::File { file: path }.read("webhooks.gitea").unwrap_err().to_string();
    assert!(error.starts_with("setting `webhooks.gitea`: the secret is empty"), "{error}");
}

#[test]
fn a_registry_of_images_is_checked_and_told_to_runs_without_its_password() {
    // CFG-1, IMG-2
    let project = |more: &str| {
        let base = "[[project]]\nname = \"a\"\nrepository = \"o/r\"\nremote = \"/r\"\nforge = \"local\"\n";
        load(&format!("{base}{more}"), &[("REGISTRY_PASSWORD", "hunter2-hunter2")])
    };
    for (more, says) in [
        ("images = \"/i\"\n[project.registry]\nurl = \"https://r\"\n", "setting `project.a.images`"),
        ("[project.registry]\nurl = \"https://r\"\nusername = \"ci\"\n", "setting `project.a.registry.password`"),
        (
            "[project.registry]\nurl = \"https://r\"\npassword = { env = \"X\" }\n",
            "setting `project.a.registry.username`",
        ),
        ("[project.registry]\nurl = \"https://r\"\nplatform = \"linux\"\n", "setting `project.a.registry.platform`"),
        ("[project.registry]\nurl = \"https://r\"\ntimeout_s = 0\n", "setting `project.a.registry.timeout_s`"),
        ("[project.registry]\nurl = \"https://r\"\npassword = \"hunter2\"\n", "password"),
        ("[project.registry]\nhost = \"r\"\n", "host"),
    ] {
        let error = project(more).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let whole =
        "[project.registry]\nurl = \"https://r\"\nusername = \"ci\"\npassword = { env = \"REGISTRY_PASSWORD\" }\n";
    let settings = project(whole).unwrap();
    let told = settings.project[0].registry.as_ref().unwrap().environment();
    let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("PORTCULLIS_REGISTRY", "https://r"),
        ("PORTCULLIS_REGISTRY_PASSWORD_ENV", "REGISTRY_PASSWORD"),
        ("PORTCULLIS_REGISTRY_USERNAME", "ci"),
    ];
    assert_eq!(told, expected);
}
