//! The pipeline's table: what a sound one answers, and each way in which a table is refused.

use crate::support::{WAY, bare_edges, edge, gate};
use portcullis_core::ids::{RoleName, StageName};
use portcullis_core::pipeline::{Edge, Pipeline, PipelineError, Stage};
use proptest::prelude::*;

fn stages(names: &[&str]) -> Vec<Stage> {
    names.iter().map(|name| Stage { name: StageName::new(*name), role: None, acts: false }).collect()
}

/// An edge whose failures stay where they are.
fn plain(from: &str, to: &str) -> Edge {
    Edge { on_fail: from.into(), ..edge(from, to, Vec::new()) }
}

#[test]
fn the_default_way_leads_from_analysis_to_done() {
    // STG-1
    let pipeline = Pipeline::new(Pipeline::default_stages(), bare_edges()).unwrap();
    let way: Vec<&str> = pipeline.way().into_iter().map(StageName::as_str).collect();
    assert_eq!(way, WAY);
    assert_eq!(pipeline.first().name.as_str(), "analysis");
    assert!(pipeline.is_terminal(&"done".into()) && !pipeline.is_terminal(&"deploy".into()));
    let roles: Vec<Option<&str>> = pipeline.stages().iter().map(|s| s.role.as_ref().map(RoleName::as_str)).collect();
    let expected = ["analyst", "architect", "developer", "reviewer", "tester", "deployer", "deployer"];
    assert_eq!(roles, expected.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
}

#[test]
fn only_the_deploys_are_expected_to_change_no_file() {
    // LAU-4
    let acting: Vec<String> =
        Pipeline::default_stages().iter().filter(|s| s.acts).map(|s| s.name.to_string()).collect();
    assert_eq!(acting, ["deploy-staging", "deploy"]);
}

#[test]
fn code_gates_send_back_to_development_and_the_stages_before_to_themselves() {
    // STG-3
    for (from, to) in [
        ("analysis", "analysis"),
        ("architecture", "architecture"),
        ("development", "development"),
        ("review", "development"),
        ("testing", "development"),
        ("deploy-staging", "development"),
        ("deploy", "development"),
        ("something-else", "something-else"),
    ] {
        assert_eq!(Pipeline::default_on_fail(&from.into()).as_str(), to, "{from}");
    }
}

#[test]
fn every_unsound_table_is_refused_with_the_thing_that_is_wrong() {
    // STG-1
    let abc = || stages(&["a", "b", "c"]);
    let merge = |from, to| Edge { merge: true, ..plain(from, to) };
    let table: Vec<(&str, Vec<Stage>, Vec<Edge>, PipelineError)> = vec![
        ("no stages", vec![], vec![], PipelineError::NoStages),
        ("one stage", stages(&["a"]), vec![], PipelineError::NoStages),
        ("a stage twice", stages(&["a", "b", "a"]), vec![plain("a", "b")], PipelineError::DuplicateStage("a".into())),
        (
            "an unknown target",
            abc(),
            vec![plain("a", "b"), plain("b", "x")],
            PipelineError::UnknownStage {
                from: "b".into(),
                to: "x".into(),
                missing: "x".into(),
                known: "a, b, c".to_owned(),
            },
        ),
        (
            "an unknown way back",
            abc(),
            vec![plain("a", "b"), Edge { on_fail: "y".into(), ..plain("b", "c") }],
            PipelineError::UnknownStage {
                from: "b".into(),
                to: "c".into(),
                missing: "y".into(),
                known: "a, b, c".to_owned(),
            },
        ),
        (
            "an edge twice",
            abc(),
            vec![plain("a", "b"), plain("b", "c"), plain("a", "b")],
            PipelineError::DuplicateEdge { from: "a".into(), to: "b".into() },
        ),
        (
            "two ways forward",
            abc(),
            vec![plain("a", "b"), plain("a", "c")],
            PipelineError::TwoWaysForward { from: "a".into(), first: "b".into(), second: "c".into() },
        ),
        (
            "a cycle",
            abc(),
            vec![plain("a", "b"), plain("b", "c"), plain("c", "a")],
            PipelineError::Cycle("a → b → c → a".to_owned()),
        ),
        ("a stage that leads to itself", abc(), vec![plain("a", "a")], PipelineError::Cycle("a → a".to_owned())),
        (
            "a cycle that the way from the first stage runs into",
            abc(),
            vec![plain("a", "b"), plain("b", "c"), plain("c", "b")],
            PipelineError::Cycle("b → c → b".to_owned()),
        ),
        (
            "a cycle beside the way",
            stages(&["a", "b", "c", "d"]),
            vec![plain("a", "b"), plain("c", "d"), plain("d", "c")],
            PipelineError::Cycle("c → d → c".to_owned()),
        ),
        ("a stage that no edge reaches", abc(), vec![plain("a", "b")], PipelineError::Unreachable("c".into())),
        ("a second beginning", abc(), vec![plain("a", "c"), plain("b", "c")], PipelineError::Unreachable("b".into())),
        (
            "a way back that leads forward",
            abc(),
            vec![Edge { on_fail: "b".into(), ..plain("a", "b") }, plain("b", "c")],
            PipelineError::OnFailNotBehind { from: "a".into(), to: "b".into(), on_fail: "b".into() },
        ),
        (
            "a gate twice on one edge",
            abc(),
            vec![Edge { gates: vec![gate("x"), gate("x")], ..plain("a", "b") }, plain("b", "c")],
            PipelineError::DuplicateGate { gate: "x".into(), from: "a".into(), to: "b".into() },
        ),
        (
            "two merges",
            abc(),
            vec![merge("a", "b"), merge("b", "c")],
            PipelineError::TwoMerges { first: "a".into(), second: "b".into() },
        ),
    ];
    for (what, stages, edges, error) in table {
        assert_eq!(Pipeline::new(stages, edges), Err(error), "{what}");
    }
}

#[test]
fn a_refusal_names_the_edge_and_the_stages_that_exist() {
    let error = Pipeline::new(stages(&["a", "b"]), vec![plain("a", "x")]).unwrap_err();
    assert_eq!(error.to_string(), "edge `a` → `x` names stage `x`, which does not exist; the stages are a, b");
}

#[test]
fn the_same_gate_may_stand_on_two_edges() {
    let gated = |from, to| Edge { gates: vec![gate("ci")], ..plain(from, to) };
    assert!(Pipeline::new(stages(&["a", "b", "c"]), vec![gated("a", "b"), gated("b", "c")]).is_ok());
}

proptest! {
    #[test]
    fn a_table_is_either_refused_or_one_path_through_all_its_stages(
        // STG-1
        count in 0_usize..6,
        arrows in proptest::collection::vec((0_usize..6, 0_usize..6, 0_usize..6, any::<bool>()), 0..7),
    ) {
        let names = ["a", "b", "c", "d", "e", "f"];
        let edges = arrows
            .into_iter()
            .map(|(from, to, back, merge)| Edge { on_fail: names[back].into(), merge, ..plain(names[from], names[to]) })
            .collect();
        if let Ok(pipeline) = Pipeline::new(stages(&names[..count]), edges) {
            let way = pipeline.way();
            prop_assert_eq!(way.len(), count, "every stage once");
            prop_assert_eq!(pipeline.edges().len(), count - 1);
            for pair in way.windows(2) {
                prop_assert_eq!(&pipeline.edge_from(pair[0]).unwrap().to, pair[1]);
            }
            prop_assert!(pipeline.is_terminal(way[count - 1]));
            prop_assert!(pipeline.edges().iter().filter(|e| e.merge).count() <= 1);
        }
    }
}
