//! Pages of long answers: `PageSize`, `Marker`, `NextMarker`.
//!
//! A marker holds the key of the last item of its page, so that what is created or deleted between two pages neither
//! repeats nor hides anything else.

use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;

/// The largest page, and the one given where none is asked for.
const LARGEST: u32 = 400;

/// A page of items, and the marker of the next one.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    /// The page that a request asks for, of items in the order of their keys.
    pub(crate) fn of(form: &Form, items: impl IntoIterator<Item = (String, T)>) -> Result<Self, Refusal> {
        let size = form.number_within("PageSize", 1, LARGEST)?.unwrap_or(LARGEST);
        let after = form.text("Marker").filter(|marker| !marker.is_empty()).map(decode).transpose()?;
        let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).peekable();
        let mut page = Self { items: Vec::new(), next: None };
        let mut last = String::new();
        for _ in 0..size {
            let Some((key, item)) = rest.next() else { break };
            page.items.push(item);
            last = key;
        }
        if rest.peek().is_some() {
            page.next = Some(encode(&last));
        }
        Ok(page)
    }

    /// The list as AWS answers it, with the marker behind it.
    pub(crate) fn describe(self, name: &str, describe: impl Fn(T) -> Vec<Xml>) -> Vec<Xml> {
        let list = Xml::list(name, self.items.into_iter().map(describe));
        std::iter::once(list).chain(self.next.map(|next| Xml::text("NextMarker", next))).collect()
    }
}

/// Hexadecimal, because callers must not read anything into a marker.
fn encode(key: &str) -> String {
    use std::fmt::Write as _;
    key.bytes().fold(String::with_capacity(key.len() * 2), |mut marker, byte| {
        // Writing to a String does not fail.
        let _ = write!(marker, "{byte:02x}");
        marker
    })
}

fn decode(marker: &str) -> Result<String, Refusal> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = marker.as_bytes().chunks(2).map(byte).collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Refusal::invalid(format!("Invalid marker '{marker}'")))
}

#[cfg(test)]
mod tests;
