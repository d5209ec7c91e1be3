//! Tests of the manifest: what is read, and each way in which it is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
use super::*;
use portcullis_core::gate::{Grants, Limits, OnFault};
use portcullis_core::ids::PluginName;
use proptest::prelude::*;
use std::time::Duration;

const GATE: &str = "[[edge.gate]]\nname = \"security\"\nplugin = \"portcullis/security\"\nversion = \"^1.0\"\n";

fn edge(from: &str, to: &str, rest: &str) -> String {
    format!("[[edge]]\nfrom = \"{from}\"\nto = \"{to}\"\n{rest}")
}

fn parse(body: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(&format!("format = 1\n{body}"))
}

fn error(body: &str) -> String {
    parse(body).expect_err(body).to_string()
}

fn ends(manifest: &Manifest) -> Vec<String> {
    let pipeline = manifest.pipeline();
    let way = pipeline.way();
    way.iter().map(|name| name.to_string()).collect()
}

fn merging(manifest: &Manifest) -> Vec<String> {
    let edges = manifest.pipeline().edges().iter();
    edges.filter(|e| e.merge).map(|e| format!("{}→{}", e.from, e.to)).collect()
}

#[test]
fn a_manifest_that_names_nothing_is_the_default_pipeline_without_gates() {
    // STG-1
    let manifest = parse("").unwrap();
    assert_eq!(
        ends(&manifest),
        ["analysis", "architecture", "development", "review", "testing", "deploy-staging", "deploy", "done"]
    );
    assert_eq!(manifest.gates().count(), 0);
    assert_eq!(merging(&manifest), ["deploy-staging→deploy"]);
}

#[test]
fn every_key_of_a_gate_reaches_the_pipeline() {
    // PLG-3, GAT-5, GAT-7
    let text = edge(
        "deploy-staging",
        "deploy",
        "[[edge.gate]]\nname = \"security\"\nplugin = \"portcullis/security\"\nversion = \" ^1.0 \"\nmode = \"shadow\"\n\
         on-fault = \"open\"\ngrant.network = [\"api.osv.dev\"]\nlimits = { cpu-ms = 5, memory-mib = 7 }\n\
         deadline-s = 90\nconfig = { a = \"b\", n = [1, 2.5, true], t = { u = 2026-01-05 } }\n",
    );
    let manifest = parse(&text).unwrap();
    let gate = manifest.gates().next().unwrap();
    assert_eq!(gate.spec.name.as_str(), "security");
    assert_eq!(gate.spec.plugin.as_str(), "portcullis/security");
    assert_eq!(gate.spec.requirement, "^1.0");
    assert_eq!((gate.spec.mode, gate.spec.on_fault), (Mode::Shadow, OnFault::Open));
    assert_eq!(gate.spec.grants, Grants { network: vec!["api.osv.dev".into()] });
    assert_eq!(gate.spec.limits, Limits { cpu_ms: 5, memory_mib: 7, ..Limits::default() });
    assert_eq!(gate.spec.deadline, Duration::from_secs(90));
    assert_eq!(gate.spec.config, serde_json::json!({"a": "b", "n": [1, 2.5, true], "t": {"u": "2026-01-05"}}));
    assert_eq!(gate.edge.on_fail.as_str(), "development");
}

#[test]
fn what_a_gate_leaves_out_has_the_documented_default() {
    // GAT-1, GAT-4, GAT-7
    let manifest = parse(&edge("deploy-staging", "deploy", GATE)).unwrap();
    let spec = manifest.gates().next().unwrap().spec;
    assert_eq!((spec.mode, spec.on_fault), (Mode::Enforce, OnFault::Closed));
    assert_eq!(spec.grants, Grants::default());
    assert_eq!(spec.limits, Limits::default());
    assert_eq!(spec.deadline, Duration::from_secs(3_600));
    assert_eq!(spec.config, serde_json::json!({}));
}

#[test]
fn own_stages_are_joined_in_their_order_unless_an_edge_says_otherwise() {
    // STG-1
    let stages = "[[stage]]\nname = \"draft\"\nrole = \"writer\"\n[[stage]]\nname = \"print\"\nacts = true\n\
                  [[stage]]\nname = \"sold\"\n";
    let manifest = parse(&format!("{stages}{}", edge("print", "sold", "merge = true\non-fail = \"draft\"\n"))).unwrap();
    assert_eq!(ends(&manifest), ["draft", "print", "sold"]);
    assert_eq!(merging(&manifest), ["print→sold"]);
    let print = manifest.pipeline().stage(&"print".into()).unwrap();
    assert_eq!((print.acts, &print.role), (true, &None));
    assert_eq!(manifest.pipeline().edge_from(&"draft".into()).unwrap().on_fail.as_str(), "draft");
    assert_eq!(merging(&parse(stages).unwrap()), Vec::<String>::new());
}

#[test]
fn a_way_back_to_a_stage_that_does_not_exist_here_becomes_the_stage_itself() {
    // STG-3
    let manifest = parse("[[stage]]\nname = \"review\"\n[[stage]]\nname = \"done\"\n").unwrap();
    assert_eq!(manifest.pipeline().edges()[0].on_fail.as_str(), "review");
}

#[test]
fn the_default_merge_gives_way_to_what_the_manifest_says() {
    let elsewhere = parse(&edge("testing", "deploy-staging", "merge = true\n")).unwrap();
    assert_eq!(merging(&elsewhere), ["testing→deploy-staging"]);
    let never = parse(&edge("deploy-staging", "deploy", "merge = false\n")).unwrap();
    assert_eq!(merging(&never), Vec::<String>::new());
    let unrelated = parse(&edge("review", "testing", "merge = false\n")).unwrap();
    assert_eq!(merging(&unrelated), ["deploy-staging→deploy"]);
}

#[test]
fn gates_come_in_the_order_in_which_a_task_meets_them_without_those_that_are_off() {
    // GAT-2, GAT-7
    let gate = |name: &str, rest: &str| {
        format!("[[edge.gate]]\nname = \"{name}\"\nplugin = \"a/{name}\"\nversion = \"*\"\n{rest}")
    };
    let text = edge("deploy", "done", &gate("late", ""))
        + &edge("review", "testing", &(gate("first", "") + &gate("absent", "mode = \"off\"\n") + &gate("second", "")));
    let manifest = parse(&text).unwrap();
    let names: Vec<&str> = manifest.gates().map(|gate| gate.spec.name.as_str()).collect();
    assert_eq!(names, ["first", "second", "late"]);
    assert_eq!(
        manifest.gates().next().unwrap().to_string(),
        ".portcullis/gates.toml, line 13, column 8: gate `first` on edge `review` → `testing`"
    );
}

#[test]
fn each_unusable_manifest_is_refused_with_thing_place_and_remedy() {
    // CFG-1, STG-1, PLG-3
    let gate = |lines: &str| edge("deploy-staging", "deploy", &format!("{GATE}{lines}\n"));
    let table: Vec<(String, &str)> = vec![
        ("edges = []".into(), "line 2, column 1: unknown field `edges`, expected one of `format`, `stage`, `edge`"),
        (
            gate("modus = \"off\""),
            "line 9, column 1: unknown field `modus`, expected one of `name`, `plugin`, `version`, `mode`, `on-fault`, \
             `grant`, `limits`, `deadline-s`, `config`",
        ),
        (
            gate("limits = { cpu = 1 }"),
            "line 9, column 12: unknown field `cpu`, expected one of `cpu-ms`, `wall-ms`, `memory-mib`, `host-calls`, \
             `findings`, `output-kib`",
        ),
        (gate("grant.files = []"), "line 9, column 7: unknown field `files`, expected `network`"),
        (gate("mode = \"on\""), "line 9, column 8: unknown variant `on`, expected one of `enforce`, `shadow`, `off`"),
        (gate("on-fault = \"pass\""), "line 9, column 12: unknown variant `pass`, expected `closed` or `open`"),
        (
            gate("deadline-s = 0"),
            "line 9, column 14: gate `security`: `deadline-s = 0` is out of range; give it a value from 1 to 2592000",
        ),
        (
            gate("limits = { memory-mib = 9000 }"),
            "line 9, column 10: gate `security`: `limits.memory-mib = 9000` is out of range; give it a value from 1 to \
             1024",
        ),
        (
            gate("grant.network = [\"https://api.osv.dev\"]"),
            "line 9, column 1: gate `security`: `https://api.osv.dev` in `grant.network` is no host name; write the bare \
             name, for example `api.osv.dev`",
        ),
        (
            gate("config = { a = { b = nan } }"),
            "line 9, column 10: gate `security`: `config.a.b` is NaN, which JSON cannot hold; use a finite number",
        ),
        (
            edge("deploy-staging", "deploy", "[[edge.gate]]\nname = \"x\"\nplugin = \"Security\"\nversion = \"1\"\n"),
            "line 7, column 10: gate `x`: `Security` is no plugin name; write `owner/name`, each part of lower-case \
             letters, digits and single hyphens, for example `portcullis/security`",
        ),
        (
            edge("deploy-staging", "deploy", "[[edge.gate]]\nname = \"x\"\nplugin = \"a/b\"\nversion = \"one\"\n"),
            "line 8, column 11: gate `x`: version `one` is no semver requirement: unexpected character 'o' while parsing \
             major version number; write for example `^1.2`, `~1.2.3` or `=1.2.3`",
        ),
        (
            edge("deploy-staging", "deploy", "[[edge.gate]]\nname = \"x\"\nplugin = \"a/b\"\nversion = \">=2, <1\"\n"),
            "line 8, column 11: gate `x`: version `>=2, <1` excludes every version; widen it, for example to `^1.2`",
        ),
        (
            edge("deploy-staging", "deploy", "[[edge.gate]]\nname = \"x\"\nplugin = \"a/b\"\n"),
            "line 5, column 1: missing field `version`",
        ),
        (
            edge("Deploy Now", "done", ""),
            "line 3, column 8: stage `Deploy Now` is not a usable name; use lower-case letters, digits and single \
             hyphens, 64 at most",
        ),
        (
            edge("deploy-staging", "prod", ""),
            "line 4, column 6: edge `deploy-staging` → `prod` names stage `prod`, which does not exist; the stages are \
             analysis, architecture, development, review, testing, deploy-staging, deploy, done",
        ),
        (
            edge("review", "testing", "") + &edge("review", "testing", ""),
            "line 6, column 8: edge `review` → `testing` stands twice; put the gates of both into one",
        ),
        (
            edge("review", "testing", "") + &edge("review", "deploy", ""),
            "line 6, column 8: stage `review` has two ways forward, to `testing` and to `deploy`; a stage has one",
        ),
        (
            edge("testing", "development", ""),
            "line 4, column 6: the edges run in a cycle: development → review → testing → development; a pipeline goes \
             forward (a failed gate's way back is `on-fail`)",
        ),
        (
            edge("review", "deploy", ""),
            "line 4, column 6: stage `testing` is reached by no edge; connect it or remove it",
        ),
        (
            edge("review", "testing", "on-fail = \"deploy\"\n"),
            "line 5, column 11: edge `review` → `testing` sends failures to `deploy`, which does not lie at or before \
             `review`",
        ),
        (
            edge("review", "testing", &format!("{GATE}{GATE}")),
            "line 10, column 8: gate `security` stands twice on edge `review` → `testing`; give each gate of an edge a \
             name of its own",
        ),
        (
            edge("review", "testing", "merge = true\n") + &edge("testing", "deploy-staging", "merge = true\n"),
            "line 7, column 8: two edges merge, `review` → … and `testing` → …; a task is merged once",
        ),
        (
            "[[stage]]\nname = \"a\"\n[[stage]]\nname = \"a\"\n".into(),
            "line 5, column 8: stage `a` stands twice; give each stage a name of its own",
        ),
        ("stage = []".into(), "the pipeline has no stages; name at least two"),
        ("[[edge]".into(), "line 2, column 8: unclosed array table, expected `]`"),
    ];
    for (body, expected) in table {
        let separator = if expected.starts_with("line ") { ", " } else { ": " };
        assert_eq!(error(&body), format!(".portcullis/gates.toml{separator}{expected}"), "{body}");
    }
}

#[test]
fn the_format_is_asked_before_anything_else() {
    let refusal = |text: &str| Manifest::parse(text).expect_err(text).to_string();
    assert_eq!(
        refusal("[[gates]]\n"),
        ".portcullis/gates.toml: the file does not say its format; write `format = 1` as its first line"
    );
    assert_eq!(
        refusal("format = 2\nwhatever = 1\n"),
        ".portcullis/gates.toml, line 1, column 10: the file has format 2, this version reads format 1; write \
         `format = 1`, or use a newer Portcullis"
    );
    assert!(refusal("format = \"1\"\n").contains("this version reads format 1"));
}

#[test]
fn a_huge_deep_or_crowded_manifest_is_refused() {
    let huge = format!("# {}\n", "x".repeat(300 * 1024));
    assert!(error(&huge).contains("the limit is 262144"), "{}", error(&huge));
    let deep = format!("x = {}1{}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(error(&deep).contains("recurs"), "{}", error(&deep));
    let stages: String = (0..65).map(|n| format!("[[stage]]\nname = \"s{n}\"\n")).collect();
    assert!(error(&stages).contains("there are 65 stages, the limit is 64"), "{}", error(&stages));
    let gates = edge("review", "testing", &GATE.repeat(33));
    assert!(error(&gates).contains("there are 33 gates on one edge, the limit is 32"), "{}", error(&gates));
}

#[test]
fn what_a_message_quotes_from_a_hostile_manifest_is_short_and_clean() {
    let message = error(&edge(&"\\u001b[2J".repeat(1_000), "done", ""));
    assert!(message.len() < 1_000 && !message.contains('\u{1b}'), "{message}");
    let message = error(&format!("\"{}\" = 1\n", "k".repeat(10_000)));
    assert!(message.len() < 1_000, "{}", message.len());
}

#[test]
fn a_demanded_gate_that_enforces_up_to_the_merge_satisfies_the_operator() {
    // PLG-4
    let demanded = [PluginName::new("portcullis/security")];
    for place in [("deploy-staging", "deploy"), ("review", "testing")] {
        let manifest = parse(&edge(place.0, place.1, GATE)).unwrap();
        assert_eq!(manifest.clone().with_mandatory(&demanded), Ok(manifest));
    }
}

#[test]
fn no_manifest_can_remove_weaken_or_delay_a_gate_that_the_operator_demands() {
    // PLG-4
    let demanded = [PluginName::new("portcullis/security")];
    let refusal = |body: &str| parse(body).unwrap().with_mandatory(&demanded).expect_err(body).to_string();
    assert_eq!(
        refusal(""),
        ".portcullis/gates.toml: the operator demands plugin `portcullis/security`, and no edge up to the merge has it; \
         add to edge `deploy-staging` → `deploy`:\n[[edge.gate]]\nname = \"security\"\nplugin = \"portcullis/security\"\n\
         version = \"*\""
    );
    for line in ["mode = \"off\"", "mode = \"shadow\"", "on-fault = \"open\""] {
        assert_eq!(
            refusal(&edge("deploy-staging", "deploy", &format!("{GATE}{line}\n"))),
            format!(
                ".portcullis/gates.toml, line 6, column 8: the operator demands plugin `portcullis/security`, but gate \
                 `security` on edge `deploy-staging` → `deploy` says `{line}`; remove that line"
            )
        );
    }
    assert_eq!(
        refusal(&edge("deploy", "done", GATE)),
        ".portcullis/gates.toml, line 6, column 8: the operator demands plugin `portcullis/security`, but gate `security` \
         stands on edge `deploy` → `done`, after the merge on `deploy-staging` → `deploy`; move it to that edge or before \
         it"
    );
}

#[test]
fn the_starter_manifest_is_sound_and_holds_every_first_party_gate() {
    // STG-1, STG-5
    let manifest = Manifest::parse(STARTER).unwrap();
    let used: std::collections::BTreeSet<&str> = manifest.gates().map(|gate| gate.spec.plugin.as_str()).collect();
    let expected = [
        "portcullis/approval",
        "portcullis/ci-green",
        "portcullis/document-verdict",
        "portcullis/image-freshness",
        "portcullis/merge-gate",
        "portcullis/security",
        "portcullis/staging-verdict",
    ];
    assert_eq!(used.into_iter().collect::<Vec<_>>(), expected);
    let demanded = [PluginName::new("portcullis/security")];
    assert!(manifest.clone().with_mandatory(&demanded).is_ok());
    // SEC-1: before anything expensive.
    let promote = manifest.pipeline().edge_from(&"deploy-staging".into()).unwrap();
    assert_eq!(promote.gates[0].plugin.as_str(), "portcullis/security");
    let first = manifest.pipeline().edge_from(&"analysis".into()).unwrap();
    assert_eq!(first.gates[0].plugin.as_str(), "portcullis/approval");
}

#[test]
fn the_user_documentation_shows_manifests_that_are_sound_and_the_true_defaults() {
    // CFG-1
    let page = include_str!("../../../../docs/manifest.md");
    let examples = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let manifests: Vec<&str> = examples.filter(|text| text.contains("[[edge]]")).collect();
    assert_eq!(manifests.len(), 2);
    for text in manifests {
        Manifest::parse(text).unwrap();
    }
    let Limits { cpu_ms, wall_ms, memory_mib, host_calls, findings, output_kib } = Limits::default();
    for (key, default) in [
        ("cpu-ms", cpu_ms),
        ("wall-ms", wall_ms),
        ("memory-mib", memory_mib),
        ("host-calls", host_calls),
        ("findings", findings),
        ("output-kib", output_kib),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).expect(key);
        assert_eq!(row.split('|').nth(3).unwrap().trim(), default.to_string(), "{row}");
        // The highest value is taken and the next one refused.
        let highest: u64 = row.split('|').nth(4).unwrap().trim().parse().unwrap();
        let with = |value: u64| parse(&edge("review", "testing", &format!("{GATE}limits = {{ {key} = {value} }}\n")));
        assert!(with(highest).is_ok() && with(highest + 1).is_err(), "{row}");
    }
}

proptest! {
    #[test]
    fn reading_any_text_never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
        let _ = Manifest::parse(&text);
    }

    #[test]
    fn reading_shuffled_pieces_of_a_manifest_never_panics(
        pieces in proptest::collection::vec(prop_oneof![
            Just("[[edge]]\n"), Just("[[stage]]\n"), Just("[[edge.gate]]\n"), Just("name = \"a\"\n"), Just("name = \"b\"\n"),
            Just("from = \"a\"\n"), Just("to = \"b\"\n"), Just("from = \"b\"\n"), Just("to = \"a\"\n"), Just("on-fail = \"a\"\n"),
            Just("plugin = \"a/b\"\n"), Just("version = \"*\"\n"), Just("version = \">1, <2\"\n"), Just("merge = true\n"),
            Just("limits = {}\n"), Just("config = { é = inf }\n"), Just("grant.network = [\"é\"]\n"), Just("role = 1\n"),
        ], 0..24),
    ) {
        if let Ok(manifest) = parse(&pieces.concat()) {
            let _ = manifest.gates().count();
            let _ = manifest.with_mandatory(&[PluginName::new("a/c")]);
        }
    }
}
