//! Which object is looked at next: at most one tick for each at a time, the most urgent first, then the one that has
//! waited longest.
//!
//! Pure data: time is passed in, and all jitter comes from the seed. Invariants: a wake is never lost, only put off
//! by a backoff; ticks of traffic that goes back always find a free slot, unless as much goes back where AWS does not
//! answer; an account that does not answer takes nobody else's slots; what AWS refuses is tried ever more seldom,
//! however urgent; an object whose decisions panic again and again rests until somebody changes it.

mod contest;
mod lines;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_aws::Family;
use weir_engine::tick::Urgency;
use weir_engine::{Access, ObjectRef};

use self::contest::Contest;
use self::lines::Lines;

/// After how many panics in a row an object is left alone.
pub const PANICS: u32 = 3;

/// One tick of so many goes to the object that has waited longest, however urgent.
const FAIR: u32 = 8;
/// The first backoff after trouble; each further one is twice as long.
const FIRST_BACKOFF: SignedDuration = SignedDuration::from_secs(1);
/// The longest backoff.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_secs(60);
/// The longest backoff while traffic goes back.
const LONGEST_ROLLBACK_BACKOFF: SignedDuration = SignedDuration::from_secs(1);
/// The first backoff while traffic goes back.
const FIRST_ROLLBACK_BACKOFF: SignedDuration = SignedDuration::from_millis(200);
/// The first backoff after somebody else changed the object under a tick.
const FIRST_CONFLICT_BACKOFF: SignedDuration = SignedDuration::from_millis(100);
/// How long after a user's change has ended a backoff another one does not.
const EXCUSED: SignedDuration = SignedDuration::from_secs(30);
/// How soon an object may be looked at again after a tick that did nothing, whatever it asks for.
const RESTLESS: SignedDuration = SignedDuration::from_secs(1);

/// How long after some have boarded others do at the earliest, unless all may: those that board together read together.
const BOARDING_INTERVAL: SignedDuration = SignedDuration::from_millis(500);

/// How long those whose writes share a request wait at most for others that are being looked at, and may want to write too.
const FILLING: SignedDuration = SignedDuration::from_secs(3);

/// How many ticks run at once, of each account and region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// All of them.
    pub all: usize,
    /// Those that only a rollback may take.
    pub rollback: usize,
    /// Whether those that board take none: as many as share a request.
    are_shared: bool,
}

/// How many times as many ticks look at once where their writes share requests: they share readings too.
const SHARED_SLOTS: usize = 20;

impl Slots {
    /// So many, of which some only rollbacks may take.
    pub fn new(all: usize, rollback: usize) -> Self {
        Self { all, rollback, are_shared: false }
    }

    /// Those of a channel.
    fn of(self, channel: &Channel) -> Self {
        let are_shared = channel.is_shared();
        let all = if are_shared { self.all * SHARED_SLOTS } else { self.all };
        Self { all, are_shared, ..self }
    }
}

/// A tick that may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Of which object.
    pub object: ObjectRef,
    /// When it was due.
    pub due: Timestamp,
    /// How urgent it is.
    pub urgency: Urgency,
    /// What is to be done.
    pub task: Task,
    /// Whether it had a seat and boards: its write may go.
    pub boards: bool,
}

/// What is to be done with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// A tick.
    Tick,
    /// Recording that its decisions panic, with what the last panic said.
    Stall(String),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Rested {
        /// When to look again, if nothing wakes the object before.
        wake: Option<Timestamp>,
        /// Whether nothing was written, so that another look at once would find the same.
        idle: bool,
    },
    /// Something went wrong that may pass.
    Failed,
    /// AWS has refused a write, and will refuse it again until somebody changes something.
    Refused,
    /// Somebody else changed the object meanwhile.
    Conflicted,
    /// It has written to AWS, and will look whether that has taken effect.
    Written {
        /// When to look, if nothing wakes the object before.
        wake: Option<Timestamp>,
    },
    /// It wants to write to AWS, and takes a seat until its write may go.
    Seated,
    /// It panicked, and this is what it said.
    Panicked(String),
    /// The object is no more.
    Gone,
}

/// What waits, and what runs.
#[derive(Debug)]
pub struct Queue {
    jitter: fastrand::Rng,
    /// Each has a place of its own beside the map, whose nodes are half empty.
    entries: BTreeMap<ObjectRef, Box<Entry>>,
    /// Those whose status somebody else has written over.
    contests: BTreeMap<ObjectRef, Contest>,
    /// Not due yet.
    timers: BTreeSet<(Timestamp, ObjectRef)>,
    /// Due.
    lines: Lines,
    /// Each channel once, however many objects look by it.
    channels: BTreeSet<Arc<Channel>>,
}

/// By which access an object works, and in which family of calls it writes: what is slow or spent in one holds up nobody in
/// another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel {
    /// The access.
    pub access: Access,
    /// The family of its writes.
    pub family: Family,
}

impl Channel {
    /// Whether writes by it share requests.
    pub fn is_shared(&self) -> bool {
        self.family.most_together() > 1
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self { access: Access::default(), family: Family::Modify }
    }
}

/// How an object is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rank {
    /// How urgent that is.
    pub urgency: Urgency,
    /// By which channel it works on AWS.
    pub channel: Channel,
    /// How many tokens its next write takes, as far as that is known before it is decided.
    pub fare: u32,
}

impl From<Urgency> for Rank {
    fn from(urgency: Urgency) -> Self {
        Self { urgency, channel: Channel::default(), fare: 1 }
    }
}

#[derive(Debug)]
struct Entry {
    urgency: Urgency,
    fare: u32,
    channel: Arc<Channel>,
    /// In whose line it waits, or whose slot it has.
    line: Arc<Channel>,
    state: EntryState,
    /// A wake that came while the object was running.
    again: Option<Timestamp>,
    backoff: Option<Backoff>,
    /// When a user's change last ended a backoff.
    excused: Option<Timestamp>,
    panics: u32,
    panic: String,
    /// The panics are on record, and nothing but a change by a user wakes the object.
    stalled: bool,
    /// It waits until its write may go.
    is_seated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntryState {
    Idle,
    Timer(Timestamp),
    Ready(Timestamp),
    Running,
}

#[derive(Clone, Copy, Debug)]
struct Backoff {
    since: Timestamp,
    delay: SignedDuration,
    failures: u32,
    /// Whether it was refused, so that trying sooner does not help.
    refused: bool,
}

impl Backoff {
    fn until(self, urgency: Urgency) -> Timestamp {
        let is_hasty = urgency == Urgency::Rollback && !self.refused;
        let longest = if is_hasty { LONGEST_ROLLBACK_BACKOFF } else { LONGEST_BACKOFF };
        after(self.since, self.delay.min(longest))
    }
}

impl Queue {
    /// An empty queue.
    pub fn new(slots: Slots, seed: u64) -> Self {
        Self {
            jitter: fastrand::Rng::with_seed(seed),
            entries: BTreeMap::new(),
            contests: BTreeMap::new(),
            timers: BTreeSet::new(),
            lines: Lines::new(slots),
            channels: BTreeSet::new(),
        }
    }

    /// Something that the object looks at has changed. A backoff goes on, but not longer than the urgency allows.
    pub fn wake(&mut self, object: &ObjectRef, at: Timestamp, rank: impl Into<Rank>) {
        let Rank { urgency, channel, fare } = rank.into();
        let channel = self.shared(channel);
        let entry = self.entries.entry(object.clone()).or_insert_with(|| Box::new(Entry::new(&channel)));
        if entry.stalled {
            return;
        }
        (entry.urgency, entry.channel, entry.fare) = (urgency, channel, fare);
        // While writes wait for their turn each of them makes readings old: who looks when the next board looks with them.
        let at = self.lines.put_off(&entry.channel, urgency, at, at);
        self.schedule(object, at);
    }

    /// A user has asked for something else: what went wrong before no longer counts. Whoever asks again and again does not
    /// have everything tried at once each time.
    pub fn change(&mut self, object: &ObjectRef, at: Timestamp, rank: impl Into<Rank>) {
        let Rank { urgency, channel, fare } = rank.into();
        let channel = self.shared(channel);
        let entry = self.entries.entry(object.clone()).or_insert_with(|| Box::new(Entry::new(&channel)));
        entry.excuse(at);
        // What it asks for now is looked at before it is said that it waits.
        entry.is_seated = false;
        entry.panics = 0;
        entry.stalled = false;
        (entry.urgency, entry.channel, entry.fare) = (urgency, channel, fare);
        if let Some(contest) = self.contests.get_mut(object) {
            contest.excuse();
        }
        self.schedule(object, at);
    }

    /// Somebody else has written over the status of the object: it rests, the longer the oftener that happens. Returns
    /// how often it did lately.
    pub fn contest(&mut self, object: &ObjectRef, now: Timestamp) -> u32 {
        self.contests.entry(object.clone()).or_default().note(now)
    }

    /// The object is no more. A task of it that still runs must yet be finished.
    pub fn forget(&mut self, object: &ObjectRef) {
        self.contests.remove(object);
        let Some(entry) = self.entries.get_mut(object) else { return };
        if entry.state == EntryState::Running {
            entry.forget();
            return;
        }
        self.lift(object);
        self.entries.remove(object);
    }

    /// Nothing is due any more. Tasks that run must yet be finished.
    pub fn clear(&mut self) {
        self.entries.retain(|_, entry| entry.state == EntryState::Running);
        for entry in self.entries.values_mut() {
            entry.forget();
        }
        self.contests.clear();
        self.timers.clear();
        self.lines.clear();
    }

    /// The next task that may begin now. It counts as running until it is finished.
    pub fn start(&mut self, now: Timestamp) -> Option<Start> {
        self.line_up(now);
        let (channel, (urgency, due, object), boards) = self.lines.next()?;
        let entry = self.entries.get_mut(&object)?;
        entry.state = EntryState::Running;
        entry.line = channel;
        let task = if entry.panics >= PANICS { Task::Stall(entry.panic.clone()) } else { Task::Tick };
        Some(Start { object, due, urgency, task, boards })
    }

    /// Puts everybody who is due into the line of its channel, on its seat if it has one.
    fn line_up(&mut self, now: Timestamp) {
        while let Some((due, _)) = self.timers.first()
            && *due <= now
            && let Some((due, object)) = self.timers.pop_first()
        {
            let Some(entry) = self.entries.get_mut(&object) else { continue };
            entry.state = EntryState::Ready(due);
            let fare = Some(entry.fare).filter(|_| entry.is_seated && entry.urgency != Urgency::Rollback);
            entry.line = Arc::clone(&entry.channel);
            self.lines.add(&entry.line, (entry.urgency, due, object), fare);
        }
    }

    /// By which channels objects have seats now, and how many tokens all of their writes take.
    pub fn seats(&mut self, now: Timestamp) -> Vec<(Arc<Channel>, usize)> {
        self.line_up(now);
        self.lines.seats()
    }

    /// How many objects have seats.
    pub fn seated(&self) -> usize {
        self.lines.seated()
    }

    /// Whether an object may write at once that looks by a channel: nobody has taken a seat, and where writes share a request,
    /// nobody is about to.
    pub fn is_free(&self, channel: &Channel) -> bool {
        if channel.is_shared() { self.lines.is_alone(channel) } else { !self.lines.has_seats(channel) }
    }

    /// There are so many tokens for writes by a channel now: as many board, unless others have just boarded and not all may go, or
    /// there is room for more in a request, which takes so many as a whole. Says when that is to be looked at again.
    pub fn board(&mut self, channel: &Channel, (may_go, whole): (usize, usize), now: Timestamp) -> Option<Timestamp> {
        self.lines.board(channel, (may_go, whole), now)
    }

    /// A task has ended. The rank is that of the object as it is now.
    pub fn finish(&mut self, object: &ObjectRef, now: Timestamp, ending: Ending, rank: impl Into<Rank>) {
        let jitter = self.jitter.f64();
        let Rank { urgency, channel, fare } = rank.into();
        let channel = self.shared(channel);
        let Some(entry) = self.entries.get_mut(object) else { return };
        self.lines.end(&entry.line);
        entry.is_seated = ending == Ending::Seated;
        entry.state = EntryState::Idle;
        (entry.urgency, entry.channel, entry.fare) = (urgency, channel, fare);
        let again = entry.again.take();
        let next = match ending {
            Ending::Gone => None,
            Ending::Rested { wake, idle } => {
                entry.stalled = entry.panics >= PANICS;
                entry.backoff = None;
                if entry.stalled {
                    // Only its deletion has an instant at which something is due for it.
                    if let Some(wake) = wake {
                        self.schedule(object, wake.max(after(now, RESTLESS)));
                    }
                    return;
                }
                entry.panics = 0;
                wake.map(|wake| if idle && wake <= now { after(now, RESTLESS) } else { wake })
            }
            Ending::Written { wake } => {
                entry.backoff = None;
                entry.panics = 0;
                // Who looks together with those that board next costs no reading of its own.
                wake.map(|wake| self.lines.put_off(&entry.channel, urgency, wake, now))
            }
            Ending::Failed => {
                let is_rollback = urgency == Urgency::Rollback;
                let first = if is_rollback { FIRST_ROLLBACK_BACKOFF } else { FIRST_BACKOFF };
                Some(entry.back_off(now, first, jitter))
            }
            Ending::Refused => {
                let due = entry.back_off(now, FIRST_BACKOFF, jitter);
                entry.backoff = entry.backoff.map(|backoff| Backoff { refused: true, ..backoff });
                Some(entry.backoff.map_or(due, |backoff| backoff.until(urgency)))
            }
            Ending::Conflicted => Some(entry.back_off(now, FIRST_CONFLICT_BACKOFF, jitter)),
            Ending::Seated => Some(now),
            Ending::Panicked(message) => {
                entry.panics += 1;
                entry.panic = message;
                // What has just turned out to be hopeless is said to be so at once.
                if entry.panics == PANICS {
                    entry.backoff = None;
                    Some(now)
                } else {
                    Some(entry.back_off(now, FIRST_BACKOFF, jitter))
                }
            }
        };
        match again.into_iter().chain(next).min() {
            Some(at) => self.schedule(object, at),
            None => drop(self.entries.remove(object)),
        }
    }

    /// When [`Self::start`] is worth another try, if nothing is woken or finished before.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// How many objects are due and not yet begun.
    pub fn depth(&self) -> usize {
        self.lines.depth()
    }

    /// Since when the longest waiting object is due.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.lines.oldest()
    }

    /// The one copy of a channel.
    fn shared(&mut self, channel: Channel) -> Arc<Channel> {
        if let Some(known) = self.channels.get(&channel) {
            return Arc::clone(known);
        }
        self.channels.retain(|known| Arc::strong_count(known) > 1);
        let channel = Arc::new(channel);
        self.channels.insert(Arc::clone(&channel));
        channel
    }

    /// Puts an object where it belongs, no later than before.
    fn schedule(&mut self, object: &ObjectRef, at: Timestamp) {
        let Some(entry) = self.entries.get(object) else { return };
        let (place, backoff, urgency) = (entry.state, entry.backoff, entry.urgency);
        let at = match place {
            EntryState::Running => {
                if let Some(entry) = self.entries.get_mut(object) {
                    entry.again = Some(entry.again.map_or(at, |again| again.min(at)));
                }
                return;
            }
            EntryState::Idle => at,
            // Under a backoff the old place may be later than what the urgency allows now.
            EntryState::Timer(due) | EntryState::Ready(due) => due.min(at),
        };
        let due = backoff.map_or(at, |backoff| backoff.until(urgency).max(at));
        let due = self.contests.get(object).map_or(due, |contest| contest.until(urgency).max(due));
        self.lift(object);
        self.timers.insert((due, object.clone()));
        if let Some(entry) = self.entries.get_mut(object) {
            entry.state = EntryState::Timer(due);
        }
    }

    /// Takes an object out of where it waits.
    fn lift(&mut self, object: &ObjectRef) {
        let Some(entry) = self.entries.get_mut(object) else { return };
        match entry.state {
            EntryState::Timer(due) => drop(self.timers.remove(&(due, object.clone()))),
            EntryState::Ready(due) => self.lines.remove(&entry.line, due, object),
            EntryState::Idle | EntryState::Running => return,
        }
        entry.state = EntryState::Idle;
    }
}

impl Entry {
    fn new(channel: &Arc<Channel>) -> Self {
        Self {
            urgency: Urgency::Routine,
            fare: 1,
            channel: Arc::clone(channel),
            line: Arc::clone(channel),
            state: EntryState::Idle,
            again: None,
            backoff: None,
            excused: None,
            panics: 0,
            panic: String::new(),
            stalled: false,
            is_seated: false,
        }
    }

    /// Nothing is known of it but that it runs.
    fn forget(&mut self) {
        *self = Self { state: EntryState::Running, ..Self::new(&self.line) };
    }

    /// Ends the backoff, or shortens it if one was ended a short while ago.
    fn excuse(&mut self, now: Timestamp) {
        let Some(backoff) = self.backoff else { return };
        let since = self.excused.filter(|excused| (*excused..after(*excused, EXCUSED)).contains(&now));
        let Some(since) = since else {
            (self.backoff, self.excused) = (None, Some(now));
            return;
        };
        let shorter = Backoff { since, delay: EXCUSED, ..backoff };
        if shorter.until(self.urgency) < backoff.until(self.urgency) {
            self.backoff = Some(shorter);
        }
    }

    /// Lengthens the backoff and says when it ends.
    fn back_off(&mut self, now: Timestamp, first: SignedDuration, jitter: f64) -> Timestamp {
        let failures = self.backoff.map_or(0, |backoff| backoff.failures);
        let doubled = (0..failures.min(16)).fold(first, |delay, _| delay.saturating_add(delay));
        let delay = doubled.min(LONGEST_BACKOFF).mul_f64(0.5 + jitter / 2.0);
        let backoff = Backoff { since: now, delay, failures: failures.saturating_add(1), refused: false };
        self.backoff = Some(backoff);
        backoff.until(self.urgency)
    }
}

fn after(instant: Timestamp, span: SignedDuration) -> Timestamp {
    instant.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
