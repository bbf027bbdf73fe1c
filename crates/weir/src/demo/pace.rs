//! Real time for the demo: the virtual clock runs ahead, and the only thread then rests for the real part of it.
//!
//! This is the one place of the demo that reads the machine's clock. What happens in the world does not depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// The thread looks at least this often whether it is to end.
const NAP: Duration = Duration::from_millis(50);

/// Keeps the world at a number of virtual seconds for each real one.
pub struct Pace {
    began: Instant,
    speed: f64,
    interrupted: Arc<AtomicBool>,
}

impl Pace {
    /// A pace that begins now.
    #[expect(clippy::disallowed_methods, reason = "the demo is shown in real time")]
    pub fn new(speed: f64, interrupted: Arc<AtomicBool>) -> Self {
        Self { began: Instant::now(), speed, interrupted }
    }

    /// How long it has really been.
    pub fn really(&self) -> Duration {
        self.began.elapsed()
    }

    /// Rests until so much virtual time may have passed. False when somebody wants the demo to end.
    pub fn keep(&self, virtually: Duration) -> bool {
        let due = virtually.div_f64(self.speed);
        while !self.interrupted.load(Ordering::Relaxed) {
            let ahead = due.saturating_sub(self.really());
            if ahead.is_zero() {
                return true;
            }
            sleep(ahead.min(NAP));
        }
        false
    }
}

/// Hears Ctrl-C and SIGTERM on a thread of its own, since the demo's rests most of the time. The second one ends the
/// process at once.
pub fn interruptible() -> std::io::Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&interrupted);
    let listen = async move {
        loop {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if told.swap(true, Ordering::Relaxed) {
                // The cursor may be hidden; the terminal may as well be gone.
                let _ = console::Term::stdout().show_cursor();
                std::process::exit(i32::from(super::INTERRUPTED));
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on::<_>(listen))?;
    Ok(interrupted)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn rests_for_the_real_part_and_no_longer_when_interrupted() {
        let interrupted = Arc::new(AtomicBool::new(false));
        let pace = Pace::new(1_000.0, Arc::clone(&interrupted));
        assert!(pace.keep(Duration::from_mins(1)));
        assert!(pace.really() >= Duration::from_millis(60));
        interrupted.store(true, Ordering::Relaxed);
        assert!(!pace.keep(Duration::from_hours(1_000)));
    }
}
