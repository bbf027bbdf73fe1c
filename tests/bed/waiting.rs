//! Waiting for what comes by itself, however busy the machine is.

use std::thread::sleep;
use std::time::Duration;

/// How often is asked: for a minute at least.
const TRIES: u32 = 300;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// Asks until there is an answer; fails with what was found last instead.
#[track_caller]
pub(crate) fn eventually<T>(awaited: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let mut found = String::new();
    for _ in 0..TRIES {
        match ask() {
            Ok(answer) => return answer,
            Err(other) => found = other,
        }
        sleep(BETWEEN_TRIES);
    }
    panic!("waited in vain: {awaited}\n{found}");
}
