//! Durations as people write them in manifests: `30s`, `10m`, `1h30m`, `7d`.
//!
//! Whole seconds, so that what is printed is what was meant.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A span of time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    seconds: u32,
}

/// What the schema lets through: units from long to short, each at most once, at least one. What the API server says of
/// everything else is a rule with a message, since a pattern would only show itself.
const FORM: &str = "self.matches('^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$')";
const FORM_MESSAGE: &str = "a duration is a number with a unit, such as 30s, 10m, 1h30m or 7d";

/// Of these, what fits into the seconds of a [`Duration`].
const FITTING: &str = "self.matches('^([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$')";
const FITTING_MESSAGE: &str =
    "the duration is too long; the longest that can be written are 9999d, 99999h, 99999m and 99999s";

/// A duration that fits, in seconds.
const SECONDS: &str = "int('0' + self.find('[0-9]+d').replace('d', '')) * 86400 \
                       + int('0' + self.find('[0-9]+h').replace('h', '')) * 3600 \
                       + int('0' + self.find('[0-9]+m').replace('m', '')) * 60 \
                       + int('0' + self.find('[0-9]+s').replace('s', ''))";

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
            "x-kubernetes-validations": [
                {"rule": FORM, "message": FORM_MESSAGE},
                {"rule": format!("!{FORM} || {FITTING}"), "message": FITTING_MESSAGE},
            ],
        })
    }
}

/// The schema of a duration that is neither shorter nor longer than so many seconds.
pub(crate) struct Within<const LEAST: u32, const MOST: u32>;

impl<const LEAST: u32, const MOST: u32> JsonSchema for Within<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("DurationFrom{LEAST}To{MOST}").into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Duration::json_schema(generator);
        let (least, most) = (Duration::from_secs(LEAST), Duration::from_secs(MOST));
        let rule = json!({
            "rule": format!("!{FITTING} || [{SECONDS}].all(seconds, seconds >= {LEAST} && seconds <= {MOST})"),
            "message": format!("a duration from {least} to {most} is needed here"),
        });
        let rules = schema.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut);
        if let Some(rules) = rules {
            rules.push(rule);
        }
        schema
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
