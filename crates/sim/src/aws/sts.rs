//! The Security Token Service: credentials of those who assume roles.
//!
//! They last as long as they say; when a role is revoked, those that were given out before are worth nothing any more,
//! also after it is restored.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use super::form::Form;
use super::iam::{Deed, Policy};
use super::partition::{AccountRegion, Identity, Partition};
use super::protocol::{Input, Output, Protocol};
use super::refusal::{Refusal, Refused, broken_bound};
use super::service::{Asks, Errand, Operation, Service};
use super::xml::Xml;

/// How long credentials last unless asked otherwise, and the most that a role gives unless it is set up to give more.
const SECONDS: u32 = 3600;
/// The header that carries the token of temporary credentials.
const TOKEN: &str = "x-amz-security-token";

/// The Security Token Service.
pub(super) struct SecurityTokens;

/// The Security Token Service.
pub(super) const STS: SecurityTokens = SecurityTokens;

const ASSUME_ROLE: &str = "AssumeRole";
const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// The credentials given out for roles, by access key.
#[derive(Debug)]
pub(super) struct Sts {
    sessions: BTreeMap<String, Session>,
    chance: fastrand::Rng,
}

/// Somebody in a role.
#[derive(Debug)]
pub(super) struct Session {
    /// The account of the role.
    pub(super) account: String,
    /// The access key of whoever stands behind it.
    pub(super) source: Arc<str>,
    /// What it may do at most.
    pub(super) policy: Option<Arc<Policy>>,
    role: String,
    /// The ARN of it.
    pub(super) user: String,
    token: String,
    ends: Timestamp,
    is_revoked: bool,
}

impl Session {
    /// Lets a request of it in, or says why not.
    pub(super) fn admit(&self, headers: &HeaderMap, service: &str, now: Timestamp) -> Result<(), Refusal> {
        if headers.get(TOKEN).and_then(|token| token.to_str().ok()) != Some(&self.token) {
            return Err(Sts::unknown_token());
        }
        if now >= self.ends {
            return Err(Refusal::forbidden("ExpiredToken", "The security token included in the request is expired"));
        }
        if self.is_revoked {
            let message = format!(
                "User: {} is not authorized to perform this operation of {service} with an explicit deny in an \
                 identity-based policy",
                self.user
            );
            return Err(Refusal::forbidden("AccessDenied", message));
        }
        Ok(())
    }
}

impl Sts {
    pub(super) fn new(seed: u64) -> Self {
        Self { sessions: BTreeMap::new(), chance: fastrand::Rng::with_seed(seed) }
    }

    /// The session of an access key.
    pub(super) fn session(&self, key: &str) -> Option<&Session> {
        self.sessions.get(key)
    }

    pub(super) fn unknown_token() -> Refusal {
        Refusal::forbidden("InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    /// The credentials of a new session.
    fn give_out(&mut self, session: Session) -> Vec<Xml> {
        let key = format!("ASIA{:016X}", self.chance.u64(..));
        let token = format!("{:032x}{:032x}", self.chance.u128(..), self.chance.u128(..));
        let secret = format!("{:040x}", self.chance.u128(..));
        let ends = session.ends;
        let credentials = vec![
            Xml::text("AccessKeyId", &key),
            Xml::text("SecretAccessKey", secret),
            Xml::text("SessionToken", &token),
            Xml::text("Expiration", Timestamp::from_second(ends.as_second()).unwrap_or(ends)),
        ];
        self.sessions.insert(key, Session { token, ..session });
        credentials
    }

    /// What was given out for a role is worth nothing any more.
    pub(super) fn revoke(&mut self, role: &str) {
        for session in self.sessions.values_mut().filter(|session| session.role == role) {
            session.is_revoked = true;
        }
    }
}

impl Service for SecurityTokens {
    fn signing_name(&self) -> &'static str {
        "sts"
    }

    fn version(&self) -> &'static str {
        "2011-06-15"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Query("https://sts.amazonaws.com/doc/2011-06-15/")
    }

    fn operations(&self) -> Vec<&'static str> {
        vec![ASSUME_ROLE, GET_CALLER_IDENTITY]
    }

    fn operation(&self, name: &str) -> Option<Operation> {
        let name = self.operations().into_iter().find(|known| *known == name)?;
        Some(Operation { name, writes: false, bucket: None })
    }

    fn asks(&self, _: &Operation, input: &Input) -> Asks {
        Asks { resources: input.form.text("RoleArn").into_iter().map(Arc::from).collect(), ..Asks::default() }
    }

    /// Anybody may ask who he is.
    fn deeds(&self, operation: &Operation, input: &Input, _: &AccountRegion, _: &mut Partition) -> Vec<Deed> {
        let resource = input.form.text("RoleArn").unwrap_or("*").to_owned();
        let deed = Deed { action: format!("sts:{ASSUME_ROLE}"), resource, ..Deed::default() };
        if operation.name == ASSUME_ROLE { vec![deed] } else { Vec::new() }
    }

    fn perform(
        &self,
        operation: &Operation,
        input: &Input,
        errand: &Errand,
        partition: &mut Partition,
    ) -> Result<Output, Refused> {
        if operation.name == ASSUME_ROLE {
            let assumed = partition.assume_role(&input.form, &errand.caller, errand.writer.now)?;
            return Ok(Output::Xml(assumed));
        }
        let Identity { arn, key, .. } = &errand.caller;
        Ok(Output::Xml(vec![
            Xml::text("Arn", arn),
            Xml::text("UserId", key),
            Xml::text("Account", &errand.place.account),
        ]))
    }
}

impl Partition {
    fn assume_role(&mut self, form: &Form, caller: &Identity, now: Timestamp) -> Result<Vec<Xml>, Refusal> {
        let role = within(form, "RoleArn", 20..=2048)?.ok_or_else(|| Refusal::missing("RoleArn"))?;
        let name = within(form, "RoleSessionName", 2..=64)?.ok_or_else(|| Refusal::missing("RoleSessionName"))?;
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
        if !name.chars().all(is_letter) {
            let pattern = "Member must satisfy regular expression pattern: [\\w+=,.@-]*";
            return Err(Refusal::constraint("RoleSessionName", name, pattern));
        }
        let external_id = within(form, "ExternalId", 2..=1224)?;
        let policy = within(form, "Policy", 1..=2048)?.map(session_policy).transpose()?;
        let seconds = form.number_within("DurationSeconds", 900, 43_200)?.unwrap_or(SECONDS);
        let (account, path) = parts(role);
        // AWS does not tell a role that is not there from one that does not trust the caller.
        if !self.global(account).iam.trusts(role, external_id) {
            let user = &caller.arn;
            let message = format!("User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}");
            return Err(Refusal::forbidden("AccessDenied", message));
        }
        if seconds > SECONDS {
            let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(Refusal::invalid(message));
        }
        let session = Session {
            account: account.to_owned(),
            source: Arc::clone(&caller.key),
            policy,
            role: role.to_owned(),
            user: format!("arn:aws:sts::{account}:assumed-role/{path}/{name}"),
            token: String::new(),
            ends: now + SignedDuration::from_secs(i64::from(seconds)),
            is_revoked: false,
        };
        let assumed =
            vec![Xml::text("AssumedRoleId", format!("AROA0123456789EXAMPL:{name}")), Xml::text("Arn", &session.user)];
        Ok(vec![Xml::of("Credentials", self.sts.give_out(session)), Xml::of("AssumedRoleUser", assumed)])
    }
}

/// A text of a declared length.
fn within<'a>(form: &'a Form, name: &str, length: std::ops::RangeInclusive<usize>) -> Result<Option<&'a str>, Refusal> {
    let Some(text) = form.text(name) else { return Ok(None) };
    let broken = broken_bound("length", text.chars().count(), &length);
    broken.map_or(Ok(Some(text)), |constraint| Err(Refusal::constraint(name, text, &constraint)))
}

/// The policy that a session is limited to.
fn session_policy(text: &str) -> Result<Arc<Policy>, Refusal> {
    let document = serde_json::from_str(text).map_err(|error| error.to_string());
    let policy = document.and_then(|document| Policy::read(&document));
    policy.map(Arc::new).map_err(|error| Refusal::new("MalformedPolicyDocument", error))
}

/// The account of a role, and what it is called in the ARN of those who assume it: its name without its path.
fn parts(role: &str) -> (&str, &str) {
    (role.split(':').nth(4).unwrap_or_default(), role.rsplit('/').next().unwrap_or_default())
}
