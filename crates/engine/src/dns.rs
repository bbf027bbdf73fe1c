//! Names on Route 53: what stands at one, whose it is, and the batch by which it becomes what is wanted.
//!
//! Route 53 answers a name by weighted records. Weir replaces its own records at a name in one batch that is a
//! compare-and-swap: the batch deletes what was read, field by field, and creates what is wanted; AWS refuses the whole of it
//! where anything has changed since. It holds no UPSERT, which would go over what somebody else has written. Each of Weir's
//! records carries an epoch in its set identifier, so that a process that has fallen behind deletes what is no more and
//! changes nothing.
//!
//! Everything here is a function of values. Sources: the API reference and developer guide of Amazon Route 53, and botocore's
//! service model `route53/2013-04-01`.

mod batch;
mod identifier;
mod memory;
mod name;
mod progress;
mod record;
mod shares;
mod survey;
mod zone;

pub use batch::{Foreign, RecordChange, Replace, Unfit, Wanted};
pub use identifier::{Identifier, Mark};
pub use memory::{LastRun, NameMemory, record_in_words, record_of_words};
pub use name::DnsName;
pub use progress::{NameProgress, RecordedEpoch, progress};
pub use record::{Alias, Content, RecordSet, RecordType, Routing};
pub use shares::{MAX_RECORD_WEIGHT, record_weights};
pub use survey::{Apart, MemberRecord, Obstacle, OwnRecords, Survey, leads_to};
pub use zone::{ChangeId, ChangeSync, HostedZone, NameInZone, ZoneId};
