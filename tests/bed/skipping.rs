//! What happens to a test whose surroundings are missing: it is skipped aloud, or it fails where nothing may be skipped.
//!
//! A skipped test is counted as passed by the test runner, so the reason must not go unseen: it is written to standard
//! error itself, past the runner's capture of what tests print.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, thread};

/// The environment variable that, set to `1`, forbids skipping.
const REQUIRED: &str = "WEIR_REQUIRE_REAL";

/// What was found, or `None` once the skipping was announced. Panics where `WEIR_REQUIRE_REAL=1` forbids it.
pub(crate) fn found_or_skipped<T>(found: Result<T, String>) -> Option<T> {
    static SKIPPED: AtomicU32 = AtomicU32::new(0);
    let reason = match found {
        Ok(found) => return Some(found),
        Err(reason) => reason,
    };
    let case = thread::current().name().unwrap_or("a test").to_owned();
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    match announcement(env::var(REQUIRED).ok().as_deref(), &case, count, &reason) {
        Ok(notice_text) => notice(&notice_text),
        Err(failure) => panic!("{failure}"),
    }
    None
}

/// Writes a line that is seen even when the test passes.
pub(crate) fn notice(text: &str) {
    let _ = writeln!(io::stderr().lock(), "test bed: {text}");
}

/// The line that announces a skipped case, or the failure where skipping is forbidden.
fn announcement(required: Option<&str>, case: &str, count: u32, reason: &str) -> Result<String, String> {
    if required == Some("1") {
        return Err(format!("{case} cannot run and {REQUIRED}=1 forbids skipping it: {reason}"));
    }
    Ok(format!("SKIPPED {case} ({count} skipped so far): {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_is_said_unless_it_is_forbidden() {
        let said = announcement(None, "a case", 2, "no Go").expect("skipping is allowed by default");
        assert_eq!(said, "SKIPPED a case (2 skipped so far): no Go");
        let failure = announcement(Some("1"), "a case", 2, "no Go").expect_err("skipping is forbidden");
        assert_eq!(failure, "a case cannot run and WEIR_REQUIRE_REAL=1 forbids skipping it: no Go");
        assert!(announcement(Some("0"), "a case", 1, "no Go").is_ok());
    }
}
