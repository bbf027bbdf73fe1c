//! Every route has the weights that are wanted. One of several that is kept from a change for long, which others have made, has
//! failed the run.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{STALLED, Truth, find};
use weir_api::traffic_shift::{GateName, Phase, Run};

use crate::reader::{Asked, Reader};
use crate::ready_state::because;
use crate::reason::Reason;
use crate::shift::progress::RouteProgress;
use crate::shift::run;

use super::{Check, Gate, Station, Wait};

pub(in crate::shift) const CHECK: Check = Check { name: GateName::Applied, release: None, judge };

/// How long one route of several may be kept from a change that others have made.
const STALLED_GRACE: SignedDuration = SignedDuration::from_secs(300);

fn judge(station: &Station<'_>, _: &mut Reader<'_>) -> Asked<Gate> {
    let (shift, run) = (station.shift, station.run);
    if run.applied_at.is_some() {
        return Some(Gate::Open);
    }
    let mut behind = station.routes.iter().filter(|route| !route.is_applied(shift, run));
    let message = behind.find(|route| route.is_hindered()).map_or_else(|| live_awaited(run), RouteProgress::says);
    let wait = Wait::new(run::phase(run), Reason::Applying, message);
    Some(match left_behind(station) {
        Some((until, _)) if station.now < until => Gate::Wait(Wait { look_again: Some(until), ..wait }),
        Some((_, route)) => Gate::Failed(because(Reason::RouteStalled, route.says()), wait),
        None => Gate::Wait(wait),
    })
}

/// What a run waits for while all is well.
fn live_awaited(run: &Run) -> String {
    format!("waiting for {} to be live", run.summary)
}

/// What a run waits for whose weights have just been published.
pub(in crate::shift) fn published(run: &Run, phase: Phase) -> Wait {
    Wait::new(phase, Reason::Applying, live_awaited(run))
}

/// The route of several that is kept from a change that others have made, and until when that is borne with.
fn left_behind<'a>(station: &Station<'a>) -> Option<(Timestamp, &'a RouteProgress<'a>)> {
    let routes = station.routes.iter();
    let (ahead, behind): (Vec<_>, Vec<_>) = routes.partition(|route| route.is_applied(station.shift, station.run));
    if ahead.is_empty() || station.run.weight == 0 {
        return None;
    }
    let stalled = behind.into_iter().filter_map(|route| {
        let stalled = find(&route.object.status.conditions, STALLED)?;
        let since = stalled.last_transition_time.max(station.counted_from);
        (stalled.status == Truth::True).then_some((since + STALLED_GRACE, route))
    });
    stalled.min_by_key(|(until, _)| *until)
}
