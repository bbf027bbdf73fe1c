//! Calls under way, and the questions that travel together in one call.
//!
//! A batch is open to more questions until it departs, which is when its call is sent. The one who asks and everyone
//! who joins poll the same future; when the last of them is dropped, so is the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::future::{LocalBoxFuture, Shared, WeakShared};
use jiff::Timestamp;
use weir_engine::fact::{By, Fact, Query};

use super::Core;
use super::touch::Touched;

/// How many resources ELBv2 takes in one call of `DescribeTags` or `DescribeLoadBalancers`.
pub(super) const MOST_TOGETHER: usize = 20;

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

struct Open {
    lot: Lot,
    queries: BTreeSet<Query>,
    landing: WeakShared<LocalBoxFuture<'static, Landed>>,
}

struct UnderWay {
    batch: u64,
    departed: Option<Timestamp>,
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
    /// Each for itself.
    Alone,
}

impl Lot {
    /// A doubtful question (what it is about did not exist last time) would make a call fail for all the others.
    fn of(query: &Query, doubtful: bool) -> Self {
        match query {
            _ if doubtful => Self::Alone,
            Query::Balancer(By::Arn(_)) => Self::BalancersByArn,
            Query::Balancer(By::Name(_)) => Self::BalancersByName,
            Query::Group(By::Arn(_)) => Self::GroupsByArn,
            Query::Group(By::Name(_)) => Self::GroupsByName,
            Query::Tags(_) => Self::Tags,
            Query::Listeners(_) | Query::Rules(_) | Query::Attributes(_) | Query::Health(_) => Self::Alone,
        }
    }
}

impl Batches {
    /// Joins a batch that will answer the question with a reading from `not_before` or later.
    pub(super) fn join(&mut self, query: &Query, not_before: Timestamp, doubtful: bool) -> Option<Landing> {
        let same = self.under_way.get(query);
        if let Some(same) = same.filter(|same| same.departed.is_none_or(|departed| departed >= not_before)) {
            return same.landing.upgrade();
        }
        let lot = Lot::of(query, doubtful);
        let has_room = |open: &Open| open.lot == lot && lot != Lot::Alone && open.queries.len() < MOST_TOGETHER;
        let (number, open) = self.open.iter_mut().find(|(_, open)| has_room(open))?;
        let landing = open.landing.upgrade()?;
        open.queries.insert(query.clone());
        let under_way = UnderWay { batch: *number, departed: None, landing: open.landing.clone() };
        self.under_way.insert(query.clone(), under_way);
        Some(landing)
    }

    /// The number of the next batch.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Opens a batch with its first question.
    pub(super) fn open(&mut self, number: u64, query: &Query, doubtful: bool, landing: &Landing) {
        let Some(landing) = landing.downgrade() else { return };
        let under_way = UnderWay { batch: number, departed: None, landing: landing.clone() };
        self.under_way.insert(query.clone(), under_way);
        let lot = Lot::of(query, doubtful);
        self.open.insert(number, Open { lot, queries: BTreeSet::from([query.clone()]), landing });
    }

    /// Closes a batch, whose call is sent now, and tells the questions in it.
    pub(super) fn depart(&mut self, number: u64, now: Timestamp) -> BTreeSet<Query> {
        let queries = self.open.remove(&number).map(|open| open.queries).unwrap_or_default();
        for query in &queries {
            if let Some(under_way) = self.under_way.get_mut(query).filter(|under_way| under_way.batch == number) {
                under_way.departed = Some(now);
            }
        }
        queries
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

    fn retire(&mut self, number: u64) {
        self.open.remove(&number);
        self.under_way.retain(|_, under_way| under_way.batch != number);
    }
}

/// A batch's own hold on the inventory. Dropped with the batch's future, and then the batch is no more.
pub(super) struct Ticket {
    number: u64,
    core: Rc<Core>,
}

impl Ticket {
    pub(super) fn new(number: u64, core: Rc<Core>) -> Self {
        Self { number, core }
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
