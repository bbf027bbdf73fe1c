//! Tags of zones and of health checks.

use std::collections::BTreeMap;

use super::super::effect::{Change, Writer};
use super::super::protocol::{Input, Output};
use super::super::refusal::{Refusal, Refused};
use super::super::xml::Xml;
use super::super::xml::element::Element;
use super::Route53;
use super::fields::{document, invalid, members, needed, one_of, only, within};
use super::zone::zone_arn;
use super::zones::bare_id;

/// What can have tags.
const KINDS: [&str; 2] = ["healthcheck", "hostedzone"];
/// The most tags of a resource.
const MOST_TAGS: usize = 50;

/// Tags by key.
pub(super) type TagMap = BTreeMap<String, String>;

/// The ARN of what a path names.
pub(super) fn arn(kind: &str, id: &str) -> String {
    if kind == KINDS[1] { zone_arn(bare_id(id)) } else { format!("arn:aws:route53:::{kind}/{id}") }
}

/// The tags that a request gives, as far as they can be read.
pub(super) fn given(input: &Input) -> TagMap {
    let root = input.document.as_ref().and_then(|document| document.as_ref().ok());
    let tags = root.and_then(|root| root.element("AddTags")).map_or(&[][..], |tags| &tags.elements);
    let pair =
        |tag: &Element| Some((tag.text_of("Key")?.to_owned(), tag.text_of("Value").unwrap_or_default().to_owned()));
    tags.iter().filter_map(pair).collect()
}

/// The keys that a request takes away.
pub(super) fn removed(input: &Input) -> impl Iterator<Item = &str> {
    let root = input.document.as_ref().and_then(|document| document.as_ref().ok());
    let keys = root.and_then(|root| root.element("RemoveTagKeys")).map_or(&[][..], |keys| &keys.elements);
    keys.iter().map(|key| key.text.as_str())
}

fn read(root: &Element) -> Result<TagMap, Refusal> {
    let mut tags = TagMap::new();
    let Some(list) = root.element("AddTags") else { return Ok(tags) };
    for tag in members(list, "Tag", "addTags", 1..=10)? {
        only(tag, &["Key", "Value"])?;
        let key = within(&needed(tag, "Key")?.text, "addTags.member.key", 1..=128)?;
        let value = within(tag.text_of("Value").unwrap_or_default(), "addTags.member.value", 0..=256)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!("Tag key '{key}' is reserved: keys cannot begin with 'aws:'")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(format!("Tag key '{key}' was specified more than once")));
        }
    }
    Ok(tags)
}

impl Route53 {
    /// The tags of a resource.
    pub(super) fn tags_of(&self, kind: &str, id: &str) -> Result<&TagMap, Refusal> {
        match kind {
            "hostedzone" => Ok(&self.zone(bare_id(id))?.tags),
            "healthcheck" => Ok(&self.health_check(id)?.tags),
            other => Err(one_of(other, "resourceType", KINDS)),
        }
    }

    fn put_tags(&mut self, kind: &str, id: &str, tags: TagMap) -> Result<(), Refusal> {
        match kind {
            "hostedzone" => self.zone_mut(bare_id(id))?.tags = tags,
            _ => self.health_check_mut(id)?.tags = tags,
        }
        Ok(())
    }

    pub(super) fn change_tags_for_resource(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let (kind, id) = resource(input)?;
        let root = document(input, "ChangeTagsForResourceRequest", &["AddTags", "RemoveTagKeys"])?;
        let added = read(root)?;
        let keys =
            root.element("RemoveTagKeys").map(|keys| members(keys, "Key", "removeTagKeys", 1..=10)).transpose()?;
        let before = self.tags_of(kind, id)?.clone();
        if added.is_empty() && keys.is_none() {
            return Err(invalid("Either AddTags or RemoveTagKeys must be specified").into());
        }
        if let Some(key) = keys.unwrap_or_default().iter().find(|key| added.contains_key(&key.text)) {
            return Err(invalid(format!("Tag key '{}' is both added and removed", key.text)).into());
        }
        let mut after = before.clone();
        after.retain(|key, _| !keys.unwrap_or_default().iter().any(|removed| removed.text == *key));
        after.extend(added);
        if after.len() > MOST_TAGS {
            return Err(invalid(format!("A resource can have up to {MOST_TAGS} tags")).into());
        }
        self.put_tags(kind, id, after.clone())?;
        if before != after {
            writer.note(Change::Tags { resource: arn(kind, id), before, after });
        }
        Ok(Output::Document(Vec::new()))
    }

    pub(super) fn list_tags_for_resource(&mut self, input: &Input, _: &Writer) -> Result<Output, Refused> {
        let (kind, id) = resource(input)?;
        let set = self.describe_tags(kind, id)?;
        Ok(Output::Document(vec![Xml::of("ResourceTagSet", set)]))
    }

    pub(super) fn list_tags_for_resources(&mut self, input: &Input, _: &Writer) -> Result<Output, Refused> {
        let kind = input.form.text("ResourceType").unwrap_or_default();
        let root = document(input, "ListTagsForResourcesRequest", &["ResourceIds"])?;
        let ids = members(needed(root, "ResourceIds")?, "ResourceId", "resourceIds", 1..=10)?;
        let set = |id: &Element| Ok(Xml::of("ResourceTagSet", self.describe_tags(kind, &id.text)?));
        let sets = ids.iter().map(set).collect::<Result<Vec<Xml>, Refusal>>()?;
        Ok(Output::Document(vec![Xml::of("ResourceTagSets", sets)]))
    }

    fn describe_tags(&self, kind: &str, id: &str) -> Result<Vec<Xml>, Refusal> {
        let tags = self.tags_of(kind, id)?;
        let tag =
            |(key, value): (&String, &String)| Xml::of("Tag", vec![Xml::text("Key", key), Xml::text("Value", value)]);
        Ok(vec![
            Xml::text("ResourceType", kind),
            Xml::text("ResourceId", bare_id(id)),
            Xml::of("Tags", tags.iter().map(tag).collect()),
        ])
    }
}

/// What a path names.
fn resource(input: &Input) -> Result<(&str, &str), Refusal> {
    let text = |name: &str| input.form.text(name).unwrap_or_default();
    Ok((text("ResourceType"), within(text("ResourceId"), "resourceId", 1..=64)?))
}
