//! What a request asks to do to which resources, as IAM sees it.
//!
//! Source: "Actions, resources, and condition keys for Amazon Route 53" in the Service Authorization Reference.

use std::collections::{BTreeMap, BTreeSet};

use super::super::iam::{Deed, RECORD_ACTIONS, RECORD_NAMES, RECORD_TYPES};
use super::super::protocol::Input;
use super::super::xml::element::Element;
use super::Route53;
use super::batch;
use super::name::DnsName;
use super::tags;
use super::zone::zone_arn;
use super::zones::bare_id;

/// What a request asks to do.
pub(super) fn deeds(route53: &Route53, operation: &str, input: &Input) -> Vec<Deed> {
    let form = &input.form;
    let root = input.document.as_ref().and_then(|document| document.as_ref().ok());
    if operation == "ListTagsForResources" {
        let kind = form.text("ResourceType").unwrap_or_default();
        let ids = root.and_then(|root| root.element("ResourceIds")).map_or(&[][..], |ids| &ids.elements);
        let deed = |id: &Element| Deed {
            action: format!("route53:{operation}"),
            resource: tags::arn(kind, &id.text),
            has: route53.tags_of(kind, &id.text).cloned().unwrap_or_default(),
            ..Deed::default()
        };
        return ids.iter().map(deed).collect();
    }
    let (id, check) = (form.text("Id"), form.text("HealthCheckId"));
    let resource = match (operation, form.text("ResourceType"), form.text("ResourceId")) {
        ("GetChange", ..) => format!("arn:aws:route53:::change/{}", id.unwrap_or_default().replace("/change/", "")),
        (_, Some(kind), Some(id)) => tags::arn(kind, id),
        _ => match (id, check) {
            (Some(id), _) => zone_arn(bare_id(id)),
            (None, Some(check)) => tags::arn("healthcheck", check),
            (None, None) => "*".to_owned(),
        },
    };
    let given = tags::given(input);
    let keys = given.keys().cloned().chain(tags::removed(input).map(str::to_owned)).collect();
    let has = match (form.text("ResourceType"), form.text("ResourceId")) {
        (Some(kind), Some(id)) => route53.tags_of(kind, id).cloned().unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    let values = if operation == "ChangeResourceRecordSets" { named(input) } else { BTreeMap::new() };
    let action = format!("route53:{operation}");
    let deed = Deed { action, resource, has, given, keys, values, ..Deed::default() };
    // Route 53 looks whether the network is there, by the rights of the caller.
    let is_private = operation == "CreateHostedZone" && root.is_some_and(|root| root.element("VPC").is_some());
    let looks = is_private.then(|| Deed::at_large("ec2:DescribeVpcs"));
    std::iter::once(deed).chain(looks).collect()
}

/// The values of the condition keys of a batch: names in small letters, without a dot at the end.
fn named(input: &Input) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut values: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut put = |key, text: Option<String>| {
        values.entry(key).or_default().extend(text);
    };
    for change in batch::outline(input) {
        let record = change.element("ResourceRecordSet");
        let text = |name: &str| record.and_then(|record| record.text_of(name));
        let name = |given: &str| DnsName::parse(given).map_or_else(|_| given.to_owned(), |name| name.bare().to_owned());
        put(RECORD_NAMES, text("Name").map(name));
        put(RECORD_TYPES, text("Type").map(str::to_owned));
        put(RECORD_ACTIONS, Element::text_of(change, "Action").map(str::to_owned));
    }
    values
}
