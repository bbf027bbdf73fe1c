//! Records of Route 53 in the engine's words, and the other way round.

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::builders::ResourceRecordSetBuilder;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, HostedZone as SdkZone, HostedZoneConfig, ResourceRecord, ResourceRecordSet,
    RrType,
};
use weir_engine::dns::{Alias, Content, DnsName, HostedZone, RecordChange, RecordSet, RecordType, Routing, ZoneId};
use weir_engine::fact::AwsError;

use crate::errors::nonsense;

/// The policy of a record that is told from others by an identifier, and by nothing else that this SDK knows.
pub(super) const UNKNOWN_POLICY: &str = "a policy that this version of Weir does not know";

pub(super) fn zone(zone: &SdkZone) -> HostedZone {
    HostedZone {
        id: ZoneId::new(zone.id()),
        name: DnsName::new(zone.name()),
        is_private: zone.config().is_some_and(HostedZoneConfig::private_zone),
    }
}

pub(super) fn record(operation: &'static str, record: &ResourceRecordSet) -> Result<RecordSet, AwsError> {
    Ok(RecordSet {
        name: DnsName::new(record.name()),
        kind: RecordType::new(record.r#type().as_str()),
        routing: routing(operation, record)?,
        content: content(operation, record)?,
        health_check: record.health_check_id().map(Into::into),
    })
}

fn routing(operation: &'static str, record: &ResourceRecordSet) -> Result<Routing, AwsError> {
    let identifier = record.set_identifier().unwrap_or_default().into();
    let policies = [
        // It belongs to the instance of a traffic policy, by which alone it can be changed, whatever else it is.
        (record.traffic_policy_instance_id().is_some(), "traffic policy"),
        (record.region().is_some(), "latency"),
        (record.failover().is_some(), "failover"),
        (record.geo_location().is_some(), "geolocation"),
        (record.geo_proximity_location().is_some(), "geoproximity"),
        (record.cidr_routing_config().is_some(), "IP-based"),
        (record.multi_value_answer() == Some(true), "multivalue answer"),
        (record.weight().is_none() && record.set_identifier().is_some(), UNKNOWN_POLICY),
    ];
    if let Some((_, policy)) = policies.into_iter().find(|(has, _)| *has) {
        return Ok(Routing::Other { identifier, policy: policy.into() });
    }
    let Some(weight) = record.weight() else { return Ok(Routing::Simple) };
    let weight = number(operation, record, "weight", weight)?;
    Ok(Routing::Weighted { identifier, weight })
}

fn content(operation: &'static str, record: &ResourceRecordSet) -> Result<Content, AwsError> {
    if let Some(alias) = record.alias_target() {
        return Ok(Content::Alias(Alias {
            zone: alias.hosted_zone_id().into(),
            target: DnsName::new(alias.dns_name()),
            evaluate_target_health: alias.evaluate_target_health(),
        }));
    }
    let ttl = number(operation, record, "TTL", record.ttl().unwrap_or_default())?;
    let values = record.resource_records().iter().map(|value| value.value().to_owned()).collect();
    Ok(Content::Values { ttl, values })
}

fn number<T: TryFrom<i64>>(
    operation: &'static str,
    record: &ResourceRecordSet,
    what: &str,
    number: i64,
) -> Result<T, AwsError> {
    T::try_from(number).map_err(|_| {
        let (name, kind) = (record.name(), record.r#type().as_str());
        nonsense(operation, format!("AWS answered with the {what} {number} of the {kind} record {name}"))
    })
}

/// A change as the SDK wants it; `None` of a record that is chosen by a policy other than weight, which the engine knows by
/// its name alone. The error says what the SDK misses.
pub(super) fn change(change: RecordChange<'_>) -> Option<Result<Change, BuildError>> {
    let (action, record) = match change {
        RecordChange::Create(record) => (ChangeAction::Create, record),
        RecordChange::Delete(record) => (ChangeAction::Delete, record),
    };
    let built = ResourceRecordSet::builder().name(record.name.as_str()).r#type(RrType::from(record.kind.as_str()));
    let built = match &record.routing {
        Routing::Simple => built,
        Routing::Weighted { identifier, weight } => {
            built.set_identifier(identifier.as_str()).weight(i64::from(*weight))
        }
        Routing::Other { .. } => return None,
    };
    let built = built.set_health_check_id(record.health_check.as_ref().map(ToString::to_string));
    let built = match &record.content {
        Content::Alias(alias) => alias_target(alias).map(|alias| built.alias_target(alias)),
        Content::Values { ttl, values } => {
            resource_records(values).map(|values| built.ttl(i64::from(*ttl)).set_resource_records(Some(values)))
        }
    };
    let built = built.and_then(ResourceRecordSetBuilder::build);
    Some(built.and_then(|record| Change::builder().action(action).resource_record_set(record).build()))
}

fn alias_target(alias: &Alias) -> Result<AliasTarget, BuildError> {
    let target = AliasTarget::builder().hosted_zone_id(alias.zone.as_str()).dns_name(alias.target.as_str());
    target.evaluate_target_health(alias.evaluate_target_health).build()
}

fn resource_records(values: &[String]) -> Result<Vec<ResourceRecord>, BuildError> {
    values.iter().map(|value| ResourceRecord::builder().value(value).build()).collect()
}
