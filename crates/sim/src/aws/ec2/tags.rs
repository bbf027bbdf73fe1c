//! Tags: `CreateTags`, `DeleteTags`, `DescribeTags`, and those given to what is made.

use std::collections::BTreeMap;

use super::super::effect::{Change, Writer};
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Ec2;
use super::fields::{missing, required_texts};
use super::filter::{Field, Filters};
use super::page::{describe, page};

/// Tags of one resource.
const MOST_TAGS: usize = 50;
/// Resources in one call.
const MOST_RESOURCES: usize = 1_000;

/// Tags by key.
pub(in crate::aws) type Tags = BTreeMap<String, String>;

/// A tag as `DescribeTags` tells it.
struct Told {
    resource: String,
    kind: &'static str,
    key: String,
    value: String,
}

const FIELDS: &[Field<Told>] = &[
    (&["resource-id"], |_, told, _| vec![told.resource.clone()]),
    (&["resource-type"], |_, told, _| vec![told.kind.to_owned()]),
    (&["key"], |_, told, _| vec![told.key.clone()]),
    (&["value"], |_, told, _| vec![told.value.clone()]),
];

/// Tags as they are told with what carries them.
pub(super) fn tag_set(tags: Option<&Tags>) -> Xml {
    let pair = |(key, value)| vec![Xml::text("key", key), Xml::text("value", value)];
    Xml::items("tagSet", tags.into_iter().flatten().map(pair))
}

impl Ec2 {
    /// The tags that a request gives to what it makes, which is of this kind.
    pub(super) fn read_tags_of_new(form: &Form, kind: &str) -> Result<Tags, Refusal> {
        let mut given = Vec::new();
        for specification in form.numbered("TagSpecification") {
            let other = specification.text("ResourceType").unwrap_or_default();
            if other != kind {
                let message = format!("'{other}' is not a valid taggable resource type for this operation.");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
            given.extend(specification.numbered("Tag"));
        }
        read(&given)
    }

    /// What a request does to tags, as it says itself: of new things and of present ones.
    pub(super) fn tags_in(form: &Form) -> Tags {
        let specifications = form.numbered("TagSpecification");
        let of_new = specifications.iter().flat_map(|specification| specification.numbered("Tag"));
        let pair = |tag: &Form| {
            let value = tag.text("Value").unwrap_or_default();
            tag.text("Key").map(|key| (key.to_owned(), value.to_owned()))
        };
        of_new.chain(form.numbered("Tag")).filter_map(pair).collect()
    }

    /// Gives something these tags and no others.
    pub(super) fn set_tags(&mut self, writer: &Writer, id: &str, after: Tags) {
        let kind = self.kind_of(id);
        let before = if after.is_empty() {
            self.tags.remove(id).unwrap_or_default()
        } else {
            self.tags.insert(id.to_owned(), after.clone()).unwrap_or_default()
        };
        if before != after {
            writer.note(Change::Tags { resource: self.arn(kind, id), before, after });
        }
    }

    /// What kind of thing an identifier names. Those of instances that were made by hand may be any text.
    pub(super) fn kind_of(&self, id: &str) -> &'static str {
        match id.split_once('-') {
            _ if self.instances.contains_key(id) => "instance",
            Some(("vpc", _)) => "vpc",
            Some(("subnet", _)) => "subnet",
            Some(("sg", _)) => "security-group",
            _ => "instance",
        }
    }

    /// The things that a request is about, all of which must be there.
    fn read_resources(&self, form: &Form, writer: &Writer) -> Result<Vec<String>, Refusal> {
        let ids = required_texts(form, "ResourceId")?;
        if ids.len() > MOST_RESOURCES {
            let message = format!("A call can be about up to {MOST_RESOURCES} resources");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        for id in &ids {
            match self.kind_of(id) {
                "vpc" => drop(self.vpc(id)?),
                "subnet" => drop(self.subnet(id)?),
                "security-group" => drop(self.group(id)?),
                _ if self.instances.contains_key(*id) || id.starts_with("i-") => drop(self.instance(id, writer.now)?),
                _ => return Err(Refusal::new("InvalidID", format!("The ID '{id}' is not valid"))),
            }
        }
        Ok(ids.into_iter().map(str::to_owned).collect())
    }

    pub(super) fn create_tags(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let ids = self.read_resources(form, writer)?;
        let tags = read(&form.numbered("Tag"))?;
        if tags.is_empty() {
            return Err(missing("Tag"));
        }
        let with = |id: &String| {
            let mut all = self.tags.get(id).cloned().unwrap_or_default();
            all.extend(tags.clone());
            if all.len() > MOST_TAGS { Err(too_many()) } else { Ok((id.clone(), all)) }
        };
        // All of them or none.
        let tagged: Vec<(String, Tags)> = ids.iter().map(with).collect::<Result<_, _>>()?;
        for (id, tags) in tagged {
            self.set_tags(writer, &id, tags);
        }
        Ok(vec![Xml::text("return", true)])
    }

    /// Takes tags away: with a value those that have it, with none any, and all where no key is named.
    pub(super) fn delete_tags(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let ids = self.read_resources(form, writer)?;
        let named = form.numbered("Tag");
        let named: Vec<(&str, Option<&str>)> =
            named.iter().filter_map(|tag| Some((tag.text("Key")?, tag.text("Value")))).collect();
        let is_meant = |key: &str, value: &str| {
            let fits = |(wanted, with): &(&str, Option<&str>)| *wanted == key && with.is_none_or(|with| with == value);
            named.is_empty() || named.iter().any(fits)
        };
        for id in ids {
            let mut tags = self.tags.get(&id).cloned().unwrap_or_default();
            tags.retain(|key, value| !is_meant(key, value));
            self.set_tags(writer, &id, tags);
        }
        Ok(vec![Xml::text("return", true)])
    }

    pub(super) fn describe_tags(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let filters = Filters::read(form, FIELDS, true)?;
        let is_told = |id: &str| self.instances.get(id).is_none_or(|instance| instance.is_told(writer.now));
        let carriers = self.tags.iter().filter(|(id, _)| is_told(id));
        let each = carriers.flat_map(|(id, tags)| tags.iter().map(move |(key, value)| (id, key, value)));
        let told = each.map(|(id, key, value)| Told {
            resource: id.clone(),
            kind: self.kind_of(id),
            key: key.clone(),
            value: value.clone(),
        });
        let is_meant = |told: &Told| filters.let_through(self, told, self.tags.get(&told.resource), writer.now);
        let keyed = told.filter(is_meant).map(|told| (format!("{}\0{}", told.resource, told.key), told));
        let describe_tag = |told: Told| {
            vec![
                Xml::text("resourceId", told.resource),
                Xml::text("resourceType", told.kind),
                Xml::text("key", told.key),
                Xml::text("value", told.value),
            ]
        };
        Ok(describe(page(form, "ResourceId", keyed)?, "tagSet", describe_tag))
    }
}

/// Reads tags and judges them.
fn read(given: &[&Form]) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    let refused = |message: String| Err(Refusal::new("InvalidParameterValue", message));
    for tag in given {
        let (key, value) = (tag.text("Key").unwrap_or_default(), tag.text("Value").unwrap_or_default());
        if key.is_empty() {
            return refused("Tag key cannot be empty.".to_owned());
        }
        if key.chars().count() > 127 {
            return refused("Tag key exceeds the maximum length of 127 characters".to_owned());
        }
        if value.chars().count() > 255 {
            return refused("Tag value exceeds the maximum length of 255 characters".to_owned());
        }
        if key.chars().chain(value.chars()).any(char::is_control) {
            return refused("Tag keys and values cannot contain control characters".to_owned());
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return refused("Tag keys starting with 'aws:' are reserved for internal use".to_owned());
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return refused(format!("Duplicate tag key '{key}' specified."));
        }
    }
    if tags.len() > MOST_TAGS { Err(too_many()) } else { Ok(tags) }
}

fn too_many() -> Refusal {
    Refusal::new("TagLimitExceeded", "You have reached the maximum number of tags for this resource.")
}
