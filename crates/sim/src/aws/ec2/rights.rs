//! What a request asks to do to which resources, as IAM sees it.
//!
//! Source: "Actions, resources, and condition keys for Amazon EC2" in the Service Authorization Reference. Where AWS looks at
//! several sorts of resources, as it does when something is made, it is about `*` here.

use std::collections::BTreeSet;

use super::super::form::Form;
use super::super::iam::Deed;
use super::Ec2;
use super::fields::texts;

impl Ec2 {
    /// What a request asks to do. What is made with tags is tagged too, under an identifier that nobody knows yet.
    pub(super) fn deeds(&self, operation: &str, form: &Form) -> Vec<Deed> {
        let named = match operation {
            "StartInstances" | "StopInstances" | "TerminateInstances" => texts(form, "InstanceId"),
            "CreateTags" | "DeleteTags" => texts(form, "ResourceId"),
            "DeleteVpc" => form.text("VpcId").into_iter().collect(),
            "DeleteSubnet" => form.text("SubnetId").into_iter().collect(),
            "DeleteSecurityGroup" => form.text("GroupId").into_iter().collect(),
            _ => BTreeSet::new(),
        };
        let given = Self::tags_in(form);
        let keys: BTreeSet<String> = given.keys().cloned().collect();
        let tags = if operation == "DeleteTags" { super::Tags::new() } else { given.clone() };
        let at_large = Deed { given: tags, keys, ..Deed::at_large(&format!("ec2:{operation}")) };
        let deed = |id: &&str| Deed {
            resource: self.arn(self.kind_of(id), id),
            has: self.tags.get(*id).cloned().unwrap_or_default(),
            ..at_large.clone()
        };
        let mut deeds: Vec<Deed> = named.iter().map(deed).collect();
        if deeds.is_empty() {
            deeds.push(at_large.clone());
        }
        let made = match operation {
            "CreateVpc" => Some("vpc"),
            "CreateSubnet" => Some("subnet"),
            "CreateSecurityGroup" => Some("security-group"),
            "RunInstances" => Some("instance"),
            _ => None,
        };
        deeds.extend(made.filter(|_| !given.is_empty()).map(|kind| Deed {
            action: "ec2:CreateTags".to_owned(),
            resource: self.arn(kind, "*"),
            creating: Some(operation.to_owned()),
            ..at_large
        }));
        deeds
    }
}
