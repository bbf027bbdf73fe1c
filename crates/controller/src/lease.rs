//! Who leads, told from what is seen of one Lease: a state machine without a client and without a clock of its own.
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

/// What one candidate needs to know of itself and of the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The candidate, as no other is named.
    pub identity: String,
    /// For how long it is held without being renewed: whole seconds.
    pub duration: Duration,
}

impl Terms {
    /// How often whoever leads renews it: the 2 s for 15 s of client-go.
    fn renewal(&self) -> Duration {
        self.duration * 2 / 15
    }

    /// How often the others look, and how soon is tried again what failed: twice as often, so that the end of a lease is
    /// noticed soon.
    fn look(&self) -> Duration {
        self.duration / 15
    }

    /// How long a request may take: three of them fit into what remains until writes must stop.
    pub fn patience(&self) -> Duration {
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

/// That the Lease is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    ends: Moment,
}

impl Tenure {
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

/// What is to be asked of the API server.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// The Lease as it is.
    Read,
    /// To make this Lease.
    Create(Lease),
    /// To put this one in the place of the one of its version.
    Replace(Lease),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The Lease as it is; nothing where there is none.
    Found(Option<Lease>),
    /// What was made or put in its place.
    Granted(Lease),
    /// Somebody else was first.
    Outrun,
    /// Anything else: it may have been done or not.
    Failed,
}

/// One candidate.
#[derive(Clone, Debug)]
pub struct Elector {
    terms: Terms,
    /// The Lease as last seen.
    lease: Option<Lease>,
    /// Whether it may have changed since, so that it must be read before it is claimed.
    is_doubtful: bool,
    /// Until when it is somebody else's, as far as we have seen.
    taken_until: Option<Instant>,
    tenure: Option<Tenure>,
    due: Instant,
}

impl Elector {
    /// A candidate that has seen nothing yet.
    pub fn new(terms: Terms, now: Instant) -> Self {
        Self { terms, lease: None, is_doubtful: true, taken_until: None, tenure: None, due: now }
    }

    /// When the next request is to be sent.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Until when the Lease is ours, if it is. It may have ended by now.
    pub fn tenure(&self) -> Option<Tenure> {
        self.tenure
    }

    /// Who else has the Lease, as far as we have seen.
    pub fn leader(&self, now: Instant) -> Option<&str> {
        self.holder().filter(|_| !self.is_ours() && !self.is_free(now))
    }

    /// The request to be sent now.
    pub fn next(&self, now: Moment) -> Request {
        if self.is_doubtful || !self.is_free(now.steady) {
            return Request::Read;
        }
        let claim = self.claim(now);
        if self.lease.is_some() { Request::Replace(claim) } else { Request::Create(claim) }
    }

    /// The request by which the Lease is given up, if it is ours.
    pub fn release(&self, now: Moment) -> Option<Request> {
        if !self.is_ours() {
            return None;
        }
        let mut lease = self.claim(now);
        let spec = lease.spec.get_or_insert_default();
        // As client-go does: nobody has it, and nobody need wait for its end.
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        Some(Request::Replace(lease))
    }

    /// Takes note of the answer to a request that was sent at a moment.
    pub fn hear(&mut self, sent: Moment, now: Instant, answer: Answer) {
        self.due = match answer {
            Answer::Found(found) => {
                self.is_doubtful = false;
                self.observe(now, found);
                match self.taken_until.filter(|_| !self.is_free(now)) {
                    Some(end) => end.min(now + self.terms.look()),
                    None => now,
                }
            }
            Answer::Granted(lease) => {
                self.is_doubtful = false;
                self.observe(now, Some(lease));
                self.tenure = self.is_ours().then(|| Tenure { ends: sent.after(self.terms.duration) });
                sent.steady + self.terms.renewal()
            }
            Answer::Outrun => {
                self.is_doubtful = true;
                now + self.terms.look()
            }
            Answer::Failed => {
                self.is_doubtful = true;
                now.max(sent.steady + self.terms.look())
            }
        };
    }

    /// Takes note of the Lease as it is.
    fn observe(&mut self, now: Instant, found: Option<Lease>) {
        let version = |lease: &Option<Lease>| lease.as_ref()?.metadata.resource_version.clone();
        let has_changed = version(&self.lease) != version(&found);
        // By the word of the one that was there before.
        let held_for = self.held_for().max(self.terms.duration);
        let was_ours = self.tenure.is_some_and(|tenure| now < tenure.ends.steady);
        let is_gone = found.is_none();
        self.lease = found;
        if !self.is_ours() {
            self.tenure = None;
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
        seconds.map_or(self.terms.duration, Duration::from_secs)
    }

    /// Whose the Lease was when it was last seen; nothing where it was given up.
    fn holder(&self) -> Option<&str> {
        let spec = self.lease.as_ref()?.spec.as_ref()?;
        spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    fn is_ours(&self) -> bool {
        self.holder() == Some(&self.terms.identity)
    }

    fn is_free(&self, now: Instant) -> bool {
        self.taken_until.is_none_or(|end| now >= end)
    }

    /// The Lease as it would be ours. What others have written into its metadata stays.
    fn claim(&self, now: Moment) -> Lease {
        let mut lease = self.lease.clone().unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                namespace: Some(self.terms.namespace.clone()),
                name: Some(self.terms.name.clone()),
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
        spec.holder_identity = Some(self.terms.identity.clone());
        spec.lease_duration_seconds = i32::try_from(self.terms.duration.as_secs()).ok();
        spec.renew_time = Some(MicroTime(now.wall));
        lease
    }
}

#[cfg(test)]
mod tests;
