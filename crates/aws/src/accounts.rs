//! All the accounts and regions that Weir works in: an inventory of each, made when it is first needed.
//!
//! Invariants: a question or a write reaches AWS by the access that it names and no other; an account that cannot be
//! reached holds up nobody but those who ask for it; what nobody uses any more is dropped.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use aws_config::identity::IdentityCache;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use futures::future;
use jiff::{SignedDuration, Timestamp};
use weir_engine::fact::{AwsError, ErrorKind, Fact};
use weir_engine::guard::Permit;
use weir_engine::sight::Ask;
use weir_engine::{Access, Arn as ResourceName};

use crate::inventory::{Inventory, NoRegion};
use crate::meter::Call;
use crate::session::{Provider, Session, Terms};

/// How long an inventory is kept that no one uses.
const UNUSED: SignedDuration = SignedDuration::from_hours(1);
/// How often those are looked for.
const SWEEP: SignedDuration = SignedDuration::from_mins(5);

/// Tells the present instant, on whatever thread.
pub(crate) type SharedClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Is told of each call, on whatever thread.
pub(crate) type SharedMeter = Arc<dyn Fn(Call) + Send + Sync>;

/// The accounts and regions.
pub struct Accounts {
    config: SdkConfig,
    region: String,
    session_name: String,
    clock: SharedClock,
    meter: SharedMeter,
    doors: RefCell<Doors>,
}

/// The inventories by the access that leads to them, with its region said.
#[derive(Default)]
struct Doors {
    open: BTreeMap<Access, Door>,
    swept: Timestamp,
}

struct Door {
    inventory: Rc<Inventory>,
    session: Option<Arc<Session>>,
    used: Timestamp,
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
            session_name: session_name(owner),
            clock: Arc::new(clock),
            meter: Arc::new(meter),
            doors: RefCell::default(),
        })
    }

    /// The same access with its region said, so that two that lead to the same place by the same role are equal.
    #[must_use]
    pub fn resolve(&self, access: &Access) -> Access {
        let region = access.region.clone().unwrap_or_else(|| self.region.clone());
        Access { region: Some(region), ..access.clone() }
    }

    /// Answers questions, in their order, each by its own access.
    pub async fn answer_all(&self, asks: &[Ask]) -> Vec<(Ask, Fact)> {
        let answer = async |ask: &Ask| {
            let (_, fact) = self.inventory(&ask.access).answer(ask).await;
            (ask.clone(), fact)
        };
        future::join_all(asks.iter().map(answer)).await
    }

    /// Carries out a write by the access that it was permitted for.
    pub async fn perform(&self, permit: Permit) -> Result<(), AwsError> {
        self.inventory(permit.access()).perform(permit).await
    }

    /// Looks at balancers that are reached by one access; see [`Inventory::round`]. Each access has a round of its
    /// own, so that none waits for another.
    pub async fn round(
        &self,
        access: &Access,
        balancers: &BTreeSet<ResourceName>,
        fresh: SignedDuration,
    ) -> BTreeSet<ResourceName> {
        self.inventory(access).round(balancers, fresh).await
    }

    /// Looks again at the tags of resources that are reached by one access; see [`Inventory::marks`].
    pub async fn marks(&self, access: &Access, resources: &BTreeSet<ResourceName>) -> BTreeSet<ResourceName> {
        self.inventory(access).marks(resources).await
    }

    /// The inventory of an access.
    fn inventory(&self, access: &Access) -> Rc<Inventory> {
        let access = self.resolve(access);
        let now = (self.clock)();
        let mut doors = self.doors.borrow_mut();
        if now.duration_since(doors.swept) >= SWEEP {
            doors.swept = now;
            doors.open.retain(|_, door| now.duration_since(door.used) < UNUSED);
        }
        if !doors.open.contains_key(&access) {
            let door = self.open(&access, &doors, now);
            doors.open.insert(access.clone(), door);
        }
        let door = doors.open.get_mut(&access).expect("it was opened if it was not open");
        door.used = now;
        Rc::clone(&door.inventory)
    }

    fn open(&self, access: &Access, doors: &Doors, now: Timestamp) -> Door {
        let session = access.role_arn.as_ref().map(|role| {
            // One session of a role serves in all regions.
            let shared = doors.open.iter().find(|(other, _)| is_same_role(other, access));
            shared.and_then(|(_, door)| door.session.clone()).unwrap_or_else(|| {
                let terms = Terms {
                    role_arn: role.clone(),
                    external_id: access.external_id.clone(),
                    session_name: self.session_name.clone(),
                };
                Arc::new(Session::new(&self.config, terms, Arc::clone(&self.clock), Arc::clone(&self.meter)))
            })
        });
        let config = self.config_for(access, session.as_ref());
        let (clock, meter, told) = (Arc::clone(&self.clock), Arc::clone(&self.meter), session.clone());
        let inventory = Inventory::new(
            &config,
            move || clock(),
            move |call| {
                if let (Some(session), Err(ErrorKind::Denied | ErrorKind::Expired)) = (&told, call.outcome) {
                    session.doubt();
                }
                meter(call);
            },
        );
        let inventory = Rc::new(inventory.expect("the access has a region"));
        Door { inventory, session, used: now }
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
        formatter.debug_struct("Accounts").field("open", &self.doors.borrow().open.keys()).finish_non_exhaustive()
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

#[cfg(test)]
mod tests;
