//! Who is due, by the account and region where it must look: each has slots of its own.
//!
//! A tick holds its slot while it waits for AWS. So an account that does not answer fills its own slots, and nobody else
//! waits for it. Among those that are as urgent, the namespaces take turns: who has many objects there has no more turns
//! than who has one.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use weir_engine::tick::Urgency;
use weir_engine::{Access, ObjectRef};

use super::turns::{Due, Turns};
use super::{FAIR, Slots, WRITERS};

/// The lines of all accesses.
#[derive(Debug)]
pub(super) struct Lines {
    slots: Slots,
    by_access: BTreeMap<Arc<Access>, Line>,
    /// How many ticks other than those of rollbacks were begun.
    begun: u32,
}

/// Those that wait for the slots of one access, and those that have them.
#[derive(Debug, Default)]
struct Line {
    /// Due.
    ready: Turns,
    /// Due, and waiting for their turn to write.
    writers: Turns,
    running: usize,
    /// How many of those that run have their turn to write.
    writing: usize,
}

impl Lines {
    pub fn new(slots: Slots) -> Self {
        Self { slots, by_access: BTreeMap::new(), begun: 0 }
    }

    /// Someone is due, who waits for its turn to write if it is a writer.
    pub fn add(&mut self, access: &Arc<Access>, due: Due, is_writer: bool) {
        let line = self.by_access.entry(Arc::clone(access)).or_default();
        let turns = if is_writer { &mut line.writers } else { &mut line.ready };
        turns.insert(due);
    }

    /// Takes somebody out that waits since an instant. Its urgency may have changed since it was put there.
    pub fn remove(&mut self, access: &Access, since: Timestamp, object: &ObjectRef) {
        let Some(line) = self.by_access.get_mut(access) else { return };
        for urgency in Urgency::ALL {
            let due = (urgency, since, object.clone());
            if !line.ready.remove(&due) {
                line.writers.remove(&due);
            }
        }
        self.tidy(access);
    }

    /// Nobody is due any more; those that run go on.
    pub fn clear(&mut self) {
        for line in self.by_access.values_mut() {
            line.ready.clear();
            line.writers.clear();
        }
        self.by_access.retain(|_, line| line.running > 0);
    }

    /// The next that may begin, which then has a slot of its access, and whether it has its turn to write.
    ///
    /// It is the most urgent one; but now and then, when nothing goes back, the one that has waited longest, so that a load
    /// of moving runs that never ends keeps nobody waiting for ever.
    pub fn next(&mut self) -> Option<(Arc<Access>, Due, bool)> {
        let slots = self.slots;
        let heads = self.by_access.iter().filter_map(|(access, line)| Some((line.head(slots)?, access)));
        let ((mut due, may_wait), access) = heads.min()?;
        let mut access = Arc::clone(access);
        if !may_wait && due.0 != Urgency::Rollback {
            self.begun = self.begun.wrapping_add(1);
            if self.begun.is_multiple_of(FAIR) {
                let free = self.by_access.iter().filter(|(_, line)| line.has_common(slots));
                let longest = free.filter_map(|(access, line)| Some((line.ready.longest()?, access)));
                if let Some((longest, of)) = longest.min_by_key(|((_, since, _), _)| *since) {
                    (due, access) = (longest, Arc::clone(of));
                }
            }
        }
        let line = self.by_access.get_mut(&access)?;
        let turns = if may_wait { &mut line.writers } else { &mut line.ready };
        turns.take(&due);
        line.running += 1;
        line.writing += usize::from(may_wait);
        Some((access, due, may_wait))
    }

    /// One that had a slot of an access has ended.
    pub fn end(&mut self, access: &Access, was_writing: bool) {
        if let Some(line) = self.by_access.get_mut(access) {
            line.running = line.running.saturating_sub(1);
            line.writing = line.writing.saturating_sub(usize::from(was_writing));
        }
        self.tidy(access);
    }

    /// How many are due and not yet begun.
    pub fn depth(&self) -> usize {
        self.by_access.values().map(|line| line.ready.len() + line.writers.len()).sum()
    }

    /// Since when the one is due that has waited longest.
    pub fn oldest(&self) -> Option<Timestamp> {
        let waiting = self.by_access.values().flat_map(|line| [line.ready.longest(), line.writers.longest()]);
        waiting.flatten().map(|(_, since, _)| since).min()
    }

    fn tidy(&mut self, access: &Access) {
        let is_idle = |line: &Line| line.running == 0 && line.ready.is_empty() && line.writers.is_empty();
        if self.by_access.get(access).is_some_and(is_idle) {
            self.by_access.remove(access);
        }
    }
}

impl Line {
    /// Who goes first, if there is a slot for it, and whether it has its turn to write.
    fn head(&self, slots: Slots) -> Option<(Due, bool)> {
        let ready = self.ready.first();
        let writer = self.writers.first().filter(|_| self.writing < WRITERS);
        let writer = writer.filter(|writer| ready.as_ref().is_none_or(|other| writer < other));
        let is_writer = writer.is_some();
        let head = writer.or(ready)?;
        let has_slot = if head.0 == Urgency::Rollback { self.running < slots.all } else { self.has_common(slots) };
        has_slot.then_some((head, is_writer))
    }

    /// Whether there is a slot for others than rollbacks.
    fn has_common(&self, slots: Slots) -> bool {
        self.running + slots.rollback < slots.all
    }
}
