//! What one place of a route takes, by its kind.

use weir_api::weighted_route::Entry;

use crate::dns::MAX_RECORD_WEIGHT;
use crate::write::{MAX_GROUPS, MAX_WEIGHT};

/// By how many percent points more of the traffic than its weight says an environment of a name in DNS may get: resolvers are
/// drawn, not requests, and one of them may stand for many clients. With 20 resolvers of which one has 28 % of the clients, a
/// window of the TTL is above a part and 20 points in 5 to 15 % of all cases, with a thousand in 0.4 % (docs/dns.md).
const HEADROOM: i32 = 20;
/// The most environments of one name: Route 53 takes 100 records of one name and type, and others may have some.
const MOST_OF_A_NAME: usize = 50;

/// What one place takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most members of one split.
    pub members: usize,
    /// The greatest weight.
    pub max_weight: u16,
    /// By how many percent points more of the traffic than its weight says a member may get.
    pub headroom: i32,
    /// Whether members without weight have a place there: only there is their health checked.
    pub keeps_idle: bool,
}

impl Limits {
    /// What a place of this kind takes.
    pub fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Listener(_) => Self { members: MAX_GROUPS, max_weight: MAX_WEIGHT, headroom: 0, keeps_idle: true },
            Entry::Dns(_) => {
                Self { members: MOST_OF_A_NAME, max_weight: MAX_RECORD_WEIGHT, headroom: HEADROOM, keeps_idle: false }
            }
        }
    }
}
