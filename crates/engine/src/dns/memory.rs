//! What Weir remembers at a name on Route 53: whose the name is, the run that last ended, and what was there before.
//!
//! It is one TXT record at [`DnsName::memory`], with a value for each part. DNS is public: a run is told by a digest, and
//! nothing names an object or a namespace.
//!
//! ```text
//! "heritage=weir v=1 mark=<whose the name is> owner=<which installation>"
//! "last=<digest of shift and environment>/<letter of the outcome>"
//! "before=<n>/<the n-th piece of what was there>"
//! ```
//!
//! What was there is a text of the records with `|` between them, and `.` behind the last, so that a text of which a piece is
//! missing is known as such; without records it is `nothing`. A record is `A alias <zone> <target> <0|1>` or
//! `A <TTL> <value>…`, with `W <identifier> <weight>` and `H <health check>` before it where it has these.

use std::collections::BTreeMap;

use weir_api::traffic_shift::Outcome;

use crate::escape;

use super::identifier::Mark;
use super::name::DnsName;
use super::record::{Alias, Content, RecordSet, RecordType, Routing};

/// How long resolvers keep it, in seconds.
const TTL: u32 = 300;
/// How many characters of what was there a value holds: with what stands before them it has at most the 255 of a character
/// string (RFC 1035, 3.3).
const PIECE: usize = 200;
/// By what Weir's record is known.
const HERITAGE: &str = "heritage=weir ";
const VERSION: &str = "v=1";
const NOTHING: &str = "nothing";
/// What stands before the digits of a byte that is escaped.
const ESCAPE: char = '%';

/// The letter of each outcome; a superseded run was overtaken.
const OUTCOMES: [(Outcome, &str); 4] =
    [(Outcome::Succeeded, "S"), (Outcome::RolledBack, "R"), (Outcome::Failed, "F"), (Outcome::Superseded, "O")];

/// What is remembered at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMemory {
    /// Whose the name is.
    pub mark: Mark,
    /// The mark of the installation.
    pub owner: Mark,
    /// The run that last ended there.
    pub last: Option<LastRun>,
    /// The records that were there before Weir, simple or weighted; none where there was nothing.
    pub before: Vec<RecordSet>,
}

/// A run that has ended, as it can be told apart from others without being named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    digest: Mark,
    /// How it ended.
    pub outcome: Outcome,
}

impl LastRun {
    /// The run of a shift (`namespace/name`) to an environment.
    pub fn new(shift: &str, to: &str, outcome: Outcome) -> Self {
        Self { digest: Mark::of_texts(&[shift, to]), outcome }
    }

    /// Whether it was a run of this shift to this environment.
    pub fn is_of(&self, shift: &str, to: &str) -> bool {
        self.digest == Mark::of_texts(&[shift, to])
    }
}

impl NameMemory {
    /// The record that holds it; `None` where something was there that cannot be put back.
    pub fn record(&self, name: &DnsName) -> Option<RecordSet> {
        let quoted = |text: String| format!("\"{text}\"");
        let heritage = format!("{HERITAGE}{VERSION} mark={} owner={}", self.mark.as_str(), self.owner.as_str());
        let mut values = vec![quoted(heritage)];
        if let Some(LastRun { digest, outcome }) = &self.last {
            let (_, letter) = OUTCOMES.iter().find(|(known, _)| known == outcome)?;
            values.push(quoted(format!("last={}/{letter}", digest.as_str())));
        }
        let before = written(&self.before)?;
        let pieces = before.as_bytes().chunks(PIECE).enumerate();
        values.extend(
            pieces.map(|(number, piece)| quoted(format!("before={}/{}", number + 1, String::from_utf8_lossy(piece)))),
        );
        let content = Content::Values { ttl: TTL, values };
        Some(RecordSet {
            name: name.memory(),
            kind: RecordType::Txt,
            routing: Routing::Simple,
            content,
            health_check: None,
        })
    }

    /// Reads a record at the name of the memory of a name; `None` where Weir has not written it. The error says what is wrong
    /// with one that Weir has.
    pub fn read(name: &DnsName, record: &RecordSet) -> Option<Result<Self, String>> {
        let Content::Values { values, .. } = &record.content else { return None };
        let texts = values.iter().map(|value| value.strip_prefix('"')?.strip_suffix('"'));
        let texts: Option<Vec<&str>> = texts.collect();
        let heritage = texts.as_ref()?.iter().find_map(|text| text.strip_prefix(HERITAGE))?;
        Some(Self::of(name, heritage, &texts?))
    }

    fn of(name: &DnsName, heritage: &str, texts: &[&str]) -> Result<Self, String> {
        let words: BTreeMap<&str, &str> = heritage.split(' ').filter_map(|word| word.split_once('=')).collect();
        let version = words.get("v").copied().unwrap_or_default();
        if version != "1" {
            return Err(format!("found version {version:?}, and this Weir knows version 1; a newer one wrote it"));
        }
        let mark = |key: &str| {
            let found = words.get(key).copied().unwrap_or_default();
            Mark::read(found).ok_or_else(|| format!("found {key}={found}, expected twelve hexadecimal digits"))
        };
        let last = texts.iter().find_map(|text| text.strip_prefix("last="));
        let last = last.map(|text| last_run(text).ok_or_else(|| format!("found last={text}")));
        Ok(Self { mark: mark("mark")?, owner: mark("owner")?, last: last.transpose()?, before: before(name, texts)? })
    }
}

fn last_run(text: &str) -> Option<LastRun> {
    let (digest, letter) = text.split_once('/')?;
    let (outcome, _) = OUTCOMES.iter().find(|(_, known)| *known == letter)?;
    Some(LastRun { digest: Mark::read(digest)?, outcome: *outcome })
}

fn written(records: &[RecordSet]) -> Option<String> {
    if records.is_empty() {
        return Some(format!("{NOTHING}."));
    }
    let records: Option<Vec<String>> = records.iter().map(record_in_words).collect();
    Some(format!("{}.", records?.join("|")))
}

/// A record in words without its name; `None` of one that is chosen by another policy than weight.
pub fn record_in_words(record: &RecordSet) -> Option<String> {
    let mut words = Vec::new();
    match &record.routing {
        Routing::Simple => {}
        Routing::Weighted { identifier, weight } => {
            words.extend(["W".to_owned(), escape(identifier), weight.to_string()]);
        }
        Routing::Other { .. } => return None,
    }
    if let Some(check) = &record.health_check {
        words.extend(["H".to_owned(), escape(check)]);
    }
    words.push(escape(record.kind.as_str()));
    match &record.content {
        Content::Alias(Alias { zone, target, evaluate_target_health }) => {
            let health = i32::from(*evaluate_target_health).to_string();
            words.extend(["alias".to_owned(), escape(zone), escape(target.as_str()), health]);
        }
        Content::Values { ttl, values } => {
            words.push(ttl.to_string());
            words.extend(values.iter().map(|value| escape(value)));
        }
    }
    Some(words.join(" "))
}

/// What the values remember of what was there before.
fn before(name: &DnsName, texts: &[&str]) -> Result<Vec<RecordSet>, String> {
    let mut pieces = BTreeMap::new();
    for text in texts.iter().filter_map(|text| text.strip_prefix("before=")) {
        let piece = text.split_once('/').and_then(|(number, piece)| Some((number.parse::<usize>().ok()?, piece)));
        let (number, piece) = piece.ok_or_else(|| format!("found before={text}, expected before=<number>/<text>"))?;
        pieces.insert(number, piece);
    }
    let is_whole = pieces.keys().copied().eq(1..=pieces.len());
    let text: String = pieces.into_values().collect();
    let text = text.strip_suffix('.').filter(|_| is_whole);
    let text = text.ok_or("a part of what was there before is missing")?;
    if text == NOTHING {
        return Ok(Vec::new());
    }
    let read = |record: &str| record_of_words(name, record).ok_or_else(|| format!("found the record {record:?}"));
    text.split('|').map(read).collect()
}

/// The record of a name that is so in words.
pub fn record_of_words(name: &DnsName, text: &str) -> Option<RecordSet> {
    let mut words = text.split(' ').peekable();
    let mut routing = Routing::Simple;
    if words.next_if_eq(&"W").is_some() {
        routing =
            Routing::Weighted { identifier: unescape(words.next()?)?.into(), weight: words.next()?.parse().ok()? };
    }
    let health_check = match words.next_if_eq(&"H") {
        Some(_) => Some(unescape(words.next()?)?.into()),
        None => None,
    };
    let kind = RecordType::new(&unescape(words.next()?)?);
    let content = if words.next_if_eq(&"alias").is_some() {
        let (zone, target) = (unescape(words.next()?)?.into(), DnsName::new(&unescape(words.next()?)?));
        let evaluate_target_health = match words.next()? {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        words.next().is_none().then_some(Content::Alias(Alias { zone, target, evaluate_target_health }))?
    } else {
        let ttl = words.next()?.parse().ok()?;
        let values: Option<Vec<String>> = words.map(unescape).collect();
        Content::Values { ttl, values: values? }
    };
    Some(RecordSet { name: name.clone(), kind, routing, content, health_check })
}

/// Writes what would end a word, a record or a value as `%` and two hexadecimal digits a byte.
fn escape(text: &str) -> String {
    escape::escape(text, ESCAPE, |byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'|' | b'"' | b'\\'))
}

fn unescape(text: &str) -> Option<String> {
    escape::unescape(text, ESCAPE)
}

#[cfg(test)]
mod tests;
