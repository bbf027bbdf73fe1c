//! What was there before Weir: noted in the status and as tags on AWS before the first change, so that a deletion can
//! put it back even when the status was lost.
//!
//! The text of the tags is made of parts with `+` between them and ends in `+.`, so that a text that was cut short is
//! known as such: `nothing`, `forward+<stickiness in seconds, 0 for none>+<group>=<weight>…`, or
//! `fixed-response+<setting>=<value>…`. It is cut into pieces of 256 characters, which is what one tag holds. Groups of
//! the place's own account and region stand without the first part of their ARN.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use weir_api::weighted_route::{Before, BeforeForward, GroupWeight, ListenerRule, RouteDeletionPolicy};

use crate::Arn;
use crate::escape::{escape, unescape};
use crate::fact::{Action, ActionKind, Forward, Tags};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::write::{BEFORE_TAG, OWNER_TAG, TagWrite, Write};

use super::super::observed::Marks;
use super::ListenerRoute;
use super::action::is_terminal;
use super::describe::describe;
use super::place::{Place, marks_of};

/// The most characters that a value of a tag has.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Tag.html>
const TAG_LENGTH: usize = 256;
/// The most tags that a resource has. Source: `TooManyTags` in
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html>
const MOST_TAGS: usize = 50;
/// How many tags besides these Weir wants room for: owner, route, and the memory of the last run.
const OTHER_TAGS: usize = 3;
/// By what a whole text ends.
const END: &str = "+.";
/// What stands before the digits of a byte that is not plain.
const ESCAPE: char = '_';
/// The only kind of action, besides a forward, that is remembered.
const FIXED_RESPONSE: &str = "fixed-response";

/// Whether Weir made the rule of a route: there was nothing before it.
pub(in crate::route) fn made_by_weir(recorded: &ListenerRule) -> bool {
    recorded.before == Some(Before::default())
}

impl Place<'_> {
    /// What a place has before it is marked, or what its tags remember. Nothing where a place of ours has lost its memory.
    pub fn original(&self, marks: &Marks, owner: &str) -> Option<Before> {
        let record = &self.route.status.listener_rule;
        let recorded = record.before.as_ref();
        let Some(resource) = &self.resource else {
            return if self.gone.is_some() { recorded.cloned() } else { Some(Before::default()) };
        };
        // What was there before Weir outlasts the route that first came: whoever takes over from it inherits the memory.
        if marks.tags.contains_key(BEFORE_TAG) && marks.tags.get(OWNER_TAG).is_some_and(|found| found == owner) {
            return read(&marks.tags, resource).or_else(|| recorded.cloned());
        }
        // Marks that somebody has removed were there all the same.
        if marks.is_ours || (recorded.is_some() && record.marked.as_deref() == Some(resource.as_str())) {
            return recorded.cloned();
        }
        self.rule.and_then(|rule| of(&rule.actions))
    }

    /// The write that marks the place as the route's, and has it remember what was there before; the error says why a
    /// route that shall restore that cannot begin.
    pub fn adoption(&self, owner: &str, marks: &Marks, before: Option<&Before>) -> Result<Option<Write>, ReadyState> {
        let Some(resource) = self.resource.clone() else { return Ok(None) };
        let memory = owed(self.route, &resource, marks, owner, before)?;
        let mut tags = marks_of(owner, &self.route.key);
        tags.extend(memory);
        Ok(Some(Write::Tags(TagWrite::Add { resource, tags })))
    }
}

/// The tags that have to be written for a memory; the error says why a route that shall restore cannot begin.
fn owed(
    route: ListenerRoute<'_>,
    resource: &Arn,
    marks: &Marks,
    owner: &str,
    before: Option<&Before>,
) -> Result<Tags, ReadyState> {
    let is_kept = marks.tags.get(OWNER_TAG).is_some_and(|found| found == owner);
    if is_kept && marks.tags.contains_key(BEFORE_TAG) {
        return Ok(Tags::new());
    }
    let tags = before.map(|before| tags(before, resource)).unwrap_or_default();
    let others = marks.tags.keys().filter(|key| !tags.contains_key(*key) && !key.starts_with("aws:")).count();
    let is_too_much = others + tags.len() + OTHER_TAGS > MOST_TAGS;
    if !is_too_much && !tags.is_empty() {
        return Ok(tags);
    }
    if route.spec.deletion_policy != RouteDeletionPolicy::Restore {
        return Ok(Tags::new());
    }
    let message = format!(
        "spec.deletionPolicy is Restore, but what is there now cannot be remembered on AWS: that takes {} tags, and {} \
         has {others} of the {MOST_TAGS} that AWS allows. Remove tags there, or write deletionPolicy: Retain",
        tags.len() + OTHER_TAGS,
        describe(route)
    );
    Err(ReadyState::Stalled(because(Reason::NotRestorable, message)))
}

/// What actions do with a request in the end, where that can be put back.
pub(super) fn of(actions: &[Action]) -> Option<Before> {
    match &actions.iter().find(|action| is_terminal(&action.kind))?.kind {
        ActionKind::Forward(forward) => {
            let groups = forward.groups.iter();
            let groups = groups.map(|(arn, weight)| GroupWeight { arn: arn.to_string(), weight: i32::from(*weight) });
            let forward = BeforeForward { groups: groups.collect(), sticky_seconds: forward.sticky_seconds };
            Some(Before { forward: Some(forward), fixed_response: None })
        }
        ActionKind::Kept { kind, settings } if kind == FIXED_RESPONSE => {
            Some(Before { forward: None, fixed_response: Some(settings.clone()) })
        }
        ActionKind::Kept { .. } | ActionKind::Unsupported { .. } => None,
    }
}

/// The actions with what was there before in the place of what answers requests now. `None` where there was nothing,
/// or where a forward cannot be told.
pub(super) fn put_back(actions: &[Action], before: &Before) -> Option<Vec<Action>> {
    let kind = match (&before.forward, &before.fixed_response) {
        (Some(_), _) => ActionKind::Forward(forward(before)?),
        (None, Some(settings)) => ActionKind::Kept { kind: FIXED_RESPONSE.to_owned(), settings: settings.clone() },
        (None, None) => return None,
    };
    let mut actions = actions.to_vec();
    actions.iter_mut().find(|action| is_terminal(&action.kind))?.kind = kind;
    Some(actions)
}

/// The forward that was there before.
pub(super) fn forward(before: &Before) -> Option<Forward> {
    let known = before.forward.as_ref()?;
    let group = |group: &GroupWeight| Some((Arn::new(&group.arn), u16::try_from(group.weight).ok()?));
    let groups: Option<BTreeMap<Arn, u16>> = known.groups.iter().map(group).collect();
    Some(Forward { groups: groups?, sticky_seconds: known.sticky_seconds })
}

/// The tags that remember it. `near` is a resource of the same account and region.
pub(super) fn tags(before: &Before, near: &Arn) -> Tags {
    let text = text(before, near);
    let pieces = text.as_bytes().chunks(TAG_LENGTH).enumerate();
    pieces.map(|(index, piece)| (key(index), String::from_utf8_lossy(piece).into_owned())).collect()
}

/// What tags remember; `None` where they do not, or not all of it.
pub(super) fn read(tags: &Tags, near: &Arn) -> Option<Before> {
    let mut text = String::new();
    for index in 0..MOST_TAGS {
        text.push_str(tags.get(&key(index))?);
        if let Some(text) = text.strip_suffix(END) {
            return parse(text, near);
        }
    }
    None
}

fn key(index: usize) -> String {
    if index == 0 { BEFORE_TAG.to_owned() } else { format!("{BEFORE_TAG}-{}", index + 1) }
}

fn text(before: &Before, near: &Arn) -> String {
    let mut text = String::new();
    match (&before.forward, &before.fixed_response) {
        (Some(forward), _) => {
            let _ = write!(text, "forward+{}", forward.sticky_seconds.unwrap_or(0));
            for group in &forward.groups {
                let name = group.arn.strip_prefix(&prefix(near)).unwrap_or(&group.arn);
                let _ = write!(text, "+{name}={}", group.weight);
            }
        }
        (None, Some(settings)) => {
            text.push_str(FIXED_RESPONSE);
            for (name, value) in settings {
                let _ = write!(text, "+{name}={}", escape(value, ESCAPE, is_plain));
            }
        }
        (None, None) => text.push_str("nothing"),
    }
    text + END
}

fn parse(text: &str, near: &Arn) -> Option<Before> {
    let mut parts = text.split('+');
    match parts.next()? {
        "nothing" => parts.next().is_none().then(Before::default),
        "forward" => {
            let sticky: i32 = parts.next()?.parse().ok()?;
            let group = |part: &str| {
                let (name, weight) = part.rsplit_once('=')?;
                let arn = if name.starts_with("arn:") { name.to_owned() } else { prefix(near) + name };
                Some(GroupWeight { arn, weight: weight.parse().ok()? })
            };
            let groups: Vec<GroupWeight> = parts.map(group).collect::<Option<_>>()?;
            let forward = BeforeForward { groups, sticky_seconds: Some(sticky).filter(|seconds| *seconds > 0) };
            Some(Before { forward: Some(forward), fixed_response: None })
        }
        FIXED_RESPONSE => {
            let setting = |part: &str| {
                let (name, value) = part.split_once('=')?;
                Some((name.to_owned(), unescape(value, ESCAPE)?))
            };
            let settings: BTreeMap<String, String> = parts.map(setting).collect::<Option<_>>()?;
            Some(Before { forward: None, fixed_response: Some(settings) })
        }
        _ => None,
    }
}

/// By what the ARNs of target groups in the same account and region begin.
fn prefix(near: &Arn) -> String {
    let fields: Vec<&str> = near.as_str().splitn(6, ':').take(5).collect();
    format!("{}:targetgroup/", fields.join(":"))
}

/// What stands in a value of a tag as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".:/-@".contains(&byte)
}

#[cfg(test)]
mod tests;
