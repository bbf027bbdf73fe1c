//! The gauges of objects. A registry needs about a kilobyte for each series; of these there are tens of thousands, so
//! they are kept in a few bytes each and written as text when they are asked for.
//!
//! Of what is on or off only what is on is shown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use smol_str::SmolStr;
use weir_api::Condition;
use weir_api::condition::{CONTESTED, STALLED, Truth, find, holds};
use weir_engine::object::{RouteObject, ShiftObject};
use weir_engine::{Cluster, KindName, ObjectRef, Reason};

/// What is shown of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gauge {
    Desired,
    Applied,
    Share,
    Drifted,
    Contested,
    Phase,
    Waiting,
    Blind,
    Step,
    Stalled,
}

/// What a gauge says of one object: `label` names the environment, phase or reason, where the gauge has such a label.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reading {
    gauge: Gauge,
    label: SmolStr,
    value: i64,
}

/// The gauges of all objects. Clones show the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown(Arc<Mutex<BTreeMap<ObjectRef, Arc<[Reading]>>>>);

impl Gauge {
    const ALL: [Self; 10] = [
        Self::Desired,
        Self::Applied,
        Self::Share,
        Self::Drifted,
        Self::Contested,
        Self::Phase,
        Self::Waiting,
        Self::Blind,
        Self::Step,
        Self::Stalled,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Desired => "weir_route_weight_desired",
            Self::Applied => "weir_route_weight_applied",
            Self::Share => "weir_route_share_percent",
            Self::Drifted => "weir_route_drifted",
            Self::Contested => "weir_route_contested",
            Self::Phase => "weir_shift_phase",
            Self::Waiting => "weir_shift_waiting",
            Self::Blind => "weir_shift_blind",
            Self::Step => "weir_shift_step",
            Self::Stalled => "weir_object_stalled",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Desired => "The weight that a route has set out to make live.",
            Self::Applied => "The weight that was last read from AWS.",
            Self::Share => {
                "The part of a route's requests that an environment was last seen to answer, where it is measured."
            }
            Self::Drifted => "1 while weights are live that somebody else has set; absent otherwise.",
            Self::Contested => "1 while a route has stopped to correct in a fight; absent otherwise.",
            Self::Phase => "1 for the phase that a shift is in; the others are absent.",
            Self::Waiting => "1 for the reason for which a shift waits; absent while it waits for nothing.",
            Self::Blind => {
                "1 while it cannot be told how the candidate of a shift is that carries traffic; absent otherwise."
            }
            Self::Step => "The step of its strategy that the last run of a shift has reached; 0 before the first.",
            Self::Stalled => "1 for the reason for which an object is Stalled; absent while it is not.",
        }
    }
}

impl Shown {
    /// Shows an object as its status stands, in the place of what was shown of it before.
    pub fn show(&self, cluster: &Cluster, object: &ObjectRef, refused: Option<&Value>) {
        let key = &object.key;
        let readings = match object.kind {
            _ if refused.is_some() => refused.map(of_refused),
            KindName::EntryPoint => cluster.entry_points.get(key).map(|found| stalled(&found.status.conditions)),
            KindName::Environment => cluster.environments.get(key).map(|found| stalled(&found.status.conditions)),
            KindName::WeightedRoute => cluster.routes.get(key).map(of_route),
            KindName::TrafficShift => cluster.shifts.get(key).map(of_shift),
        };
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match readings.filter(|readings| !readings.is_empty()) {
            Some(readings) => drop(shown.insert(object.clone(), readings.into())),
            None => drop(shown.remove(object)),
        }
    }

    /// Writes everything in the text format of Prometheus. The loop, which shows objects, is not kept waiting meanwhile.
    pub fn write(&self, text: &mut String) {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for gauge in Gauge::ALL {
            let all = shown.iter().flat_map(|(object, readings)| readings.iter().map(move |reading| (object, reading)));
            let mut lines = all.filter(|(_, reading)| reading.gauge == gauge).peekable();
            if lines.peek().is_some() {
                // Writing to a string cannot fail.
                let _ = write!(text, "# HELP {0} {1}\n# TYPE {0} gauge\n", gauge.name(), gauge.help());
            }
            lines.for_each(|(object, reading)| write_reading(text, object, reading));
        }
    }
}

/// One line. The labels stand in the order of their names, as in the other series.
fn write_reading(text: &mut String, object: &ObjectRef, Reading { gauge, label, value }: &Reading) {
    let (metric, namespace, name) = (gauge.name(), &object.key.namespace, &object.key.name);
    // Writing to a string cannot fail.
    let _ = match gauge {
        Gauge::Desired | Gauge::Applied | Gauge::Share => {
            let environment = escaped(label);
            writeln!(text, r#"{metric}{{environment="{environment}",namespace="{namespace}",route="{name}"}} {value}"#)
        }
        Gauge::Drifted | Gauge::Contested => {
            writeln!(text, r#"{metric}{{namespace="{namespace}",route="{name}"}} {value}"#)
        }
        Gauge::Phase => {
            writeln!(text, r#"{metric}{{namespace="{namespace}",phase="{label}",shift="{name}"}} {value}"#)
        }
        Gauge::Waiting => {
            let reason = escaped(label);
            writeln!(text, r#"{metric}{{namespace="{namespace}",reason="{reason}",shift="{name}"}} {value}"#)
        }
        Gauge::Stalled => {
            let (kind, reason, place) = (object.kind.word(), escaped(label), namespace);
            writeln!(text, r#"{metric}{{kind="{kind}",name="{name}",namespace="{place}",reason="{reason}"}} {value}"#)
        }
        Gauge::Blind | Gauge::Step => writeln!(text, r#"{metric}{{namespace="{namespace}",shift="{name}"}} {value}"#),
    };
}

/// The name of an environment comes from a status, in which anybody may have written anything.
fn escaped(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

/// Why an object is Stalled, where it is.
fn stalled(conditions: &[Condition]) -> Vec<Reading> {
    let stalled = find(conditions, STALLED).filter(|condition| condition.status == Truth::True);
    stalled.map(|found| Reading { gauge: Gauge::Stalled, label: found.reason.clone(), value: 1 }).into_iter().collect()
}

/// An object that cannot be decided on is Stalled, and nobody watches the candidate of a run that was moving.
fn of_refused(status: &Value) -> Vec<Reading> {
    let stalled = Reading { gauge: Gauge::Stalled, label: Reason::Invalid.as_str().into(), value: 1 };
    let run = &status["run"];
    let is_watched =
        run["weight"].as_i64().unwrap_or(0) == 0 || !run["endedAt"].is_null() || !run["rollback"].is_null();
    let blind = Reading { gauge: Gauge::Blind, label: SmolStr::default(), value: 1 };
    [Some(stalled), (!is_watched).then_some(blind)].into_iter().flatten().collect()
}

fn of_route(route: &RouteObject) -> Vec<Reading> {
    let status = &route.status;
    let of = |gauge, environment: &str, value| Reading { gauge, label: environment.into(), value };
    let desired = status.intent.iter().flat_map(|intent| &intent.weights);
    let desired = desired.map(|weight| of(Gauge::Desired, &weight.environment, weight.weight.into()));
    let applied = status.weights.iter().map(|weight| of(Gauge::Applied, &weight.environment, weight.weight.into()));
    let shares = status.requests.iter().flat_map(|requests| &requests.shares);
    let shares = shares.map(|share| of(Gauge::Share, &share.environment, share.percent.into()));
    let drifted = status.difference.is_some().then(|| of(Gauge::Drifted, "", 1));
    let contested = holds(&status.conditions, CONTESTED).then(|| of(Gauge::Contested, "", 1));
    desired.chain(applied).chain(shares).chain(drifted).chain(contested).chain(stalled(&status.conditions)).collect()
}

fn of_shift(shift: &ShiftObject) -> Vec<Reading> {
    let phase = shift.status.phase.map(|phase| Reading { gauge: Gauge::Phase, label: phase.word().into(), value: 1 });
    let waiting = shift.status.waiting.as_ref();
    let waiting =
        waiting.map(|waiting| Reading { gauge: Gauge::Waiting, label: waiting.reason.as_str().into(), value: 1 });
    let step = shift.status.run.as_ref().and_then(|run| run.progress.split('/').next()?.parse().ok());
    let step = step.map(|value| Reading { gauge: Gauge::Step, label: SmolStr::default(), value });
    let is_blind = shift.status.run.as_ref().is_some_and(|run| run.blind_since.is_some());
    let blind = is_blind.then(|| Reading { gauge: Gauge::Blind, label: SmolStr::default(), value: 1 });
    phase.into_iter().chain(waiting).chain(blind).chain(step).chain(stalled(&shift.status.conditions)).collect()
}
