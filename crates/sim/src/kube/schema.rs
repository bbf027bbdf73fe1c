//! The structural schema of a kind: read once from its definition, then used to prune, default and judge objects.
//!
//! What the server does with a schema, and the words it finds, follow kube-apiserver 1.36.

mod branches;
mod format;
mod judge;
mod lists;
mod parse;
mod rules;
mod shape;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use serde_json::{Number, Value};

use super::field::FieldError;
use format::Format;
pub(super) use format::whole;
use rules::Rules;

/// How many schemas a thread remembers.
const MOST_READ: usize = 64;

/// One node of a structural schema.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a keyword of its own")]
pub(super) struct Schema {
    kind: Type,
    format: Option<Format>,
    nullable: bool,
    int_or_string: bool,
    preserve_unknown: bool,
    embedded: bool,
    properties: BTreeMap<String, Schema>,
    additional: Additional,
    items: Option<Box<Schema>>,
    default: Option<Value>,
    list: ListType,
    limits: Limits,
    rules: Option<Rules>,
    below: Below,
}

/// What stands at a node or anywhere below it, so that a walk can spare the rest.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_field_names, reason = "each is about something else")]
struct Below {
    /// Rules.
    rules: bool,
    /// Rules that compare with the old value.
    rules_about_change: bool,
    /// Lists whose items must differ.
    lists: bool,
}

/// The JSON type that a node admits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Type {
    /// Not said, as in the branches of `anyOf`.
    #[default]
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// What an object may have besides its named properties.
#[derive(Debug, Default)]
enum Additional {
    /// Nothing: it is pruned.
    #[default]
    None,
    /// Anything.
    Any,
    /// Values of one schema.
    Of(Box<Schema>),
}

/// What the items of a list are to each other.
#[derive(Debug, Default)]
enum ListType {
    /// Only the list as a whole has an identity.
    #[default]
    Atomic,
    /// No item twice.
    Set,
    /// Items are told apart by these fields.
    Map(Vec<String>),
}

/// What a value must be besides its type.
#[derive(Debug, Default)]
struct Limits {
    required: Vec<String>,
    values: Vec<Value>,
    pattern: Option<Regex>,
    minimum: Option<Bound>,
    maximum: Option<Bound>,
    multiple_of: Option<f64>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    min_items: Option<u64>,
    max_items: Option<u64>,
    unique_items: bool,
    min_properties: Option<u64>,
    max_properties: Option<u64>,
    all_of: Vec<Schema>,
    any_of: Vec<Schema>,
    one_of: Vec<Schema>,
    not: Option<Box<Schema>>,
}

/// A bound for numbers.
#[derive(Clone, Debug)]
struct Bound {
    value: Number,
    exclusive: bool,
}

impl Below {
    /// Of a node that was read, and whose children know theirs.
    fn of(schema: &Schema) -> Self {
        let additional = match &schema.additional {
            Additional::Of(schema) => Some(&**schema),
            Additional::None | Additional::Any => None,
        };
        let own = Self {
            rules: schema.rules.is_some(),
            rules_about_change: schema.rules.as_ref().is_some_and(Rules::are_about_change),
            lists: !matches!(schema.list, ListType::Atomic),
        };
        let children = schema.properties.values().chain(additional).chain(schema.items.as_deref());
        children.fold(own, |below, child| Self {
            rules: below.rules || child.below.rules,
            rules_about_change: below.rules_about_change || child.below.rules_about_change,
            lists: below.lists || child.below.lists,
        })
    }
}

impl Schema {
    /// Reads the `openAPIV3Schema` of a definition. What a real server would refuse in it is an error, its field
    /// relative to the schema.
    pub(super) fn parse(json: &Value) -> Result<Self, FieldError> {
        parse::root(json)
    }

    /// The same, read once for all worlds of a thread: its rules take long to compile, and hundreds of worlds have the same
    /// few definitions.
    pub(super) fn shared(json: &Value) -> Result<Arc<Self>, FieldError> {
        thread_local! {
            static READ: RefCell<BTreeMap<String, Arc<Schema>>> = const { RefCell::new(BTreeMap::new()) };
        }
        let text = json.to_string();
        if let Some(known) = READ.with_borrow(|read| read.get(&text).cloned()) {
            return Ok(known);
        }
        let schema = Arc::new(Self::parse(json)?);
        READ.with_borrow_mut(|read| {
            if read.len() == MOST_READ {
                read.clear();
            }
            read.insert(text, Arc::clone(&schema));
        });
        Ok(schema)
    }

    /// The schema of an object's field `name`, if objects of this schema may have it.
    fn of_field(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(match &self.additional {
            Additional::Of(schema) => Some(schema),
            Additional::None | Additional::Any => None,
        })
    }

    /// The schema of the property `name`.
    pub(super) fn property(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name)
    }

    /// The item of the list `old` that `item` is the successor of: the one with the same keys.
    fn predecessor<'a>(&self, item: &Value, old: Option<&'a Value>) -> Option<&'a Value> {
        let ListType::Map(keys) = &self.list else {
            return None;
        };
        let same = |other: &&Value| keys.iter().all(|key| other.get(key) == item.get(key));
        old?.as_array()?.iter().find(same)
    }
}
