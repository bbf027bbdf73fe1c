//! Tags: `AddTags`, `RemoveTags`, `DescribeTags`, and those given at creation.

use super::super::effect::{Change, Writer};
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Elb;
use super::arn::Resource;
use super::dispatch::Tags;

/// Tags of one resource.
const MOST_TAGS: usize = 50;
/// Resources in one call.
const MOST_RESOURCES: usize = 20;

impl Elb {
    /// The tags in a request.
    pub(super) fn read_tags(form: &Form) -> Result<Tags, Refusal> {
        let mut tags = Tags::new();
        for tag in form.list("Tags") {
            let (key, value) = (tag.required("Key")?, tag.text("Value").unwrap_or_default());
            check_text("Key", key, 128)?;
            check_text("Value", value, 256)?;
            if key.to_ascii_lowercase().starts_with("aws:") {
                return Err(Refusal::invalid(format!("Tag key '{key}' is reserved: keys cannot begin with 'aws:'")));
            }
            if tags.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(Refusal::new("DuplicateTagKeys", format!("Tag key '{key}' was specified more than once")));
            }
        }
        if tags.len() > MOST_TAGS {
            return Err(too_many());
        }
        Ok(tags)
    }

    /// Adds tags to a resource that exists.
    pub(crate) fn put_tags(&mut self, writer: &Writer, arn: &str, tags: Tags) -> Result<(), Refusal> {
        let mut all = self.tags_of(arn);
        all.extend(tags);
        if all.len() > MOST_TAGS {
            return Err(too_many());
        }
        self.set_tags(writer, arn, all);
        Ok(())
    }

    /// Gives a resource these tags and no others.
    pub(super) fn set_tags(&mut self, writer: &Writer, arn: &str, after: Tags) {
        let before = if after.is_empty() {
            self.tags.remove(arn).unwrap_or_default()
        } else {
            self.tags.insert(arn.to_owned(), after.clone()).unwrap_or_default()
        };
        if before != after {
            writer.note(Change::Tags { resource: arn.to_owned(), before, after });
        }
    }

    /// Refuses ARNs of which there is nothing.
    pub(crate) fn check_resource(&self, arn: &str) -> Result<(), Refusal> {
        match Resource::of(arn) {
            Some(Resource::Balancer) => self.balancer(arn).map(|_| ()),
            Some(Resource::Listener) => self.listener(arn).map(|_| ()),
            Some(Resource::Rule) => self.rule(arn).map(|_| ()),
            Some(Resource::Group) => self.group(arn).map(|_| ()),
            None => Err(Refusal::invalid(format!("'{arn}' is not a valid resource ARN"))),
        }
    }

    fn read_resources<'a>(&self, form: &'a Form) -> Result<Vec<&'a str>, Refusal> {
        let arns = form.required_texts("ResourceArns")?;
        if arns.len() > MOST_RESOURCES {
            return Err(Refusal::invalid(format!(
                "Up to '{MOST_RESOURCES}' resource ARNs can be specified, not {}",
                arns.len()
            )));
        }
        for arn in &arns {
            self.check_resource(arn)?;
        }
        Ok(arns)
    }

    pub(super) fn add_tags(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arns = self.read_resources(form)?;
        let tags = Self::read_tags(form)?;
        if tags.is_empty() {
            return Err(Refusal::missing("Tags"));
        }
        let is_over = |arn: &&str| {
            let present = self.tags_of(arn);
            tags.keys().filter(|key| !present.contains_key(*key)).count() + present.len() > MOST_TAGS
        };
        if arns.iter().any(is_over) {
            return Err(too_many());
        }
        for arn in arns {
            self.put_tags(writer, arn, tags.clone())?;
        }
        Ok(Vec::new())
    }

    pub(super) fn remove_tags(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arns = self.read_resources(form)?;
        let keys = form.required_texts("TagKeys")?;
        for arn in arns {
            let mut tags = self.tags_of(arn);
            // A key that is not there is no error.
            tags.retain(|key, _| !keys.contains(&key.as_str()));
            self.set_tags(writer, arn, tags);
        }
        Ok(Vec::new())
    }

    pub(super) fn describe_tags(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arns = self.read_resources(form)?;
        let describe = |arn: &str| {
            let tags = self.tags_of(arn);
            let pairs = tags.iter().map(|(key, value)| vec![Xml::text("Key", key), Xml::text("Value", value)]);
            vec![Xml::text("ResourceArn", arn), Xml::list("Tags", pairs)]
        };
        Ok(vec![Xml::list("TagDescriptions", arns.into_iter().map(describe))])
    }
}

fn too_many() -> Refusal {
    Refusal::new("TooManyTags", format!("A resource can have up to '{MOST_TAGS}' tags"))
}

fn check_text(name: &str, text: &str, most: usize) -> Result<(), Refusal> {
    let fits = |letter: char| letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter);
    if text.chars().count() <= most && text.chars().all(fits) {
        return Ok(());
    }
    let constraint =
        format!("Member must have length less than or equal to {most} and consist of letters, digits and _.:/=+-@");
    Err(Refusal::constraint(name, text, &constraint))
}
