//! One cell played: a rollout up to a phase, something done by hand, and what came of it some minutes later.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_api::condition::{READY, STALLED, SYNCED, Truth, find};
use weir_api::traffic_shift::{self, TrafficShiftStatus};
use weir_api::weighted_route::{DriftPolicy, WeightedRouteStatus};
use weir_engine::write::{OWNER_TAG, ROUTE_TAG};

use crate::evidence::{Evidence, Weights};
use crate::fault::Fault;
use crate::judge::judge;
use crate::plan::ending::defect;
use crate::provisioner::Provisioner;
use crate::rollout::{Rollout, SplitPoint};
use crate::stage::on_virtual_time;
use crate::world::{Settings, World};

use super::{Outcome, Phase, Row};

/// How long after something was done it is looked at what came of it: marks are looked for every few minutes only.
const LATER: Duration = Duration::from_mins(12);
/// How long a run rests at its step: longer than is looked.
const REST: u32 = 1_800;
/// How long a phase may be waited for.
const PATIENCE: Duration = Duration::from_mins(20);
/// How often it is looked whether a phase has come that is over soon.
const BLINK: Duration = Duration::from_millis(5);

/// For what a shift waits while all is well.
const USUAL: [&str; 1] = ["StepPause"];

/// What came of a cell.
#[derive(Clone, Debug)]
pub struct PlayedCell {
    /// The outcome with the reasons that route and shift show, as the page has it.
    pub verdict: String,
    /// What must not have happened.
    pub wrong: Vec<String>,
    /// Everything that happened.
    pub evidence: Evidence,
}

/// Plays a row in a phase under a policy.
///
/// # Panics
///
/// When a phase does not come, which is a bug of the lab or of the controller.
pub fn play(row: &Row, phase: Phase, policy: DriftPolicy) -> PlayedCell {
    on_virtual_time(async {
        let pause_s = if phase == Phase::AfterEnd { 5 } else { REST };
        let releases = vec!["green".to_owned()];
        let rollout =
            Rollout { place: row.place, drift: policy, weights: vec![50, 100], pause_s, releases, sticky: false };
        let mut world = rollout.set(Settings::seeded(11)).await;
        let location = rollout.location(&world);
        world.direct(location, &[]);
        world.start_controller();
        reach(&rollout, phase, &mut world).await;
        let (before, said) = (Look::at(&world, row.place), Said::by(&world));
        world.befall(&Fault::Manual(row.manual.clone()));
        let put = Look::at(&world, row.place);
        world.run_for(LATER).await;
        let (after, says) = (Look::at(&world, row.place), Said::by(&world));
        let told = says.new_since(&said);
        let outcome = classify([&before, &put, &after], &said, &says, &told);
        let reasons = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
        let unseen = (outcome == Outcome::Unseen).then(|| "nothing tells what was done".to_owned());
        let evidence = world.evidence();
        let mut wrong: Vec<String> = judge(&evidence).iter().map(ToString::to_string).collect();
        wrong.extend(unseen.into_iter().chain(says.silence()).chain(defect(&world)));
        PlayedCell { verdict: format!("{outcome}{reasons}"), wrong, evidence }
    })
}

/// Lets the rollout come to a phase.
async fn reach(rollout: &Rollout, phase: Phase, world: &mut World) {
    let until = async |world: &mut World, is_so: fn(&World) -> bool| {
        let came = world.run_until(is_so, PATIENCE).await;
        came.unwrap_or_else(|message| panic!("{phase:?} does not come: {message}; {:?}", shift(world)));
    };
    if rollout.place == SplitPoint::Rule {
        world.apply(&rollout.wish("blue")).expect("the wish of a rollout is valid");
        until(world, |world| world.is_complete("checkout")).await;
    }
    world.run_for(Duration::from_mins(1)).await;
    if phase == Phase::AtRest {
        return;
    }
    world.apply(&rollout.wish("green")).expect("the wish of a rollout is valid");
    match phase {
        Phase::AtRest => {}
        Phase::Verifying => {
            until(world, |world| world.phase("checkout") == Some(traffic_shift::Phase::Verifying)).await;
            world.run_for(Duration::from_secs(5)).await;
        }
        Phase::AfterEnd => {
            until(world, |world| world.is_complete("checkout")).await;
            world.run_for(Duration::from_mins(1)).await;
        }
        Phase::AtStep | Phase::Paused | Phase::RollingBack => {
            let rests =
                |world: &World| shift(world).run.is_some_and(|run| run.weight == 50 && run.applied_at.is_some());
            until(world, rests).await;
            world.run_for(Duration::from_secs(20)).await;
        }
    }
    match phase {
        Phase::Paused => {
            world.command("checkout", "pause/1").expect("the shift is there");
            world.run_for(Duration::from_secs(20)).await;
        }
        Phase::RollingBack => {
            world.command("checkout", "abort/1").expect("the shift is there");
            let mut blinks = 0;
            while shift(world).run.is_none_or(|run| run.rollback.is_none()) {
                assert!(blinks < 4_000, "the run does not go back: {:?}", shift(world));
                world.run_for(BLINK).await;
                blinks += 1;
            }
        }
        Phase::AtRest | Phase::Verifying | Phase::AtStep | Phase::AfterEnd => {}
    }
}

fn shift(world: &World) -> TrafficShiftStatus {
    world.shift("checkout").and_then(|shift| shift.status).unwrap_or_default()
}

fn route(world: &World) -> WeightedRouteStatus {
    world.route("checkout").and_then(|route| route.status).unwrap_or_default()
}

/// What is there on AWS, aspect by aspect.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    place: Option<String>,
    priority: Option<u32>,
    kinds: Vec<&'static str>,
    live: Weights,
    marks: BTreeMap<String, String>,
}

/// What may differ between two looks, what matters most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aspect {
    Live,
    Kinds,
    SplitPoint,
    Priority,
    Marks,
}

impl Aspect {
    const ALL: [Self; 5] = [Self::Live, Self::Kinds, Self::SplitPoint, Self::Priority, Self::Marks];
}

impl Look {
    fn at(world: &World, place: SplitPoint) -> Self {
        let provisioner = Provisioner::new(world.aws(), place);
        let found = provisioner.found();
        let arn = found.as_deref().unwrap_or_default();
        let rules = world.aws().rule_arns(&provisioner.listener());
        let mut marks = world.aws().tags(arn);
        marks.retain(|key, _| key == OWNER_TAG || key == ROUTE_TAG);
        Self {
            priority: rules.iter().find(|(_, rule)| *rule == arn).map(|(priority, _)| *priority),
            kinds: world.aws().action_kinds(arn),
            live: world.aws().weights(arn),
            marks,
            place: found,
        }
    }

    fn is_same(&self, other: &Self, aspect: Aspect) -> bool {
        match aspect {
            Aspect::SplitPoint => self.place == other.place,
            Aspect::Priority => self.priority == other.priority,
            Aspect::Kinds => self.kinds == other.kinds,
            Aspect::Live => shares(&self.live) == shares(&other.live),
            Aspect::Marks => self.marks == other.marks,
        }
    }
}

/// The share of each group in the action, in thousandths.
fn shares(weights: &Weights) -> BTreeMap<&str, u32> {
    let total = weights.values().sum::<u32>().max(1);
    weights.iter().map(|(group, weight)| (group.as_str(), weight * 1000 / total)).collect()
}

/// What the objects say.
#[derive(Clone, Debug, Default)]
struct Said {
    route: Option<String>,
    shift: Option<String>,
    run: Option<traffic_shift::Run>,
    /// The listener or rule that the route says is its place.
    place: Option<String>,
    /// The weights that the route says are live, by environment: each lends the group of its name.
    weights: Weights,
    /// Whether a run is under way that says nothing of what it waits for.
    is_silent: bool,
}

impl Said {
    fn by(world: &World) -> Self {
        let (route, shift) = (route(world), shift(world));
        let is = |type_: &str, status: Truth| {
            find(&route.conditions, type_)
                .filter(|condition| condition.status == status)
                .map(|found| found.reason.to_string())
        };
        let stalled = find(&shift.conditions, STALLED).filter(|condition| condition.status == Truth::True);
        let weights = route.weights.iter();
        let weights = weights.map(|entry| (entry.environment.clone(), u32::try_from(entry.weight).unwrap_or(0)));
        let is_paused = shift.phase.is_some_and(traffic_shift::Phase::rests);
        Self {
            route: is(STALLED, Truth::True)
                .or_else(|| is(SYNCED, Truth::False))
                .or_else(|| is(SYNCED, Truth::Unknown))
                .or_else(|| is(READY, Truth::False)),
            is_silent: is_paused && shift.waiting.as_ref().is_none_or(|waiting| waiting.message.is_empty()),
            shift: stalled.map(|stalled| stalled.reason.to_string()).or(shift.waiting.map(|waiting| waiting.reason)),
            run: shift.run,
            place: route.listener_rule.arn,
            weights: weights.collect(),
        }
    }

    /// The reasons that were not given before: of the route, and of the shift where it has another.
    fn new_since(&self, before: &Self) -> Vec<String> {
        let is_usual = |reason: &String| USUAL.contains(&reason.as_str());
        let new = |now: &Option<String>, before: &Option<String>| {
            now.clone().filter(|reason| now != before && !is_usual(reason))
        };
        let mut reasons: Vec<String> = new(&self.route, &before.route).into_iter().collect();
        reasons.extend(new(&self.shift, &before.shift).filter(|reason| !reasons.contains(reason)));
        reasons
    }

    /// Whether a run that was under way has ended with the traffic on what carried it before.
    fn has_gone_back(&self, before: &Self) -> bool {
        let was_under_way = before.run.as_ref().is_some_and(|run| run.ended_at.is_none());
        let outcome = self.run.as_ref().and_then(|run| run.outcome);
        was_under_way && matches!(outcome, Some(traffic_shift::Outcome::RolledBack | traffic_shift::Outcome::Failed))
    }

    fn silence(&self) -> Option<String> {
        self.is_silent.then(|| "the run is held, and does not say why".to_owned())
    }
}

fn classify([before, put, after]: [&Look; 3], said: &Said, says: &Said, told: &[String]) -> Outcome {
    let is_home = after.live.get("blue").is_some_and(|blue| *blue > 0 && *blue == after.live.values().sum::<u32>());
    if says.has_gone_back(said) && is_home {
        return Outcome::WentBack;
    }
    let is_told = !told.is_empty();
    let Some(changed) = Aspect::ALL.into_iter().find(|aspect| !put.is_same(before, *aspect)) else {
        return if is_told { Outcome::Held } else { Outcome::GoesOn };
    };
    if after.is_same(before, changed) {
        return Outcome::SetAgain;
    }
    match (after.is_same(put, changed), is_told, changed) {
        (true, true, _) => Outcome::Left,
        (true, false, Aspect::Live) if shares(&says.weights) == shares(&after.live) => Outcome::Adopted,
        (true, false, Aspect::SplitPoint) if says.place == after.place => Outcome::Adopted,
        (true, false, Aspect::Live | Aspect::SplitPoint | Aspect::Marks) => Outcome::Unseen,
        (true, false, Aspect::Kinds | Aspect::Priority) | (false, false, _) => Outcome::GoesOn,
        (false, true, _) => Outcome::Held,
    }
}
