//! One play: the traffic comes to rest where it is before the release, the wishes are applied, and what befalls it does.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weir_api::TrafficShift;
use weir_api::command::COMMAND_ANNOTATION;
use weir_api::condition::{COMPLETE, Condition, READY, STALLED, Truth, find, holds};
use weir_api::traffic_shift::{GateName, Outcome, Phase, RunGate, TrafficShiftStatus};
use weir_engine::Key;
use weir_engine::forecast::{Forecast, Question};

use crate::director::SplitLocation;
use crate::evidence::Evidence;
use crate::fault::Planned;
use crate::judge::judge;
use crate::plan::{self, AFTERWARDS};
use crate::rollout::SplitPoint;
use crate::stage::on_virtual_time;
use crate::world::{LONG_LEASE, SHORT_LEASE, World};

use super::clients::Clients;
use super::coverage::uncovered_permille;
use super::manifests::Wish;
use super::{Simulation, stage};

/// How long everything may take to come to rest before the release, beside the pace of routes.
const BEGINNING: Duration = Duration::from_mins(20);
/// How long a run waits at a pause without an end before somebody says to go on.
const CONSIDERED: Duration = Duration::from_secs(30);
/// How long everything is watched when the last shift has come to its end.
const CALM: Duration = Duration::from_mins(2);

/// How a world was played.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Play {
    /// What befell it.
    pub accidents: Vec<String>,
    /// How each shift ended, in the order of the manifests.
    pub shifts: Vec<ShiftEnd>,
    /// What is not ready in the end, and why.
    pub unready: Vec<String>,
    /// How many requests clients sent from the release on.
    pub requests: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Why, and how many of each.
    pub causes: BTreeMap<String, u64>,
    /// The largest share of a route's traffic that was given to groups without a healthy target, in thousandths.
    pub uncovered_permille: u32,
    /// How often each operation of AWS was called from the release on.
    pub calls: BTreeMap<String, u64>,
    /// How many batches of changes Route 53 took from the release on.
    pub batches: u64,
    /// How many records were made and deleted in them.
    pub record_changes: u64,
    /// What must never be, and was.
    pub broken: Vec<String>,
    #[serde(skip)]
    pub(super) requests_of_controllers: u64,
}

/// How a shift ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShiftEnd {
    /// Its namespace and name.
    pub shift: String,
    /// Where it wants the traffic.
    pub to: String,
    /// How its run ended, as in its status; nothing where it did not.
    pub ended: Option<String>,
    /// How, or what it waits for, in its own words.
    pub message: String,
    /// How long it took from the release on, in seconds.
    pub seconds: u64,
    /// How long the traffic took to be back where the run came from, once that was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_seconds: Option<u64>,
    /// How often somebody had to say that it goes on, at pauses without an end.
    pub resumed: u32,
    /// Whether it ended as its manifest wants: all traffic is where it shall be.
    pub as_wished: bool,
}

impl Play {
    /// Whether every shift ended as its manifest wants, and all objects are ready.
    pub fn is_as_wished(&self) -> bool {
        self.unready.is_empty() && self.shifts.iter().all(|shift| shift.as_wished)
    }

    /// How many calls of AWS there were.
    pub fn call_count(&self) -> u64 {
        self.calls.values().sum()
    }

    /// How long the slowest shift took.
    pub fn seconds(&self) -> u64 {
        self.shifts.iter().map(|shift| shift.seconds).max().unwrap_or(0)
    }
}

/// Plays a seed with what befalls it. A panic is something that must never be.
pub(super) fn play(simulation: &Simulation, seed: u64, planned: &[Planned]) -> (Play, Option<Evidence>) {
    let accidents: Vec<String> = planned.iter().map(ToString::to_string).collect();
    let played = catch_unwind(AssertUnwindSafe(|| on_virtual_time(Release::play(simulation, seed, planned))));
    let (play, evidence) = match played {
        Ok((play, evidence)) => (play, Some(evidence)),
        Err(panic) => (Play { broken: vec![format!("Panicked: {}", plan::words(panic))], ..Play::default() }, None),
    };
    (Play { accidents, ..play }, evidence)
}

/// Forecasts what the shifts will do, from the world in which they are about to.
pub(super) fn forecast(simulation: &Simulation) -> Option<(Question, Forecast)> {
    on_virtual_time(async {
        let release = Release::prepare(simulation, 1, LONG_LEASE).await;
        if !release.begun {
            return None;
        }
        release.wish();
        let shifts = release.wishes.iter().map(|wish| wish.key.clone()).collect();
        release.world.forecast(shifts).await
    })
}

/// A release that is going on.
struct Release {
    world: World,
    clients: Clients,
    wishes: Vec<Wish>,
    /// The balancers that environments lend to names.
    lent: BTreeSet<String>,
    /// How often somebody had to say that a shift goes on.
    resumed: BTreeMap<Key, u32>,
    /// When each shift was seen to have ended, by the clock of the world: that of a controller may be wrong.
    ended: BTreeMap<Key, Timestamp>,
    /// How long everything may take to come to rest before.
    beginning: Duration,
    /// Whether everything had come to rest before.
    begun: bool,
}

impl Release {
    async fn play(simulation: &Simulation, seed: u64, planned: &[Planned]) -> (Play, Evidence) {
        let is_about_leaders = planned.iter().any(|planned| planned.fault.is_about_leaders());
        let lease = if is_about_leaders { SHORT_LEASE } else { LONG_LEASE };
        let mut release = Self::prepare(simulation, seed, lease).await;
        release.clients.begin(release.world.now());
        let calls_before = release.world.evidence().calls.len();
        let at = release.world.now();
        if release.begun {
            // Nothing is done by hand: where the traffic is split is of no account.
            let namespace = release.world.namespace().to_owned();
            release.world.direct(SplitLocation { namespace, place: SplitPoint::DefaultAction }, planned);
            release.go(planned).await;
        }
        release.sum_up(at, calls_before)
    }

    /// A world that rests, or does not, where it is before the release.
    async fn prepare(simulation: &Simulation, seed: u64, lease: Duration) -> Self {
        let (manifests, file) = (&simulation.manifests, simulation.world.as_ref());
        let (world, clients) = stage::set(stage::settings(seed, manifests, lease), manifests, file).await;
        let (resumed, ended) = (BTreeMap::new(), BTreeMap::new());
        let (wishes, lent) = (manifests.wishes(), manifests.lent_balancers());
        let mut release = Self { world, clients, wishes, lent, resumed, ended, beginning: BEGINNING, begun: false };
        release.world.start_controller();
        release.beginning += manifests.longest_pace();
        release.begun = release.begin().await;
        release.clients.admit(&release.world);
        release
    }

    /// Applies the wishes.
    fn wish(&self) {
        for wish in &self.wishes {
            // What was accepted when mistakes were looked for is accepted again.
            let _ = self.world.apply_document(wish.document.clone());
        }
    }

    /// Waits until everything rests where it is before the release.
    async fn begin(&mut self) -> bool {
        let begun: Vec<Key> =
            self.wishes.iter().filter(|wish| wish.before.is_some()).map(|wish| wish.key.clone()).collect();
        let is_at_rest = |world: &World| begun.iter().all(|key| is_complete(world, key)) && unready(world).is_empty();
        self.world.run_until(is_at_rest, self.beginning).await.is_ok()
    }

    /// Applies the wishes, and waits for what comes of them. In the end everything is well again.
    async fn go(&mut self, planned: &[Planned]) {
        self.wish();
        let spans: u32 = planned.iter().map(|planned| planned.fault.span_s()).sum();
        let length = self.wishes.iter().map(|wish| wish.length).max().unwrap_or_default();
        let length = length + Duration::from_secs(spans.into());
        self.until_ended(length).await;
        if !planned.is_empty() {
            let _ = self.world.run_until(World::is_calm, AFTERWARDS).await;
            self.world.heal();
            self.world.note_manual_change("everything is well again");
            self.until_ended(length).await;
        }
        self.clients.admit(&self.world);
        self.world.run_for(CALM).await;
    }

    /// Waits until each shift has ended or waits for somebody. At pauses without an end it is told to go on.
    async fn until_ended(&mut self, length: Duration) {
        let end = self.world.now() + length;
        while self.world.now() < end {
            let left = Duration::try_from(self.world.now().duration_until(end)).unwrap_or_default();
            let wishes = self.wishes.clone();
            let ended = &mut self.ended;
            let rests = |world: &World| {
                for wish in wishes.iter().filter(|wish| has_ended(world, wish)) {
                    ended.entry(wish.key.clone()).or_insert_with(|| world.now());
                }
                wishes.iter().all(|wish| ended.contains_key(&wish.key) || is_asking(world, &wish.key))
            };
            if self.world.run_until(rests, left).await.is_err() {
                return;
            }
            let paused: Vec<Key> =
                wishes.into_iter().map(|wish| wish.key).filter(|key| is_paused(&self.world, key)).collect();
            if paused.is_empty() {
                return;
            }
            self.world.run_for(CONSIDERED).await;
            for key in paused {
                let count = self.resumed.entry(key.clone()).or_default();
                *count += 1;
                let command = json!({"metadata": {"annotations": {COMMAND_ANNOTATION: format!("resume/{count}")}}});
                let _ = self.world.kube().merge("trafficshifts", &key.namespace, &key.name, &command);
            }
            // The controller has not seen yet what was just said.
            self.world.run_for(CONSIDERED).await;
        }
    }

    fn sum_up(mut self, at: Timestamp, calls_before: usize) -> (Play, Evidence) {
        let mut play = Play { unready: unready(&self.world), ..Play::default() };
        play.shifts = self.wishes.iter().map(|wish| self.end(wish, at)).collect();
        (play.requests, play.causes) = self.clients.met(self.world.now());
        play.failed = play.causes.values().sum();
        let evidence = self.world.evidence();
        for call in &evidence.calls[calls_before..] {
            *play.calls.entry(call.operation.clone()).or_default() += 1;
            if call.changes > 0 && call.code == "OK" {
                play.batches += 1;
                play.record_changes += u64::from(call.changes);
            }
        }
        play.uncovered_permille = uncovered_permille(&evidence, at, &self.lent);
        play.broken = judge(&evidence).iter().map(ToString::to_string).collect();
        play.broken.extend(plan::ending::defect(&self.world));
        let lingering = self.world.lingering().into_iter();
        play.broken
            .extend(lingering.map(|(object, since)| format!("{object} was deleted at {since} and is still there")));
        play.requests_of_controllers = u64::try_from(self.world.request_count()).unwrap_or(u64::MAX);
        (play, evidence)
    }

    fn end(&self, wish: &Wish, at: Timestamp) -> ShiftEnd {
        let status = status(&self.world, &wish.key).unwrap_or_default();
        let ended = status.run.as_ref().filter(|run| run.to == wish.to).and_then(|run| Some((run, run.outcome?)));
        let until = self.ended.get(&wish.key).copied().unwrap_or_else(|| self.world.now());
        let back = ended.and_then(|(run, _)| Some(seconds(run.rollback.as_ref()?.since, run.ended_at?)));
        let message = match ended {
            Some(_) => status.history.first().map(|past| past.message.clone()).unwrap_or_default(),
            None if !self.begun => format!(
                "before the release everything should rest, and has not within {} minutes: {}",
                self.beginning.as_secs() / 60,
                said(&status)
            ),
            None => said(&status),
        };
        ShiftEnd {
            shift: wish.key.to_string(),
            to: wish.to.clone(),
            ended: ended.map(|(_, outcome)| format!("{outcome:?}")),
            message,
            seconds: seconds(at, until),
            rollback_seconds: back,
            resumed: self.resumed.get(&wish.key).copied().unwrap_or(0),
            as_wished: ended.is_some_and(|(_, outcome)| outcome == Outcome::Succeeded)
                && is_complete(&self.world, &wish.key),
        }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(from.duration_until(to).as_secs()).unwrap_or(0)
}

fn shift(world: &World, key: &Key) -> Option<TrafficShift> {
    TrafficShift::deserialize(&*world.kube().get("trafficshifts", &key.namespace, &key.name)?).ok()
}

fn status(world: &World, key: &Key) -> Option<TrafficShiftStatus> {
    shift(world, key)?.status
}

/// Whether the last run of a shift has ended, for the spec as it is now.
fn is_complete(world: &World, key: &Key) -> bool {
    let Some(shift) = shift(world, key) else { return false };
    let Some(status) = shift.status else { return false };
    status.observed_generation == shift.metadata.generation && holds(&status.conditions, COMPLETE)
}

/// Whether the run that a wish has begun has ended, whatever came of it.
fn has_ended(world: &World, wish: &Wish) -> bool {
    let run = status(world, &wish.key).and_then(|status| status.run);
    run.is_some_and(|run| run.to == wish.to && run.outcome.is_some())
}

/// Whether a shift waits for somebody, and nothing happens until then.
fn is_asking(world: &World, key: &Key) -> bool {
    let Some(status) = status(world, key) else { return false };
    let is_stalled = holds(&status.conditions, STALLED);
    let waits = status.waiting.as_ref().is_some_and(|waiting| waiting.until.is_none());
    is_stalled || (waits && status.phase.is_some_and(Phase::rests))
}

/// Whether a shift is at a pause without an end, which its own strategy wants.
fn is_paused(world: &World, key: &Key) -> bool {
    let run = status(world, key).and_then(|status| status.run);
    let is_open = |gate: &RunGate| gate.name == GateName::StepPause && gate.until.is_none();
    run.is_some_and(|run| run.gates.iter().any(is_open))
}

/// What a shift says that it waits for.
fn said(status: &TrafficShiftStatus) -> String {
    let waiting = status.waiting.as_ref().map(|waiting| format!("{}: {}", waiting.reason, waiting.message));
    waiting.or_else(|| why_unready(&status.conditions)).unwrap_or_else(|| "it says nothing".to_owned())
}

fn why_unready(conditions: &[Condition]) -> Option<String> {
    let ready = find(conditions, READY).filter(|ready| ready.status != Truth::True)?;
    Some(format!("{}: {}", ready.reason, ready.message))
}

/// The entry points, environments and routes that are not ready, and why.
fn unready(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for resource in ["entrypoints", "environments", "weightedroutes"] {
        for object in world.kube().list(resource, "") {
            let conditions = Vec::<Condition>::deserialize(&object["status"]["conditions"]).unwrap_or_default();
            if holds(&conditions, READY) {
                continue;
            }
            let why = why_unready(&conditions).unwrap_or_else(|| "it has no status yet".to_owned());
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &object["metadata"];
            found.push(format!(
                "{} {}/{}: {why}",
                text(&object["kind"]),
                text(&metadata["namespace"]),
                text(&metadata["name"])
            ));
        }
    }
    found
}
