//! What a call of `GetMetricData` asks, held to the service's constraints.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::cbor::Cbor;
use super::super::elbv2::Elb;
use super::super::refusal::Refusal;

/// How many queries a call may have.
const MOST_QUERIES: usize = 500;

/// A question.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) queries: Vec<Query>,
    /// Rounded down to the whole minute.
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) descending: bool,
    pub(super) most: Option<usize>,
    pub(super) token: Option<String>,
}

/// One query of it.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) stat: Stat,
    /// In seconds.
    pub(super) period: u32,
    metric: Metric,
}

/// What is told of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stat {
    /// The number of requests.
    Sum,
    /// What each request counts, which is one.
    One,
}

#[derive(Debug)]
struct Metric {
    namespace: String,
    name: String,
    dimensions: BTreeMap<String, String>,
}

type Members = BTreeMap<String, Cbor>;

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

fn members<'a>(value: &'a Cbor, name: &str) -> Result<&'a Members, Refusal> {
    match value {
        Cbor::Map(members) => Ok(members),
        _ => Err(Refusal::new("SerializationException", format!("{name} must be a structure"))),
    }
}

fn text<'a>(members: &'a Members, name: &str) -> Result<Option<&'a str>, Refusal> {
    match members.get(name) {
        None | Some(Cbor::Null) => Ok(None),
        Some(Cbor::Text(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::new("SerializationException", format!("{name} must be a string"))),
    }
}

fn number(members: &Members, name: &str) -> Result<Option<i64>, Refusal> {
    match members.get(name) {
        None | Some(Cbor::Null) => Ok(None),
        Some(Cbor::Int(number)) => Ok(Some(*number)),
        Some(_) => Err(Refusal::new("SerializationException", format!("{name} must be an integer"))),
    }
}

fn list<'a>(members: &'a Members, name: &str) -> Result<&'a [Cbor], Refusal> {
    match members.get(name) {
        None | Some(Cbor::Null) => Ok(&[]),
        Some(Cbor::List(list)) => Ok(list),
        Some(_) => Err(Refusal::new("SerializationException", format!("{name} must be a list"))),
    }
}

fn time(members: &Members, name: &str) -> Result<Timestamp, Refusal> {
    match members.get(name) {
        Some(Cbor::Time(at)) => Ok(*at),
        None | Some(Cbor::Null) => Err(invalid(format!("The parameter {name} is required."))),
        Some(_) => Err(Refusal::new("SerializationException", format!("{name} must be a timestamp"))),
    }
}

impl Question {
    pub(super) fn read(input: &Cbor) -> Result<Self, Refusal> {
        let members = members(input, "GetMetricDataInput")?;
        let queries = list(members, "MetricDataQueries")?;
        if queries.is_empty() {
            return Err(invalid("The parameter MetricDataQueries is required."));
        }
        if queries.len() > MOST_QUERIES {
            return Err(invalid(format!(
                "The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
            )));
        }
        let queries = queries.iter().enumerate().map(|(index, query)| Query::read(index + 1, query));
        let queries: Vec<Query> = queries.collect::<Result<_, _>>()?;
        let ids: BTreeSet<&str> = queries.iter().map(|query| query.id.as_str()).collect();
        if ids.len() < queries.len() {
            return Err(invalid("The values for parameter id in MetricDataQueries are not unique."));
        }
        let (start, end) = (time(members, "StartTime")?, time(members, "EndTime")?);
        if start == end {
            return Err(invalid("The parameter StartTime must not equal parameter EndTime."));
        }
        if start > end {
            return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
        }
        let descending = match text(members, "ScanBy")? {
            None | Some("TimestampDescending") => true,
            Some("TimestampAscending") => false,
            Some(other) => return Err(invalid(format!("The value {other} for parameter ScanBy is not supported."))),
        };
        let most =
            match number(members, "MaxDatapoints")? {
                None => None,
                Some(most) => Some(usize::try_from(most).ok().filter(|most| *most > 0).ok_or_else(|| {
                    invalid(format!("The value {most} for parameter MaxDatapoints must be at least 1."))
                })?),
            };
        let start = Timestamp::from_second(start.as_second() - start.as_second().rem_euclid(60)).unwrap_or(start);
        let token = text(members, "NextToken")?.map(str::to_owned);
        Ok(Self { queries, start, end, descending, most, token })
    }
}

impl Query {
    fn read(place: usize, value: &Cbor) -> Result<Self, Refusal> {
        let name = format!("MetricDataQueries.member.{place}");
        let query = members(value, &name)?;
        let id = text(query, "Id")?.ok_or_else(|| invalid(format!("The parameter {name}.Id is required.")))?;
        let begins_well = id.starts_with(|first: char| first.is_ascii_lowercase());
        if !begins_well || id.len() > 255 || !id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            return Err(invalid(format!(
                "The value {id} for parameter {name}.Id is not matching the expected pattern '^[a-z][a-zA-Z0-9_]*$'."
            )));
        }
        let stat = match (query.get("MetricStat"), text(query, "Expression")?) {
            (Some(stat), None) => members(stat, "MetricStat")?,
            (None, Some(_)) => {
                return Err(invalid(format!("{name} has an Expression; this world has no metric math")));
            }
            _ => {
                return Err(invalid(format!(
                    "Exactly one of the parameters MetricStat and Expression must be given in {name}."
                )));
            }
        };
        let required = |what: &str| invalid(format!("The parameter {name}.MetricStat.{what} is required."));
        let metric = stat.get("Metric").ok_or_else(|| required("Metric"))?;
        let metric = Metric::read(&name, members(metric, "Metric")?)?;
        let period = number(stat, "Period")?.ok_or_else(|| required("Period"))?;
        // Balancers report by the minute; periods below that are for metrics of high resolution.
        let period = u32::try_from(period).ok().filter(|period| *period > 0 && period % 60 == 0).ok_or_else(|| {
            invalid(format!("The value {period} for parameter {name}.MetricStat.Period must be a multiple of 60."))
        })?;
        let stat = match text(stat, "Stat")?.ok_or_else(|| required("Stat"))? {
            "Sum" | "SampleCount" => Stat::Sum,
            "Average" | "Minimum" | "Maximum" => Stat::One,
            other => {
                return Err(invalid(format!(
                    "The value {other} for parameter {name}.MetricStat.Stat is not supported."
                )));
            }
        };
        let label = text(query, "Label")?.unwrap_or(&metric.name).to_owned();
        Ok(Self { id: id.to_owned(), label, stat, period, metric })
    }

    /// The balancer and group, by ARN, whose requests are asked for. Metrics that nobody reports have no data.
    pub(super) fn series(&self, elb: &Elb) -> Option<(String, Option<String>)> {
        let Metric { namespace, name, dimensions } = &self.metric;
        if namespace != "AWS/ApplicationELB" || name != "RequestCount" {
            return None;
        }
        let named = |name: &str| dimensions.get(name).map(String::as_str);
        match (named("LoadBalancer"), named("TargetGroup"), dimensions.len()) {
            (Some(balancer), None, 1) => Some((elb.balancer_by_dimension(balancer)?, None)),
            (Some(balancer), Some(group), 2) => {
                Some((elb.balancer_by_dimension(balancer)?, Some(elb.group_by_dimension(group)?)))
            }
            _ => None,
        }
    }
}

impl Metric {
    fn read(place: &str, members: &Members) -> Result<Self, Refusal> {
        let required = |what: &str| invalid(format!("The parameter {place}.MetricStat.Metric.{what} is required."));
        let name = text(members, "MetricName")?.ok_or_else(|| required("MetricName"))?.to_owned();
        let namespace = text(members, "Namespace")?.ok_or_else(|| required("Namespace"))?.to_owned();
        let given = list(members, "Dimensions")?;
        if given.len() > 30 {
            return Err(invalid("The collection Dimensions must not have a size greater than 30."));
        }
        let mut dimensions = BTreeMap::new();
        for dimension in given {
            let dimension = self::members(dimension, "Dimension")?;
            let name = text(dimension, "Name")?.ok_or_else(|| required("Dimensions.Name"))?;
            let value = text(dimension, "Value")?.ok_or_else(|| required("Dimensions.Value"))?;
            if dimensions.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(invalid(format!("The dimension {name} is given more than once.")));
            }
        }
        Ok(Self { namespace, name, dimensions })
    }
}
