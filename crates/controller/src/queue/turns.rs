//! Those who are due, and whose turn it is: the most urgent first, and of these one of each namespace after the other, in
//! each the one that has waited longest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;
use smol_str::SmolStr;
use weir_engine::ObjectRef;
use weir_engine::tick::Urgency;

/// Someone due: how urgent it is, since when it is due, and which object it is.
pub(super) type Due = (Urgency, Timestamp, ObjectRef);

/// Those who are due.
#[derive(Debug, Default)]
pub(super) struct Turns {
    due: BTreeMap<(Urgency, SmolStr), BTreeSet<(Timestamp, ObjectRef)>>,
    /// The namespace that had the last turn.
    last: BTreeMap<Urgency, SmolStr>,
    count: usize,
}

impl Turns {
    /// Someone is due.
    pub fn insert(&mut self, (urgency, since, object): Due) {
        let beside = self.due.entry((urgency, object.key.namespace.clone())).or_default();
        self.count += usize::from(beside.insert((since, object)));
    }

    /// Takes somebody out; whether it was there.
    pub fn remove(&mut self, (urgency, since, object): &Due) -> bool {
        let key = (*urgency, object.key.namespace.clone());
        let Some(beside) = self.due.get_mut(&key) else { return false };
        let was_there = beside.remove(&(*since, object.clone()));
        if beside.is_empty() {
            self.due.remove(&key);
        }
        self.count -= usize::from(was_there);
        was_there
    }

    /// Takes out whose turn it is; the turn is then that of another namespace.
    pub fn take(&mut self, due: &Due) {
        self.remove(due);
        self.last.insert(due.0, due.2.key.namespace.clone());
    }

    /// Whose turn it is.
    pub fn first(&self) -> Option<Due> {
        let ((urgency, _), beside) = self.due.first_key_value()?;
        let next = self.last.get(urgency).and_then(|last| {
            let after = (Bound::Excluded((*urgency, last.clone())), Bound::Unbounded);
            self.due.range(after).next().filter(|((of, _), _)| of == urgency)
        });
        let (since, object) = next.map_or(beside, |(_, beside)| beside).first()?;
        Some((*urgency, *since, object.clone()))
    }

    /// Who has waited longest.
    pub fn longest(&self) -> Option<Due> {
        let firsts = self.due.iter().filter_map(|((urgency, _), beside)| Some((urgency, beside.first()?)));
        let (urgency, (since, object)) = firsts.min_by_key(|(_, (since, _))| *since)?;
        Some((*urgency, *since, object.clone()))
    }

    /// How many are due.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Nobody is due any more.
    pub fn clear(&mut self) {
        self.due.clear();
        self.count = 0;
    }
}
