//! Names in DNS, in the one form in which they are compared.

use std::fmt;

use smol_str::SmolStr;

/// How Route 53 writes `*` in a name.
const ESCAPED_WILDCARD: &str = "\\052";
/// The label of the record that remembers what Weir has done at a name.
const MEMORY: &str = "_weir";
/// What stands for `*` in the name of that record, since no name below a wildcard is a wildcard.
const ANY: &str = "_any";

/// A name in DNS: in small letters, without the final dot, and with `*` where Route 53 writes `\052`. Its other escapes stay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(SmolStr);

impl DnsName {
    /// Takes a name as a user or Route 53 writes it. AWS is the judge of its form.
    pub fn new(text: &str) -> Self {
        let text = text.strip_suffix('.').unwrap_or(text);
        Self(text.to_ascii_lowercase().replace(ESCAPED_WILDCARD, "*").into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels, from the root on.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.rsplit('.')
    }

    /// Whether it answers every name of its level that has no records of its own.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Whether it is the name of a zone, or one below it.
    pub fn is_within(&self, zone: &Self) -> bool {
        let mut labels = self.labels();
        zone.labels().all(|label| labels.next() == Some(label))
    }

    /// The name one label up; `None` of a name with one label.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, rest)| Self(rest.into()))
    }

    /// The name of the record that remembers what Weir has done here. It stands near this one in Route 53's order, so that one
    /// page mostly brings both.
    #[must_use]
    pub fn memory(&self) -> Self {
        match self.0.strip_prefix("*.") {
            Some(rest) => Self(format!("{MEMORY}.{ANY}.{rest}").into()),
            None => Self(format!("{MEMORY}.{}", self.0).into()),
        }
    }

    /// The name of which this one is where something is remembered, if it is one.
    pub fn remembering(&self) -> Option<Self> {
        let rest = self.0.strip_prefix(MEMORY)?.strip_prefix('.')?;
        let any = rest.strip_prefix(ANY).and_then(|rest| rest.strip_prefix('.'));
        Some(any.map_or_else(|| Self(rest.into()), |rest| Self(format!("*.{rest}").into())))
    }

    /// As the condition keys of IAM want it: without the final dot, and with escapes.
    ///
    /// Source: "Normalization" in
    /// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html>
    pub fn escaped(&self) -> String {
        self.0.replace('*', ESCAPED_WILDCARD)
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::DnsName;

    fn name(text: &str) -> DnsName {
        DnsName::new(text)
    }

    #[test]
    fn the_same_name_is_written_in_many_ways() {
        assert_eq!(name("API.Shop.Example."), name("api.shop.example"));
        assert_eq!(name("\\052.shop.example."), name("*.shop.example"));
        assert_eq!(name("*.shop.example").escaped(), "\\052.shop.example");
        // An escaped dot is part of a label, and stays what it is.
        assert_ne!(name("a\\056b.example"), name("a.b.example"));
    }

    #[test]
    fn a_name_is_in_a_zone_by_whole_labels() {
        let zone = name("shop.example");
        for inside in ["shop.example", "api.shop.example", "a.b.shop.example.", "*.shop.example"] {
            assert!(name(inside).is_within(&zone), "{inside}");
        }
        for outside in ["example", "workshop.example", "shop.example.org", "shop.test"] {
            assert!(!name(outside).is_within(&zone), "{outside}");
        }
    }

    #[test]
    fn the_memory_of_a_name_is_told_from_other_names() {
        assert_eq!(name("api.shop.example").memory().as_str(), "_weir.api.shop.example");
        assert_eq!(name("*.shop.example").memory().as_str(), "_weir._any.shop.example");
        for known in ["api.shop.example", "*.shop.example"].map(name) {
            assert_eq!(known.memory().remembering(), Some(known));
        }
        assert_eq!(name("weir.shop.example").remembering(), None);
    }
}
