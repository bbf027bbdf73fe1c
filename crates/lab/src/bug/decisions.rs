//! Decisions made wrong: those of the engine, with what goes into them or comes out of them changed.

use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{Cause, HeldBy, Hold, Phase};
use weir_api::weighted_route::{Before, DriftPolicy};
use weir_controller::Decisions;
use weir_engine::dates::Dates;
use weir_engine::event::Event;
use weir_engine::guard::Recorded;
use weir_engine::kinds::{EntryPoints, Environments, Routes, Shifts};
use weir_engine::object::{RouteObject, ShiftObject};
use weir_engine::reader::Reader;
use weir_engine::tick::{Context, Urgency, Verdict};
use weir_engine::{Cluster, Key, Kind, KindName, Object, claim, weights};

use super::{Bug, planted};

/// How long a slow rollback waits.
const LINGERS: SignedDuration = SignedDuration::from_secs(90);

/// Decides as the engine does but for the planted bug.
#[derive(Debug)]
pub(crate) enum Wrongly {}

impl Decisions for Wrongly {
    type EntryPoints = EntryPoints;
    type Environments = Environments;
    type Routes = Altered<Routes>;
    type Shifts = Altered<Shifts>;
}

/// A kind whose decisions are altered.
#[derive(Debug)]
pub(crate) struct Altered<K>(PhantomData<K>);

/// How the decisions of a kind are altered.
pub(crate) trait Alter: Kind {
    /// Changes what a decision knows.
    fn before(bug: Bug, context: &mut Context, cluster: &mut Cluster, object: &mut Object<Self::Spec, Self::Status>);

    /// Changes what was decided.
    fn after(
        bug: Bug,
        context: &Context,
        cluster: &Cluster,
        object: &Object<Self::Spec, Self::Status>,
        verdict: &mut Verdict<Self::Status>,
    );
}

impl<K: Alter> Kind for Altered<K> {
    type Spec = K::Spec;
    type Status = K::Status;

    const NAME: KindName = K::NAME;

    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a Object<Self::Spec, Self::Status>> {
        K::find(cluster, key)
    }

    fn decide(
        context: &Context,
        cluster: &Cluster,
        object: &Object<Self::Spec, Self::Status>,
        reader: &mut Reader<'_>,
    ) -> Option<Verdict<Self::Status>> {
        let Some(bug) = planted() else { return K::decide(context, cluster, object, reader) };
        let (mut context, mut cluster, mut object) = (context.clone(), cluster.clone(), object.clone());
        K::before(bug, &mut context, &mut cluster, &mut object);
        let mut verdict = K::decide(&context, &cluster, &object, reader)?;
        K::after(bug, &context, &cluster, &object, &mut verdict);
        Some(verdict)
    }

    fn recorded<'a>(owner: &'a str, cluster: &'a Cluster, key: &Key) -> Option<Recorded<'a>> {
        K::recorded(owner, cluster, key)
    }

    fn events(old: &Self::Status, new: &Self::Status) -> Vec<Event> {
        K::events(old, new)
    }

    fn refused(now: Timestamp, status: &Self::Status, generation: i64, message: &str) -> Self::Status {
        K::refused(now, status, generation, message)
    }

    fn redate(status: &mut Self::Status, dates: &Dates) {
        if planted() != Some(Bug::TrustsTheClock) {
            K::redate(status, dates);
        }
    }

    fn urgency(cluster: &Cluster, object: &Object<Self::Spec, Self::Status>) -> Urgency {
        K::urgency(cluster, object)
    }
}

impl Alter for Routes {
    fn before(bug: Bug, context: &mut Context, cluster: &mut Cluster, route: &mut RouteObject) {
        match bug {
            // A rule that was there before is taken for one of Weir's own.
            Bug::MakesForeignRules => {
                route.spec.drift = DriftPolicy::Correct;
                let before = &mut route.status.listener_rule.before;
                *before = before.take().map(|_| Before::default());
            }
            Bug::FollowsRepointed if is_led_away(cluster, route) => {
                let place = &mut route.status.listener_rule;
                (place.listener, place.arn, place.marked) = (None, None, None);
            }
            Bug::HidesRefusals => context.write_error = None,
            Bug::FightsForever => route.status.reversals.clear(),
            _ => {}
        }
    }

    fn after(bug: Bug, context: &Context, cluster: &Cluster, route: &RouteObject, verdict: &mut Verdict<Self::Status>) {
        match bug {
            Bug::ClaimsUnseen => {
                if let Some(intent) = verdict.status.intent.as_mut().filter(|intent| intent.verified_at.is_none()) {
                    intent.verified_at = Some(context.now);
                    verdict.write = None;
                }
            }
            Bug::HotLoop => {
                verdict.status.live = verdict.status.live.take().map(|live| format!("{live} at {}", context.now));
            }
            Bug::FightsForever => verdict.status.reversals.clear(),
            Bug::Panics => {
                let moves_traffic = verdict.write.as_ref().is_some_and(|write| write.forward().is_some());
                assert!(!moves_traffic, "the planted bug");
            }
            Bug::HandsOver(bad) => {
                let altered = verdict.write.as_ref().and_then(|write| bad.of(write));
                verdict.write = altered.or(verdict.write.take());
            }
            Bug::SlowRollback => {
                let run = claim::holder(cluster, &route.key).and_then(|shift| shift.status.run.as_ref());
                let cause = run.and_then(|run| run.rollback.as_ref());
                if cause.is_some_and(|cause| context.now < cause.since + LINGERS) {
                    verdict.write = None;
                }
            }
            _ => {}
        }
    }
}

/// Whether an entry point has a listener of the route's name, and it is another than the one that the route knows.
fn is_led_away(cluster: &Cluster, route: &RouteObject) -> bool {
    let listeners = cluster.entry_points.values().flat_map(|entry_point| &entry_point.status.listeners);
    let entry = route.spec.entry.as_listener();
    let mut named = listeners.filter(|listener| entry.is_some_and(|entry| listener.name == entry.listener));
    route.status.listener_rule.listener.as_ref().is_some_and(|known| named.any(|listener| listener.arn != *known))
}

impl Alter for Shifts {
    fn before(bug: Bug, context: &mut Context, cluster: &mut Cluster, shift: &mut ShiftObject) {
        match bug {
            Bug::CutsStickyClients if shift.status.phase == Some(Phase::Baking) => {
                // Longer than clients stick, and not as long as a run may go without progress.
                context.now += SignedDuration::from_mins(6);
            }
            Bug::ForgetsEnds => {
                for key in cluster.routes.keys().cloned().collect::<Vec<_>>() {
                    cluster.routes.edit(&key, |route| route.status.last_run = None);
                }
            }
            _ => {}
        }
    }

    fn after(bug: Bug, context: &Context, _: &Cluster, shift: &ShiftObject, verdict: &mut Verdict<Self::Status>) {
        match bug {
            Bug::TakesUnknownForBad => {
                // Where somebody has taken the candidate out of the action, nobody knows how it is.
                let run = verdict.status.run.as_mut().filter(|run| run.rollback.is_none());
                let is_foreign = |hold: &Hold| hold.by == HeldBy::ForeignChange;
                if let Some(run) = run.filter(|run| run.hold.as_ref().is_some_and(is_foreign)) {
                    let message = "4 targets are not checked".to_owned();
                    run.rollback = Some(Cause { reason: "CandidateUnhealthy".to_owned(), message, since: context.now });
                    run.hold = None;
                }
            }
            Bug::ForgetsHeld => {
                let held = shift.status.run.as_ref().and_then(|run| run.hold.as_ref()).map(|hold| hold.by);
                let turns = verdict.status.run.as_ref().and_then(|run| run.rollback.as_ref());
                let is_seen = turns.is_some_and(|cause| cause.reason == "CandidateUnhealthy")
                    || verdict.status.waiting.as_ref().is_some_and(|waiting| waiting.reason == "NotGoingBack");
                if held == Some(HeldBy::ForeignChange) && is_seen {
                    verdict.status = shift.status.clone();
                }
            }
            Bug::KeepsFinalizer => verdict.finalizer = true,
            Bug::DropsAtOnce => {
                let run = verdict.status.run.as_mut().filter(|run| run.weight == 100 && run.rollback.is_none());
                for part in run.into_iter().flat_map(|run| &mut run.routes) {
                    part.weights = weights::carrying(&part.weights);
                }
            }
            Bug::Grows => {
                if let Some(run) = &mut verdict.status.run {
                    let seq = usize::try_from(run.seq).unwrap_or(0);
                    run.note = Some("one more change was made. ".repeat(seq * 100));
                }
            }
            _ => {}
        }
    }
}
