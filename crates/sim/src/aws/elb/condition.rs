//! Conditions of rules: which requests a rule is for.
//!
//! Hosts and paths are understood in full. The requests of this world are GETs without query and without headers of
//! their own, from addresses that nobody can name: conditions on those fields are matched accordingly.

use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;

/// Values that all conditions of a rule may have together.
const MOST_VALUES: usize = 5;
/// The longest value.
const LONGEST_VALUE: usize = 128;

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
            if !plain.is_empty() && !configured.is_empty() && plain != configured {
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
            if condition.values.is_empty() || condition.values.iter().any(String::is_empty) {
                return Err(Refusal::invalid(format!("A '{word}' condition value can't be empty")));
            }
            if let Some(long) = condition.values.iter().find(|value| value.len() > LONGEST_VALUE) {
                return Err(Refusal::invalid(format!(
                    "Condition value '{long}' is longer than {LONGEST_VALUE} characters"
                )));
            }
        }
        let values: usize = conditions.iter().map(|condition| condition.values.len()).sum();
        if values > MOST_VALUES {
            return Err(Refusal::invalid(format!(
                "Rules can have up to '{MOST_VALUES}' condition values, not {values}"
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

    /// Whether a request to this host and path is one of those it is for.
    pub(crate) fn matches(&self, host: &str, path: &str) -> bool {
        match self.field {
            Field::HostHeader => {
                let host = host.to_ascii_lowercase();
                self.values.iter().any(|pattern| wildcard(&pattern.to_ascii_lowercase(), &host))
            }
            Field::PathPattern => self.values.iter().any(|pattern| wildcard(pattern, path)),
            Field::HttpRequestMethod => self.values.iter().any(|method| method == "GET"),
            Field::SourceIp => self.values.iter().any(|network| network.ends_with("/0")),
            Field::HttpHeader | Field::QueryString => false,
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for any characters and `?` for exactly one.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last star stood, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, read));
            at += 1;
        } else if pattern.get(at).is_some_and(|letter| *letter == '?' || *letter == text[read]) {
            at += 1;
            read += 1;
        } else if let Some((place, taken)) = star {
            star = Some((place, taken + 1));
            at = place + 1;
            read = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests;
