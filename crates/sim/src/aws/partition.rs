//! Accounts and regions: everything that one set of credentials can be told from another by.
//!
//! Each account has a world of its own in each region. A request is led to one by its credentials: those that STS gave
//! for a role lead to the role's account, all others to the account that the whole is seen from at first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, MutexGuard};

use http::HeaderMap;
use jiff::Timestamp;

use super::iam::{Deed, Policy, Right};
use super::refusal::Refusal;
use super::scope::{self, Scope};
use super::sts::Sts;
use super::{AwsOptions, World};

/// One account in one region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) account: String,
    pub(super) region: String,
}

/// All accounts and regions.
#[derive(Debug)]
pub(super) struct Partition {
    seed: u64,
    options: AwsOptions,
    home: Place,
    worlds: BTreeMap<Place, World>,
    pub(super) sts: Sts,
    /// What the owners of access keys may do, where it is not everything.
    policies: BTreeMap<String, Arc<Policy>>,
}

/// Where a request leads, and by whom it is made.
pub(super) struct Visit {
    pub(super) place: Place,
    pub(super) caller: Result<Identity, Refusal>,
}

/// By whom a request is made.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The access key of whoever stands behind it.
    pub(super) key: Arc<str>,
    policy: Option<Arc<Policy>>,
    /// What the session is limited to, where it is.
    session: Option<Arc<Policy>>,
}

impl Identity {
    /// Lets the caller do something, or says why not.
    pub(super) fn admit(&self, deed: &Deed) -> Result<(), Refusal> {
        let mut policies = [&self.policy, &self.session].into_iter().flatten();
        policies.try_for_each(|policy| policy.admit(&self.key, deed))
    }
}

impl Partition {
    pub(super) fn new(seed: u64, options: AwsOptions) -> Self {
        let home = Place { account: options.account.clone(), region: options.region.clone() };
        let worlds = BTreeMap::from([(home.clone(), World::new(seed, options.clone()))]);
        Self { seed, options, home, worlds, sts: Sts::new(seed), policies: BTreeMap::new() }
    }

    /// The account that those are in who have credentials of their own, and its first region.
    pub(super) fn home(&self) -> &Place {
        &self.home
    }

    /// Makes sure that there is a world at a place.
    pub(super) fn settle(&mut self, place: &Place) {
        if !self.worlds.contains_key(place) {
            let options =
                AwsOptions { account: place.account.clone(), region: place.region.clone(), ..self.options.clone() };
            // Another seed for each place, the same in each run.
            let letters = place.account.bytes().chain(place.region.bytes());
            let seed = letters.fold(self.seed, |seed, letter| seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(letter));
            self.worlds.insert(place.clone(), World::new(seed, options));
        }
    }

    /// The regions of which the world has heard.
    pub(super) fn regions(&self) -> BTreeSet<String> {
        self.worlds.keys().map(|place| place.region.clone()).collect()
    }

    /// The world at a place.
    pub(super) fn world(&mut self, place: &Place) -> &mut World {
        self.settle(place);
        self.worlds.get_mut(place).expect("a settled place has a world")
    }

    /// Lets the owner of an access key do only what a policy allows.
    pub(super) fn restrict(&mut self, key: &str, policy: Policy) {
        self.policies.insert(key.to_owned(), Arc::new(policy));
    }

    /// The rights of which the owner of an access key has made no use.
    pub(super) fn unused_rights(&self, key: &str) -> BTreeSet<Right> {
        self.policies.get(key).map(|policy| policy.unused()).unwrap_or_default()
    }

    /// The owner of an access key.
    pub(super) fn identity(&self, key: &str) -> Identity {
        Identity { key: Arc::from(key), policy: self.policies.get(key).map(Arc::clone), session: None }
    }

    /// Where a request with these headers leads. Nobody goes to a region of which the world has heard nothing.
    pub(super) fn visit(&mut self, headers: &HeaderMap, from: &Place, now: Timestamp) -> Visit {
        let Scope { key, region, service } = match scope::read(headers) {
            Ok(scope) => scope,
            Err(refusal) => return Visit { place: from.clone(), caller: Err(refusal) },
        };
        let region = if self.worlds.keys().any(|place| place.region == region) { region } else { &from.region };
        let at = |account: &str| Place { account: account.to_owned(), region: region.to_owned() };
        match self.sts.session(key) {
            Some(session) => Visit {
                place: at(&session.account),
                caller: session
                    .admit(headers, service, now)
                    .map(|()| Identity { session: session.policy.clone(), ..self.identity(&session.source) }),
            },
            None if key.starts_with("ASIA") => Visit { place: at(&from.account), caller: Err(Sts::unknown_token()) },
            None => Visit { place: at(&from.account), caller: Ok(self.identity(key)) },
        }
    }
}

/// The world at a place, for as long as nobody else changes any.
pub(super) struct Here<'a> {
    partition: MutexGuard<'a, Partition>,
    place: &'a Place,
}

impl<'a> Here<'a> {
    pub(super) fn new(partition: MutexGuard<'a, Partition>, place: &'a Place) -> Self {
        Self { partition, place }
    }
}

impl Deref for Here<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        self.partition.worlds.get(self.place).expect("nobody looks from a place that is not settled")
    }
}

impl DerefMut for Here<'_> {
    fn deref_mut(&mut self) -> &mut World {
        self.partition.world(self.place)
    }
}
