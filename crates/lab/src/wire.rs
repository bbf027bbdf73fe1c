//! The wires between a controller and its world: connectors that note every request, and may cut it.
//!
//! Each life of a controller has wires of its own. A cut life sends nothing more: whatever it still does before it
//! is dropped never reaches the world.

mod aws;
mod kube;
mod lifeline;
mod network;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use aws::{ACCESS_KEY, sdk_config};
pub(crate) use kube::KubeWire;
pub(crate) use lifeline::{Ahead, Fate, Lifeline, Strike};
pub use lifeline::{Cut, Side, Sort};
pub use network::{Absence, Disturbance, Mischief, Which};
pub(crate) use network::{Conditions, Network};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
