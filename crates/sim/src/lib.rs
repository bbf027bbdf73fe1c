//! The simulated world: AWS at wire level, a Kubernetes API, targets, clients and their requests, on one clock.
//!
//! It knows nothing of Weir's own crates: what it serves is what AWS and Kubernetes would serve, and it learns
//! custom kinds from the definitions posted to it. A request handed to it belongs to the world:
//! dropping the caller does not undo what the request did.

pub mod aws;
pub mod clock;
pub mod kube;
pub mod traffic;
