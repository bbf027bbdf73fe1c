//! Ranges of addresses of version 4 in CIDR form.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;

/// A range, from its first address on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    first: u32,
    length: u32,
}

impl Cidr {
    /// Reads a range. Of an address within it the first one is kept, as AWS does.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let (address, length): (Ipv4Addr, u32) = (address.parse().ok()?, length.parse().ok()?);
        (length <= 32).then(|| Self { first: address.to_bits() & mask(length), length })
    }

    /// Whether it is as large as networks and subnets may be.
    pub(super) fn is_of_allowed_size(self) -> bool {
        (16..=28).contains(&self.length)
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.length <= other.length && other.first & mask(self.length) == self.first
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The addresses that instances can have: AWS keeps the first four and the last one.
    pub(super) fn hosts(self) -> Range<u32> {
        let last = self.first | !mask(self.length);
        self.first.saturating_add(4)..last
    }
}

fn mask(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from_bits(self.first), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn ranges_are_read_and_compared() {
        assert_eq!(cidr("10.0.7.9/16").to_string(), "10.0.0.0/16");
        for wrong in ["", "10.0.0.0", "10.0.0/16", "10.0.0.0/33", "10.0.0.0/-1", "::/16", "10.0.0.0/16/16"] {
            assert_eq!(Cidr::parse(wrong), None, "{wrong}");
        }
        assert!(cidr("0.0.0.0/0").contains(cidr("255.255.255.255/32")));
        assert!(cidr("10.0.0.0/16").contains(cidr("10.0.255.0/24")));
        assert!(!cidr("10.0.0.0/16").contains(cidr("10.1.0.0/24")));
        assert!(
            cidr("10.0.0.0/24").overlaps(cidr("10.0.0.128/25")) && cidr("10.0.0.0/25").overlaps(cidr("10.0.0.0/24"))
        );
        assert!(!cidr("10.0.0.0/25").overlaps(cidr("10.0.0.128/25")));
        assert_eq!(cidr("10.0.0.0/28").hosts().len(), 11);
        assert!(cidr("255.255.255.255/32").hosts().is_empty());
        assert!(cidr("10.0.0.0/28").is_of_allowed_size() && !cidr("10.0.0.0/15").is_of_allowed_size());
    }
}
