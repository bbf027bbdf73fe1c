//! The command that users give a route by annotation: `resume`, carried out once.
//!
//! It accepts what is live as the new starting point; with `drift: Correct` it lets the route correct again.

use weir_api::command::{COMMAND_ANNOTATION, Command, Verb};
use weir_api::weighted_route::{DriftPolicy, EnvironmentWeight};

use crate::command::{self, Outcome, ignored, unseen};
use crate::object::RouteObject;
use crate::weights;

use super::observed::Looked;
use super::record::Record;
use super::target::RunTarget;

/// A command that was not seen before.
pub(super) enum New {
    /// `resume` was given and may be carried out.
    Resume,
    /// It does nothing.
    Nothing(Outcome),
}

/// The command that was not seen before, if there is one.
pub(super) fn new(route: &RouteObject, known: &Record) -> Option<New> {
    let text = unseen(route.command.as_ref(), known.last_command.as_ref())?;
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
pub(super) fn note(looked: &Looked<'_>, record: &mut Record, outcome: Outcome) {
    let given = looked.route.command.as_ref();
    record.last_command = given.map(|given| command::record(given, outcome, looked.context.now));
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

/// Carries out what was commanded about weights, once it is known what is live, and what of it nobody can want.
pub(super) fn accepts(
    looked: &Looked<'_>,
    (live, unwanted): (&[EnvironmentWeight], Option<String>),
    record: &mut Record,
) -> Option<Accepted> {
    let is_live = weights::total(live) > 0;
    let holds = record.intent.as_ref().is_some_and(|intent| weights::total(&intent.weights) > 0);
    let done = |message: &str| Ok(message.to_owned());
    let (accepted, outcome) = match (new(looked.route, record)?, looked.run()) {
        (New::Nothing(outcome), _) => (None, outcome),
        (New::Resume, _) if looked.route.spec.drift == DriftPolicy::Correct => {
            record.reversals.clear();
            (None, done("accepted: what was set is set again where it differs"))
        }
        (New::Resume, Some(run)) => (None, ignored_in_run(run)),
        (New::Resume, None) if is_live && let Some(unwanted) = unwanted => (None, ignored(&unwanted)),
        (New::Resume, None) if is_live => {
            (Some(Accepted::Live), done("accepted: what is live is the new starting point"))
        }
        (New::Resume, None) if holds => {
            (Some(Accepted::Held), done("accepted: nothing is live, so what was held is set again"))
        }
        (New::Resume, None) => (Some(Accepted::Nothing), done("accepted: nothing is live; the next shift begins anew")),
    };
    note(looked, record, outcome);
    accepted
}

fn ignored_in_run(run: &RunTarget<'_>) -> Outcome {
    ignored(&format!("a run is moving; give the command to the TrafficShift {}", run.shift.key))
}

/// Whether `resume` was given to a route whose entry point leads to another listener. Then it leaves the one on which it
/// has its place, with all that was known of that.
pub(super) fn leaves_place(looked: &Looked<'_>, record: &mut Record) -> bool {
    if !matches!(new(looked.route, record), Some(New::Resume)) {
        return false;
    }
    if let Some(run) = looked.run() {
        note(looked, record, ignored_in_run(run));
        return false;
    }
    *record = Record::default();
    let message = "accepted: the route leaves its old listener and begins on the new one";
    note(looked, record, Ok(message.to_owned()));
    true
}
