//! The questions about AWS, each declared once: what is asked, by which key, what is found, and how a decision looks
//! it up.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::dns::{ChangeId, ChangeSync, HostedZone, NameInZone, RecordSet, ZoneId};

use super::{
    Arn, AwsError, Balancer, BalancerAttributes, GroupAttributes, Health, Listener, Requests, Rule, Tags, TargetGroup,
};

/// Names a resource by its ARN or by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// By ARN.
    Arn(Arn),
    /// By name, unique in account and region.
    Name(String),
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arn(arn) => arn.fmt(formatter),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

/// Which requests are counted: those that a balancer has sent to one of its target groups, or to all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestCount {
    /// The balancer.
    pub balancer: Arn,
    /// The group; `None` for all of them.
    pub group: Option<Arn>,
}

/// The answer to a [`Query`]. A failed read is an answer too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// When the request was sent: everything that AWS had settled before this instant is in it.
    pub at: Timestamp,
    /// What was found, or why nothing was.
    pub found: Result<Found, Box<AwsError>>,
}

impl Fact {
    /// A fact by what was found, or by why nothing was.
    pub fn new(at: Timestamp, found: Result<impl Into<Found>, AwsError>) -> Self {
        Self { at, found: found.map(Into::into).map_err(Box::new) }
    }

    /// A fact by why nothing was found.
    pub fn failed(at: Timestamp, error: AwsError) -> Self {
        Self { at, found: Err(Box::new(error)) }
    }

    /// The answer where requests were not counted yet.
    pub fn uncounted() -> Self {
        Self::new(Timestamp::MIN, Ok(None::<Requests>))
    }

    /// Why nothing was found, where nothing was.
    pub fn failure(&self) -> Option<&AwsError> {
        self.found.as_ref().err().map(Box::as_ref)
    }

    /// It as one who knows what was asked reads it; `None` where something else was found.
    pub fn reading<T: Finding>(&self) -> Option<Reading<'_, T>> {
        let found = match &self.found {
            Ok(found) => Ok(T::of(found)?),
            Err(error) => Err(error.as_ref()),
        };
        Some(Reading { at: self.at, found })
    }
}

/// A [`Fact`] of which it is known what was asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading<'a, T> {
    /// When the request was sent.
    pub at: Timestamp,
    /// What was found, or why nothing was.
    pub found: Result<&'a T, &'a AwsError>,
}

/// What a question finds. Each question finds something of a type of its own.
pub trait Finding: Sized {
    /// It, where this is what was found.
    fn of(found: &Found) -> Option<&Self>;
}

/// The questions: each with its key, what is found, and the name by which a decision looks it up. They are handed to another
/// macro, which makes something of each.
macro_rules! questions {
    ($make:ident) => {
        $make! {
            /// A balancer.
            Balancer(by: By) -> Balancer, balancer;
            /// The attributes of a balancer.
            BalancerAttributes(balancer: Arn) -> BalancerAttributes, balancer_attributes;
            /// All listeners of a balancer.
            Listeners(balancer: Arn) -> Vec<Listener>, listeners;
            /// All rules of a listener, the default one included.
            Rules(listener: Arn) -> Vec<Rule>, rules;
            /// A target group.
            Group(by: By) -> TargetGroup, group;
            /// The attributes of a target group.
            Attributes(group: Arn) -> GroupAttributes, attributes;
            /// The health of the targets of a group.
            Health(group: Arn) -> Health, health;
            /// The tags of a resource.
            Tags(resource: Arn) -> Tags, tags;
            /// A hosted zone of Route 53.
            Zone(zone: ZoneId) -> HostedZone, zone;
            /// All records at a name of a zone, of whatever type; none where nothing stands there.
            Records(at: NameInZone) -> Vec<RecordSet>, records;
            /// How far a change of a zone has come.
            Change(change: ChangeId) -> ChangeSync, change;
            /// Requests as they were last counted; `None` while they were not. No call answers it: counting goes on beside
            /// the ticks, see [`crate::route::share`].
            Requests(counted: RequestCount) -> Option<Requests>, requests;
        }
    };
}
pub(crate) use questions;

macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident($key:ident: $key_type:ty) -> $found:ty, $look_up:ident;)+) => {
        /// One question about AWS.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Query {$(
            $(#[$doc])*
            $name($key_type),
        )+}

        /// What a [`Query`] of the same name finds. It is shared by all who look at it.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Found {$(
            $(#[$doc])*
            $name(Arc<$found>),
        )+}

        impl Fact {
            /// Whether it can be the answer to a question.
            pub fn answers(&self, query: &Query) -> bool {
                matches!((query, &self.found), (_, Err(_)) $(| (Query::$name(_), Ok(Found::$name(_))))+)
            }
        }

        $(
            impl From<$found> for Found {
                fn from(found: $found) -> Self {
                    Self::$name(Arc::new(found))
                }
            }

            impl Finding for $found {
                fn of(found: &Found) -> Option<&Self> {
                    if let Found::$name(found) = found { Some(found) } else { None }
                }
            }
        )+
    };
}

questions!(declare);

impl Query {
    /// Whether it names something by what is unique in one account and region only. An ARN says itself where it is.
    pub fn is_by_name(&self) -> bool {
        match self {
            Self::Balancer(by) | Self::Group(by) => matches!(by, By::Name(_)),
            Self::BalancerAttributes(_)
            | Self::Listeners(_)
            | Self::Rules(_)
            | Self::Attributes(_)
            | Self::Health(_)
            | Self::Tags(_)
            | Self::Zone(_)
            | Self::Records(_)
            | Self::Change(_)
            | Self::Requests(_) => false,
        }
    }
}
