//! The way to an environment that is known to be good: one that has carried all the traffic of every route before,
//! with the same target groups, and has the healthy capacity for all of it now.

use jiff::SignedDuration;
use weir_api::traffic_shift::{Course, KnownGood, Run};
use weir_api::weighted_route::FullTraffic;

use crate::Arn;
use crate::reason::Reason;
use crate::sight::{Asked, Sight};

use super::health::Capacity;
use super::lane::Lane;
use super::{Draft, HEALTH_INTERVAL, advance, health};

/// How long targets that were just attached may take to be checked before the run goes by its strategy: the five
/// checks at intervals of 30 s by which ELBv2 tells health by default, and some more.
const CHECKING: SignedDuration = SignedDuration::from_secs(180);

/// How a run to an environment shall get there, as far as that can be told when it begins.
pub(super) fn course(draft: &Draft<'_>, lanes: &[Lane<'_>]) -> Course {
    let to = &draft.shift.spec.to;
    let gradual = |reason: Reason, message: String| Course { immediate: false, reason: reason.to_string(), message };
    if draft.shift.spec.known_good == KnownGood::Gradual {
        return gradual(Reason::Gradual, "by the strategy, since spec.knownGood is Gradual".to_owned());
    }
    for lane in lanes {
        let group = lane.group(to).map(Arn::as_str).unwrap_or_default();
        let mut times = lane.route.status.full_traffic.iter().filter(|known| known.environment == *to).peekable();
        if times.peek().is_none() {
            let message = format!(
                "by the strategy, since {to} is not known to have carried all the traffic of route {}",
                lane.part.name
            );
            return gradual(Reason::NeverCarriedAll, message);
        }
        if !times.any(|known| known.target_groups == [group]) {
            let message = format!(
                "by the strategy, since the {to} that carried all the traffic of route {} had another target group",
                lane.part.name
            );
            return gradual(Reason::OtherTargetGroup, message);
        }
    }
    let since = lanes.iter().filter_map(|lane| last(lane, to)).filter_map(|known| known.until).max();
    let until = since.map_or_else(|| " before".to_owned(), |until| format!(" until {until:.0}"));
    Course {
        immediate: true,
        reason: Reason::KnownGood.to_string(),
        message: format!("everything at once, since {to} carried all the traffic{until}"),
    }
}

fn last<'a>(lane: &'a Lane<'_>, to: &str) -> Option<&'a FullTraffic> {
    lane.route.status.full_traffic.iter().find(|known| known.environment == to)
}

/// Whether a run moves everything in one step.
pub(super) fn is_immediate(run: &Run) -> bool {
    run.course.as_ref().is_some_and(|course| course.immediate)
}

/// What comes next for a run that would move everything in one step.
pub(super) enum Leap {
    /// The step may be made.
    Now,
    /// Its targets are still being checked.
    Later,
    /// The capacity is not there: the run goes by its strategy from here on.
    Never,
}

/// Judges whether everything may move now. A run does not wait for ever for the capacity to do so.
pub(super) fn leap(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>], sight: &mut Sight<'_>) -> Asked<Leap> {
    let percent = draft.shift.spec.capacity.min_healthy_percent;
    let all: Vec<&Lane<'_>> = lanes.iter().collect();
    let (message, may_come) = match health::candidate(&all, run, 100, percent, sight.fresh(), sight)? {
        Capacity::Enough => return Some(Leap::Now),
        Capacity::Short { message, starting, .. } => (message, starting),
        Capacity::Unchecked(message) | Capacity::Unknown(message) => (message, true),
    };
    let until = run.applied_at.unwrap_or(draft.now) + CHECKING;
    if may_come && draft.now < until {
        draft.wait(
            advance::phase_of(run),
            Reason::Capacity,
            format!("waiting to move everything at once: {message}"),
            None,
        );
        draft.wake_at((sight.began + HEALTH_INTERVAL).min(until));
        return Some(Leap::Later);
    }
    let run = draft.status.run.as_mut()?;
    let message = format!("by the strategy: {} carried all the traffic before, but {message}", run.to);
    run.course = Some(Course { immediate: false, reason: Reason::CapacityShort.to_string(), message });
    Some(Leap::Never)
}
