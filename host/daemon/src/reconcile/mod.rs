//! The reconciler: finds tasks that are stuck because an event was lost, and events that were lost (REC).
//!
//! Everything that it does about them is what the event would have done: a ring, or a row in the inbox. It takes no lease,
//! makes no commit and calls no `act`; it never starts or touches a deploy (REC-8).

mod gates;
mod report;
mod tick;
mod tracker;

pub use report::{Report, shown};
pub use tick::{Reconciler, spawn};
