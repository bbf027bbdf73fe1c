//! What the objects of a namespace may name on AWS, as whoever runs the controller says. By default nothing.
//!
//! A grant is a namespace and a pattern. In the pattern a `*` stands for any characters but `:` and `/`; alone it stands for
//! everything. Balancers and target groups are granted by their names or by their ARNs.

use crate::Arn;
use crate::fact::By;
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;

/// What a grant is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The ARN of a role, in `spec.aws.roleArn`.
    Role,
    /// A region, in `spec.aws.region`.
    Region,
    /// A balancer, in `spec.existing` of an entry point.
    Balancer,
    /// A target group, in `spec.targetGroups` of an environment.
    TargetGroup,
    /// A name in a zone of Route 53, in `spec.dns` of a route: `ZONE/NAME`.
    Zone,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 5] = [Self::Role, Self::Region, Self::Balancer, Self::TargetGroup, Self::Zone];

    /// The flag that grants it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Role => "--allow-role",
            Self::Region => "--allow-region",
            Self::Balancer => "--allow-balancer",
            Self::TargetGroup => "--allow-target-group",
            Self::Zone => "--allow-zone",
        }
    }

    /// The reason of an object that names one which it may not.
    fn refusal(self) -> Reason {
        match self {
            Self::Role => Reason::RoleNotAllowed,
            Self::Region => Reason::RegionNotAllowed,
            Self::Balancer => Reason::BalancerNotAllowed,
            Self::TargetGroup => Reason::TargetGroupNotAllowed,
            Self::Zone => Reason::ZoneNotAllowed,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Role => "the role",
            Self::Region => "the region",
            Self::Balancer => "the balancer",
            Self::TargetGroup => "the target group",
            Self::Zone => "the zone and name",
        }
    }
}

/// Allows the objects of a namespace to name something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// The namespace; a `*` in it stands for any characters.
    pub namespace: String,
    /// What may be named.
    pub subject: Subject,
    /// Which ones.
    pub pattern: String,
}

/// Which namespaces may name what. By default none may name anything but the controller's own account and region.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grants(pub Vec<Grant>);

impl Grants {
    /// Everything in every namespace: for installations of one team.
    pub fn everything() -> Self {
        let all = |subject| Grant { namespace: "*".to_owned(), subject, pattern: "*".to_owned() };
        Self(Subject::ALL.map(all).to_vec())
    }

    /// Why the objects of a namespace may not name a role or a region.
    pub(crate) fn refusal(&self, namespace: &str, subject: Subject, name: &str) -> Option<Explanation> {
        let is_allowed = self.of(namespace, subject).any(|pattern| fits(pattern, name));
        (!is_allowed).then(|| refused(namespace, subject, name))
    }

    /// Why the objects of a namespace may not name a balancer or a target group. Of one that is named by its name the ARN
    /// is not known yet: it is judged again when it is.
    pub(crate) fn refusal_by(&self, namespace: &str, subject: Subject, by: &By) -> Option<Explanation> {
        let may = |pattern: &str| match by {
            By::Arn(arn) if is_arn(pattern) => fits(pattern, arn.as_str()),
            By::Arn(arn) => fits(pattern, name_in(arn.as_str())),
            By::Name(name) if is_arn(pattern) => fits(name_in(pattern), name),
            By::Name(name) => fits(pattern, name),
        };
        (!self.of(namespace, subject).any(may)).then(|| refused(namespace, subject, &by.to_string()))
    }

    /// Why the objects of a namespace may not have Weir work on a balancer, which is that of a listener or rule.
    pub(crate) fn refusal_on(&self, namespace: &str, place: &Arn) -> Option<Explanation> {
        let balancer = place.balancer().unwrap_or_else(|| place.clone());
        self.refusal_by(namespace, Subject::Balancer, &By::Arn(balancer))
    }

    fn of(&self, namespace: &str, subject: Subject) -> impl Iterator<Item = &str> {
        let grants = self.0.iter().filter(move |grant| grant.subject == subject && fits(&grant.namespace, namespace));
        grants.map(|grant| grant.pattern.as_str())
    }
}

/// The pattern of everything.
const EVERYTHING: &str = "*";

fn is_arn(pattern: &str) -> bool {
    pattern.starts_with("arn:")
}

/// The name of a balancer or target group in its ARN, or in a pattern for one: `loadbalancer/app/NAME/ID`,
/// `targetgroup/NAME/ID`.
fn name_in(arn: &str) -> &str {
    let at = if arn.contains(":targetgroup/") { 1 } else { 2 };
    arn.split('/').nth(at).unwrap_or(arn)
}

fn refused(namespace: &str, subject: Subject, name: &str) -> Explanation {
    let message = format!(
        "found {} {name}, which objects of the namespace {namespace} may not name; whoever runs the controller can allow it \
         with {} {namespace}={name}",
        subject.words(),
        subject.flag()
    );
    because(subject.refusal(), message)
}

/// Whether a text is as a pattern says.
fn fits(pattern: &str, text: &str) -> bool {
    let is_separator = |letter: char| matches!(letter, ':' | '/');
    pattern == EVERYTHING
        || (pattern.matches(is_separator).eq(text.matches(is_separator))
            && pattern
                .split(is_separator)
                .zip(text.split(is_separator))
                .all(|(pattern, text)| part_fits(pattern, text)))
}

/// The same for a part without separators, in which a `*` stands for any characters. When a letter does not fit, the last
/// star takes one more: so it is done in as many steps as both are long together, times one for each star.
fn part_fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, read));
                at += 1;
            }
            Some(letter) if *letter == text[read] => (at, read) = (at + 1, read + 1),
            _ => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    (at, read) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests;
