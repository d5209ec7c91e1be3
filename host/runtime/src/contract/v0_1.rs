//! Contract 0.1: the bindings that `wit/` generates, and how a gate's exports are found and called.

mod act_documents;
mod convert;
mod imports;
mod workspace;

use crate::guest::GuestState;
use crate::ledger::Ended;
use portcullis_core::gate::{Judgement, Refusal, Subject};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{HasSelf, Instance, InstancePre, Linker};
use wasmtime::{Engine, Store};

mod bindings {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, where the documentation is")]

    wasmtime::component::bindgen!({
        // The acting world has all imports, types and exports of the observing one.
        world: "portcullis:gate/actor",
        path: ["../../wit/read", "../../wit/act", "../../wit/gate"],
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "portcullis:read/repository.blobs": crate::guest::Blobs },
    });
}

use bindings::exports::portcullis::gate::{action, evaluation};
use bindings::portcullis::gate::types;
use bindings::portcullis::{act, gate, read};

/// Adds everything that observes.
pub(crate) fn link_reads(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    type Own = HasSelf<GuestState>;
    gate::types::add_to_linker::<_, Own>(linker, |state| state)?;
    gate::log::add_to_linker::<_, Own>(linker, |state| state)?;
    read::repository::add_to_linker::<_, Own>(linker, |state| state)?;
    read::forge::add_to_linker::<_, Own>(linker, |state| state)?;
    read::documents::add_to_linker::<_, Own>(linker, |state| state)?;
    read::images::add_to_linker::<_, Own>(linker, |state| state)?;
    read::approvals::add_to_linker::<_, Own>(linker, |state| state)?;
    read::test_runs::add_to_linker::<_, Own>(linker, |state| state)?;
    read::advisories::add_to_linker::<_, Own>(linker, |state| state)?;
    read::web::add_to_linker::<_, Own>(linker, |state| state)
}

/// Adds `act` imports that answer `denied` and know of nothing else.
pub(crate) fn link_denied(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    act::workspace::add_to_linker::<_, workspace::Denied>(linker, |state| workspace::Denying(state.ledger()))?;
    act::documents::add_to_linker::<_, workspace::Denied>(linker, |state| workspace::Denying(state.ledger()))
}

/// Adds `act` imports with effects.
pub(crate) fn link_acts(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    act::workspace::add_to_linker::<_, workspace::Real>(linker, workspace::acting)?;
    act::documents::add_to_linker::<_, workspace::Real>(linker, workspace::acting)
}

/// What is asked of a gate.
pub(crate) enum Question {
    Evaluate { subject: Box<Subject>, config: String },
    Act { subject: Box<Subject>, config: String },
    Schema,
}

/// What it answers.
pub(crate) enum Answer {
    Judged(Result<Judgement, Refusal>),
    Schema(String),
}

/// Where a component's exports are, looked up once.
pub(crate) struct Exports {
    evaluation: evaluation::GuestIndices,
    action: Option<action::GuestIndices>,
}

/// An export has the right name and another shape.
pub(crate) struct OtherShape(pub(crate) &'static str);

type Judging<'a> = (&'a types::Subject, &'a str);
type Judged = (Result<types::Judgement, types::Refusal>,);

impl Exports {
    /// Looks the exports up and compares their types, so that no call can fail for them later.
    pub(crate) fn find(pre: &InstancePre<GuestState>, engine: &Engine, acts: bool) -> Result<Self, OtherShape> {
        for (interface, function) in
            [("evaluation", "evaluate"), ("evaluation", "config-schema"), ("action", "act")].into_iter()
        {
            if interface == "action" && !acts {
                continue;
            }
            if !fits(pre, engine, interface, function) {
                return Err(OtherShape(function));
            }
        }
        let evaluation = evaluation::GuestIndices::new(pre).map_err(|_| OtherShape("evaluation"))?;
        let action = if acts { Some(action::GuestIndices::new(pre).map_err(|_| OtherShape("action"))?) } else { None };
        Ok(Self { evaluation, action })
    }

    /// Asks the gate. An error is a trap, the host's own end of it, or a malformed answer; `outcome` tells them apart.
    pub(crate) async fn ask(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
        question: &Question,
    ) -> wasmtime::Result<Answer> {
        match question {
            Question::Evaluate { subject, config } => {
                let guest = self.evaluation.load(&mut *store, instance)?;
                let answer = guest.call_evaluate(store, &convert::subject(subject), config).await?;
                Ok(Answer::Judged(convert::judged(answer)))
            }
            Question::Act { subject, config } => {
                let action = self.action.as_ref().ok_or(NoAction)?;
                let guest = action.load(&mut *store, instance)?;
                let answer = guest.call_act(store, &convert::subject(subject), config).await?;
                Ok(Answer::Judged(convert::judged(answer)))
            }
            Question::Schema => {
                let guest = self.evaluation.load(&mut *store, instance)?;
                Ok(Answer::Schema(guest.call_config_schema(store).await?))
            }
        }
    }

    /// After a failed question: whether the guest had returned by then, so that it is its answer that could not be taken.
    ///
    /// The errors of the two cases may have one type. But a guest that failed inside is never entered again, which is an
    /// error with a type of its own; and this one is stopped at its first instruction.
    pub(crate) async fn has_returned(&self, store: &mut Store<GuestState>, instance: &Instance) -> bool {
        store.epoch_deadline_callback(|_| Err(Ended.into()));
        store.set_epoch_deadline(0);
        let Ok(guest) = self.evaluation.load(&mut *store, instance) else { return false };
        match guest.call_config_schema(store).await {
            Ok(_) => true,
            Err(error) => error.is::<Ended>(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the gate exports no action")]
struct NoAction;

/// Whether an exported function has the type that `wit/gate` gives it.
fn fits(pre: &InstancePre<GuestState>, engine: &Engine, interface: &str, function: &str) -> bool {
    let name = format!("portcullis:gate/{interface}@{}", super::GATE_VERSION);
    let component = pre.component().component_type();
    let Some(ComponentItem::ComponentInstance(instance)) = component.get_export(engine, &name).map(|item| item.ty)
    else {
        return false;
    };
    let Some(ComponentItem::ComponentFunc(found)) = instance.get_export(engine, function).map(|item| item.ty) else {
        return false;
    };
    let types = pre.instance_type();
    let typed = match function {
        "config-schema" => found.typecheck::<(), (String,)>(&types),
        _ => found.typecheck::<Judging<'_>, Judged>(&types),
    };
    typed.is_ok()
}
