//! Fetches how the branch stands, and hands the host's workspace to `act`.

use crate::act::{Branch, act};
use crate::config::Config;
use crate::judge::{Standing, judge};
use portcullis_gate_sdk::host::repository;
use portcullis_gate_sdk::host::test_runs::{self, TestRun};
use portcullis_gate_sdk::host::workspace::{self, CaughtUp, Outcome};
use portcullis_gate_sdk::{prelude::*, text};

/// The gate.
pub struct MergeGate;

impl Gate for MergeGate {
    type Config = Config;
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");

    fn evaluate(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        let holds_target = repository::is_ancestor(&subject.target_head, &subject.head)
            .or_refuse("learn whether the branch holds its target's head")?;
        let standing = if holds_target {
            let tree = Host.tree(&subject.head)?;
            let run = Host.recorded(&config.test, &tree)?;
            Standing::UpToDate { tree, run }
        } else {
            Standing::Behind
        };
        Ok(judge(subject, &standing, &config))
    }
}

impl Actor for MergeGate {
    fn act(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        act(&mut Host, subject, &config)
    }
}

struct Host;

impl Branch for Host {
    fn catch_up(&mut self) -> Result<CaughtUp, Refusal> {
        workspace::catch_up().or_refuse("bring the target into the branch")
    }

    fn tree(&mut self, revision: &str) -> Result<String, Refusal> {
        repository::tree(revision).or_refuse(&format!("read the tree of {}", text::short(revision)))
    }

    fn recorded(&mut self, command: &str, tree: &str) -> Result<Option<TestRun>, Refusal> {
        Ok(test_runs::latest(command, tree)?)
    }

    fn run(&mut self, command: &str) -> Result<Outcome, Refusal> {
        workspace::run(command).or_refuse(&format!("run the command `{}`", text::clip(command, 80)))
    }

    fn publish(&mut self) -> Result<String, Refusal> {
        workspace::publish().or_refuse("publish the branch")
    }
}

portcullis_gate_sdk::export_actor!(MergeGate);
