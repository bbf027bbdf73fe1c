//! Durations as people write them in manifests: `30s`, `10m`, `1h30m`, `7d`.
//!
//! Whole seconds, so that what is printed is what was meant.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A span of time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    seconds: u32,
}

/// What the schema lets through: units from long to short, each at most once, at least one. The longest that it lets
/// through fits into the seconds of a [`Duration`].
const RULE: &str = "self.matches('^([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$')";

/// What the API server says of everything else: a rule with a message, since a pattern would only show itself.
const MESSAGE: &str = "a duration is a number with a unit, such as 30s, 10m, 1h30m or 7d";

impl Duration {
    /// A span of so many seconds.
    pub const fn from_secs(seconds: u32) -> Self {
        Self { seconds }
    }

    /// The span in seconds.
    pub const fn as_secs(self) -> u32 {
        self.seconds
    }
}

impl From<Duration> for jiff::SignedDuration {
    fn from(duration: Duration) -> Self {
        Self::from_secs(i64::from(duration.seconds))
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("found the duration {text:?}; expected a number with a unit, such as 30s, 10m, 1h30m or 7d");
        let mut seconds: u64 = 0;
        let mut rest = text;
        for (unit, length) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
            let Some((digits, after)) = rest.split_once(unit) else { continue };
            if digits.is_empty() || digits.len() > 5 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(refuse());
            }
            seconds += digits.parse::<u64>().map_err(|_| refuse())? * length;
            rest = after;
        }
        if text.is_empty() || !rest.is_empty() {
            return Err(refuse());
        }
        u32::try_from(seconds).map(Self::from_secs).map_err(|_| refuse())
    }
}

impl TryFrom<String> for Duration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds == 0 {
            return formatter.write_str("0s");
        }
        let mut left = self.seconds;
        for (unit, length) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
            if left >= length {
                write!(formatter, "{}{unit}", left / length)?;
                left %= length;
            }
        }
        Ok(())
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 2,
            "maxLength": 24,
            "x-kubernetes-validations": [{"rule": RULE, "message": MESSAGE}],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn reads_and_prints_what_people_write() {
        for (text, seconds, printed) in [
            ("30s", 30, "30s"),
            ("10m", 600, "10m"),
            ("1h30m", 5_400, "1h30m"),
            ("7d", 604_800, "7d"),
            ("90s", 90, "1m30s"),
            ("0s", 0, "0s"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!((duration.as_secs(), duration.to_string().as_str()), (seconds, printed), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for text in ["", "10", "m", "10m5", "5s10m", "-3s", "1.5h", "10 m", "1m1m", "99999d99999d"] {
            let error = text.parse::<Duration>().unwrap_err();
            assert!(error.contains("expected a number with a unit"), "{text}: {error}");
        }
    }
}
