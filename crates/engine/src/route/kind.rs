//! The seam between what all kinds of routes have in common and what one kind is: each question that the rest asks about a
//! place has one function here, with an arm for each kind.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_api::WeightedRouteStatus;
use weir_api::weighted_route::{Entry, EnvironmentWeight, Intent, ListenerRule, NameRecords, RunMemory};

use crate::Arn;
use crate::backend::Members;
use crate::dns::ZoneId;
use crate::fact::{Query, Tags};
use crate::object::{Cluster, RouteObject};
use crate::reader::{Asked, Facts, Reader};
use crate::ready_state::{Explanation, ReadyState};
use crate::tick::Context;
use crate::write::{OWNER_TAG, ROUTE_TAG, RecordsWrite, Write};

use super::dns::{self, DnsRoute};
use super::listener::{self, ListenerRoute};
use super::observed::{Gone, Looked, Marks, Observed, Spreading};
use super::undo::Undo;

/// A place that was found.
pub(super) enum Place<'a> {
    /// On a listener.
    Listener(listener::Place<'a>),
    /// A name in DNS.
    Dns(Box<dns::Place<'a>>),
}

/// What a change makes of a place.
#[derive(Clone)]
pub(super) enum Plan {
    /// Of a place on a listener.
    Listener(listener::Plan),
    /// Of a name in DNS.
    Dns(dns::Plan),
}

/// What is on record of a place.
#[derive(Clone, Debug, Default)]
pub(super) struct PlaceRecord {
    listener_rule: ListenerRule,
    dns: NameRecords,
}

/// The place of a route in words.
pub fn describe_place(route: &RouteObject) -> String {
    match &route.spec.entry {
        Entry::Listener(entry) => listener::describe(ListenerRoute::new(route, entry)),
        Entry::Dns(entry) => dns::describe(DnsRoute::new(route, entry)),
    }
}

/// For how long those who carry nothing any more stay attached, since they may still get requests by what an intent has made live.
pub(super) fn tail(route: &RouteObject, intent: &Intent) -> SignedDuration {
    match &route.spec.entry {
        Entry::Listener(_) => listener::tail(intent),
        // A balancer without weight has no record.
        Entry::Dns(_) => SignedDuration::ZERO,
    }
}

/// Until when resolvers may lead clients to environments that have no weight any more; `None` where none ever did.
pub fn answers_until(route: &RouteObject) -> Option<Timestamp> {
    route.status.dns.left.iter().filter_map(|left| left.answers_until).max()
}

/// Whether the end of a run can be remembered at the place of a route: at a name only beside what was there before.
pub fn can_remember(route: &RouteObject) -> bool {
    DnsRoute::of(route).is_none() || route.status.dns.before.is_some()
}

/// Whether the spec asks for something beside weights that an intent has not made live.
pub(super) fn wants_other_settings(route: &RouteObject, intent: &Intent) -> bool {
    match &route.spec.entry {
        Entry::Listener(_) => listener::wants_other_settings(route, intent),
        Entry::Dns(entry) => dns::wants_other_settings(DnsRoute::new(route, entry), intent),
    }
}

/// Whether what is wanted of a route has led it elsewhere than where it has its place.
pub(super) fn is_led_away(cluster: &Cluster, route: &RouteObject) -> bool {
    match &route.spec.entry {
        Entry::Listener(_) => listener::is_led_away(cluster, route),
        Entry::Dns(_) => false,
    }
}

/// Why a route may not be where it wants to be, and what is to be recorded of where it is.
pub(super) fn refusal(looked: &Looked<'_>, reader: &mut Reader<'_>) -> Asked<(PlaceRecord, Option<Explanation>)> {
    match &looked.route.spec.entry {
        Entry::Listener(entry) => {
            let route = ListenerRoute::new(looked.route, entry);
            let (listener_rule, refusal) = listener::refusal(looked, route, reader)?;
            Some((PlaceRecord { listener_rule, ..PlaceRecord::default() }, refusal))
        }
        Entry::Dns(entry) => {
            let (dns, refusal) = dns::refusal(looked, DnsRoute::new(looked.route, entry));
            Some((PlaceRecord { dns, ..PlaceRecord::default() }, refusal))
        }
    }
}

/// Finds the place of a route, and what is to be recorded of where it is, as far as it was found.
pub(super) fn find<'a, 'f: 'a>(
    looked: &Looked<'a>,
    record: PlaceRecord,
    any_age: bool,
    reader: &mut Reader<'f>,
) -> Asked<(PlaceRecord, Result<Place<'a>, ReadyState>)> {
    match &looked.route.spec.entry {
        Entry::Listener(entry) => {
            let route = ListenerRoute::new(looked.route, entry);
            let (listener_rule, found) = listener::find(looked, route, record.listener_rule, any_age, reader)?;
            Some((PlaceRecord { listener_rule, ..PlaceRecord::default() }, found.map(Place::Listener)))
        }
        Entry::Dns(entry) => {
            let route = DnsRoute::new(looked.route, entry);
            let (dns, found) = dns::find(looked, route, record.dns, any_age, reader)?;
            Some((PlaceRecord { dns, ..PlaceRecord::default() }, found.map(|place| Place::Dns(Box::new(place)))))
        }
    }
}

/// Finds the place of a route that is being deleted; `None` where it is gone. The error says what keeps it from being seen.
pub(super) fn find_to_leave<'a, 'f: 'a>(
    looked: &Looked<'a>,
    reader: &mut Reader<'f>,
) -> Asked<Result<Option<Place<'a>>, String>> {
    match &looked.route.spec.entry {
        Entry::Listener(entry) => {
            let found = listener::find_to_leave(looked.cluster, ListenerRoute::new(looked.route, entry), reader)?;
            Some(found.map(|place| place.map(Place::Listener)))
        }
        Entry::Dns(entry) => {
            let found = dns::find_to_leave(looked, DnsRoute::new(looked.route, entry), reader)?;
            Some(found.map(|place| place.map(|place| Place::Dns(Box::new(place)))))
        }
    }
}

/// Why AWS would refuse a write for good.
pub(super) fn unusable(
    cluster: &Cluster,
    route: &RouteObject,
    write: &Write,
    reader: &mut Reader<'_>,
) -> Asked<Result<(), Explanation>> {
    match (&route.spec.entry, write) {
        (Entry::Listener(entry), Write::Listener(write)) => {
            listener::usable::refusal(cluster, ListenerRoute::new(route, entry), write, reader)
        }
        (Entry::Listener(_), Write::Records(_) | Write::Tags(_)) | (Entry::Dns(_), _) => Some(Ok(())),
    }
}

/// Why the place of a route gets no request.
pub(super) fn shadowed(
    route: &RouteObject,
    record: &PlaceRecord,
    reader: &mut Reader<'_>,
) -> Asked<Option<Explanation>> {
    match &route.spec.entry {
        Entry::Listener(entry) => listener::shadowed(ListenerRoute::new(route, entry), &record.listener_rule, reader),
        Entry::Dns(_) => Some(None),
    }
}

impl PlaceRecord {
    /// What a route has on record.
    pub fn of(route: &RouteObject) -> Self {
        Self { listener_rule: route.status.listener_rule.clone(), dns: route.status.dns.clone() }
    }

    /// Puts it into a status.
    pub fn put(self, status: &mut WeightedRouteStatus) {
        (status.listener_rule, status.dns) = (self.listener_rule, self.dns);
    }

    /// Whether Weir made what splits the traffic there: there was nothing before it.
    pub fn made_by_weir(&self) -> bool {
        // Weir knows all of its records at a name, whoever was there before.
        self.dns.marked || listener::made_by_weir(&self.listener_rule)
    }

    /// Whether it is known what was there before Weir.
    pub fn has_original(&self) -> bool {
        self.listener_rule.before.is_some() || self.dns.before.is_some()
    }

    /// Whether something was seen to carry the route's marks.
    pub fn is_marked(&self, resource: &Arn) -> bool {
        self.dns.marked || self.listener_rule.marked.as_deref() == Some(resource.as_str())
    }

    /// What was seen to carry the route's marks is forgotten, or is this.
    pub fn set_marked(&mut self, resource: Option<&Arn>) {
        match resource {
            Some(zone) if ZoneId::of_arn(zone.as_str()).is_some() => self.dns.marked = true,
            _ => (self.listener_rule.marked, self.dns.marked) = (resource.map(Arn::to_string), false),
        }
    }

    /// Whether what is on record of the place carries the route's marks by a reading that is there.
    pub fn carries_marks(&self, owner: &str, route: &RouteObject, facts: &Facts) -> Option<bool> {
        if let Some(name) = DnsRoute::of(route) {
            return name.carries_marks(owner, facts);
        }
        let arn = self.listener_rule.arn.as_ref()?;
        let tags = facts.last::<Tags>(Query::Tags(Arn::new(arn)))?.found.ok()?;
        Some(listener::is_marked(tags, owner, &route.key))
    }
}

impl Plan {
    /// What a recorded intent makes of a place: these weights of its members.
    pub fn of(route: &RouteObject, split: BTreeMap<Arn, u16>, intent: &Intent) -> Self {
        match &route.spec.entry {
            Entry::Listener(_) => Self::Listener(listener::Plan::of(split, intent)),
            Entry::Dns(_) => Self::Dns(dns::Plan::of(split, intent)),
        }
    }

    /// Whether records of others stay as they are.
    pub fn spares_others(&self) -> bool {
        match self {
            Self::Listener(_) => false,
            Self::Dns(plan) => plan.spares_others(),
        }
    }

    /// It, with records of others as they are.
    pub fn sparing_others(self) -> Self {
        match self {
            Self::Listener(plan) => Self::Listener(plan),
            Self::Dns(plan) => Self::Dns(plan.sparing_others()),
        }
    }

    /// The weights of the members.
    pub fn split(&self) -> &BTreeMap<Arn, u16> {
        match self {
            Self::Listener(plan) => plan.split(),
            Self::Dns(plan) => plan.split(),
        }
    }

    /// Puts on record what is wanted besides weights.
    pub fn record(&self, intent: &mut Intent) {
        match self {
            Self::Listener(plan) => plan.record(intent),
            Self::Dns(plan) => plan.record(intent),
        }
    }

    /// Whether a write makes it so.
    pub fn is_made_by(&self, write: &Write) -> bool {
        match self {
            Self::Listener(plan) => plan.is_made_by(write),
            Self::Dns(plan) => plan.is_made_by(write),
        }
    }
}

impl Place<'_> {
    /// When it was read.
    pub fn read_at(&self) -> Timestamp {
        match self {
            Self::Listener(place) => place.read_at,
            Self::Dns(place) => place.read_at,
        }
    }

    /// The place as it was found, with nothing that is live.
    pub fn observed(&self) -> Observed {
        let (exists, is_gone) = (self.resource().is_some(), self.gone().is_some());
        Observed { read_at: self.read_at(), exists, is_gone, live: Vec::new(), last_run: None, spreading: None }
    }

    /// Asks for a reading of it that is not older than an instant.
    pub fn read_since(&self, at: Timestamp, reader: &mut Reader<'_>) -> Asked<()> {
        match self {
            Self::Listener(place) => place.read_since(at, reader),
            Self::Dns(place) => place.read_since(at, reader),
        }
    }

    /// Whether there is something that answers requests.
    pub fn answers(&self) -> bool {
        match self {
            Self::Listener(place) => place.answers(),
            Self::Dns(place) => place.answers(),
        }
    }

    /// What of it is no more, where the route had its place here.
    pub fn gone(&self) -> Option<Gone> {
        match self {
            Self::Listener(place) => place.gone,
            Self::Dns(place) => place.gone,
        }
    }

    /// What carries the marks; `None` where there is nothing yet, or no more.
    pub fn resource(&self) -> Option<&Arn> {
        match self {
            Self::Listener(place) => place.resource(),
            Self::Dns(place) => place.resource(),
        }
    }

    /// Puts on record where it is.
    pub fn record(&self, record: &mut PlaceRecord) {
        match self {
            Self::Listener(place) => record.listener_rule.priority = place.priority(),
            Self::Dns(_) => {}
        }
    }

    /// Puts on record what was there before Weir.
    pub fn record_original(&self, marks: &Marks, owner: &str, record: &mut PlaceRecord) {
        match self {
            Self::Listener(place) => record.listener_rule.before = place.original(marks, owner),
            Self::Dns(place) => place.record_original(&mut record.dns),
        }
    }

    /// Puts on record what is live besides weights.
    pub fn record_live(&self, record: &mut PlaceRecord) {
        match self {
            Self::Listener(place) => record.listener_rule.sticky_seconds = place.sticky_seconds(),
            Self::Dns(_) => {}
        }
    }

    /// Puts on record how far the change that stands there has come; what it says, where it has not reached everybody yet.
    pub fn follow_change(
        &self,
        context: &Context,
        record: &mut PlaceRecord,
        reader: &mut Reader<'_>,
    ) -> Asked<Option<Spreading>> {
        match self {
            // The nodes of a balancer follow within seconds, and nothing tells when.
            Self::Listener(_) => Some(None),
            Self::Dns(place) => place.follow_change(context, &mut record.dns, reader),
        }
    }

    /// Why members that are concerned cannot be used there.
    pub fn mismatch(&self, members: &Members, is_concerned: impl Fn(&str) -> bool) -> Option<Explanation> {
        match self {
            Self::Listener(place) => place.mismatch(members, is_concerned),
            Self::Dns(place) => place.mismatch(members, is_concerned),
        }
    }

    /// The marks on it; the error says why Weir must not touch it.
    pub fn marks(
        &self,
        looked: &Looked<'_>,
        not_before: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<Marks, ReadyState>> {
        match self {
            Self::Listener(place) => place.marks(looked, not_before, reader),
            Self::Dns(place) => place.marks(looked, not_before, reader),
        }
    }

    /// The weights that are live, by environment; the error says why they cannot be told.
    pub fn live_weights(&self, members: &Members, is_ours: bool) -> Result<Vec<EnvironmentWeight>, ReadyState> {
        match self {
            Self::Listener(place) => place.live_weights(members, is_ours),
            Self::Dns(place) => place.live_weights(members),
        }
    }

    /// Whether nobody else has taken over what it is part of, since an instant; the error says so.
    pub fn is_free(
        &self,
        looked: &Looked<'_>,
        since: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<(), ReadyState>> {
        match self {
            Self::Listener(_) => listener::balancer_is_free(looked, since, reader),
            Self::Dns(_) => Some(Ok(())),
        }
    }

    /// The write that marks it as the route's, and has it remember what was there before; the error says why it cannot.
    pub fn adoption(&self, owner: &str, marks: &Marks, record: &PlaceRecord) -> Result<Option<Write>, ReadyState> {
        match self {
            Self::Listener(place) => place.adoption(owner, marks, record.listener_rule.before.as_ref()),
            Self::Dns(place) => place.adoption(owner),
        }
    }

    /// The write by which it remembers the run that last ended, or forgets it where the user's own weights have taken its place;
    /// `None` where nothing can.
    pub fn remember(&self, owner: &str, run: Option<&RunMemory>) -> Option<Write> {
        match self {
            Self::Listener(place) => place.remember(owner, run),
            Self::Dns(place) => place.remember(owner, run),
        }
    }

    /// Whether a member has a part in what is live, if only without weight.
    pub fn attaches(&self, member: &Arn) -> bool {
        match self {
            Self::Listener(place) => place.attaches(member),
            Self::Dns(place) => place.attaches(member),
        }
    }

    /// Plans weights of members. `earlier` is an intent whose memory of what was there before is carried on; without one it is
    /// what is live. The error says what stands in the way.
    pub fn plan(
        &self,
        split: BTreeMap<Arn, u16>,
        earlier: Option<&Intent>,
        not_before: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<Plan, ReadyState>> {
        match self {
            Self::Listener(place) => Some(place.plan(split, earlier, not_before, reader)?.map(Plan::Listener)),
            Self::Dns(place) => Some(place.plan(split).map(Plan::Dns)),
        }
    }

    /// Puts on record what is live besides weights, as what is held.
    pub fn record_held(&self, intent: &mut Intent) {
        match self {
            Self::Listener(place) => place.record_held(intent),
            Self::Dns(place) => place.record_held(intent),
        }
    }

    /// Whether what is live besides weights is what an intent has set.
    pub fn has_settings_of(&self, intent: &Intent) -> bool {
        match self {
            Self::Listener(place) => place.sticky_seconds() == intent.listener_rule.sticky_seconds,
            Self::Dns(place) => place.has_settings_of(intent),
        }
    }

    /// Puts on record what was there before the first of several changes.
    pub fn record_before(&self, intent: &mut Intent, earlier: Option<&Intent>) {
        match self {
            Self::Listener(place) => place.record_before(intent, earlier),
            Self::Dns(_) => {}
        }
    }

    /// Whether AWS shows a plan besides its weights.
    pub fn shows(&self, plan: &Plan) -> bool {
        match (self, plan) {
            (Self::Listener(place), Plan::Listener(plan)) => place.shows(plan),
            (Self::Dns(place), Plan::Dns(plan)) => place.shows(plan),
            (Self::Listener(_), Plan::Dns(_)) | (Self::Dns(_), Plan::Listener(_)) => false,
        }
    }

    /// Whether all that is live besides weights is as an intent has set it, where that is this route's to hold: where the
    /// records of a name lead. What of a forward is not weights is left to its owner while nobody moves it.
    pub fn is_intact(&self, plan: &Plan) -> bool {
        match (self, plan) {
            (Self::Dns(place), Plan::Dns(plan)) => place.shows(plan),
            _ => true,
        }
    }

    /// What differs from a plan whose weights are live, in words.
    pub fn difference(&self, plan: &Plan) -> String {
        match (self, plan) {
            (Self::Dns(place), Plan::Dns(plan)) => place.difference(plan),
            _ => "the weights are as they should be, but stickiness between groups, or a group without weight, was changed"
                .to_owned(),
        }
    }

    /// What of what is live cannot be taken for what is wanted, in words.
    pub fn unwanted(&self) -> Option<String> {
        match self {
            Self::Listener(_) => None,
            Self::Dns(place) => place.unwanted(),
        }
    }

    /// Whether something stands there that is to be taken over as it is, before anything moves.
    pub fn is_adoptable(&self) -> bool {
        match self {
            Self::Listener(_) => true,
            Self::Dns(place) => place.is_adoptable(),
        }
    }

    /// Whether the next write moves traffic of which it is not known how many targets have carried it.
    pub fn takes_from_others(&self, spares_others: bool) -> bool {
        match self {
            Self::Listener(_) => false,
            Self::Dns(place) => place.takes_from_others(spares_others),
        }
    }

    /// Whether what an environment carries goes nowhere, since what it lent is no more.
    pub fn leads_nowhere(&self, environment: &str) -> bool {
        match self {
            Self::Listener(_) => false,
            Self::Dns(place) => place.leads_nowhere(environment),
        }
    }

    /// A plan with those who carry traffic and are not in it, without weight.
    pub fn keeping_attached(&self, plan: &Plan) -> Plan {
        match (self, plan) {
            (Self::Listener(place), Plan::Listener(plan)) => Plan::Listener(place.keeping_attached(plan)),
            // A balancer without weight has no record.
            (_, plan) => plan.clone(),
        }
    }

    /// The write that makes a plan so; `None` where nothing does.
    pub fn write(&self, owner: &str, plan: &Plan) -> Option<Write> {
        match (self, plan) {
            (Self::Listener(place), Plan::Listener(plan)) => Some(place.write(owner, plan)),
            (Self::Dns(place), Plan::Dns(plan)) => place.write(owner, plan),
            (Self::Listener(_), Plan::Dns(_)) | (Self::Dns(_), Plan::Listener(_)) => None,
        }
    }

    /// Whose a place is that is left, read afresh; `None` where it is gone. The error says what keeps it from being told.
    pub fn marks_to_leave(
        &self,
        owner: &str,
        route: &RouteObject,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<Option<Marks>, String>> {
        match self {
            Self::Listener(place) => {
                let found = place.tags(reader)?;
                let marks = |tags: &Tags| Marks {
                    is_ours: listener::is_marked(tags, owner, &route.key),
                    last_run: None,
                    tags: tags.clone(),
                };
                Some(found.map(|tags| tags.map(marks)))
            }
            Self::Dns(place) => Some(Ok(Some(Marks { is_ours: place.is_ours(), ..Marks::none() }))),
        }
    }

    /// What is to be recorded of a place that is left.
    pub fn record_leaving(&self, marks: &Marks, record: PlaceRecord) -> PlaceRecord {
        match self {
            Self::Listener(place) => {
                PlaceRecord { listener_rule: place.record_leaving(&marks.tags, record.listener_rule), ..record }
            }
            Self::Dns(place) => {
                let mut record = record;
                place.record_original(&mut record.dns);
                record
            }
        }
    }

    /// Deletes what splits the traffic there.
    pub fn delete(&self, marks: &Marks) -> Undo {
        match self {
            Self::Listener(place) => place.delete(&marks.tags),
            Self::Dns(place) => place.delete(),
        }
    }

    /// Puts back what was there before Weir, and then gives the place up.
    pub fn restore(&self, marks: &Marks, record: &PlaceRecord, reader: &mut Reader<'_>) -> Asked<Undo> {
        match self {
            Self::Listener(place) => place.restore(&marks.tags, &record.listener_rule, reader),
            Self::Dns(place) => place.restore(reader),
        }
    }
}

/// Whether the place of a route carried its marks when it was last seen.
pub(super) fn was_marked(route: &RouteObject) -> bool {
    listener::was_marked(route) || dns::was_marked(route)
}

/// What tells whose the place of a route is, in words, and how somebody puts it back.
pub(super) fn describe_marks(owner: &str, route: &RouteObject) -> (String, String) {
    match &route.spec.entry {
        Entry::Listener(_) => (
            format!("the tags {OWNER_TAG} and {ROUTE_TAG}"),
            format!("add the tags {OWNER_TAG}={owner} and {ROUTE_TAG}={} again", route.key),
        ),
        Entry::Dns(entry) => {
            let memory = DnsRoute::new(route, entry).name().memory();
            (format!("its records and the TXT record at {memory}"), format!("put the TXT record at {memory} back"))
        }
    }
}

/// Notes what is on record of a write before it is made.
pub(super) fn record_write(write: &Write, status: &mut WeightedRouteStatus) {
    if let Write::Records(RecordsWrite { epoch: Some(epoch), .. }) = write {
        status.dns.epoch = Some(*epoch);
    }
}
