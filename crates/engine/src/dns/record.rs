//! Record sets, as Route 53 has them.

use std::fmt;

use smol_str::SmolStr;

use super::name::DnsName;

/// What the console of AWS puts before the name of a balancer, which answers for both families of addresses then.
const DUAL_STACK: &str = "dualstack.";

/// One record set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordSet {
    /// Its name.
    pub name: DnsName,
    /// Its type.
    pub kind: RecordType,
    /// By what Route 53 chooses it among those of the same name and type.
    pub routing: Routing,
    /// What it answers.
    pub content: Content,
    /// The health check that must pass for it to be answered.
    pub health_check: Option<SmolStr>,
}

/// The type of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// Addresses of version 4.
    A,
    /// Addresses of version 6.
    Aaaa,
    /// Another name for the whole name.
    Cname,
    /// A delegation.
    Ns,
    /// Text.
    Txt,
    /// Any other, as AWS writes it.
    Other(SmolStr),
}

/// By what Route 53 chooses a record set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Routing {
    /// It is the only one of its name and type.
    Simple,
    /// By weight.
    Weighted {
        /// What tells it from the others.
        identifier: SmolStr,
        /// From 0 to 255.
        weight: u16,
    },
    /// By another policy: latency, failover, location and the like.
    Other {
        /// What tells it from the others.
        identifier: SmolStr,
        /// The policy in a word.
        policy: SmolStr,
    },
}

/// What a record set answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// What another name answers.
    Alias(Alias),
    /// These values.
    Values {
        /// How long resolvers keep them, in seconds.
        ttl: u32,
        /// The values, as Route 53 writes them.
        values: Vec<String>,
    },
}

/// Another name whose answers are given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias {
    /// The zone of that name: of a balancer, the one that ELB itself tells.
    pub zone: SmolStr,
    /// The name.
    pub target: DnsName,
    /// Whether the record counts as unhealthy when the target does.
    pub evaluate_target_health: bool,
}

impl RecordSet {
    /// The identifier among those of the same name and type; empty where it is the only one.
    pub fn identifier(&self) -> &str {
        match &self.routing {
            Routing::Simple => "",
            Routing::Weighted { identifier, .. } | Routing::Other { identifier, .. } => identifier,
        }
    }

    /// Its weight, where it has one.
    pub fn weight(&self) -> Option<u16> {
        if let Routing::Weighted { weight, .. } = &self.routing { Some(*weight) } else { None }
    }

    /// It with weight 0; `None` where it has no weight.
    pub fn without_weight(&self) -> Option<Self> {
        let Routing::Weighted { identifier, .. } = &self.routing else { return None };
        Some(Self { routing: Routing::Weighted { identifier: identifier.clone(), weight: 0 }, ..self.clone() })
    }

    /// What it is an alias of, where it is one.
    pub fn alias(&self) -> Option<&Alias> {
        if let Content::Alias(alias) = &self.content { Some(alias) } else { None }
    }

    /// How many `ResourceRecord` elements it counts as in a batch; an alias counts as one.
    pub fn elements(&self) -> usize {
        match &self.content {
            Content::Alias(_) => 1,
            Content::Values { values, .. } => values.len(),
        }
    }

    /// How many characters its values have in a batch.
    pub fn characters(&self) -> usize {
        match &self.content {
            Content::Alias(_) => 0,
            Content::Values { values, .. } => values.iter().map(|value| value.chars().count()).sum(),
        }
    }
}

impl RecordType {
    /// Takes a type as AWS writes it.
    pub fn new(text: &str) -> Self {
        match text {
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "CNAME" => Self::Cname,
            "NS" => Self::Ns,
            "TXT" => Self::Txt,
            other => Self::Other(other.into()),
        }
    }

    /// The type as AWS writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Ns => "NS",
            Self::Txt => "TXT",
            Self::Other(text) => text,
        }
    }

    /// Whether clients find addresses by it.
    pub fn is_address(&self) -> bool {
        matches!(self, Self::A | Self::Aaaa)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Alias {
    /// Whether both answer the same: the console writes `dualstack.` before the names of balancers, and it is no difference.
    pub fn has_same_target(&self, other: &Self) -> bool {
        self.zone == other.zone && self.bare_target() == other.bare_target()
    }

    /// Whether it answers what a name answers.
    pub fn leads_to(&self, name: &DnsName) -> bool {
        self.bare_target() == bare(name)
    }

    fn bare_target(&self) -> &str {
        bare(&self.target)
    }
}

fn bare(name: &DnsName) -> &str {
    name.as_str().strip_prefix(DUAL_STACK).unwrap_or(name.as_str())
}
