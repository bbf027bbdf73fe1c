//! Follows a run: records its change as the route's intent, writes it, and sees whether it is live.

use std::collections::BTreeMap;

use jiff::Timestamp;
use weir_api::WeightedRouteStatus;
use weir_api::condition::Truth;
use weir_api::weighted_route::{EnvironmentGroup, EnvironmentWeight, Intent};

use crate::Arn;
use crate::backend::{self, Groups};
use crate::fact::Forward;
use crate::object::RouteObject;
use crate::sight::Sight;
use crate::standing::{Standing, because};
use crate::step::{LAST_RUN_TAG, Movement, Needs, Proposal, Step};
use crate::tick::Context;
use crate::weights;

use super::conditions::conditions;
use super::place::{Marks, Place, marks_of, warrant};
use super::wanted::{Wanted, difference};
use super::{Outlook, memory, sticky};

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
) -> Option<Outlook> {
    let split = match backend::by_group(groups, &wanted.part.weights) {
        Ok(split) => split,
        Err(message) => {
            return Some(Outlook::unknown(Standing::Working(because("WaitingForEnvironment", message))));
        }
    };
    let before = sticky_before(wanted, place, status);
    let members: Vec<&Arn> = split.keys().collect();
    let sticky_seconds =
        match sticky::seconds(route.spec.stickiness.as_ref(), &members, before, wanted.run.started_at, sight)? {
            Ok(seconds) => seconds,
            Err(standing) => return Some(Outlook::unknown(standing)),
        };
    let intent = match status.intent.take().filter(|intent| wanted.is_intent(intent)) {
        Some(intent) => intent,
        None => intent(context.now, wanted, &split, groups, sticky_seconds, before),
    };
    let forward = Forward { groups: split, sticky_seconds: intent.sticky_seconds };
    let change = Change { route, wanted, place, forward, live: status.weights.clone() };
    let remembered = wanted.memory().is_none_or(|memory| marks.last_run.as_ref() == Some(&memory));
    let (intent, outlook) = change.proceed(context, groups, intent, remembered, sight)?;
    status.intent = Some(intent);
    Some(outlook)
}

/// Group stickiness as it was when the run began: recorded by the first intent of the run, carried on by the others.
fn sticky_before(wanted: &Wanted<'_>, place: &Place<'_>, status: &WeightedRouteStatus) -> Option<i32> {
    match &status.intent {
        Some(intent) if intent.uid == wanted.shift.uid && intent.run == wanted.run.id => intent.sticky_seconds_before,
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
    let environments = split.keys().filter_map(|arn| {
        let environment = backend::environment_of(groups, arn)?.to_owned();
        Some(EnvironmentGroup { environment, arn: arn.to_string() })
    });
    Intent {
        shift: wanted.shift.key.name.clone(),
        uid: wanted.shift.uid.clone(),
        run: wanted.run.id,
        seq: wanted.run.seq,
        since: now,
        weights: wanted.part.weights.clone(),
        groups: environments.collect(),
        sticky_seconds,
        sticky_seconds_before,
        verified_at: None,
    }
}

/// A change of the route that is on its way.
struct Change<'a> {
    route: &'a RouteObject,
    wanted: &'a Wanted<'a>,
    place: &'a Place<'a>,
    forward: Forward,
    live: Vec<EnvironmentWeight>,
}

impl Change<'_> {
    fn proceed(
        &self,
        context: &Context,
        groups: &Groups,
        mut intent: Intent,
        remembered: bool,
        sight: &mut Sight<'_>,
    ) -> Option<(Intent, Outlook)> {
        let is_live = self.is_live(&intent);
        if intent.verified_at.is_some() {
            let outlook = if is_live { self.applied() } else { drifted(&intent, &self.live) };
            return Some((intent, outlook));
        }
        if is_live && self.place.read_at >= intent.since {
            if remembered {
                intent.verified_at = Some(context.now);
                return Some((intent, self.applied()));
            }
            let outlook = applying(self.remembering(context), "the run's end is being remembered on AWS".to_owned());
            return Some((intent, outlook));
        }
        let starts_right = weights::same_split(&self.live, &self.wanted.part.before)
            || weights::same_split(&self.live, &intent.weights);
        // A rollback goes over what somebody else has set, unless that would bring traffic to the candidate again.
        let may_overwrite = self.wanted.goes_back() && !self.gaining().contains(&self.wanted.run.to.as_str());
        if !starts_right && !may_overwrite {
            let outlook = foreign(&self.wanted.part.before, &intent, &self.live);
            return Some((intent, outlook));
        }
        let words = weights::words(&intent.weights);
        let outlook = match self.movement(groups, sight)? {
            Ok(movement) => applying(Some(self.writing(context, movement)), format!("waiting for {words} to be live")),
            Err(message) => applying(None, format!("{words} waits: {message}")),
        };
        Some((intent, outlook))
    }

    /// Whether AWS shows exactly what is wanted.
    fn is_live(&self, intent: &Intent) -> bool {
        let live = self.place.forward();
        weights::same_action(&self.live, &intent.weights)
            && live.is_some_and(|live| {
                live.sticky_seconds == intent.sticky_seconds && live.groups.len() == self.forward.groups.len()
            })
    }

    fn applied(&self) -> Outlook {
        let reason = because("Applied", format!("{} is live", weights::words(&self.live)));
        Outlook::settled(Standing::Ready(reason.clone()), reason)
    }

    /// Where the traffic goes by this change; the error says for what capacity it waits.
    fn movement(&self, groups: &Groups, sight: &mut Sight<'_>) -> Option<Result<Movement, String>> {
        let run = self.wanted.run;
        if weights::same_split(&self.live, &self.wanted.part.weights) {
            return Some(Ok(Movement::Attach));
        }
        if weights::total(&self.live) == 0 {
            return Some(Ok(Movement::First));
        }
        let candidate = match groups.get(&run.to) {
            Some(Ok(candidate)) => candidate.clone(),
            Some(Err(message)) => return Some(Err(message.clone())),
            None => return Some(Err(format!("the environment {} is not among spec.backends", run.to))),
        };
        if self.wanted.goes_back() {
            return Some(Ok(Movement::Back { candidate }));
        }
        let reasserts = run.reasserted_seq == Some(run.seq);
        let gaining: Vec<&str> = if reasserts { self.gaining() } else { vec![&run.to] };
        let readings: Vec<_> = gaining.iter().map(|environment| self.capacity(environment, groups, sight)).collect();
        for reading in readings {
            if let Err(message) = reading? {
                return Some(Err(message));
            }
        }
        let needs = self.needs();
        Some(Ok(if reasserts { Movement::Reassert { needs } } else { Movement::Forward { candidate, needs } }))
    }

    /// The environments whose share is higher in what is wanted than in what is live.
    fn gaining(&self) -> Vec<&str> {
        let (wanted, live) = (&self.wanted.part.weights, &self.live);
        let gains = |environment: &str| {
            weights::of(wanted, environment) * weights::total(live)
                > weights::of(live, environment) * weights::total(wanted)
        };
        wanted.iter().map(|entry| entry.environment.as_str()).filter(|environment| gains(environment)).collect()
    }

    fn needs(&self) -> Needs {
        Needs {
            baseline: u32::try_from(self.wanted.part.baseline).unwrap_or(0),
            min_healthy_percent: u32::try_from(self.wanted.shift.spec.capacity.min_healthy_percent).unwrap_or(0),
        }
    }

    /// Whether an environment has the healthy targets that what is wanted of it needs; the error says what is missing.
    fn capacity(&self, environment: &str, groups: &Groups, sight: &mut Sight<'_>) -> Option<Result<(), String>> {
        let group = match groups.get(environment) {
            Some(Ok(group)) => group,
            Some(Err(message)) => return Some(Err(message.clone())),
            None => return Some(Err(format!("the environment {environment} is not among spec.backends"))),
        };
        let percent = weights::percent_up(&self.wanted.part.weights, environment);
        let min_healthy_percent = self.wanted.shift.spec.capacity.min_healthy_percent;
        let needed = weights::needed(percent, self.wanted.part.baseline, min_healthy_percent);
        Some(match &sight.health(group, sight.fresh())?.found {
            Ok(health) if i64::from(health.healthy) >= needed => Ok(()),
            Ok(health) => {
                Err(format!("{environment} has {} of the {needed} healthy targets that it needs", health.healthy))
            }
            Err(error) => Err(format!("the health of {environment} could not be read: {error}")),
        })
    }

    fn writing(&self, context: &Context, movement: Movement) -> Proposal {
        let listener = self.place.listener.clone();
        let step = match (self.place.rule, &self.route.spec.listener.matches, self.place.priority) {
            (None, Some(matches), Some(priority)) => Step::CreateRule {
                listener,
                priority,
                conditions: conditions(matches),
                forward: self.forward.clone(),
                tags: marks_of(&context.owner, &self.route.key),
            },
            (Some(rule), Some(_), _) => Step::SetRuleActions {
                listener,
                rule: rule.arn.clone(),
                actions: self.place.actions_with(&self.forward),
            },
            _ => Step::SetDefaultActions { listener, actions: self.place.actions_with(&self.forward) },
        };
        Proposal { step, warrant: warrant(context, self.route, movement) }
    }

    fn remembering(&self, context: &Context) -> Option<Proposal> {
        let resource = self.place.resource.clone()?;
        let mut tags = marks_of(&context.owner, &self.route.key);
        tags.insert(LAST_RUN_TAG.to_owned(), memory::tag_value(&self.wanted.memory()?));
        Some(Proposal { step: Step::AddTags { resource, tags }, warrant: warrant(context, self.route, Movement::None) })
    }
}

fn applying(proposal: Option<Proposal>, message: String) -> Outlook {
    let reason = because("Applying", message);
    Outlook { standing: Standing::Working(reason.clone()), synced: (Truth::False, reason), proposal, look_again: true }
}

fn drifted(intent: &Intent, live: &[EnvironmentWeight]) -> Outlook {
    let message = if weights::same_action(live, &intent.weights) {
        "the weights are as they should be, but stickiness between groups, or a group without weight, was changed by \
         somebody else"
            .to_owned()
    } else {
        difference(intent, live)
    };
    with_drift(message)
}

fn foreign(before: &[EnvironmentWeight], intent: &Intent, live: &[EnvironmentWeight]) -> Outlook {
    with_drift(format!(
        "found {}; expected {}, from which run {} of {} was about to go to {}. Somebody else has changed it",
        weights::words(live),
        weights::words(before),
        intent.run,
        intent.shift,
        weights::words(&intent.weights)
    ))
}

fn with_drift(message: String) -> Outlook {
    let reason = because("Drifted", message);
    Outlook {
        standing: Standing::Resting(reason.clone()),
        synced: (Truth::False, reason),
        proposal: None,
        look_again: false,
    }
}
