//! What a request asks to do to which resources, as IAM sees it.

use std::collections::BTreeSet;

use super::super::form::Form;
use super::super::iam::Deed;
use super::Elb;

impl Elb {
    /// What a request asks to do. A rule that is made with tags is tagged too, under an ARN that nobody knows yet.
    pub(in crate::aws) fn deeds(&self, operation: &str, form: &Form) -> Vec<Deed> {
        let resources = match operation {
            "CreateRule" | "ModifyListener" => form.text("ListenerArn").into_iter().collect(),
            "ModifyRule" | "DeleteRule" => form.text("RuleArn").into_iter().collect(),
            "AddTags" | "RemoveTags" => form.texts("ResourceArns"),
            _ => vec!["*"],
        };
        // What is wrong with the tags is told when they are read to be kept.
        let given = Self::read_tags(form).unwrap_or_default();
        let keys: BTreeSet<String> =
            given.keys().cloned().chain(form.texts("TagKeys").into_iter().map(str::to_owned)).collect();
        let deed = |resource: &str| Deed {
            action: format!("elasticloadbalancing:{operation}"),
            resource: resource.to_owned(),
            has: self.tags_of(resource),
            given: given.clone(),
            keys: keys.clone(),
            ..Deed::default()
        };
        let marks = |listener: &str| Deed {
            action: "elasticloadbalancing:AddTags".to_owned(),
            creating: Some(operation.to_owned()),
            ..deed(&format!("{}/new", listener.replacen(":listener/", ":listener-rule/", 1)))
        };
        let is_marked = operation == "CreateRule" && !given.is_empty();
        let marked = resources.iter().copied().filter(|_| is_marked).map(marks);
        resources.iter().copied().map(deed).chain(marked).collect()
    }
}
