//! The Security Token Service: roles, and the credentials of those who assume them.
//!
//! A role has whoever knows its external ID for a friend. Its credentials last as long as they say; when a role is
//! revoked, those that were given out before are worth nothing any more, also after it is restored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use jiff::{SignedDuration, Timestamp};

use super::form::Form;
use super::iam::{Deed, Policy};
use super::log::Call;
use super::partition::{Identity, Partition, Place};
use super::refusal::Refusal;
use super::scope::{self, Scope};
use super::xml::Xml;
use super::{Aws, read_form};

/// The service of the credential scope.
const SERVICE: &str = "sts";
/// The version that requests name.
const VERSION: &str = "2011-06-15";
/// The namespace of its answers.
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// How long credentials last unless asked otherwise, and the most that a role gives unless it is set up to give more.
const SECONDS: u32 = 3600;
/// The header that carries the token of temporary credentials.
const TOKEN: &str = "x-amz-security-token";

/// Roles and the credentials given out for them.
#[derive(Debug)]
pub(super) struct Sts {
    roles: BTreeMap<String, Role>,
    sessions: BTreeMap<String, Session>,
    chance: fastrand::Rng,
}

/// A role.
#[derive(Clone, Debug, Default)]
struct Role {
    external_id: Option<String>,
    is_revoked: bool,
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
    user: String,
    token: String,
    ends: Timestamp,
    is_revoked: bool,
}

/// Whether a request is meant for STS.
pub(super) fn is_meant(request: &Request<Bytes>) -> bool {
    scope::read(request.headers()).is_ok_and(|scope| scope.service == SERVICE)
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
        Self { roles: BTreeMap::new(), sessions: BTreeMap::new(), chance: fastrand::Rng::with_seed(seed) }
    }

    /// The session of an access key.
    pub(super) fn session(&self, key: &str) -> Option<&Session> {
        self.sessions.get(key)
    }

    pub(super) fn unknown_token() -> Refusal {
        Refusal::forbidden("InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    fn assume_role(&mut self, form: &Form, caller: &Caller, now: Timestamp) -> Result<Vec<Xml>, Refusal> {
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
        let known = self.roles.get(role).filter(|known| {
            !known.is_revoked && known.external_id.as_deref().is_none_or(|wanted| external_id == Some(wanted))
        });
        // AWS does not tell a role that is not there from one that does not trust the caller.
        if known.is_none() {
            let user = &caller.arn;
            let message = format!("User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}");
            return Err(Refusal::forbidden("AccessDenied", message));
        }
        if seconds > SECONDS {
            let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(Refusal::invalid(message));
        }
        let (account, path) = parts(role);
        let user = format!("arn:aws:sts::{account}:assumed-role/{path}/{name}");
        let key = format!("ASIA{:016X}", self.chance.u64(..));
        let token = format!("{:032x}{:032x}", self.chance.u128(..), self.chance.u128(..));
        let ends = now + SignedDuration::from_secs(i64::from(seconds));
        let secret = format!("{:040x}", self.chance.u128(..));
        let credentials = vec![
            Xml::text("AccessKeyId", &key),
            Xml::text("SecretAccessKey", secret),
            Xml::text("SessionToken", &token),
            Xml::text("Expiration", Timestamp::from_second(ends.as_second()).unwrap_or(ends)),
        ];
        let assumed = vec![Xml::text("AssumedRoleId", format!("AROA0123456789EXAMPL:{name}")), Xml::text("Arn", &user)];
        let session = Session {
            account: account.to_owned(),
            source: Arc::clone(&caller.identity.key),
            policy,
            role: role.to_owned(),
            user,
            token,
            ends,
            is_revoked: false,
        };
        self.sessions.insert(key, session);
        Ok(vec![Xml::of("Credentials", credentials), Xml::of("AssumedRoleUser", assumed)])
    }

    fn put_role(&mut self, role: &str, external_id: Option<&str>) {
        let external_id = external_id.map(str::to_owned);
        self.roles.entry(role.to_owned()).or_insert(Role { external_id, is_revoked: false });
    }

    fn revoke(&mut self, role: &str) {
        if let Some(role) = self.roles.get_mut(role) {
            role.is_revoked = true;
        }
        for session in self.sessions.values_mut().filter(|session| session.role == role) {
            session.is_revoked = true;
        }
    }

    fn restore(&mut self, role: &str) {
        if let Some(role) = self.roles.get_mut(role) {
            role.is_revoked = false;
        }
    }
}

/// Who calls STS.
struct Caller {
    account: String,
    arn: String,
    identity: Identity,
}

impl Partition {
    /// Answers a request to STS, and writes it down where it came in.
    pub(super) fn answer_sts(
        &mut self,
        request: &Request<Bytes>,
        from: &Place,
        now: Timestamp,
    ) -> Result<(&'static str, Vec<Xml>), Refusal> {
        let form = read_form(request);
        let operation = match (form.text("Action"), form.text("Version")) {
            (Some("AssumeRole"), Some(VERSION)) => Some("AssumeRole"),
            (Some("GetCallerIdentity"), Some(VERSION)) => Some("GetCallerIdentity"),
            _ => None,
        };
        let outcome = self.caller(request.headers(), from, now).and_then(|caller| match operation {
            Some("AssumeRole") => {
                let resource = form.text("RoleArn").unwrap_or("*").to_owned();
                let action = "sts:AssumeRole".to_owned();
                caller.identity.admit(&Deed { action, resource, ..Deed::default() })?;
                self.sts.assume_role(&form, &caller, now)
            }
            Some(_) => Ok(vec![
                Xml::text("Arn", &caller.arn),
                Xml::text("UserId", &caller.identity.key),
                Xml::text("Account", &caller.account),
            ]),
            None => Err(Refusal::new("InvalidAction", "Could not find the operation for this version of STS")),
        });
        self.world(from).log.record(Call {
            at: now,
            service: SERVICE,
            operation: operation.unwrap_or("unknown"),
            write: false,
            resources: form.text("RoleArn").into_iter().map(Arc::from).collect(),
            outcome: outcome.as_ref().map_or_else(|refusal| refusal.code, |_| "OK"),
        });
        outcome.map(|elements| (operation.unwrap_or("unknown"), elements))
    }

    fn caller(&mut self, headers: &HeaderMap, from: &Place, now: Timestamp) -> Result<Caller, Refusal> {
        let regions: BTreeSet<String> = self.regions();
        let Scope { key, region, .. } = scope::read(headers)?;
        if !regions.contains(region) {
            let message = format!("Credential should be scoped to a valid region, not '{region}'.");
            return Err(Refusal::forbidden("SignatureDoesNotMatch", message));
        }
        let visit = self.visit(headers, from, now);
        let identity = visit.caller?;
        let account = visit.place.account;
        let arn = match self.sts.session(key) {
            Some(session) => session.user.clone(),
            None => format!("arn:aws:iam::{account}:user/{key}"),
        };
        Ok(Caller { account, arn, identity })
    }
}

impl Aws {
    /// Makes a role in this account that whoever knows the external ID may assume, unless there is one of that name.
    /// Returns its ARN.
    pub fn add_role(&self, name: &str, external_id: Option<&str>) -> String {
        let role = format!("arn:aws:iam::{}:role/{name}", self.here.account);
        self.partition().sts.put_role(&role, external_id);
        role
    }

    /// Nobody may assume this role any more, and nobody in it may do anything.
    pub fn revoke_role(&self, role: &str) {
        self.partition().sts.revoke(role);
    }

    /// The role may be assumed again. Credentials from before stay worthless.
    pub fn restore_role(&self, role: &str) {
        self.partition().sts.restore(role);
    }
}

/// A text of a declared length.
fn within<'a>(form: &'a Form, name: &str, length: std::ops::RangeInclusive<usize>) -> Result<Option<&'a str>, Refusal> {
    let Some(text) = form.text(name) else { return Ok(None) };
    let refused = |word: &str, bound: &usize| {
        Refusal::constraint(name, text, &format!("Member must have length {word} than or equal to {bound}"))
    };
    match text.chars().count() {
        count if count < *length.start() => Err(refused("greater", length.start())),
        count if count > *length.end() => Err(refused("less", length.end())),
        _ => Ok(Some(text)),
    }
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
