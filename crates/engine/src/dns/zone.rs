//! Hosted zones, the names in them, and the changes that were made to them.

use std::fmt;

use smol_str::SmolStr;

use super::name::DnsName;

/// What stands before the identifier of a zone in its ARN.
const RESOURCE: &str = ":hostedzone/";

/// The identifier of a hosted zone, without `/hostedzone/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(SmolStr);

impl ZoneId {
    /// Takes a text for the identifier of a zone; AWS is the judge of its form.
    pub fn new(text: &str) -> Self {
        Self(text.rsplit('/').next().unwrap_or_default().into())
    }

    /// The zone that an ARN names, where it names one.
    pub fn of_arn(arn: &str) -> Option<Self> {
        arn.split_once(RESOURCE).map(|(_, id)| Self::new(id))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ARN of the zone in a partition such as `aws`. It names neither a region nor an account: Route 53 has neither in its
    /// ARNs. Source: "Actions, resources, and condition keys for Amazon Route 53" in AWS's service authorization reference.
    pub fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:route53::{RESOURCE}{}", self.0)
    }
}

impl fmt::Display for ZoneId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostedZone {
    /// Its identifier.
    pub id: ZoneId,
    /// Its name.
    pub name: DnsName,
    /// Whether it answers within networks only.
    pub is_private: bool,
}

/// A name in a zone: what stands at it is read together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameInZone {
    /// The zone.
    pub zone: ZoneId,
    /// The name.
    pub name: DnsName,
}

impl fmt::Display for NameInZone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in the zone {}", self.name, self.zone)
    }
}

/// The identifier of a batch of changes that Route 53 has accepted, without `/change/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(SmolStr);

impl ChangeId {
    /// Takes a text for the identifier of a change.
    pub fn new(text: &str) -> Self {
        Self(text.rsplit('/').next().unwrap_or_default().into())
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeSync {
    /// Some name servers do not have it yet.
    Pending,
    /// All have it.
    InSync,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_and_a_change_are_named_with_and_without_their_paths() {
        assert_eq!(ZoneId::new("/hostedzone/Z1"), ZoneId::new("Z1"));
        assert_eq!(ChangeId::new("/change/C1").as_str(), "C1");
        let arn = ZoneId::new("Z1").arn("aws");
        assert_eq!(arn, "arn:aws:route53:::hostedzone/Z1");
        assert_eq!(ZoneId::of_arn(&arn), Some(ZoneId::new("Z1")));
        assert_eq!(ZoneId::of_arn("arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/1"), None);
    }
}
