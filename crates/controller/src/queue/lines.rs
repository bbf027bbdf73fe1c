//! Who is due, by the account and region where it must look: each has slots of its own.
//!
//! A tick holds its slot while it waits for AWS. So an account that does not answer fills its own slots, and nobody else
//! waits for it. Among those that are as urgent, the namespaces take turns: who has many objects there has no more turns
//! than who has one.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use weir_engine::ObjectRef;
use weir_engine::tick::Urgency;

use super::turns::{Due, Turns};
use super::{BOARDING_INTERVAL, Channel, FAIR, FILLING, Slots, after};

/// The lines of all channels.
#[derive(Debug)]
pub(super) struct Lines {
    slots: Slots,
    by_channel: BTreeMap<Arc<Channel>, Line>,
    /// How many ticks other than those of rollbacks were begun.
    begun: u32,
}

/// Those that wait for the slots of one channel, and those that have them.
#[derive(Debug, Default)]
struct Line {
    /// Due.
    ready: Turns,
    /// Due, and seated until their write may go.
    seated: Turns,
    running: usize,
    /// How many tokens the writes of the seated take, each and together.
    fares: BTreeMap<ObjectRef, u32>,
    fare: usize,
    /// For how many tokens of the seated may begin now.
    boarding: usize,
    /// When some were let board last.
    boarded_at: Option<Timestamp>,
    /// How many have boarded.
    boarded: u32,
}

impl Lines {
    pub fn new(slots: Slots) -> Self {
        Self { slots, by_channel: BTreeMap::new(), begun: 0 }
    }

    /// Someone is due, and keeps its seat if it has one, for a write that takes so many tokens.
    pub fn add(&mut self, channel: &Arc<Channel>, due: Due, seated: Option<u32>) {
        let line = self.by_channel.entry(Arc::clone(channel)).or_default();
        match seated {
            Some(fare) => line.seat(due, fare),
            None => line.ready.insert(due),
        }
    }

    /// By which channels somebody has seats, and how many tokens the writes of all of them take.
    pub fn seats(&self) -> Vec<(Arc<Channel>, usize)> {
        let seated = self.by_channel.iter().filter(|(_, line)| !line.seated.is_empty());
        seated.map(|(channel, line)| (Arc::clone(channel), line.fare)).collect()
    }

    /// How many have seats.
    pub fn seated(&self) -> usize {
        self.by_channel.values().map(|line| line.seated.len()).sum()
    }

    /// Whether somebody has a seat.
    pub fn has_seats(&self, channel: &Channel) -> bool {
        self.by_channel.get(channel).is_some_and(|line| !line.seated.is_empty())
    }

    /// Lets as many board as may go, or says when it is to be tried again. Those whose writes share a request board when there are
    /// tokens for a whole one, or for all of them.
    pub fn board(&mut self, channel: &Channel, (may_go, whole): (usize, usize), now: Timestamp) -> Option<Timestamp> {
        let line = self.by_channel.get_mut(channel)?;
        line.boarding = line.boarding.min(may_go);
        if line.seated.is_empty() || may_go < whole.min(line.fare) || line.boarding > 0 {
            return None;
        }
        if line.fare < whole && !line.is_quiet() {
            let since = line.seated.longest().map_or(now, |(_, since, _)| since);
            let due = after(since, FILLING);
            if now < due && since <= now {
                return Some(due);
            }
        }
        if let Some(due) = line.next_boarding(now).filter(|due| now < *due && may_go < line.fare) {
            return Some(due);
        }
        (line.boarding, line.boarded_at) = (may_go.min(line.fare), Some(now));
        None
    }

    /// Whether nobody else works by a channel: who is alone need not wait for others that may want to write too.
    pub fn is_alone(&self, channel: &Channel) -> bool {
        self.by_channel
            .get(channel)
            .is_none_or(|line| line.seated.is_empty() && line.ready.is_empty() && line.running <= 1)
    }

    /// When somebody looks that would look at an instant: with those that board next, where somebody has a seat. What goes back
    /// is never put off.
    pub fn put_off(&self, channel: &Channel, urgency: Urgency, at: Timestamp, now: Timestamp) -> Timestamp {
        let line = self.by_channel.get(channel).filter(|line| !line.seated.is_empty() && urgency != Urgency::Rollback);
        line.and_then(|line| line.next_boarding(now)).map_or(at, |boarding| at.max(boarding))
    }

    /// Takes somebody out that waits since an instant. Its urgency may have changed since it was put there.
    pub fn remove(&mut self, channel: &Channel, since: Timestamp, object: &ObjectRef) {
        let Some(line) = self.by_channel.get_mut(channel) else { return };
        for urgency in Urgency::ALL {
            let due = (urgency, since, object.clone());
            if !line.ready.remove(&due) {
                line.unseat(&due);
            }
        }
        self.tidy(channel);
    }

    /// Nobody is due any more; those that run go on.
    pub fn clear(&mut self) {
        for line in self.by_channel.values_mut() {
            line.ready.clear();
            line.seated.clear();
            line.fares.clear();
            (line.fare, line.boarding, line.boarded_at) = (0, 0, None);
        }
        self.by_channel.retain(|_, line| line.running > 0);
    }

    /// The next that may begin, which then has a slot of its channel, and whether it boards.
    ///
    /// It is the most urgent one; but now and then, when nothing goes back, the one that has waited longest, so that a load
    /// of moving runs that never ends keeps nobody waiting for ever.
    pub fn next(&mut self) -> Option<(Arc<Channel>, Due, bool)> {
        let slots = self.slots;
        let heads = self.by_channel.iter().filter_map(|(channel, line)| Some((line.head(slots.of(channel))?, channel)));
        let ((mut due, boards), channel) = heads.min()?;
        let mut channel = Arc::clone(channel);
        if !boards && due.0 != Urgency::Rollback {
            self.begun = self.begun.wrapping_add(1);
            if self.begun.is_multiple_of(FAIR) {
                let free = self.by_channel.iter().filter(|(channel, line)| line.has_common(slots.of(channel)));
                let longest = free.filter_map(|(channel, line)| Some((line.ready.longest()?, channel)));
                if let Some((longest, of)) = longest.min_by_key(|((_, since, _), _)| *since) {
                    (due, channel) = (longest, Arc::clone(of));
                }
            }
        }
        let line = self.by_channel.get_mut(&channel)?;
        if boards {
            line.boarded = line.boarded.wrapping_add(1);
            line.seated.take(&due);
            let fare = line.unseat(&due);
            line.boarding = line.boarding.saturating_sub(fare);
        } else {
            line.ready.take(&due);
        }
        line.running += 1;
        Some((channel, due, boards))
    }

    /// One that had a slot of a channel has ended.
    pub fn end(&mut self, channel: &Channel) {
        if let Some(line) = self.by_channel.get_mut(channel) {
            line.running = line.running.saturating_sub(1);
        }
        self.tidy(channel);
    }

    /// How many are due and not yet begun.
    pub fn depth(&self) -> usize {
        self.by_channel.values().map(|line| line.ready.len() + line.seated.len()).sum()
    }

    /// Since when the one is due that has waited longest.
    pub fn oldest(&self) -> Option<Timestamp> {
        let waiting = self.by_channel.values().flat_map(|line| [line.ready.longest(), line.seated.longest()]);
        waiting.flatten().map(|(_, since, _)| since).min()
    }

    fn tidy(&mut self, channel: &Channel) {
        let is_idle = |line: &Line| line.running == 0 && line.ready.is_empty() && line.seated.is_empty();
        if self.by_channel.get(channel).is_some_and(is_idle) {
            self.by_channel.remove(channel);
        }
    }
}

impl Line {
    fn seat(&mut self, due: Due, fare: u32) {
        self.unseat(&due);
        self.fares.insert(due.2.clone(), fare);
        self.fare += usize::try_from(fare).unwrap_or(usize::MAX);
        self.seated.insert(due);
    }

    /// Somebody has no seat any more; tells how many tokens its write takes.
    fn unseat(&mut self, due: &Due) -> usize {
        self.seated.remove(due);
        let fare = self.fares.remove(&due.2).map_or(0, |fare| usize::try_from(fare).unwrap_or(usize::MAX));
        self.fare -= fare;
        fare
    }

    /// Who goes first, if there is a slot for it, and whether it boards. Of those that board, one in a few is the one that has
    /// waited longest, however urgent.
    fn head(&self, slots: Slots) -> Option<(Due, bool)> {
        let ready = self.ready.first();
        let is_fair = self.boarded % FAIR == FAIR - 1;
        let seated = if is_fair { self.seated.longest() } else { self.seated.first() };
        let seated = seated.filter(|_| self.boarding > 0);
        // Who boards has a token waiting for it; only what goes back comes first.
        let boards = seated.is_some() && ready.as_ref().is_none_or(|other| other.0 != Urgency::Rollback);
        let head = if boards { seated } else { ready }?;
        let has_slot = if head.0 == Urgency::Rollback { self.running < slots.all } else { self.has_common(slots) };
        // Those that share a request have their room in it.
        let has_room = boards && slots.are_shared;
        (has_slot || has_room).then_some((head, boards))
    }

    /// When the next board after those that have boarded last. A clock that was set back keeps nobody waiting.
    fn next_boarding(&self, now: Timestamp) -> Option<Timestamp> {
        let boarded_at = self.boarded_at.filter(|boarded| *boarded <= now)?;
        Some(after(boarded_at, BOARDING_INTERVAL))
    }

    /// Whether all who are due have their seats.
    fn is_quiet(&self) -> bool {
        self.ready.is_empty() && self.running == 0
    }

    /// Whether there is a slot for others than rollbacks.
    fn has_common(&self, slots: Slots) -> bool {
        self.running + slots.rollback < slots.all
    }
}
