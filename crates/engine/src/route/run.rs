//! Follows a run: records its change as the route's intent, writes it, and sees whether it is live.

use weir_api::weighted_route::{DriftPolicy, EnvironmentWeight, Intent};

use crate::backend;
use crate::limits::Limits;
use crate::reader::{Asked, Reader};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::weights;

use super::assessment::Assessment;
use super::capacity;
use super::change::{Change, Progress, awaited, can_take_from_others, members_of_split};
use super::drift;
use super::kind::{Place, Plan};
use super::observed::{Looked, Observed};
use super::record::Record;
use super::target::RunTarget;

/// Follows what a run wants of the route.
pub(super) fn follow(
    looked: &Looked<'_>,
    run: &RunTarget<'_>,
    place: &Place<'_>,
    observed: &Observed,
    record: &mut Record,
    reader: &mut Reader<'_>,
) -> Asked<Assessment> {
    let members = looked.members;
    let known = record.intent.clone();
    // What was there before is recorded by the first intent of the run, and carried on by the others.
    let earlier = known.as_ref().filter(|intent| intent.uid == run.shift.uid && intent.run == run.run.id);
    let recorded = known.as_ref().filter(|intent| run.is_intent(intent));
    if run.surveys() {
        let split = backend::by_member(members, &observed.live).unwrap_or_default();
        let intent = recorded.cloned().unwrap_or_else(|| {
            let mut intent = Intent { members: members_of_split(&split, members), ..run.intent(looked.context.now) };
            place.record_held(&mut intent);
            place.record_before(&mut intent, earlier);
            intent
        });
        return Some(observe(looked, intent, recorded.is_some(), observed, record, reader));
    }
    // What has lost its weight, and is not known any more, holds up no way back.
    let is_known = |entry: &&EnvironmentWeight| members.get(&entry.environment).is_some_and(Result::is_ok);
    let wanted = run.part.weights.iter().filter(|entry| !run.goes_back() || entry.weight > 0 || is_known(entry));
    let wanted: Vec<EnvironmentWeight> = wanted.cloned().collect();
    let mut split = match backend::by_member(members, &wanted) {
        Ok(split) => split,
        Err(message) => return Some(Assessment::waiting_for_environment(message)),
    };
    if run.goes_back() {
        split.retain(|member, weight| *weight > 0 || place.attaches(member));
    }
    // What others carry beside the environments is none of the run's: it moves what is theirs.
    let spares = |plan: Plan| if observed.live.is_empty() { plan } else { plan.sparing_others() };
    let plan = match place.plan(split.clone(), earlier, run.run.started_at, reader)? {
        Ok(plan) => plan,
        Err(ready_state) => return Some(Assessment::unknown(ready_state)),
    };
    let mut intent = recorded.cloned().unwrap_or_else(|| {
        drift::forget(looked.route, record);
        let mut intent = run.intent(looked.context.now);
        plan.record(&mut intent);
        intent
    });
    if !intent.is_settled() {
        // A group may have been made again since, and what is written is on record first.
        intent.members = members_of_split(&split, members);
        if looked.context.is_refused() {
            plan.record(&mut intent);
        }
        if run.goes_back() {
            take_back_only(&mut intent);
        }
    }
    let plan = spares(Plan::of(looked.route, split, &intent));
    let change = Change { looked, place, observed, plan };
    let assessment = change.of_run(run, &mut intent, record, reader)?;
    record.intent = Some(intent);
    Some(assessment)
}

/// A run that goes back attaches nothing that is not attached: a group that somebody has taken out may be gone by now.
fn take_back_only(intent: &mut Intent) {
    let is_kept = |environment: &str| intent.members.iter().any(|member| member.environment == environment);
    intent.weights.retain(|entry| is_kept(&entry.environment));
}

/// Says what is live, and nothing else: the run took over while a change of another was on its way. Once the intent of
/// this run is on record no change of that one is written any more, so a look after that shows what became of it.
fn observe(
    looked: &Looked<'_>,
    mut intent: Intent,
    is_recorded: bool,
    observed: &Observed,
    record: &mut Record,
    reader: &Reader<'_>,
) -> Assessment {
    record.difference = None;
    if intent.verified_at.is_none() {
        intent.verified_at = (is_recorded && observed.read_at >= reader.began).then_some(looked.context.now);
        intent.weights.clone_from(&observed.live);
        intent.members = backend::members_of(looked.members, &observed.live);
    }
    let is_told = intent.verified_at.is_some();
    record.intent = Some(intent);
    if is_told {
        let reason = because(Reason::Surveyed, format!("{} is live", weights::words(&observed.live)));
        return Assessment::settled(ReadyState::Ready(reason.clone()), reason);
    }
    Assessment::applying(None, "looking at what is live before the run begins".to_owned())
}

impl Change<'_> {
    fn of_run(
        &self,
        run: &RunTarget<'_>,
        intent: &mut Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<Assessment> {
        let before = &run.part.before;
        let progress = self.progress(intent, before);
        let is_live = matches!(progress, Progress::There);
        if intent.verified_at.is_some() && is_live {
            record.difference = None;
            return Some(self.applied());
        }
        if intent.is_settled() {
            return self.meet_difference(intent, record, reader);
        }
        let is_left = self.leaves(run, &progress);
        // What is live as wanted was perhaps seen so before the change was on record: it is looked at, not written again.
        let is_to_be_seen = is_left || (is_live && self.observed.read_at < intent.since);
        if is_to_be_seen && !self.is_seen_since_recorded(run, intent, reader)? {
            let message = if is_left {
                "looking at what is live before the traffic goes back".to_owned()
            } else {
                awaited(&intent.weights)
            };
            return Some(Assessment::applying(None, message));
        }
        if let Some(spreading) = self.spreading().filter(|_| is_live) {
            return Some(spreading);
        }
        if is_left || is_live {
            if let Some(assessment) = self.remembering_end(run) {
                return Some(assessment);
            }
            intent.correction = None;
            if is_left {
                intent.left_at = Some(self.now());
                return self.meet_difference(intent, record, reader);
            }
            record.difference = None;
            intent.verified_at = Some(self.now());
            return Some(self.applied());
        }
        // A rollback goes over what somebody else has set, unless that would bring traffic to the candidate again.
        let gains = |environment: &str| weights::gaining(self.live(), &run.part.weights).contains(&environment);
        let may_overwrite = run.goes_back() && !gains(&run.run.to);
        if matches!(progress, Progress::Elsewhere) && !may_overwrite {
            return self.meet_departure(before, intent, record, reader);
        }
        record.difference = None;
        if intent.correction.is_some() && !may_overwrite {
            return self.correct(&progress, intent, record, reader);
        }
        // What somebody has detached comes back without weight first: only attached groups have their health checked.
        let is_apart = run.reasserts() && weights::total(self.live()) > 0;
        if let Some(attached) = self.unattached(intent).filter(|_| is_apart) {
            return self.attaching(&attached, reader);
        }
        let words = weights::words(&intent.weights);
        Some(match self.can_carry(run, reader)? {
            Ok(()) => Assessment::applying(self.writing(&self.plan), awaited(&intent.weights)),
            Err(message) => Assessment::applying(None, format!("{words} waits: {message}")),
        })
    }

    /// Whether there is nothing to take back: the candidate of a run that goes back carries nothing, and what does was put
    /// there by somebody else, which is left unless `spec.drift` says otherwise.
    fn leaves(&self, run: &RunTarget<'_>, progress: &Progress) -> bool {
        run.goes_back()
            && weights::of(self.live(), &run.run.to) == 0
            && self.looked.route.spec.drift != DriftPolicy::Correct
            && matches!(progress, Progress::Elsewhere)
    }

    /// Whether the place was read since the change is on record: what was on its way before would be seen.
    fn is_seen_since_recorded(&self, run: &RunTarget<'_>, intent: &Intent, reader: &mut Reader<'_>) -> Asked<bool> {
        let is_recorded = self.looked.route.status.intent.as_ref().is_some_and(|recorded| run.is_intent(recorded));
        if is_recorded {
            self.place.read_since(intent.since, reader)?;
        }
        Some(is_recorded)
    }

    /// Has the place remember the end of the run, where it does not, and where anything there can.
    fn remembering_end(&self, run: &RunTarget<'_>) -> Option<Assessment> {
        let memory =
            run.memory().filter(|memory| self.observed.exists && self.observed.last_run.as_ref() != Some(memory))?;
        let write = self.place.remember(&self.looked.context.owner, Some(&memory))?;
        Some(Assessment::applying(Some(write), "the run's end is being remembered on AWS".to_owned()))
    }

    /// Whether those that gain by a change of a run can carry it; the error says for what capacity it waits.
    fn can_carry(&self, run: &RunTarget<'_>, reader: &mut Reader<'_>) -> Asked<Result<(), String>> {
        let percent = run.shift.spec.capacity.min_healthy_percent;
        if !run.goes_back() {
            let (wanted, spares) = (&run.part.weights, self.plan.spares_others());
            let measure = (run.part.baseline, percent);
            let taken = can_take_from_others(self.looked, self.place, spares, (wanted, measure), reader)?;
            if taken.is_err() {
                return Some(taken);
            }
        }
        let is_attaching = weights::same_split(self.live(), &run.part.weights);
        // Where nothing carries traffic there is nothing to lose; and nothing holds back what goes back.
        if is_attaching || weights::total(self.live()) == 0 || run.goes_back() {
            return Some(Ok(()));
        }
        let gaining: Vec<&str> =
            if run.reasserts() { weights::gaining(self.live(), &run.part.weights) } else { vec![run.run.to.as_str()] };
        let needs = capacity::needs(run.part.baseline, percent, Limits::of(&self.looked.route.spec.entry).headroom);
        capacity::carries(&gaining, &run.part.weights, needs, self.looked.members, reader)
    }
}
