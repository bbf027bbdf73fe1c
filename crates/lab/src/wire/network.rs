//! What befalls requests on their way, the same for all processes of a controller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::bug::{Tampered, tamper_answer};
use crate::director::Director;

use super::{Fate, ProcessControl, Side, Sort, lock};

/// Something that befalls the next calls of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// Which calls.
    pub which: Which,
    /// How many of them it befalls.
    pub times: u32,
    /// Until when, where it ends by itself.
    pub until: Option<Instant>,
    /// What happens to them.
    pub mischief: Mischief,
}

/// Which calls of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// All.
    All,
    /// Those that change something.
    Writes,
    /// Those of an operation, for example `ModifyRule`.
    Operation(&'static str),
    /// Those that are sent to a region.
    Region(&'static str),
}

impl Which {
    fn includes(self, operation: &str, region: &str, is_write: bool) -> bool {
        match self {
            Self::All => true,
            Self::Writes => is_write,
            Self::Operation(name) => name == operation,
            Self::Region(name) => name == region,
        }
    }
}

/// What may happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mischief {
    /// AWS answers that there are too many calls, and does nothing.
    Throttled,
    /// AWS answers that the credentials have expired, and does nothing.
    Expired,
    /// AWS answers with a status, and does nothing.
    Failed(u16),
    /// No connection can be made.
    Refused,
    /// The request is lost (`Before` AWS has it), or its answer (`After`).
    Lost(Side),
}

/// In which way something is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Absence {
    /// No connection can be made.
    Refused,
    /// Requests are taken and never answered.
    Hanging,
    /// Everything is answered with an error of the server.
    Failing,
}

/// How many answers are kept, to be given again.
const KEPT: usize = 1_000;

/// An answer of AWS: the HTTP status and the body.
pub(crate) type Copied = (u16, Bytes);

#[derive(Debug, Default)]
pub(crate) struct Conditions {
    disturbances: Vec<Disturbance>,
    away: Option<(Absence, Instant)>,
    /// Verbs and resources that the API server does not grant.
    forbidden: BTreeSet<(&'static str, &'static str)>,
    conflicts: u32,
    lease_conflicts: u32,
    /// Reads show a state from before the next write for so long after it.
    stale: Option<Duration>,
    /// Whether answers are kept, to be given again.
    keeps_answers: bool,
    answers: BTreeMap<String, Copied>,
    frozen: Option<(Instant, BTreeMap<String, Copied>)>,
    /// What a planted bug remembers.
    tampered: Tampered,
}

impl Conditions {
    pub fn disturb(&mut self, disturbance: Disturbance) {
        self.disturbances.push(disturbance);
    }

    /// Answers are kept from now on: they can be given again where reads are to be stale.
    pub fn keep_answers(&mut self) {
        self.keeps_answers = true;
    }

    /// The API server is away until an instant.
    pub fn be_away(&mut self, how: Absence, until: Instant) {
        self.away = Some((how, until));
    }

    /// Somebody else changes the objects of the next status writes right before these arrive.
    pub fn conflict(&mut self, times: u32) {
        self.conflicts = self.conflicts.saturating_add(times);
    }

    /// Somebody else changes the Lease right before so many next renewals arrive.
    pub fn conflict_for_the_lease(&mut self, times: u32) {
        self.lease_conflicts = self.lease_conflicts.saturating_add(times);
    }

    /// After the next write, reads show for a while what was before it.
    pub fn go_stale(&mut self, span: Duration) {
        self.stale = Some(span);
    }
}

/// The network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    conditions: Arc<Mutex<Conditions>>,
    director: Arc<Mutex<Option<Arc<Director>>>>,
}

impl Network {
    pub fn conditions(&self) -> Arc<Mutex<Conditions>> {
        Arc::clone(&self.conditions)
    }

    pub fn direct(&self, director: &Arc<Director>) {
        *lock(&self.director) = Some(Arc::clone(director));
    }

    pub fn add(&self, disturbance: Disturbance) {
        lock(&self.conditions).disturb(disturbance);
    }

    /// The API server does not grant a verb for a resource any more.
    pub fn forbid(&self, verb: &'static str, resource: &'static str) {
        lock(&self.conditions).forbidden.insert((verb, resource));
    }

    /// All is well from now on.
    pub fn clear(&self) {
        let mut conditions = lock(&self.conditions);
        let (keeps_answers, tampered) = (conditions.keeps_answers, std::mem::take(&mut conditions.tampered));
        *conditions = Conditions { keeps_answers, tampered, ..Conditions::default() };
    }

    /// A request is about to be sent: what was planned for this moment happens.
    pub async fn before(&self, process_control: &ProcessControl, sort: Sort, name: &str) -> (usize, Fate) {
        let director = lock(&self.director).clone();
        let Some(director) = director.filter(|_| process_control.process > 0) else {
            return (0, process_control.admit(sort));
        };
        let (index, held) = director.arrives(process_control, sort, name);
        if let Some(until) = held {
            tokio::time::sleep_until(until).await;
        }
        (index, process_control.admit(sort))
    }

    /// The world has taken a request.
    pub async fn after(&self, process_control: &ProcessControl, index: usize) -> Fate {
        let director = lock(&self.director).clone();
        let Some(director) = director.filter(|_| process_control.process > 0) else { return Fate::Passes };
        if let Some(until) = director.taken(process_control, index) {
            tokio::time::sleep_until(until).await;
        }
        if process_control.is_cut() { Fate::Unanswered } else { Fate::Passes }
    }

    /// What happens to a call of an operation that is sent to a region.
    pub fn befalls(&self, operation: &str, region: &str, is_write: bool) -> Option<Mischief> {
        let disturbances = &mut lock(&self.conditions).disturbances;
        let now = Instant::now();
        disturbances.retain(|disturbance| disturbance.until.is_none_or(|until| now < until));
        let at = disturbances.iter().position(|disturbance| disturbance.which.includes(operation, region, is_write))?;
        let disturbance = &mut disturbances[at];
        disturbance.times = disturbance.times.saturating_sub(1);
        let mischief = disturbance.mischief;
        if disturbance.times == 0 {
            disturbances.remove(at);
        }
        Some(mischief)
    }

    /// In which way the API server is away, and until when.
    pub fn away(&self) -> Option<(Absence, Instant)> {
        lock(&self.conditions).away.filter(|(_, until)| Instant::now() < *until)
    }

    /// Whether the API server refuses a verb for a resource.
    pub fn forbids(&self, verb: &str, resource: &str) -> bool {
        lock(&self.conditions).forbidden.iter().any(|(of, on)| *of == verb && *on == resource)
    }

    /// Whether somebody else changes the object of a status write right before it arrives.
    pub fn conflicts(&self) -> bool {
        let conflicts = &mut lock(&self.conditions).conflicts;
        let left = conflicts.checked_sub(1);
        *conflicts = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether somebody else changes the Lease right before a renewal arrives.
    pub fn conflicts_for_the_lease(&self) -> bool {
        let conflicts = &mut lock(&self.conditions).lease_conflicts;
        let left = conflicts.checked_sub(1);
        *conflicts = left.unwrap_or(0);
        left.is_some()
    }

    /// A write has taken effect: where reads are to be stale, they are from now on.
    pub fn written(&self, operation: &str) {
        let mut conditions = lock(&self.conditions);
        conditions.tampered.written(operation);
        if let Some(span) = conditions.stale.take() {
            let answers = std::mem::take(&mut conditions.answers);
            conditions.frozen = Some((Instant::now() + span, answers));
        }
    }

    /// The answer to a read as a planted bug has it.
    pub fn tamper(&self, operation: &str, question: &str, answer: Bytes) -> Bytes {
        tamper_answer(&mut lock(&self.conditions).tampered, operation, question, answer)
    }

    /// The answer that a read gets instead of the true one, which is kept.
    pub fn recall(&self, question: &str, answer: Copied) -> Copied {
        let mut conditions = lock(&self.conditions);
        if !conditions.keeps_answers {
            return answer;
        }
        match &conditions.frozen {
            Some((until, answers)) if Instant::now() < *until => answers.get(question).cloned().unwrap_or(answer),
            _ => {
                if conditions.answers.len() >= KEPT {
                    conditions.answers.clear();
                }
                conditions.answers.insert(question.to_owned(), answer.clone());
                answer
            }
        }
    }
}
