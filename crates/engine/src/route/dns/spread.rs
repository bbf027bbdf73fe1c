//! How far a change has come that stands at a name: it counts once all name servers have it.

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::{NameChange, NameRecords};

use crate::dns::{ChangeId, ChangeSync, Content, OwnRecords};
use crate::fact::ErrorKind;
use crate::reader::{Asked, Reader};
use crate::tick::Context;
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
        let Ok(Some(own)) = &self.standing else { return Some(None) };
        let known = record.change.take().filter(|change| change.epoch == own.epoch);
        let mut change = known.unwrap_or_else(|| self.seen(own));
        if let Some(accepted) = &context.accepted
            && let Write::Records(write) = &accepted.write
            && write.epoch == Some(own.epoch)
            && change.id.is_none()
        {
            change.id = accepted.change.as_ref().map(ToString::to_string);
            change.accepted_at = accepted.at;
        }
        let next = if change.in_sync_at.is_none() { settle(&mut change, context.now, reader)? } else { None };
        let spreading = next.map(|wake| Spreading {
            message: format!(
                "Route 53 has it since {:.0}; its name servers follow, mostly within a minute",
                change.accepted_at
            ),
            wake,
        });
        record.change = Some(change);
        Some(spreading)
    }

    /// A change that is seen for the first time.
    fn seen(&self, own: &OwnRecords) -> NameChange {
        // Before the first change of all something else was answered, which resolvers may keep for longer.
        let before = self.before().unwrap_or_default().into_iter();
        let ttl =
            before.filter_map(|record| if let Content::Values { ttl, .. } = record.content { Some(ttl) } else { None });
        let ttl_seconds = if own.epoch == 1 { ttl.max().unwrap_or_default().max(BALANCER_TTL) } else { BALANCER_TTL };
        NameChange { epoch: own.epoch, id: None, accepted_at: self.read_at, in_sync_at: None, ttl_seconds }
    }
}

/// Notes when a change was in sync, or says when it is to be asked again.
fn settle(change: &mut NameChange, now: Timestamp, reader: &mut Reader<'_>) -> Asked<Option<Timestamp>> {
    if let Some(id) = &change.id {
        let (asked, next) = polls(change.accepted_at, now);
        let Some(asked) = asked else { return Some(Some(next)) };
        let reading = reader.change(&ChangeId::new(id), asked)?;
        match reading.found {
            Ok(ChangeSync::InSync) => {
                change.in_sync_at = Some(now);
                return Some(None);
            }
            Err(error) if error.kind == ErrorKind::NotFound => change.id = None,
            Ok(ChangeSync::Pending) | Err(_) => return Some(Some(next)),
        }
    }
    let by_then = change.accepted_at + IN_SYNC_BY_THEN;
    if now < by_then {
        return Some(Some(by_then));
    }
    change.in_sync_at = Some(by_then);
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

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
