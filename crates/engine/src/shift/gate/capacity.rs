//! The candidate has the healthy targets for the next weight: fresh, and on every route.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::GateName;

use crate::reader::{Asked, Reader};
use crate::reason::Reason;
use crate::shift::health::{self, Capacity};
use crate::shift::progress::RouteProgress;
use crate::shift::{HEALTH_INTERVAL, immediate, run};

use super::{Check, Gate, Next, Station, Wait};

pub(super) const CHECK: Check = Check { name: GateName::Capacity, release: None, judge };

/// How long targets that were just attached may take to be checked before a run that would move everything at once goes
/// by its strategy: the five checks at intervals of 30 s by which ELBv2 tells health by default, and some more.
const CHECKING: SignedDuration = SignedDuration::from_secs(180);

fn judge(station: &Station<'_>, reader: &mut Reader<'_>) -> Asked<Gate> {
    let Next::Step(weight) = station.next() else { return Some(Gate::Open) };
    let percent = station.shift.spec.capacity.min_healthy_percent;
    let routes: Vec<_> = station.routes.iter().collect();
    // Of a name it may for a while be more than its weight says.
    let at_most = |route: &RouteProgress<'_>| (weight + route.limits().headroom).min(100);
    let capacity = health::candidate(&routes, station.run, at_most, percent, reader.fresh(), reader)?;
    let look_again = reader.began + HEALTH_INTERVAL;
    Some(if immediate::is_immediate(station.run) {
        at_once(station, capacity, look_again)
    } else {
        gradually(station, capacity, look_again)
    })
}

fn gradually(station: &Station<'_>, capacity: Capacity, look_again: Timestamp) -> Gate {
    let (reason, message) = match capacity {
        Capacity::Enough => return Gate::Open,
        Capacity::Short { message, .. } => {
            let since = station.waiting_since(Reason::Capacity).strftime("%H:%M:%S");
            let to = &station.run.to;
            (Reason::Capacity, format!("waiting for targets of {to} to become healthy since {since}: {message}"))
        }
        Capacity::Unchecked(message) | Capacity::Unknown(message) => (Reason::HealthUnknown, message),
    };
    Gate::Wait(Wait { look_again: Some(look_again), ..Wait::new(run::phase(station.run), reason, message) })
}

/// A run does not wait for ever for the capacity to move everything at once.
fn at_once(station: &Station<'_>, capacity: Capacity, look_again: Timestamp) -> Gate {
    let (message, may_come) = match capacity {
        Capacity::Enough => return Gate::Open,
        Capacity::Short { message, starting, .. } => (message, starting),
        Capacity::Unchecked(message) | Capacity::Unknown(message) => (message, true),
    };
    let until = station.run.applied_at.unwrap_or(station.now) + CHECKING;
    if !may_come || station.now >= until {
        return Gate::Gradual(message);
    }
    let message = format!("waiting to move everything at once: {message}");
    let wait = Wait::new(run::phase(station.run), Reason::Capacity, message);
    Gate::Wait(Wait { look_again: Some(look_again.min(until)), ..wait })
}
