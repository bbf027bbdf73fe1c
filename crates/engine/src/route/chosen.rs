//! Follows `spec.weights`, the split that the user owns: at once, or by `spec.pace` in steps.
//!
//! Each step is recorded with what it starts from, written, read back, and only then followed by the next. A step is
//! recorded once the capacity for it is there, so nothing half done waits; until then what is live is what is wanted.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::Outcome;
use weir_api::weighted_route::{DriftPolicy, EnvironmentWeight, Follow, Intent};

use crate::backend;
use crate::limits::Limits;
use crate::object::RouteObject;
use crate::reader::{ANY_AGE, Asked, Reader};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::weights;

use super::assessment::{Assessment, LOOK_AGAIN};
use super::capacity::{self, Demand};
use super::change::{Change, Progress, awaited, can_take_from_others, held, members_of_split};
use super::kind::{self, Place};
use super::observed::{Looked, Observed};
use super::record::Record;

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
        kind::tail(route, intent)
    } else {
        route.spec.pace.as_ref().map_or(SignedDuration::ZERO, |pace| pace.interval.into())
    };
    Some(verified_at + wait)
}

/// Follows the weights that the user wants.
pub(super) fn follow(
    looked: &Looked<'_>,
    goal: &[EnvironmentWeight],
    place: &Place<'_>,
    observed: &Observed,
    record: &mut Record,
    reader: &mut Reader<'_>,
) -> Asked<Assessment> {
    if let Some(message) = mistake(looked.route, goal) {
        return Some(Assessment::unknown(ReadyState::Stalled(because(Reason::Invalid, message))));
    }
    if let Err(message) = backend::by_member(looked.members, goal) {
        return Some(Assessment::waiting_for_environment(message));
    }
    let following = Following { looked, place, observed, goal };
    let (intent, assessment) = match record.intent.clone() {
        Some(intent) if intent.follow.as_ref().is_some_and(|follow| follow.goal == goal) => {
            following.go_on(intent, record, reader)?
        }
        old => following.begin(old, record, reader)?,
    };
    record.intent = intent;
    Some(assessment)
}

/// What the schema does not let through, in case it came from before.
fn mistake(route: &RouteObject, goal: &[EnvironmentWeight]) -> Option<String> {
    if route.spec.drift == DriftPolicy::Adopt {
        let message = "found drift: Adopt together with spec.weights; write Alert, Pause or Correct, or leave out \
                       spec.weights";
        return Some(message.to_owned());
    }
    let limits = Limits::of(&route.spec.entry);
    let in_range = goal.iter().all(|entry| (0..=i32::from(limits.max_weight)).contains(&entry.weight));
    (goal.len() > limits.members || !in_range || weights::total(goal) == 0).then(|| {
        format!(
            "found spec.weights {}; expected at most {} environments with weights from 0 to {}, at least one of them above 0",
            weights::words(goal),
            limits.members,
            limits.max_weight
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
struct Following<'a> {
    looked: &'a Looked<'a>,
    place: &'a Place<'a>,
    observed: &'a Observed,
    goal: &'a [EnvironmentWeight],
}

impl<'a> Following<'a> {
    fn live(&self) -> &'a [EnvironmentWeight] {
        &self.observed.live
    }

    fn now(&self) -> Timestamp {
        self.looked.context.now
    }

    /// How many environments one place takes.
    fn most(&self) -> usize {
        Limits::of(&self.looked.route.spec.entry).members
    }

    fn change(&self, intent: &Intent) -> Result<Change<'a>, String> {
        Change::of(self.looked, self.place, self.observed, intent)
    }

    /// Sets out from what is live, whatever was wanted before.
    fn begin(
        &self,
        old: Option<Intent>,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<(Option<Intent>, Assessment)> {
        let is_there = weights::same_split(self.live(), self.goal);
        if let Some(mut old) = old.clone().filter(|old| self.is_held_by(old) && !is_there) {
            let assessment = match self.change(&old) {
                Ok(change) => change.meet_difference(&mut old, record, reader)?,
                Err(message) => self.waiting(&message, reader),
            };
            return Some((Some(old), assessment));
        }
        let inherited = old.as_ref().and_then(|old| self.inherited(old));
        let kept = inherited.as_ref().and_then(|_| old.as_ref()?.baseline);
        let baseline = if is_there || weights::total(self.live()) == 0 {
            kept
        } else {
            match (capacity::count(self.live(), self.goal, self.looked.members, reader)?, kept) {
                (Ok(counted), kept) => Some(kept.map_or(counted, |kept| kept.min(counted))),
                (Err(_), Some(kept)) => Some(kept),
                (Err(unknown), None) => return Some((old, self.waiting(&unknown, reader))),
            }
        };
        let is_open = |old: &&Intent| old.verified_at.is_none();
        let overtaken = old.as_ref().filter(is_open).map(|old| old.weights.clone()).unwrap_or_default();
        let follow = Follow {
            generation: self.looked.route.generation,
            goal: self.goal.to_vec(),
            from: inherited.unwrap_or_else(|| self.live().to_vec()),
            before: self.live().to_vec(),
            overtaken,
        };
        record.difference = None;
        record.reversals.clear();
        // What was set for an earlier split of the user's is not what was there before, unless somebody has changed it since.
        let earlier = old.filter(|old| old.follow.is_some() && self.place.has_settings_of(old));
        let start = self.held(Some(follow), baseline, earlier.as_ref());
        self.take_next(start, reader)
    }

    /// What is live, held on the way. `earlier` is an intent whose memory of what was there before is carried on.
    fn held(&self, follow: Option<Follow>, baseline: Option<i32>, earlier: Option<&Intent>) -> Intent {
        let mut intent = Intent { follow, baseline, ..held(self.looked, self.place, self.observed) };
        self.place.record_before(&mut intent, earlier);
        intent
    }

    /// Whether a difference to what was set before keeps new weights from being followed.
    fn is_held_by(&self, old: &Intent) -> bool {
        self.looked.route.spec.drift == DriftPolicy::Pause
            && old.verified_at.is_some()
            && !weights::same_split(&old.weights, self.live())
    }

    /// The weights from before an earlier change of the user's, where this one comes in its middle or goes back.
    fn inherited(&self, old: &Intent) -> Option<Vec<EnvironmentWeight>> {
        let follow = old.follow.as_ref()?;
        let is_over = old.verified_at.is_some() && weights::same_split(&old.weights, &follow.goal);
        (!is_over || weights::goes_back(self.live(), self.goal, &follow.from)).then(|| follow.from.clone())
    }

    /// Goes on from the recorded step.
    fn go_on(
        &self,
        mut intent: Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<(Option<Intent>, Assessment)> {
        let change = match self.change(&intent) {
            Ok(change) => change,
            Err(message) => return Some((Some(intent), Assessment::waiting_for_environment(message))),
        };
        let Follow { before, overtaken, .. } = intent.follow.clone()?;
        let came_after_all = !overtaken.is_empty() && weights::same_split(self.live(), &overtaken);
        let progress = change.progress(&intent, &before);
        let is_live = matches!(progress, Progress::There);
        if intent.verified_at.is_none() {
            if !is_live {
                if matches!(progress, Progress::Elsewhere) && !came_after_all {
                    let assessment = change.meet_departure(&before, &mut intent, record, reader)?;
                    return Some((Some(intent), assessment));
                }
                record.difference = None;
                return self.write(&change, &progress, intent, record, reader);
            }
            // It was perhaps seen so before the step was on record; it is looked at, not written again.
            self.place.read_since(intent.since, reader)?;
            if let Some(spreading) = change.spreading() {
                record.difference = None;
                return Some((Some(intent), spreading));
            }
            intent.verified_at = Some(self.now());
            intent.correction = None;
            intent.follow = intent.follow.map(|follow| Follow { overtaken: Vec::new(), ..follow });
        }
        let at_goal = weights::same_action(&intent.weights, self.goal);
        let is_right =
            if at_goal { is_live } else { came_after_all || weights::same_split(self.live(), &intent.weights) };
        if !is_right {
            let assessment = change.meet_difference(&mut intent, record, reader)?;
            return Some((Some(intent), assessment));
        }
        record.difference = None;
        self.arrived(intent, reader)
    }

    /// Writes the recorded step; where the capacity for it has gone, what is live is wanted until it is back.
    fn write(
        &self,
        change: &Change<'_>,
        progress: &Progress,
        mut intent: Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<(Option<Intent>, Assessment)> {
        if intent.correction.is_some() {
            let assessment = change.correct(progress, &mut intent, record, reader)?;
            return Some((Some(intent), assessment));
        }
        intent.members = members_of_split(change.plan.split(), self.looked.members);
        if self.looked.context.is_refused() {
            let split = change.plan.split().clone();
            match self.place.plan(split, Some(&intent), ANY_AGE, reader)? {
                Ok(plan) => plan.record(&mut intent),
                Err(ready_state) => return Some((Some(intent), Assessment::unknown(ready_state))),
            }
        }
        match change.pursue(&intent, reader)? {
            Ok(assessment) => Some((Some(intent), assessment)),
            Err(short) => {
                let overtaken = std::mem::take(&mut intent.weights);
                let follow = Follow { before: self.live().to_vec(), overtaken, ..intent.follow.take()? };
                let held = self.held(Some(follow), intent.baseline, Some(&intent));
                Some((Some(held), self.waiting(&short, reader)))
            }
        }
    }

    /// The recorded step is live: remembers that no run's end is, and takes the next step when it is due.
    fn arrived(&self, intent: Intent, reader: &mut Reader<'_>) -> Asked<(Option<Intent>, Assessment)> {
        let succeeded = self.observed.last_run.as_ref().is_some_and(|run| run.outcome == Outcome::Succeeded);
        if succeeded {
            let message = "the end of the last run is being forgotten on AWS, since spec.weights took its place";
            let write = self.place.remember(&self.looked.context.owner, None);
            return Some((Some(intent), Assessment::applying(write, message.to_owned())));
        }
        let is_done = weights::same_action(&intent.weights, self.goal);
        if is_done && !kind::wants_other_settings(self.looked.route, &intent) {
            return Some((Some(intent), self.applied(None)));
        }
        let due = next_due(self.looked.route, &intent, self.goal)?;
        if self.now() < due {
            let assessment = if weights::same_split(&intent.weights, self.goal) {
                self.applied(Some(due))
            } else {
                let (live, goal) = (weights::words(self.live()), weights::words(self.goal));
                on_the_way(format!("{live} is live on the way to {goal}; the next step comes at {due:.0}"), due)
            };
            return Some((Some(intent), assessment));
        }
        self.take_next(intent, reader)
    }

    /// Records the next step, or says what it waits for.
    fn take_next(&self, intent: Intent, reader: &mut Reader<'_>) -> Asked<(Option<Intent>, Assessment)> {
        let weights = match self.next(&intent, reader)? {
            Next::Step(weights) => weights,
            Next::Wait(message) => return Some((Some(intent), self.waiting(&message, reader))),
        };
        let split = match backend::by_member(self.looked.members, &weights) {
            Ok(split) => split,
            Err(message) => return Some((Some(intent), self.waiting(&message, reader))),
        };
        let plan = match self.place.plan(split, Some(&intent), ANY_AGE, reader)? {
            Ok(plan) => plan,
            Err(ready_state) => return Some((Some(intent), Assessment::unknown(ready_state))),
        };
        let follow = intent.follow.map(|follow| Follow { before: self.live().to_vec(), ..follow });
        let mut next = Intent {
            follow,
            since: self.now(),
            members: members_of_split(plan.split(), self.looked.members),
            weights,
            baseline: intent.baseline,
            ..Intent::default()
        };
        plan.record(&mut next);
        let message = awaited(&next.weights);
        // The write follows in the next look, when this is on record.
        Some((Some(next), Assessment::applying(None, message)))
    }

    /// The next weights, for which the capacity is there.
    fn next(&self, intent: &Intent, reader: &mut Reader<'_>) -> Asked<Next> {
        let measure = (intent.baseline.unwrap_or(0), self.looked.route.spec.capacity.min_healthy_percent);
        if let Err(short) = can_take_from_others(self.looked, self.place, false, (self.goal, measure), reader)? {
            return Some(Next::Wait(short));
        }
        if weights::total(self.live()) == 0 || weights::same_split(self.live(), self.goal) {
            return Some(Next::Step(self.goal.to_vec()));
        }
        // What is answered nowhere, or by others, waits for no step.
        let leaves = |entry: &&EnvironmentWeight| weights::of(self.goal, &entry.environment) == 0 && entry.weight > 0;
        let leads_nowhere = |entry: &EnvironmentWeight| self.place.leads_nowhere(&entry.environment);
        let is_lost = self.place.takes_from_others(false) || self.live().iter().filter(leaves).any(leads_nowhere);
        let pace = self.looked.route.spec.pace.as_ref().filter(|_| !is_lost).map_or(100, |pace| pace.max_step);
        let whole = self.step(pace);
        if whole.len() > self.most() {
            return Some(Next::Wait(format!(
                "on the way to spec.weights {} environments would be in one action, of which AWS takes {}; take the \
                 weight from one of them first, or leave out spec.pace",
                whole.len(),
                self.most()
            )));
        }
        let from = intent.follow.as_ref().map(|follow| follow.from.clone()).unwrap_or_default();
        let percent = self.looked.route.spec.capacity.min_healthy_percent;
        let needs =
            capacity::needs(intent.baseline.unwrap_or(0), percent, Limits::of(&self.looked.route.spec.entry).headroom);
        let returns = weights::goes_back(self.live(), &whole, &from);
        let demand = Demand { live: self.live(), wanted: &whole, needs, returns };
        let Err(short) = capacity::suffices(&demand, self.looked.members, reader)? else {
            return Some(Next::Step(whole));
        };
        // A revert takes back as much as can be carried.
        for percent in (1..pace).rev().filter(|_| returns) {
            let part = self.step(percent);
            let moves = !weights::same_split(&part, self.live()) && part.len() <= self.most();
            if moves && capacity::suffices(&Demand { wanted: &part, ..demand }, self.looked.members, reader)?.is_ok() {
                return Some(Next::Step(part));
            }
        }
        let attached = weights::with_attached(&weights::carrying(self.live()), self.goal);
        let is_new = attached
            .iter()
            .any(|entry| entry.weight == 0 && !self.live().iter().any(|live| live.environment == entry.environment));
        // The health of a group is checked only once it is attached.
        let is_new = is_new && Limits::of(&self.looked.route.spec.entry).keeps_idle;
        Some(if is_new && attached.len() <= self.most() { Next::Step(attached) } else { Next::Wait(short) })
    }

    /// The weights after one step of so many percent points. Groups that lose everything stay attached at first, so
    /// that no node of the balancer misses them while the write reaches it.
    fn step(&self, percent: i32) -> Vec<EnvironmentWeight> {
        let step = weights::towards(self.live(), self.goal, percent);
        let attached = weights::with_attached(&step, &weights::carrying(self.live()));
        let keeps_idle = Limits::of(&self.looked.route.spec.entry).keeps_idle;
        if keeps_idle && attached.len() <= self.most() { attached } else { step }
    }

    fn applied(&self, wake: Option<Timestamp>) -> Assessment {
        let reason = because(Reason::Applied, format!("{} is live, as spec.weights says", weights::words(self.live())));
        Assessment { wake, ..Assessment::settled(ReadyState::Ready(reason.clone()), reason) }
    }

    fn waiting(&self, message: &str, reader: &Reader<'_>) -> Assessment {
        let (live, goal) = (weights::words(self.live()), weights::words(self.goal));
        on_the_way(format!("{goal} waits while {live} is live: {message}"), reader.began + LOOK_AGAIN)
    }
}

fn on_the_way(message: String, wake: Timestamp) -> Assessment {
    Assessment { wake: Some(wake), ..Assessment::working(because(Reason::Following, message)) }
}
