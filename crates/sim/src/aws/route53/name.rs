//! Domain names as Route 53 keeps them: in small letters, with a dot at the end, and with all but letters, digits, hyphens
//! and underscores as octal escapes (`*` is `\052`); in the order in which it lists them, labels reversed.
//!
//! Source: "DNS domain name format" in the guide of Route 53, and `ListResourceRecordSets` in its API reference.

use std::fmt;
use std::sync::Arc;

/// The most characters of a label, and of a name.
const LABEL: usize = 63;
const NAME: usize = 255;
/// An asterisk.
const ANY: &str = "\\052";

/// A domain name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DnsName {
    /// The labels from the root on, each with a dot behind it: names are in the order of these.
    key: Arc<str>,
    text: Arc<str>,
}

impl DnsName {
    /// Reads a name as it is given, escaped or not, with a dot at the end or not. The error is AWS's word for what is wrong.
    pub(crate) fn parse(given: &str) -> Result<Self, String> {
        let wrong = |what: &str, why: &str| format!("FATAL problem: {what} ({why}) encountered with '{given}'");
        let name = given.strip_suffix('.').filter(|rest| !rest.ends_with('\\')).unwrap_or(given);
        if name.is_empty() {
            return Err(wrong("DomainNameEmpty", "Domain name is empty"));
        }
        let (mut labels, mut size) = (vec![Vec::new()], 0);
        let mut letters = name.bytes();
        while let Some(letter) = letters.next() {
            let letter = match letter {
                b'.' => {
                    labels.push(Vec::new());
                    continue;
                }
                b'\\' => {
                    let code = [letters.next(), letters.next(), letters.next()];
                    escaped(code).ok_or_else(|| wrong("InvalidEscape", "Escape code is not three octal digits"))?
                }
                letter if letter.is_ascii_graphic() => letter,
                _ => return Err(wrong("UnsupportedCharacter", "Value contains unsupported characters")),
            };
            if let Some(label) = labels.last_mut() {
                label.push(letter.to_ascii_lowercase());
            }
            size += 1;
        }
        if labels.iter().any(Vec::is_empty) {
            return Err(wrong("DomainLabelEmpty", "Domain label is empty"));
        }
        if labels.iter().any(|label| label.len() > LABEL) {
            return Err(wrong("DomainLabelTooLong", "Domain label is too long"));
        }
        if size + labels.len() + 1 > NAME {
            return Err(wrong("DomainNameTooLong", "Domain name is too long"));
        }
        Ok(Self::of(&labels.iter().map(|label| written(label)).collect::<Vec<_>>()))
    }

    fn of(labels: &[String]) -> Self {
        let whole = |labels: &mut dyn Iterator<Item = &String>| {
            labels.fold(String::new(), |text, label| format!("{text}{label}."))
        };
        Self { key: whole(&mut labels.iter().rev()).into(), text: whole(&mut labels.iter()).into() }
    }

    /// As Route 53 tells it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Without the dot at the end.
    pub(crate) fn bare(&self) -> &str {
        self.text.strip_suffix('.').unwrap_or(&self.text)
    }

    /// Whether it is this name or below it.
    pub(crate) fn is_within(&self, other: &DnsName) -> bool {
        self.key.starts_with(&*other.key)
    }

    /// The name above it; `None` above one of a single label.
    pub(crate) fn parent(&self) -> Option<DnsName> {
        let text = self.text.split_once('.').map(|(_, rest)| rest).filter(|rest| !rest.is_empty())?;
        let key = self.key.strip_suffix('.')?.rsplit_once('.')?.0;
        Some(Self { key: format!("{key}.").into(), text: text.into() })
    }

    /// The name for all that are directly or further below it and are not there.
    pub(crate) fn wildcard(&self) -> DnsName {
        Self { key: format!("{}{ANY}.", self.key).into(), text: format!("{ANY}.{}", self.text).into() }
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        self.text.split('.').next() == Some(ANY)
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The byte of three octal digits.
fn escaped(code: [Option<u8>; 3]) -> Option<u8> {
    code.into_iter().try_fold(0_u8, |value, digit| {
        let digit = digit.filter(|digit| (b'0'..=b'7').contains(digit))?;
        value.checked_mul(8)?.checked_add(digit - b'0')
    })
}

/// A label as it is kept.
fn written(label: &[u8]) -> String {
    label.iter().fold(String::with_capacity(label.len()), |text, byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => text + &char::from(*byte).to_string(),
        byte => text + &format!("\\{byte:03o}"),
    })
}

#[cfg(test)]
mod tests;
