//! `portcullis:act/workspace`, twice: once with effects, and once as a wall.
//!
//! The observing linker is given [`Denied`], whose data is the ledger and nothing else: there is no way from there to an
//! effect, whatever a gate calls (GAT-3).

use super::act::workspace::{CaughtUp, Error, Host, Outcome};
use super::convert;
use crate::acts::Acts;
use crate::guest::GuestState;
use crate::ledger::Ledger;
use portcullis_core::facts::{self, ActError};
use portcullis_core::ids::Revision;
use std::sync::Arc;
use wasmtime::component::HasData;

const INTERFACE: &str = "portcullis:act/workspace@0.1.0";

/// Marker of the wall.
pub(super) struct Denied;

impl HasData for Denied {
    type Data<'a> = Denying<'a>;
}

/// All that a denied call can reach.
pub(super) struct Denying<'a>(pub(super) &'a Ledger);

impl Denying<'_> {
    async fn deny<T: serde::Serialize + Send>(
        &self,
        function: &'static str,
        arguments: &(impl serde::Serialize + ?Sized),
    ) -> wasmtime::Result<Result<T, Error>> {
        Ok(self.deny_of(INTERFACE, function, arguments).await?.map_err(convert::act_error))
    }

    /// The same for any interface of `act`.
    pub(super) async fn deny_of<T: serde::Serialize + Send>(
        &self,
        interface: &'static str,
        function: &'static str,
        arguments: &(impl serde::Serialize + ?Sized),
    ) -> wasmtime::Result<Result<T, ActError>> {
        let denied = ActError::Denied(format!("`{function}` is for `act`, and this is an evaluation"));
        Ok(self.0.call(interface, function, arguments, async { Err::<T, _>(denied) }).await?)
    }
}

impl Host for Denying<'_> {
    async fn catch_up(&mut self) -> wasmtime::Result<Result<CaughtUp, Error>> {
        Ok(self.deny::<facts::CaughtUp>("catch-up", &()).await?.map(convert::caught_up))
    }
    async fn run(&mut self, name: String) -> wasmtime::Result<Result<Outcome, Error>> {
        Ok(self.deny::<facts::CommandOutcome>("run", &(name,)).await?.map(convert::command_outcome))
    }
    async fn publish(&mut self) -> wasmtime::Result<Result<String, Error>> {
        Ok(self.deny::<Revision>("publish", &()).await?.map(convert::text))
    }
}

/// Marker of the real thing.
pub(super) struct Real;

impl HasData for Real {
    type Data<'a> = Acting<'a>;
}

/// An acting call: the ledger, and what carries the effects out.
pub(super) struct Acting<'a> {
    ledger: &'a Ledger,
    acts: Option<Arc<dyn Acts>>,
}

pub(super) fn acting(state: &mut GuestState) -> Acting<'_> {
    Acting { acts: state.acts(), ledger: state.ledger() }
}

impl Acting<'_> {
    async fn call<T, F>(
        &self,
        function: &'static str,
        arguments: &(impl serde::Serialize + ?Sized),
        act: impl FnOnce(Arc<dyn Acts>) -> F,
    ) -> wasmtime::Result<Result<T, Error>>
    where
        T: serde::Serialize + Send,
        F: Future<Output = Result<T, ActError>> + Send,
    {
        Ok(self.call_of(INTERFACE, function, arguments, act).await?.map_err(convert::act_error))
    }

    /// The same for any interface of `act`.
    pub(super) async fn call_of<T, F>(
        &self,
        interface: &'static str,
        function: &'static str,
        arguments: &(impl serde::Serialize + ?Sized),
        act: impl FnOnce(Arc<dyn Acts>) -> F,
    ) -> wasmtime::Result<Result<T, ActError>>
    where
        T: serde::Serialize + Send,
        F: Future<Output = Result<T, ActError>> + Send,
    {
        let acts = self.acts.clone();
        let answer = async {
            match acts {
                Some(acts) => act(acts).await,
                None => Err(ActError::Denied(format!("`{function}` needs the task's lease, which nobody handed over"))),
            }
        };
        Ok(self.ledger.call(interface, function, arguments, answer).await?)
    }
}

impl Host for Acting<'_> {
    async fn catch_up(&mut self) -> wasmtime::Result<Result<CaughtUp, Error>> {
        let answer = self.call("catch-up", &(), |acts| async move { acts.catch_up().await }).await?;
        Ok(answer.map(convert::caught_up))
    }
    async fn run(&mut self, name: String) -> wasmtime::Result<Result<Outcome, Error>> {
        let wanted = name.clone();
        let answer = self.call("run", &(name,), |acts| async move { acts.run(&wanted).await }).await?;
        Ok(answer.map(convert::command_outcome))
    }
    async fn publish(&mut self) -> wasmtime::Result<Result<String, Error>> {
        let answer = self.call("publish", &(), |acts| async move { acts.publish().await }).await?;
        Ok(answer.map(convert::text))
    }
}
