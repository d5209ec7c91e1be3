//! What Portcullis says to the world outside and hears from it: forges, trackers, messengers, image registries and gates'
//! own requests.
//!
//! Inwards, [`webhook`] turns a signed body into a [`portcullis_core::event::Event`]; it is pure. Outwards, each kind of
//! partner has a trait ([`forge::Forge`], [`tracker::Tracker`], [`messenger::Messenger`]) and its implementations over
//! HTTP; registries of container images speak one language, so [`image::Registry`] is a type. Whatever the other side answers is bounded in size and time, and no secret ever appears in an error.
//!
//! [`advisories`] keeps what the world knows of vulnerable packages, in a file that gates' questions are answered from.
//!
//! Deliberately absent: other storage, retries (the daemon's outbox retries), the local forge (it needs git and the store) and
//! the reading of settings.

pub mod advisories;
pub mod forge;
pub mod http;
pub mod image;
pub mod messenger;
pub mod secret;
pub mod tracker;
pub mod webhook;

mod text;
