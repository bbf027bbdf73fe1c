//! Texts in which only plain characters may stand, as where AWS keeps no others: every other one is written as a mark and two
//! hexadecimal digits for each of its bytes.

use std::fmt::Write as _;

/// A text with every byte that is not plain escaped. The mark itself must not be plain.
pub(crate) fn escape(text: &str, mark: char, is_plain: impl Fn(u8) -> bool) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if is_plain(byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "{mark}{byte:02X}");
        }
    }
    escaped
}

/// The text that was escaped; `None` where it is none.
pub(crate) fn unescape(escaped: &str, mark: char) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        if char::from(byte) == mark {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
