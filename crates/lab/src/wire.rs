//! The wires between a controller and its world: connectors that note every request, and may cut it.
//!
//! Each process of a controller has wires of its own. A cut process sends nothing more: whatever it still does before it
//! is dropped never reaches the world.

mod aws;
mod kube;
mod network;
mod process_control;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use aws::{ACCESS_KEY, AwsWire, persons_config, sdk_config};
pub(crate) use kube::KubeWire;
pub use network::{Absence, Disturbance, Mischief, Which};
pub(crate) use network::{Conditions, Network};
pub(crate) use process_control::{Ahead, Fate, ProcessControl, Strike};
pub use process_control::{CrashPoint, Side, Sort};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
