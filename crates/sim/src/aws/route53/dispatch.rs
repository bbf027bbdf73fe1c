//! The service as the registry knows it: its operations by method and path, what a request asks for, and what it costs.

use std::sync::Arc;

use super::super::effect::Writer;
use super::super::iam::Deed;
use super::super::partition::{AccountRegion, Partition};
use super::super::protocol::{Input, Output, Protocol};
use super::super::rates::{Fare, Rates};
use super::super::refusal::Refused;
use super::super::rest::{Rest, Route};
use super::super::service::{Asks, Errand, Operation, Service, Split};
use super::super::xml::element::Element;
use super::alias::Balancers;
use super::name::DnsName;
use super::zone::zone_arn;
use super::zones::bare_id;
use super::{NAMESPACE, Route53, batch, rights, tags};

/// Route 53.
pub(in crate::aws) struct Dns;

/// Route 53.
pub(in crate::aws) const ROUTE53: Dns = Dns;

const VERSION: &str = "2013-04-01";

const REST: Rest = Rest { namespace: NAMESPACE, version: VERSION, routes: ROUTES };

const CHANGE_RECORDS: &str = "ChangeResourceRecordSets";

const fn route(method: &'static str, path: &'static str, operation: &'static str) -> Route {
    Route { operation, method, path }
}

const ROUTES: &[Route] = &[
    route("POST", "hostedzone/{Id}/rrset", CHANGE_RECORDS),
    route("POST", "tags/{ResourceType}/{ResourceId}", "ChangeTagsForResource"),
    route("POST", "healthcheck", "CreateHealthCheck"),
    route("POST", "hostedzone", "CreateHostedZone"),
    route("POST", "hostedzone/{Id}/rrsetprotection", "CreateResourceRecordSetProtections"),
    route("DELETE", "healthcheck/{HealthCheckId}", "DeleteHealthCheck"),
    route("DELETE", "hostedzone/{Id}", "DeleteHostedZone"),
    route("POST", "hostedzone/{Id}/rrsetprotection/delete", "DeleteResourceRecordSetProtections"),
    route("GET", "change/{Id}", "GetChange"),
    route("GET", "healthcheck/{HealthCheckId}", "GetHealthCheck"),
    route("GET", "healthcheck/{HealthCheckId}/status", "GetHealthCheckStatus"),
    route("GET", "hostedzone/{Id}", "GetHostedZone"),
    route("GET", "hostedzonecount", "GetHostedZoneCount"),
    route("GET", "hostedzonelimit/{Id}/{Type}", "GetHostedZoneLimit"),
    route("GET", "hostedzone", "ListHostedZones"),
    route("GET", "hostedzonesbyname", "ListHostedZonesByName"),
    route("GET", "hostedzone/{Id}/rrsetprotection", "ListResourceRecordSetProtections"),
    route("GET", "hostedzone/{Id}/rrset", "ListResourceRecordSets"),
    route("GET", "tags/{ResourceType}/{ResourceId}", "ListTagsForResource"),
    route("POST", "tags/{ResourceType}", "ListTagsForResources"),
    route("POST", "hostedzone/{Id}", "UpdateHostedZoneComment"),
    route("POST", "hostedzone/{Id}/features", "UpdateHostedZoneFeatures"),
];

/// What an operation does that looks at nothing but the account.
type Work = fn(&mut Route53, &Input, &Writer) -> Result<Output, Refused>;

/// `None` of a batch, which looks at balancers too.
fn work(operation: &str) -> Option<Work> {
    Some(match operation {
        "ChangeTagsForResource" => Route53::change_tags_for_resource,
        "CreateHealthCheck" => Route53::create_health_check,
        "CreateHostedZone" => Route53::create_hosted_zone,
        "CreateResourceRecordSetProtections" => Route53::create_protections,
        "DeleteHealthCheck" => Route53::delete_health_check,
        "DeleteHostedZone" => Route53::delete_hosted_zone,
        "DeleteResourceRecordSetProtections" => Route53::delete_protections,
        "GetChange" => Route53::get_change,
        "GetHealthCheck" => Route53::get_health_check,
        "GetHealthCheckStatus" => Route53::get_health_check_status,
        "GetHostedZone" => Route53::get_hosted_zone,
        "GetHostedZoneCount" => |route53, _, _| Ok(route53.count_zones()),
        "GetHostedZoneLimit" => Route53::get_hosted_zone_limit,
        "ListHostedZones" => Route53::list_hosted_zones,
        "ListHostedZonesByName" => Route53::list_hosted_zones_by_name,
        "ListResourceRecordSetProtections" => Route53::list_protections,
        "ListResourceRecordSets" => Route53::list_resource_record_sets,
        "ListTagsForResource" => Route53::list_tags_for_resource,
        "ListTagsForResources" => Route53::list_tags_for_resources,
        "UpdateHostedZoneComment" => Route53::update_hosted_zone_comment,
        "UpdateHostedZoneFeatures" => Route53::update_hosted_zone_features,
        _ => return None,
    })
}

impl Service for Dns {
    fn signing_name(&self) -> &'static str {
        "route53"
    }

    fn version(&self) -> &'static str {
        VERSION
    }

    fn protocol(&self) -> Protocol {
        Protocol::RestXml(&REST)
    }

    fn is_global(&self) -> bool {
        true
    }

    fn operations(&self) -> Vec<&'static str> {
        ROUTES.iter().map(|route| route.operation).collect()
    }

    fn operation(&self, name: &str) -> Option<Operation> {
        let name = ROUTES.iter().find(|route| route.operation == name)?.operation;
        let writes = ["Change", "Create", "Delete", "Update"].iter().any(|verb| name.starts_with(verb));
        Some(Operation { name, writes, bucket: None })
    }

    /// Reads a request as it stands, also one that is refused for what it says.
    fn asks(&self, operation: &Operation, input: &Input) -> Asks {
        let asked = batch::outline(input);
        let does = |verb: &str| asked.iter().any(|change| change.text_of("Action") == Some(verb));
        Asks {
            resources: resources(operation.name, input),
            creates: operation.name.starts_with("Create") || does("CREATE") || does("UPSERT"),
            removes: operation.name.starts_with("Delete") || does("DELETE") || tags::removed(input).next().is_some(),
            split: split(asked),
            tags: tags::given(input),
            changes: count(asked),
        }
    }

    fn fares(&self, operation: &Operation, input: &Input, rates: &Rates) -> Vec<Fare> {
        let rates = rates.dns;
        let own = match operation.name {
            "CreateHostedZone" => rates.create_zone,
            "DeleteHostedZone" => rates.delete_zone,
            _ => rates.each,
        };
        let changes = rates.changes.filter(|_| operation.name == CHANGE_RECORDS);
        let amount = count(batch::outline(input));
        let all = [
            Some(Fare::one("all calls", rates.calls)),
            own.map(|rate| Fare::one(operation.name, rate)),
            changes.map(|rate| Fare { bucket: "changes of records", rate, amount }),
        ];
        all.into_iter().flatten().collect()
    }

    fn deeds(
        &self,
        operation: &Operation,
        input: &Input,
        place: &AccountRegion,
        partition: &mut Partition,
    ) -> Vec<Deed> {
        rights::deeds(&partition.global(&place.account).route53, operation.name, input)
    }

    fn perform(
        &self,
        operation: &Operation,
        input: &Input,
        errand: &Errand,
        partition: &mut Partition,
    ) -> Result<Output, Refused> {
        let Errand { place, writer, .. } = errand;
        if let Some(work) = work(operation.name) {
            return work(&mut partition.global(&place.account).route53, input, writer);
        }
        // An alias can have a balancer of any account and region for a target.
        let balancers = Balancers::of(partition);
        partition.global(&place.account).route53.change_resource_record_sets(input, writer, &balancers)
    }
}

fn count(changes: &[Element]) -> u32 {
    u32::try_from(changes.len()).unwrap_or(u32::MAX)
}

/// What a request is about: the zone, the change or the health check that its path names, and of a batch the names of
/// records and the targets of aliases.
fn resources(operation: &str, input: &Input) -> Vec<Arc<str>> {
    let form = &input.form;
    let path = match (form.text("Id"), form.text("HealthCheckId"), form.text("ResourceType")) {
        (Some(id), ..) if operation == "GetChange" => {
            Some(format!("arn:aws:route53:::change/{}", id.replace("/change/", "")))
        }
        (Some(id), ..) => Some(zone_arn(bare_id(id))),
        (_, Some(id), _) => Some(tags::arn("healthcheck", id)),
        (.., Some(kind)) => form.text("ResourceId").map(|id| tags::arn(kind, id)),
        _ => None,
    };
    let root = input.document.as_ref().and_then(|document| document.as_ref().ok());
    let named = root.filter(|_| operation == "CreateHostedZone").and_then(|root| root.text_of("Name"));
    let mut resources: Vec<Arc<str>> = path.into_iter().map(Arc::from).chain(named.map(Arc::from)).collect();
    for change in batch::outline(input) {
        let Some(record) = change.element("ResourceRecordSet") else { continue };
        let target = record.element("AliasTarget").and_then(|alias| alias.text_of("DNSName"));
        for name in record.text_of("Name").into_iter().chain(target) {
            let name: Arc<str> = Arc::from(kept(name));
            if !resources.contains(&name) {
                resources.push(name);
            }
        }
    }
    resources
}

/// A name without a dot at the end, in the form in which it is kept if it has one.
fn kept(name: &str) -> String {
    DnsName::parse(name).map_or_else(|_| name.to_owned(), |name| name.bare().to_owned())
}

/// The split that a batch sets where it sets one and the same for all names and types: weights by targets of aliases or by
/// what else records say.
fn split(changes: &[Element]) -> Option<Split> {
    let mut splits: Vec<((&str, &str), Split)> = Vec::new();
    for change in changes.iter().filter(|change| change.text_of("Action") != Some("DELETE")) {
        let record = change.element("ResourceRecordSet")?;
        let set = (record.text_of("Name")?, record.text_of("Type")?);
        if !matches!(set.1, "A" | "AAAA" | "CNAME") {
            continue;
        }
        let member = if let Some(alias) = record.element("AliasTarget") {
            kept(alias.text_of("DNSName")?)
        } else {
            let values = record.element("ResourceRecords")?.all("ResourceRecord");
            values.filter_map(|value| value.text_of("Value")).collect::<Vec<_>>().join(",")
        };
        let weight = record.text_of("Weight").map_or(Some(1), |weight| weight.parse().ok())?;
        let index = splits.iter().position(|(known, _)| *known == set).unwrap_or_else(|| {
            splits.push((set, Split::default()));
            splits.len() - 1
        });
        *splits[index].1.weights.entry(member).or_default() += weight;
    }
    let (_, first) = splits.first()?;
    splits.iter().all(|(_, split)| split == first).then(|| first.clone())
}
