//! The laws that each decision obeys: tried after each tick and each change of a model, from what is on its AWS then.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_engine::kinds::{EntryPoints, Environments, Routes, Shifts};
use weir_engine::reader::{ANY_AGE, Facts, Reader};
use weir_engine::tick::{Context, Verdict};
use weir_engine::{Cluster, Key, Kind, KindName, Object, ObjectRef};

use super::{Model, OWNER};

impl Model {
    /// On its own recorded status a decision changes nothing, now or at any moment before it wants to be woken.
    pub(super) fn obeys_the_laws<K: Kind>(&self, object: &ObjectRef, acts: u32, wake: Option<Timestamp>) {
        if acts > 0 || self.memories.get(object).is_some_and(|memory| memory.write_error.is_some()) {
            return;
        }
        let Some(stored) = K::find(&self.cluster, &object.key) else { return };
        let later = wake.map_or(self.now + SignedDuration::from_hours(1), |wake| wake - SignedDuration::from_millis(1));
        for now in [self.now, later.max(self.now)] {
            let verdict = self.decision::<K>(now, &self.cluster, stored);
            assert_eq!(verdict.status, stored.status, "{object} changes its status at {now}, ticked at {}", self.now);
        }
    }

    /// What would be decided of an object at an instant, from what is on AWS now.
    fn decision<K: Kind>(
        &self,
        now: Timestamp,
        cluster: &Cluster,
        stored: &Object<K::Spec, K::Status>,
    ) -> Verdict<K::Status> {
        let object = ObjectRef::new(K::NAME, stored.key.clone());
        let accepted = self.memories.get(&object).and_then(|memory| memory.accepted.clone());
        let (counted_from, grants) = (Timestamp::MIN, Arc::clone(&self.grants));
        let context = Context { now, counted_from, owner: OWNER.to_owned(), write_error: None, accepted, grants };
        let mut facts = Facts::default();
        loop {
            let mut reader = Reader::new(now, &facts);
            let verdict = K::decide(&context, cluster, stored, &mut reader);
            let asks = reader.into_asks();
            if asks.is_empty() {
                return verdict.expect("a decision without asks is made");
            }
            for ask in asks {
                assert!(ask.not_before <= now || ask.not_before == ANY_AGE, "{object}: asks for the future");
                let (_, fact) = self.aws.answer_as_of(self.now, now, ask.query.clone());
                facts.answer(ask, fact);
            }
        }
    }

    /// An object that a change does not wake decides after it as before it.
    pub(super) fn is_unconcerned(&self, before: &Cluster, object: &ObjectRef) {
        match object.kind {
            KindName::EntryPoint => self.is_unconcerned_of::<EntryPoints>(before, &object.key),
            KindName::Environment => self.is_unconcerned_of::<Environments>(before, &object.key),
            KindName::WeightedRoute => self.is_unconcerned_of::<Routes>(before, &object.key),
            KindName::TrafficShift => self.is_unconcerned_of::<Shifts>(before, &object.key),
        }
    }

    fn is_unconcerned_of<K: Kind>(&self, before: &Cluster, key: &Key) {
        let decision =
            |cluster: &Cluster| K::find(cluster, key).map(|stored| self.decision::<K>(self.now, cluster, stored));
        assert_eq!(decision(before), decision(&self.cluster), "{key} sleeps through a change at {}", self.now);
    }
}
