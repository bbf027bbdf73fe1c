//! Worlds wired to controllers, and the model: where what the controllers do is tried out and judged.
//!
//! A [`World`] is the simulated AWS and Kubernetes behind the real clients, with a controller that can crash at any
//! write. Nothing here decides anything for a controller; whatever is judged is judged by the world's own records.

mod account;
pub mod bug;
pub mod control;
#[cfg(test)]
mod cost;
pub mod crash;
mod director;
pub mod evidence;
pub mod fault;
mod furniture;
pub mod journal;
pub mod judge;
pub mod load;
#[cfg(test)]
mod load_test;
pub mod manifest;
pub mod matrix;
pub mod model;
pub mod plan;
mod process;
mod provisioner;
pub mod rollout;
#[cfg(test)]
mod scenarios;
pub mod search;
pub mod shrink;
pub mod simulation;
pub mod stage;
pub mod timeline;
pub mod trace;
pub mod wave;
mod wire;
pub mod world;
pub mod world_file;

pub use account::Account;
pub use evidence::Evidence;
pub use furniture::Mistake;
pub use process::controller;
pub use wire::{CrashPoint, Disturbance, Mischief, Side, Which};
pub use world::{Settings, World};

/// The simulated world itself.
pub use weir_sim as sim;
