//! Conditions of rules: which requests a rule is for.
//!
//! All fields are understood; expressions (`RegexValues`) are not, and match nothing.

use std::net::IpAddr;

use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::request::{HttpRequest, fits, fits_escaped, fits_in_any_case, is_in};

/// Values that all conditions of a rule may have together.
const MOST_VALUES: usize = 5;
/// Wildcards that all conditions of a rule may have together.
const MOST_WILDCARDS: usize = 5;
/// The longest value.
const LONGEST_VALUE: usize = 128;
/// The longest name of a header, and the longest method.
const LONGEST_NAME: usize = 40;

/// One condition, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    field: Field,
    values: Vec<String>,
    /// The settings of fields other than host and path, as they were written.
    settings: Option<Form>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    HostHeader,
    PathPattern,
    HttpHeader,
    HttpRequestMethod,
    QueryString,
    SourceIp,
}

impl Field {
    fn parse(word: &str) -> Result<Self, Refusal> {
        match word {
            "host-header" => Ok(Self::HostHeader),
            "path-pattern" => Ok(Self::PathPattern),
            "http-header" => Ok(Self::HttpHeader),
            "http-request-method" => Ok(Self::HttpRequestMethod),
            "query-string" => Ok(Self::QueryString),
            "source-ip" => Ok(Self::SourceIp),
            other => Err(Refusal::invalid(format!(
                "Condition field '{other}' must be one of '[path-pattern, host-header, http-header, \
                 http-request-method, query-string, source-ip]'"
            ))),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::HostHeader => "host-header",
            Self::PathPattern => "path-pattern",
            Self::HttpHeader => "http-header",
            Self::HttpRequestMethod => "http-request-method",
            Self::QueryString => "query-string",
            Self::SourceIp => "source-ip",
        }
    }

    fn settings_field(self) -> &'static str {
        match self {
            Self::HostHeader => "HostHeaderConfig",
            Self::PathPattern => "PathPatternConfig",
            Self::HttpHeader => "HttpHeaderConfig",
            Self::HttpRequestMethod => "HttpRequestMethodConfig",
            Self::QueryString => "QueryStringConfig",
            Self::SourceIp => "SourceIpConfig",
        }
    }

    /// Whether a rule can have only one condition on it.
    fn is_single(self) -> bool {
        !matches!(self, Self::HttpHeader | Self::QueryString)
    }

    /// Whether values may also be written beside the settings, as was the only way once.
    fn has_plain_values(self) -> bool {
        matches!(self, Self::HostHeader | Self::PathPattern)
    }
}

impl Condition {
    /// A condition on the host.
    pub(crate) fn hosts(values: &[&str]) -> Self {
        Self::plain(Field::HostHeader, values)
    }

    /// A condition on the path.
    pub(crate) fn paths(values: &[&str]) -> Self {
        Self::plain(Field::PathPattern, values)
    }

    fn plain(field: Field, values: &[&str]) -> Self {
        Self { field, values: values.iter().map(|value| (*value).to_owned()).collect(), settings: None }
    }

    /// Reads the conditions of a request.
    pub(crate) fn read_all(members: &[&Form]) -> Result<Vec<Self>, Refusal> {
        let conditions = members.iter().map(|form| Self::read(form)).collect::<Result<Vec<_>, _>>()?;
        Self::check_all(&conditions)?;
        Ok(conditions)
    }

    fn read(form: &Form) -> Result<Self, Refusal> {
        let field = Field::parse(form.required("Field")?)?;
        let settings = form.field(field.settings_field());
        let plain = form.texts("Values");
        if field.has_plain_values() {
            let configured = settings.map(|settings| settings.texts("Values")).unwrap_or_default();
            if !plain.is_empty() && !configured.is_empty() {
                return Err(Refusal::invalid(format!(
                    "You can specify values of a '{}' condition either in Values or in {}, not in both",
                    field.word(),
                    field.settings_field()
                )));
            }
            let values = if configured.is_empty() { plain } else { configured };
            return Ok(Self::plain(field, &values));
        }
        let settings = settings.cloned().ok_or_else(|| {
            Refusal::invalid(format!(
                "A condition on '{}' must have its values in {}",
                field.word(),
                field.settings_field()
            ))
        })?;
        let values = match field {
            Field::QueryString => {
                settings.list("Values").iter().map(|pair| pair.required("Value")).collect::<Result<_, _>>()?
            }
            _ => settings.texts("Values"),
        };
        if field == Field::HttpHeader {
            settings.required("HttpHeaderName")?;
        }
        Ok(Self { field, values: values.into_iter().map(str::to_owned).collect(), settings: Some(settings) })
    }

    /// What AWS asks of the conditions of one rule together.
    pub(crate) fn check_all(conditions: &[Self]) -> Result<(), Refusal> {
        if conditions.is_empty() {
            return Err(Refusal::invalid("A condition must be specified"));
        }
        for (place, condition) in conditions.iter().enumerate() {
            let word = condition.field.word();
            let again = conditions[..place].iter().any(|other| other.field == condition.field);
            if again && condition.field.is_single() {
                return Err(Refusal::invalid(format!("A rule can only have one '{word}' condition")));
            }
            condition.check()?;
        }
        let values: usize = conditions.iter().map(|condition| condition.values.len()).sum();
        if values > MOST_VALUES {
            return Err(Refusal::invalid(format!(
                "Rules can have up to '{MOST_VALUES}' condition values, not {values}"
            )));
        }
        let wildcards: usize = conditions.iter().map(Self::wildcards).sum();
        if wildcards > MOST_WILDCARDS {
            return Err(Refusal::invalid(format!(
                "Rules can have up to '{MOST_WILDCARDS}' wildcards in their conditions, not {wildcards}"
            )));
        }
        Ok(())
    }

    /// As AWS describes it: hosts and paths stand in two places.
    pub(crate) fn describe(&self) -> Vec<Xml> {
        let mut elements = vec![Xml::text("Field", self.field.word())];
        if let Some(settings) = &self.settings {
            elements.push(settings.xml(self.field.settings_field()));
        } else {
            elements.push(Xml::texts("Values", &self.values));
            elements.push(Xml::of(self.field.settings_field(), vec![Xml::texts("Values", &self.values)]));
        }
        elements
    }

    /// Whether a request is one of those it is for.
    pub(crate) fn matches(&self, request: &HttpRequest) -> bool {
        let setting = |name: &str| self.settings.as_ref().and_then(|settings| settings.text(name)).unwrap_or_default();
        let any = |fits: &dyn Fn(&str) -> bool| self.values.iter().any(|value| fits(value));
        match self.field {
            Field::HostHeader => any(&|pattern| fits_in_any_case(pattern, &request.host)),
            Field::PathPattern => any(&|pattern| fits(pattern, &request.path)),
            Field::HttpRequestMethod => any(&|method| method == request.method),
            Field::SourceIp => any(&|network| is_in(network, request.source) == Some(true)),
            Field::HttpHeader => request
                .headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(setting("HttpHeaderName")))
                .any(|(_, value)| any(&|pattern| fits_in_any_case(pattern, value))),
            Field::QueryString => self.pairs().iter().any(|(key, value)| {
                let fits = |(its_key, its_value): &(String, String)| {
                    key.is_none_or(|key| fits_escaped(key, its_key)) && fits_escaped(value, its_value)
                };
                request.query.iter().any(fits)
            }),
        }
    }

    /// The pairs of a condition on the query; the key may be missing.
    fn pairs(&self) -> Vec<(Option<&str>, &str)> {
        let pairs = self.settings.as_ref().map(|settings| settings.list("Values")).unwrap_or_default();
        pairs.into_iter().map(|pair| (pair.text("Key"), pair.text("Value").unwrap_or_default())).collect()
    }

    /// What AWS asks of one condition.
    fn check(&self) -> Result<(), Refusal> {
        let word = self.field.word();
        if self.values.is_empty() || self.values.iter().any(String::is_empty) {
            return Err(Refusal::invalid(format!("A '{word}' condition value can't be empty")));
        }
        let keys = self.pairs().into_iter().filter_map(|(key, _)| key.filter(|_| self.field == Field::QueryString));
        let most = if self.field == Field::HttpRequestMethod { LONGEST_NAME } else { LONGEST_VALUE };
        if let Some(long) = self.values.iter().map(String::as_str).chain(keys).find(|value| value.len() > most) {
            return Err(Refusal::invalid(format!("Condition value '{long}' is longer than {most} characters")));
        }
        let is_method =
            |value: &String| value.chars().all(|letter| letter.is_ascii_uppercase() || "-_".contains(letter));
        let wrong = match self.field {
            Field::HttpRequestMethod => self.values.iter().find(|value| !is_method(value)),
            Field::SourceIp => self.values.iter().find(|value| is_in(value, IpAddr::from([0, 0, 0, 0])).is_none()),
            Field::HostHeader | Field::PathPattern | Field::HttpHeader | Field::QueryString => None,
        };
        if let Some(wrong) = wrong {
            return Err(Refusal::invalid(format!("The value '{wrong}' is not valid for a '{word}' condition")));
        }
        let settings = self.settings.as_ref().filter(|_| self.field == Field::HttpHeader);
        let name = settings.and_then(|settings| settings.text("HttpHeaderName")).unwrap_or_default();
        if name.len() > LONGEST_NAME || name.contains(['*', '?']) || name.eq_ignore_ascii_case("host") {
            return Err(Refusal::invalid(format!("The HTTP header name '{name}' is not valid")));
        }
        Ok(())
    }

    /// How many wildcards are in the values.
    fn wildcards(&self) -> usize {
        let count = |text: &str| text.chars().filter(|letter| "*?".contains(*letter)).count();
        match self.field {
            Field::HostHeader | Field::PathPattern | Field::HttpHeader => {
                self.values.iter().map(|value| count(value)).sum()
            }
            Field::QueryString => {
                let plain = |text: &str| count(&text.replace(r"\*", "").replace(r"\?", ""));
                self.pairs().iter().map(|(key, value)| key.map_or(0, plain) + plain(value)).sum()
            }
            Field::HttpRequestMethod | Field::SourceIp => 0,
        }
    }
}

#[cfg(test)]
mod tests;
