//! Calls under way, and the questions that travel together in one call.
//!
//! A batch is open to more questions until it departs, which is when its call is sent: the longer it waits for a token
//! of the call budget, the more travel in it, and it is as urgent as the most urgent who wait for it. The one who asks
//! and everyone who joins poll the same future; when the last of them is dropped, so is the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::future::{LocalBoxFuture, Shared, WeakShared};
use jiff::Timestamp;
use weir_engine::fact::{By, Fact, Query};

use super::Core;
use super::memory::Memory;
use super::touch::Touched;
use crate::budget::{Askers, Haste};
use crate::cloudwatch;

/// How many resources ELBv2 takes in one call of `DescribeTags` or `DescribeLoadBalancers`.
pub(super) const MOST_TOGETHER: usize = 20;
/// How many groups are asked for in one call of `DescribeTargetGroups`, for which AWS publishes no limit. Were there one
/// below this, AWS would find the call invalid, and it would be halved.
const MOST_GROUPS: usize = 100;

/// What a batch brought, by question.
pub(super) type Landed = Rc<BTreeMap<Query, Fact>>;
/// The end of a batch, which many can wait for.
pub(super) type Landing = Shared<LocalBoxFuture<'static, Landed>>;

/// The batches and the questions in them.
#[derive(Default)]
pub(super) struct Batches {
    last_number: u64,
    /// Those not departed, by number.
    open: BTreeMap<u64, Open>,
    /// Where the answer to a question comes from that may be remembered.
    under_way: BTreeMap<Query, UnderWay>,
}

/// The questions that travel in one call.
#[derive(Default)]
pub(super) struct Load {
    /// Those that somebody waits for.
    pub asked: BTreeSet<Query>,
    /// Those that nobody has asked yet.
    pub ahead: BTreeSet<Query>,
}

struct Open {
    lot: Lot,
    queries: BTreeSet<Query>,
    askers: Askers,
    landing: WeakShared<LocalBoxFuture<'static, Landed>>,
}

struct UnderWay {
    batch: u64,
    departed: Option<Timestamp>,
    askers: Askers,
    landing: WeakShared<LocalBoxFuture<'static, Landed>>,
}

/// Which questions may travel together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lot {
    BalancersByArn,
    BalancersByName,
    GroupsByArn,
    GroupsByName,
    Tags,
    Requests,
    /// Each for itself.
    Alone,
}

impl Lot {
    /// A doubtful question (what it is about did not exist last time) would make a call fail for all the others.
    fn of(query: &Query, doubtful: bool) -> Self {
        match query {
            // CloudWatch fails no call for a metric that it does not know.
            Query::Requests(_) => Self::Requests,
            _ if doubtful => Self::Alone,
            Query::Balancer(By::Arn(_)) => Self::BalancersByArn,
            Query::Balancer(By::Name(_)) => Self::BalancersByName,
            Query::Group(By::Arn(_)) => Self::GroupsByArn,
            Query::Group(By::Name(_)) => Self::GroupsByName,
            Query::Tags(_) => Self::Tags,
            Query::Listeners(_) | Query::Rules(_) | Query::Attributes(_) | Query::Health(_) => Self::Alone,
        }
    }

    /// How many questions travel together.
    fn room(self) -> usize {
        match self {
            Self::Alone => 1,
            Self::Requests => cloudwatch::MOST_TOGETHER,
            Self::GroupsByArn | Self::GroupsByName => MOST_GROUPS,
            Self::BalancersByArn | Self::BalancersByName | Self::Tags => MOST_TOGETHER,
        }
    }
}

impl Batches {
    /// Joins a batch that will answer the question with a reading from `not_before` or later, and from now or before.
    pub(super) fn join(
        &mut self,
        query: &Query,
        (not_before, now): (Timestamp, Timestamp),
        doubtful: bool,
        haste: &Haste,
    ) -> Option<Landing> {
        let same = self.under_way.get(query);
        let will_do = |departed| (not_before..=now).contains(&departed);
        if let Some(same) = same.filter(|same| same.departed.is_none_or(will_do)) {
            same.askers.join(haste);
            return same.landing.upgrade();
        }
        let lot = Lot::of(query, doubtful);
        let has_room = |open: &Open| open.lot == lot && open.queries.len() < lot.room();
        let (number, open) = self.open.iter_mut().find(|(_, open)| has_room(open))?;
        let landing = open.landing.upgrade()?;
        open.queries.insert(query.clone());
        open.askers.join(haste);
        let (askers, landing_of_all) = (open.askers.clone(), open.landing.clone());
        let under_way = UnderWay { batch: *number, departed: None, askers, landing: landing_of_all };
        self.under_way.insert(query.clone(), under_way);
        Some(landing)
    }

    /// The number of the next batch.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Opens a batch with its first question.
    pub(super) fn open(&mut self, number: u64, query: &Query, doubtful: bool, askers: Askers, landing: &Landing) {
        let Some(landing) = landing.downgrade() else { return };
        let under_way = UnderWay { batch: number, departed: None, askers: askers.clone(), landing: landing.clone() };
        self.under_way.insert(query.clone(), under_way);
        let lot = Lot::of(query, doubtful);
        self.open.insert(number, Open { lot, queries: BTreeSet::from([query.clone()]), askers, landing });
    }

    /// Closes a batch, whose call is sent now, and tells the questions in it. Where it still has room, the tags of other
    /// rules travel along that somebody is about to ask for: routes become known one by one, each with a rule of its own.
    pub(super) fn depart(&mut self, number: u64, now: Timestamp, memory: &Memory) -> Load {
        let Some(Open { lot, queries: asked, askers, landing }) = self.open.remove(&number) else {
            return Load::default();
        };
        for query in &asked {
            if let Some(under_way) = self.under_way.get_mut(query).filter(|under_way| under_way.batch == number) {
                under_way.departed = Some(now);
            }
        }
        let room = if lot == Lot::Tags { MOST_TOGETHER - asked.len() } else { 0 };
        let is_free = |query: &Query| !asked.contains(query) && !self.under_way.contains_key(query);
        let ahead = memory.untold_tags(&asked, is_free, room);
        for query in &ahead {
            let (askers, landing) = (askers.clone(), landing.clone());
            self.under_way.insert(query.clone(), UnderWay { batch: number, departed: Some(now), askers, landing });
        }
        Load { asked, ahead }
    }

    /// Whether the answer of a batch to a question may be remembered: no write touched it, and no newer batch has
    /// the question too.
    pub(super) fn is_unspoiled(&self, number: u64, query: &Query) -> bool {
        self.under_way.get(query).is_some_and(|under_way| under_way.batch == number)
    }

    /// Makes those who ask from now on wait for a call of their own instead of one that a write has overtaken.
    pub(super) fn spoil(&mut self, touched: &Touched) {
        self.under_way.retain(|query, under_way| under_way.departed.is_none() || !touched.may_be(query));
    }

    /// Makes everybody who asks from now on wait for a call that has not been sent yet, and lets nothing be remembered of
    /// those that have.
    pub(super) fn forget(&mut self) {
        self.under_way.clear();
    }

    fn retire(&mut self, number: u64) {
        self.open.remove(&number);
        self.under_way.retain(|_, under_way| under_way.batch != number);
    }
}

/// A batch's own hold on the inventory. Dropped with the batch's future, and then the batch is no more.
pub(super) struct Ticket {
    number: u64,
    askers: Askers,
    core: Rc<Core>,
}

impl Ticket {
    pub(super) fn new(number: u64, askers: Askers, core: Rc<Core>) -> Self {
        Self { number, askers, core }
    }

    pub(super) fn askers(&self) -> &Askers {
        &self.askers
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.core
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.core.batches.borrow_mut().retire(self.number);
    }
}
