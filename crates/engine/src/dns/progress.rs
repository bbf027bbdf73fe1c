//! How far a change of a name has come, by what stands there and what is on record.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::record::RecordType;
use super::survey::{Apart, OwnRecords, are_same};

/// A change that was recorded before it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEpoch {
    /// Its number.
    pub epoch: u32,
    /// The types of its records.
    pub types: BTreeSet<RecordType>,
    /// The weights by environment; an environment without weight is not among them.
    pub weights: BTreeMap<SmolStr, u16>,
}

/// How far a change of a name has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameProgress {
    /// What is wanted stands there. It counts once all name servers have it.
    There,
    /// What was recorded for an earlier change stands there: this one was not written, was written late, or was lost by AWS
    /// (it says that accepted changes may be, after a failover). It is written again; nobody has edited anything.
    AtStart,
    /// What stands there has a higher number than everything on record: the record is older than AWS, as after a restored
    /// backup of the cluster.
    Ahead,
    /// Some records are of one change and some of another: a page was read before and another after. It is read once more.
    Torn,
    /// Somebody has edited a record, taken one away or added one.
    Elsewhere,
    /// No record is there: nothing answers.
    Nothing,
}

/// How far a change has come. `recorded` are the changes before it of which the weights are on record.
pub fn progress(
    standing: &Result<Option<OwnRecords>, Apart>,
    wanted: &OwnRecords,
    recorded: &[RecordedEpoch],
) -> NameProgress {
    let own = match standing {
        Ok(Some(own)) => own,
        Ok(None) => return NameProgress::Nothing,
        Err(Apart::Torn(_)) => return NameProgress::Torn,
        Err(Apart::Edited) => return NameProgress::Elsewhere,
    };
    if own.epoch > wanted.epoch {
        return NameProgress::Ahead;
    }
    if own.epoch == wanted.epoch {
        let is_it = own.types == wanted.types && are_same(&own.members, &wanted.members);
        return if is_it { NameProgress::There } else { NameProgress::Elsewhere };
    }
    let members = own.members.iter();
    let weights: BTreeMap<SmolStr, u16> =
        members.map(|(environment, member)| (environment.clone(), member.weight)).collect();
    let is_it = |earlier: &RecordedEpoch| {
        (earlier.epoch, &earlier.types, &earlier.weights) == (own.epoch, &own.types, &weights)
    };
    if recorded.iter().any(is_it) { NameProgress::AtStart } else { NameProgress::Elsewhere }
}
