//! The command that users give a route by annotation: `resume`, carried out once.
//!
//! It accepts what is live as the new starting point; with `drift: Correct` it lets the route correct again.

use weir_api::WeightedRouteStatus;
use weir_api::command::{COMMAND_ANNOTATION, Command, Verb};
use weir_api::traffic_shift::LastCommand;
use weir_api::weighted_route::DriftPolicy;

use crate::object::RouteObject;
use crate::tick::Context;
use crate::weights;

use super::wanted::Wanted;

/// A command that was not seen before.
pub(super) enum New {
    /// `resume` was given and may be carried out.
    Resume,
    /// It is nothing, for the reason given.
    Refused(String),
}

/// The command that was not seen before, if there is one.
pub(super) fn new(route: &RouteObject, status: &WeightedRouteStatus) -> Option<New> {
    let text = route.command.as_ref()?;
    if status.last_command.as_ref().is_some_and(|last| last.command == *text) {
        return None;
    }
    // With a status that was lost, the memory of which command was carried out is lost too: none is given twice.
    if route.status.observed_generation.is_none() {
        let message = "ignored: it was there before the route had a status; give it a new token";
        return Some(New::Refused(message.to_owned()));
    }
    Some(match text.parse::<Command>() {
        Ok(Command { verb: Verb::Resume, .. }) => New::Resume,
        Ok(command) => {
            let verb = command.verb.word();
            New::Refused(format!("ignored: {verb} is for a TrafficShift; a WeightedRoute knows resume/<token> only"))
        }
        Err(_) => New::Refused(format!(
            "found the command {text:?} in the annotation {COMMAND_ANNOTATION}; expected resume/<token> with a token of 1 to \
             63 characters, such as resume/1"
        )),
    })
}

/// Notes what became of the command.
pub(super) fn note(context: &Context, route: &RouteObject, status: &mut WeightedRouteStatus, result: &str) {
    let command = route.command.clone().unwrap_or_default();
    let refused = !result.starts_with("accepted");
    status.last_command = Some(LastCommand { command, result: result.to_owned(), refused, at: context.now });
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
    let (accepted, result) = match (new(route, status)?, wanted) {
        (New::Refused(message), _) => (None, message),
        (New::Resume, _) if route.spec.drift == DriftPolicy::Correct => {
            status.reversals.clear();
            (None, "accepted: what was set is set again where it differs".to_owned())
        }
        (New::Resume, Some(wanted)) => (None, ignored_in_run(wanted)),
        (New::Resume, None) if is_live => {
            (Some(Accepted::Live), "accepted: what is live is the new starting point".to_owned())
        }
        (New::Resume, None) if holds => {
            let message = "accepted: nothing is live, so what was held is set again";
            (Some(Accepted::Held), message.to_owned())
        }
        (New::Resume, None) => {
            (Some(Accepted::Nothing), "accepted: nothing is live; the next shift begins anew".to_owned())
        }
    };
    note(context, route, status, &result);
    accepted
}

fn ignored_in_run(wanted: &Wanted<'_>) -> String {
    format!("ignored: a run is moving; give the command to the TrafficShift {}", wanted.shift.key)
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
        note(context, route, status, &ignored_in_run(wanted));
        return false;
    }
    *status = WeightedRouteStatus {
        observed_generation: status.observed_generation,
        full_traffic: std::mem::take(&mut status.full_traffic),
        ..WeightedRouteStatus::default()
    };
    note(context, route, status, "accepted: the route leaves its old listener and begins on the new one");
    true
}
