//! Memory and tables of one guest, together never more than its limit.
//!
//! Growing past the limit ends the guest there and then: a guest that catches the failure, or dies of it in some way of
//! its own, would otherwise blur what happened.

use crate::ledger::{Ended, Ledger};
use portcullis_core::gate::Fault;
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// Bytes of host memory per table element.
const ELEMENT_BYTES: u64 = size_of::<usize>() as u64;

pub(crate) struct Limiter {
    ledger: Arc<Ledger>,
    limit_mib: u64,
    /// All memories of the guest.
    memory: u64,
    /// All tables of the guest.
    tables: u64,
    /// What the last growth added, in case it fails after all.
    last: u64,
}

impl Limiter {
    pub(crate) fn new(ledger: Arc<Ledger>, limit_mib: u64) -> Self {
        Self { ledger, limit_mib, memory: 0, tables: 0, last: 0 }
    }

    fn grow(&mut self, by: u64) -> Result<(), Ended> {
        let after = self.memory.saturating_add(self.tables).saturating_add(by);
        if after > self.limit_mib << 20 {
            return Err(self.ledger.end(Fault::MemoryLimit { limit_mib: self.limit_mib }));
        }
        Ok(())
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let by = desired.saturating_sub(current) as u64;
        self.grow(by)?;
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The module's own maximum: growing fails, as the module expects.
            self.last = 0;
            return Ok(false);
        }
        self.last = by;
        self.memory += by;
        self.ledger.note_memory(self.memory);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory -= std::mem::take(&mut self.last);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let by = (desired.saturating_sub(current) as u64).saturating_mul(ELEMENT_BYTES);
        self.grow(by)?;
        self.tables += by;
        Ok(true)
    }
}
