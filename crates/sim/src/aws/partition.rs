//! Accounts and regions: everything that one set of credentials can be told from another by.
//!
//! What an account has in one region is told from what it has whatever the region. A request is led to both by its
//! credentials: those that STS gave for a role lead to the role's account, all others to the account that the whole is
//! seen from at first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, MutexGuard};

use http::HeaderMap;
use jiff::Timestamp;

use super::effect::{Author, Effect, Effects, Writer};
use super::iam::{Deed, Iam, Policy, Right};
use super::rates::{Buckets, Rates};
use super::refusal::Refusal;
use super::route53::Route53;
use super::scope::{self, Scope};
use super::sts::Sts;
use super::{AwsOptions, Regional};

/// One account in one region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccountRegion {
    pub(super) account: String,
    pub(super) region: String,
}

/// All accounts and regions.
#[derive(Debug)]
pub(super) struct Partition {
    seed: u64,
    options: AwsOptions,
    home: AccountRegion,
    regional: BTreeMap<AccountRegion, Regional>,
    global: BTreeMap<String, Global>,
    pub(super) sts: Sts,
    effects: Effects,
    /// What the owners of access keys may do, where it is not everything.
    policies: BTreeMap<String, Arc<Policy>>,
}

/// What one account has, whatever the region.
#[derive(Debug)]
pub(super) struct Global {
    pub(super) iam: Iam,
    pub(super) route53: Route53,
    pub(super) buckets: Buckets,
}

/// Where a request leads, and by whom it is made.
pub(super) struct Visit {
    pub(super) place: AccountRegion,
    pub(super) caller: Result<Identity, Refusal>,
}

/// By whom a request is made.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The access key of whoever stands behind it.
    pub(super) key: Arc<str>,
    /// The ARN of the user or of the session.
    pub(super) arn: String,
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
        let home = AccountRegion { account: options.account.clone(), region: options.region.clone() };
        let regional = BTreeMap::from([(home.clone(), Regional::new(seed, options.clone()))]);
        Self {
            seed,
            options,
            home,
            regional,
            global: BTreeMap::new(),
            sts: Sts::new(seed),
            effects: Effects::default(),
            policies: BTreeMap::new(),
        }
    }

    /// The account that those are in who have credentials of their own, and its first region.
    pub(super) fn home(&self) -> &AccountRegion {
        &self.home
    }

    /// Makes sure that there is something at a place.
    pub(super) fn settle(&mut self, place: &AccountRegion) {
        if !self.regional.contains_key(place) {
            let options =
                AwsOptions { account: place.account.clone(), region: place.region.clone(), ..self.options.clone() };
            // Another seed for each place, the same in each run.
            let seed = self.seed_of(&[&place.account, &place.region]);
            self.regional.insert(place.clone(), Regional::new(seed, options));
        }
    }

    /// What there is at a place.
    pub(super) fn regional(&mut self, place: &AccountRegion) -> &mut Regional {
        self.settle(place);
        self.regional.get_mut(place).expect("a settled place has everything")
    }

    /// What an account has, whatever the region.
    pub(super) fn global(&mut self, account: &str) -> &mut Global {
        if !self.global.contains_key(account) {
            let route53 = Route53::new(self.seed_of(&[account, "route53"]), self.options.route53.clone());
            let global = Global { iam: Iam::default(), route53, buckets: Buckets::default() };
            self.global.insert(account.to_owned(), global);
        }
        self.global.get_mut(account).expect("an account that was made is there")
    }

    /// What an account has, where anything was heard of it.
    pub(super) fn account(&self, account: &str) -> Option<&Global> {
        self.global.get(account)
    }

    /// The seed of a part, of its own and the same in each run.
    fn seed_of(&self, names: &[&str]) -> u64 {
        let letters = names.iter().flat_map(|name| name.bytes());
        letters.fold(self.seed, |seed, letter| seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(letter))
    }

    /// Everything at every place.
    pub(super) fn everywhere(&self) -> impl Iterator<Item = (&AccountRegion, &Regional)> {
        self.regional.iter()
    }

    /// How many calls are taken, where they are counted.
    pub(super) fn rates(&self) -> Option<Rates> {
        self.options.rates
    }

    /// Somebody who acts at a place.
    pub(super) fn writer(&self, place: &AccountRegion, author: Author, now: Timestamp) -> Writer {
        let (account, effects) = (Arc::from(place.account.as_str()), self.effects.clone());
        Writer { now, at_once: false, account, author, request_id: None, effects }
    }

    /// Every change so far.
    pub(super) fn effects(&self) -> Vec<Effect> {
        self.effects.all()
    }

    /// Forgets every call and change so far, and how things were before an instant.
    pub(super) fn forget_before(&mut self, at: Timestamp, now: Timestamp) {
        self.effects.forget();
        for regional in self.regional.values_mut() {
            drop(regional.log.take());
            regional.elbv2.forget_before(at);
            regional.ec2.forget_before(at, now);
        }
        for global in self.global.values_mut() {
            global.route53.forget_before(at);
        }
    }

    /// Lets the owner of an access key do only what a policy allows.
    pub(super) fn restrict(&mut self, key: &str, policy: Policy) {
        self.policies.insert(key.to_owned(), Arc::new(policy));
    }

    /// The rights of which the owner of an access key has made no use.
    pub(super) fn unused_rights(&self, key: &str) -> BTreeSet<Right> {
        self.policies.get(key).map(|policy| policy.unused()).unwrap_or_default()
    }

    /// The owner of an access key, who is called so.
    fn identity(&self, key: &str, arn: String) -> Identity {
        Identity { key: Arc::from(key), arn, policy: self.policies.get(key).map(Arc::clone), session: None }
    }

    /// Where a request with these headers leads. Nobody goes to a region of which nothing was heard before.
    pub(super) fn visit(&mut self, headers: &HeaderMap, from: &AccountRegion, now: Timestamp) -> Visit {
        let Scope { key, region, service } = match scope::read(headers) {
            Ok(scope) => scope,
            Err(refusal) => return Visit { place: from.clone(), caller: Err(refusal) },
        };
        let region = if self.regional.keys().any(|place| place.region == region) { region } else { &from.region };
        let at = |account: &str| AccountRegion { account: account.to_owned(), region: region.to_owned() };
        match self.sts.session(key) {
            Some(session) => Visit {
                place: at(&session.account),
                caller: session.admit(headers, service, now).map(|()| Identity {
                    session: session.policy.clone(),
                    ..self.identity(&session.source, session.user.clone())
                }),
            },
            None if key.starts_with("ASIA") => Visit { place: at(&from.account), caller: Err(Sts::unknown_token()) },
            None => {
                let user = format!("arn:aws:iam::{}:user/{key}", from.account);
                Visit { place: at(&from.account), caller: Ok(self.identity(key, user)) }
            }
        }
    }
}

/// What there is at a place, for as long as nobody else changes anything.
pub(super) struct Here<'a> {
    partition: MutexGuard<'a, Partition>,
    place: &'a AccountRegion,
}

impl<'a> Here<'a> {
    pub(super) fn new(partition: MutexGuard<'a, Partition>, place: &'a AccountRegion) -> Self {
        Self { partition, place }
    }
}

impl Deref for Here<'_> {
    type Target = Regional;

    fn deref(&self) -> &Regional {
        self.partition.regional.get(self.place).expect("nobody looks from a place that is not settled")
    }
}

impl DerefMut for Here<'_> {
    fn deref_mut(&mut self) -> &mut Regional {
        self.partition.regional(self.place)
    }
}
