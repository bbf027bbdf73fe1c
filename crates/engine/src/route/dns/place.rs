//! A name that was found: whose records stand there, and how they split the traffic.

use std::collections::BTreeMap;

use jiff::Timestamp;
use weir_api::weighted_route::{EnvironmentMembers, EnvironmentWeight, ForeignRecords};

use crate::Arn;
use crate::backend::{self, Member, Members};
use crate::dns::{
    Alias, Apart, Content, DnsName, Mark, MemberRecord, Obstacle, OwnRecords, RecordSet, RecordType, Survey, leads_to,
};
use crate::fact::{AwsError, Balancer, ErrorKind, Tags};
use crate::reader::{Asked, Reader};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::weights;

use super::super::observed::{Gone, Looked, Marks};
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
    /// Whether they do so in several ways, so that they are not as anybody wants them.
    pub(super) is_apart: bool,
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
        Self { route, zone, mark, read_at, survey, standing, is_apart: false, members, balancers, gone: None }
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

    /// Why members that are concerned cannot be used: what leads to them could not be told. Of one that has its record already
    /// that is known, whatever has become of its balancer.
    pub fn mismatch(&self, members: &Members, is_concerned: impl Fn(&str) -> bool) -> Option<Explanation> {
        let concerned = members.iter().filter(|(environment, _)| is_concerned(environment));
        let mut resolved = concerned.filter_map(|(environment, member)| Some((environment, member.as_ref().ok()?)));
        resolved.find_map(|(environment, member)| {
            let balancer = match self.balancers.get(&member.arn)? {
                Ok(balancer) => balancer,
                Err(_) if self.standing_alias(environment, &member.arn).is_some() => return None,
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
        looked: &Looked<'_>,
        not_before: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<Marks, ReadyState>> {
        self.read_since(self.route.seen_since().map_or(not_before, |since| since.min(not_before)), reader)?;
        let is_passed = |obstacle: &&Obstacle| looked.goes_back() && self.survey.may_be_passed(obstacle);
        if let Some(obstacle) = self.survey.obstacles.iter().find(|obstacle| !is_passed(obstacle)) {
            return Some(Err(ReadyState::Stalled(self.obstructed(obstacle))));
        }
        let is_ours = self.is_ours();
        if !is_ours && self.exists() && !self.route.spec.adopt {
            let found = self.survey.others().map(in_words);
            let message = format!(
                "found {} at {}, which Weir (owner {}) did not make; expected nothing there. Write adopt: true to take it \
                 over, without a change of the traffic",
                found.collect::<Vec<_>>().join(", "),
                describe(self.route),
                looked.context.owner
            );
            return Some(Err(ReadyState::Stalled(because(Reason::NotAdopted, message))));
        }
        Some(Ok(Marks { is_ours, last_run: self.last_run(looked), tags: Tags::new() }))
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
        let mut live: BTreeMap<String, i32> = BTreeMap::new();
        for (environment, record) in own {
            // Where it leads counts, not what it is called: of a balancer that cannot be read, that is not known.
            let environment = self.behind(&record.alias, members).unwrap_or(environment);
            *live.entry(environment.to_owned()).or_default() += i32::from(record.weight);
        }
        for (environment, weight) in self.others(members)? {
            *live.entry(environment.to_owned()).or_default() += weight;
        }
        let live = live.into_iter().map(|(environment, weight)| EnvironmentWeight { environment, weight });
        Ok(weights::normal(live.collect()))
    }

    /// The weights of the records of others, by environment. Beside records of the route only those of its types count.
    fn others<'m>(&self, members: &'m Members) -> Result<BTreeMap<&'m str, i32>, ReadyState> {
        let own = self.standing.as_ref().ok().and_then(Option::as_ref);
        let is_of_type = |record: &RecordSet| own.is_none_or(|own| own.types.contains(&record.kind));
        // Beside records of the route it holds up no way back that somebody else has a part too.
        let is_none_of_ours = |record: &RecordSet| match own {
            Some(_) => self.may_be_zeroed(record),
            None => self.is_zeroed(record),
        };
        let counts = |record: &&RecordSet| is_of_type(record) && !is_none_of_ours(record);
        let by_type = self.splits_of(self.survey.others().filter(counts), members);
        let by_type = by_type.map_err(|stranger| self.unknown_target(stranger, members))?;
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

    /// How records split the traffic of each type, by environment; the error is one that has a part in it and leads to none.
    pub(super) fn splits_of<'r, 'm>(
        &self,
        records: impl IntoIterator<Item = &'r RecordSet>,
        members: &'m Members,
    ) -> Result<BTreeMap<&'r RecordType, BTreeMap<&'m str, i32>>, &'r RecordSet> {
        let mut splits: BTreeMap<&RecordType, BTreeMap<&str, i32>> = BTreeMap::new();
        for record in records {
            let weight = record.weight().map_or(WHOLE, i32::from);
            match self.member_behind(record, members) {
                Some(environment) => {
                    *splits.entry(&record.kind).or_default().entry(environment).or_default() += weight;
                }
                None if weight == 0 => {}
                None => return Err(record),
            }
        }
        Ok(splits)
    }

    /// Whether a record of others has its weight taken: it is weighted, and leads to no environment. While one of them is not
    /// known, it may lead to that.
    pub(super) fn is_zeroed(&self, record: &RecordSet) -> bool {
        let is_known = |(environment, member): (&String, &Result<Member, String>)| {
            let is_told = |member: &Member| self.alias(&member.arn).is_some() || self.leads_nowhere(environment);
            member.as_ref().is_ok_and(is_told)
        };
        self.may_be_zeroed(record) && self.members.iter().all(is_known)
    }

    /// Whether a record of others has its weight taken, where all environments are known.
    fn may_be_zeroed(&self, record: &RecordSet) -> bool {
        self.route.entry.foreign == ForeignRecords::Zero
            && record.weight().is_some()
            && self.route.types().contains(&record.kind)
            && self.member_behind(record, self.members).is_none()
    }

    /// The records of others that carry traffic which moves with the next write.
    pub(super) fn losing(&self) -> impl Iterator<Item = &RecordSet> {
        self.survey.foreign.iter().copied().filter(|record| record.weight() != Some(0) && self.is_zeroed(record))
    }

    /// Whether something stands there that is to be taken over as it is, before anything moves.
    pub fn is_adoptable(&self) -> bool {
        self.survey.others().any(|record| !self.is_zeroed(record))
    }

    /// Whether the next write moves traffic that no environment carries: of records of others, unless it spares them, or of the
    /// route's own that lead elsewhere. Nobody knows how many targets have carried that.
    pub fn takes_from_others(&self, spares_others: bool) -> bool {
        let own = self.standing.iter().flatten();
        (!spares_others && self.losing().next().is_some()) || own.flat_map(|own| self.strays(own)).next().is_some()
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
        self.environment_where(members, |alias| leads_to(record, alias))
    }

    /// The environment whose balancer an alias answers.
    fn behind<'m>(&self, alias: &Alias, members: &'m Members) -> Option<&'m str> {
        self.environment_where(members, |known| known.has_same_target(alias))
    }

    fn environment_where<'m>(&self, members: &'m Members, is_it: impl Fn(&Alias) -> bool) -> Option<&'m str> {
        let mut known = members.iter().filter_map(|(environment, member)| Some((environment, member.as_ref().ok()?)));
        let is_it = |arn: &Arn| self.alias(arn).is_some_and(|alias| is_it(&alias));
        known.find(|(_, member)| is_it(&member.arn)).map(|(environment, _)| environment.as_str())
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
             record; or, where it is weighted and no CNAME, write adopt: true and spec.dns.foreign: Zero to take its weight"
        );
        ReadyState::Stalled(because(Reason::UnknownTarget, message))
    }

    /// Whether a member has a part in what is live.
    pub fn attaches(&self, member: &Arn) -> bool {
        let alias = self.alias(member);
        let own = self.standing.iter().flatten().flat_map(|own| own.members.values());
        alias.is_some_and(|alias| own.clone().any(|record| record.alias.has_same_target(&alias)))
    }

    /// The record of an environment that stands there.
    pub(super) fn standing_record(&self, environment: &str) -> Option<&MemberRecord> {
        self.standing.as_ref().ok()?.as_ref()?.members.get(environment)
    }

    /// What the record of an environment answers that stands there, where it was made for this balancer.
    pub(super) fn standing_alias(&self, environment: &str, balancer: &Arn) -> Option<Alias> {
        let mut recorded = backend::on_record(&self.route.status);
        let is_its =
            |known: &EnvironmentMembers| known.environment == environment && known.lent() == Some(balancer.as_str());
        self.standing_record(environment).filter(|_| recorded.any(is_its)).map(|record| record.alias.clone())
    }

    /// Whether the balancer of an environment is no more.
    pub fn leads_nowhere(&self, environment: &str) -> bool {
        let member = self.members.get(environment).and_then(|member| member.as_ref().ok());
        let balancer = member.and_then(|member| self.balancers.get(&member.arn));
        balancer.is_some_and(|balancer| matches!(balancer, Err(error) if error.kind == ErrorKind::NotFound))
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
