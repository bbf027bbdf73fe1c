//! The structural schema of a kind: read once from its definition, then used to prune, default and judge objects.

mod parse;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

pub(super) use parse::Mistake;

/// One node of a structural schema.
#[derive(Debug, Default)]
pub(super) struct Schema {
    kind: Type,
    format: Option<String>,
    nullable: bool,
    int_or_string: bool,
    preserve_unknown: bool,
    embedded: bool,
    properties: BTreeMap<String, Schema>,
    additional: Additional,
    items: Option<Box<Schema>>,
    default: Option<Value>,
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

impl Schema {
    /// Reads the `openAPIV3Schema` of a definition.
    pub(super) fn parse(json: &Value) -> Result<Self, Mistake> {
        parse::schema(json, "")
    }

    /// The schema of `value`'s property `name`, if objects of this schema may have it.
    fn of_property(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(match &self.additional {
            Additional::Of(schema) => Some(schema),
            Additional::None | Additional::Any => None,
        })
    }
}
