//! The ticks of a forecast: one after the other, on a clock that leaps from one to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{COMPLETE, READY, STALLED, Truth, find, holds};
use weir_api::traffic_shift::{GateName, Outcome, RunGate};
use weir_api::weighted_route::EnvironmentWeight;

use crate::Arn;
use crate::access::Access;
use crate::claim;
use crate::depend::Dependents;
use crate::dns::ChangeId;
use crate::fact::{ErrorKind, Query};
use crate::kinds::{EntryPoints, Environments, Kept, Routes, Shifts};
use crate::limits::Limits;
use crate::object::objects::Names;
use crate::object::{Cluster, Key, KindName, Object, ObjectRef, ShiftObject};
use crate::reader::Ask;
use crate::tick::{Answer, Memory, Need, Rest, Tick};
use crate::weights;
use crate::write::Write;

use super::projection::Projection;
use super::quota::{Quota, QuotaUse};
use super::{ByEnvironment, End, Entry, Forecast, Question, What};

/// How many ticks a forecast has at most: those of a run that takes some days.
const TICKS: u32 = 100_000;
/// How far ahead is looked.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How long everything is watched when the last shift has ended: what remains is written by then.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(2);
/// How soon an object whose tick has failed is looked at again.
const RETRY: SignedDuration = SignedDuration::from_secs(5);
/// How long a call takes: what is read back is read after the write.
const CALL: SignedDuration = SignedDuration::from_millis(50);
/// How many resources one call tells the tags of.
const TAGS_OF_A_CALL: u64 = 20;

/// What goes on.
pub(super) struct Rehearsal<'a> {
    question: &'a Question,
    now: Timestamp,
    cluster: Cluster,
    projection: Projection<'a>,
    /// The objects that decide: the shifts and whatever they move traffic through.
    actors: BTreeSet<ObjectRef>,
    due: BTreeMap<ObjectRef, Timestamp>,
    memories: BTreeMap<ObjectRef, Memory>,
    /// When each question was last answered.
    read: BTreeMap<Query, Timestamp>,
    said: BTreeMap<Key, (String, Option<Timestamp>)>,
    /// At which step of its run each shift was last told to go on.
    resumed: BTreeMap<Key, i32>,
    /// By which access the rules of a balancer are read.
    accesses: BTreeMap<Arn, Access>,
    /// Whether the rights to read something are lacking.
    is_denied: bool,
    /// What must be known so that everything on a balancer can be counted.
    uncounted: Vec<Ask>,
    forecast: Forecast,
}

impl<'a> Rehearsal<'a> {
    pub fn new(question: &'a Question, cluster: Cluster, projection: Projection<'a>) -> Self {
        let actors = actors(&cluster, &question.shifts);
        Self {
            question,
            now: question.now,
            cluster,
            projection,
            due: actors.iter().map(|object| (object.clone(), question.now)).collect(),
            actors,
            memories: BTreeMap::new(),
            read: BTreeMap::new(),
            said: BTreeMap::new(),
            resumed: BTreeMap::new(),
            accesses: BTreeMap::new(),
            is_denied: false,
            uncounted: Vec::new(),
            forecast: Forecast::default(),
        }
    }

    /// Plays everything to its end. The error says what must be known of AWS besides: all that is asked at one instant.
    pub fn play(mut self) -> Result<Forecast, Vec<Ask>> {
        let horizon = self.question.now + HORIZON;
        let (mut calm, mut missing, mut is_over) = (None, Vec::new(), false);
        for _ in 0..TICKS {
            calm = self.shifts().all(is_complete).then(|| calm.unwrap_or(self.now + AFTERWARDS));
            let end = calm.unwrap_or(horizon);
            let next = self.due.iter().min_by_key(|(object, at)| (**at, (*object).clone()));
            let next = next.map(|(object, at)| (object.clone(), *at)).filter(|(_, at)| *at <= end);
            let Some((object, at)) = next.filter(|(_, at)| *at <= self.now || missing.is_empty()) else {
                is_over = true;
                break;
            };
            self.now = self.now.max(at);
            if let Err(asks) = self.tick(&object) {
                missing.extend(asks);
                continue;
            }
            self.note_waits();
            self.resume();
        }
        missing.append(&mut self.uncounted);
        if !missing.is_empty() {
            return Err(missing);
        }
        let ends = self.question.shifts.iter().map(|key| self.end(key, is_over)).collect();
        Ok(Forecast { ends, ..self.forecast })
    }

    fn shifts(&self) -> impl Iterator<Item = &ShiftObject> {
        self.question.shifts.iter().filter_map(|key| self.cluster.shifts.get(key))
    }

    fn tick(&mut self, object: &ObjectRef) -> Result<(), Vec<Ask>> {
        self.due.remove(object);
        match object.kind {
            KindName::EntryPoint => self.tick_of::<EntryPoints>(object),
            KindName::Environment => self.tick_of::<Environments>(object),
            KindName::WeightedRoute => self.tick_of::<Routes>(object),
            KindName::TrafficShift => self.tick_of::<Shifts>(object),
        }
    }

    fn tick_of<K: Kept>(&mut self, object: &ObjectRef) -> Result<(), Vec<Ask>> {
        let memory = self.memories.remove(object).unwrap_or_default();
        let grants = Arc::clone(&self.question.grants);
        let owner = self.question.owner.clone();
        let mut tick: Tick<K> = Tick::new(object.key.clone(), self.now, owner, memory).granting(grants);
        let mut answer = Answer::Begin;
        loop {
            answer = match tick.next(self.now, &self.cluster, answer) {
                Need::Read(asks) => self.read(asks)?,
                Need::Board => Answer::Boarded,
                Need::Get(_) => Answer::Stored,
                Need::Finalizer(wanted) => {
                    let finalizer = || weir_api::FINALIZER.into();
                    self.change::<K>(object, |stored| {
                        stored.finalizers = wanted.then(finalizer).into_iter().collect();
                    });
                    Answer::Stored
                }
                Need::Record(status) => {
                    self.change::<K>(object, |stored| stored.status = status);
                    Answer::Stored
                }
                Need::Act(permit) => Answer::Acted(Ok(self.write(object, permit.write()))),
                Need::Done(rest) => {
                    self.rest(object, rest);
                    return Ok(());
                }
            };
        }
    }

    fn rest(&mut self, object: &ObjectRef, rest: Rest) {
        // Where nobody else changes anything, a balancer and a stack are looked at again only when a run has changed something.
        let is_watched = matches!(object.kind, KindName::WeightedRoute | KindName::TrafficShift);
        let wake =
            if rest.failed { Some(self.now + RETRY) } else { rest.wake.filter(|wake| is_watched || *wake <= self.now) };
        if let Some(wake) = wake {
            let wake = wake.max(self.now);
            let due = self.due.entry(object.clone()).or_insert(wake);
            *due = wake.min(*due);
        }
        self.memories.insert(object.clone(), rest.memory);
    }

    /// Changes an object and wakes whom it concerns.
    fn change<K: Kept>(&mut self, object: &ObjectRef, change: impl FnOnce(&mut Object<K::Spec, K::Status>)) {
        let dependents = Dependents::before(&self.cluster, object);
        K::objects(&mut self.cluster).edit(&object.key, change);
        for other in dependents.after(&self.cluster) {
            if self.actors.contains(&other) {
                self.due.insert(other, self.now);
            }
        }
    }

    /// Answers questions, and counts the calls that a controller needs for it.
    fn read(&mut self, asks: Vec<Ask>) -> Result<Answer, Vec<Ask>> {
        let (mut tags, mut called) = (0, false);
        let (mut answers, mut missing) = (Vec::new(), Vec::new());
        for ask in asks {
            if let Query::Rules(listener) = &ask.query {
                self.accesses.extend(listener.balancer().map(|balancer| (balancer, ask.access.clone())));
            }
            let Some(fact) = self.projection.answer(self.now, &ask) else {
                missing.push(ask);
                continue;
            };
            self.is_denied |= fact.failure().is_some_and(|error| error.kind == ErrorKind::Denied);
            // What is looked at in every round was seen in one; settings of groups are not.
            let is_new = matches!(ask.query, Query::Attributes(_)) && !self.read.contains_key(&ask.query);
            let read = self.read.entry(ask.query.clone()).or_insert(self.question.now);
            if *read < ask.not_before || is_new {
                *read = self.now;
                called = true;
                match operation(&ask.query) {
                    Some("DescribeTags") => tags += 1,
                    Some(operation) => *self.forecast.reads.entry(operation).or_default() += 1,
                    None => {}
                }
            }
            answers.push((ask, fact));
        }
        if tags > 0 {
            *self.forecast.reads.entry("DescribeTags").or_default() += u64::div_ceil(tags, TAGS_OF_A_CALL);
        }
        if called {
            self.now += CALL;
        }
        if missing.is_empty() { Ok(Answer::Read(answers)) } else { Err(missing) }
    }

    /// Makes a write, and says by what Route 53 tells how far it has come.
    fn write(&mut self, object: &ObjectRef, write: &Write) -> Option<ChangeId> {
        let brought = self.projection.brings(write);
        self.projection.apply(self.now, write);
        for quota in brought {
            self.count(quota, write);
        }
        let (weights, needs) = self.live(object, write);
        self.note(object.clone(), What::Write { write: write.clone(), weights, needs });
        self.now += CALL;
        let number = self.forecast.entries.len();
        matches!(write, Write::Records(_)).then(|| ChangeId::new(&format!("planned-{number}")))
    }

    /// Notes what a write that has just been made, and is the next entry, counts against a quota.
    fn count(&mut self, quota: Quota, write: &Write) {
        let Some(balancer) = write.target().balancer() else { return };
        let access = self.accesses.get(&balancer).cloned().unwrap_or_default();
        let entry = self.forecast.entries.len();
        match self.projection.count(quota, &balancer, &access) {
            Ok(count) => self.forecast.quota_uses.push(QuotaUse { entry, balancer, access, quota, count }),
            Err(asks) => self.uncounted.extend(asks),
        }
    }

    /// The weights that a write makes live, by environment, and how many healthy targets the shift's environment needs for it.
    fn live(&self, object: &ObjectRef, write: &Write) -> (ByEnvironment, ByEnvironment) {
        let route = self.cluster.routes.get(&object.key).filter(|_| object.kind == KindName::WeightedRoute);
        let moves = write.split().is_some_and(|split| !split.is_empty());
        let Some(route) = route.filter(|_| moves) else { return (Vec::new(), Vec::new()) };
        let Some(intent) = &route.status.intent else { return (Vec::new(), Vec::new()) };
        let pair = |entry: &EnvironmentWeight| (entry.environment.clone(), entry.weight);
        let weights = intent.weights.iter().map(pair).collect();
        let shift = claim::holder(&self.cluster, &object.key);
        let need = shift.and_then(|shift| {
            let run = shift.status.run.as_ref()?;
            // The first that is deployed takes the traffic whether it is healthy or not: there is nothing to measure it by.
            let part = run.routes.iter().find(|part| part.name == object.key.name && part.baseline > 0)?;
            let percent = weights::percent_up(&intent.weights, &run.to);
            // Of a name it may for a while be more than its weight says.
            let at_most = (percent + Limits::of(&route.spec.entry).headroom).min(100);
            let least = weights::needed(at_most, part.baseline, shift.spec.capacity.min_healthy_percent);
            (percent > 0).then(|| (run.to.clone(), i32::try_from(least).unwrap_or(i32::MAX)))
        });
        (weights, need.into_iter().collect())
    }

    fn note(&mut self, object: ObjectRef, what: What) {
        let after = self.question.now.duration_until(self.now);
        self.forecast.entries.push(Entry { after, object, what });
    }

    /// Notes what shifts wait for, each wait once.
    fn note_waits(&mut self) {
        let waits: Vec<_> = self.shifts().map(|shift| (shift.key.clone(), shift.status.waiting.clone())).collect();
        for (key, waiting) in waits {
            let Some(waiting) = waiting else {
                self.said.remove(&key);
                continue;
            };
            let now = (waiting.reason.clone(), waiting.until);
            if self.said.insert(key.clone(), now.clone()).as_ref() != Some(&now) {
                let span = waiting.until.map(|until| self.now.duration_until(until));
                let (reason, message) = (waiting.reason, waiting.message);
                self.note(ObjectRef::new(KindName::TrafficShift, key), What::Waits { reason, message, span });
            }
        }
    }

    /// Somebody ends the pauses that have no end of their own, each once.
    fn resume(&mut self) {
        let is_open = |gate: &RunGate| gate.name == GateName::StepPause && gate.until.is_none();
        let paused = self.shifts().find_map(|shift| {
            let run = shift.status.run.as_ref().filter(|run| run.gates.iter().any(is_open))?;
            let is_told = self.resumed.get(&shift.key) == Some(&run.seq);
            (!is_told).then(|| (shift.key.clone(), run.seq))
        });
        let Some((key, seq)) = paused else { return };
        self.resumed.insert(key.clone(), seq);
        let object = ObjectRef::new(KindName::TrafficShift, key);
        self.note(object.clone(), What::Resumed);
        self.change::<Shifts>(&object, |shift| shift.command = Some(format!("resume/forecast-{seq}")));
        self.due.insert(object, self.now);
    }

    /// How a shift ends; `is_over` says whether nothing more is to come.
    fn end(&self, key: &Key, is_over: bool) -> End {
        let Some(shift) = self.cluster.shifts.get(key) else { return End::Missing };
        let run = shift.status.run.as_ref();
        let ended = run.and_then(|run| Some((run.outcome?, run.ended_at?)));
        match ended.filter(|_| is_complete(shift)) {
            Some((outcome, at)) if at >= self.question.now => {
                let past = shift.status.history.first();
                let message = past.map(|past| past.message.clone()).unwrap_or_default();
                End::Ends { outcome, message, after: self.question.now.duration_until(at) }
            }
            Some((Outcome::Succeeded, _)) => End::Rests,
            Some((outcome, _)) => End::Blocked(format!("its last run has ended as {outcome:?}; {}", why(shift))),
            // What may not be read is asked for without end.
            None if !is_over && !self.is_denied => End::Beyond(self.question.now.duration_until(self.now)),
            None => End::Blocked(why(shift)),
        }
    }
}

/// What a shift says that stands in the way: of itself, and of what it waits for.
fn why(shift: &ShiftObject) -> String {
    let status = &shift.status;
    let mut conditions = [STALLED, READY].into_iter().filter_map(|type_| find(&status.conditions, type_));
    let condition = conditions.find(|found| (found.type_ == STALLED) == (found.status == Truth::True));
    let waiting = status.waiting.as_ref().map(|waiting| format!("{}: {}", waiting.reason, waiting.message));
    let condition = condition.map(|condition| format!("{}: {}", condition.reason, condition.message));
    waiting.or(condition).unwrap_or_else(|| "it says nothing".to_owned())
}

/// Whether the last run has ended, for the spec as it is.
fn is_complete(shift: &ShiftObject) -> bool {
    shift.status.observed_generation == Some(shift.generation) && holds(&shift.status.conditions, COMPLETE)
}

/// The shifts and whatever they move traffic through.
fn actors(cluster: &Cluster, shifts: &[Key]) -> BTreeSet<ObjectRef> {
    let mut actors = BTreeSet::new();
    for shift in shifts.iter().filter_map(|key| cluster.shifts.get(key)) {
        actors.insert(ObjectRef::new(KindName::TrafficShift, shift.key.clone()));
        for name in &shift.spec.routes {
            let Some(route) = cluster.routes.get(&shift.key.sibling(name.as_str())) else { continue };
            actors.insert(ObjectRef::new(KindName::WeightedRoute, route.key.clone()));
            actors.extend(route.spec.named(&route.key));
        }
    }
    actors
}

/// The operation that answers a question; `None` where none does.
fn operation(query: &Query) -> Option<&'static str> {
    match query {
        Query::Balancer(_) => Some("DescribeLoadBalancers"),
        Query::BalancerAttributes(_) => Some("DescribeLoadBalancerAttributes"),
        Query::Listeners(_) => Some("DescribeListeners"),
        Query::Rules(_) => Some("DescribeRules"),
        Query::Group(_) => Some("DescribeTargetGroups"),
        Query::Attributes(_) => Some("DescribeTargetGroupAttributes"),
        Query::Health(_) => Some("DescribeTargetHealth"),
        Query::Tags(_) => Some("DescribeTags"),
        Query::Zone(_) => Some("GetHostedZone"),
        Query::Records(_) => Some("ListResourceRecordSets"),
        Query::Change(_) => Some("GetChange"),
        Query::Requests(_) => None,
    }
}
