//! Numbers and spans of time as people read them.

/// A number with tenths, for example `37.3`.
#[cfg(feature = "demo")]
pub fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

/// A number with its thousands apart, for example `12,034`.
pub fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span in words, for example `7m 41s`.
pub fn span(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (60.., _) => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m {seconds:02}s"),
    }
}

#[cfg(all(test, feature = "demo"))]
mod tests {
    use super::{span, tenths, thousands};

    #[test]
    fn numbers_read_well() {
        assert_eq!([7, 1_000, 12_034, 1_234_567].map(thousands), ["7", "1,000", "12,034", "1,234,567"]);
        assert_eq!([0, 5, 373].map(tenths), ["0.0", "0.5", "37.3"]);
        assert_eq!([0, 59, 60, 461, 9_000].map(span), ["0s", "59s", "1m 00s", "7m 41s", "2h 30m"]);
    }
}
