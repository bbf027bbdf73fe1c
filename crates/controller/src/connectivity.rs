//! Connectivity to the API server and to AWS, and how outages are logged: an outage is said once, then at growing intervals
//! with how long and what waits, and once more when it is over: not with each request that fails.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

/// The first interval; each further one is twice as long.
const FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest interval.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// How many of those that wait are named.
const NAMED: usize = 3;

/// The connectivity to one party, and its outage if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Connectivity {
    /// Who it is, in words.
    whom: String,
    says: Wording,
    outage: Option<Outage>,
    /// When something was last said. Connectivity that flaps is not said each time.
    said_at: Option<Timestamp>,
}

/// How the log says that an outage begins, lasts and ends.
#[derive(Clone, Copy, Debug)]
struct Wording {
    lost: &'static str,
    missing: &'static str,
    made: &'static str,
}

#[derive(Clone, Debug)]
struct Outage {
    since: Timestamp,
    failures: u64,
    /// What has asked in vain.
    waiting: BTreeSet<String>,
    is_said: bool,
    next: Timestamp,
    interval: SignedDuration,
}

impl Connectivity {
    /// Connectivity to a party that is asked, and is taken to answer.
    pub fn asking(whom: impl Into<String>) -> Self {
        let says = Wording { lost: "does not answer", missing: "has not answered for", made: "answers again" };
        Self { whom: whom.into(), says, outage: None, said_at: None }
    }

    /// Connectivity to something that is read.
    pub fn reading(what: impl Into<String>) -> Self {
        let says = Wording { lost: "cannot be read", missing: "could not be read for", made: "can be read again" };
        Self { whom: what.into(), says, outage: None, said_at: None }
    }

    /// A request on behalf of something has failed; what is to be said about it now.
    pub fn record_failure(&mut self, now: Timestamp, of: Option<&str>, why: &str) -> Option<String> {
        let (whom, says) = (&self.whom, self.says);
        let Some(outage) = &mut self.outage else {
            let waiting = of.map(ToOwned::to_owned).into_iter().collect();
            let is_said = self.said_at.is_none_or(|said_at| now >= said_at + FIRST);
            self.outage =
                Some(Outage { since: now, failures: 1, waiting, is_said, next: now + FIRST, interval: FIRST });
            if is_said {
                self.said_at = Some(now);
            }
            return is_said.then(|| format!("{whom} {}: {why}; it is tried again", says.lost));
        };
        outage.failures += 1;
        if let Some(of) = of.filter(|of| !outage.waiting.contains(*of)) {
            outage.waiting.insert(of.to_owned());
        }
        if now < outage.next {
            return None;
        }
        outage.interval = (outage.interval * 2).min(LONGEST);
        outage.next = now + outage.interval;
        outage.is_said = true;
        self.said_at = Some(now);
        Some(format!(
            "{whom} {} {}: {why}; {} requests have failed{}",
            says.missing,
            span(outage.since, now),
            outage.failures,
            outage.who_waits()
        ))
    }

    /// A request was answered; what is to be said about it now.
    pub fn record_success(&mut self, now: Timestamp) -> Option<String> {
        let outage = self.outage.take().filter(|outage| outage.is_said)?;
        self.said_at = Some(now);
        let (whom, says, span) = (&self.whom, self.says.made, span(outage.since, now));
        Some(format!("{whom} {says}, after {span} and {} failed requests", outage.failures))
    }
}

impl Outage {
    fn who_waits(&self) -> String {
        let named: Vec<&str> = self.waiting.iter().take(NAMED).map(String::as_str).collect();
        match self.waiting.len() {
            0 => String::new(),
            count if count > NAMED => format!(", and {count} objects wait, {} among them", named.join(", ")),
            _ => format!(", and {} waits", named.join(", ")),
        }
    }
}

/// How long it is from one instant to another, in words.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::Connectivity;

    #[test]
    fn an_outage_is_said_at_growing_intervals_and_once_when_it_is_over() {
        let mut connectivity = Connectivity::asking("the API server");
        let begin = Timestamp::UNIX_EPOCH;
        let mut said = Vec::new();
        // Five failures a second, for four hours.
        for number in 0..4 * 3_600 * 5 {
            let now = begin + SignedDuration::from_millis(i64::from(number) * 200);
            let object = format!("TrafficShift shop/{}", number % 7);
            said.extend(
                connectivity.record_failure(now, Some(&object), "connection refused").map(|words| (now, words)),
            );
        }
        let minutes: Vec<i64> = said.iter().map(|(at, _)| at.as_second() / 60).collect();
        assert_eq!(minutes, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
        assert_eq!(said[0].1, "the API server does not answer: connection refused; it is tried again");
        let expected = "the API server has not answered for 7 min: connection refused; 2101 requests have failed, and 7 \
                        objects wait, TrafficShift shop/0, TrafficShift shop/1, TrafficShift shop/2 among them";
        assert_eq!(said[3].1, expected);
        let back = begin + SignedDuration::from_hours(4);
        let words = connectivity.record_success(back).unwrap();
        assert_eq!(words, "the API server answers again, after 4 h and 72000 failed requests");
        assert_eq!(connectivity.record_success(back), None);
        let later = back + SignedDuration::from_mins(1);
        assert!(
            connectivity.record_failure(later, None, "reset").unwrap().contains("does not answer"),
            "a new outage is said at once"
        );
    }

    #[test]
    fn contact_that_comes_and_goes_is_said_twice_a_minute_at_most() {
        let mut connectivity = Connectivity::asking("the API server");
        let mut said = 0;
        for second in 0..3_600 {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
            said += connectivity.record_failure(now, None, "reset").iter().count()
                + connectivity.record_success(now).iter().count();
        }
        assert_eq!(said, 120);
    }
}
