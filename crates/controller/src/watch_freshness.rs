//! The freshness of watches: for how long each has been failing. A watch that is taken up again says nothing before something
//! happens, so that it goes on shows in that it does not fail again: it is tried again within seconds.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_engine::KindName;

use crate::watch::{Notice, Subject};

/// A watch that has not failed for so long goes on.
const QUIET: SignedDuration = SignedDuration::from_secs(30);

/// Since when which watches fail.
#[derive(Debug, Default)]
pub(crate) struct WatchFreshness(BTreeMap<&'static str, Failing>);

#[derive(Debug)]
struct Failing {
    since: Timestamp,
    last: Timestamp,
}

/// How a subject is called in metrics.
pub(crate) fn word(subject: Subject) -> &'static str {
    match subject {
        Subject::Kind(kind) => kind.word(),
        Subject::Namespaces => "Namespace",
    }
}

impl WatchFreshness {
    /// Takes note of what a watch has brought.
    pub fn record(&mut self, notice: &Notice, now: Timestamp) {
        match notice {
            Notice::Began(_) => {}
            Notice::Listed(subject, _)
            | Notice::Complete(subject)
            | Notice::Changed(subject, _)
            | Notice::Deleted(subject, _) => drop(self.0.remove(word(*subject))),
            Notice::Failed { subject, .. } => {
                let failing = self.0.entry(word(*subject)).or_insert(Failing { since: now, last: now });
                if now.duration_since(failing.last) > QUIET {
                    failing.since = now;
                }
                failing.last = now;
            }
        }
    }

    /// For how many seconds each watch has not been known to go on.
    pub fn ages(&self, now: Timestamp) -> impl Iterator<Item = (&'static str, i64)> {
        let words = KindName::ALL
            .map(KindName::word)
            .into_iter()
            .chain(self.0.contains_key("Namespace").then_some("Namespace"));
        words.map(move |word| {
            let failing = self.0.get(word).filter(|failing| now.duration_since(failing.last) <= QUIET);
            (word, failing.map_or(0, |failing| now.duration_since(failing.since).as_secs().max(0)))
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use weir_engine::KindName;

    use super::WatchFreshness;
    use crate::watch::{Notice, Subject};

    const SHIFTS: Subject = Subject::Kind(KindName::TrafficShift);

    fn failed() -> Notice {
        Notice::Failed { subject: SHIFTS, message: String::new(), code: None, is_said: false }
    }

    fn age(watch_freshness: &WatchFreshness, now: Timestamp) -> i64 {
        watch_freshness.ages(now).find(|(word, _)| *word == "TrafficShift").unwrap().1
    }

    #[test]
    fn a_watch_that_fails_again_and_again_grows_old() {
        let mut watch_freshness = WatchFreshness::default();
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        assert_eq!(age(&watch_freshness, at(0)), 0);
        for seconds in (0..=120).step_by(4) {
            watch_freshness.record(&failed(), at(seconds));
        }
        assert_eq!(age(&watch_freshness, at(123)), 123);
        watch_freshness.record(&Notice::Began(SHIFTS), at(124));
        assert_eq!(age(&watch_freshness, at(124)), 124, "a list that only begins proves nothing");
        // It is taken up again, and nothing happens.
        assert_eq!(age(&watch_freshness, at(151)), 0);
        watch_freshness.record(&failed(), at(200));
        assert_eq!(age(&watch_freshness, at(205)), 5);
        watch_freshness.record(&Notice::Complete(SHIFTS), at(206));
        assert_eq!(age(&watch_freshness, at(206)), 0);
    }
}
