//! A request as a balancer sees it, and the patterns with which rules look at it.

use std::net::IpAddr;

/// A request of a client, as far as conditions of rules can tell requests apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The host, without a port.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The method, in capital letters.
    pub method: String,
    /// Names and values of the headers besides the host.
    pub headers: Vec<(String, String)>,
    /// Keys and values of the query.
    pub query: Vec<(String, String)>,
    /// The address of the client.
    pub source: IpAddr,
}

impl HttpRequest {
    /// A GET without headers and query, from an address of the documentation.
    pub fn get(host: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            path: path.into(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            query: Vec::new(),
            source: IpAddr::from([203, 0, 113, 7]),
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for any characters and `?` for exactly one.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    wildcard(&pattern.chars().map(part).collect::<Vec<_>>(), text)
}

/// The same without regard to case.
pub(super) fn fits_in_any_case(pattern: &str, text: &str) -> bool {
    fits(&pattern.to_lowercase(), &text.to_lowercase())
}

/// The same for patterns in which a backslash takes the meaning from the character after it.
pub(super) fn fits_escaped(pattern: &str, text: &str) -> bool {
    let (mut parts, pattern) = (Vec::new(), pattern.to_lowercase());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '\\' => Part::Letter(letters.next().unwrap_or('\\')),
            letter => part(letter),
        });
    }
    wildcard(&parts, &text.to_lowercase())
}

/// Whether an address is in a network in CIDR form; `None` where that is no network.
pub(super) fn is_in(network: &str, address: IpAddr) -> Option<bool> {
    let (base, length) = network.split_once('/')?;
    let (base, length): (IpAddr, u32) = (base.parse().ok()?, length.parse().ok()?);
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (32, u128::from(address.to_bits())),
        IpAddr::V6(address) => (128, address.to_bits()),
    };
    let ((size, base), (its_size, address)) = (bits(base), bits(address));
    if length > size {
        return None;
    }
    let ignored = size - length;
    let same = |shift: u32| base.checked_shr(shift).unwrap_or(0) == address.checked_shr(shift).unwrap_or(0);
    Some(size == its_size && same(ignored))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Any characters.
    Any,
    /// One character.
    One,
    Letter(char),
}

fn part(letter: char) -> Part {
    match letter {
        '*' => Part::Any,
        '?' => Part::One,
        letter => Part::Letter(letter),
    }
}

fn wildcard(pattern: &[Part], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut read) = (0, 0);
    // Where the last star stood, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if pattern.get(at) == Some(&Part::Any) {
            star = Some((at, read));
            at += 1;
        } else if pattern.get(at).is_some_and(|part| matches!(part, Part::One) || *part == Part::Letter(text[read])) {
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
    pattern[at..].iter().all(|part| *part == Part::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_on_a_balancer() {
        for (pattern, text) in [
            ("/img/*", "/img/"),
            ("/img/*", "/img/a/b.png"),
            ("/*/pics", "/one/two/pics"),
            ("/a?c", "/abc"),
            ("*", ""),
            ("*.weir.example", "shop.weir.example"),
            ("a*b*c", "a--b-b--c"),
        ] {
            assert!(fits(pattern, text), "{pattern} should match {text}");
        }
        for (pattern, text) in
            [("/img/*", "/img"), ("/a?c", "/ac"), ("/a", "/A"), ("*.weir.example", "weir.example"), ("a*b", "a--bc")]
        {
            assert!(!fits(pattern, text), "{pattern} should not match {text}");
        }
    }

    #[test]
    fn a_backslash_makes_a_wildcard_a_letter() {
        assert!(fits_escaped(r"5\*", "5*"));
        assert!(!fits_escaped(r"5\*", "5a"));
        assert!(fits_escaped(r"WHY\?*", "why? because"));
    }

    #[test]
    fn addresses_are_in_networks() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (network, inside, expected) in [
            ("10.0.0.0/8", "10.1.2.3", Some(true)),
            ("10.0.0.0/8", "11.1.2.3", Some(false)),
            ("10.1.2.3/32", "10.1.2.3", Some(true)),
            ("0.0.0.0/0", "203.0.113.7", Some(true)),
            ("0.0.0.0/0", "2001:db8::1", Some(false)),
            ("::/0", "2001:db8::1", Some(true)),
            ("2001:db8::/32", "2001:db8:1::1", Some(true)),
            ("2001:db8::/32", "2001:db9::1", Some(false)),
            ("10.0.0.0/33", "10.0.0.1", None),
            ("10.0.0.0", "10.0.0.1", None),
            ("elsewhere/8", "10.0.0.1", None),
        ] {
            assert_eq!(is_in(network, address(inside)), expected, "{inside} in {network}");
        }
    }
}
