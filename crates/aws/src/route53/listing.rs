//! What a page of `ListResourceRecordSets` says of a name: what stands there, or that nothing does.
//!
//! Route 53 lists records by their names with the labels reversed and a dot behind each (`example.shop.api.`), as ASCII
//! sorts them. Whether `*` counts there as itself or as the `\052` that it writes, it does not say; so of two names one is
//! before the other where both forms say so. Names with other escapes are not compared at all.
//!
//! Source: "Sort order" in <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html>

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use weir_engine::dns::{DnsName, RecordSet};

/// The most characters of a label, and of a name (RFC 1035, 2.3.4).
const LABEL: usize = 63;
const NAME: usize = 253;

/// What a listing that begins at a name has told.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The records in the order in which they came.
    pub records: Vec<RecordSet>,
    /// The name of the record that would come next, where there is one.
    pub next: Option<DnsName>,
}

impl Listing {
    /// The names among those wanted of which the listing, which begins at one of them, tells all that stands there, each with
    /// its records.
    pub fn answers<'a>(
        &self,
        start: &DnsName,
        wanted: impl IntoIterator<Item = &'a DnsName>,
    ) -> BTreeMap<DnsName, Vec<RecordSet>> {
        let bound = self.bound();
        let is_ordered = is_plain(start) && self.is_ordered();
        let is_told = |name: &DnsName| {
            let is_within =
                || is_before(start, name) && bound.is_none_or(|bound| is_plain(bound) && is_before(name, bound));
            name == start || (is_ordered && is_plain(name) && is_within())
        };
        let names: BTreeSet<&DnsName> = wanted.into_iter().filter(|name| is_told(name)).collect();
        let mut answers: BTreeMap<DnsName, Vec<RecordSet>> =
            names.into_iter().map(|name| (name.clone(), Vec::new())).collect();
        for record in &self.records {
            if let Some(records) = answers.get_mut(&record.name) {
                records.push(record.clone());
            }
        }
        // AWS promises no order among the records of one name and type, and a changed order is no change.
        for records in answers.values_mut() {
            records.sort();
        }
        answers
    }

    /// A name before which the listing tells everything; `None` where it tells all up to the end of the zone. The name at
    /// which a page ends is one that the next may go on with.
    fn bound(&self) -> Option<&DnsName> {
        let next = self.next.as_ref()?;
        let known = self.records.iter().rev().map(|record| &record.name);
        Some(std::iter::once(next).chain(known).find(|name| is_plain(name)).unwrap_or(next))
    }

    /// Whether it is in the order that is known here. Where it is not, it tells nothing but what it begins with.
    fn is_ordered(&self) -> bool {
        let names: Vec<&DnsName> =
            self.records.iter().map(|record| &record.name).chain(&self.next).filter(|name| is_plain(name)).collect();
        names.is_sorted_by(|one, other| !is_before(other, one))
    }
}

/// Whether it is known where a name is listed, and that Route 53 takes it: letters, digits, `-` and `_`, and perhaps a
/// wildcard.
pub(super) fn is_plain(name: &DnsName) -> bool {
    let text = name.as_str();
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=LABEL).contains(&label.len()) && label.bytes().all(is_plain)
    };
    text.len() <= NAME && text.strip_prefix("*.").unwrap_or(text).split('.').all(is_label)
}

/// The order in which names are asked for.
pub(super) fn order(one: &DnsName, other: &DnsName) -> Ordering {
    key(&one.escaped()).cmp(&key(&other.escaped()))
}

/// Whether one is listed before the other, whichever way `*` counts.
fn is_before(one: &DnsName, other: &DnsName) -> bool {
    order(one, other).is_lt() && key(one.as_str()) < key(other.as_str())
}

/// What Route 53 sorts by.
fn key(text: &str) -> String {
    text.rsplit('.').fold(String::with_capacity(text.len() + 1), |key, label| key + label + ".")
}

#[cfg(test)]
mod tests;
