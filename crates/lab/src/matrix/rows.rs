//! What is done by hand, on which rollout, and what its user does next.

use std::sync::LazyLock;

use crate::fault::ManualChange;
use crate::provisioner::SPARE;
use crate::rollout::SplitPoint;

use super::Phase;

/// Something that somebody does.
#[derive(Clone, Debug)]
pub struct Row {
    /// In the words of the page.
    pub what: &'static str,
    /// Whether the route takes over a rule that others have made, has made its own, or is a listener's default action.
    pub place: SplitPoint,
    /// What is done.
    pub manual: ManualChange,
    /// What its user does next.
    pub next: &'static str,
}

impl Row {
    /// Whether it can be done in a phase. What is done to a shift needs one.
    pub fn fits(&self, phase: Phase) -> bool {
        let is_about_a_shift = matches!(
            self.manual,
            ManualChange::ToTwice(..) | ManualChange::Strategy(_) | ManualChange::CommandTwice(_)
        );
        phase != Phase::AtRest || !is_about_a_shift
    }
}

const BRING_BACK: &str = "Bring the rule back as it was, with `terraform apply` for instance, or delete the route.";
const DECIDE: &str = "Put it back; or give `resume`, which sets what was held again.";
const TAKE_OUT: &str = "Put a forward back; or give `resume`.";
const OBJECTS: &str = "Put the object back as it was, and the run goes on; or give `abort`.";

/// Every row of the page.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let name = |name: &str| name.to_owned();
    let (adopted, own, default) = (SplitPoint::AdoptedRule, SplitPoint::Rule, SplitPoint::DefaultAction);
    let row = |what, place, manual, next| Row { what, place, manual, next };
    vec![
        row("an adopted rule is deleted", adopted, ManualChange::Remove, BRING_BACK),
        row(
            "a rule that Weir made is deleted",
            own,
            ManualChange::Remove,
            "Give `resume`: Weir makes it again. With `Correct` it does so by itself.",
        ),
        row("a rule is replaced by a new one of its maker's", adopted, ManualChange::Replace, DECIDE),
        row("a default action is written anew by its maker", default, ManualChange::Replace, DECIDE),
        row(
            "a rule is given another number",
            adopted,
            ManualChange::Renumber,
            "Give it its number back; or make another route with the new one.",
        ),
        row(
            "a rule is given one more condition",
            adopted,
            ManualChange::Narrow,
            "Take the condition out; or make another route with it.",
        ),
        row("other weights are set", adopted, ManualChange::Weights(70, 30), DECIDE),
        row("everything is set to the old side alone", adopted, ManualChange::Only(name("blue")), DECIDE),
        row("everything is set to the candidate alone", adopted, ManualChange::Only(name("green")), DECIDE),
        row("the candidate is taken out of the action", adopted, ManualChange::Detach(name("green")), DECIDE),
        row("a fixed response takes the place of the forward", own, ManualChange::Answer, TAKE_OUT),
        row("a redirect takes the place of the forward", own, ManualChange::Redirect, TAKE_OUT),
        row("a login is put before the forward", own, ManualChange::Login, "Nothing: it is kept."),
        row(
            "an action that Weir cannot write back is put before the forward",
            own,
            ManualChange::Novel,
            "Take it out of the rule.",
        ),
        row(
            "the candidate's group is deleted and made again under its name",
            adopted,
            ManualChange::RecreateGroup(name("green")),
            DECIDE,
        ),
        row(
            "the candidate's group is put behind another balancer",
            adopted,
            ManualChange::GiveAway(name("green")),
            "Take it back from the other balancer, and give `resume`; or wish for another environment.",
        ),
        row(
            "the health checks of the candidate are switched off",
            adopted,
            ManualChange::Uncheck(name("green")),
            "Switch them on again.",
        ),
        row(
            "the health checks of the old side are switched off",
            adopted,
            ManualChange::Uncheck(name("blue")),
            "Switch them on again.",
        ),
        row("the tags are removed", adopted, ManualChange::Untag, DECIDE),
        row(
            "another installation marks the rule as its own",
            adopted,
            ManualChange::Claim,
            "Let one of the two have it: delete the route there, or here.",
        ),
        row(
            "the listener is deleted and made again",
            adopted,
            ManualChange::RecreateListener,
            "Give `resume` on the route: it goes to the new one.",
        ),
        row(
            "the balancer is deleted and made again under its name",
            adopted,
            ManualChange::RecreateBalancer,
            "Give `resume` on the route: it goes to the new one.",
        ),
        row(
            "the candidate's Environment is pointed to another group",
            adopted,
            ManualChange::PointEnvironment(name("green"), name(SPARE)),
            OBJECTS,
        ),
        row(
            "the candidate's Environment is pointed to the old side's group",
            adopted,
            ManualChange::PointEnvironment(name("green"), name("blue")),
            OBJECTS,
        ),
        row(
            "the old side's Environment is pointed to another group",
            adopted,
            ManualChange::PointEnvironment(name("blue"), name(SPARE)),
            OBJECTS,
        ),
        row(
            "the EntryPoint is pointed to another port",
            adopted,
            ManualChange::PointPort,
            "Point it back; or give `resume` on the route, which leaves the old place as it is.",
        ),
        row(
            "the EntryPoint is pointed to another balancer",
            adopted,
            ManualChange::PointBalancer,
            "Point it back; or give `resume` on the route, which leaves the old place as it is.",
        ),
        row(
            "the candidate is dropped from `spec.backends`",
            adopted,
            ManualChange::DropBackend(name("green")),
            OBJECTS,
        ),
        row(
            "the old side is dropped from `spec.backends`",
            adopted,
            ManualChange::DropBackend(name("blue")),
            "Nothing: a run knows its group.",
        ),
        row("the EntryPoint is deleted", adopted, ManualChange::DeleteEntryPoint, OBJECTS),
        row("the candidate's Environment is deleted", adopted, ManualChange::DeleteEnvironment(name("green")), OBJECTS),
        row(
            "the old side's Environment is deleted",
            adopted,
            ManualChange::DeleteEnvironment(name("blue")),
            "Nothing: a run knows its group.",
        ),
        row(
            "`to` is changed and changed back within a second",
            adopted,
            ManualChange::ToTwice(name("blue"), name("green")),
            "Nothing.",
        ),
        row("the steps of the strategy are edited", adopted, ManualChange::Strategy(vec![30, 100]), "Nothing."),
        row("`abort` is given twice", adopted, ManualChange::CommandTwice(name("abort")), "Nothing."),
    ]
});
