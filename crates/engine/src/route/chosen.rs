//! Follows `spec.weights`, the split that the user owns: at once, or by `spec.pace` in steps.
//!
//! Each step is recorded with what it starts from, written, read back, and only then followed by the next. A step is
//! recorded once the capacity for it is there, so nothing half done waits; until then what is live is what is wanted.

use jiff::{SignedDuration, Timestamp};
use weir_api::WeightedRouteStatus;
use weir_api::condition::Truth;
use weir_api::traffic_shift::Outcome;
use weir_api::weighted_route::{DriftPolicy, EnvironmentWeight, Follow, Intent, ListenerRuleIntent};

use crate::Arn;
use crate::backend::{self, Groups};
use crate::fact::Forward;
use crate::object::RouteObject;
use crate::reason::Reason;
use crate::sight::{ANY_AGE, Asked, Sight};
use crate::standing::{Standing, because};
use crate::step::{MAX_GROUPS, MAX_WEIGHT};
use crate::tick::Context;
use crate::weights;

use super::capacity::{self, Demand};
use super::place::{Marks, Place};
use super::write::{Change, applying, lenders};
use super::{LOOK_AGAIN, Outlook, drift, held, sticky};

/// How long a group that carries nothing any more stays attached before it is dropped, where clients do not stick to
/// it for longer: what was written takes some seconds to reach every node of a balancer.
const LINGER: SignedDuration = SignedDuration::from_secs(60);
/// What the tag of the last run says once the user's own weights have taken its place: not the memory of a run.
const NO_RUN: &str = "spec.weights";

/// The weights that the user wants, where the user owns them.
pub(super) fn goal(route: &RouteObject) -> Option<Vec<EnvironmentWeight>> {
    let entry = |(environment, weight): (&String, &i32)| EnvironmentWeight {
        environment: environment.clone(),
        weight: *weight,
    };
    route.spec.weights.as_ref().map(|weights| weights.iter().map(entry).collect())
}

/// Whether what is recorded asks for nothing now, so that readings of any age will do.
pub(super) fn rests(route: &RouteObject, goal: &[EnvironmentWeight], now: Timestamp) -> bool {
    let intent = route.status.intent.as_ref();
    let intent = intent.filter(|intent| intent.follow.as_ref().is_some_and(|follow| follow.goal == goal));
    intent.is_some_and(|intent| {
        intent.verified_at.is_some()
            && (weights::same_action(&intent.weights, goal) || next_due(route, intent, goal) > Some(now))
    })
}

/// When the next step may come, at the earliest, after one that was seen to be live.
fn next_due(route: &RouteObject, intent: &Intent, goal: &[EnvironmentWeight]) -> Option<Timestamp> {
    let (verified_at, follow) = (intent.verified_at?, intent.follow.as_ref()?);
    let wait = if weights::same_split(&intent.weights, &follow.before) {
        SignedDuration::ZERO
    } else if weights::same_split(&intent.weights, goal) {
        let sticky = SignedDuration::from_secs(i64::from(intent.listener_rule.sticky_seconds.unwrap_or(0)));
        LINGER.max(sticky)
    } else {
        route.spec.pace.as_ref().map_or(SignedDuration::ZERO, |pace| pace.interval.into())
    };
    Some(verified_at + wait)
}

/// Follows the weights that the user wants.
#[expect(clippy::too_many_arguments, reason = "each is one of the things that were seen, and all are read here only")]
pub(super) fn follow(
    context: &Context,
    route: &RouteObject,
    goal: Vec<EnvironmentWeight>,
    groups: &Groups,
    place: &Place<'_>,
    marks: &Marks,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<Outlook> {
    if let Some(message) = mistake(route, &goal) {
        return Some(Outlook::unknown(Standing::Stalled(because(Reason::Invalid, message))));
    }
    if let Err(message) = backend::by_group(groups, &goal) {
        return Some(Outlook::unknown(Standing::Working(because(Reason::WaitingForEnvironment, message))));
    }
    let course = Course { context, route, groups, place, marks, goal, live: status.weights.clone() };
    let old = status.intent.clone();
    let (intent, outlook) = match old {
        Some(intent) if intent.follow.as_ref().is_some_and(|follow| follow.goal == course.goal) => {
            course.go_on(intent, status, sight)?
        }
        old => course.begin(old, status, sight)?,
    };
    status.intent = intent;
    Some(outlook)
}

/// What the schema does not let through, in case it came from before.
fn mistake(route: &RouteObject, goal: &[EnvironmentWeight]) -> Option<String> {
    if route.spec.drift == DriftPolicy::Adopt {
        let message = "found drift: Adopt together with spec.weights; write Alert, Pause or Correct, or leave out \
                       spec.weights";
        return Some(message.to_owned());
    }
    let in_range = goal.iter().all(|entry| (0..=i32::from(MAX_WEIGHT)).contains(&entry.weight));
    (goal.len() > MAX_GROUPS || !in_range || weights::total(goal) == 0).then(|| {
        format!(
            "found spec.weights {}; expected at most {MAX_GROUPS} environments with weights from 0 to {MAX_WEIGHT}, at \
             least one of them above 0",
            weights::words(goal)
        )
    })
}

/// What may be done next.
enum Next {
    Step(Vec<EnvironmentWeight>),
    /// Nothing yet, for the reason given.
    Wait(String),
}

/// A route on its way to the user's weights.
struct Course<'a> {
    context: &'a Context,
    route: &'a RouteObject,
    groups: &'a Groups,
    place: &'a Place<'a>,
    marks: &'a Marks,
    goal: Vec<EnvironmentWeight>,
    live: Vec<EnvironmentWeight>,
}

impl Course<'_> {
    /// Sets out from what is live, whatever was wanted before.
    fn begin(
        &self,
        old: Option<Intent>,
        status: &mut WeightedRouteStatus,
        sight: &mut Sight<'_>,
    ) -> Asked<(Option<Intent>, Outlook)> {
        let is_there = weights::same_split(&self.live, &self.goal);
        if let Some(mut old) = old.clone().filter(|old| self.is_held_by(old) && !is_there) {
            let outlook = match self.change(&old) {
                Ok(change) => change.meet_difference(&mut old, status, sight)?,
                Err(message) => self.waiting(&message, sight),
            };
            return Some((Some(old), outlook));
        }
        let inherited = old.as_ref().and_then(|old| self.inherited(old));
        let kept = inherited.as_ref().and_then(|_| old.as_ref()?.baseline);
        let baseline = if is_there || weights::total(&self.live) == 0 {
            kept
        } else {
            match (capacity::count(&self.live, &self.goal, self.groups, sight)?, kept) {
                (Ok(counted), kept) => Some(kept.map_or(counted, |kept| kept.min(counted))),
                (Err(_), Some(kept)) => Some(kept),
                (Err(unknown), None) => return Some((old, self.waiting(&unknown, sight))),
            }
        };
        let is_open = |old: &&Intent| old.verified_at.is_none();
        let overtaken = old.as_ref().filter(is_open).map(|old| old.weights.clone()).unwrap_or_default();
        let follow = Follow {
            generation: self.route.generation,
            goal: self.goal.clone(),
            from: inherited.unwrap_or_else(|| self.live.clone()),
            before: self.live.clone(),
            overtaken,
        };
        // Stickiness that was set for an earlier split of the user's is not what was there before.
        let sticky_before =
            old.filter(|old| old.follow.is_some()).and_then(|old| old.listener_rule.sticky_seconds_before);
        drift::clear(status);
        status.reversals.clear();
        let held = held(self.context.now, self.place, &self.live, self.groups);
        let sticky_seconds_before = sticky_before.or(held.listener_rule.sticky_seconds);
        let listener_rule = ListenerRuleIntent { sticky_seconds_before, ..held.listener_rule };
        let start = Intent { follow: Some(follow), baseline, listener_rule, ..held };
        self.take_next(start, sight)
    }

    /// Whether a difference to what was set before keeps new weights from being followed.
    fn is_held_by(&self, old: &Intent) -> bool {
        self.route.spec.drift == DriftPolicy::Pause
            && old.verified_at.is_some()
            && !weights::same_split(&old.weights, &self.live)
    }

    /// The weights from before an earlier change of the user's, where this one comes in its middle or goes back.
    fn inherited(&self, old: &Intent) -> Option<Vec<EnvironmentWeight>> {
        let follow = old.follow.as_ref()?;
        let is_over = old.verified_at.is_some() && weights::same_split(&old.weights, &follow.goal);
        (!is_over || weights::goes_back(&self.live, &self.goal, &follow.from)).then(|| follow.from.clone())
    }

    /// Goes on from the recorded step.
    fn go_on(
        &self,
        mut intent: Intent,
        status: &mut WeightedRouteStatus,
        sight: &mut Sight<'_>,
    ) -> Asked<(Option<Intent>, Outlook)> {
        let change = match self.change(&intent) {
            Ok(change) => change,
            Err(message) => {
                let standing = Standing::Working(because(Reason::WaitingForEnvironment, message));
                return Some((Some(intent), Outlook::unknown(standing)));
            }
        };
        let Follow { before, overtaken, .. } = intent.follow.clone()?;
        let came_after_all = !overtaken.is_empty() && weights::same_split(&self.live, &overtaken);
        if intent.verified_at.is_none() {
            if !(change.is_live(&intent) && self.place.read_at >= intent.since) {
                if !change.starts_right(&intent, &before) && !came_after_all {
                    let outlook = change.meet_departure(&mut intent, &before, status, sight)?;
                    return Some((Some(intent), outlook));
                }
                drift::clear(status);
                return self.write(&change, intent, status, sight);
            }
            intent.verified_at = Some(self.context.now);
            intent.correction = None;
            intent.follow = intent.follow.map(|follow| Follow { overtaken: Vec::new(), ..follow });
        }
        let at_goal = weights::same_action(&intent.weights, &self.goal);
        let is_right = if at_goal {
            change.is_live(&intent)
        } else {
            came_after_all || weights::same_split(&self.live, &intent.weights)
        };
        if !is_right {
            let outlook = change.meet_difference(&mut intent, status, sight)?;
            return Some((Some(intent), outlook));
        }
        drift::clear(status);
        self.arrived(&change, intent, sight)
    }

    /// Writes the recorded step; where the capacity for it has gone, what is live is wanted until it is back.
    fn write(
        &self,
        change: &Change<'_>,
        mut intent: Intent,
        status: &mut WeightedRouteStatus,
        sight: &mut Sight<'_>,
    ) -> Asked<(Option<Intent>, Outlook)> {
        if intent.correction.is_some() {
            let outlook = change.correct(&mut intent, status, sight)?;
            return Some((Some(intent), outlook));
        }
        intent.members = lenders(&change.forward.groups, self.groups);
        match change.pursue(&intent, sight)? {
            Ok(outlook) => Some((Some(intent), outlook)),
            Err(short) => {
                let overtaken = std::mem::take(&mut intent.weights);
                let follow = intent.follow.take()?;
                let held = held(self.context.now, self.place, &self.live, self.groups);
                let sticky_seconds_before = intent.listener_rule.sticky_seconds_before;
                let intent = Intent {
                    follow: Some(Follow { before: self.live.clone(), overtaken, ..follow }),
                    baseline: intent.baseline,
                    listener_rule: ListenerRuleIntent { sticky_seconds_before, ..held.listener_rule },
                    ..held
                };
                Some((Some(intent), self.waiting(&short, sight)))
            }
        }
    }

    /// The recorded step is live: remembers that no run's end is, and takes the next step when it is due.
    fn arrived(&self, change: &Change<'_>, intent: Intent, sight: &mut Sight<'_>) -> Asked<(Option<Intent>, Outlook)> {
        let succeeded = self.marks.last_run.as_ref().is_some_and(|run| run.outcome == Outcome::Succeeded);
        if succeeded {
            let message = "the end of the last run is being forgotten on AWS, since spec.weights took its place";
            return Some((Some(intent), applying(change.remembering(NO_RUN.to_owned()), message.to_owned())));
        }
        if weights::same_action(&intent.weights, &self.goal) && !self.has_other_stickiness(&intent) {
            return Some((Some(intent), self.applied(None)));
        }
        let due = next_due(self.route, &intent, &self.goal)?;
        if self.context.now < due {
            let outlook = if weights::same_split(&intent.weights, &self.goal) {
                self.applied(Some(due))
            } else {
                let (live, goal) = (weights::words(&self.live), weights::words(&self.goal));
                on_the_way(format!("{live} is live on the way to {goal}; the next step comes at {due:.0}"), due)
            };
            return Some((Some(intent), outlook));
        }
        self.take_next(intent, sight)
    }

    /// Records the next step, or says what it waits for.
    fn take_next(&self, intent: Intent, sight: &mut Sight<'_>) -> Asked<(Option<Intent>, Outlook)> {
        let weights = match self.next(&intent, sight)? {
            Next::Step(weights) => weights,
            Next::Wait(message) => return Some((Some(intent), self.waiting(&message, sight))),
        };
        let split = match backend::by_group(self.groups, &weights) {
            Ok(split) => split,
            Err(message) => return Some((Some(intent), self.waiting(&message, sight))),
        };
        let members: Vec<&Arn> = split.keys().collect();
        let spec = self.route.spec.stickiness.as_ref();
        let sticky_seconds_before = intent.listener_rule.sticky_seconds_before;
        let sticky_seconds = match sticky::seconds(spec, &members, sticky_seconds_before, ANY_AGE, sight)? {
            Ok(seconds) => seconds,
            Err(standing) => return Some((Some(intent), Outlook::unknown(standing))),
        };
        let follow = intent.follow.map(|follow| Follow { before: self.live.clone(), ..follow });
        let message = format!("waiting for {} to be live", weights::words(&weights));
        let next = Intent {
            follow,
            since: self.context.now,
            members: lenders(&split, self.groups),
            weights,
            listener_rule: ListenerRuleIntent { sticky_seconds, sticky_seconds_before },
            baseline: intent.baseline,
            ..Intent::default()
        };
        // The write follows in the next look, when this is on record.
        Some((Some(next), applying(None, message)))
    }

    /// The next weights, for which the capacity is there.
    fn next(&self, intent: &Intent, sight: &mut Sight<'_>) -> Asked<Next> {
        if weights::total(&self.live) == 0 || weights::same_split(&self.live, &self.goal) {
            return Some(Next::Step(self.goal.clone()));
        }
        let pace = self.route.spec.pace.as_ref().map_or(100, |pace| pace.max_step);
        let whole = self.step(pace);
        if whole.len() > MAX_GROUPS {
            return Some(Next::Wait(format!(
                "on the way to spec.weights {} environments would be in one action, of which ELBv2 takes {MAX_GROUPS}; \
                 take the weight from one of them first, or leave out spec.pace",
                whole.len()
            )));
        }
        let from = intent.follow.as_ref().map(|follow| follow.from.clone()).unwrap_or_default();
        let needs = capacity::needs(intent.baseline.unwrap_or(0), self.route.spec.capacity.min_healthy_percent);
        let returns = weights::goes_back(&self.live, &whole, &from);
        let demand = Demand { live: &self.live, wanted: &whole, needs, returns };
        let Err(short) = capacity::suffices(&demand, self.groups, sight)? else {
            return Some(Next::Step(whole));
        };
        // A revert takes back as much as can be carried.
        for percent in (1..pace).rev().filter(|_| returns) {
            let part = self.step(percent);
            let moves = !weights::same_split(&part, &self.live) && part.len() <= MAX_GROUPS;
            if moves && capacity::suffices(&Demand { wanted: &part, ..demand }, self.groups, sight)?.is_ok() {
                return Some(Next::Step(part));
            }
        }
        let attached = weights::with_attached(&weights::carrying(&self.live), &self.goal);
        let is_new = attached
            .iter()
            .any(|entry| entry.weight == 0 && !self.live.iter().any(|live| live.environment == entry.environment));
        // The health of a group is checked only once it is attached.
        Some(if is_new && attached.len() <= MAX_GROUPS { Next::Step(attached) } else { Next::Wait(short) })
    }

    /// The weights after one step of so many percent points. Groups that lose everything stay attached at first, so
    /// that no node of the balancer misses them while the write reaches it.
    fn step(&self, percent: i32) -> Vec<EnvironmentWeight> {
        let step = weights::towards(&self.live, &self.goal, percent);
        let attached = weights::with_attached(&step, &weights::carrying(&self.live));
        if attached.len() <= MAX_GROUPS { attached } else { step }
    }

    fn change(&self, intent: &Intent) -> Result<Change<'_>, String> {
        let split = backend::by_group(self.groups, &intent.weights)?;
        Ok(Change {
            context: self.context,
            route: self.route,
            groups: self.groups,
            place: self.place,
            forward: Forward { groups: split, sticky_seconds: intent.listener_rule.sticky_seconds },
            live: self.live.clone(),
        })
    }

    /// Whether the spec asks for another stickiness between groups than what was written.
    fn has_other_stickiness(&self, intent: &Intent) -> bool {
        self.route.spec.stickiness.as_ref().is_some_and(|stickiness| {
            let seconds = stickiness.duration.filter(|_| stickiness.enabled);
            intent.listener_rule.sticky_seconds
                != seconds.map(|seconds| i32::try_from(seconds.as_secs()).unwrap_or(i32::MAX))
        })
    }

    fn applied(&self, wake: Option<Timestamp>) -> Outlook {
        let reason = because(Reason::Applied, format!("{} is live, as spec.weights says", weights::words(&self.live)));
        Outlook { wake, ..Outlook::settled(Standing::Ready(reason.clone()), reason) }
    }

    fn waiting(&self, message: &str, sight: &Sight<'_>) -> Outlook {
        let (live, goal) = (weights::words(&self.live), weights::words(&self.goal));
        on_the_way(format!("{goal} waits while {live} is live: {message}"), sight.began + LOOK_AGAIN)
    }
}

fn on_the_way(message: String, wake: Timestamp) -> Outlook {
    let reason = because(Reason::Following, message);
    Outlook {
        standing: Standing::Working(reason.clone()),
        synced: (Truth::False, reason),
        step: None,
        look_again: false,
        wake: Some(wake),
    }
}
