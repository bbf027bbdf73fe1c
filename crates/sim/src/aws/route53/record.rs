//! Records: what stands at a name for one type, alone or as one of several by a policy.

use std::fmt;
use std::sync::Arc;

use super::super::xml::Xml;
use super::super::xml::element::Element;
use super::name::DnsName;

/// The types of records, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// An address of version 4.
    A,
    /// An address of version 6.
    Aaaa,
    /// Who may give certificates.
    Caa,
    /// Another name.
    Cname,
    /// What signs a zone below.
    Ds,
    /// Where a service of HTTPS is.
    Https,
    /// Who takes mail.
    Mx,
    /// A rule that rewrites names.
    Naptr,
    /// The name servers of a zone.
    Ns,
    /// The name of an address.
    Ptr,
    /// The head of a zone.
    Soa,
    /// Who may send mail, as it was once written.
    Spf,
    /// Where a service is.
    Srv,
    /// The fingerprint of a host.
    Sshfp,
    /// Where a service is, with parameters.
    Svcb,
    /// The certificate of a service.
    Tlsa,
    /// A text.
    Txt,
}

impl RecordType {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::A,
        Self::Aaaa,
        Self::Caa,
        Self::Cname,
        Self::Ds,
        Self::Https,
        Self::Mx,
        Self::Naptr,
        Self::Ns,
        Self::Ptr,
        Self::Soa,
        Self::Spf,
        Self::Srv,
        Self::Sshfp,
        Self::Svcb,
        Self::Tlsa,
        Self::Txt,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Ds => "DS",
            Self::Https => "HTTPS",
            Self::Mx => "MX",
            Self::Naptr => "NAPTR",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Spf => "SPF",
            Self::Srv => "SRV",
            Self::Sshfp => "SSHFP",
            Self::Svcb => "SVCB",
            Self::Tlsa => "TLSA",
            Self::Txt => "TXT",
        }
    }

    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == name)
    }

    /// Whether clients of a service are led by it.
    pub(super) fn leads(self) -> bool {
        matches!(self, Self::A | Self::Aaaa | Self::Cname)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// A name and a type, for which there is one record or a set of them.
pub(super) type SetKey = (DnsName, RecordType);

/// A record among all of a zone, in the order in which they are listed.
pub(super) type RecordKey = (DnsName, RecordType, Option<String>);

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: DnsName,
    pub(super) kind: RecordType,
    /// What tells it from others of its name and type; `None` where there is no other.
    pub(super) identifier: Option<String>,
    pub(super) policy: Policy,
    pub(super) content: Content,
    pub(super) health_check: Option<String>,
}

/// By what one of several records is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// There is no other.
    Simple,
    Weighted(u32),
    /// The region with the least latency.
    Latency(String),
    /// The place where the client is.
    Geo(Element),
    Failover(FailoverRole),
    /// Several at once.
    MultiValue,
    /// How near the client is.
    Proximity(Element),
}

/// Which of two records comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailoverRole {
    Primary,
    Secondary,
}

impl FailoverRole {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Secondary => "SECONDARY",
        }
    }
}

impl Policy {
    /// How AWS calls a set of them.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Weighted(_) => "weighted",
            Self::Latency(_) => "latency",
            Self::Geo(_) => "geolocation",
            Self::Failover(_) => "failover",
            Self::MultiValue => "multivalue answer",
            Self::Proximity(_) => "geoproximity",
        }
    }

    pub(super) fn is_like(&self, other: &Policy) -> bool {
        self.word() == other.word()
    }

    /// Whether two of a set exclude each other beside having the same identifier.
    pub(super) fn clashes_with(&self, other: &Policy) -> bool {
        match self {
            Self::Latency(_) | Self::Geo(_) | Self::Failover(_) | Self::Proximity(_) => self == other,
            Self::Simple | Self::Weighted(_) | Self::MultiValue => false,
        }
    }

    fn xml(&self) -> Option<Xml> {
        Some(match self {
            Self::Simple => return None,
            Self::Weighted(weight) => Xml::text("Weight", weight),
            Self::Latency(region) => Xml::text("Region", region),
            Self::Geo(place) | Self::Proximity(place) => place.xml(),
            Self::Failover(role) => Xml::text("Failover", role.word()),
            Self::MultiValue => Xml::text("MultiValueAnswer", true),
        })
    }
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// These values, which may be kept for some seconds.
    Plain { ttl: u32, values: Vec<String> },
    /// What another name says.
    Alias { zone: String, target: DnsName, evaluates: bool },
}

impl Content {
    /// What it says besides the health that it looks at, whatever the order of values.
    pub(super) fn says_the_same(&self, other: &Content) -> bool {
        match (self, other) {
            (Self::Plain { ttl, values }, Self::Plain { ttl: other_ttl, values: others }) => {
                let sorted = |values: &[String]| {
                    let mut values = values.to_vec();
                    values.sort();
                    values
                };
                ttl == other_ttl && sorted(values) == sorted(others)
            }
            (Self::Alias { zone, target, .. }, Self::Alias { zone: other_zone, target: other, .. }) => {
                zone == other_zone && target == other
            }
            _ => false,
        }
    }
}

impl Record {
    pub(super) fn key(&self) -> RecordKey {
        (self.name.clone(), self.kind, self.identifier.clone())
    }

    pub(super) fn set(&self) -> SetKey {
        (self.name.clone(), self.kind)
    }

    /// A record without a policy.
    pub(super) fn simple(name: &DnsName, kind: RecordType, ttl: u32, values: Vec<String>) -> Self {
        let content = Content::Plain { ttl, values };
        Self { name: name.clone(), kind, identifier: None, policy: Policy::Simple, content, health_check: None }
    }

    pub(super) fn describe(&self) -> Vec<Xml> {
        let mut elements = vec![Xml::text("Name", &self.name), Xml::text("Type", self.kind)];
        elements.extend(self.identifier.iter().map(|identifier| Xml::text("SetIdentifier", identifier)));
        elements.extend(self.policy.xml());
        match &self.content {
            Content::Plain { ttl, values } => {
                elements.push(Xml::text("TTL", ttl));
                let value = |value: &String| Xml::of("ResourceRecord", vec![Xml::text("Value", value)]);
                elements.push(Xml::of("ResourceRecords", values.iter().map(value).collect()));
            }
            Content::Alias { zone, target, evaluates } => {
                let target = vec![
                    Xml::text("HostedZoneId", zone),
                    Xml::text("DNSName", target),
                    Xml::text("EvaluateTargetHealth", evaluates),
                ];
                elements.push(Xml::of("AliasTarget", target));
            }
        }
        elements.extend(self.health_check.iter().map(|check| Xml::text("HealthCheckId", check)));
        elements
    }
}

/// A set of records as a name server has it: those of one name and type.
pub(super) type RecordSet = Arc<[Arc<Record>]>;
