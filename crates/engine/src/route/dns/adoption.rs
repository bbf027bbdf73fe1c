//! How a name becomes a route's: its records are replaced by the route's own, which split the traffic in the same way.

use std::collections::{BTreeMap, BTreeSet};

use weir_api::weighted_route::NameRecords;

use crate::Arn;
use crate::backend;
use crate::dns::{RecordSet, record_in_words, record_of_words};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::write::Write;

use super::describe;
use super::place::{Place, in_words};

impl Place<'_> {
    /// The write that makes the name the route's; the error says why it cannot.
    pub fn adoption(&self, owner: &str) -> Result<Option<Write>, ReadyState> {
        let live = self.live_weights(self.members)?;
        let working = |message: String| ReadyState::Working(because(Reason::WaitingForEnvironment, message));
        let split: BTreeMap<Arn, u16> = backend::by_member(self.members, &live).map_err(working)?;
        if let Some(reason) = self.unremembered(owner) {
            return Err(ReadyState::Stalled(reason));
        }
        if let Some(reason) = self.judged_by_health() {
            return Err(ReadyState::Stalled(reason));
        }
        // What others carry is taken from them by a step, which looks whether there is the capacity for it.
        let plan = self.plan(split)?.sparing_others();
        let write = self.write(owner, &plan);
        write.map(Some).ok_or_else(|| {
            let message = format!("the records for {} cannot be made of what stands there", describe(self.route));
            ReadyState::Stalled(because(Reason::Invalid, message))
        })
    }

    /// Why records of others cannot be taken over without a change of the traffic: by health, Route 53 may answer another
    /// split than their weights tell.
    fn judged_by_health(&self) -> Option<Explanation> {
        let evaluates = |record: &RecordSet| record.alias().is_some_and(|alias| alias.evaluate_target_health);
        let taken = |record: &&&RecordSet| record.weight() != Some(0) && !self.is_zeroed(record);
        let mut weighted = self.survey.foreign.iter().filter(taken);
        weighted.find_map(|record| {
            let (found, remedy) = if record.health_check.is_some() {
                ("with a health check", "Remove the health check from the record")
            } else if evaluates(record) && !self.route.entry.evaluate_target_health {
                ("that evaluates the health of its target", "Write evaluateTargetHealth: true, or change the record")
            } else {
                return None;
            };
            let message = format!(
                "found {} at {} {found}, which Weir's record would not have: clients would move that Route 53 keeps away. {remedy}",
                in_words(record),
                describe(self.route)
            );
            Some(because(Reason::NotAdopted, message))
        })
    }

    /// What is on record of what was there before Weir.
    pub(super) fn recorded_before(&self) -> Option<Vec<RecordSet>> {
        let words = self.route.status.dns.before.as_ref().filter(|_| self.route.status.dns.marked)?;
        words.iter().map(|words| record_of_words(&self.survey.name, words)).collect()
    }

    /// What was there before Weir, as far as it is known.
    pub(super) fn before(&self) -> Option<Vec<RecordSet>> {
        let remembered = self.survey.memory.as_ref().map(|(memory, _)| memory.before.clone());
        remembered.or_else(|| self.recorded_before())
    }

    /// Puts on record what was there before Weir: as it is remembered there, or as it stands there before it is adopted.
    pub fn record_original(&self, record: &mut NameRecords) {
        let before = self.before().or_else(|| (!self.is_ours()).then(|| self.strangers()));
        let words = before.map(|before| before.iter().map(record_in_words).collect::<Option<Vec<String>>>());
        if let Some(Some(words)) = words {
            record.before = Some(words);
        }
        let before = self.before().unwrap_or_else(|| self.strangers());
        let members: BTreeSet<&str> =
            before.iter().filter_map(|record| self.member_behind(record, self.members)).collect();
        let known = |environment: &str| Some(self.members.get(environment)?.as_ref().ok()?.record(environment));
        let members: Vec<_> = members.into_iter().filter_map(known).collect();
        // Of those that are not known any more it stays on record what they lent.
        record.before_members.retain(|earlier| members.iter().all(|now| now.environment != earlier.environment));
        record.before_members.extend(members);
        record.before_members.sort();
    }
}
