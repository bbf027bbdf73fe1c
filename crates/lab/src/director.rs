//! Lets the planned faults happen, each at its moment, and ends those that last for a while.
//!
//! The wires tell it of every request; the world asks it at each glance. It changes the world as people and accidents
//! do: through the control functions of the simulated AWS and Kubernetes, and through the network.

mod manual;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;
use weir_sim::aws::{AppBehaviour, Aws, TargetKey};
use weir_sim::clock::Clock;
use weir_sim::kube::Kube;

use crate::account::deregister_all;
use crate::fault::{Absence, Fault, Illness, Moment, Planned, Quota, Side};
use crate::journal::{Journal, What};
use crate::rollout::SplitPoint;
use crate::wire::{Conditions, Disturbance, Mischief, ProcessControl, Sort, Which, lock};
use crate::world::LEASE;

/// The quotas while nothing is wrong.
const QUOTAS: (usize, usize) = (100, 100);
/// How soon the nodes of balancers follow changes while nothing is wrong.
const PROPAGATION: std::ops::RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(2);

/// Where the traffic of a rollout is split.
#[derive(Clone, Debug)]
pub(crate) struct SplitLocation {
    /// The namespace of its objects.
    pub namespace: String,
    /// On what it is split.
    pub place: SplitPoint,
}

/// The director of one world.
#[derive(Debug)]
pub(crate) struct Director {
    aws: Arc<Aws>,
    kube: Arc<Kube>,
    clock: Clock,
    journal: Journal,
    conditions: Arc<Mutex<Conditions>>,
    location: SplitLocation,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The sort of each request so far.
    requests: Vec<Sort>,
    /// The name of each, and how many of it there were by then.
    names: Vec<(String, u64)>,
    counts: BTreeMap<String, u64>,
    due: Vec<Planned>,
    later: Vec<(Instant, Later)>,
    manual_changes: u32,
    /// Another controller is to begin, its clock being so much ahead.
    another: Option<SignedDuration>,
    /// Objects that were deleted and are to be made again under the same name.
    absent: Vec<(String, serde_json::Value)>,
}

/// What happens by itself at an instant.
#[derive(Debug)]
enum Later {
    /// A planned fault.
    Fault(Fault),
    /// The targets of a group are well again.
    Mend(String),
    /// The targets of a group are there again.
    Fill(String, Vec<TargetKey>),
    /// The quotas are as they were.
    Quotas,
    /// The API server forgets its history and the watches break.
    Compact,
}

impl Director {
    pub fn new(
        (aws, kube, clock): (&Arc<Aws>, &Arc<Kube>, Clock),
        journal: Journal,
        conditions: Arc<Mutex<Conditions>>,
        location: SplitLocation,
        plan: &[Planned],
    ) -> Arc<Self> {
        let now = Instant::now();
        let mut state = State::default();
        for planned in plan {
            match planned.at {
                Moment::Request(..) | Moment::Named(..) => state.due.push(planned.clone()),
                Moment::Second(second) => {
                    let at = now + Duration::from_secs(second.into());
                    state.later.push((at, Later::Fault(planned.fault.clone())));
                }
            }
        }
        if plan.iter().any(|planned| matches!(planned.fault, Fault::StaleReads(_))) {
            lock(&conditions).keep_answers();
        }
        let (aws, kube) = (Arc::clone(aws), Arc::clone(kube));
        Arc::new(Self { aws, kube, clock, journal, conditions, location, state: Mutex::new(state) })
    }

    /// The requests that the controllers have made, by their sort.
    pub fn requests(&self) -> Vec<Sort> {
        lock(&self.state).requests.clone()
    }

    /// The name of each, and how many of it there were by then.
    pub fn names(&self) -> Vec<(String, u64)> {
        lock(&self.state).names.clone()
    }

    /// The faults whose moment has not come.
    pub fn due(&self) -> Vec<Planned> {
        lock(&self.state).due.clone()
    }

    /// How many they are.
    pub fn request_count(&self) -> usize {
        lock(&self.state).requests.len()
    }

    /// A request is about to be sent. Tells its number, and until when its process is held.
    pub fn arrives(&self, process_control: &ProcessControl, sort: Sort, name: &str) -> (usize, Option<Instant>) {
        let index = {
            let mut state = lock(&self.state);
            let count = state.counts.entry(name.to_owned()).or_default();
            *count += 1;
            let named = (name.to_owned(), *count);
            state.requests.push(sort);
            state.names.push(named);
            state.requests.len() - 1
        };
        (index, self.strike(process_control, index, Side::Before))
    }

    /// The world has taken a request. Tells until when its process is held.
    pub fn taken(&self, process_control: &ProcessControl, index: usize) -> Option<Instant> {
        self.strike(process_control, index, Side::After)
    }

    fn strike(&self, process_control: &ProcessControl, index: usize, side: Side) -> Option<Instant> {
        let due: Vec<Planned> = {
            let mut state = lock(&self.state);
            let due = std::mem::take(&mut state.due);
            let (name, count) = &state.names[index];
            let is_now = |planned: &Planned| match &planned.at {
                Moment::Request(number, at) => *at == side && usize::try_from(*number) == Ok(index + 1),
                Moment::Named(named, number, at) => *at == side && named == name && number == count,
                Moment::Second(_) => false,
            };
            let (due, rest) = due.into_iter().partition(is_now);
            state.due = rest;
            due
        };
        due.iter().filter_map(|planned| self.happens(&planned.fault, Some(process_control))).max()
    }

    /// Something befalls the world now.
    pub fn befall(&self, fault: &Fault) {
        self.happens(fault, None);
    }

    /// When something happens next by itself.
    pub fn next(&self) -> Option<Instant> {
        lock(&self.state).later.iter().map(|(at, _)| *at).min()
    }

    /// Lets happen by itself what is due.
    pub fn pass(&self, process_control: Option<&ProcessControl>) {
        let now = Instant::now();
        self.make_again();
        for (_, later) in self.take_later(|at| at <= now) {
            match later {
                Later::Fault(fault) => drop(self.happens(&fault, process_control)),
                other => self.comes_true(other),
            }
        }
    }

    /// Whether another controller is to begin now, and by how much its clock is ahead.
    pub fn take_another(&self) -> Option<SignedDuration> {
        lock(&self.state).another.take()
    }

    /// Ends everything that goes on, and nothing more is planned.
    pub fn heal(&self) {
        lock(&self.state).due.clear();
        for (_, later) in self.take_later(|_| true) {
            if !matches!(later, Later::Fault(_)) {
                self.comes_true(later);
            }
        }
        self.aws.set_quotas(QUOTAS.0, QUOTAS.1);
        self.aws.set_propagation(PROPAGATION);
    }

    fn take_later(&self, is_due: impl Fn(Instant) -> bool) -> Vec<(Instant, Later)> {
        let mut state = lock(&self.state);
        let (mut due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.later).into_iter().partition(|(at, _)| is_due(*at));
        state.later = rest;
        due.sort_by_key(|(at, _)| *at);
        due
    }

    fn comes_true(&self, later: Later) {
        match later {
            Later::Fault(_) => {}
            Later::Mend(group) => {
                self.note(format!("the targets of {group} are well again"));
                self.each_target(&group, usize::MAX, AppBehaviour::well());
            }
            Later::Fill(group, targets) => {
                self.note(format!("{group} has its targets again"));
                let targets: Vec<(&str, u16)> =
                    targets.iter().map(|target| (target.id.as_str(), target.port)).collect();
                // Where somebody has deleted the group meanwhile, there is nothing to fill.
                let _ = self.aws.register(&group, &targets);
            }
            Later::Quotas => self.aws.set_quotas(QUOTAS.0, QUOTAS.1),
            Later::Compact => {
                self.kube.compact();
                self.kube.cut_watches();
            }
        }
    }

    /// A fault happens now. Tells until when the process is held.
    fn happens(&self, fault: &Fault, process_control: Option<&ProcessControl>) -> Option<Instant> {
        self.note(fault.to_string());
        let (now, span) = (Instant::now(), Duration::from_secs(fault.span_s().into()));
        let until = now + span;
        match fault {
            Fault::Crash(_) => {
                if let Some(process_control) = process_control {
                    process_control.kill(Some(span));
                }
            }
            Fault::Pause(_) => {
                let process_control = process_control?;
                process_control.hold(until);
                return Some(until);
            }
            Fault::Stop(_) => {
                if let Some(process_control) = process_control {
                    process_control.tell_to_end(span);
                }
            }
            Fault::Another(ahead_s) => {
                lock(&self.state).another = Some(SignedDuration::from_secs((*ahead_s).into()));
            }
            Fault::ClockStep(seconds) => {
                if let Some(process_control) = process_control {
                    process_control.ahead.step(*seconds);
                }
            }
            Fault::LeaseConflict(times) => lock(&self.conditions).conflict_for_the_lease(*times),
            Fault::LeaseTaken(seconds) => take_lease(&self.kube, *seconds),
            Fault::Conflict(times) => lock(&self.conditions).conflict(*times),
            Fault::Compacted => self.comes_true(Later::Compact),
            Fault::StaleWatch(_) => self.kube.hold_watches(span),
            Fault::LostWatch(_) => {
                self.kube.hold_watches(span + Duration::from_secs(1));
                self.later(until, Later::Compact);
            }
            Fault::RepeatedWatch(_) => self.kube.repeat_watches(span),
            Fault::KubeAway(how, _) => {
                lock(&self.conditions).be_away(*how, until);
                match how {
                    Absence::Refused | Absence::Failing => self.kube.cut_watches(),
                    Absence::Hanging => self.kube.hold_watches(span),
                }
            }
            Fault::Throttled(times) => self.disturb(Which::All, *times, None, Mischief::Throttled),
            Fault::ThrottleStorm(_) => self.disturb(Which::All, u32::MAX, Some(until), Mischief::Throttled),
            Fault::AwsAway(how, _) => {
                let mischief = match how {
                    Absence::Refused => Mischief::Refused,
                    Absence::Hanging => Mischief::Lost(Side::Before),
                    Absence::Failing => Mischief::Failed(503),
                };
                self.disturb(Which::All, u32::MAX, Some(until), mischief);
            }
            Fault::LostWrites(side, times) => self.disturb(Which::Writes, *times, None, Mischief::Lost(*side)),
            Fault::StaleReads(_) => lock(&self.conditions).go_stale(span),
            Fault::SlowPropagation(_) => self.aws.set_propagation(span..=span),
            Fault::Quota(quota, _) => {
                let (rules, groups) = match quota {
                    Quota::Rules => (0, QUOTAS.1),
                    Quota::Groups => (QUOTAS.0, 1),
                };
                self.aws.set_quotas(rules, groups);
                self.later(until, Later::Quotas);
            }
            Fault::Expired(_) => self.disturb(Which::All, u32::MAX, Some(until), Mischief::Expired),
            Fault::Ill(group, illness, _) => self.fall_ill(group, *illness, until),
            Fault::Manual(manual) => self.do_by_hand(manual),
        }
        None
    }

    fn disturb(&self, which: Which, times: u32, until: Option<Instant>, mischief: Mischief) {
        lock(&self.conditions).disturb(Disturbance { which, times, until, mischief });
    }

    fn fall_ill(&self, group: &str, illness: Illness, until: Instant) {
        match illness {
            Illness::All | Illness::Most => {
                let spared = usize::from(illness == Illness::Most);
                let ill = self.aws.health(group).len().saturating_sub(spared);
                self.each_target(group, ill, AppBehaviour::broken());
                self.later(until, Later::Mend(group.to_owned()));
            }
            Illness::Empty => {
                let targets = deregister_all(&self.aws, group);
                self.later(until, Later::Fill(group.to_owned(), targets));
            }
        }
    }

    fn each_target(&self, group: &str, count: usize, app: AppBehaviour) {
        for (target, _) in self.aws.health(group).into_iter().take(count) {
            // A target that is gone meanwhile has no application.
            let _ = self.aws.set_app_on(group, &target.id, app);
        }
    }

    fn later(&self, at: Instant, later: Later) {
        lock(&self.state).later.push((at, later));
    }

    fn note(&self, words: String) {
        self.journal.add(self.clock.now(), 0, What::Befell(words));
    }
}

/// Somebody who is none of the controllers has the Lease for a while. Where there is none yet, there is nothing to take.
pub(crate) fn take_lease(kube: &Kube, seconds: u32) {
    let spec = serde_json::json!({"holderIdentity": "somebody-else", "leaseDurationSeconds": seconds.max(1)});
    let _ = kube.merge("leases", LEASE.0, LEASE.1, &serde_json::json!({ "spec": spec }));
}
