//! Polling of ownership tags: who owns a resource may change while nothing else does.
//!
//! Invariant: no resource goes unread for longer than [`PERIOD`] and the time between two calls, and the reads are
//! spread over it in full batches, so that a thousand resources at rest cost a few calls a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::fact::{ErrorKind, Fact, Found, Query, Tags};
use weir_engine::reader::Ask;
use weir_engine::tick::Urgency;

use super::Inventory;
use super::batch::MOST_TOGETHER;
use crate::budget::CallPriority;

/// How long the tags of a resource go unread.
const PERIOD: SignedDuration = SignedDuration::from_mins(9);

/// The tags as last reported, and when they are polled again.
#[derive(Default)]
pub(super) struct TagPoll {
    known: BTreeMap<Arn, PolledTags>,
}

struct PolledTags {
    /// `None` before they were read, or where there is no such resource.
    tags: Option<Arc<Tags>>,
    due: Timestamp,
}

impl TagPoll {
    /// Keeps only what is watched. New resources come in turn, in batches spread over the period.
    fn watch(&mut self, resources: &BTreeSet<Arn>, now: Timestamp, read: impl Fn(&Arn) -> Option<Arc<Tags>>) {
        self.known.retain(|arn, _| resources.contains(arn));
        let new: Vec<&Arn> = resources.iter().filter(|arn| !self.known.contains_key(*arn)).collect();
        let batches = i32::try_from(new.len().div_ceil(MOST_TOGETHER)).unwrap_or(i32::MAX);
        for (batch, arns) in (1..).zip(new.chunks(MOST_TOGETHER)) {
            let due = now + PERIOD * batch / batches;
            for arn in arns {
                self.known.insert((*arn).clone(), PolledTags { tags: read(arn), due });
            }
        }
    }

    /// What is due, filled up with what would be next to whole batches.
    fn due(&self, now: Timestamp) -> Vec<Arn> {
        let mut by_due: Vec<(Timestamp, &Arn)> = self.known.iter().map(|(arn, polled)| (polled.due, arn)).collect();
        by_due.sort();
        let due = by_due.iter().take_while(|(due, _)| *due <= now).count();
        let whole = due.next_multiple_of(MOST_TOGETHER);
        by_due.into_iter().take(whole).map(|(_, arn)| arn.clone()).collect()
    }

    /// Takes over what was read; true if it is not as last told. A failure tells nothing, and is tried again.
    fn update(&mut self, arn: &Arn, fact: Fact, now: Timestamp) -> bool {
        let Some(polled) = self.known.get_mut(arn) else { return false };
        let tags = match fact.found {
            Ok(Found::Tags(tags)) => Some(tags),
            Err(error) if error.kind == ErrorKind::NotFound => None,
            _ => return false,
        };
        polled.due = now + PERIOD;
        let changed = polled.tags != tags;
        polled.tags = tags;
        changed
    }
}

pub(super) async fn poll(inventory: &Inventory, resources: &BTreeSet<Arn>) -> BTreeSet<Arn> {
    let now = inventory.core.now();
    let due = {
        let memory = inventory.core.memory.borrow();
        let mut tag_poll = inventory.core.tag_poll.borrow_mut();
        tag_poll.watch(resources, now, |arn| memory.tags(&Query::Tags(arn.clone())).cloned());
        tag_poll.due(now)
    };
    let asks: Vec<Ask> = due.iter().map(|arn| Ask::new(Query::Tags(arn.clone()), now)).collect();
    let answers = inventory.answer_all(&asks, &CallPriority::new(Urgency::Routine)).await;
    let mut tag_poll = inventory.core.tag_poll.borrow_mut();
    let changed = due.into_iter().zip(answers).filter(|(arn, (_, fact))| tag_poll.update(arn, fact.clone(), now));
    changed.map(|(arn, _)| arn).collect()
}

#[cfg(test)]
mod tests;
