//! The parameters of a Query request: `Actions.member.1.ForwardConfig.TargetGroups.member.2.Weight=20` as a tree.

use std::collections::BTreeMap;

use super::refusal::{Refusal, broken_bound};
use super::xml::Xml;

/// Names in the path of a parameter.
const DEEPEST: usize = 32;

/// A parameter: a text, or parameters in it, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    text: Option<String>,
    fields: BTreeMap<String, Form>,
}

impl Form {
    /// Reads an encoded form.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let mut form = Self::default();
        for (path, text) in form_urlencoded::parse(encoded) {
            form.put(&path, text.into_owned());
        }
        form
    }

    /// Sets the text at a path of names with dots between them. What would lie deeper than any parameter stays one name, so that
    /// nobody can have trees made without an end.
    pub(crate) fn put(&mut self, path: &str, text: impl Into<String>) {
        let mut place = self;
        for name in path.splitn(DEEPEST, '.') {
            place = place.fields.entry(name.to_owned()).or_default();
        }
        place.text = Some(text.into());
    }

    /// The parameters of a structure.
    pub(crate) fn field(&self, name: &str) -> Option<&Form> {
        self.fields.get(name)
    }

    /// Takes a parameter out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Form> {
        self.fields.remove(name)
    }

    /// Whether a parameter was given at all, an empty list included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The names of all parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The text of this parameter itself.
    pub(crate) fn own_text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The text of a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.text.as_deref()
    }

    /// The text of a parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| Refusal::missing(name))
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let read = |text: &str| {
            text.parse().map_err(|_| Refusal::new("MalformedInput", format!("'{text}' at {name} is not a number")))
        };
        self.text(name).map(read).transpose()
    }

    /// A number from a declared range.
    pub(crate) fn number_within(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Refusal> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        match broken_bound("value", number, &(i64::from(least)..=i64::from(most))) {
            None => Ok(u32::try_from(number).ok()),
            Some(constraint) => Err(Refusal::constraint(name, &number.to_string(), &constraint)),
        }
    }

    /// A truth value.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                Err(Refusal::new("MalformedInput", format!("'{other}' at {name} is neither true nor false")))
            }
        }
    }

    /// The members of a list, in order.
    pub(crate) fn list(&self, name: &str) -> Vec<&Form> {
        self.fields.get(name).map(|list| list.numbered("member")).unwrap_or_default()
    }

    /// The texts of a list, in order.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).into_iter().filter_map(|member| member.text.as_deref()).collect()
    }

    /// The texts of a list that must have at least one.
    pub(crate) fn required_texts(&self, name: &str) -> Result<Vec<&str>, Refusal> {
        let texts = self.texts(name);
        if texts.is_empty() { Err(Refusal::missing(name)) } else { Ok(texts) }
    }

    /// What stands under numbers, as all lists of EC2 do: their order is not that of their texts.
    pub(crate) fn numbered(&self, name: &str) -> Vec<&Form> {
        let Some(members) = self.fields.get(name) else { return Vec::new() };
        let mut numbered: Vec<(u32, &Form)> =
            members.fields.iter().filter_map(|(number, member)| Some((number.parse().ok()?, member))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, member)| member).collect()
    }

    /// The same parameters as elements of an answer: AWS names them alike in both directions.
    pub(crate) fn xml(&self, name: &str) -> Xml {
        for repeated in ["member", "entry"] {
            if self.fields.contains_key(repeated) {
                return Xml::of(name, self.numbered(repeated).iter().map(|member| member.xml(repeated)).collect());
            }
        }
        match &self.text {
            Some(text) if self.fields.is_empty() => Xml::text(name, text),
            _ => Xml::of(name, self.fields.iter().map(|(name, field)| field.xml(name)).collect()),
        }
    }
}

#[cfg(test)]
mod tests;
