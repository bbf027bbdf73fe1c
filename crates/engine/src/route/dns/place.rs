//! A name that was found: whose records stand there, and how they split the traffic.

use std::collections::BTreeMap;

use jiff::Timestamp;
use smol_str::SmolStr;
use weir_api::weighted_route::EnvironmentWeight;

use crate::Arn;
use crate::backend::Members;
use crate::dns::{
    Alias, Apart, Content, DnsName, Mark, MemberRecord, Obstacle, OwnRecords, RecordSet, RecordType, Survey, leads_to,
};
use crate::fact::{AwsError, Balancer, Tags};
use crate::reader::{Asked, Reader};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::weights;

use super::super::observed::{Gone, Marks};
use super::{DnsRoute, describe};

/// The weight of whoever answers for a name alone.
const WHOLE: i32 = 100;

/// Where a route is.
pub(in crate::route) struct Place<'a> {
    pub(super) route: DnsRoute<'a>,
    /// The zone.
    pub(super) zone: Arn,
    pub(super) mark: Mark,
    /// When the name was read.
    pub read_at: Timestamp,
    /// What stands there.
    pub(super) survey: Survey<'a>,
    /// How the records of the route split the traffic.
    pub(super) standing: Result<Option<OwnRecords>, Apart>,
    /// What the environments lend.
    pub(super) members: &'a Members,
    /// The balancers of the members.
    pub(super) balancers: BTreeMap<Arn, Result<&'a Balancer, &'a AwsError>>,
    /// Whether its records are no more.
    pub gone: Option<Gone>,
}

impl<'a> Place<'a> {
    pub(super) fn new(
        route: DnsRoute<'a>,
        zone: Arn,
        mark: Mark,
        (survey, read_at): (Survey<'a>, Timestamp),
        (members, balancers): (&'a Members, BTreeMap<Arn, Result<&'a Balancer, &'a AwsError>>),
    ) -> Self {
        let standing = survey.split();
        Self { route, zone, mark, read_at, survey, standing, members, balancers, gone: None }
    }

    /// Whether anything stands there that is the route's, or may become so.
    pub(super) fn exists(&self) -> bool {
        self.is_ours() || self.survey.others().next().is_some()
    }

    /// Whether what stands there is the route's.
    pub fn is_ours(&self) -> bool {
        self.survey.is_ours()
    }

    /// What carries the marks; `None` where there is nothing.
    pub fn resource(&self) -> Option<&Arn> {
        self.exists().then_some(&self.zone)
    }

    /// Whether something answers.
    pub fn answers(&self) -> bool {
        !self.survey.own.is_empty() || self.survey.others().next().is_some()
    }

    /// Asks for a reading of it that is not older than an instant.
    pub fn read_since(&self, at: Timestamp, reader: &mut Reader<'_>) -> Asked<()> {
        reader.records(&self.route.at(self.survey.name.memory()), at);
        reader.records(&self.route.at(self.survey.name.clone()), at)?;
        Some(())
    }

    /// Why members that are concerned cannot be used: what leads to them could not be told.
    pub fn mismatch(&self, members: &Members, is_concerned: impl Fn(&str) -> bool) -> Option<Explanation> {
        let concerned = members.iter().filter(|(environment, _)| is_concerned(environment));
        let mut resolved = concerned.filter_map(|(environment, member)| Some((environment, member.as_ref().ok()?)));
        resolved.find_map(|(environment, member)| {
            let balancer = match self.balancers.get(&member.arn)? {
                Ok(balancer) => balancer,
                Err(error) => {
                    let message = format!("the balancer {} of {environment} could not be read: {error}", member.arn);
                    return error.kind.is_refusal().then(|| because(Reason::BackendUnusable, message));
                }
            };
            let wants_ipv6 = self.route.types().contains(&RecordType::Aaaa);
            (wants_ipv6 && !balancer.has_ipv6).then(|| {
                let message = format!(
                    "found AAAA in spec.dns.types and the balancer {} of {environment} without IPv6; expected balancers of \
                     the address type dualstack. Change it, or leave out AAAA",
                    balancer.name
                );
                because(Reason::BackendUnusable, message)
            })
        })
    }

    /// The marks on it; the error says why Weir must not touch it.
    pub fn marks(
        &self,
        owner: &str,
        not_before: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<Marks, ReadyState>> {
        self.read_since(not_before, reader)?;
        if let Some(obstacle) = self.survey.obstacles.first() {
            return Some(Err(ReadyState::Stalled(self.obstructed(obstacle))));
        }
        let is_ours = self.is_ours();
        if !is_ours && self.exists() && !self.route.spec.adopt {
            let found = self.survey.others().map(in_words);
            let message = format!(
                "found {} at {}, which Weir (owner {owner}) did not make; expected nothing there. Write adopt: true to take it \
                 over, without a change of the traffic",
                found.collect::<Vec<_>>().join(", "),
                describe(self.route)
            );
            return Some(Err(ReadyState::Stalled(because(Reason::NotAdopted, message))));
        }
        Some(Ok(Marks { is_ours, last_run: None, tags: Tags::new() }))
    }

    /// Why Weir must leave the name alone.
    fn obstructed(&self, obstacle: &Obstacle) -> Explanation {
        let place = describe(self.route);
        match obstacle {
            Obstacle::OtherPolicy { kind, policy } => because(
                Reason::NotAllowed,
                format!(
                    "found {kind} records of {place} that are chosen by {policy}; expected none, simple or weighted ones. Replace \
                     them, or make another name for this route"
                ),
            ),
            Obstacle::Delegated => because(
                Reason::NotAllowed,
                format!("found NS records at {place}: other name servers answer for it. Name the zone that they have"),
            ),
            Obstacle::OtherMark(mark) => because(
                Reason::OwnedByAnother,
                format!(
                    "found records at {place} with the mark {}, which is that of another WeightedRoute or of another installation \
                     of Weir; expected {}. Delete that route with deletionPolicy: Restore or Delete first, or remove its records \
                     by hand",
                    mark.as_str(),
                    self.mark.as_str()
                ),
            ),
            Obstacle::DamagedMemory(why) => because(
                Reason::NotRestorable,
                format!(
                    "what Weir remembers at {} cannot be read: {why}. Put the TXT record back as it was, or remove it and give \
                     the command resume",
                    self.survey.name.memory()
                ),
            ),
            Obstacle::Registered { at, value } => because(
                Reason::OwnedByAnother,
                format!(
                    "found the TXT record {at} with {value}: external-dns keeps the name. Hand it over in this order: stop \
                     external-dns for the moment, or run it with --policy=upsert-only; give its source the annotation \
                     external-dns.kubernetes.io/controller: weir; delete that TXT record; write adopt: true here; start it again"
                ),
            ),
        }
    }

    /// The weights that are live, by environment; the error says why they cannot be told.
    pub fn live_weights(&self, members: &Members) -> Result<Vec<EnvironmentWeight>, ReadyState> {
        let own = match &self.standing {
            Ok(own) => own.iter().flat_map(|own| &own.members),
            Err(Apart::Torn(_)) => return Err(self.apart("are of several changes; they are read again")),
            Err(Apart::Edited) => return Err(ReadyState::Stalled(self.edited())),
        };
        let weight = |(environment, member): (&SmolStr, &MemberRecord)| (environment.to_string(), member.weight.into());
        let mut live: BTreeMap<String, i32> = own.map(weight).collect();
        for (environment, weight) in self.others(members)? {
            *live.entry(environment.to_owned()).or_default() += weight;
        }
        let live = live.into_iter().map(|(environment, weight)| EnvironmentWeight { environment, weight });
        Ok(weights::normal(live.collect()))
    }

    /// The weights of the records of others, by environment. Beside records of the route only those of its types count.
    fn others<'m>(&self, members: &'m Members) -> Result<BTreeMap<&'m str, i32>, ReadyState> {
        let mut by_type: BTreeMap<&RecordType, BTreeMap<&str, i32>> = BTreeMap::new();
        let own = self.standing.as_ref().ok().and_then(Option::as_ref);
        let counts = |record: &RecordSet| own.is_none_or(|own| own.types.contains(&record.kind));
        for record in self.survey.others().filter(|record| counts(record)) {
            let weight = record.weight().map_or(WHOLE, i32::from);
            match self.member_behind(record, members) {
                Some(environment) => {
                    *by_type.entry(&record.kind).or_default().entry(environment).or_default() += weight;
                }
                None if weight == 0 => {}
                None => return Err(self.unknown_target(record, members)),
            }
        }
        let mut splits = by_type.into_iter();
        let Some((first, split)) = splits.next() else { return Ok(BTreeMap::new()) };
        match splits.find(|(_, other)| !splits_alike(&split, other)) {
            Some((other, _)) if own.is_none() => {
                let message = format!(
                    "found records at {} that split the traffic of {first} in another way than that of {other}; expected one split \
                     for all types. Make them alike first",
                    describe(self.route)
                );
                Err(ReadyState::Stalled(because(Reason::NotAdopted, message)))
            }
            _ => Ok(split),
        }
    }

    fn apart(&self, how: &str) -> ReadyState {
        let message = format!("the records at {} {how}", describe(self.route));
        ReadyState::Working(because(Reason::Transient, message))
    }

    fn edited(&self) -> Explanation {
        let message = format!(
            "somebody has edited Weir's records at {}: A and AAAA do not split the traffic alike, or one is no alias. Put them \
             back, or remove all of them and give the command resume",
            describe(self.route)
        );
        because(Reason::ConditionsChanged, message)
    }

    /// The environment to whose balancer a record leads.
    pub(super) fn member_behind<'m>(&self, record: &RecordSet, members: &'m Members) -> Option<&'m str> {
        let leads_there = |arn: &Arn| self.alias(arn).is_some_and(|alias| leads_to(record, &alias));
        let mut known = members.iter().filter_map(|(environment, member)| Some((environment, member.as_ref().ok()?)));
        known.find(|(_, member)| leads_there(&member.arn)).map(|(environment, _)| environment.as_str())
    }

    /// A record that leads to no environment. While an environment is not known yet, it may still turn out to be that one's.
    fn unknown_target(&self, record: &RecordSet, members: &Members) -> ReadyState {
        let stranger = format!(
            "found {} at {}, which leads to no balancer of an environment of spec.backends",
            in_words(record),
            describe(self.route)
        );
        if let Some(unresolved) = members.values().find_map(|member| member.as_ref().err()) {
            let message = format!("{stranger} that is known: {unresolved}");
            return ReadyState::Working(because(Reason::WaitingForEnvironment, message));
        }
        let message = format!(
            "{stranger}. Make an Environment with that balancer in spec.loadBalancers and name it in spec.backends; or change the \
             record"
        );
        ReadyState::Stalled(because(Reason::UnknownTarget, message))
    }

    /// Whether a member has a part in what is live.
    pub fn attaches(&self, member: &Arn) -> bool {
        let alias = self.alias(member);
        let own = self.standing.iter().flatten().flat_map(|own| own.members.values());
        alias.is_some_and(|alias| own.clone().any(|record| record.alias.has_same_target(&alias)))
    }

    /// What a record of a member answers.
    pub(super) fn alias(&self, member: &Arn) -> Option<Alias> {
        let balancer = self.balancers.get(member)?.as_ref().ok()?;
        Some(Alias {
            zone: balancer.hosted_zone_id.as_deref()?.into(),
            target: DnsName::new(&balancer.dns_name),
            evaluate_target_health: false,
        })
    }
}

/// Whether two weights by environment split the traffic alike.
fn splits_alike(one: &BTreeMap<&str, i32>, other: &BTreeMap<&str, i32>) -> bool {
    let weights = |split: &BTreeMap<&str, i32>| {
        let weights = split
            .iter()
            .map(|(environment, weight)| EnvironmentWeight { environment: (*environment).to_owned(), weight: *weight });
        weights::normal(weights.collect())
    };
    weights::same_split(&weights(one), &weights(other))
}

/// A record in words.
pub(super) fn in_words(record: &RecordSet) -> String {
    let what = match &record.content {
        Content::Alias(alias) => format!("alias of {}", alias.target),
        Content::Values { ttl, values } => format!("{} (TTL {ttl})", values.join(" ")),
    };
    let identifier = record.identifier();
    match record.weight() {
        Some(weight) => format!("{} {what} ({identifier}, weight {weight})", record.kind),
        None => format!("{} {what}", record.kind),
    }
}
