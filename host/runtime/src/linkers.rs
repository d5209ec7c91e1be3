//! The two sets of imports: one to observe with, one to act with.
//!
//! They differ in `portcullis:act` alone. That a gate which was not granted the network has no use of `wasi:http` is seen to
//! before it runs; a gate that does not import it has none anyway.

use crate::config::RuntimeError;
use crate::contract::v0_1;
use crate::guest::GuestState;
use wasmtime::Engine;
use wasmtime::component::Linker;

pub(crate) struct Linkers {
    /// `portcullis:act` answers `denied`.
    pub(crate) observe: Linker<GuestState>,
    /// `portcullis:act` has effects.
    pub(crate) act: Linker<GuestState>,
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> Result<Self, RuntimeError> {
        let link = |act: fn(&mut Linker<GuestState>) -> wasmtime::Result<()>| {
            let mut linker = Linker::new(engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
            v0_1::link_reads(&mut linker)?;
            act(&mut linker)?;
            Ok(linker)
        };
        let failed = |error: wasmtime::Error| RuntimeError::Linker(format!("{error:#}"));
        Ok(Self { observe: link(v0_1::link_denied).map_err(failed)?, act: link(v0_1::link_acts).map_err(failed)? })
    }
}
