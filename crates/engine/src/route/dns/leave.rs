//! How a route leaves its name: its records go, and what was there before Weir comes back.

use weir_api::weighted_route::{Deletion, DeletionStage, EnvironmentWeight};

use crate::backend;
use crate::dns::{RecordSet, Replace};
use crate::limits::Limits;
use crate::reader::{Asked, Reader};
use crate::ready_state::because;
use crate::reason::Reason;
use crate::weights;
use crate::write::{RecordsWrite, Write};

use super::super::capacity::{self, Demand};
use super::super::undo::Undo;
use super::describe;
use super::place::{Place, in_words};

impl Place<'_> {
    /// Removes the route's records, where nothing was there before them.
    pub fn delete(&self) -> Undo {
        match self.before() {
            Some(before) if before.is_empty() => self.replaced(&before, &[]),
            Some(before) => {
                let before: Vec<String> = before.iter().map(in_words).collect();
                Undo::Blocked(format!(
                    "before Weir, {} had {}; write deletionPolicy: Restore to put that back, or Retain to leave what is there",
                    describe(self.route),
                    before.join(", ")
                ))
            }
            None => Undo::Blocked(self.unknown_before()),
        }
    }

    /// Puts back what was there before Weir, and removes the route's records.
    pub fn restore(&self, reader: &mut Reader<'_>) -> Asked<Undo> {
        let Some(before) = self.before() else { return Some(Undo::Blocked(self.unknown_before())) };
        let live = match self.live_weights(self.members) {
            Ok(live) => live,
            Err(ready_state) => return Some(Undo::Blocked(ready_state.explanation().message.to_string())),
        };
        let restored = match self.split_of(&before) {
            Ok(restored) => restored,
            Err(stranger) => {
                return Some(Undo::Blocked(format!(
                    "before Weir, {} had {}, which leads to no balancer of an environment that is known, so nothing tells whether \
                     it can carry that again; write deletionPolicy: Retain, and put the records right by hand",
                    describe(self.route),
                    in_words(stranger)
                )));
            }
        };
        if !restored.is_empty() && !weights::same_split(&restored, &live) {
            let restored = &restored;
            let baseline = match capacity::count(&live, restored, self.members, reader)? {
                Ok(baseline) => baseline,
                Err(unknown) => return Some(Undo::Blocked(unknown)),
            };
            let needs = capacity::needs(
                baseline,
                self.route.spec.capacity.min_healthy_percent,
                Limits::of(&self.route.spec.entry).headroom,
            );
            let demand = Demand { live: &live, wanted: restored, needs, returns: true };
            if let Err(short) = capacity::suffices(&demand, self.members, reader)? {
                return Some(Undo::Blocked(format!(
                    "{short} to carry again what it carried before Weir; start them, or write deletionPolicy: Retain"
                )));
            }
        }
        Some(self.replaced(&before, &restored))
    }

    fn unknown_before(&self) -> String {
        format!(
            "what was at {} before Weir is not known: the TXT record at {} is gone. Write deletionPolicy: Retain, and put the \
             records right by hand",
            describe(self.route),
            self.survey.name.memory()
        )
    }

    /// How the records of before split the traffic, the same for every type; the error is one that has a part in it and leads
    /// to no environment that is known.
    fn split_of<'r>(&self, before: &'r [RecordSet]) -> Result<Vec<EnvironmentWeight>, &'r RecordSet> {
        let split = self.splits_of(before, self.members)?.into_values().next().unwrap_or_default();
        let split = split
            .into_iter()
            .map(|(environment, weight)| EnvironmentWeight { environment: environment.to_owned(), weight });
        Ok(weights::normal(split.collect()))
    }

    fn replaced(&self, before: &[RecordSet], restored: &[EnvironmentWeight]) -> Undo {
        let Some(batch) = Replace::restoring(&self.survey, before) else {
            return Undo::Blocked("there is nothing to replace".to_owned());
        };
        let split = backend::by_member(self.members, restored).unwrap_or_default();
        let split = split.into_iter().filter(|(_, weight)| *weight > 0).collect();
        let place = describe(self.route);
        let (doing, done) = if before.is_empty() {
            (format!("Weir's records at {place} are being removed"), format!("Weir's records at {place} are removed"))
        } else {
            let before: Vec<String> = before.iter().map(in_words).collect();
            let before = before.join(", ");
            (format!("{before} is being put back at {place}"), format!("{before} is back at {place}"))
        };
        let deletion = Deletion { stage: DeletionStage::ReplacingRecords, result: done };
        let write = Write::Records(RecordsWrite { zone: self.zone.clone(), epoch: None, split, batch });
        Undo::Write(deletion, because(Reason::Restoring, doing), write)
    }
}
