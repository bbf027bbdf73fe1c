//! Bad steps: what decisions hand to the guard in the place of the right step. Each must be refused.

use weir_engine::Arn;
use weir_engine::fact::{Action, ActionKind, Tags};
use weir_engine::step::{BEFORE_TAG, LAST_RUN_TAG, OWNER_TAG, ROUTE_TAG, Step};

use super::BadStep;

impl BadStep {
    /// The bad step in the place of a right one; nothing where the right one is of another sort.
    pub(super) fn of(self, step: &Step) -> Option<Step> {
        let mut step = step.clone();
        match (self, &mut step) {
            (Self::SkipsAhead, _) => weigh(&mut step, 1, [5, 95])?,
            (Self::TurnsRound, _) => weigh(&mut step, 50, [100, 0])?,
            (Self::AllZero, _) => weigh(&mut step, 1, [0, 0])?,
            (Self::TakesPriority, Step::CreateRule { priority, .. }) => *priority += 1,
            (Self::TakesRequests, Step::CreateRule { conditions, .. }) => {
                conditions.insert("host-header".into(), vec!["*".into()]);
            }
            (Self::WritesElsewhere, Step::SetDefaultActions { listener, .. }) => *listener = beside(listener),
            (Self::WritesOtherRule, Step::SetRuleActions { rule, .. }) => *rule = beside(rule),
            (Self::DropsActions, Step::SetDefaultActions { actions, .. } | Step::SetRuleActions { actions, .. }) => {
                actions.retain(|action| Action::forward(action).is_some());
            }
            (Self::DeletesRule, Step::SetRuleActions { listener, rule, .. }) => {
                step = Step::DeleteRule { listener: listener.clone(), rule: rule.clone() };
            }
            (Self::RemovesMarks, Step::SetDefaultActions { listener, .. }) => {
                let keys = [OWNER_TAG, ROUTE_TAG].map(str::to_owned).into();
                step = Step::RemoveTags { resource: listener.clone(), keys };
            }
            (Self::TagsOthers, Step::AddTags { tags, .. }) => drop(tags.insert("team".to_owned(), "shop".to_owned())),
            (Self::MarksAsOther, Step::AddTags { tags, .. }) => {
                tags.insert(ROUTE_TAG.to_owned(), "shop/other".to_owned());
            }
            (Self::ForgetsBefore, Step::AddTags { tags, .. }) if tags.contains_key(LAST_RUN_TAG) => {
                *tags = Tags::from_iter([(BEFORE_TAG.to_owned(), "nothing+.".to_owned())]);
            }
            _ => return None,
        }
        Some(step)
    }
}

/// Gives other weights to blue and green, between which a step splits the traffic, once green has so much.
fn weigh(step: &mut Step, least: u16, [blue, green]: [u16; 2]) -> Option<()> {
    let (Step::SetDefaultActions { actions, .. } | Step::SetRuleActions { actions, .. }) = step else { return None };
    let forward = actions.iter_mut().find_map(|action| match &mut action.kind {
        ActionKind::Forward(forward) => Some(forward),
        ActionKind::Kept { .. } | ActionKind::Unsupported { .. } => None,
    })?;
    let mut groups: Vec<&mut u16> = forward.groups.values_mut().collect();
    match groups.as_mut_slice() {
        [of_blue, of_green] if **of_blue > 0 && **of_green >= least => (**of_blue, **of_green) = (blue, green),
        _ => return None,
    }
    Some(())
}

fn beside(arn: &Arn) -> Arn {
    Arn::new(format!("{arn}0"))
}
