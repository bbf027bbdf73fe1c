//! A task carried out: the needs of a tick answered by the real clients.
//!
//! What is to be done, and in which order, the tick says; here is only how.

use std::sync::Arc;
use std::time::Duration;

use futures::future;
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};
use weir_aws::{CallPriority, CallToken, Family, Receipt, Right};
use weir_engine::dns::ChangeId;
use weir_engine::event::Event;
use weir_engine::fact::AwsError;
use weir_engine::guard::Permit;
use weir_engine::route::DELETION_DEADLINE;
use weir_engine::tick::{Answer, Memory, Need, Rest, Tick, Urgency, WriteError};
use weir_engine::{KindName, ObjectRef, Reason};

use crate::context::Context;
use crate::convert::{self, Metadata};
use crate::errors::Failure;
use crate::kinds::{Decider, Decisions};
use crate::leadership::WriteToken;
use crate::metrics::TickError;
use crate::queue::{Channel, Ending, Rank, Start, Task};
use crate::status_conflicts::Fingerprint;
use crate::store::Store;

/// How long the reads of a tick may take before its write is thought over. A rollback is written all the same.
const LATE: SignedDuration = SignedDuration::from_secs(10);
/// How often a tick begins for want of speed: where AWS is slow all the time, it is as fresh as it can be.
const BEGINNINGS: u32 = 3;
/// How a task ends that is left to whoever leads next.
const LEFT: Ending = Ending::Rested { wake: None, idle: true };

impl<D: Decisions> Context<D> {
    /// Carries out a task of an object to its end.
    pub async fn carry_out(&self, start: &Start) -> Ending {
        match start.object.kind {
            KindName::EntryPoint => self.look_at::<D::EntryPoints>(start).await,
            KindName::Environment => self.look_at::<D::Environments>(start).await,
            KindName::WeightedRoute => self.look_at::<D::Routes>(start).await,
            KindName::TrafficShift => self.look_at::<D::Shifts>(start).await,
        }
    }

    async fn look_at<K: Decider>(&self, start: &Start) -> Ending {
        let object = &start.object;
        if self.store.borrow().metadata(object).is_none() {
            return Ending::Gone;
        }
        let refused = self.store.borrow().refusal(object).map(|refusal| refusal.message.clone());
        let ended = match (&start.task, refused) {
            (Task::Stall(panic), _) => {
                let message = format!(
                    "the controller failed on this object several times in a row ({panic}); it is left alone until its \
                     spec or command changes; please report this"
                );
                self.stall::<K>(object, &message).await
            }
            (Task::Tick, Some(message)) => {
                self.metrics.count_tick_error(object.kind, TickError::Spec);
                self.stall::<K>(object, &message).await
            }
            (Task::Tick, None) => {
                let priority = self.begin(object, start.urgency);
                let ended = self.tick::<K>(object, &priority, start.boards).await;
                self.end(object);
                ended
            }
        };
        match ended {
            Ok(ending) => ending,
            Err(failure) => self.fail(object, &failure).await,
        }
    }

    /// Runs one tick. One that wants to write takes a seat, unless its write may go at once, and ends; when the write may go it
    /// boards, and decides afresh with the token in hand. Where its reads then take long, what it was founded on has grown old,
    /// and it may no longer be wanted: the tick begins again, with the same token.
    async fn tick<K: Decider>(
        &self,
        object: &ObjectRef,
        priority: &CallPriority,
        boards: bool,
    ) -> Result<Ending, Failure> {
        let anew = |boards: bool| {
            let memory = self.memories.borrow().get(object).cloned().unwrap_or_default();
            let tick = Tick::<K>::new(object.key.clone(), self.now(), self.owner.clone(), memory)
                .granting(Arc::clone(&self.grants))
                .counting_from(self.wall_clock.counted_from());
            if boards { tick.boarded() } else { tick }
        };
        let mut call_token = None;
        if boards {
            let Some(acquired) = self.token(object, priority).await else { return Ok(LEFT) };
            call_token = Some(acquired.renewed());
        }
        let mut tick = anew(boards);
        let mut clock_steps = self.wall_clock.steps();
        let mut answer = Answer::Begin;
        let mut idle = true;
        let mut begun = 1;
        let mut has_written = false;
        loop {
            let now = self.now();
            if self.wall_clock.steps() != clock_steps {
                // Nobody knows any more how old what was read is.
                clock_steps = self.wall_clock.steps();
                (tick, answer) = (anew(call_token.is_some()), Answer::Begin);
            }
            let need = tick.next(now, self.store.borrow().cluster(), answer);
            if !self.leadership.is_leading() && !matches!(need, Need::Done(_)) {
                return Ok(LEFT);
            }
            priority.raise(tick.urgency());
            answer = match need {
                Need::Read(asks) => {
                    debug!(kind = object.kind.word(), object = %object.key, asks = asks.len(), "reading");
                    let Some(read) = self.leadership.while_leading(self.accounts.answer_all(&asks, priority)).await
                    else {
                        return Ok(LEFT);
                    };
                    Answer::Read(read)
                }
                Need::Board => {
                    if tick.urgency() != Urgency::Rollback && !self.may_board(object) {
                        return Ok(Ending::Seated);
                    }
                    let Some(acquired) = self.token(object, priority).await else { return Ok(LEFT) };
                    let has_waited = acquired.has_waited();
                    call_token = Some(acquired.renewed());
                    if has_waited {
                        tick = anew(true);
                        Answer::Begin
                    } else {
                        Answer::Boarded
                    }
                }
                Need::Get(objects) => {
                    let Some(got) = self.leadership.while_leading(self.get(&objects, object)).await else {
                        return Ok(LEFT);
                    };
                    got?;
                    Answer::Stored
                }
                Need::Finalizer(present) => {
                    idle = false;
                    self.set_finalizer(object, present).await?;
                    Answer::Stored
                }
                Need::Record(status) => {
                    idle = false;
                    self.record::<K>(object, status, tick.urgency()).await?;
                    Answer::Stored
                }
                Need::Act(permit) => {
                    let mut acquired = call_token.take().filter(|call_token| self.accounts.covers(call_token, &permit));
                    if acquired.is_none() {
                        // The place turned out to be elsewhere than where the tick had looked for it.
                        let fare = (Family::of(permit.write()), self.rank_of(object).fare);
                        let elsewhere = self.accounts.acquire(permit.access(), fare, priority);
                        acquired = self.leadership.while_leading(elsewhere).await;
                    }
                    let Some(acquired) = acquired else { return Ok(LEFT) };
                    let (now, is_rollback) = (self.now(), tick.urgency() == Urgency::Rollback);
                    let is_late = begun < BEGINNINGS && !is_rollback && now > tick.began() + LATE;
                    if acquired.has_waited() || is_late || self.wall_clock.steps() != clock_steps {
                        debug!(kind = object.kind.word(), object = %object.key, "waited for AWS; looking again");
                        call_token = Some(acquired.renewed());
                        tick = anew(true);
                        begun += 1;
                        answer = Answer::Begin;
                        continue;
                    }
                    let Some(write_token) = self.leadership.write_token() else { return Ok(LEFT) };
                    idle = false;
                    // What has begun anew so often is as fresh as it can be.
                    let evidence = if begun < BEGINNINGS { tick.began() + LATE } else { now + LATE };
                    let evidence = Some(evidence).filter(|_| !is_rollback);
                    let Some(result) = self.write(object, (write_token, evidence), permit, (acquired, priority)).await
                    else {
                        debug!(kind = object.kind.word(), object = %object.key, "not sent in time; looking again");
                        return Ok(Ending::Seated);
                    };
                    has_written = result.is_ok();
                    Answer::Acted(result)
                }
                Need::Done(rest) => {
                    let ending = self.rest(object, rest, idle);
                    return Ok(match ending {
                        Ending::Rested { wake, .. } if has_written => Ending::Written { wake },
                        ending => ending,
                    });
                }
            };
        }
    }

    /// Whether a write for an object may go at once: there are tokens for it, and nobody waits for any.
    fn may_board(&self, object: &ObjectRef) -> bool {
        let Rank { channel, fare, .. } = self.rank_of(object);
        let free = self.accounts.available(&channel.access, channel.family);
        u32::try_from(free).is_ok_and(|free| free >= fare) && self.queue.borrow().is_free(&channel)
    }

    /// Waits for the tokens for a write for an object; `None` where this controller leads no more.
    async fn token(&self, object: &ObjectRef, priority: &CallPriority) -> Option<CallToken> {
        let Rank { channel: Channel { access, family }, fare, .. } = self.rank_of(object);
        self.leadership.while_leading(self.accounts.acquire(&access, (family, fare), priority)).await
    }

    /// The shift and the number of its run by which a route is led, if it is.
    fn run_of(&self, object: &ObjectRef) -> Option<(String, i32)> {
        let store = self.store.borrow();
        let intent = store.cluster().routes.get(&object.key)?.status.intent.as_ref()?;
        (intent.follow.is_none() && intent.run > 0).then(|| (intent.shift.clone(), intent.run))
    }

    /// Sends a write for an object to AWS, and logs what came of it. This is the only place from which one is sent. `None` where
    /// it could not be sent as long as this process surely leads, and what it is founded on is new enough.
    async fn write(
        &self,
        object: &ObjectRef,
        (write_token, evidence): (WriteToken, Option<Timestamp>),
        permit: Permit,
        (acquired, priority): (CallToken, &CallPriority),
    ) -> Option<Result<Option<ChangeId>, AwsError>> {
        let left = evidence.map(|until| Duration::try_from(until.duration_since(self.now())).unwrap_or_default());
        let right = Right { until: left.map(|left| Instant::now() + left), holds: write_token.holds() };
        let (operation, arn) = (permit.write().operation(), permit.write().target().clone());
        let (wrote, words) = (permit.write().words(), format!("{:?}", permit.write()));
        let run = self.run_of(object);
        let (kind, object) = (object.kind.word(), &object.key);
        Some(match self.accounts.perform(permit, acquired, priority, right).await? {
            Ok(Receipt { request_id, created, change }) => {
                let (shift, run) = (run.as_ref().map(|run| run.0.as_str()), run.as_ref().map(|run| run.1));
                let created = created.as_ref().map(tracing::field::display);
                let change_id = change.as_ref().map(tracing::field::display);
                info!(kind, %object, operation, %arn, created, change_id, wrote, shift, run, request_id, "written to AWS");
                debug!(kind, %object, operation, words, "written in full");
                Ok(change)
            }
            Err(error) => {
                warn!(kind, %object, operation, %arn, wrote, outcome = error.kind.word(), "{error}");
                Err(error)
            }
        })
    }

    /// A token for a write to the API server.
    fn write_token(&self, object: &ObjectRef, verb: &'static str) -> Result<WriteToken, Failure> {
        self.leadership.write_token().ok_or_else(|| Failure::NotLeading { object: object.clone(), verb })
    }

    fn rest(&self, object: &ObjectRef, rest: Rest, idle: bool) -> Ending {
        let write_error = rest.memory.write_error.clone().filter(|_| rest.failed);
        if self.store.borrow().metadata(object).is_some() && rest.memory != Memory::default() {
            self.memories.borrow_mut().insert(object.clone(), rest.memory);
        } else {
            self.memories.borrow_mut().remove(object);
        }
        match &write_error {
            Some(WriteError::Violation(violation)) => {
                self.metrics.violations.inc();
                self.metrics.count_tick_error(object.kind, TickError::Guard);
                error!(kind = object.kind.word(), object = %object.key, "not written: {violation}");
            }
            Some(WriteError::Aws(_)) => self.metrics.count_tick_error(object.kind, TickError::Aws),
            None => {}
        }
        match write_error {
            Some(write_error) if write_error.is_refusal() => Ending::Refused,
            _ if rest.failed => Ending::Failed,
            _ => Ending::Rested { wake: rest.wake, idle },
        }
    }

    /// Records that nothing will be done for an object until it changes.
    async fn stall<K: Decider>(&self, object: &ObjectRef, message: &str) -> Result<Ending, Failure> {
        let (status, generation, outdated) = {
            let store = self.store.borrow();
            let generation = store.metadata(object).map_or(0, |metadata| metadata.generation);
            (status_of::<K>(&store, object), generation, store.cluster().is_outdated(object.kind, &object.key))
        };
        let wanted = K::refused(self.now(), &status, generation, message);
        let idle = wanted == status && !outdated;
        if !idle {
            debug!(kind = object.kind.word(), object = %object.key, "{message}");
            self.record::<K>(object, wanted, Urgency::Routine).await?;
        }
        let wake = self.let_go(object, message).await?;
        Ok(Ending::Rested { wake, idle })
    }

    /// Lets an object go that is being deleted and cannot be decided on, once it has waited long enough to be mended;
    /// until then the instant at which that will be.
    async fn let_go(&self, object: &ObjectRef, message: &str) -> Result<Option<Timestamp>, Failure> {
        let metadata = self.store.borrow().metadata(object);
        let Some(metadata) = metadata.filter(Metadata::has_finalizer) else { return Ok(None) };
        let (now, counted_from) = (self.now(), self.wall_clock.counted_from());
        let deadline = metadata.deleted.map(|deleted| deleted.max(counted_from) + DELETION_DEADLINE);
        let Some(deadline) = deadline else { return Ok(None) };
        if now < deadline {
            return Ok(Some(deadline));
        }
        let message = format!("it goes without anything being undone on AWS: {message}");
        self.tell(object, &metadata.uid, &[Event::warning(Reason::LeftBehind, message)]);
        self.set_finalizer(object, false).await?;
        Ok(None)
    }

    /// Reads objects afresh.
    async fn get(&self, objects: &[ObjectRef], asker: &ObjectRef) -> Result<(), Failure> {
        let fetched = future::join_all(objects.iter().map(|object| async move {
            let version = self.store.borrow().metadata(object).map(|metadata| metadata.version);
            (object, version, self.server.get(object).await)
        }));
        for (object, version, found) in fetched.await {
            match found? {
                Some(document) if self.selection.covers(&document.metadata) => {
                    self.learn(object.kind, document, asker);
                }
                Some(_) | None => self.lose(object, version.as_deref(), asker),
            }
        }
        Ok(())
    }

    async fn set_finalizer(&self, object: &ObjectRef, present: bool) -> Result<(), Failure> {
        let metadata = self.store.borrow().metadata(object);
        let metadata = metadata.ok_or_else(|| Failure::Gone(object.clone()))?;
        let mut finalizers = self.finalizers(object, &metadata).await?;
        finalizers.retain(|finalizer| finalizer != weir_api::FINALIZER);
        if present {
            finalizers.push(weir_api::FINALIZER.into());
        }
        let write_token = self.write_token(object, "write the finalizers of")?;
        let document = self.server.write_finalizers(write_token, object, &metadata, &finalizers).await?;
        let version = document.metadata.resource_version.clone();
        self.learn(object.kind, document, object);
        if metadata.deleted.is_some() && finalizers.is_empty() {
            // That was the last thing that kept it: what came back is the object as it went.
            self.lose(object, version.as_deref(), object);
        }
        Ok(())
    }

    /// All finalizers of an object as it is known. Where they are many, they are read for this.
    async fn finalizers(&self, object: &ObjectRef, metadata: &Metadata) -> Result<Vec<SmolStr>, Failure> {
        if metadata.finalizers.iter().all(|finalizer| finalizer != convert::MANY) {
            return Ok(metadata.finalizers.clone());
        }
        let found = self.server.get(object).await?.ok_or_else(|| Failure::Gone(object.clone()))?;
        if found.metadata.resource_version.as_deref() != Some(metadata.version.as_str()) {
            return Err(Failure::Conflict(object.clone()));
        }
        Ok(found.metadata.finalizers.into_iter().flatten().map(SmolStr::from).collect())
    }

    /// Writes a status and tells what it changes. An API server with older definitions drops what they do not know: then
    /// nothing moves on, since not everything is on record; but what goes back goes on.
    async fn record<K: Decider>(&self, object: &ObjectRef, status: K::Status, urgency: Urgency) -> Result<(), Failure> {
        let (metadata, before) = {
            let store = self.store.borrow();
            let metadata = store.metadata(object).ok_or_else(|| Failure::Gone(object.clone()))?;
            (metadata, status_of::<K>(&store, object))
        };
        let verb = "write the status of";
        let invalid = |message| Failure::Invalid { object: object.clone(), verb, message };
        let wire = serde_json::to_value(&status).map_err(|error| invalid(error.to_string()))?;
        let write_token = self.write_token(object, verb)?;
        let sent = (urgency == Urgency::Rollback).then(|| wire.clone());
        let sent_before = self.sent_statuses.borrow_mut().record(object, Fingerprint::of(&wire));
        let written = self.server.write_status(write_token, object, &metadata, wire).await;
        if matches!(written, Err(Failure::Conflict(_))) {
            self.sent_statuses.borrow_mut().take_back(object, sent_before);
        }
        let document = written?;
        self.sent_statuses.borrow_mut().record(object, Fingerprint::of(&document.status));
        let kept: K::Status = convert::status(K::NAME, document.status.clone());
        let sent = sent.filter(|sent| convert::is_part_of(&document.status, sent));
        self.learn(object.kind, document, object);
        if let Some(sent) = sent.filter(|_| kept != status) {
            self.metrics.count_tick_error(object.kind, TickError::Invalid);
            debug!(kind = object.kind.word(), object = %object.key, "the API server did not keep the whole status");
            self.store.borrow_mut().hold(object, &sent);
        } else if kept != status {
            // Going on would write the same again and again.
            return Err(invalid("it did not keep all that was written".to_owned()));
        }
        self.tell(object, &metadata.uid, &K::events(&before, &status));
        Ok(())
    }

    /// Makes the best of a request that failed.
    async fn fail(&self, object: &ObjectRef, failure: &Failure) -> Ending {
        let (kind, name) = (object.kind, &object.key);
        let tick_error = match failure {
            Failure::Gone(gone) if gone == object => {
                let version = self.store.borrow().metadata(object).map(|metadata| metadata.version);
                self.lose(object, version.as_deref(), object);
                return Ending::Gone;
            }
            Failure::NotLeading { .. } => {
                debug!(kind = kind.word(), object = %name, "{failure}");
                return LEFT;
            }
            Failure::Conflict(_) => {
                debug!(kind = kind.word(), object = %name, "{failure}");
                self.metrics.count_tick_error(kind, TickError::Conflict);
                return self.read_again(object).await;
            }
            Failure::Forbidden { .. } => TickError::Forbidden,
            Failure::Invalid { .. } => TickError::Invalid,
            Failure::Timeout { .. } => TickError::Timeout,
            Failure::Gone(_) | Failure::Unavailable { .. } => TickError::Server,
        };
        self.say(object, failure);
        self.metrics.count_tick_error(kind, tick_error);
        Ending::Failed
    }

    /// Fetches what made a request conflict, so that the next tick is founded on it.
    async fn read_again(&self, object: &ObjectRef) -> Ending {
        let Some(got) = self.leadership.while_leading(self.get(std::slice::from_ref(object), object)).await else {
            return LEFT;
        };
        match got {
            Ok(()) if self.store.borrow().metadata(object).is_none() => Ending::Gone,
            Ok(()) => Ending::Conflicted,
            Err(failure) => {
                self.say(object, &failure);
                Ending::Failed
            }
        }
    }

    /// Says that a request failed; where nobody answers, once for all requests.
    fn say(&self, object: &ObjectRef, failure: &Failure) {
        let (kind, name) = (object.kind.word(), &object.key);
        if failure.is_about_connectivity() {
            debug!(kind, object = %name, "{failure}");
            self.api_failed(Some(object), &failure.to_string());
        } else {
            warn!(kind, object = %name, "{failure}");
        }
    }
}

/// What is on record for an object, whether its spec can be read or not.
fn status_of<K: Decider>(store: &Store, object: &ObjectRef) -> K::Status {
    match store.refusal(object) {
        Some(refusal) => convert::status(K::NAME, refusal.status.clone()),
        None => K::find(store.cluster(), &object.key).map(|object| object.status.clone()).unwrap_or_default(),
    }
}
