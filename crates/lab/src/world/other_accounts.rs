//! The accounts and regions beside the one that the world begins with, made for manifests that speak of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::account::Account;
use crate::evidence::Call;
use crate::furniture::{self, Mistake};

use super::World;

/// What was made on AWS, by account and region.
pub(super) type OtherAccounts = BTreeMap<(String, String), Account>;

impl World {
    /// What was made on AWS for manifests, in another account and region.
    pub fn account_at(&mut self, account: &str, region: &str) -> &mut Account {
        let aws = &self.aws;
        let made = self.other_accounts.entry((account.to_owned(), region.to_owned()));
        made.or_insert_with(|| Account::new(&aws.elsewhere(account, region)))
    }

    /// Makes what documents expect, each where its `spec.aws` says; the roles that they name trust the external IDs
    /// that they give. What cannot be made is told.
    pub(crate) fn furnish_documents(&mut self, documents: &[Value], targets: u32) -> Vec<Mistake> {
        furniture::furnish(documents, targets, |document| match self.place_of(document) {
            None => Arc::clone(&self.aws),
            Some((account, region)) => self.account_at(&account, &region).aws(),
        })
    }

    /// Where the things of a document are; `None` where the world begins.
    pub(crate) fn place_of(&self, document: &Value) -> Option<(String, String)> {
        let aws = &document["spec"]["aws"];
        let role = aws["roleArn"].as_str();
        if let Some((account, name)) =
            role.and_then(|role| Some((role.split(':').nth(4)?, role.split_once("role/")?.1)))
        {
            self.aws.elsewhere(account, &self.aws.region()).add_role(name, aws["externalId"].as_str());
        }
        let home = &self.settings.aws;
        let account = role.and_then(|role| role.split(':').nth(4)).unwrap_or(&home.account);
        let region = aws["region"].as_str().unwrap_or(&home.region);
        (account != home.account || region != home.region).then(|| (account.to_owned(), region.to_owned()))
    }

    fn accounts(&self) -> impl Iterator<Item = &Account> {
        std::iter::once(&self.account).chain(self.other_accounts.values())
    }

    /// How many targets of each group were healthy from which instant on, everywhere.
    pub(super) fn healthy_counts(&self) -> Vec<(String, Vec<(Timestamp, u32)>)> {
        let of = |account: &Account| -> Vec<_> {
            account.groups().into_iter().map(|group| (group.clone(), account.healthy_counts(&group))).collect()
        };
        self.accounts().flat_map(of).collect()
    }

    /// Mends every target, everywhere.
    pub(super) fn mend_all(&self) {
        for account in self.accounts() {
            account.groups().iter().for_each(|group| account.mend_targets(group));
        }
    }

    /// Every call that AWS has answered, anywhere.
    pub(super) fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = self.accounts().flat_map(Account::calls).collect();
        calls.sort_by_key(|call| call.at);
        calls
    }

    /// The names of all groups that there are or were, by ARN. Names are unique in one account only: scenarios give each
    /// group its own.
    pub(super) fn group_names(&self) -> BTreeMap<String, String> {
        self.accounts().flat_map(Account::group_names).collect()
    }
}
