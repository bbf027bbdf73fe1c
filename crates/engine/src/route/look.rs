//! Looks at a route: finds its place, observes what is there, and assesses that against what is wanted.
//!
//! Each stage hands the next one what it has found. What a look did not come to see stays on record as it was.

use std::mem;

use jiff::Timestamp;
use weir_api::WeightedRouteStatus;
use weir_api::weighted_route::RouteDeletionPolicy;

use crate::access::{self, Access};
use crate::backend;
use crate::object::RouteObject;
use crate::reader::{ANY_AGE, Asked, Reader};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::weights;
use crate::write::BEFORE_TAG;

use super::assessment::Assessment;
use super::change::held;
use super::command::{self, Accepted};
use super::kind::{self, Place, PlaceRecord, describe_place};
use super::observed::{Looked, Marks, Observed};
use super::record::Record;
use super::target::Target;
use super::{chosen, correction, drift, full, gone, rest, run};

/// What a route says while it leaves a listener.
const LEAVING: &str = "what is on the old listener is left as it is";

/// What a look at a route has found.
pub(super) struct Look {
    /// What is to be recorded of the place.
    pub place: PlaceRecord,
    /// What is to be recorded of what is wanted.
    pub record: Record,
    /// By which access the place was found; `None` where it was not.
    found_by: Option<Access>,
    /// What was seen there; `None` where it was not understood.
    observed: Option<Observed>,
    /// Whether the route leaves the place that it has, with all that was known of that.
    leaves: bool,
}

impl Look {
    /// Nothing was looked at yet.
    pub fn begin(route: &RouteObject) -> Self {
        Self { place: PlaceRecord::of(route), record: Record::of(route), found_by: None, observed: None, leaves: false }
    }

    /// When to look again how far has come what has not reached everybody yet.
    pub fn spreading_wake(&self) -> Option<Timestamp> {
        self.observed.as_ref()?.spreading.as_ref().map(|spreading| spreading.wake)
    }

    /// The status that says what was seen and decided, but for its conditions.
    pub fn report(&self, looked: &Looked<'_>) -> WeightedRouteStatus {
        let route = looked.route;
        let known = || WeightedRouteStatus { full_traffic: route.status.full_traffic.clone(), ..Default::default() };
        let mut status = if self.leaves { known() } else { route.status.clone() };
        status.observed_generation = Some(route.generation);
        self.place.clone().put(&mut status);
        self.record.clone().put(&mut status);
        if let Some(access) = &self.found_by {
            status.aws = access::record(access);
        }
        if let Some(observed) = &self.observed {
            status.live = Some(weights::words(&observed.live));
            status.weights.clone_from(&observed.live);
            status.members = backend::members_of(looked.members, &observed.live);
            // What is gone remembers nothing, and what it did stays known.
            if !observed.is_gone {
                status.last_run.clone_from(&observed.last_run);
            }
            full::note(looked, &mut status);
        }
        status
    }
}

/// Looks at a route.
pub(super) fn look<'a, 'f: 'a>(looked: &Looked<'a>, reader: &mut Reader<'f>) -> Asked<(Look, Assessment)> {
    let mut look = Look::begin(looked.route);
    let assessment = match look.find(looked, reader)? {
        Ok(place) => look.assess(looked, &place, reader)?,
        Err(assessment) => assessment,
    };
    Some((look, assessment))
}

impl Look {
    /// Finds the place; the error says why the route is not looked at there.
    fn find<'a, 'f: 'a>(
        &mut self,
        looked: &Looked<'a>,
        reader: &mut Reader<'f>,
    ) -> Asked<Result<Place<'a>, Assessment>> {
        // What is live is held; only traffic that is on its way back goes the rest of it, and no rule is made for that.
        let (place, refusal) = kind::refusal(looked, reader)?;
        self.place = place;
        if let Some(reason) = refusal.clone().filter(|_| !looked.goes_back()) {
            return Some(Err(Assessment::refused(reason)));
        }
        if kind::is_led_away(looked.cluster, looked.route) && command::leaves_place(looked, &mut self.record) {
            (self.leaves, self.place) = (true, PlaceRecord::default());
            let reason = because(Reason::ListenerChanged, LEAVING);
            return Some(Err(Assessment::unknown(ReadyState::Working(reason))));
        }
        let (place, found) = kind::find(looked, mem::take(&mut self.place), is_at_rest(looked), reader)?;
        self.place = place;
        let place = match found {
            Ok(place) => place,
            Err(ready_state) => return Some(Err(Assessment::unknown(ready_state))),
        };
        if let Some(reason) = refusal.filter(|_| !place.answers()) {
            return Some(Err(Assessment::refused(reason)));
        }
        place.record(&mut self.place);
        self.found_by = Some(reader.access().clone());
        Some(Ok(place))
    }

    /// Observes what is there, and assesses it.
    fn assess(&mut self, looked: &Looked<'_>, place: &Place<'_>, reader: &mut Reader<'_>) -> Asked<Assessment> {
        if let Some(gone) = place.gone()
            && let Some(assessment) = gone::meet(looked, gone, self.place.made_by_weir(), &mut self.record)
        {
            place.record_live(&mut self.place);
            place.follow_change(looked.context, &mut self.place, reader)?;
            self.observed = Some(place.observed());
            return Some(assessment);
        }
        // What nobody wants to move does not hold up the rest.
        if let Some(reason) = place.mismatch(looked.members, |environment| looked.target.touches(environment)) {
            return Some(Assessment::unknown(ReadyState::Stalled(reason)));
        }
        let (marks, observed) = match self.observe(looked, place, reader)? {
            Ok(seen) => seen,
            Err(ready_state) => return Some(Assessment::unknown(ready_state)),
        };
        let observed = self.observed.insert(observed);
        let is_foreign = !marks.is_ours && observed.exists;
        if is_foreign && !place.is_adoptable() && matches!(looked.target, Target::Hold) {
            let message = "others carry the traffic, and nobody says who shall: give spec.weights, or name the route in a \
                           TrafficShift";
            let reason = because(Reason::NoTraffic, message);
            return Some(Assessment::settled(ReadyState::Ready(reason.clone()), reason));
        }
        if is_foreign && place.is_adoptable() {
            return Some(match place.adoption(&looked.context.owner, &marks, &self.place) {
                Ok(write) => {
                    let message = format!("{} is being marked as this route's", describe_place(looked.route));
                    Assessment { write, look_again: true, ..Assessment::working(because(Reason::Adopting, message)) }
                }
                Err(ready_state) => Assessment::unknown(ready_state),
            });
        }
        if let Some(since) = correction::since(looked.route, looked.context.now)
            && let Err(ready_state) = place.is_free(looked, since, reader)?
        {
            return Some(Assessment::unknown(ready_state));
        }
        let record = &mut self.record;
        match command::accepts(looked, (&observed.live, place.unwanted()), record) {
            Some(Accepted::Live) => {
                record.intent = Some(held(looked, place, observed)).filter(|_| !observed.live.is_empty());
                record.difference = None;
            }
            Some(Accepted::Held) => {
                drift::set_again(looked, observed, record);
                return Some(Assessment::applying(None, "what was held is set again".to_owned()));
            }
            Some(Accepted::Nothing) => self.place.set_marked(None),
            None => {}
        }
        match looked.target {
            Target::Run(run) => run::follow(looked, run, place, observed, record, reader),
            Target::Chosen(goal) => chosen::follow(looked, goal, place, observed, record, reader),
            Target::Hold => match forgotten(looked, observed, &self.place) {
                Some(assessment) => Some(assessment),
                None => rest::at_rest(looked, place, observed, record, reader),
            },
        }
    }

    /// Reads the marks on the place and the weights there, and carries out the command that lets it be marked again; the error
    /// says why nothing must be done there.
    fn observe(
        &mut self,
        looked: &Looked<'_>,
        place: &Place<'_>,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<(Marks, Observed), ReadyState>> {
        let owner = &looked.context.owner;
        // Marks are read again before somebody else's change is undone: the place may have been taken over. And before each
        // write: whose the place is can change between two steps.
        let begun = looked.run().map_or(ANY_AGE, |run| run.run.started_at);
        let corrected = correction::since(looked.route, looked.context.now).unwrap_or(ANY_AGE);
        let tags_from = if is_at_rest(looked) { begun.max(corrected) } else { reader.fresh() };
        let marks = match place.marks(looked, tags_from, reader)? {
            Ok(marks) if marks.is_ours => Ok(marks),
            // Somebody may have put right meanwhile what is said of them; and no place is marked by an old reading.
            _ => place.marks(looked, tags_from.max(reader.fresh()), reader)?,
        };
        let was_marked = place.resource().is_some_and(|resource| self.place.is_marked(resource));
        let marks = match marks {
            Ok(marks) => marks,
            Err(ready_state) => {
                let is_bare = was_marked && ready_state.explanation().reason == Reason::NotAdopted;
                return Some(Err(if is_bare { marks_removed(looked) } else { ready_state }));
            }
        };
        place.record_original(&marks, owner, &mut self.place);
        if let Some(resource) = place.resource().filter(|_| marks.is_ours) {
            self.place.set_marked(Some(resource));
        } else if was_marked && let Err(ready_state) = self.mark_again(looked) {
            return Some(Err(ready_state));
        }
        let live = match place.live_weights(looked.members, marks.is_ours) {
            Ok(live) => live,
            Err(ready_state) => return Some(Err(ready_state)),
        };
        place.record_live(&mut self.place);
        let spreading = place.follow_change(looked.context, &mut self.place, reader)?;
        let last_run = marks.last_run.clone();
        Some(Ok((marks, Observed { live, last_run, spreading, ..place.observed() })))
    }

    /// A place that has carried this route's marks and does not any more was taken away: it is not marked again unless
    /// somebody says `resume`.
    fn mark_again(&mut self, looked: &Looked<'_>) -> Result<(), ReadyState> {
        if !matches!(command::new(looked.route, &self.record), Some(command::New::Resume)) {
            return Err(marks_removed(looked));
        }
        self.place.set_marked(None);
        let done = "accepted: the route's marks are put on AWS again";
        command::note(looked, &mut self.record, Ok(done.to_owned()));
        Ok(())
    }
}

/// Whether what is recorded asks for nothing now, so that readings of any age will do.
fn is_at_rest(looked: &Looked<'_>) -> bool {
    let (route, now) = (looked.route, looked.context.now);
    let rests = match looked.target {
        Target::Chosen(goal) => chosen::rests(route, goal, now),
        Target::Run(run) => run.is_settled(route),
        Target::Hold => route.status.intent.as_ref().is_none_or(|intent| !rest::is_under_way(intent, now)),
    };
    rests && correction::due(route).is_none_or(|due| now < due)
}

fn marks_removed(looked: &Looked<'_>) -> ReadyState {
    let (owner, route) = (&looked.context.owner, looked.route);
    let (marks, by_hand) = kind::describe_marks(owner, route);
    let way_back =
        if route.spec.adopt { "give the command resume to have it marked again".to_owned() } else { by_hand };
    let message = format!(
        "the marks of this route ({marks}) were removed from {}, so nothing more is written \
         there. If that was a mistake, {way_back}; else delete this route",
        describe_place(route)
    );
    ReadyState::Stalled(because(Reason::MarksRemoved, message))
}

/// What was there before Weir is not known, so that the route cannot keep the word that its policy gives.
fn forgotten(looked: &Looked<'_>, observed: &Observed, place: &PlaceRecord) -> Option<Assessment> {
    let restores = looked.route.spec.deletion_policy == RouteDeletionPolicy::Restore;
    if !restores || place.has_original() || !observed.exists {
        return None;
    }
    let message = format!(
        "spec.deletionPolicy is Restore, but what was at {} before Weir is not on record (the tags {BEFORE_TAG}… are not \
         there); write deletionPolicy: Retain, or Delete for a rule",
        describe_place(looked.route)
    );
    Some(Assessment::refused(because(Reason::NotRestorable, message)))
}
