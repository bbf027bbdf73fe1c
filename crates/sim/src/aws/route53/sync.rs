//! How changes reach the name servers: `GetChange`, and what a failover leaves of changes that did not get there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::effect::Writer;
use super::super::protocol::{Input, Output};
use super::super::refusal::{Refusal, Refused};
use super::super::timeline::Timeline;
use super::super::xml::Xml;
use super::alias::Balancers;
use super::record::{Record, RecordSet, SetKey};
use super::zone::{SERVERS, Zone};
use super::{Route53, Route53Options};

/// A change that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Submission {
    pub(super) at: Timestamp,
    /// When the last name server has it.
    pub(super) in_sync: Timestamp,
    comment: Option<String>,
}

/// A batch that may still be lost.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    id: String,
    pub(super) in_sync: Timestamp,
    /// The records of each name and type that it touches as they were before.
    before: BTreeMap<SetKey, Vec<Arc<Record>>>,
}

impl Submission {
    pub(super) fn describe(&self, id: &str, now: Timestamp) -> Xml {
        let status = if now < self.in_sync { "PENDING" } else { "INSYNC" };
        let mut elements = vec![
            Xml::text("Id", format!("/change/{id}")),
            Xml::text("Status", status),
            Xml::text("SubmittedAt", format!("{:.3}", self.at)),
        ];
        elements.extend(self.comment.iter().map(|comment| Xml::text("Comment", comment)));
        Xml::of("ChangeInfo", elements)
    }
}

impl Zone {
    /// Has each name server take these names and types as they are now, after what it is still to take.
    pub(super) fn publish(
        &mut self,
        writer: &Writer,
        options: &Route53Options,
        lag: &mut fastrand::Rng,
        sets: impl IntoIterator<Item = SetKey>,
    ) -> Timestamp {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let (least, most) = (millis(*options.sync.start()), millis(*options.sync.end()));
        for caught_up in &mut self.caught_up {
            let late = if writer.at_once { 0 } else { lag.u64(least..=most) };
            *caught_up = (*caught_up).max(writer.now + Duration::from_millis(late));
        }
        for set in sets {
            let records: RecordSet = self.set(&set).cloned().collect();
            let servers =
                self.served.entry(set).or_insert_with(|| std::array::from_fn::<_, SERVERS, _>(|_| Timeline::default()));
            for (timeline, at) in servers.iter_mut().zip(self.caught_up) {
                timeline.then(at, Arc::clone(&records));
            }
        }
        self.caught_up.into_iter().max().unwrap_or(writer.now)
    }
}

impl Route53 {
    /// Writes down a change of names and types of a zone, and has the name servers follow.
    pub(super) fn submit(
        &mut self,
        writer: &Writer,
        zone: &str,
        before: BTreeMap<SetKey, Vec<Arc<Record>>>,
        comment: Option<String>,
    ) -> Xml {
        let id = self.draw_id('C');
        let mut in_sync = writer.now;
        if let Some(zone) = self.zones.get_mut(zone) {
            in_sync = zone.publish(writer, &self.options, &mut self.lag, before.keys().cloned());
            zone.pending.retain(|pending| pending.in_sync > writer.now);
            zone.pending.push(Pending { id: id.clone(), in_sync, before });
        }
        self.announce(writer, id, in_sync, comment)
    }

    /// Writes down a change that name servers have taken by an instant.
    pub(super) fn announce(&mut self, writer: &Writer, id: String, in_sync: Timestamp, comment: Option<String>) -> Xml {
        let submission = Submission { at: writer.now, in_sync, comment };
        let told = submission.describe(&id, writer.now);
        self.submissions.insert(id, submission);
        told
    }

    pub(super) fn get_change(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let id = input.form.text("Id").unwrap_or_default();
        let id = id.trim_start_matches("/change/");
        let Some(submission) = self.submissions.get(id) else {
            let unknown = Refusal::new("NoSuchChange", format!("A change with id {id} does not exist"));
            return Err(unknown.with_status(http::StatusCode::NOT_FOUND).into());
        };
        Ok(Output::Document(vec![submission.describe(id, writer.now)]))
    }

    /// The control plane of a zone fails over: changes that were not in sync are gone, and name servers that had them
    /// already go back. Returns the identifiers of the changes that are gone.
    pub(super) fn fail_over(
        &mut self,
        writer: &Writer,
        zone: &str,
        balancers: &Balancers,
    ) -> Result<Vec<String>, Refusal> {
        let (options, lag) = (&self.options, &mut self.lag);
        let zone = self.zones.get_mut(zone).ok_or_else(|| super::no_zone(zone))?;
        let (lost, kept) =
            std::mem::take(&mut zone.pending).into_iter().partition(|pending| pending.in_sync > writer.now);
        zone.pending = kept;
        let lost: Vec<Pending> = lost;
        let mut sets = BTreeSet::new();
        // The latest first, so that in the end all is as before the earliest.
        for (set, records) in lost.iter().rev().flat_map(|pending| &pending.before) {
            let after: Vec<Arc<Record>> = zone.set(set).cloned().collect();
            zone.put_set(set, records.clone());
            balancers.note(writer, zone, set, (&after, records));
            sets.insert(set.clone());
        }
        for set in &sets {
            for timeline in zone.served.get_mut(set).into_iter().flatten() {
                timeline.forget_after(writer.now);
            }
        }
        if !sets.is_empty() {
            zone.publish(writer, options, lag, sets);
        }
        zone.busy_until = writer.now;
        let lost: Vec<String> = lost.into_iter().map(|pending| pending.id).collect();
        for id in &lost {
            self.submissions.remove(id);
        }
        Ok(lost)
    }

    /// The zone is busy until an instant.
    pub(super) fn occupy(&mut self, zone: &str, until: Timestamp) -> Result<(), Refusal> {
        self.zone_mut(zone)?.busy_until = until;
        Ok(())
    }

    /// How long a zone is busy with a batch.
    pub(super) fn busy_with(&self, changes: usize) -> SignedDuration {
        let (once, each) = self.options.busy;
        let all = once + each * u32::try_from(changes).unwrap_or(u32::MAX);
        SignedDuration::try_from(all).unwrap_or(SignedDuration::MAX)
    }
}
