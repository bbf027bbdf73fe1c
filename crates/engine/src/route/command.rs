//! The command that users give a route by annotation: `resume`, carried out once.
//!
//! It accepts what is live as the new starting point; with `drift: Correct` it lets the route correct again.

use weir_api::WeightedRouteStatus;
use weir_api::command::{COMMAND_ANNOTATION, Command, Verb};
use weir_api::traffic_shift::LastCommand;
use weir_api::weighted_route::DriftPolicy;

use crate::object::RouteObject;
use crate::tick::Context;

use super::wanted::Wanted;

/// A command that was not seen before.
pub(super) enum New {
    /// `resume` was given and may be carried out.
    Resume,
    /// It is nothing, for the reason given.
    Refused(String),
}

/// The command that was not seen before, if there is one.
pub(super) fn new(route: &RouteObject) -> Option<New> {
    let text = route.command.as_ref()?;
    if route.status.last_command.as_ref().is_some_and(|last| last.command == *text) {
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
    status.last_command = Some(LastCommand { command, result: result.to_owned(), at: context.now });
}

/// Carries out what was commanded about weights, once it is known what is live. True where what is live shall be
/// taken for what is held.
pub(super) fn accepts(
    context: &Context,
    route: &RouteObject,
    wanted: Option<&Wanted<'_>>,
    status: &mut WeightedRouteStatus,
) -> bool {
    let (accepts, result) = match (new(route), wanted) {
        (None, _) => return false,
        (Some(New::Refused(message)), _) => (false, message),
        (Some(New::Resume), _) if route.spec.drift == DriftPolicy::Correct => {
            status.reversals.clear();
            (false, "accepted: what was set is set again where it differs".to_owned())
        }
        (Some(New::Resume), Some(wanted)) => {
            (false, format!("ignored: a run is moving; give the command to the TrafficShift {}", wanted.shift.key))
        }
        (Some(New::Resume), None) => (true, "accepted: what is live is the new starting point".to_owned()),
    };
    note(context, route, status, &result);
    accepts
}
