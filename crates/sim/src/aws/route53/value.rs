//! What a record of a type can say, as far as AWS looks at it: each mistake in its own words.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::DnsName;
use super::record::RecordType;

/// Refuses a value that no record of this type can have.
pub(super) fn check(kind: RecordType, value: &str) -> Result<(), String> {
    let wrong = |what: &str, why: &str| {
        Err(format!("Invalid Resource Record: 'FATAL problem: {what} ({why}) encountered with '{value}''"))
    };
    let parts: Vec<&str> = value.split_whitespace().collect();
    match kind {
        RecordType::A if value.parse::<Ipv4Addr>().is_err() => {
            wrong("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address")
        }
        RecordType::Aaaa if value.parse::<Ipv6Addr>().is_err() => {
            wrong("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address")
        }
        RecordType::Cname | RecordType::Ns | RecordType::Ptr => match DnsName::parse(value) {
            Err(why) => Err(format!("Invalid Resource Record: '{why}'")),
            Ok(_) => Ok(()),
        },
        RecordType::Txt | RecordType::Spf => strings(value).map_or_else(|(what, why)| wrong(what, why), |()| Ok(())),
        RecordType::Mx if !numbers_then_name(&parts, 1) => {
            wrong("MXRRDATANotTwoFields", "Record doesn't have 2 fields: a priority and a domain name")
        }
        RecordType::Srv if !numbers_then_name(&parts, 3) => {
            wrong("SRVRRDATANotFourFields", "Record doesn't have 4 fields: three numbers and a domain name")
        }
        RecordType::Soa if !is_soa(&parts) => {
            wrong("SOARRDATANotSevenFields", "Record doesn't have 7 fields: two domain names and five numbers")
        }
        RecordType::Caa if !is_caa(&parts) => {
            wrong("CAARRDATANotThreeFields", "Record doesn't have 3 fields: flags, a tag and a quoted value")
        }
        RecordType::Https | RecordType::Svcb if !is_service(&parts) => {
            wrong("SVCBRRDATAIllegal", "Record doesn't begin with a priority and a domain name")
        }
        RecordType::Ds | RecordType::Tlsa | RecordType::Sshfp | RecordType::Naptr if !has_fields(kind, &parts) => {
            wrong("RRDATAWrongFields", "Record doesn't have the fields of its type")
        }
        _ => Ok(()),
    }
}

/// Strings in quotation marks, each of up to 255 characters, with spaces between them.
fn strings(value: &str) -> Result<(), (&'static str, &'static str)> {
    const UNQUOTED: (&str, &str) = ("InvalidCharacterString", "Value should be enclosed in quotation marks");
    let mut letters = value.trim().chars().peekable();
    if letters.peek().is_none() {
        return Err(UNQUOTED);
    }
    while let Some(letter) = letters.next() {
        if letter == ' ' {
            continue;
        }
        if letter != '"' {
            return Err(UNQUOTED);
        }
        let mut length = 0;
        loop {
            match letters.next() {
                None => return Err(UNQUOTED),
                Some('"') => break,
                // An octal escape is one character.
                Some('\\') if letters.peek().is_some_and(char::is_ascii_digit) => {
                    letters.nth(2).ok_or(UNQUOTED)?;
                }
                Some('\\') => {
                    letters.next();
                }
                Some(_) => {}
            }
            length += 1;
        }
        if length > 255 {
            return Err(("CharacterStringTooLong", "Value is too long"));
        }
    }
    Ok(())
}

fn is_number(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

fn is_name(text: &str) -> bool {
    text == "." || DnsName::parse(text).is_ok()
}

fn numbers_then_name(parts: &[&str], numbers: usize) -> bool {
    match parts.split_last() {
        Some((name, before)) => before.len() == numbers && before.iter().all(|part| is_number(part)) && is_name(name),
        None => false,
    }
}

fn is_soa(parts: &[&str]) -> bool {
    let numbers = |parts: &[&str]| parts.iter().all(|part| part.parse::<u32>().is_ok());
    parts.len() == 7 && is_name(parts[0]) && is_name(parts[1]) && numbers(&parts[2..])
}

fn is_caa(parts: &[&str]) -> bool {
    let is_quoted = |text: &str| text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
    parts.len() >= 3 && parts[0].parse::<u8>().is_ok() && is_quoted(&parts[2..].join(" "))
}

fn is_service(parts: &[&str]) -> bool {
    parts.len() >= 2 && is_number(parts[0]) && is_name(parts[1])
}

/// As many fields as the type has; those of numbers in front are numbers.
fn has_fields(kind: RecordType, parts: &[&str]) -> bool {
    let (numbers, least) = match kind {
        RecordType::Naptr => (2, 6),
        RecordType::Sshfp => (2, 3),
        _ => (3, 4),
    };
    parts.len() >= least && parts[..numbers].iter().all(|part| is_number(part))
}
