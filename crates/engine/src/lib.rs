//! Every decision of Weir, as pure functions over what was seen.
//!
//! Nothing here does I/O, reads a clock, draws a random number or knows a client. A tick is a state machine
//! ([`tick::Tick`]): it says what it needs, the caller answers with real clients or from a model's memory.

pub mod access;
mod allowed_routes;
pub mod backend;
pub mod claim;
mod command;
pub mod dates;
pub mod depend;
pub mod dns;
pub mod entry_point;
pub mod environment;
mod escape;
pub mod event;
pub mod fact;
pub mod forecast;
pub mod grant;
pub mod guard;
pub mod invariant;
pub mod kinds;
mod limits;
pub mod object;
pub mod reader;
pub mod ready_state;
pub mod reason;
pub mod route;
pub mod shift;
pub mod tick;
pub mod urgency;
pub mod weights;
pub mod write;

pub use access::Access;
pub use fact::Arn;
pub use grant::Grants;
pub use object::objects;
pub use object::{Cluster, Key, KindName, Object, ObjectRef};
pub use reason::Reason;
pub use route::share;
pub use tick::Kind;
