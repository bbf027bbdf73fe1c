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

use crate::context::Context;
use crate::election::Election;
use crate::kinds::{Decisions, Weir};
use crate::lease::LeaseConfig;
use crate::metrics::TickError;
use crate::queue::{Ending, Start};
use crate::request_counts::RequestCounts;
use crate::resync::Resyncs;
use crate::selection::Selection;
use crate::watch::Watches;
use crate::{Clock, Error, Health, Metrics, Settings, definitions, namespace_check};

/// The loop turns at least this often, so that probes and gauges stay true.
const HEARTBEAT: SignedDuration = SignedDuration::from_secs(10);
/// The gauges of the call budgets are set anew at most this often: a turn is shorter than it takes to set them.
const BUDGETS: SignedDuration = SignedDuration::from_secs(1);
/// How long a request that others share takes, or longer.
const REQUEST: SignedDuration = SignedDuration::from_millis(100);
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

/// A future of which at most one runs at a time.
type SingleFlight<'a, T> = Option<LocalBoxFuture<'a, T>>;

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
        let context: Context<D> = Context::new(client.clone(), accounts, clock, metrics, &settings);
        let mut election = Election::new(
            client.clone(),
            lease_config(&settings),
            &context.leadership,
            &health,
            &context.metrics,
            &context.connectivity,
        );
        let mut event_loop = EventLoop::new(&context, &health, &settings);
        let definitions = definitions::watch(client.clone(), definitions, health.clone(), context.metrics.clone());
        let namespace_check = namespace_check::watch(client, settings.namespace.clone(), health.clone());
        let mut namespace_check = pin!(future::join(namespace_check, definitions));
        let mut shutdown = pin!(shutdown);
        let Settings { owner, namespace, controller: name, .. } = &settings;
        info!(owner, namespace, name, "the controller begins");
        loop {
            let pause = event_loop.begin();
            // The election comes first, so that nothing can make us lose what we lead; and watches come before ticks, so that
            // no tick that never rests can keep their news away; but now and then ticks go on, so that no flood of news stops
            // them either. Who does not know the cluster yet does not stand for election.
            let heard = event_loop.notices;
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = election.next(), if event_loop.complete => {}
                notice = watches.next(), if !heard.is_spent() => {
                    event_loop.notices.record();
                    health.handle_notice(&notice);
                    context.handle_notice(notice);
                }
                _ = &mut namespace_check => {}
                Some((start, ending)) = event_loop.running.next() => event_loop.finish(start, ending),
                Some((access, report)) = event_loop.resyncs.next() => event_loop.finish_resync(&access, &report),
                Some((access, routes)) = event_loop.request_counts.next() => event_loop.finish_count(&access, &routes),
                () = wait(&mut event_loop.publishing) => event_loop.publishing = None,
                // All that can go on has, as far as it can.
                () = future::ready(()), if heard.is_spent() => {}
                () = tokio::time::sleep(pause) => {}
            }
            if event_loop.notices == heard {
                event_loop.notices = NoticeBudget::default();
            }
        }
        drop(watches);
        event_loop.close(settings.grace, election).await;
        Ok(())
    }
}

impl<D> fmt::Debug for Controller<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Controller").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How many notices of watches are heard before ticks go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct NoticeBudget {
    /// How many notices, and since when.
    heard: Option<(usize, Instant)>,
}

impl NoticeBudget {
    /// Whether ticks go on before more is heard.
    fn is_spent(self) -> bool {
        self.heard.is_some_and(|(count, since)| count >= NOTICES || since.elapsed() >= HEARING)
    }

    /// One was heard.
    fn record(&mut self) {
        let (count, since) = self.heard.unwrap_or((0, Instant::now()));
        self.heard = Some((count + 1, since));
    }
}

/// The loop's own state: what is under way, and what is due.
struct EventLoop<'a, D> {
    context: &'a Context<D>,
    health: &'a Health,
    running: Running<'a>,
    resyncs: Resyncs<'a>,
    resync_interval: SignedDuration,
    request_counts: RequestCounts<'a>,
    publishing: SingleFlight<'a, ()>,
    notices: NoticeBudget,
    /// Every kind has been listed.
    complete: bool,
    /// Whose call budgets are shown, and when they are next.
    budgets: BTreeSet<AccountRegion>,
    budgets_due: Timestamp,
}

impl<'a, D: Decisions> EventLoop<'a, D> {
    fn new(context: &'a Context<D>, health: &'a Health, settings: &Settings) -> Self {
        let interval = SignedDuration::try_from(settings.resync_interval).unwrap_or(SignedDuration::MAX);
        Self {
            context,
            health,
            running: FuturesUnordered::new(),
            resyncs: Resyncs::new(context.now(), interval),
            resync_interval: interval,
            request_counts: RequestCounts::new(context.now()),
            publishing: None,
            notices: NoticeBudget::default(),
            complete: false,
            budgets: BTreeSet::new(),
            budgets_due: context.now(),
        }
    }

    /// Starts everything that is due, and says how long there is nothing more to start.
    fn begin(&mut self) -> Duration {
        let now = self.context.now();
        self.handle_clock_step(now);
        self.health.beat(now);
        if !self.complete && self.context.store.borrow().is_complete() {
            self.complete = true;
            self.health.set_ready(true);
            info!("every kind is listed");
        }
        self.update_leadership(now);
        let leads = self.context.leadership.is_leading();
        let boarding = leads.then(|| self.board(now)).flatten();
        if leads {
            self.start_ticks(now);
            self.resyncs.start(self.context, now);
            self.request_counts.start(self.context, now);
        }
        if leads && self.publishing.is_none() {
            self.publishing = self.next_publication();
        }
        self.show_load(now);
        let tick = self.context.queue.borrow().next_due().filter(|_| leads);
        let resync = Some(self.resyncs.due()).filter(|_| leads);
        let count = Some(self.request_counts.due()).filter(|_| leads);
        let next = tick
            .into_iter()
            .chain(boarding)
            .chain(resync)
            .chain(count)
            .chain([later(now, HEARTBEAT)])
            .min()
            .unwrap_or(now);
        Duration::try_from(next.duration_since(now)).unwrap_or_default()
    }

    /// Begins anew where somebody has set the clock: by it is told what is due, and how old everything is.
    fn handle_clock_step(&mut self, now: Timestamp) {
        let context = self.context;
        let Some(step) = context.wall_clock.take_step() else { return };
        context.metrics.clock_steps.inc();
        warn!(
            seconds = step.as_secs(),
            "the clock of this machine was set; everything is read and looked at anew, and what runs wait for is counted \
             from here where it was set ahead by more than 30 s"
        );
        self.resyncs = Resyncs::new(now, self.resync_interval);
        self.request_counts = RequestCounts::new(now);
        self.budgets_due = now;
        context.begin_anew();
    }

    /// Begins to lead, or ceases to. One term begins only when nothing of the one before is under way any more.
    fn update_leadership(&mut self, now: Timestamp) {
        let context = self.context;
        let (is_leading, covers_a_write) = (context.leadership.is_leading(), context.leadership.covers_a_write());
        if is_leading && !covers_a_write {
            context.step_down();
            self.resyncs.cancel();
            self.request_counts.cancel();
            context.metrics.leader.set(0);
            warn!(
                ticks = self.running.len(),
                "no longer the leader; writes under way are awaited, nothing new is begun"
            );
        } else if !is_leading && covers_a_write && self.running.is_empty() && self.publishing.is_none() {
            self.resyncs = Resyncs::new(now, self.resync_interval);
            self.request_counts = RequestCounts::new(now);
            let objects = context.start_leading();
            context.metrics.leader.set(1);
            context.metrics.leader_terms.inc();
            info!(objects, "the leader; decisions begin");
        }
    }

    /// Lets those that have seats board, as many as may go, and says when more may.
    fn board(&self, now: Timestamp) -> Option<Timestamp> {
        let mut queue = self.context.queue.borrow_mut();
        let seats = queue.seats(now);
        let accounts = &self.context.accounts;
        let next = seats.iter().map(|(channel, seats)| {
            let may_go = accounts.available(&channel.access, channel.family);
            // Once AWS has throttled there may be less than a whole request for a while.
            let whole = channel.family.most_together().min(accounts.most(&channel.access, channel.family).max(1));
            match queue.board(channel, (may_go, whole), now) {
                Some(due) => due,
                None if may_go < *seats => {
                    let next = accounts.time_until(&channel.access, channel.family, whole.min(*seats).max(may_go + 1));
                    let next = SignedDuration::try_from(next).unwrap_or(SignedDuration::MAX);
                    // Where a request is being filled, its end is heard of.
                    later(now, if channel.is_shared() { next.max(REQUEST) } else { next })
                }
                None => Timestamp::MAX,
            }
        });
        next.min()
    }

    fn start_ticks(&mut self, now: Timestamp) {
        let context = self.context;
        while let Some(start) = self.next_start(now) {
            if start.urgency == Urgency::Progress {
                context.metrics.lateness.observe(now.duration_since(start.due).as_secs_f64().max(0.0));
            }
            self.running.push(
                async move {
                    let began = context.now();
                    let ended = AssertUnwindSafe(context.carry_out(&start)).catch_unwind().await;
                    let seconds = context.now().duration_since(began).as_secs_f64().max(0.0);
                    context.metrics.time_tick(start.object.kind, seconds);
                    let ending = ended.unwrap_or_else(|panic| Ending::Panicked(panic_message(&*panic)));
                    (start, ending)
                }
                .boxed_local(),
            );
        }
    }

    fn next_start(&self, now: Timestamp) -> Option<Start> {
        self.context.queue.borrow_mut().start(now)
    }

    fn finish(&self, start: Start, ending: Ending) {
        let (context, object) = (self.context, &start.object);
        if let Ending::Panicked(message) = &ending {
            context.metrics.panics.inc();
            context.metrics.count_tick_error(object.kind, TickError::Panic);
            error!(kind = object.kind.word(), object = %object.key, "the tick panicked: {message}");
        }
        let rank = context.rank_of(object);
        context.queue.borrow_mut().finish(object, context.now(), ending, rank);
    }

    fn finish_resync(&mut self, access: &Access, report: &ResyncReport) {
        self.resyncs.end(access, report, self.context.now());
        debug!(%access, changed = report.changed.len(), "looked around on AWS");
        self.context.notice_on_aws(report);
    }

    fn finish_count(&mut self, access: &Access, routes: &[Key]) {
        self.request_counts.end(access);
        debug!(routes = routes.len(), "counted requests");
        self.context.notice_requests(routes);
    }

    fn next_publication(&self) -> SingleFlight<'a, ()> {
        let context = self.context;
        let (object, event) = context.outbox.borrow_mut().take()?;
        Some(
            async move {
                let Some(write_token) = context.leadership.write_token() else { return };
                if let Err(failure) = context.server.publish(write_token, &object, &event).await {
                    context.metrics.events_dropped.inc();
                    debug!(kind = object.kind.word(), object = %object.key, "{failure}");
                }
            }
            .boxed_local(),
        )
    }

    fn show_load(&mut self, now: Timestamp) {
        let queue = self.context.queue.borrow();
        self.context.metrics.queue_depth.set(i64::try_from(queue.depth()).unwrap_or(i64::MAX));
        self.context.metrics.queue_seated.set(i64::try_from(queue.seated()).unwrap_or(i64::MAX));
        let oldest = queue.oldest().map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
        self.context.metrics.queue_oldest.set(oldest);
        if now >= self.budgets_due {
            self.budgets_due = later(now, BUDGETS);
            let budgets = self.context.accounts.budget_statuses();
            self.context.metrics.show_budgets(&self.budgets, &budgets);
            self.budgets = budgets.into_keys().collect();
            self.context.metrics.show_ages(&self.resyncs.ages(now), self.context.watch_freshness.borrow().ages(now));
        }
    }

    /// Sets out on nothing new, awaits the writes in flight, and lets another lead.
    async fn close(mut self, grace: Duration, mut election: Election<'_>) {
        self.context.leadership.close();
        self.health.set_ready(false);
        self.resyncs.cancel();
        self.request_counts.cancel();
        info!(ticks = self.running.len(), "the controller ends; what is in flight is awaited");
        let drain = async {
            while self.running.next().await.is_some() {
                self.health.beat(self.context.now());
            }
            while let Some(publishing) = self.publishing.take().or_else(|| self.next_publication()) {
                publishing.await;
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

fn lease_config(settings: &Settings) -> LeaseConfig {
    LeaseConfig {
        namespace: settings.lease_namespace.clone(),
        name: settings.lease_name.clone(),
        identity: settings.identity.clone(),
        duration: settings.lease_duration,
    }
}

/// Awaits the future in flight; for ever where there is none.
async fn wait<T>(flight: &mut SingleFlight<'_, T>) -> T {
    match flight {
        Some(flight) => flight.await,
        None => future::pending().await,
    }
}

pub(crate) fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests;
