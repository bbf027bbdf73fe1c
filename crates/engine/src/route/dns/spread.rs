//! How far a change has come that stands at a name: it counts once all name servers have it.

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::{NameChange, NameLeft, NameRecords};

use crate::dns::{ChangeId, ChangeSync, Content, OwnRecords};
use crate::fact::{AwsError, ErrorKind};
use crate::reader::{Asked, Reader};
use crate::tick::Context;
use crate::weights;
use crate::write::Write;

use super::super::observed::Spreading;
use super::place::Place;
use super::plan::BALANCER_TTL;

/// After how long a change counts as in sync of which the identifier is lost. AWS names 60 s: "Propagation" under
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>
const IN_SYNC_BY_THEN: SignedDuration = SignedDuration::from_secs(120);
/// How often it is asked how far a change has come: up to an age, in such steps.
const POLLS: [(SignedDuration, SignedDuration); 3] = [
    (SignedDuration::from_secs(70), SignedDuration::from_secs(10)),
    (SignedDuration::from_mins(5), SignedDuration::from_secs(20)),
    (SignedDuration::MAX, SignedDuration::from_mins(1)),
];

/// When it was last asked how far a change has come that was accepted at an instant, as far as it was, and when it is next.
fn polls(accepted: Timestamp, now: Timestamp) -> (Option<Timestamp>, Timestamp) {
    let age = now.duration_since(accepted).max(SignedDuration::ZERO);
    let mut last = SignedDuration::ZERO;
    for (until, step) in POLLS {
        let span = age.min(until) - last;
        let steps = i32::try_from(span.as_secs() / step.as_secs().max(1)).unwrap_or(i32::MAX);
        last += step * steps;
        if age < until {
            let asked = (last > SignedDuration::ZERO).then(|| accepted + last);
            return (asked, accepted + last + step);
        }
    }
    (None, now + IN_SYNC_BY_THEN)
}

impl Place<'_> {
    /// Puts on record how far the change that stands there has come, and says what is waited for while it is on its way.
    pub fn follow_change(
        &self,
        context: &Context,
        record: &mut NameRecords,
        reader: &mut Reader<'_>,
    ) -> Asked<Option<Spreading>> {
        let own = match &self.standing {
            Ok(Some(own)) => own,
            Ok(None) => {
                // Nothing tells when name servers have what somebody else has done.
                let kept = record.change.take().map_or(BALANCER_TTL, |change| change.ttl_seconds);
                self.note_left((Some(self.read_at + IN_SYNC_BY_THEN), kept), true, record);
                return Some(None);
            }
            Err(_) => return Some(None),
        };
        let mut change = match record.change.take() {
            Some(known) if known.epoch == own.epoch => known,
            earlier => self.seen(own, earlier.as_ref()),
        };
        if let Some(accepted) = &context.accepted
            && let Write::Records(write) = &accepted.write
            && write.epoch == Some(own.epoch)
            && change.id.is_none()
        {
            change.id = accepted.change.as_ref().map(ToString::to_string);
            change.accepted_at = accepted.at;
        }
        // By a clock that was set back it would not be asked again for as long.
        change.accepted_at = change.accepted_at.min(context.now);
        let was_in_sync = change.in_sync_at.is_some();
        let next = if change.in_sync_at.is_none() { settle(&mut change, context.now, reader)? } else { None };
        let spreading = next.map(|(wake, unknown)| {
            let follow = unknown.map_or_else(
                || "its name servers follow, mostly within a minute".to_owned(),
                |error| format!("whether its name servers have it too cannot be read: {error}"),
            );
            Spreading { message: format!("Route 53 has it since {:.0}; {follow}", change.accepted_at), wake }
        });
        self.note_left((change.in_sync_at, change.ttl_seconds), was_in_sync, record);
        record.change = Some(change);
        Some(spreading)
    }

    /// Puts on record who has lost all weight, and until when resolvers may lead clients there.
    fn note_left(&self, (in_sync_at, kept): (Option<Timestamp>, u32), was_in_sync: bool, record: &mut NameRecords) {
        let Ok(live) = self.live_weights(self.members) else { return };
        let kept = SignedDuration::from_secs(kept.into());
        let carries = |environment: &str| weights::of(&live, environment) > 0;
        record.left.retain(|left| !carries(&left.environment) && self.members.contains_key(&left.environment));
        let carried = weights::carrying(&self.route.status.weights).into_iter().map(|entry| entry.environment);
        for environment in carried.filter(|environment| !carries(environment)) {
            record.left.retain(|left| left.environment != environment);
            // Nothing tells when name servers have what somebody else has changed since.
            let answers_until = was_in_sync.then(|| self.read_at + IN_SYNC_BY_THEN + kept);
            record.left.push(NameLeft { environment, answers_until });
        }
        record.left.sort();
        let forgotten = in_sync_at.map(|at| at + kept);
        for left in record.left.iter_mut().filter(|left| left.answers_until.is_none()) {
            left.answers_until = forgotten;
        }
    }

    /// A change that is seen for the first time, after an earlier one.
    fn seen(&self, own: &OwnRecords, earlier: Option<&NameChange>) -> NameChange {
        // The first of all is kept for as long as what was there before Weir, which may be longer.
        let first = || {
            let before = self.before().unwrap_or_default().into_iter();
            let ttl = before.filter_map(|record| match record.content {
                Content::Values { ttl, .. } => Some(ttl),
                Content::Alias(_) => None,
            });
            ttl.max().unwrap_or_default()
        };
        let kept = match earlier {
            Some(earlier) => still_kept(earlier, self.read_at),
            None if own.epoch == 1 => first(),
            None => 0,
        };
        let ttl_seconds = kept.max(BALANCER_TTL);
        NameChange { epoch: own.epoch, id: None, accepted_at: self.read_at, in_sync_at: None, ttl_seconds }
    }
}

/// For how many seconds more resolvers may keep what was answered before a change.
fn still_kept(change: &NameChange, now: Timestamp) -> u32 {
    let since = change.in_sync_at.map_or(0, |at| now.duration_since(at).as_secs().max(0));
    change.ttl_seconds.saturating_sub(u32::try_from(since).unwrap_or(u32::MAX))
}

/// Notes when a change was in sync, or says when it is to be asked again, and what refuses to tell.
fn settle<'f>(
    change: &mut NameChange,
    now: Timestamp,
    reader: &mut Reader<'f>,
) -> Asked<Option<(Timestamp, Option<&'f AwsError>)>> {
    if let Some(id) = &change.id {
        let (asked, next) = polls(change.accepted_at, now);
        let Some(asked) = asked else { return Some(Some((next, None))) };
        let reading = reader.change(&ChangeId::new(id), asked)?;
        match reading.found {
            Ok(ChangeSync::InSync) => {
                change.in_sync_at = Some(now);
                return Some(None);
            }
            Err(error) if error.kind == ErrorKind::NotFound => change.id = None,
            Ok(ChangeSync::Pending) => return Some(Some((next, None))),
            Err(error) => return Some(Some((next, Some(error).filter(|error| error.kind.is_refusal())))),
        }
    }
    let by_then = change.accepted_at + IN_SYNC_BY_THEN;
    if now < by_then {
        return Some(Some((by_then, None)));
    }
    change.in_sync_at = Some(by_then);
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_long_ago_is_kept_for_the_rest_of_its_time() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        let change = |in_sync_at: Option<i64>| NameChange {
            epoch: 1,
            id: None,
            accepted_at: at(0),
            in_sync_at: in_sync_at.map(at),
            ttl_seconds: 300,
        };
        assert_eq!(still_kept(&change(None), at(500)), 300, "some name servers may still answer it");
        assert_eq!(still_kept(&change(Some(40)), at(100)), 240);
        assert_eq!(still_kept(&change(Some(40)), at(340)), 0);
        assert_eq!(still_kept(&change(Some(40)), at(9_000)), 0);
        assert_eq!(still_kept(&change(Some(40)), at(0)), 300, "a clock that was set back");
    }

    #[test]
    fn it_is_asked_often_at_first_and_seldom_later() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        let asked = |second: i64| {
            let (last, next) = polls(at(0), at(second));
            (last.map(|last| last.duration_since(at(0)).as_secs()), next.duration_since(at(0)).as_secs())
        };
        assert_eq!(asked(0), (None, 10));
        assert_eq!(asked(9), (None, 10));
        assert_eq!(asked(10), (Some(10), 20));
        assert_eq!(asked(69), (Some(60), 70));
        assert_eq!(asked(70), (Some(70), 90));
        assert_eq!(asked(299), (Some(290), 310));
        assert_eq!(asked(300), (Some(290), 350));
        assert_eq!(asked(360), (Some(350), 410));
        // A clock that was set back asks as at the beginning.
        assert_eq!(asked(-100), (None, 10));
    }
}
