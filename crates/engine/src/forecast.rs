//! What shifts will write, in which order, when, and with how many readings: their own decisions, made in advance.
//!
//! The objects decide as they do in a controller, one tick after the other, on what is known of AWS now and on what it will
//! show once their own writes have been made (`forecast/projection.rs`). A pure function: what is not known yet is asked for, and with
//! the answers everything begins anew. Waits of other kinds are passed over as if everything went well: targets become
//! healthy, clients follow the weights, and somebody ends each pause that has no end of its own.

mod projection;
mod quota;
mod rehearsal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::Outcome;

use crate::fact::AwsError;
use crate::grant::Grants;
use crate::object::{Cluster, Key, ObjectRef};
use crate::reader::{Ask, Facts};
use crate::write::{RecordsWrite, Write};

use projection::Projection;
pub use quota::{Limits, Quota, QuotaUse};
use rehearsal::Rehearsal;

/// A number for each of some environments.
pub type ByEnvironment = Vec<(String, i32)>;

/// What is forecast.
#[derive(Clone, Debug)]
pub struct Question {
    /// The present instant.
    pub now: Timestamp,
    /// Names the installation of Weir in ownership tags.
    pub owner: String,
    /// Which namespaces may name what.
    pub grants: Arc<Grants>,
    /// The shifts.
    pub shifts: Vec<Key>,
}

/// What shifts will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// What happens, in order.
    pub entries: Vec<Entry>,
    /// How often AWS is read for it, by operation, beside the rounds in which a controller looks at everything.
    pub reads: BTreeMap<&'static str, u64>,
    /// How each shift ends, in the order in which they were named.
    pub ends: Vec<End>,
    /// What counts against quotas of AWS, in order.
    pub quota_uses: Vec<QuotaUse>,
    /// Why quotas could not be read, of which nothing is said then.
    pub unread_quotas: Vec<AwsError>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How long after the beginning, at least.
    pub after: SignedDuration,
    /// The object.
    pub object: ObjectRef,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A write.
    Write {
        /// It.
        write: Write,
        /// The weights that it makes live, by environment, where it makes any.
        weights: ByEnvironment,
        /// How many healthy targets an environment needs for it, where it gains.
        needs: ByEnvironment,
    },
    /// A shift waits; how, in its own words.
    Waits {
        /// The reason.
        reason: String,
        /// In words.
        message: String,
        /// For how long, where that is known.
        span: Option<SignedDuration>,
    },
    /// Somebody says that it goes on.
    Resumed,
}

/// How a shift ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// There is no such shift.
    Missing,
    /// It has nothing to do: the traffic is where it wants it.
    Rests,
    /// Its run ends.
    Ends {
        /// How.
        outcome: Outcome,
        /// How, in words.
        message: String,
        /// How long after the beginning, at least.
        after: SignedDuration,
    },
    /// Something stands in the way: what, as it says itself.
    Blocked(String),
    /// It goes on for longer than is looked ahead.
    Beyond(SignedDuration),
}

impl Forecast {
    /// What is written, in order.
    pub fn writes(&self) -> impl Iterator<Item = &Write> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            What::Write { write, .. } => Some(write),
            What::Waits { .. } | What::Resumed => None,
        })
    }

    /// The actions that IAM must allow for its writes, each with the resource.
    pub fn rights(&self) -> BTreeSet<(String, String)> {
        self.writes().flat_map(rights).collect()
    }

    /// How many batches of changes Route 53 gets.
    pub fn batches(&self) -> u64 {
        count(self.record_writes().count())
    }

    /// How many records are made and deleted in them, for which AWS has a rate of its own.
    pub fn record_changes(&self) -> u64 {
        count(self.record_writes().map(|write| write.batch.changes().len()).sum())
    }

    fn record_writes(&self) -> impl Iterator<Item = &RecordsWrite> {
        self.writes().filter_map(|write| if let Write::Records(write) = write { Some(write) } else { None })
    }

    /// How many calls of AWS it takes, beside the rounds.
    pub fn calls(&self) -> u64 {
        self.reads.values().sum::<u64>() + count(self.writes().count())
    }
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

/// The actions that IAM must allow for a write. How far a change of records has come must be asked too, which nobody does before
/// there is one.
fn rights(write: &Write) -> Vec<(String, String)> {
    let service = if matches!(write, Write::Records(_)) { "route53" } else { "elasticloadbalancing" };
    let real = |(operation, resource): (&'static str, String)| {
        (format!("{service}:{operation}"), projection::without_planned(resource))
    };
    let mut rights: Vec<(String, String)> = write.rights().into_iter().map(real).collect();
    if let Write::Records(write) = write {
        let partition = write.zone.as_str().split(':').nth(1).unwrap_or("aws");
        rights.push(("route53:GetChange".to_owned(), format!("arn:{partition}:route53:::change/*")));
    }
    rights
}

/// Forecasts what shifts will do, from the objects and from what is known of AWS. The error says what must be known besides.
pub fn forecast(question: &Question, cluster: &Cluster, facts: &Facts) -> Result<Forecast, Vec<Ask>> {
    Rehearsal::new(question, cluster.clone(), Projection::new(question.now, facts)).play()
}
