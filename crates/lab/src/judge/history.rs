//! The course of things, put together from the evidence: statuses as they were recorded, writes as they were sent,
//! and what was live and healthy at any instant.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use weir_api::traffic_shift::{Outcome, Run};
use weir_api::weighted_route::{EnvironmentWeight, Intent};
use weir_api::{TrafficShift, WeightedRoute};
use weir_engine::Key;
use weir_engine::write::{OWNER_TAG, ROUTE_TAG};

use crate::evidence::{Evidence, Tags, Weights};
use crate::fault::{Fault, ManualChange};
use crate::journal::{AwsRequest, Entry, KubeRequest, What};

use super::{STALENESS, names};

/// An object as a write of the controller left it.
#[derive(Debug)]
pub(super) struct Seen<T> {
    pub at: Timestamp,
    pub key: Key,
    pub object: T,
}

/// A write to AWS as it was sent.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub at: Timestamp,
    /// Which process of the controller has sent it.
    pub process: u32,
    /// The ARN of the rule, or of the listener for its default action or for a rule that is yet to be.
    pub place: String,
    /// The listener, for a rule that is yet to be.
    pub creates: bool,
    /// The weights written, where weights are written.
    pub weights: Option<Weights>,
    /// The tags written.
    pub tags: &'a Tags,
    /// The tags that the place had, as far as the controller can have known: what others changed a moment before counts
    /// as it was.
    pub marks: Tags,
    /// The route on whose behalf, as the marks tell.
    pub route: Option<Key>,
    pub request: &'a AwsRequest,
}

/// What happened, in order.
#[derive(Debug)]
pub(super) struct History<'a> {
    pub shifts: Vec<Seen<TrafficShift>>,
    pub routes: Vec<Seen<WeightedRoute>>,
    /// All writes that reached AWS.
    pub writes: Vec<Write<'a>>,
    evidence: &'a Evidence,
    /// Target groups by the route and the environment that lent them to it, each with the instant from which on it did.
    groups: BTreeMap<(Key, String), Vec<(Timestamp, String)>>,
}

impl<'a> History<'a> {
    pub fn of(evidence: &'a Evidence) -> Self {
        let mut history =
            Self { shifts: Vec::new(), routes: Vec::new(), writes: Vec::new(), evidence, groups: BTreeMap::new() };
        for entry in &evidence.entries {
            match &entry.what {
                What::Kube(request) => history.see(entry.at, request),
                What::Aws(request) if request.arrived && request.sent.is_write => {
                    let write = Write::of(entry, request, evidence);
                    // Names have no tags, and their members are no groups: they have a judge of their own.
                    if !names::is_name(&write.place) {
                        history.writes.push(write);
                    }
                }
                _ => {}
            }
        }
        for seen in &history.routes {
            let intents = seen.object.status.iter().flat_map(|status| &status.intent);
            for member in intents.flat_map(|intent| &intent.members) {
                let Some(group) = member.group() else { continue };
                let name = name_of_group(evidence, group);
                let lent = history.groups.entry((seen.key.clone(), member.environment.clone())).or_default();
                if lent.last().is_none_or(|(_, last)| *last != name) {
                    lent.push((seen.at, name));
                }
            }
        }
        history
    }

    fn see(&mut self, at: Timestamp, request: &KubeRequest) {
        let Some(object) = &request.object else { return };
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let key = Key::new(text("namespace"), text("name"));
        if request.path.contains("/trafficshifts/") {
            if let Ok(object) = TrafficShift::deserialize(&**object) {
                self.shifts.push(Seen { at, key, object });
            }
        } else if request.path.contains("/weightedroutes/")
            && let Ok(object) = WeightedRoute::deserialize(&**object)
        {
            self.routes.push(Seen { at, key, object });
        }
    }

    /// The shift that moves a route at an instant, as it was last recorded.
    pub fn mover(&self, route: &Key, at: Timestamp) -> Option<&TrafficShift> {
        let mut latest: BTreeMap<&Key, &Seen<TrafficShift>> = BTreeMap::new();
        for seen in self.shifts.iter().take_while(|seen| seen.at <= at) {
            latest.insert(&seen.key, seen);
        }
        let moves = |seen: &&&Seen<TrafficShift>| {
            seen.key.namespace == route.namespace
                && run_of(&seen.object)
                    .is_some_and(|run| run.ended_at.is_none() && run.routes.iter().any(|part| part.name == route.name))
        };
        latest.values().filter(moves).max_by_key(|seen| seen.at).map(|seen| &seen.object)
    }

    /// The shifts that may have been in force for a write sent at an instant: the one then, and the one a moment
    /// before, since what was read of it was on its way.
    pub fn movers(&self, route: &Key, at: Timestamp) -> Vec<&TrafficShift> {
        let before = at - SignedDuration::from_secs(1);
        [self.mover(route, at), self.mover(route, before)].into_iter().flatten().collect()
    }

    /// What others left of the tags of a place, each time they changed them between two instants.
    pub fn retagged(&self, place: &str, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &'a Tags> {
        let by_hand = self.evidence.retaggings.iter().filter(|change| change.by_hand);
        let there = by_hand.filter(move |change| change.place == place && (from..to).contains(&change.at));
        there.map(|change| &change.after)
    }

    /// A route as it was last recorded at an instant.
    pub fn route(&self, route: &Key, at: Timestamp) -> Option<&WeightedRoute> {
        let seen = self.routes.iter().take_while(|seen| seen.at <= at).filter(|seen| seen.key == *route);
        seen.last().map(|seen| &seen.object)
    }

    /// When all statuses were last lost before an instant: nobody knows what they said.
    pub fn forgotten_at(&self, at: Timestamp) -> Timestamp {
        let lost = Fault::Manual(ManualChange::WipeStatuses).to_string();
        let entries = self.evidence.entries.iter().take_while(|entry| entry.at <= at);
        let losses = entries.filter(|entry| matches!(&entry.what, What::Befell(words) if *words == lost));
        losses.last().map_or(Timestamp::MIN, |entry| entry.at)
    }

    /// When a change of a route was first on record, by the clock of the world: that of a controller may be wrong.
    pub fn intended_at(&self, route: &Key, intent: &Intent) -> Timestamp {
        let is_it = |seen: &&Seen<WeightedRoute>| {
            let recorded = seen.object.status.as_ref().and_then(|status| status.intent.as_ref());
            seen.key == *route && recorded.is_some_and(|recorded| recorded.since == intent.since)
        };
        self.routes.iter().find(is_it).map_or(intent.since, |seen| seen.at)
    }

    /// The places that a route named between two instants.
    pub fn places(&self, route: &Key, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &str> {
        let of_route = self.routes.iter().filter(move |seen| seen.key == *route && seen.at <= to);
        let current = of_route.clone().rfind(|seen| seen.at <= from);
        let named = current.into_iter().chain(of_route.filter(move |seen| seen.at > from));
        named.filter_map(|seen| seen.object.status.as_ref()?.listener_rule.arn.as_deref())
    }

    /// What a route had on record at an instant that is not a run's: a step towards its user's weights, or a
    /// correction of what was left.
    pub fn own_intent(&self, route: &Key, at: Timestamp) -> Option<&Intent> {
        let status = self.route(route, at)?.status.as_ref()?;
        let is_moved = self.mover(route, at).is_some();
        status.intent.as_ref().filter(|intent| intent.follow.is_some() || (intent.correction.is_some() && !is_moved))
    }

    /// Whether a route had a correction on record at an instant.
    pub fn is_correcting(&self, route: &Key, at: Timestamp) -> bool {
        let intent = self.route(route, at).and_then(|route| route.status.as_ref()?.intent.as_ref());
        intent.is_some_and(|intent| intent.correction.is_some())
    }

    /// What was live at a place at an instant.
    pub fn live(&self, place: &str, at: Timestamp) -> Weights {
        let mut changes = self.evidence.changes.iter().filter(|change| change.place == place && change.at <= at);
        changes.next_back().map(|change| change.after.clone()).unwrap_or_default()
    }

    /// What a controller last made live at a place between two instants.
    pub fn last_written(&self, place: &str, from: Timestamp, to: Timestamp) -> Option<Weights> {
        let changes = self.evidence.changes.iter();
        let mut own =
            changes.filter(|change| change.place == place && change.at > from && change.at <= to && !change.by_hand);
        own.next_back().map(|change| change.after.clone())
    }

    /// Everything that was live at a place at some instant between two.
    pub fn live_between(&self, place: &str, from: Timestamp, to: Timestamp) -> Vec<Weights> {
        let changes = self.evidence.changes.iter();
        let within = changes.filter(|change| change.place == place && change.at > from && change.at <= to);
        [self.live(place, from)].into_iter().chain(within.map(|change| change.after.clone())).collect()
    }

    /// The most targets of a group that were healthy at once between two instants.
    pub fn most_healthy(&self, group: &str, from: Timestamp, to: Timestamp) -> u32 {
        self.healthy(group, from, to).max().unwrap_or(0)
    }

    /// The fewest targets of a group that were healthy at some instant between two.
    pub fn fewest_healthy(&self, group: &str, from: Timestamp, to: Timestamp) -> u32 {
        self.healthy(group, from, to).min().unwrap_or(0)
    }

    fn healthy(&self, group: &str, from: Timestamp, to: Timestamp) -> impl Iterator<Item = u32> {
        let mut counts: Vec<u32> = Vec::new();
        for entry in self.evidence.entries.iter().take_while(|entry| entry.at <= to) {
            let What::Health { group: name, healthy } = &entry.what else { continue };
            if name == group {
                if entry.at <= from {
                    counts.clear();
                }
                counts.push(*healthy);
            }
        }
        counts.into_iter()
    }

    /// How many targets were healthy on the live side of a route when a run began, the candidate not counted. A run
    /// that took over from another is held to the count of that one, since by then two environments were live.
    pub fn baseline(&self, route: &Key, shift: &TrafficShift, run: &Run) -> Option<u32> {
        let history = shift.status.iter().flat_map(|status| &status.history);
        let mut superseded = history.filter(|past| past.outcome == Outcome::Superseded);
        if superseded.any(|past| past.id + 1 == run.id) {
            let of_this = self.shifts.iter().filter(|seen| seen.object.metadata.uid == shift.metadata.uid);
            let mut earlier =
                of_this.filter_map(|seen| run_of(&seen.object)).filter(|earlier| earlier.id + 1 == run.id);
            if let Some(earlier) = earlier.next_back() {
                return self.baseline(route, shift, earlier);
            }
        }
        let part = run.routes.iter().find(|part| part.name == route.name)?;
        let from = part.from.iter().filter(|entry| entry.weight > 0 && entry.environment != run.to);
        let count = |entry: &EnvironmentWeight| {
            let group = self.group_of(route, &entry.environment, run.started_at)?;
            Some(self.fewest_healthy(group, run.started_at - STALENESS, run.started_at))
        };
        from.map(count).sum()
    }

    /// The name of a group by its ARN.
    pub fn group_named(&self, arn: &str) -> String {
        name_of_group(self.evidence, arn)
    }

    /// The group that an environment lent to a route at an instant; before any is on record, the first, if only to another.
    pub fn group_of(&self, route: &Key, environment: &str, at: Timestamp) -> Option<&str> {
        let beside = || {
            let mut all = self.groups.iter();
            let (_, lent) = all.find(|((other, name), _)| other.namespace == route.namespace && name == environment)?;
            Some(lent)
        };
        let lent = self.groups.get(&(route.clone(), environment.to_owned())).or_else(beside)?;
        let then = lent.iter().rfind(|(from, _)| *from <= at).or(lent.first());
        then.map(|(_, name)| name.as_str())
    }

    /// The weights of a route's environments by their groups at an instant; `None` where a group is not known.
    pub fn by_group(&self, route: &Key, weights: &[EnvironmentWeight], at: Timestamp) -> Option<Weights> {
        let entry = |entry: &EnvironmentWeight| {
            let group = self.group_of(route, &entry.environment, at)?;
            Some((group.to_owned(), u32::try_from(entry.weight).ok()?))
        };
        weights.iter().map(entry).collect()
    }

    /// Everything that has a name of a route in it: the routes that were ever recorded.
    pub fn route_keys(&self) -> BTreeSet<&Key> {
        self.routes.iter().map(|seen| &seen.key).collect()
    }
}

impl<'a> Write<'a> {
    fn of(entry: &Entry, request: &'a AwsRequest, evidence: &Evidence) -> Self {
        let (at, asks) = (entry.at, &request.sent.asks);
        let place = asks.resources.first().map(ToString::to_string).unwrap_or_default();
        let marks = marks_of(at, &place, evidence);
        let route = asks.tags.get(ROUTE_TAG).or_else(|| marks.get(ROUTE_TAG)).and_then(|value| {
            let (namespace, name) = value.split_once('/')?;
            Some(Key::new(namespace, name))
        });
        let by_name = |(arn, weight): (&String, &u32)| (name_of_group(evidence, arn), *weight);
        Self {
            at,
            process: entry.process,
            place,
            creates: asks.creates,
            weights: asks.split.as_ref().map(|split| split.weights.iter().map(by_name).collect()),
            tags: &asks.tags,
            marks,
            route,
            request,
        }
    }
}

/// The run of a shift as it was recorded.
pub(super) fn run_of(shift: &TrafficShift) -> Option<&Run> {
    shift.status.as_ref()?.run.as_ref()
}

/// The part of a group in all weights, as a fraction.
pub(super) fn share(weights: &Weights, group: &str) -> (u64, u64) {
    let total: u64 = weights.values().map(|weight| u64::from(*weight)).sum();
    (u64::from(weights.get(group).copied().unwrap_or(0)), total)
}

/// How the part of a group compares before and after; `None` where nothing carried traffic before.
pub(super) fn compare(before: &Weights, after: &Weights, group: &str) -> Option<std::cmp::Ordering> {
    let ((old, old_total), (new, new_total)) = (share(before, group), share(after, group));
    (old_total > 0).then(|| (new * old_total).cmp(&(old * new_total)))
}

/// Whether two splits send every group the same part.
pub(super) fn same_split(a: &Weights, b: &Weights) -> bool {
    let groups: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let ((_, total_a), (_, total_b)) = (share(a, ""), share(b, ""));
    (total_a == 0) == (total_b == 0)
        && groups.into_iter().all(|group| share(a, group).0 * total_b == share(b, group).0 * total_a)
}

/// A split in words.
pub(super) fn words(weights: &Weights) -> String {
    let entries: Vec<String> = weights.iter().map(|(group, weight)| format!("{group} {weight}")).collect();
    if entries.is_empty() { "nothing".to_owned() } else { entries.join(", ") }
}

fn name_of_group(evidence: &Evidence, arn: &str) -> String {
    evidence.groups.get(arn).cloned().unwrap_or_else(|| arn.to_owned())
}

/// The tags of a place at an instant; where they are not ours, what they were before others changed them a moment ago.
fn marks_of(at: Timestamp, place: &str, evidence: &Evidence) -> Tags {
    let by_then = || evidence.retaggings.iter().filter(|change| change.place == place && change.at <= at);
    let tags = by_then().next_back().map(|change| change.after.clone()).unwrap_or_default();
    if tags.get(OWNER_TAG) == Some(&evidence.owner) {
        return tags;
    }
    let mut lately = by_then().filter(|change| change.by_hand && change.at > at - STALENESS);
    lately.next().map_or(tags, |change| change.before.clone())
}
