//! A change of a route that is on its way: how far it has come, and how it is written.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::{Correction, EnvironmentMembers, EnvironmentWeight, Intent};

use crate::Arn;
use crate::backend::{self, Members};
use crate::limits::Limits;
use crate::reader::{ANY_AGE, Asked, Reader};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::tick::AcceptedWrite;
use crate::weights;
use crate::write::Write;

use super::assessment::Assessment;
use super::capacity::{self, Demand};
use super::kind::{Place, Plan};
use super::observed::{Looked, Observed};

/// How long a difference must be seen, and what was set must have been live, before it is corrected, and how long after a
/// correction was written what it went over counts as live still: AWS may show the state before a write for some seconds
/// after it.
pub(super) const SETTLING: SignedDuration = SignedDuration::from_secs(10);

/// How far what is live has come on the way to what an intent wants.
pub(super) enum Progress {
    /// AWS shows exactly what is wanted.
    There,
    /// It was written by this process, and AWS may not show it before this instant: nothing is written until then. Of a
    /// listener these are corrections; any other change that is not seen yet is written again, in the same absolute values.
    OnTheWay(Timestamp),
    /// What is live is what the change starts from, or all but a detail of what it leads to.
    AtStart,
    /// Somebody else has set something else.
    Elsewhere,
}

/// A change of a route that is on its way.
pub(super) struct Change<'a> {
    pub looked: &'a Looked<'a>,
    pub place: &'a Place<'a>,
    pub observed: &'a Observed,
    pub plan: Plan,
}

/// The members of a split by the environments that they are of.
pub(super) fn members_of_split(split: &BTreeMap<Arn, u16>, members: &Members) -> Vec<EnvironmentMembers> {
    let environments = split.keys().filter_map(|arn| {
        let environment = backend::environment_of(members, arn)?;
        Some(members.get(environment)?.as_ref().ok()?.record(environment))
    });
    let mut environments: Vec<EnvironmentMembers> = environments.collect();
    environments.sort();
    environments
}

/// What is live, taken for what is held.
pub(super) fn held(looked: &Looked<'_>, place: &Place<'_>, observed: &Observed) -> Intent {
    let split = backend::by_member(looked.members, &observed.live).unwrap_or_default();
    let mut intent = Intent {
        since: looked.context.now,
        weights: observed.live.clone(),
        members: members_of_split(&split, looked.members),
        verified_at: Some(observed.read_at),
        ..Intent::default()
    };
    place.record_held(&mut intent);
    intent
}

impl<'a> Change<'a> {
    /// The recorded intent as a change that is on its way; the error says which environment is not known.
    pub fn of(
        looked: &'a Looked<'a>,
        place: &'a Place<'a>,
        observed: &'a Observed,
        intent: &Intent,
    ) -> Result<Self, String> {
        let split = backend::by_member(looked.members, &intent.weights)?;
        Ok(Self { looked, place, observed, plan: Plan::of(looked.route, split, intent) })
    }

    /// The weights that are live.
    pub fn live(&self) -> &'a [EnvironmentWeight] {
        &self.observed.live
    }

    /// How far what is live has come from what the change starts from.
    pub fn progress(&self, intent: &Intent, before: &[EnvironmentWeight]) -> Progress {
        if self.is_live(intent) {
            return Progress::There;
        }
        if !self.starts_right(intent, before) {
            return Progress::Elsewhere;
        }
        let correction = intent.correction.as_ref().filter(|correction| !self.has_attached(intent, correction));
        let shown_by = correction.and_then(|correction| self.shown_by(correction));
        shown_by.filter(|at| self.now() < *at).map_or(Progress::AtStart, Progress::OnTheWay)
    }

    /// Whether AWS shows exactly what is wanted.
    pub fn is_live(&self, intent: &Intent) -> bool {
        self.has_weights_of(intent) && self.place.shows(&self.plan)
    }

    /// Whether the weights of an intent are live, with those who have none where they have a place.
    pub fn has_weights_of(&self, intent: &Intent) -> bool {
        let keeps_idle = Limits::of(&self.looked.route.spec.entry).keeps_idle;
        let is_same = if keeps_idle { weights::same_action } else { weights::same_split };
        is_same(self.live(), &intent.weights)
    }

    fn starts_right(&self, intent: &Intent, before: &[EnvironmentWeight]) -> bool {
        let over = intent.correction.as_ref().map(|correction| correction.over.as_slice());
        weights::same_split(self.live(), before)
            || weights::same_split(self.live(), &intent.weights)
            || over.is_some_and(|over| weights::same_split(self.live(), over) && !self.is_undone(intent))
    }

    /// Whether a correction was written and has been undone before it was seen: what it went over is live again, or still.
    ///
    /// One that was decided and not written, since the process died or had to wait, is no change of anybody's. So it counts
    /// that this process has written it; or that this is on record, as a difference that is seen.
    fn is_undone(&self, intent: &Intent) -> bool {
        let Some(correction) = intent.correction.as_ref() else { return false };
        let is_noted = self.looked.route.status.difference.as_ref().is_some_and(|noted| noted.found == self.live());
        let is_written = self.shown_by(correction).is_some_and(|at| self.now() >= at);
        weights::same_split(&correction.over, self.live())
            && !self.has_attached(intent, correction)
            && (is_noted || is_written)
    }

    /// Whether a correction that first attaches members has done so, and their health is waited for.
    fn has_attached(&self, intent: &Intent, correction: &Correction) -> bool {
        correction.attaching && self.unattached(intent).is_none()
    }

    /// When a correction that this process has written counts as undone if it is not seen to be live by then.
    fn shown_by(&self, correction: &Correction) -> Option<Timestamp> {
        let context = self.looked.context;
        let AcceptedWrite { at, write, .. } = context.accepted.as_ref().filter(|_| context.write_error.is_none())?;
        let is_it = write.split().is_some() && (correction.attaching || self.plan.is_made_by(write));
        (is_it && *at >= correction.since).then_some(*at + SETTLING)
    }

    /// What is live with the members attached that an intent will give weight and that somebody else has detached; none
    /// where all are there, or would be too many. Only attached groups have their health checked.
    pub fn unattached(&self, intent: &Intent) -> Option<Vec<EnvironmentWeight>> {
        unattached(self.looked, &intent.weights, self.live())
    }

    /// Attaches members without weight, so that their health is checked.
    pub fn attaching(&self, attached: &[EnvironmentWeight], reader: &mut Reader<'_>) -> Asked<Assessment> {
        let split = match backend::by_member(self.looked.members, attached) {
            Ok(split) => split,
            Err(message) => return Some(Assessment::waiting_for_environment(message)),
        };
        let plan = match self.place.plan(split, None, ANY_AGE, reader)? {
            Ok(plan) => plan,
            Err(ready_state) => return Some(Assessment::unknown(ready_state)),
        };
        Some(Assessment::applying(self.writing(&plan), awaited_attached(attached)))
    }

    /// Writes an intent that is not seen to be live yet; the error says what capacity is missing for an environment
    /// that gains.
    pub fn pursue(&self, intent: &Intent, reader: &mut Reader<'_>) -> Asked<Result<Assessment, String>> {
        let percent = self.looked.route.spec.capacity.min_healthy_percent;
        let returns = match (&intent.correction, &intent.follow) {
            (Some(correction), _) => correction.was_live_at.is_some(),
            (None, Some(follow)) => weights::goes_back(self.live(), &intent.weights, &follow.from),
            (None, None) => false,
        };
        let measure = (intent.baseline.unwrap_or(0), percent);
        if let Err(short) = can_take_from_others(
            self.looked,
            self.place,
            self.plan.spares_others(),
            (&intent.weights, measure),
            reader,
        )? {
            return Some(Err(short));
        }
        let is_attaching = weights::same_split(self.live(), &intent.weights);
        if !is_attaching && weights::total(self.live()) > 0 {
            let needs = capacity::needs(
                intent.baseline.unwrap_or(0),
                percent,
                Limits::of(&self.looked.route.spec.entry).headroom,
            );
            let demand = Demand { live: self.live(), wanted: &intent.weights, needs, returns };
            if let Err(short) = capacity::suffices(&demand, self.looked.members, reader)? {
                return Some(Err(short));
            }
        }
        let kept = intent.correction.is_some().then(|| self.place.keeping_attached(&self.plan));
        let write = self.writing(kept.as_ref().unwrap_or(&self.plan));
        Some(Ok(Assessment::applying(write, awaited(&intent.weights))))
    }

    /// What is live as wanted and has not reached everybody yet is waited for.
    pub fn spreading(&self) -> Option<Assessment> {
        let spreading = self.observed.spreading.as_ref()?;
        let message = format!("{} is live: {}", weights::words(self.live()), spreading.message);
        Some(Assessment { look_again: false, wake: Some(spreading.wake), ..Assessment::applying(None, message) })
    }

    /// The write that makes a plan so; `None` where nothing does.
    pub fn writing(&self, plan: &Plan) -> Option<Write> {
        self.place.write(&self.looked.context.owner, plan)
    }

    /// What is wanted is live.
    pub fn applied(&self) -> Assessment {
        let reason = because(Reason::Applied, format!("{} is live", weights::words(self.live())));
        Assessment::settled(ReadyState::Ready(reason.clone()), reason)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.looked.context.now
    }
}

/// Whether all who shall carry traffic have the healthy targets for their parts, where some of it is taken from others; the
/// error says of the first that has not what is missing.
pub(super) fn can_take_from_others(
    looked: &Looked<'_>,
    place: &Place<'_>,
    spares_others: bool,
    (wanted, (baseline, percent)): (&[EnvironmentWeight], (i32, i32)),
    reader: &mut Reader<'_>,
) -> Asked<Result<(), String>> {
    if !place.takes_from_others(spares_others) {
        return Some(Ok(()));
    }
    let needs = capacity::needs(baseline, percent, Limits::of(&looked.route.spec.entry).headroom);
    let carrying = weights::carrying(wanted);
    let carrying: Vec<&str> = carrying.iter().map(|entry| entry.environment.as_str()).collect();
    capacity::carries(&carrying, wanted, needs, looked.members, reader)
}

/// What is waited for while weights are being written.
pub(super) fn awaited(weights: &[EnvironmentWeight]) -> String {
    format!("waiting for {} to be live", weights::words(weights))
}

/// What is waited for while members are being attached.
pub(super) fn awaited_attached(weights: &[EnvironmentWeight]) -> String {
    format!("waiting for {} to be attached", weights::words(weights))
}

/// What is live with those attached that will get weight and are not there; see [`Change::unattached`].
pub(super) fn unattached(
    looked: &Looked<'_>,
    wanted: &[EnvironmentWeight],
    live: &[EnvironmentWeight],
) -> Option<Vec<EnvironmentWeight>> {
    let attached = weights::with_attached(&weights::carrying(live), &weights::carrying(wanted));
    let is_new = |entry: &&EnvironmentWeight| !live.iter().any(|there| there.environment == entry.environment);
    let limits = Limits::of(&looked.route.spec.entry);
    let is_room = limits.keeps_idle && attached.len() <= limits.members;
    (is_room && attached.iter().any(|entry| is_new(&entry))).then_some(attached)
}
