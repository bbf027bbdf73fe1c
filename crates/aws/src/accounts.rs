//! All the accounts and regions that Weir works in: an inventory of each, made when it is first needed.
//!
//! Invariants: a question or a write reaches AWS by the access that it names and no other; an account that cannot be
//! reached holds up nobody but those who ask for it; what nobody uses any more is dropped; however many are named, so many
//! are open at most.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use futures::future;
use jiff::{SignedDuration, Timestamp};
use weir_engine::fact::{AwsError, ErrorKind, Fact, Query};
use weir_engine::forecast::Limits;
use weir_engine::guard::Permit;
use weir_engine::reader::Ask;
use weir_engine::{Access, Arn as ResourceName};

use crate::budget::{Budget, BudgetStatus, CallPriority, CallToken, Family, MODIFY_RATE};
use crate::cloudwatch;
use crate::inventory::{Inventory, NoRegion, ResyncReport, ResyncScope, Right, Sent};
use crate::meter::Call;
use crate::policy::Policy;
use crate::session::{AssumeRoleParams, Provider, Session};

/// How long an inventory is kept that no one uses.
const UNUSED: SignedDuration = SignedDuration::from_hours(1);
/// The same where there is no room for another.
const UNUSED_IN_A_CROWD: SignedDuration = SignedDuration::from_mins(5);
/// How many are open at once, beside the controller's own: each has clients, sessions, memory and series of its own, and
/// their names are whatever somebody writes into a manifest.
const MOST: usize = 64;
/// How often those are looked for.
const SWEEP: SignedDuration = SignedDuration::from_mins(5);

/// Tells the present instant, on whatever thread.
pub(crate) type SharedClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Is told of each call, on whatever thread.
pub(crate) type SharedMeter = Arc<dyn Fn(Call) + Send + Sync>;

/// An account and a region, whose limits all who call there share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountRegion {
    /// The account's twelve digits as the role says them; nothing for the controller's own account.
    pub account: String,
    /// The region.
    pub region: String,
}

impl AccountRegion {
    /// The account and region to which an access leads.
    pub fn of(access: &Access) -> Self {
        // arn:aws:iam::<account>:role/<name>
        let account = access.role_arn.as_deref().and_then(|role| role.split(':').nth(4)).unwrap_or_default();
        Self { account: account.to_owned(), region: access.region.clone().unwrap_or_default() }
    }
}

/// The accounts and regions.
pub struct Accounts {
    config: SdkConfig,
    region: String,
    owner: String,
    clock: SharedClock,
    meter: SharedMeter,
    modify_rate: u32,
    inventories: RefCell<Inventories>,
}

/// The inventories by the access that leads to them, with its region said.
#[derive(Default)]
struct Inventories {
    open: BTreeMap<Access, OpenInventory>,
    budgets: BTreeMap<AccountRegion, Budget>,
    swept: Timestamp,
}

struct OpenInventory {
    inventory: Rc<Inventory>,
    session: Option<Arc<Session>>,
    used: Timestamp,
}

impl Inventories {
    /// Closes those that nobody has used for so long.
    fn sweep(&mut self, now: Timestamp, unused: SignedDuration) {
        self.swept = now;
        self.open.retain(|_, open| now.duration_since(open.used) < unused);
        let locations: BTreeSet<AccountRegion> = self.open.keys().map(AccountRegion::of).collect();
        self.budgets.retain(|location, _| locations.contains(location));
    }
}

impl Accounts {
    /// Accounts that are reached from one configuration: its region and credentials are the controller's own, and its
    /// endpoint, HTTP client and sleep serve for every other access too. Sessions of roles carry the name of `owner`;
    /// `meter` is told of every call.
    pub fn new(
        config: &SdkConfig,
        owner: &str,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        meter: impl Fn(Call) + Send + Sync + 'static,
    ) -> Result<Self, NoRegion> {
        let region = config.region().ok_or(NoRegion)?.to_string();
        Ok(Self {
            config: config.clone(),
            region,
            owner: owner.to_owned(),
            clock: Arc::new(clock),
            meter: Arc::new(meter),
            modify_rate: MODIFY_RATE,
            inventories: RefCell::default(),
        })
    }

    /// The same, with so many writes of ELBv2 a second at most, in each account and region. It begins with three, or with that
    /// where it is less, and tries more where AWS takes it.
    #[must_use]
    pub fn with_modify_rate(mut self, per_second: u32) -> Self {
        self.modify_rate = per_second;
        self
    }

    /// The same access with its region said, so that two that lead to the same place by the same role are equal.
    #[must_use]
    pub fn resolve(&self, access: &Access) -> Access {
        let region = access.region.clone().unwrap_or_else(|| self.region.clone());
        Access { region: Some(region), ..access.clone() }
    }

    /// Answers questions, in their order, each by its own access; see [`Inventory::answer_all`].
    pub async fn answer_all(&self, asks: &[Ask], priority: &CallPriority) -> Vec<(Ask, Fact)> {
        let answer = async |ask: &Ask| {
            let fact = match self.admit(&ask.access) {
                Ok(inventory) => inventory.answer(ask, priority).await.1,
                Err(error) => Fact::failed((self.clock)(), error),
            };
            (ask.clone(), fact)
        };
        future::join_all(asks.iter().map(answer)).await
    }

    /// The quotas of the account that an access leads to; see [`Inventory::limits`].
    pub async fn limits(&self, access: &Access, priority: &CallPriority) -> Result<Limits, AwsError> {
        self.admit(access)?.limits(priority).await
    }

    /// How many tokens of a family others than rollbacks could take by an access now; see [`Inventory::available`].
    pub fn available(&self, access: &Access, family: Family) -> usize {
        self.inventory(access).available(family)
    }

    /// How many there are at most, after a rest; see [`Inventory::most`].
    pub fn most(&self, access: &Access, family: Family) -> usize {
        self.inventory(access).most(family)
    }

    /// After which time there could be so many.
    pub fn time_until(&self, access: &Access, family: Family, amount: usize) -> Duration {
        self.inventory(access).time_until(family, amount)
    }

    /// Waits until the call budget lets a write of a family be sent by an access; see [`Inventory::acquire`].
    pub async fn acquire(
        &self,
        access: &Access,
        (family, amount): (Family, u32),
        priority: &CallPriority,
    ) -> CallToken {
        self.inventory(access).acquire(family, amount, priority).await
    }

    /// Whether a token is good for a write.
    pub fn covers(&self, call_token: &CallToken, permit: &Permit) -> bool {
        self.inventory(permit.access()).covers(call_token, permit)
    }

    /// Carries out a write by the access that it was permitted for, with the call token that was acquired for it; see
    /// [`Inventory::perform`].
    pub async fn perform(&self, permit: Permit, call_token: CallToken, priority: &CallPriority, right: Right) -> Sent {
        self.inventory(permit.access()).perform(permit, call_token, priority, right).await
    }

    /// Forgets what was read everywhere, since somebody else may have written. Sessions and budgets stay.
    pub fn forget(&self) {
        self.inventories.borrow().open.values().for_each(|open| open.inventory.forget());
    }

    /// The clock was set: what was read everywhere is forgotten, and sessions are begun anew, since what was remembered of
    /// them was told by the clock as it was.
    pub fn begin_anew(&self) {
        self.forget();
        let now = (self.clock)();
        let mut inventories = self.inventories.borrow_mut();
        inventories.swept = now;
        for open in inventories.open.values_mut() {
            open.used = now;
            open.session.iter().for_each(|session| session.begin_anew());
        }
    }

    /// A priority was raised: the queues of calls are put in order anew.
    pub fn reprioritize(&self) {
        self.inventories.borrow().budgets.values().for_each(Budget::reprioritize);
    }

    /// The state of the call budgets, by account and region.
    pub fn budget_statuses(&self) -> BTreeMap<AccountRegion, Vec<BudgetStatus>> {
        let inventories = self.inventories.borrow();
        inventories.budgets.iter().map(|(location, budget)| (location.clone(), budget.statuses())).collect()
    }

    /// Reads again what is reached by one access; see [`Inventory::resync`]. Each access is resynced by itself, so that none
    /// waits for another.
    pub async fn resync(&self, access: &Access, scope: &ResyncScope, fresh: SignedDuration) -> ResyncReport {
        match self.admit(access) {
            Ok(inventory) => inventory.resync(scope, fresh).await,
            Err(error) => ResyncReport { unreadable: Some(error), failing: true, ..ResyncReport::default() },
        }
    }

    /// Counts requests in what is reached by one access; see [`Inventory::measure`].
    pub async fn measure(&self, access: &Access, requests: &BTreeSet<Query>) {
        if let Ok(inventory) = self.admit(access) {
            inventory.measure(requests).await;
        }
    }

    /// Polls the tags of resources that are reached by one access; see [`Inventory::poll_tags`].
    pub async fn poll_tags(&self, access: &Access, resources: &BTreeSet<ResourceName>) -> BTreeSet<ResourceName> {
        match self.admit(access) {
            Ok(inventory) => inventory.poll_tags(resources).await,
            Err(_) => BTreeSet::new(),
        }
    }

    /// The inventory of an access that is open, or for which there is room. The controller's own always has some.
    fn admit(&self, access: &Access) -> Result<Rc<Inventory>, AwsError> {
        let access = self.resolve(access);
        let mut inventories = self.inventories.borrow_mut();
        let has_room = access == self.resolve(&Access::default()) || inventories.open.contains_key(&access) || {
            if inventories.open.len() >= MOST {
                inventories.sweep((self.clock)(), UNUSED_IN_A_CROWD);
            }
            inventories.open.len() < MOST
        };
        if has_room {
            return Ok(self.enter(&mut inventories, access));
        }
        let message = format!(
            "{MOST} other accounts, regions and roles are in use already, more than which one controller does not work in; \
             name fewer of them, or give some of the objects to a controller of their own (--controller-name)"
        );
        Err(AwsError { kind: ErrorKind::Quota, operation: "the controller".to_owned(), message })
    }

    /// The inventory of an access for a write, which has its permit and so was admitted.
    fn inventory(&self, access: &Access) -> Rc<Inventory> {
        self.enter(&mut self.inventories.borrow_mut(), self.resolve(access))
    }

    fn enter(&self, inventories: &mut Inventories, access: Access) -> Rc<Inventory> {
        let now = (self.clock)();
        if now.duration_since(inventories.swept) >= SWEEP {
            inventories.sweep(now, UNUSED);
        }
        if !inventories.open.contains_key(&access) {
            let budget = inventories.budgets.entry(AccountRegion::of(&access));
            let budget = budget.or_insert_with(|| Budget::with_modify_rate(self.modify_rate)).clone();
            let open = self.open(&access, inventories, budget, now);
            inventories.open.insert(access.clone(), open);
        }
        let open = inventories.open.get_mut(&access).expect("it was opened if it was not open");
        open.used = now;
        Rc::clone(&open.inventory)
    }

    fn open(&self, access: &Access, inventories: &Inventories, budget: Budget, now: Timestamp) -> OpenInventory {
        let session = access.role_arn.as_ref().map(|role| {
            // One session of a role serves in all regions.
            let shared = inventories.open.iter().find(|(other, _)| is_same_role(other, access));
            shared.and_then(|(_, open)| open.session.clone()).unwrap_or_else(|| {
                let params = AssumeRoleParams {
                    role_arn: role.clone(),
                    external_id: access.external_id.clone(),
                    session_name: session_name(&self.owner),
                    policy: Policy::of_session(&self.owner, role).text(),
                };
                Arc::new(Session::new(&self.config, params, Arc::clone(&self.clock), Arc::clone(&self.meter)))
            })
        });
        let config = self.config_for(access, session.as_ref());
        let (clock, meter, told) = (Arc::clone(&self.clock), Arc::clone(&self.meter), session.clone());
        let inventory = Inventory::with_budget(
            &config,
            budget,
            move || clock(),
            move |call| {
                if let Some(session) = told.as_ref().filter(|_| casts_doubt(&call)) {
                    session.doubt();
                }
                meter(call);
            },
        );
        let inventory = Rc::new(inventory.expect("the access has a region"));
        OpenInventory { inventory, session, used: now }
    }

    fn config_for(&self, access: &Access, session: Option<&Arc<Session>>) -> SdkConfig {
        let config = self.config.to_builder().region(access.region.clone().map(Region::new));
        match session {
            Some(session) => config
                .credentials_provider(SharedCredentialsProvider::new(Provider(Arc::clone(session))))
                // The session keeps its credentials itself, so as to use them to their end while STS is away.
                .identity_cache(IdentityCache::no_cache())
                .build(),
            None => config.build(),
        }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Accounts").field("open", &self.inventories.borrow().open.keys()).finish_non_exhaustive()
    }
}

fn is_same_role(one: &Access, other: &Access) -> bool {
    one.role_arn == other.role_arn && one.external_id == other.external_id
}

/// A name for sessions that STS takes: at most 64 letters, digits and `+=,.@-_`.
fn session_name(owner: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || "+=,.@-_".contains(letter) { letter } else { '-' };
    format!("weir-{owner}").chars().map(letter).take(64).collect()
}

/// Whether a call's end may mean that the credentials are no good any more. To count requests may well not be allowed,
/// which says nothing about them.
fn casts_doubt(call: &Call) -> bool {
    match call.outcome {
        Err(ErrorKind::Expired) => true,
        Err(ErrorKind::Denied) => call.service != cloudwatch::SERVICE,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
