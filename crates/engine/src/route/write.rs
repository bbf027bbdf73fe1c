//! Follows a run: records its change as the route's intent, writes it, and sees whether it is live. Here is also how
//! any intent is written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use weir_api::WeightedRouteStatus;
use weir_api::condition::Truth;
use weir_api::weighted_route::{
    Before, Correction, DriftPolicy, EnvironmentMembers, EnvironmentWeight, Intent, ListenerRuleIntent,
};

use crate::Arn;
use crate::backend::{self, Groups};
use crate::fact::{Forward, Tags};
use crate::object::RouteObject;
use crate::reason::Reason;
use crate::sight::{ANY_AGE, Asked, Sight};
use crate::standing::{Standing, because};
use crate::step::{LAST_RUN_TAG, MAX_GROUPS, Step};
use crate::tick::Context;
use crate::weights;

use super::capacity::{self, Demand};
use super::conditions::conditions;
use super::place::{Marks, Place, marks_of};
use super::wanted::Wanted;
use super::{Outlook, before, drift, memory, sticky};

/// Follows what a run wants of the route.
#[expect(clippy::too_many_arguments, reason = "each is one of the things that were seen, and all are read here only")]
pub(super) fn follow(
    context: &Context,
    route: &RouteObject,
    wanted: &Wanted<'_>,
    groups: &Groups,
    place: &Place<'_>,
    marks: &Marks,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<Outlook> {
    if wanted.surveys() {
        return Some(survey(context, wanted, groups, place, status, sight));
    }
    let mut split = match backend::by_group(groups, &wanted.part.weights) {
        Ok(split) => split,
        Err(message) => {
            return Some(Outlook::unknown(Standing::Working(because(Reason::WaitingForEnvironment, message))));
        }
    };
    if wanted.goes_back() {
        split.retain(|group, weight| *weight > 0 || place.attaches(group));
    }
    let before = sticky_before(wanted, place, status);
    let members: Vec<&Arn> = split.keys().collect();
    let sticky_seconds =
        match sticky::seconds(route.spec.stickiness.as_ref(), &members, before, wanted.run.started_at, sight)? {
            Ok(seconds) => seconds,
            Err(standing) => return Some(Outlook::unknown(standing)),
        };
    let recorded = status.intent.take().filter(|intent| wanted.is_intent(intent));
    let mut intent = recorded.unwrap_or_else(|| {
        drift::forget(route, status);
        intent(context.now, wanted, &split, groups, sticky_seconds, before)
    });
    if !intent.is_settled() {
        // A group may have been made again since, and what is written is on record first.
        intent.members = lenders(&split, groups);
        if wanted.goes_back() {
            take_back_only(&mut intent);
        }
    }
    let forward = Forward { groups: split, sticky_seconds: intent.listener_rule.sticky_seconds };
    let change = Change { context, route, groups, place, forward, live: status.weights.clone() };
    let remembered = wanted.memory().is_none_or(|memory| marks.last_run.as_ref() == Some(&memory));
    let outlook = change.of_run(wanted, &mut intent, remembered, status, sight)?;
    status.intent = Some(intent);
    Some(outlook)
}

/// A run that goes back attaches nothing that is not attached: a group that somebody has taken out may be gone by now.
fn take_back_only(intent: &mut Intent) {
    let is_kept = |environment: &str| intent.members.iter().any(|member| member.environment == environment);
    intent.weights.retain(|entry| is_kept(&entry.environment));
}

/// Says what is live, and nothing else: the run took over while a change of another was on its way. Once the intent of
/// this run is on record no change of that one is written any more, so a look after that shows what became of it.
fn survey(
    context: &Context,
    wanted: &Wanted<'_>,
    groups: &Groups,
    place: &Place<'_>,
    status: &mut WeightedRouteStatus,
    sight: &Sight<'_>,
) -> Outlook {
    drift::clear(status);
    let live = status.weights.clone();
    let split = backend::by_group(groups, &live).unwrap_or_default();
    let sticky_seconds = place.forward().and_then(|forward| forward.sticky_seconds);
    let before = sticky_before(wanted, place, status);
    let known = status.intent.take().filter(|intent| wanted.is_intent(intent));
    let is_recorded = known.is_some();
    let mut told = known.unwrap_or_else(|| intent(context.now, wanted, &split, groups, sticky_seconds, before));
    if told.verified_at.is_none() {
        told.verified_at = (is_recorded && place.read_at >= sight.began).then_some(context.now);
        told.weights.clone_from(&live);
        told.members = lenders(&split, groups);
    }
    let is_told = told.verified_at.is_some();
    status.intent = Some(told);
    if is_told {
        let reason = because(Reason::Surveyed, format!("{} is live", weights::words(&live)));
        return Outlook::settled(Standing::Ready(reason.clone()), reason);
    }
    applying(None, "looking at what is live before the run begins".to_owned())
}

/// Group stickiness as it was when the run began: recorded by the first intent of the run, carried on by the others.
fn sticky_before(wanted: &Wanted<'_>, place: &Place<'_>, status: &WeightedRouteStatus) -> Option<i32> {
    match &status.intent {
        Some(intent) if intent.uid == wanted.shift.uid && intent.run == wanted.run.id => {
            intent.listener_rule.sticky_seconds_before
        }
        _ => place.forward().and_then(|forward| forward.sticky_seconds),
    }
}

fn intent(
    now: Timestamp,
    wanted: &Wanted<'_>,
    split: &BTreeMap<Arn, u16>,
    groups: &Groups,
    sticky_seconds: Option<i32>,
    sticky_seconds_before: Option<i32>,
) -> Intent {
    let listener_rule = ListenerRuleIntent { sticky_seconds, sticky_seconds_before };
    Intent { members: lenders(split, groups), listener_rule, ..wanted.intent(now) }
}

/// The environments that lend the groups.
pub(super) fn lenders<'a>(
    arns: impl IntoIterator<Item = (&'a Arn, &'a u16)>,
    groups: &Groups,
) -> Vec<EnvironmentMembers> {
    let environments = arns.into_iter().filter_map(|(arn, _)| {
        let environment = backend::environment_of(groups, arn)?.to_owned();
        Some(EnvironmentMembers::of_group(environment, arn.as_str()))
    });
    let mut environments: Vec<EnvironmentMembers> = environments.collect();
    environments.sort();
    environments
}

/// A change of the route that is on its way.
pub(super) struct Change<'a> {
    pub context: &'a Context,
    pub route: &'a RouteObject,
    pub groups: &'a Groups,
    pub place: &'a Place<'a>,
    pub forward: Forward,
    pub live: Vec<EnvironmentWeight>,
}

impl Change<'_> {
    fn of_run(
        &self,
        wanted: &Wanted<'_>,
        intent: &mut Intent,
        remembered: bool,
        status: &mut WeightedRouteStatus,
        sight: &mut Sight<'_>,
    ) -> Asked<Outlook> {
        let is_live = self.is_live(intent);
        if intent.verified_at.is_some() && is_live {
            drift::clear(status);
            return Some(self.applied());
        }
        if intent.is_settled() {
            return self.meet_difference(intent, status, sight);
        }
        let is_left = self.leaves(wanted, intent);
        if is_left && !self.looks_again(wanted, intent, sight)? {
            return Some(applying(None, "looking at what is live before the traffic goes back".to_owned()));
        }
        let is_seen = is_left || self.place.read_at >= intent.since;
        if (is_live && is_seen) || is_left {
            // Where no rule is there is nothing that could remember.
            if !remembered && self.place.resource.is_some() {
                let memory = wanted.memory().and_then(|memory| self.remembering(memory::tag_value(&memory)));
                return Some(applying(memory, "the run's end is being remembered on AWS".to_owned()));
            }
            intent.correction = None;
            if is_left {
                intent.left_at = Some(self.context.now);
                return self.meet_difference(intent, status, sight);
            }
            drift::clear(status);
            intent.verified_at = Some(self.context.now);
            return Some(self.applied());
        }
        // A rollback goes over what somebody else has set, unless that would bring traffic to the candidate again.
        let gains = |environment: &str| weights::gaining(&self.live, &wanted.part.weights).contains(&environment);
        let may_overwrite = wanted.goes_back() && !gains(&wanted.run.to);
        if !self.starts_right(intent, &wanted.part.before) && !may_overwrite {
            return self.meet_departure(intent, &wanted.part.before, status, sight);
        }
        drift::clear(status);
        if intent.correction.is_some() && !may_overwrite {
            return self.correct(intent, status, sight);
        }
        // What somebody has detached comes back without weight first: only attached groups have their health checked.
        let is_apart = wanted.reasserts() && weights::total(&self.live) > 0;
        if let Some(attached) = drift::missing(&intent.weights, &self.live).filter(|_| is_apart) {
            return self.attaching(&attached, sight);
        }
        let words = weights::words(&intent.weights);
        Some(match self.can_carry(wanted, sight)? {
            Ok(()) => applying(Some(self.writing()), format!("waiting for {words} to be live")),
            Err(message) => applying(None, format!("{words} waits: {message}")),
        })
    }

    /// Whether there is nothing to take back: the candidate of a run that goes back carries nothing, and what does was put
    /// there by somebody else, which is left unless `spec.drift` says otherwise.
    fn leaves(&self, wanted: &Wanted<'_>, intent: &Intent) -> bool {
        wanted.goes_back()
            && weights::of(&self.live, &wanted.run.to) == 0
            && self.route.spec.drift != DriftPolicy::Correct
            && !self.starts_right(intent, &wanted.part.before)
    }

    /// Whether the place was read since the change is on record: what was on its way before would be seen.
    fn looks_again(&self, wanted: &Wanted<'_>, intent: &Intent, sight: &mut Sight<'_>) -> Asked<bool> {
        let is_recorded = self.route.status.intent.as_ref().is_some_and(|recorded| wanted.is_intent(recorded));
        if is_recorded {
            sight.rules(&self.place.listener, intent.since)?;
        }
        Some(is_recorded)
    }

    /// Whether what is live is what the change starts from, or leads to.
    pub fn starts_right(&self, intent: &Intent, before: &[EnvironmentWeight]) -> bool {
        let over = intent.correction.as_ref().map(|correction| correction.over.as_slice());
        weights::same_split(&self.live, before)
            || weights::same_split(&self.live, &intent.weights)
            || over.is_some_and(|over| weights::same_split(&self.live, over) && !self.is_undone(intent))
    }

    /// Writes again what somebody else has changed, once, and waits until that is seen; while the capacity for it is not
    /// there, the difference stays.
    pub fn correct(
        &self,
        intent: &mut Intent,
        status: &mut WeightedRouteStatus,
        sight: &mut Sight<'_>,
    ) -> Asked<Outlook> {
        let words = weights::words(&intent.weights);
        let correction = intent.correction.clone()?;
        intent.members = lenders(&self.forward.groups, self.groups);
        if correction.attaching {
            if let Some(attached) = drift::missing(&intent.weights, &self.live) {
                let outlook = self.attaching(&attached, sight)?;
                return Some(self.written_once(&correction, outlook));
            }
            return Some(match self.pursue(intent, sight)? {
                Ok(outlook) => {
                    let over = self.live.clone();
                    let since = self.context.now;
                    intent.correction = Some(Correction { over, since, attaching: false, ..correction });
                    Outlook { step: None, ..outlook }
                }
                Err(short) => applying(None, format!("{words} waits: {short}")),
            });
        }
        Some(match self.pursue(intent, sight)? {
            Ok(outlook) => self.written_once(&correction, outlook),
            Err(short) => {
                drift::give_up(status, intent);
                applying(None, format!("{words} waits: {short}"))
            }
        })
    }

    /// Attaches groups without weight, so that their health is checked.
    fn attaching(&self, attached: &[EnvironmentWeight], sight: &mut Sight<'_>) -> Asked<Outlook> {
        let waiting = |message| Outlook::unknown(Standing::Working(because(Reason::WaitingForEnvironment, message)));
        let groups = match backend::by_group(self.groups, attached) {
            Ok(groups) => groups,
            Err(message) => return Some(waiting(message)),
        };
        let members: Vec<&Arn> = groups.keys().collect();
        let before = self.place.forward().and_then(|forward| forward.sticky_seconds);
        let spec = self.route.spec.stickiness.as_ref();
        let sticky_seconds = match sticky::seconds(spec, &members, before, ANY_AGE, sight)? {
            Ok(seconds) => seconds,
            Err(standing) => return Some(Outlook::unknown(standing)),
        };
        let message = format!("waiting for {} to be attached", weights::words(attached));
        let change = Change { forward: Forward { groups, sticky_seconds }, live: self.live.clone(), ..*self };
        Some(applying(Some(change.writing()), message))
    }

    /// Writes an intent that is not seen to be live yet; the error says what capacity is missing for an environment
    /// that gains.
    pub fn pursue(&self, intent: &Intent, sight: &mut Sight<'_>) -> Asked<Result<Outlook, String>> {
        let needs = capacity::needs(intent.baseline.unwrap_or(0), self.route.spec.capacity.min_healthy_percent);
        let returns = match (&intent.correction, &intent.follow) {
            (Some(correction), _) => correction.was_live_at.is_some(),
            (None, Some(follow)) => weights::goes_back(&self.live, &intent.weights, &follow.from),
            (None, None) => false,
        };
        let is_attaching = weights::same_split(&self.live, &intent.weights);
        if !is_attaching && weights::total(&self.live) > 0 {
            let demand = Demand { live: &self.live, wanted: &intent.weights, needs, returns };
            if let Err(short) = capacity::suffices(&demand, self.groups, sight)? {
                return Some(Err(short));
            }
        }
        let message = format!("waiting for {} to be live", weights::words(&intent.weights));
        let forward = if intent.correction.is_some() { self.keeping_attached() } else { self.forward.clone() };
        let change = Change { forward, live: self.live.clone(), ..*self };
        Some(Ok(applying(Some(change.writing()), message)))
    }

    /// What is to be written, with the groups that carry traffic and are not in it: a group leaves the action by a write
    /// after the one that took its weight, when nobody sends it requests any more.
    fn keeping_attached(&self) -> Forward {
        let mut forward = self.forward.clone();
        let carrying = self.place.forward().into_iter().flat_map(|live| &live.groups);
        for (group, _) in carrying.filter(|(_, weight)| **weight > 0) {
            forward.groups.entry(group.clone()).or_insert(0);
        }
        if forward.groups.len() <= MAX_GROUPS { forward } else { self.forward.clone() }
    }

    /// Whether AWS shows exactly what is wanted.
    pub fn is_live(&self, intent: &Intent) -> bool {
        let live = self.place.forward();
        weights::same_action(&self.live, &intent.weights)
            && live.is_some_and(|live| {
                live.sticky_seconds == intent.listener_rule.sticky_seconds
                    && live.groups.len() == self.forward.groups.len()
            })
    }

    fn applied(&self) -> Outlook {
        let reason = because(Reason::Applied, format!("{} is live", weights::words(&self.live)));
        Outlook::settled(Standing::Ready(reason.clone()), reason)
    }

    /// Whether those that gain by a change of a run can carry it; the error says for what capacity it waits.
    fn can_carry(&self, wanted: &Wanted<'_>, sight: &mut Sight<'_>) -> Asked<Result<(), String>> {
        let is_attaching = weights::same_split(&self.live, &wanted.part.weights);
        // Where nothing carries traffic there is nothing to lose; and nothing holds back what goes back.
        if is_attaching || weights::total(&self.live) == 0 || wanted.goes_back() {
            return Some(Ok(()));
        }
        let reasserts = wanted.reasserts();
        let gaining =
            if reasserts { weights::gaining(&self.live, &wanted.part.weights) } else { vec![wanted.run.to.as_str()] };
        let needs = capacity::needs(wanted.part.baseline, wanted.shift.spec.capacity.min_healthy_percent);
        capacity::carries(&gaining, &wanted.part.weights, needs, self.groups, sight)
    }

    fn writing(&self) -> Step {
        let listener = self.place.listener.clone();
        match (self.place.rule, &self.route.spec.listener.matches, self.place.priority) {
            (None, Some(matches), Some(priority)) => Step::CreateRule {
                listener,
                priority,
                conditions: conditions(matches),
                forward: self.forward.clone(),
                tags: self.first_tags(),
            },
            (Some(rule), Some(_), _) => Step::SetRuleActions {
                listener,
                rule: rule.arn.clone(),
                actions: self.place.actions_with(&self.forward),
            },
            _ => Step::SetDefaultActions { listener, actions: self.place.actions_with(&self.forward) },
        }
    }

    /// The tags of a rule that Weir makes: its marks, that there was nothing before, and what one that was there before
    /// remembered.
    fn first_tags(&self) -> Tags {
        let mut tags = marks_of(&self.context.owner, &self.route.key);
        tags.extend(before::tags(&Before::default(), &self.place.listener));
        if let Some(last) = &self.route.status.last_run {
            tags.insert(LAST_RUN_TAG.to_owned(), memory::tag_value(last));
        }
        tags
    }

    /// Puts into the tag what the place shall remember of the last run.
    pub fn remembering(&self, value: String) -> Option<Step> {
        let resource = self.place.resource.clone()?;
        let mut tags = marks_of(&self.context.owner, &self.route.key);
        tags.insert(LAST_RUN_TAG.to_owned(), value);
        Some(Step::AddTags { resource, tags })
    }
}

pub(super) fn applying(step: Option<Step>, message: String) -> Outlook {
    let reason = because(Reason::Applying, message);
    Outlook {
        standing: Standing::Working(reason.clone()),
        synced: (Truth::False, reason),
        step,
        look_again: true,
        wake: None,
    }
}
