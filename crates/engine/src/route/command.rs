//! The command that users give a route by annotation: `resume`, carried out once.
//!
//! It accepts what is live as the new starting point; with `drift: Correct` it lets the route correct again.

use weir_api::WeightedRouteStatus;
use weir_api::command::{COMMAND_ANNOTATION, Command, Verb};
use weir_api::weighted_route::DriftPolicy;

use crate::command::{Outcome, ignored, record, unseen};
use crate::object::RouteObject;
use crate::tick::Context;
use crate::weights;

use super::wanted::Wanted;

/// A command that was not seen before.
pub(super) enum New {
    /// `resume` was given and may be carried out.
    Resume,
    /// It does nothing.
    Nothing(Outcome),
}

/// The command that was not seen before, if there is one.
pub(super) fn new(route: &RouteObject, status: &WeightedRouteStatus) -> Option<New> {
    let text = unseen(route.command.as_ref(), status.last_command.as_ref())?;
    // With a status that was lost, the memory of which command was carried out is lost too: none is given twice.
    if route.status.observed_generation.is_none() {
        return Some(New::Nothing(ignored("it was there before the route had a status; give it a new token")));
    }
    Some(match text.parse::<Command>() {
        Ok(Command { verb: Verb::Resume, .. }) => New::Resume,
        Ok(command) => {
            let verb = command.verb.word();
            New::Nothing(ignored(&format!("{verb} is for a TrafficShift; a WeightedRoute knows resume/<token> only")))
        }
        Err(_) => New::Nothing(Err(format!(
            "found the command {text:?} in the annotation {COMMAND_ANNOTATION}; expected resume/<token> with a token of 1 to \
             63 characters, such as resume/1"
        ))),
    })
}

/// Notes what became of the command.
pub(super) fn note(context: &Context, route: &RouteObject, status: &mut WeightedRouteStatus, outcome: Outcome) {
    status.last_command = route.command.as_ref().map(|command| record(command, outcome, context.now));
}

/// What is taken for what shall be from now on.
pub(super) enum Accepted {
    /// What is live.
    Live,
    /// What was held, since nothing is live: it is set again.
    Held,
    /// Nothing, since nothing is live and nothing was held.
    Nothing,
}

/// Carries out what was commanded about weights, once it is known what is live.
pub(super) fn accepts(
    context: &Context,
    route: &RouteObject,
    wanted: Option<&Wanted<'_>>,
    status: &mut WeightedRouteStatus,
) -> Option<Accepted> {
    let is_live = weights::total(&status.weights) > 0;
    let holds = status.intent.as_ref().is_some_and(|intent| weights::total(&intent.weights) > 0);
    let done = |message: &str| Ok(message.to_owned());
    let (accepted, outcome) = match (new(route, status)?, wanted) {
        (New::Nothing(outcome), _) => (None, outcome),
        (New::Resume, _) if route.spec.drift == DriftPolicy::Correct => {
            status.reversals.clear();
            (None, done("accepted: what was set is set again where it differs"))
        }
        (New::Resume, Some(wanted)) => (None, ignored_in_run(wanted)),
        (New::Resume, None) if is_live => {
            (Some(Accepted::Live), done("accepted: what is live is the new starting point"))
        }
        (New::Resume, None) if holds => {
            (Some(Accepted::Held), done("accepted: nothing is live, so what was held is set again"))
        }
        (New::Resume, None) => (Some(Accepted::Nothing), done("accepted: nothing is live; the next shift begins anew")),
    };
    note(context, route, status, outcome);
    accepted
}

fn ignored_in_run(wanted: &Wanted<'_>) -> Outcome {
    ignored(&format!("a run is moving; give the command to the TrafficShift {}", wanted.shift.key))
}

/// Whether `resume` was given to a route whose entry point leads to another listener. Then it leaves the one on which it
/// has its place, with all that was known of that.
pub(super) fn leaves_place(
    context: &Context,
    route: &RouteObject,
    wanted: Option<&Wanted<'_>>,
    status: &mut WeightedRouteStatus,
) -> bool {
    if !matches!(new(route, status), Some(New::Resume)) {
        return false;
    }
    if let Some(wanted) = wanted {
        note(context, route, status, ignored_in_run(wanted));
        return false;
    }
    *status = WeightedRouteStatus {
        observed_generation: status.observed_generation,
        full_traffic: std::mem::take(&mut status.full_traffic),
        ..WeightedRouteStatus::default()
    };
    let message = "accepted: the route leaves its old listener and begins on the new one";
    note(context, route, status, Ok(message.to_owned()));
    true
}
