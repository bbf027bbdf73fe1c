//! Bad writes: what decisions hand to the guard in the place of the right one. Each must be refused.

use weir_engine::Arn;
use weir_engine::fact::{Action, ActionKind, Tags};
use weir_engine::write::{BEFORE_TAG, LAST_RUN_TAG, ListenerWrite, OWNER_TAG, ROUTE_TAG, TagWrite, Write};

use super::BadWrite;

impl BadWrite {
    /// The bad write in the place of a right one; nothing where the right one is of another sort.
    pub(super) fn of(self, write: &Write) -> Option<Write> {
        match write.clone() {
            Write::Listener(write) => self.of_listener(write),
            Write::Tags(TagWrite::Add { resource, tags }) => {
                self.of_tags(tags).map(|tags| TagWrite::Add { resource, tags }.into())
            }
            Write::Records(_) | Write::Tags(TagWrite::Remove { .. }) => None,
        }
    }

    fn of_listener(self, mut write: ListenerWrite) -> Option<Write> {
        match (self, &mut write) {
            (Self::SkipsAhead, _) => weigh(&mut write, 1, [5, 95])?,
            (Self::TurnsRound, _) => weigh(&mut write, 50, [100, 0])?,
            (Self::AllZero, _) => weigh(&mut write, 1, [0, 0])?,
            (Self::TakesPriority, ListenerWrite::CreateRule { priority, .. }) => *priority += 1,
            (Self::TakesRequests, ListenerWrite::CreateRule { conditions, .. }) => {
                conditions.insert("host-header".into(), vec!["*".into()]);
            }
            (Self::WritesElsewhere, ListenerWrite::SetDefaultActions { listener, .. }) => *listener = beside(listener),
            (Self::WritesOtherRule, ListenerWrite::SetRuleActions { rule, .. }) => *rule = beside(rule),
            (
                Self::DropsActions,
                ListenerWrite::SetDefaultActions { actions, .. } | ListenerWrite::SetRuleActions { actions, .. },
            ) => actions.retain(|action| Action::forward(action).is_some()),
            (Self::DeletesRule, ListenerWrite::SetRuleActions { listener, rule, .. }) => {
                write = ListenerWrite::DeleteRule { listener: listener.clone(), rule: rule.clone() };
            }
            (Self::RemovesMarks, ListenerWrite::SetDefaultActions { listener, .. }) => {
                let keys = [OWNER_TAG, ROUTE_TAG].map(str::to_owned).into();
                return Some(TagWrite::Remove { resource: listener.clone(), keys }.into());
            }
            _ => return None,
        }
        Some(write.into())
    }

    fn of_tags(self, mut tags: Tags) -> Option<Tags> {
        match self {
            Self::TagsOthers => tags.insert("team".to_owned(), "shop".to_owned()),
            Self::MarksAsOther => tags.insert(ROUTE_TAG.to_owned(), "shop/other".to_owned()),
            Self::ForgetsBefore if tags.contains_key(LAST_RUN_TAG) => {
                return Some(Tags::from_iter([(BEFORE_TAG.to_owned(), "nothing+.".to_owned())]));
            }
            _ => return None,
        };
        Some(tags)
    }
}

/// Gives other weights to blue and green, between which a write splits the traffic, once green has so much.
fn weigh(write: &mut ListenerWrite, least: u16, [blue, green]: [u16; 2]) -> Option<()> {
    let (ListenerWrite::SetDefaultActions { actions, .. } | ListenerWrite::SetRuleActions { actions, .. }) = write
    else {
        return None;
    };
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
