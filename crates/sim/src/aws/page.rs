//! Pages of long answers, by markers that name the last item of a page, so that what is created or deleted between two pages
//! neither repeats nor hides anything else.

/// A page of items, and the marker of the next one.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// So many items, in the order of their keys, behind this one.
    pub(crate) fn cut(items: impl IntoIterator<Item = (String, T)>, size: u32, after: Option<&str>) -> Self {
        let is_behind = |(key, _): &(String, T)| after.is_none_or(|after| key.as_str() > after);
        let mut rest = items.into_iter().filter(is_behind).peekable();
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
        page
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

/// The key in a marker; `None` where it is none.
pub(crate) fn decode(marker: &str) -> Option<String> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = marker.as_bytes().chunks(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}
