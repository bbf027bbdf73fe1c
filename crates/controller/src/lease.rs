//! The leader election algorithm over one Lease: a state machine without a client and without a clock of its own.
//!
//! Invariants: two candidates never hold the Lease at the same moment, whatever their clocks say, as long as these go
//! equally fast and nobody deletes it before one that has not seen it. So the end of our own Lease counts from before the
//! request was sent by which we have it, and the end of somebody else's from when we last saw it change or go, by our own
//! steady clock; no instant that another has written is ever compared with a clock of ours. Each claim names the version
//! that it replaces, so of two only one is granted.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use tokio::time::Instant;

/// The settings of the election: the Lease, the candidate, and the duration of the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseConfig {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The candidate, as no other is named.
    pub identity: String,
    /// For how long it is held without being renewed: whole seconds.
    pub duration: Duration,
}

impl LeaseConfig {
    /// How often whoever leads renews it: the 2 s for 15 s of client-go.
    fn renew_period(&self) -> Duration {
        self.duration * 2 / 15
    }

    /// How often the others look, and how soon is tried again what failed: twice as often, so that the end of a lease is
    /// noticed soon.
    fn retry_period(&self) -> Duration {
        self.duration / 15
    }

    /// How long a request may take: three of them fit into what remains until writes must stop.
    pub fn request_timeout(&self) -> Duration {
        self.duration / 5
    }
}

/// A moment by both clocks of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the one that only ever goes forward.
    pub steady: Instant,
    /// By the one that people read. It may be set, and it goes on where the other stands still: while the machine sleeps.
    pub wall: Timestamp,
}

impl Moment {
    fn after(self, span: Duration) -> Self {
        let wall = self.wall.saturating_add(span).unwrap_or(Timestamp::MAX);
        Self { steady: self.steady + span, wall }
    }
}

/// The Lease as held by this candidate, until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseHold {
    ends: Moment,
}

impl LeaseHold {
    /// Whether it lasts for a span from now on, by both clocks.
    pub fn lasts(&self, now: Moment, span: Duration) -> bool {
        let then = now.after(span);
        then.steady < self.ends.steady && then.wall < self.ends.wall
    }

    /// Until when something that takes a span may be begun, by the steady clock.
    pub fn room_for(&self, span: Duration) -> Instant {
        self.ends.steady.checked_sub(span).unwrap_or(self.ends.steady)
    }
}

/// A request about the Lease to the API server.
#[derive(Clone, Debug, PartialEq)]
pub enum LeaseRequest {
    /// The Lease as it is.
    Read,
    /// To make this Lease.
    Create(Lease),
    /// To put this one in the place of the one of its version.
    Replace(Lease),
}

/// The response to it.
#[derive(Clone, Debug, PartialEq)]
pub enum LeaseResponse {
    /// The Lease as it is; nothing where there is none.
    Found(Option<Lease>),
    /// What was made or put in its place.
    Granted(Lease),
    /// Another candidate was first: the version that the request names is not the present one.
    Conflict,
    /// Anything else: it may have been done or not.
    Failed,
}

/// One candidate's view of the election.
#[derive(Clone, Debug)]
pub struct Elector {
    config: LeaseConfig,
    /// The Lease as last seen.
    lease: Option<Lease>,
    /// Whether it may have changed since, so that it must be read before it is claimed.
    is_doubtful: bool,
    /// Until when it is somebody else's, as far as we have seen.
    taken_until: Option<Instant>,
    hold: Option<LeaseHold>,
    due: Instant,
}

impl Elector {
    /// A candidate that has seen nothing yet.
    pub fn new(config: LeaseConfig, now: Instant) -> Self {
        Self { config, lease: None, is_doubtful: true, taken_until: None, hold: None, due: now }
    }

    /// When the next request is to be sent.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Until when the Lease is ours, if it is. It may have ended by now.
    pub fn hold(&self) -> Option<LeaseHold> {
        self.hold
    }

    /// Who else has the Lease, as far as we have seen.
    pub fn leader(&self, now: Instant) -> Option<&str> {
        self.holder().filter(|_| !self.is_ours() && !self.is_free(now))
    }

    /// The request to be sent now.
    pub fn next(&self, now: Moment) -> LeaseRequest {
        if self.is_doubtful || !self.is_free(now.steady) {
            return LeaseRequest::Read;
        }
        let claim = self.claim(now);
        if self.lease.is_some() { LeaseRequest::Replace(claim) } else { LeaseRequest::Create(claim) }
    }

    /// The request by which the Lease is given up, if it is ours.
    pub fn release(&self, now: Moment) -> Option<LeaseRequest> {
        if !self.is_ours() {
            return None;
        }
        let mut lease = self.claim(now);
        let spec = lease.spec.get_or_insert_default();
        // As client-go does: nobody has it, and nobody need wait for its end.
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        Some(LeaseRequest::Replace(lease))
    }

    /// Takes note of the answer to a request that was sent at a moment.
    pub fn handle(&mut self, sent: Moment, now: Instant, response: LeaseResponse) {
        self.due = match response {
            LeaseResponse::Found(found) => {
                self.is_doubtful = false;
                self.observe(now, found);
                match self.taken_until.filter(|_| !self.is_free(now)) {
                    Some(end) => end.min(now + self.config.retry_period()),
                    None => now,
                }
            }
            LeaseResponse::Granted(lease) => {
                self.is_doubtful = false;
                self.observe(now, Some(lease));
                self.hold = self.is_ours().then(|| LeaseHold { ends: sent.after(self.config.duration) });
                sent.steady + self.config.renew_period()
            }
            LeaseResponse::Conflict => {
                self.is_doubtful = true;
                now + self.config.retry_period()
            }
            LeaseResponse::Failed => {
                self.is_doubtful = true;
                now.max(sent.steady + self.config.retry_period())
            }
        };
    }

    /// Takes note of the Lease as it is.
    fn observe(&mut self, now: Instant, found: Option<Lease>) {
        let version = |lease: &Option<Lease>| lease.as_ref()?.metadata.resource_version.clone();
        let has_changed = version(&self.lease) != version(&found);
        // By the word of the one that was there before.
        let held_for = self.held_for().max(self.config.duration);
        let was_ours = self.hold.is_some_and(|hold| now < hold.ends.steady);
        let is_gone = found.is_none();
        self.lease = found;
        if !self.is_ours() {
            self.hold = None;
        }
        if is_gone {
            // One that was deleted is not free before its end: whoever had it may not know yet, and may have renewed or
            // taken it unseen right before. While it was ours, nobody can have.
            if has_changed && !was_ours {
                self.taken_until = Some(now + held_for);
            }
            return;
        }
        match self.holder().filter(|_| !self.is_ours()) {
            None => self.taken_until = None,
            Some(_) if has_changed => self.taken_until = Some(now + self.held_for()),
            Some(_) => {}
        }
    }

    /// For how long the Lease is held as it is, by its own word.
    fn held_for(&self) -> Duration {
        let spec = self.lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(self.config.duration, Duration::from_secs)
    }

    /// Whose the Lease was when it was last seen; nothing where it was given up.
    fn holder(&self) -> Option<&str> {
        let spec = self.lease.as_ref()?.spec.as_ref()?;
        spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    fn is_ours(&self) -> bool {
        self.holder() == Some(&self.config.identity)
    }

    fn is_free(&self, now: Instant) -> bool {
        self.taken_until.is_none_or(|end| now >= end)
    }

    /// The Lease as it would be ours. What others have written into its metadata stays.
    fn claim(&self, now: Moment) -> Lease {
        let mut lease = self.lease.clone().unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                namespace: Some(self.config.namespace.clone()),
                name: Some(self.config.name.clone()),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        let is_ours = self.is_ours();
        let is_new = self.lease.is_none();
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        if !is_ours {
            let transitions = spec.lease_transitions.unwrap_or_default();
            spec.lease_transitions = Some(transitions.saturating_add(i32::from(!is_new)));
            spec.acquire_time = Some(MicroTime(now.wall));
        }
        spec.holder_identity = Some(self.config.identity.clone());
        spec.lease_duration_seconds = i32::try_from(self.config.duration.as_secs()).ok();
        spec.renew_time = Some(MicroTime(now.wall));
        lease
    }
}

#[cfg(test)]
mod tests;
