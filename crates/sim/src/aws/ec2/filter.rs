//! Filters of operations that describe: values of one are alternatives, and all filters must let something through.

use jiff::Timestamp;

use super::super::elbv2::request::fits;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::{Ec2, Tags};

/// Values of all filters of a call.
const MOST_VALUES: usize = 200;

/// The names of a filter, and what it looks at of something.
pub(super) type Field<T> = (&'static [&'static str], fn(&Ec2, &T, Timestamp) -> Vec<String>);

/// The filters of a call.
pub(super) struct Filters<'a, T>(Vec<(Key<'a, T>, Vec<&'a str>)>);

/// What a filter looks at.
enum Key<'a, T> {
    Field(fn(&Ec2, &T, Timestamp) -> Vec<String>),
    /// The value of the tag of this key.
    Tag(&'a str),
    /// The keys of all tags.
    TagKeys,
}

impl<'a, T> Filters<'a, T> {
    /// Reads filters by these fields, and by tags where what they look at can have some.
    pub(super) fn read(form: &'a Form, fields: &[Field<T>], has_tags: bool) -> Result<Self, Refusal> {
        let mut filters = Vec::new();
        let mut values = 0;
        for filter in form.numbered("Filter") {
            let name = filter.text("Name").unwrap_or("null");
            let wanted: Vec<&str> = filter.numbered("Value").into_iter().filter_map(Form::own_text).collect();
            let field = fields.iter().find(|(names, _)| names.contains(&name));
            let key = match (field, name.strip_prefix("tag:")) {
                (Some((_, field)), _) => Key::Field(*field),
                (None, Some(key)) if has_tags => Key::Tag(key),
                (None, None) if has_tags && name == "tag-key" => Key::TagKeys,
                _ => return Err(refused(&format!("The filter '{name}' is invalid"))),
            };
            if wanted.is_empty() {
                return Err(refused(&format!("The filter '{name}' has no values")));
            }
            values += wanted.len();
            filters.push((key, wanted));
        }
        if values > MOST_VALUES {
            let message = format!("The maximum number of filter values specified on a single call is {MOST_VALUES}");
            return Err(Refusal::new("FilterLimitExceeded", message));
        }
        Ok(Self(filters))
    }

    /// Whether all of them let something through that has these tags.
    pub(super) fn let_through(&self, ec2: &Ec2, item: &T, tags: Option<&Tags>, now: Timestamp) -> bool {
        self.0.iter().all(|(key, wanted)| {
            let found = match key {
                Key::Field(field) => field(ec2, item, now),
                Key::Tag(key) => tags.and_then(|tags| tags.get(*key)).into_iter().cloned().collect(),
                Key::TagKeys => tags.into_iter().flat_map(Tags::keys).cloned().collect(),
            };
            found.iter().any(|found| wanted.iter().any(|pattern| fits(pattern, found)))
        })
    }
}

fn refused(message: &str) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}
