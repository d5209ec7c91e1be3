//! Each format as its tool writes it, and broken in ways that must not pass for empty.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use proptest::prelude::*;

/// `(name, version, line)` of what is pinned, and how many are not.
fn read(format: Format, text: &str) -> (Vec<(String, String, u32)>, usize) {
    let locked = format.parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error} in\n{text}"));
    let pinned = locked.pinned.into_iter().map(|p| (p.package.name, p.package.version, p.line)).collect();
    (pinned, locked.unpinned)
}

fn expect(format: Format, text: &str, pinned: &[(&str, &str, u32)], unpinned: usize) {
    let pinned =
        pinned.iter().map(|(name, version, line)| ((*name).to_owned(), (*version).to_owned(), *line)).collect();
    assert_eq!(read(format, text), (pinned, unpinned), "{text}");
}

fn broken(format: Format, text: &str) -> String {
    match format.parse(text.as_bytes()) {
        Err(unreadable) => unreadable.0,
        Ok(locked) => panic!("{format:?} took this for {locked:?}:\n{text}"),
    }
}

// SEC-3
#[test]
fn lockfiles_are_known_by_their_names() {
    let table: [(&[u8], Option<Format>); 10] = [
        (b"Cargo.lock", Some(Format::CargoLock)),
        (b"web/package-lock.json", Some(Format::PackageLock)),
        (b"requirements-dev.txt", Some(Format::Requirements)),
        (b"dev-requirements.txt", Some(Format::Requirements)),
        (b"requirements/base.txt", Some(Format::Requirements)),
        (b"docs/notes.txt", None),
        (b"Cargo.lock/x", None),
        (b"my-yarn.lock", None),
        (b"a/b/go.mod", Some(Format::GoMod)),
        (b"", None),
    ];
    for (path, format) in table {
        assert_eq!(Format::of(path), format, "{}", String::from_utf8_lossy(path));
    }
}

// SEC-3
#[test]
fn cargo_lock_is_read_without_the_workspace_itself() {
    let text = "version = 4\n\n[[package]]\nname = \"mine\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"time\"\nversion = \
                \"0.1.42\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n[[package]]\nname = \
                \"forked\"\nversion = \"1.0.0\"\nsource = \"git+https://example.com/x#abc\"\n";
    expect(Format::CargoLock, text, &[("time", "0.1.42", 8)], 1);
    // The same, in another style of TOML.
    let inline = "package = [{ name = 'time', version = '0.1.42', source = 'registry+x' }]";
    expect(Format::CargoLock, inline, &[("time", "0.1.42", 1)], 0);
    assert!(broken(Format::CargoLock, "version = 4\n[[package]]\nname = \"a\n").starts_with("line 3"));
    broken(Format::CargoLock, "[[package]]\nversion = \"1\"\n");
}

// SEC-3
#[test]
fn the_lockfiles_of_python_are_read() {
    let poetry = "[[package]]\nname = \"Jinja2\"\nversion = \"2.11.2\"\n\n[[package]]\nname = \"own\"\nversion = \"1\"\n\n\
                  [package.source]\ntype = \"directory\"\nurl = \"../own\"\n";
    expect(Format::PoetryLock, poetry, &[("jinja2", "2.11.2", 2)], 0);
    let uv = "version = 1\n[[package]]\nname = \"urllib3\"\nversion = \"1.26.4\"\nsource = { registry = \
              \"https://pypi.example\" }\n[[package]]\nname = \"mine\"\nversion = \"0\"\nsource = { virtual = \".\" }\n";
    expect(Format::UvLock, uv, &[("urllib3", "1.26.4", 3)], 0);
    let pipfile = "{\n  \"_meta\": {\"hash\": {}},\n  \"default\": {\n    \"django\": {\n      \"version\": \"==3.2\"\n    },\n    \
                   \"local\": {\"path\": \".\"}\n  },\n  \"develop\": {\"pytest\": {\"version\": \"==7.0\"}}\n}";
    expect(Format::PipfileLock, pipfile, &[("django", "3.2", 4), ("pytest", "7.0", 9)], 1);
    broken(Format::PipfileLock, "{\"default\": []}");
    broken(Format::PipfileLock, "{\"default\": {");
}

// SEC-3
#[test]
fn requirements_pin_with_two_equal_signs_only() {
    let text = "# comment\n--index-url https://pypi.example\nDjango==3.2 # why\nflask [async] >=1.0,==1.1.*\n\
                requests[socks]==2.19.1 ; python_version < '3' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n\
                six===1.0\n-e git+https://x.example/y#egg=y\n./local\nhttps://x.example/z.whl\nurllib3 (==1.26.4)\n\
                pip @ https://x.example/pip.whl\nunpinned\n\n";
    let pinned = [("django", "3.2", 3), ("requests", "2.19.1", 5), ("six", "1.0", 8), ("urllib3", "1.26.4", 12)];
    expect(Format::Requirements, text, &pinned, 6);
    assert!(broken(Format::Requirements, "django==1\n<<<<<<< HEAD\n").starts_with("line 2"));
    broken(Format::Requirements, "this is prose\n");
}

// SEC-3
#[test]
fn package_lock_is_read_in_all_its_versions() {
    let v3 = "{\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"\": {\"version\": \"1.0.0\"},\n    \"node_modules/lodash\": {\n      \
              \"version\": \"4.17.15\"\n    },\n    \"node_modules/a/node_modules/@s/b\": {\"version\": \"2.0.0\"},\n    \
              \"node_modules/alias\": {\"name\": \"real\", \"version\": \"3.0.0\"},\n    \"node_modules/ws\": {\"link\": true},\n    \
              \"ws\": {\"version\": \"9.9.9\"}\n  }\n}";
    let pinned = [("lodash", "4.17.15", 5), ("@s/b", "2.0.0", 8), ("real", "3.0.0", 9)];
    expect(Format::PackageLock, v3, &pinned, 0);
    let v1 = "{\"lockfileVersion\": 1, \"dependencies\": {\n\"a\": {\"version\": \"1.0.0\", \"dependencies\": {\n\"b\": \
              {\"version\": \"2.0.0\"}}},\n\"c\": {\"version\": \"npm:d@4.0.0\"},\n\"e\": {\"version\": \"git+ssh://x\"}}}";
    expect(Format::PackageLock, v1, &[("a", "1.0.0", 2), ("b", "2.0.0", 3), ("d", "4.0.0", 4)], 1);
    expect(Format::PackageLock, "{\"lockfileVersion\": 3}", &[], 0);
    broken(Format::PackageLock, "{\"lockfileVersion\": 4, \"packages\": {}}");
    broken(Format::PackageLock, "{}");
    broken(Format::PackageLock, "{\"packages\": {\"node_modules/a\": {\"version\": 1}}}");
    broken(Format::PackageLock, &v3[..v3.len() - 3]);
    let deep = "{\"dependencies\":{\"a\":".repeat(1000) + "{}" + &"}}".repeat(1000);
    broken(Format::PackageLock, &deep);
}

// SEC-3
#[test]
fn pnpm_lock_is_read_in_all_its_versions_and_in_no_other_style() {
    let v5 = "lockfileVersion: 5.4\n\npackages:\n\n  /lodash/4.17.15:\n    resolution: {integrity: x}\n\n  /@s/b/2.0.0_react@16.0.0:\n    \
              dev: true\n\n  registry.npmjs.org/c/1.0.0:\n    dev: true\n\n  github.com/x/y/0123:\n    dev: true\n";
    expect(Format::PnpmLock, v5, &[("lodash", "4.17.15", 5), ("@s/b", "2.0.0", 8), ("c", "1.0.0", 11)], 1);
    let v6 = "lockfileVersion: '6.0'\n\npackages:\n\n  /lodash@4.17.15:\n    dev: true\n\n  /@s/b@2.0.0(react@16.0.0):\n    x: y\n";
    expect(Format::PnpmLock, v6, &[("lodash", "4.17.15", 5), ("@s/b", "2.0.0", 8)], 0);
    let v9 = "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n\npackages:\n\n  lodash@4.17.15:\n    x: y\n\n  '@s/b@2.0.0':\n    x: y\n\n  \
              d@file:../d:\n    x: y\n\nsnapshots:\n\n  e@1.0.0: {}\n";
    expect(Format::PnpmLock, v9, &[("lodash", "4.17.15", 9), ("@s/b", "2.0.0", 12)], 1);
    for odd in [
        "packages:\n  a@1.0.0: {}\n",
        "lockfileVersion: '10.0'\n",
        "lockfileVersion: '9.0'\npackages: {lodash@4.17.15: {}}\n",
        "lockfileVersion: '9.0'\npackages: &x\n  a@1.0.0: {}\n",
        "lockfileVersion: '9.0'\npackages:\n    a@1.0.0: {}\n",
        "lockfileVersion: '9.0'\npackages:\n\ta@1.0.0: {}\n",
        "lockfileVersion: '9.0'\npackages:\n  ? a@1.0.0\n",
        "{lockfileVersion: '9.0', packages: {a@1.0.0: {}}}",
        "lockfileVersion: '9.0'\n<<<<<<< HEAD\n",
        "",
    ] {
        broken(Format::PnpmLock, odd);
    }
}

// SEC-3
#[test]
fn yarn_lock_is_read_in_both_its_forms() {
    let classic = "# yarn lockfile v1\n\n\nlodash@^4.0.0, lodash@^4.17.0:\n  version \"4.17.15\"\n  resolved \"https://x\"\n\n\"@s/b@^2\":\n  \
                   version \"2.0.0\"\n  dependencies:\n    version \"9\"\n\n\"alias@npm:real@^3\":\n  version \"3.0.0\"\n";
    expect(Format::YarnLock, classic, &[("lodash", "4.17.15", 4), ("@s/b", "2.0.0", 8), ("real", "3.0.0", 13)], 0);
    let berry = "__metadata:\n  version: 8\n\n\"lodash@npm:^4.17.0\":\n  version: 4.17.15\n  resolution: \"lodash@npm:4.17.15\"\n\n\
                 \"mine@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"mine@workspace:.\"\n\n\"g@https://x\":\n  version: 1.0.0\n  \
                 resolution: \"g@https://x#commit=1\"\n";
    expect(Format::YarnLock, berry, &[("lodash", "4.17.15", 4)], 1);
    broken(Format::YarnLock, "lodash@^4:\n  version \"4.17.15\"\n");
    broken(Format::YarnLock, "# yarn lockfile v1\nlodash@^4:\n  resolved \"x\"\n");
    broken(Format::YarnLock, "# yarn lockfile v1\n<<<<<<< HEAD\n");
}

// SEC-3
#[test]
fn go_mod_is_read_after_its_replacements() {
    let text = "module example.com/m\n\ngo 1.21\n\nrequire (\n\tgolang.org/x/text v0.3.0 // indirect\n\texample.com/a v1.0.0\n\
                \texample.com/l v1.0.0\n)\nrequire example.com/b v2.0.0+incompatible\nreplace example.com/a => example.com/fork v1.0.1\n\
                replace (\n\texample.com/l v1.0.0 => ../l\n)\nexclude example.com/z v1.0.0\n";
    let pinned = [
        ("golang.org/x/text", "v0.3.0", 6),
        ("example.com/fork", "v1.0.1", 7),
        ("example.com/b", "v2.0.0+incompatible", 10),
    ];
    expect(Format::GoMod, text, &pinned, 1);
    let sum = "golang.org/x/text v0.3.0 h1:aaa=\ngolang.org/x/text v0.2.0/go.mod h1:bbb=\n";
    expect(Format::GoSum, sum, &[("golang.org/x/text", "v0.3.0", 1)], 0);
    assert!(go_mod_is_complete(text.as_bytes()));
    assert!(go_mod_is_complete(b"module m\ngo 1.17rc1\n") && !go_mod_is_complete(b"module m\ngo 1.16\n"));
    assert!(!go_mod_is_complete(b"module m\n"));
    broken(Format::GoMod, "module m\nrequire (\n");
    broken(Format::GoMod, "module m\nnonsense\n");
    broken(Format::GoMod, "");
    broken(Format::GoSum, "golang.org/x/text v0.3.0\n");
}

// SEC-3
#[test]
fn gemfile_lock_is_read_without_platforms_and_own_gems() {
    let text = "PATH\n  remote: .\n  specs:\n    mine (0.1.0)\n\nGEM\n  remote: https://rubygems.example/\n  specs:\n    rack (2.0.1)\n    \
                nokogiri (1.10.0-x86_64-linux)\n      mini_portile2 (~> 2.4)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  rack\n\nBUNDLED WITH\n   2.3.0\n";
    expect(Format::GemfileLock, text, &[("rack", "2.0.1", 9), ("nokogiri", "1.10.0", 10)], 0);
    broken(Format::GemfileLock, "GEM\n  specs:\n    rack 2.0.1\n");
    broken(Format::GemfileLock, "GEM\n<<<<<<< HEAD\n");
    broken(Format::GemfileLock, "");
}

// SEC-3
#[test]
fn composer_lock_is_read_with_its_packages_for_development() {
    let text = "{\n \"packages\": [\n  {\"name\": \"Symfony/Yaml\", \"version\": \"v3.4.0\"},\n  {\"name\": \"x/y\", \"version\": \
                \"dev-main\"}\n ],\n \"packages-dev\": [\n  {\"name\": \"a/b\", \"version\": \"1.0.0\"}\n ]\n}";
    expect(Format::ComposerLock, text, &[("symfony/yaml", "v3.4.0", 3), ("a/b", "1.0.0", 7)], 1);
    broken(Format::ComposerLock, "{}");
    broken(Format::ComposerLock, "{\"packages\": [{\"name\": \"a/b\"}]}");
}

// SEC-3
#[test]
fn pom_xml_is_read_with_its_properties_put_in() {
    let text = "<?xml version=\"1.0\"?>\n<project xmlns=\"http://maven.example\">\n <parent><version>7</version></parent>\n \
                <properties><log.version>2.14.1</log.version></properties>\n <dependencyManagement><dependencies>\n  <dependency>\
                <groupId>g</groupId><artifactId>managed</artifactId><version>1.0</version></dependency>\n </dependencies></dependencyManagement>\n \
                <dependencies>\n  <dependency>\n   <groupId>org.apache.logging.log4j</groupId>\n   <artifactId>log4j-core</artifactId>\n   \
                <version>${log.version}</version>\n   <exclusions><exclusion><artifactId>no</artifactId></exclusion></exclusions>\n  </dependency>\n  \
                <dependency><groupId>g</groupId><artifactId>managed</artifactId></dependency>\n  <dependency><groupId>g</groupId>\
                <artifactId>sibling</artifactId><version>${project.version}</version></dependency>\n  <dependency><groupId>g</groupId>\
                <artifactId>far</artifactId><version>${elsewhere}</version></dependency>\n </dependencies>\n <build><plugins><plugin><dependencies>\
                <dependency><groupId>p</groupId><artifactId>q</artifactId><version>1</version></dependency></dependencies></plugin></plugins></build>\n</project>\n";
    let pinned =
        [("g:managed", "1.0", 6), ("org.apache.logging.log4j:log4j-core", "2.14.1", 9), ("g:sibling", "7", 16)];
    expect(Format::PomXml, text, &pinned, 1);
    let circle = "<project><properties><a>${b}</a><b>${a}x</b></properties><dependencies><dependency><groupId>g</groupId>\
                  <artifactId>a</artifactId><version>${a}</version></dependency></dependencies></project>";
    expect(Format::PomXml, circle, &[], 1);
    broken(Format::PomXml, "<project><dependencies></project>");
    broken(Format::PomXml, "<project>");
    broken(Format::PomXml, "<other/>");
    broken(Format::PomXml, "<!DOCTYPE p [<!ENTITY v '1'>]><project><version>&v;</version></project>");
    broken(Format::PomXml, &"<a>".repeat(10_000));
}

// SEC-3
#[test]
fn no_lockfile_is_text_in_another_encoding() {
    for format in Format::ALL {
        assert!(format.parse(b"\xff\xfe[\0p\0").is_err(), "{format:?}");
    }
}

proptest! {
    // SEC-3
    #[test]
    fn no_bytes_are_too_odd_to_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        for format in Format::ALL {
            let _ = format.parse(&bytes);
            let _ = format.parse(text.as_bytes());
        }
    }

    // SEC-3
    #[test]
    fn a_lockfile_cut_anywhere_or_with_a_line_changed_ends_no_reader(cut in 0usize..400, line in "[ -~\\t]{0,30}", at in 0usize..12) {
        let samples = [
            "lockfileVersion: '9.0'\n\npackages:\n\n  lodash@4.17.15:\n    x: y\n",
            "# yarn lockfile v1\n\nlodash@^4.0.0:\n  version \"4.17.15\"\n",
            "module m\nrequire (\n\ta v1.0.0\n)\nreplace a => b v1\n",
            "GEM\n  specs:\n    rack (2.0.1)\n",
            "<project><properties><a>1</a></properties><dependencies><dependency><version>${a}</version></dependency></dependencies></project>",
            "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"registry+x\"\n",
            "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/a\": {\"version\": \"1.0.0\"}}}",
        ];
        for sample in samples {
            let mut lines: Vec<&str> = sample.lines().collect();
            let place = at % lines.len();
            lines[place] = &line;
            let changed = lines.join("\n");
            for format in Format::ALL {
                let _ = format.parse(changed.as_bytes());
                let _ = format.parse(&sample.as_bytes()[..cut.min(sample.len())]);
            }
        }
    }
}
