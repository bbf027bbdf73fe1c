//! The loop: watches, queue, answering the needs of ticks, events, metrics, health.
//!
//! One controller is one future on a current-thread runtime: dropping it is a crash, not polling it is a pause. It
//! spawns no task, holds no global state, reads no clock but the one it is given (and tokio's, which never goes back, for
//! spans), and takes no decision: those are in `weir-engine`. It must not know how the world behind its clients is made.

mod answer;
mod connectivity;
mod context;
mod convert;
mod definitions;
mod document;
mod election;
mod errors;
mod health;
mod ignored_annotations;
mod kinds;
mod leadership;
mod lease;
mod metrics;
mod namespace_check;
mod publish;
mod queue;
mod request_counts;
mod resync;
mod run;
mod selection;
mod server;
mod settings;
mod snapshot;
mod status_conflicts;
mod store;
mod wall_clock;
mod watch;
mod watch_freshness;

use std::sync::Arc;

use jiff::Timestamp;

pub use definitions::Definitions;
pub use document::{kind_of, resource};
pub use errors::Error;
pub use health::Health;
pub use kinds::{Decisions, Weir};
pub use metrics::Metrics;
pub use publish::REPORTER;
pub use run::Controller;
pub use settings::Settings;
pub use snapshot::Snapshot;
pub use weir_engine::grant::{Grant, Grants, Subject};
pub use weir_engine::{Key, forecast};

/// Where the loop and its probes get the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
