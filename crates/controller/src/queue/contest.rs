//! How long an object rests whose status somebody else writes over again and again.
//!
//! Two writers that each answer the other at once would flood the API server for ever. So each time it is written over,
//! the object rests for twice as long as before; but traffic that goes back, or moves, is never kept waiting for long.

use jiff::{SignedDuration, Timestamp};
use weir_engine::tick::Urgency;

use super::after;

/// The rest after the second time; once may be an accident, such as a status that was lost.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest rest.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// The longest rest while the object's traffic moves, whose health must be looked at.
const LONGEST_PROGRESS: SignedDuration = SignedDuration::from_secs(5);
/// The longest rest while its traffic goes back.
const LONGEST_ROLLBACK: SignedDuration = SignedDuration::from_secs(1);
/// After so long without another time nothing is held against the object: more than two that rest for the longest take
/// to write over each other.
const FORGIVEN_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// How often an object's status was written over lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contest {
    times: u32,
    last: Option<Timestamp>,
    /// A user has asked for something else since the last time, and is not kept waiting.
    excused: bool,
}

impl Contest {
    /// It was written over once more. Returns how often it was lately.
    pub fn note(&mut self, now: Timestamp) -> u32 {
        if self.last.is_some_and(|last| now.duration_since(last) > FORGIVEN_AFTER) {
            self.times = 0;
        }
        self.times = self.times.saturating_add(1);
        self.last = Some(now);
        self.excused = false;
        self.times
    }

    /// A user asks for something else.
    pub fn excuse(&mut self) {
        self.excused = true;
    }

    /// Until when the object rests.
    pub fn until(&self, urgency: Urgency) -> Timestamp {
        let (Some(last), Some(doublings)) = (self.last, self.times.checked_sub(2)) else { return Timestamp::MIN };
        if self.excused {
            return Timestamp::MIN;
        }
        let longest = match urgency {
            Urgency::Rollback => LONGEST_ROLLBACK,
            Urgency::Progress => LONGEST_PROGRESS,
            Urgency::Repair | Urgency::Routine => LONGEST,
        };
        let rest = (0..doublings.min(16)).fold(FIRST, |rest, _| rest.saturating_add(rest));
        after(last, rest.min(longest))
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use weir_engine::tick::Urgency;

    use super::{Contest, FORGIVEN_AFTER};

    fn rests(urgency: Urgency) -> Vec<i64> {
        let (mut contest, now) = (Contest::default(), Timestamp::UNIX_EPOCH);
        let mut rest = || {
            contest.note(now);
            contest.until(urgency).max(now).duration_since(now).as_secs()
        };
        (0..12).map(|_| rest()).collect()
    }

    #[test]
    fn the_rest_doubles_up_to_what_the_urgency_allows() {
        assert_eq!(rests(Urgency::Routine), [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(rests(Urgency::Progress)[..6], [0, 1, 2, 4, 5, 5]);
        assert_eq!(rests(Urgency::Rollback)[..4], [0, 1, 1, 1]);
    }

    #[test]
    fn it_is_forgiven_in_time_and_a_user_is_not_kept_waiting() {
        let (mut contest, now) = (Contest::default(), Timestamp::UNIX_EPOCH);
        for _ in 0..9 {
            contest.note(now);
        }
        assert_eq!(contest.until(Urgency::Routine), now + SignedDuration::from_secs(128));
        contest.excuse();
        assert_eq!(contest.until(Urgency::Routine), Timestamp::MIN);
        assert_eq!(contest.note(now), 10, "the next time counts on");
        assert_eq!(contest.note(now + FORGIVEN_AFTER + SignedDuration::from_secs(1)), 1);
    }
}
