//! Routes of a run that are gone while others go on: what moves together is not left split.

use jiff::SignedDuration;
use weir_api::traffic_shift::{Outcome, Run, RunRoute};

use crate::object::{KindName, ObjectRef};
use crate::reader::{Asked, Reader};
use crate::ready_state::because;
use crate::reason::Reason;

use super::draft::Draft;
use super::gate::hold;
use super::plan::Plan;
use super::progress::{following, routes};
use super::run::{RunState, phase, waiting_since};
use super::supersede;
use super::watch::{self, Worry};

/// How long a route may be gone, as when it is made anew, before the run goes on without it.
const GONE_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Sees whether routes of the run are gone; true when that has decided what happens. Those that the shift does not name any
/// more are taken out of the run. One that it names may be made anew for a while; then the run has failed, and the others
/// go back or hold.
pub(super) fn are_awaited(draft: &mut Draft<'_>, plan: &Plan, reader: &mut Reader<'_>) -> Asked<bool> {
    let run = draft.status.run.clone()?;
    let is_gone = |part: &&RunRoute| following(draft.cluster, draft.shift, &run, part).is_none();
    let gone: Vec<&str> = run.routes.iter().filter(is_gone).map(|part| part.name.as_str()).collect();
    if gone.is_empty() {
        return Some(false);
    }
    let (names, what, remedy) = tell(draft, &gone);
    let message = format!("{what}; {remedy}, or abort or delete the shift");
    let lost = format!("{what}, by which its target group is known");
    if gone.len() == run.routes.len() {
        draft.wait(phase(&run), Reason::RouteGone, message, None);
        lose_sight(draft, &run, &lost);
        give_up_at_deadline(draft, &run, "all routes of the run are gone");
        return Some(true);
    }
    let is_named = gone.iter().any(|name| draft.shift.spec.routes.iter().any(|named| named == name));
    if !is_named || run.outcome.is_some() {
        let kept = draft.status.run.as_mut()?;
        kept.routes.retain(|part| !gone.contains(&part.name.as_str()));
        kept.note = Some(format!("what is live on the WeightedRoute {names}, which is gone, stays"));
        return Some(false);
    }
    if supersede::replace(draft, &run, plan, reader)? {
        return Some(true);
    }
    let until = waiting_since(draft.shift, Reason::RouteGone, draft.now) + GONE_GRACE;
    let is_late = draft.now >= until;
    if is_late
        && run.hold.is_none()
        && draft.fail(because(Reason::RouteGone, what))
        && draft.state() == Some(RunState::RollingBack)
    {
        return Some(true);
    }
    if let Some(hold) = draft.status.run.as_ref().and_then(|run| run.hold.clone()) {
        draft.wait_at(&hold::CHECK, hold::held_by(hold.by, format!("{}; {message}", hold.message)));
    } else if is_late {
        draft.wait(phase(&run), Reason::RouteGone, message, None);
        give_up_at_deadline(draft, &run, "a route of the run is gone, and there is nothing to go back to");
        return Some(true);
    } else {
        draft.wait(phase(&run), Reason::RouteGone, message, Some(until));
    }
    watch_the_others(draft, plan, reader)?;
    lose_sight(draft, &run, &lost);
    Some(true)
}

/// The names of the routes that are gone, what has become of them, and what to do about it.
fn tell(draft: &Draft<'_>, gone: &[&str]) -> (String, String, &'static str) {
    let names = gone.join(", ");
    let is_refused = |name: &&str| {
        let route = ObjectRef::new(KindName::WeightedRoute, draft.shift.key.sibling(*name));
        draft.cluster.refused.contains(&route)
    };
    let (what, remedy) = if gone.iter().all(is_refused) {
        (format!("the spec of the WeightedRoute {names} cannot be read"), "correct it")
    } else {
        (format!("the WeightedRoute {names} is gone"), "create it again")
    };
    (names, what, remedy)
}

/// Watches the candidate on those routes of the run that are there.
fn watch_the_others(draft: &mut Draft<'_>, plan: &Plan, reader: &mut Reader<'_>) -> Asked<()> {
    let run = draft.status.run.clone()?;
    let present = routes(draft.grants, draft.cluster, draft.shift, &run);
    let watched = watch::candidate(&draft.station(plan, &run, &present), reader)?;
    draft.note(watched);
    Some(())
}

/// The candidate cannot be watched everywhere.
fn lose_sight(draft: &mut Draft<'_>, run: &Run, why: &str) {
    let carries = run.weight > 0 && run.rollback.is_none();
    if carries && !matches!(draft.worry, Some(Worry::Failing(_))) {
        draft.worry = Some(Worry::Blind(why.to_owned()));
    }
}

/// A run that can be neither finished nor brought back ends at its deadline, unless it holds for somebody's word.
fn give_up_at_deadline(draft: &mut Draft<'_>, run: &Run, why: &str) {
    let deadline = draft.deadline_since(run.progressed_at);
    if run.hold.is_some() {
        return;
    }
    if draft.now < deadline {
        draft.wake_at(deadline);
    } else {
        draft.end(Outcome::Failed, why);
    }
}
