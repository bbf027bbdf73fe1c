//! By what Weir's records are known: `<environment>.<epoch>.weir-<mark>` as their set identifier.

use std::fmt;

use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::Key;

use super::name::DnsName;

/// How many hexadecimal digits of the digest are kept: by accident two of a thousand names have the same in one case of 500
/// million.
const DIGITS: usize = 12;
/// What stands before a mark in a set identifier.
const PREFIX: &str = "weir-";

/// Whose a record is: twelve hexadecimal digits of the owner, the route and the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(SmolStr);

impl Mark {
    /// The mark of a route of an owner at a name.
    pub fn of(owner: &str, route: &Key, name: &DnsName) -> Self {
        Self(digest(&[owner, &route.to_string(), name.as_str()]))
    }

    /// The mark of an owner alone: by it the same installation knows its own, whatever the route.
    pub fn of_owner(owner: &str) -> Self {
        Self(digest(&[owner]))
    }

    /// The mark of any texts, which are not told by it.
    pub(super) fn of_texts(texts: &[&str]) -> Self {
        Self(digest(texts))
    }

    /// Takes a text for a mark, where it has the form of one.
    pub fn read(text: &str) -> Option<Self> {
        let is_digit = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
        (text.len() == DIGITS && text.chars().all(is_digit)).then(|| Self(text.into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digest of texts, each of which is told from its neighbours.
fn digest(texts: &[&str]) -> SmolStr {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    let bytes = hash.finalize();
    let number = bytes.iter().take(DIGITS / 2).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    format!("{number:0DIGITS$x}").into()
}

/// The set identifier of a record of Weir's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// The environment whose record it is.
    pub environment: SmolStr,
    /// The number of the change that has made it: all records of Weir's at a name have the same.
    pub epoch: u32,
    /// Whose it is.
    pub mark: Mark,
}

impl Identifier {
    /// Reads a set identifier; `None` where it is not of Weir's form.
    pub fn read(text: &str) -> Option<Self> {
        let (rest, mark) = text.rsplit_once('.')?;
        let (environment, epoch) = rest.rsplit_once('.')?;
        let mark = Mark::read(mark.strip_prefix(PREFIX)?)?;
        let is_written_so = |number: &u32| number.to_string() == epoch;
        let epoch = epoch.parse().ok().filter(is_written_so)?;
        (!environment.is_empty()).then(|| Self { environment: environment.into(), epoch, mark })
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{PREFIX}{}", self.environment, self.epoch, self.mark.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DnsName, Identifier, Mark};
    use crate::Key;

    fn mark() -> Mark {
        Mark::of("acme", &Key::new("shop", "api"), &DnsName::new("api.shop.example"))
    }

    #[test]
    fn a_mark_is_of_one_owner_one_route_and_one_name() {
        let of = |owner: &str, namespace: &str, route: &str, name: &str| {
            Mark::of(owner, &Key::new(namespace, route), &DnsName::new(name))
        };
        assert_eq!(mark(), of("acme", "shop", "api", "API.shop.example."));
        let others = [
            of("acme2", "shop", "api", "api.shop.example"),
            of("acme", "shop2", "api", "api.shop.example"),
            of("acme", "shop", "api2", "api.shop.example"),
            of("acme", "shop", "api", "api2.shop.example"),
            of("acmeshop", "", "api", "api.shop.example"),
        ];
        for other in others {
            assert_ne!(mark(), other);
        }
        // It stands on AWS for years: what makes it must not change.
        assert_eq!(mark().as_str(), "1b57ce2ecfb7");
    }

    #[test]
    fn only_what_weir_writes_is_read() {
        let digits = mark().as_str().to_owned();
        for other in [
            "green".to_owned(),
            format!("green.17.{digits}"),
            format!("green.017.weir-{digits}"),
            format!("green.+17.weir-{digits}"),
            format!("green.4294967296.weir-{digits}"),
            format!(".17.weir-{digits}"),
            format!("17.weir-{digits}"),
            format!("green.17.weir-{}", digits.to_uppercase()),
            format!("green.17.weir-{digits}0"),
            format!("green.17.weir-{}", &digits[1..]),
        ] {
            assert_eq!(Identifier::read(&other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn an_identifier_is_read_as_it_was_written(environment in "[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", epoch: u32) {
            let identifier = Identifier { environment: environment.as_str().into(), epoch, mark: mark() };
            let text = identifier.to_string();
            // The model of Route 53 takes 1 to 128 characters.
            prop_assert!(text.len() <= 92 && text.is_ascii());
            prop_assert_eq!(Identifier::read(&text), Some(identifier));
        }
    }
}
