//! The formats of strings and numbers that are checked.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::kube::names;

/// A format that a schema names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Int32,
    Int64,
    Float,
    Double,
    DateTime,
    Date,
    Ipv4,
    Ipv6,
    Uuid,
    ShortName,
    LongName,
    Password,
}

/// What became of a format's name.
pub(super) enum Known {
    Checked(Format),
    /// A real server takes no notice of it either.
    Ignored,
    /// A real server checks it, and this one cannot.
    NotOffered,
}

/// Formats that a real server checks and this one does not know.
const NOT_OFFERED: [&str; 16] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "cidr",
    "mac",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "byte",
    "duration",
    "ssn",
];

impl Format {
    /// Looks up the format `name` for values of the JSON type `kind`.
    pub(super) fn find(kind: &str, name: &str) -> Known {
        let normal = name.replace('-', "");
        let found = match (kind, normal.as_str()) {
            ("integer", "int32") => Self::Int32,
            ("integer", "int64") => Self::Int64,
            ("number", "float") => Self::Float,
            ("number", "double") => Self::Double,
            ("string", "datetime") => Self::DateTime,
            ("string", "date") => Self::Date,
            ("string", "ipv4") => Self::Ipv4,
            ("string", "ipv6") => Self::Ipv6,
            ("string", "uuid") => Self::Uuid,
            ("string", "k8sshortname") => Self::ShortName,
            ("string", "k8slongname") => Self::LongName,
            ("string", "password") => Self::Password,
            ("string", other) if NOT_OFFERED.contains(&other) => return Known::NotOffered,
            _ => return Known::Ignored,
        };
        Known::Checked(found)
    }

    /// The name that messages use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float => "float",
            Self::Double => "double",
            Self::DateTime => "date-time",
            Self::Date => "date",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Uuid => "uuid",
            Self::ShortName => "k8s-short-name",
            Self::LongName => "k8s-long-name",
            Self::Password => "password",
        }
    }

    /// Whether it is a format of numbers.
    pub(super) fn is_numeric(self) -> bool {
        matches!(self, Self::Int32 | Self::Int64 | Self::Float | Self::Double)
    }

    /// Whether a string has this format.
    pub(super) fn admits(self, text: &str) -> bool {
        match self {
            Self::DateTime => is_date_time(text),
            Self::Date => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uuid => is_uuid(text),
            Self::ShortName => names::dns_label(text).is_empty(),
            Self::LongName => names::subdomain(text).is_empty(),
            Self::Password | Self::Int32 | Self::Int64 | Self::Float | Self::Double => true,
        }
    }

    /// Whether a number is in the range of this format; an integer without a format has that of 64 bits.
    pub(super) fn holds(self, number: &Value) -> bool {
        match self {
            Self::Int32 => whole(number).is_some_and(|number| i32::try_from(number).is_ok()),
            Self::Int64 => whole(number).is_some(),
            Self::Float => number.as_f64().is_some_and(|number| number.abs() <= f64::from(f32::MAX)),
            _ => true,
        }
    }
}

/// The value of a JSON number that is a whole one, however it is written.
pub(in crate::kube) fn whole(number: &Value) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        let in_range = float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and within 53 bits")]
        in_range.then_some(float as i64)
    })
}

/// RFC 3339, with `T` and `Z` in either case.
fn is_date_time(text: &str) -> bool {
    let upper = text.to_uppercase();
    let Some((date, time)) = upper.split_once('T') else {
        return false;
    };
    let has_zone = time.ends_with('Z') || time.len() > 6 && time.as_bytes()[time.len() - 3] == b':';
    date.len() == 10 && has_zone && time.len() >= 9 && upper.parse::<jiff::Timestamp>().is_ok()
}

fn is_uuid(text: &str) -> bool {
    let hex: String = text.chars().filter(|letter| *letter != '-').collect();
    hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}
