//! The loop itself: one future that stands for election, hears watches, and while it leads starts ticks, looks around on
//! AWS, counts requests and publishes events.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};
use weir_aws::{AccountRegion, Accounts, ResyncReport};
use weir_engine::tick::Urgency;
use weir_engine::{Access, Key};

use crate::counts::Counts;
use crate::kinds::{Decisions, Weir};
use crate::leader::Election;
use crate::lease::Terms;
use crate::metrics::Trouble;
use crate::queue::{Ending, Start};
use crate::rounds::Rounds;
use crate::selection::Selection;
use crate::watch::Watches;
use crate::world::World;
use crate::{Clock, Error, Health, Metrics, Settings, definitions, premises};

/// The loop turns at least this often, so that probes and gauges stay true.
const HEARTBEAT: SignedDuration = SignedDuration::from_secs(10);
/// The gauges of the call budgets are set anew at most this often: a turn is shorter than it takes to set them.
const BUDGETS: SignedDuration = SignedDuration::from_secs(1);
/// How many notices of watches are heard at most before ticks go on.
const NOTICES: usize = 64;
/// For how long they are heard at most before ticks go on.
const HEARING: Duration = Duration::from_millis(5);

/// One controller.
pub struct Controller<D = Weir> {
    client: kube::Client,
    accounts: Accounts,
    clock: Clock,
    settings: Settings,
    metrics: Metrics,
    health: Health,
    decisions: PhantomData<D>,
}

type Running<'a> = FuturesUnordered<LocalBoxFuture<'a, (Start, Ending)>>;

/// Something that runs at most once at a time.
type Errand<'a, T> = Option<LocalBoxFuture<'a, T>>;

impl Controller<Weir> {
    /// A controller over its clients, with the decisions of the engine. Nothing happens before it is run. The
    /// accounts should tell each call to [`Metrics::count_aws_call`].
    pub fn new(
        client: kube::Client,
        accounts: Accounts,
        clock: Clock,
        metrics: Metrics,
        settings: Settings,
    ) -> Result<Self, Error> {
        Self::deciding(client, accounts, clock, metrics, settings)
    }
}

impl<D: Decisions> Controller<D> {
    /// A controller with decisions of another's making.
    pub fn deciding(
        client: kube::Client,
        accounts: Accounts,
        clock: Clock,
        metrics: Metrics,
        settings: Settings,
    ) -> Result<Self, Error> {
        settings.check()?;
        let health = Health::new(clock.clone(), settings.stuck_after);
        Ok(Self { client, accounts, clock, settings, metrics, health, decisions: PhantomData })
    }

    /// What the controller counts, to be shown elsewhere.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// How the controller is, to be asked elsewhere.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Runs until the shutdown, then awaits what is in flight for as long as the grace period lasts.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let Self { client, accounts, clock, mut settings, metrics, health, decisions: _ } = self;
        let definitions = std::mem::take(&mut settings.definitions);
        let selection = Selection(settings.controller.clone());
        let mut watches = Watches::new(&client, &settings, &selection, &clock);
        let world: World<D> = World::new(client.clone(), accounts, clock, metrics, &settings);
        let mut election =
            Election::new(client.clone(), terms(&settings), &world.duty, &health, &world.metrics, &world.contact);
        let mut turn = Turn::new(&world, &health, &settings);
        let definitions = definitions::watch(client.clone(), definitions, health.clone(), world.metrics.clone());
        let premises = premises::watch(client, settings.namespace.clone(), health.clone());
        let mut premises = pin!(future::join(premises, definitions));
        let mut shutdown = pin!(shutdown);
        let Settings { owner, namespace, controller: name, .. } = &settings;
        info!(owner, namespace, name, "the controller begins");
        loop {
            let pause = turn.begin();
            // The election comes first, so that nothing can make us lose what we lead; and watches come before ticks, so that
            // no tick that never rests can keep their news away; but now and then ticks go on, so that no flood of news stops
            // them either. Who does not know the cluster yet does not stand for election.
            let heard = turn.news;
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = election.next(), if turn.complete => {}
                notice = watches.next(), if !heard.are_enough() => {
                    turn.news.hear();
                    health.hear(&notice);
                    world.hear(notice);
                }
                _ = &mut premises => {}
                Some((start, ending)) = turn.running.next() => turn.finish(start, ending),
                Some((access, round)) = turn.rounds.next() => turn.look_around(&access, &round),
                Some((access, routes)) = turn.counts.next() => turn.counted(&access, &routes),
                () = wait(&mut turn.post) => turn.post = None,
                // All that can go on has, as far as it can.
                () = future::ready(()), if heard.are_enough() => {}
                () = tokio::time::sleep(pause) => {}
            }
            if turn.news == heard {
                turn.news = News::default();
            }
        }
        drop(watches);
        turn.close(settings.grace, election).await;
        Ok(())
    }
}

impl<D> fmt::Debug for Controller<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Controller").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What was heard of watches since ticks last went on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct News {
    /// How many notices, and since when.
    heard: Option<(usize, Instant)>,
}

impl News {
    /// Whether ticks go on before more is heard.
    fn are_enough(self) -> bool {
        self.heard.is_some_and(|(count, since)| count >= NOTICES || since.elapsed() >= HEARING)
    }

    /// One was heard.
    fn hear(&mut self) {
        let (count, since) = self.heard.unwrap_or((0, Instant::now()));
        self.heard = Some((count + 1, since));
    }
}

/// What is under way.
struct Turn<'a, D> {
    world: &'a World<D>,
    health: &'a Health,
    running: Running<'a>,
    rounds: Rounds<'a>,
    round_interval: SignedDuration,
    counts: Counts<'a>,
    post: Errand<'a, ()>,
    news: News,
    /// Every kind has been listed.
    complete: bool,
    /// Whose call budgets are shown, and when they are next.
    budgets: BTreeSet<AccountRegion>,
    budgets_due: Timestamp,
}

impl<'a, D: Decisions> Turn<'a, D> {
    fn new(world: &'a World<D>, health: &'a Health, settings: &Settings) -> Self {
        let interval = SignedDuration::try_from(settings.round_interval).unwrap_or(SignedDuration::MAX);
        Self {
            world,
            health,
            running: FuturesUnordered::new(),
            rounds: Rounds::new(world.now(), interval),
            round_interval: interval,
            counts: Counts::new(world.now()),
            post: None,
            news: News::default(),
            complete: false,
            budgets: BTreeSet::new(),
            budgets_due: world.now(),
        }
    }

    /// Starts everything that is due, and says how long there is nothing more to start.
    fn begin(&mut self) -> Duration {
        let now = self.world.now();
        self.heed_clock(now);
        self.health.beat(now);
        if !self.complete && self.world.store.borrow().is_complete() {
            self.complete = true;
            self.health.set_ready(true);
            info!("every kind is listed");
        }
        self.see_to_duty(now);
        let leads = self.world.duty.is_on();
        if leads {
            self.start_ticks(now);
            self.rounds.start(self.world, now);
            self.counts.start(self.world, now);
        }
        if leads && self.post.is_none() {
            self.post = self.next_post();
        }
        self.show_load(now);
        let tick = self.world.queue.borrow().next_due().filter(|_| leads);
        let round = Some(self.rounds.due()).filter(|_| leads);
        let count = Some(self.counts.due()).filter(|_| leads);
        let next = tick.into_iter().chain(round).chain(count).chain([later(now, HEARTBEAT)]).min().unwrap_or(now);
        Duration::try_from(next.duration_since(now)).unwrap_or_default()
    }

    /// Begins anew where somebody has set the clock: by it is told what is due, and how old everything is.
    fn heed_clock(&mut self, now: Timestamp) {
        let world = self.world;
        let Some(step) = world.wall.take_step() else { return };
        world.metrics.clock_steps.inc();
        warn!(
            seconds = step.as_secs(),
            "the clock of this machine was set; everything is read and looked at anew, and what runs wait for is counted \
             from here where it was set ahead by more than 30 s"
        );
        self.rounds = Rounds::new(now, self.round_interval);
        self.counts = Counts::new(now);
        self.budgets_due = now;
        world.begin_anew();
    }

    /// Begins to lead, or ceases to. One term begins only when nothing of the one before is under way any more.
    fn see_to_duty(&mut self, now: Timestamp) {
        let world = self.world;
        let (is_on, is_covered) = (world.duty.is_on(), world.duty.is_covered());
        if is_on && !is_covered {
            world.stand_down();
            self.rounds.give_up();
            self.counts.give_up();
            world.metrics.leader.set(0);
            warn!(
                ticks = self.running.len(),
                "no longer the leader; writes under way are awaited, nothing new is begun"
            );
        } else if !is_on && is_covered && self.running.is_empty() && self.post.is_none() {
            self.rounds = Rounds::new(now, self.round_interval);
            self.counts = Counts::new(now);
            let objects = world.take_up();
            world.metrics.leader.set(1);
            world.metrics.leader_terms.inc();
            info!(objects, "the leader; decisions begin");
        }
    }

    fn start_ticks(&mut self, now: Timestamp) {
        let world = self.world;
        while let Some(start) = self.next_start(now) {
            if start.urgency == Urgency::Progress {
                world.metrics.lateness.observe(now.duration_since(start.due).as_secs_f64().max(0.0));
            }
            self.running.push(
                async move {
                    let began = world.now();
                    let ended = AssertUnwindSafe(world.carry_out(&start)).catch_unwind().await;
                    let seconds = world.now().duration_since(began).as_secs_f64().max(0.0);
                    world.metrics.time_tick(start.object.kind, seconds);
                    let ending = ended.unwrap_or_else(|panic| Ending::Panicked(said(&*panic)));
                    (start, ending)
                }
                .boxed_local(),
            );
        }
    }

    fn next_start(&self, now: Timestamp) -> Option<Start> {
        self.world.queue.borrow_mut().start(now)
    }

    fn finish(&self, start: Start, ending: Ending) {
        let (world, object) = (self.world, &start.object);
        if let Ending::Panicked(message) = &ending {
            world.metrics.panics.inc();
            world.metrics.count_trouble(object.kind, Trouble::Panic);
            error!(kind = object.kind.word(), object = %object.key, "the tick panicked: {message}");
        }
        let rank = world.rank_of(object);
        world.queue.borrow_mut().finish(object, world.now(), ending, rank);
    }

    fn look_around(&mut self, access: &Access, round: &ResyncReport) {
        self.rounds.end(access, round, self.world.now());
        debug!(%access, changed = round.changed.len(), "looked around on AWS");
        self.world.notice_on_aws(&round.changed);
    }

    fn counted(&mut self, access: &Access, routes: &[Key]) {
        self.counts.end(access);
        debug!(routes = routes.len(), "counted requests");
        self.world.notice_requests(routes);
    }

    fn next_post(&self) -> Errand<'a, ()> {
        let world = self.world;
        let (object, event) = world.outbox.borrow_mut().take()?;
        Some(
            async move {
                let Some(right) = world.duty.right() else { return };
                if let Err(failure) = world.server.publish(right, &object, &event).await {
                    world.metrics.events_dropped.inc();
                    debug!(kind = object.kind.word(), object = %object.key, "{failure}");
                }
            }
            .boxed_local(),
        )
    }

    fn show_load(&mut self, now: Timestamp) {
        let queue = self.world.queue.borrow();
        self.world.metrics.queue_depth.set(i64::try_from(queue.depth()).unwrap_or(i64::MAX));
        let oldest = queue.oldest().map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
        self.world.metrics.queue_oldest.set(oldest);
        if now >= self.budgets_due {
            self.budgets_due = later(now, BUDGETS);
            let budgets = self.world.accounts.budget_statuses();
            self.world.metrics.show_budgets(&self.budgets, &budgets);
            self.budgets = budgets.into_keys().collect();
            self.world.metrics.show_ages(&self.rounds.ages(now), self.world.vigil.borrow().ages(now));
        }
    }

    /// Sets out on nothing new, awaits the writes in flight, and lets another lead.
    async fn close(mut self, grace: Duration, mut election: Election<'_>) {
        self.world.duty.close();
        self.health.set_ready(false);
        self.rounds.give_up();
        self.counts.give_up();
        info!(ticks = self.running.len(), "the controller ends; what is in flight is awaited");
        let drain = async {
            while self.running.next().await.is_some() {
                self.health.beat(self.world.now());
            }
            while let Some(post) = self.post.take().or_else(|| self.next_post()) {
                post.await;
            }
        };
        if tokio::time::timeout(grace, drain).await.is_ok() {
            election.release().await;
        } else {
            // What is given up may still take effect: nobody else is to lead before the lease has ended.
            let ticks = self.running.len();
            warn!(ticks, grace_s = grace.as_secs(), "the grace period is over; what is still in flight is given up");
        }
    }
}

fn terms(settings: &Settings) -> Terms {
    Terms {
        namespace: settings.lease_namespace.clone(),
        name: settings.lease_name.clone(),
        identity: settings.identity.clone(),
        duration: settings.lease_duration,
    }
}

/// Awaits an errand; for ever where there is none.
async fn wait<T>(errand: &mut Errand<'_, T>) -> T {
    match errand {
        Some(errand) => errand.await,
        None => future::pending().await,
    }
}

pub(crate) fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests;
