//! The writes that Weir makes on AWS, as data, in absolute values; a file for each concern.

mod listener;
mod records;
mod tags;

use std::collections::BTreeMap;
use std::iter;

use crate::Arn;
use crate::fact::Forward;

pub use listener::{ListenerWrite, MAX_GROUPS, MAX_STICKY_SECONDS, MAX_WEIGHT};
pub use records::RecordsWrite;
pub use tags::{BEFORE_TAG, LAST_RUN_TAG, OWNER_TAG, ROUTE_TAG, TAG_PREFIX, TagWrite};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Write {
    /// To a listener: its default action and its rules.
    Listener(ListenerWrite),
    /// To a name on Route 53.
    Records(RecordsWrite),
    /// Of tags.
    Tags(TagWrite),
}

impl Write {
    /// The operation of AWS that carries it out.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Listener(write) => write.operation(),
            Self::Records(write) => write.operation(),
            Self::Tags(write) => write.operation(),
        }
    }

    /// What exactly it changes: the most telling name, such as that of a rule.
    pub fn target(&self) -> &Arn {
        match self {
            Self::Listener(write) => write.target(),
            Self::Records(write) => &write.zone,
            Self::Tags(write) => write.resource(),
        }
    }

    /// The operations that IAM must allow for it, each with the resource. What is made has no name yet: a `*` stands for it.
    pub fn rights(&self) -> Vec<(&'static str, String)> {
        let mut rights = vec![(self.operation(), self.target().to_string())];
        if let Self::Listener(ListenerWrite::CreateRule { listener, .. }) = self {
            // It carries its marks from the start.
            let made = listener.as_str().replacen(":listener/", ":listener-rule/", 1);
            rights.push(("AddTags", format!("{made}/*")));
        }
        rights
    }

    /// All that must be reached by the same access: what is written to, first, and whatever it sends traffic to. Records may
    /// lead to balancers of any account and region.
    pub fn resources(&self) -> impl Iterator<Item = &Arn> {
        let place = match self {
            Self::Listener(write) => write.listener(),
            Self::Records(write) => &write.zone,
            Self::Tags(write) => write.resource(),
        };
        let groups = self.forward().into_iter().flat_map(|forward| forward.groups.keys());
        iter::once(place).chain(groups)
    }

    /// What is written, in words: the groups with their weights, or the tags.
    pub fn words(&self) -> String {
        match self {
            Self::Listener(write) => write.words(),
            Self::Records(write) => write.words(),
            Self::Tags(write) => write.words(),
        }
    }

    /// The weights that it makes live, by member, where it sets any.
    pub fn split(&self) -> Option<&BTreeMap<Arn, u16>> {
        match self {
            Self::Listener(write) => write.forward().map(|forward| &forward.groups),
            Self::Records(write) => Some(&write.split),
            Self::Tags(_) => None,
        }
    }

    /// The forward that it writes, where it writes one.
    pub fn forward(&self) -> Option<&Forward> {
        match self {
            Self::Listener(write) => write.forward(),
            Self::Records(_) | Self::Tags(_) => None,
        }
    }
}

impl From<ListenerWrite> for Write {
    fn from(write: ListenerWrite) -> Self {
        Self::Listener(write)
    }
}

impl From<RecordsWrite> for Write {
    fn from(write: RecordsWrite) -> Self {
        Self::Records(write)
    }
}

impl From<TagWrite> for Write {
    fn from(write: TagWrite) -> Self {
        Self::Tags(write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Action, ActionKind, Conditions, Tags};

    #[test]
    fn a_write_tells_what_it_changes_and_how() {
        let group = |name: &str| Arn::new(format!("arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/{name}/5f"));
        let forward = Forward { groups: [(group("blue"), 75), (group("green"), 25)].into(), sticky_seconds: None };
        let (listener, rule) = (Arn::new("listener"), Arn::new("rule"));
        let tags: Tags = [(OWNER_TAG.to_owned(), "acme".to_owned()), (ROUTE_TAG.to_owned(), "shop/web".to_owned())]
            .into_iter()
            .collect();
        let action = Action { kind: ActionKind::Forward(forward.clone()), order: None };
        let told = |write: Write| (write.target().to_string(), write.words());
        let weights = "blue 75, green 25".to_owned();
        let set =
            ListenerWrite::SetRuleActions { listener: listener.clone(), rule: rule.clone(), actions: vec![action] };
        assert_eq!(told(set.into()), ("rule".to_owned(), weights.clone()));
        let create = ListenerWrite::CreateRule {
            listener: listener.clone(),
            priority: 5,
            conditions: Conditions::new(),
            forward,
            tags: tags.clone(),
        };
        let create: Write = create.into();
        assert_eq!(
            create.rights(),
            [("CreateRule", "listener".to_owned()), ("AddTags", "listener/*".to_owned())],
            "a rule is made with its marks"
        );
        assert_eq!(told(create), ("listener".to_owned(), weights));
        let add = TagWrite::Add { resource: rule.clone(), tags };
        assert_eq!(told(add.into()), ("rule".to_owned(), "weir.dev/owner=acme, weir.dev/route=shop/web".to_owned()));
        let remove = TagWrite::Remove { resource: rule.clone(), keys: [OWNER_TAG.to_owned()].into() };
        assert_eq!(told(remove.into()), ("rule".to_owned(), OWNER_TAG.to_owned()));
        assert_eq!(told(ListenerWrite::DeleteRule { listener, rule }.into()), ("rule".to_owned(), String::new()));
    }
}
