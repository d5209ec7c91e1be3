//! The handle: gates are loaded and called through it.
//!
//! Whatever a guest does, a call ends with a report (GAT-1). Guests have threads of their own, so that one which computes
//! cannot hold up the caller's runtime (I5).

use crate::acts::Acts;
use crate::artifacts::Artifacts;
use crate::config::{RuntimeConfig, RuntimeError};
use crate::contract::v0_1::{Answer, Question};
use crate::gate::Gate;
use crate::guest::Given;
use crate::ledger::Ledger;
use crate::linkers::Linkers;
use crate::outbound::Outbound;
use crate::reads::{NoReads, Reads};
use crate::run::{Run, Slots};
use crate::ticker::Ticker;
use crate::{contract, engine, outcome, transcript};
use portcullis_core::gate::{Call, Fault, Grants, Limits, Outcome, PluginRef, Report, Subject};
use portcullis_core::time::UnixMillis;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Largest component.
const MAX_COMPONENT_BYTES: usize = 128 << 20;
/// Gates kept ready; beyond this, those that nobody holds are let go.
const MAX_READY: usize = 64;

/// Runs gates. Clones share everything.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

/// One call of a gate.
pub struct CallInput {
    /// What is judged.
    pub subject: Subject,
    /// The manifest's table for this gate, as JSON.
    pub config: String,
    /// What it may use.
    pub limits: Limits,
    /// What it may reach.
    pub grants: Grants,
    /// The moment of the evaluation: the gate's clocks stand still there.
    pub at: UnixMillis,
    /// What sends its requests, if the daemon sends any.
    pub outbound: Option<Arc<dyn Outbound>>,
}

struct Inner {
    engine: Engine,
    linkers: Linkers,
    artifacts: Artifacts,
    slots: Arc<Slots>,
    max_memory_mib: u64,
    ready: Mutex<HashMap<PluginRef, Arc<Gate>>>,
    /// Compiling takes seconds and all cores: one component after the other.
    compiling: tokio::sync::Mutex<()>,
    /// There until the drop.
    guests: Option<tokio::runtime::Runtime>,
}

impl Runtime {
    /// Makes the engine, its threads and its folder of compiled components.
    ///
    /// # Errors
    /// [`RuntimeError`]: a setting is out of range, the folder is not this user's own, or the system gives no threads.
    pub fn new(config: RuntimeConfig) -> Result<Self, RuntimeError> {
        config.check()?;
        let engine = engine::make(&config)?;
        let linkers = Linkers::new(&engine)?;
        let artifacts = Artifacts::open(config.cache_dir, &engine)?;
        let ticker = Ticker::start(&engine)?;
        let guests = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.guest_threads)
            .thread_name("gate")
            // Newcomers and time-outs are looked at even while guests that compute keep all threads busy.
            .global_queue_interval(2)
            .event_interval(4)
            .enable_all()
            .build()
            .map_err(RuntimeError::Threads)?;
        let slots = Arc::new(Slots::new(engine.clone(), ticker, config.slots, config.stack_kib));
        let inner = Inner {
            engine,
            linkers,
            artifacts,
            slots,
            max_memory_mib: config.max_memory_mib,
            ready: Mutex::default(),
            compiling: tokio::sync::Mutex::default(),
            guests: Some(guests),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes a plugin ready to run: from memory (then `bytes` are not looked at), from its compiled artifact, or by
    /// compiling `bytes`.
    ///
    /// # Errors
    /// [`Fault::DigestMismatch`], [`Fault::NotAComponent`], [`Fault::WrongContract`], [`Fault::MissingImport`], or
    /// [`Fault::Host`] if compiling itself fails.
    pub async fn load(&self, plugin: &PluginRef, bytes: &[u8]) -> Result<Arc<Gate>, Fault> {
        if let Some(gate) = self.inner.ready(plugin) {
            return Ok(gate);
        }
        let _one = self.inner.compiling.lock().await;
        let (inner, plugin, bytes) = (Arc::clone(&self.inner), plugin.clone(), bytes.to_vec());
        self.blocking(move || inner.load(plugin, &bytes)).await?
    }

    /// Makes a plugin ready to run without its bytes, if it is in memory or its compiled artifact is sound.
    pub async fn load_cached(&self, plugin: &PluginRef) -> Option<Arc<Gate>> {
        if let Some(gate) = self.inner.ready(plugin) {
            return Some(gate);
        }
        let (inner, plugin) = (Arc::clone(&self.inner), plugin.clone());
        self.blocking(move || inner.load_compiled(&plugin)).await.ok().flatten()
    }

    /// Lets go of a gate; running evaluations finish. Its compiled artifact stays.
    pub fn forget(&self, plugin: &PluginRef) {
        locked(&self.inner.ready).remove(plugin);
    }

    /// Asks `gate` to judge. Whatever it imports, nothing that it does here has an effect (GAT-3).
    pub async fn evaluate(&self, gate: &Arc<Gate>, call: CallInput, reads: Arc<dyn Reads>) -> Report {
        self.call(gate, call, reads, None).await
    }

    /// Asks `gate` to mend what it judges. Only the holder of the task's drive lease has `acts` to hand over.
    pub async fn act(&self, gate: &Arc<Gate>, call: CallInput, reads: Arc<dyn Reads>, acts: Arc<dyn Acts>) -> Report {
        self.call(gate, call, reads, Some(acts)).await
    }

    /// The JSON Schema of the configuration that `gate` accepts.
    ///
    /// # Errors
    /// The [`Fault`] that kept it from answering.
    pub async fn config_schema(&self, gate: &Arc<Gate>, limits: Limits) -> Result<String, Fault> {
        let ledger = Arc::new(Ledger::new(limits));
        let given = Given {
            ledger: Arc::clone(&ledger),
            reads: Arc::new(NoReads),
            acts: None,
            outbound: None,
            network: Arc::default(),
            at: UnixMillis(0),
            seed: [0; 32],
            memory_mib: limits.memory_mib.min(self.inner.max_memory_mib),
        };
        let run = self.dispatch(gate, Call::Evaluate, Question::Schema, given).await;
        match run.answer? {
            Answer::Schema(schema) if schema.len() as u64 > limits.output_kib << 10 => {
                Err(Fault::OutputLimit { what: "KiB".to_owned(), limit: limits.output_kib })
            }
            Answer::Schema(schema) => Ok(schema),
            Answer::Judged(_) => Err(Fault::Host { detail: "a judgement came where a schema was due".to_owned() }),
        }
    }

    async fn call(
        &self,
        gate: &Arc<Gate>,
        call: CallInput,
        reads: Arc<dyn Reads>,
        acts: Option<Arc<dyn Acts>>,
    ) -> Report {
        let which = if acts.is_some() { Call::Act } else { Call::Evaluate };
        let ledger = Arc::new(Ledger::new(call.limits));
        if let Err(fault) = permitted(gate, &call, which) {
            return report(&ledger, Err(fault), Duration::ZERO);
        }
        let given = Given {
            ledger: Arc::clone(&ledger),
            reads,
            acts,
            seed: seed(gate.plugin(), &call),
            outbound: call.outbound,
            network: call.grants.network.into(),
            at: call.at,
            memory_mib: call.limits.memory_mib.min(self.inner.max_memory_mib),
        };
        let (subject, config) = (Box::new(call.subject), call.config);
        let question = match which {
            Call::Evaluate => Question::Evaluate { subject, config },
            Call::Act => Question::Act { subject, config },
        };
        let run = self.dispatch(gate, which, question, given).await;
        let judged = run.answer.and_then(|answer| outcome::judged(&ledger, answer, gate.can_act()));
        report(&ledger, judged, run.duration)
    }

    /// Runs on the guests' threads and waits. Dropping the wait ends the guest.
    async fn dispatch(&self, gate: &Arc<Gate>, which: Call, question: Question, given: Given) -> Run {
        let (slots, gate, ledger) = (Arc::clone(&self.inner.slots), Arc::clone(gate), Arc::clone(&given.ledger));
        let task = async move {
            let linked = match (which, &gate.act) {
                (Call::Evaluate, _) | (Call::Act, None) => &gate.observe,
                (Call::Act, Some(act)) => act,
            };
            match slots.take(given.ledger.wall()).await {
                Ok(slot) => slots.run(slot, &gate, linked, &question, given).await,
                Err(fault) => Run { answer: Err(fault), duration: Duration::ZERO },
            }
        };
        let Some(guests) = &self.inner.guests else {
            return Run { answer: Err(shutting_down()), duration: Duration::ZERO };
        };
        match Ending(guests.spawn(task)).await {
            Ok(run) => run,
            Err(error) => {
                let fault = if error.is_panic() {
                    Fault::Host { detail: "the host panicked while the gate ran".to_owned() }
                } else {
                    shutting_down()
                };
                let fault = ledger.fault().unwrap_or(fault);
                Run { answer: Err(fault), duration: ledger.elapsed() }
            }
        }
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let guests = self.inner.guests.as_ref().ok_or_else(shutting_down)?;
        guests.spawn_blocking(work).await.map_err(|error| {
            if error.is_panic() {
                Fault::Host { detail: "the compiler panicked on this plugin".to_owned() }
            } else {
                shutting_down()
            }
        })
    }
}

impl Inner {
    fn ready(&self, plugin: &PluginRef) -> Option<Arc<Gate>> {
        locked(&self.ready).get(plugin).cloned()
    }

    fn load(&self, plugin: PluginRef, bytes: &[u8]) -> Result<Arc<Gate>, Fault> {
        let found = transcript::sha256(bytes);
        if found != plugin.digest {
            return Err(Fault::DigestMismatch { listed: plugin.digest.to_string(), found: found.to_string() });
        }
        // Somebody may have made it ready while this caller waited for its turn.
        if let Some(gate) = self.ready(&plugin).or_else(|| self.load_compiled(&plugin)) {
            return Ok(gate);
        }
        is_component(bytes)?;
        let component = Component::from_binary(&self.engine, bytes)
            .map_err(|error| Fault::NotAComponent { detail: format!("{error:#}").chars().take(500).collect() })?;
        let gate = self.link(plugin, &component)?;
        self.artifacts.store(&gate.plugin().digest, &component);
        Ok(gate)
    }

    fn load_compiled(&self, plugin: &PluginRef) -> Option<Arc<Gate>> {
        self.link(plugin.clone(), &self.artifacts.load(&plugin.digest)?).ok()
    }

    fn link(&self, plugin: PluginRef, component: &Component) -> Result<Arc<Gate>, Fault> {
        let gate = Arc::new(Gate::new(plugin.clone(), component, &self.engine, &self.linkers)?);
        let mut ready = locked(&self.ready);
        if ready.len() >= MAX_READY {
            ready.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        ready.insert(plugin, Arc::clone(&gate));
        Ok(gate)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A runtime must not be waited for inside another, which is where the last handle may be dropped.
        if let Some(guests) = self.guests.take() {
            guests.shutdown_background();
        }
    }
}

/// A guest's task, ended with the wait for it.
struct Ending<T>(JoinHandle<T>);

impl<T> Future for Ending<T> {
    type Output = Result<T, tokio::task::JoinError>;
    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shutting_down() -> Fault {
    Fault::Host { detail: "the runtime is shutting down".to_owned() }
}

fn permitted(gate: &Gate, call: &CallInput, which: Call) -> Result<(), Fault> {
    if which == Call::Act && !gate.can_act() {
        return Err(Fault::WrongContract {
            found: "a gate without `act`".to_owned(),
            supported: contract::supported(),
        });
    }
    if gate.wants_network() && call.grants.network.is_empty() {
        return Err(Fault::NotGranted {
            import: contract::OUTGOING_HTTP.to_owned(),
            remedy: "grant.network = [\"host.example\"]".to_owned(),
        });
    }
    Ok(())
}

/// Tells what is not even the beginning of a component from what is worth compiling.
fn is_component(bytes: &[u8]) -> Result<(), Fault> {
    const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
    const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
    let detail = match bytes.first_chunk::<8>() {
        Some(&COMPONENT) if bytes.len() <= MAX_COMPONENT_BYTES => return Ok(()),
        Some(&COMPONENT) => format!("it has {} bytes; at most {MAX_COMPONENT_BYTES} are loaded", bytes.len()),
        Some(&MODULE) => "it is a core module; build it for wasm32-wasip2".to_owned(),
        Some(_) | None => "it does not begin like WebAssembly".to_owned(),
    };
    Err(Fault::NotAComponent { detail })
}

/// What a gate's random numbers follow from.
fn seed(plugin: &PluginRef, call: &CallInput) -> [u8; 32] {
    let mut sum = Sha256::new();
    let subject = &call.subject;
    for part in [
        plugin.digest.as_str(),
        &call.config,
        &subject.repository,
        subject.work_item.as_str(),
        subject.from.as_str(),
        subject.to.as_str(),
        &subject.branch,
        subject.head.as_str(),
        &subject.target,
        subject.target_head.as_str(),
    ] {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.update(subject.pull_request.map_or([0; 9], |number| {
        let mut bytes = [1; 9];
        bytes[1..].copy_from_slice(&number.to_le_bytes());
        bytes
    }));
    sum.update(call.at.0.to_le_bytes());
    sum.finalize().into()
}

fn report(ledger: &Ledger, judged: Result<portcullis_core::gate::Judgement, Fault>, duration: Duration) -> Report {
    Report {
        outcome: judged.map_or_else(Outcome::Faulted, Outcome::Judged),
        duration,
        memory_peak_bytes: ledger.memory_peak(),
        host_calls: ledger.host_calls(),
        transcript: ledger.take_transcript(),
        log: ledger.take_log(),
    }
}
