//! What the loop counts and shows, in a registry of its own.
//!
//! The series of an object vanish with it. Label values come from closed sets or from objects that exist, so that
//! the number of series is bounded by the number of objects.

mod shown;

use std::collections::{BTreeMap, BTreeSet};

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use serde_json::Value;
use weir_aws::{AccountRegion, BudgetStatus, Family, Spent};
use weir_engine::{Cluster, KindName, ObjectRef};

use self::shown::Shown;

/// How late a step may be, in seconds, by bucket.
const LATENESS: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0];
/// How long a call may wait for the call budget, in seconds, by bucket.
const WAIT: [f64; 9] = [0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];
/// How long a tick may take, in seconds, by bucket.
const TICK: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Why a tick did not end as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickError {
    /// Somebody else changed the object meanwhile.
    Conflict,
    /// The API server does not allow a request.
    Forbidden,
    /// The API server does not accept a request.
    Invalid,
    /// The API server did not answer in time.
    Timeout,
    /// Any other failure of a request to the API server.
    Server,
    /// AWS did not carry out a write.
    Aws,
    /// The guard did not let a write through.
    Guard,
    /// The spec cannot be read.
    Spec,
    /// The decision panicked.
    Panic,
}

impl TickError {
    fn word(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Invalid => "invalid",
            Self::Timeout => "timeout",
            Self::Server => "server",
            Self::Aws => "aws",
            Self::Guard => "guard",
            Self::Spec => "spec",
            Self::Panic => "panic",
        }
    }
}

/// All metrics of one controller. Clones count into the same registry.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    shown: Shown,
    /// How long after its planned instant a tick of a moving run began.
    pub(crate) lateness: Histogram,
    build: IntGaugeVec,
    aws_calls: IntCounterVec,
    aws_throttles: IntCounterVec,
    zone_refusals: IntCounter,
    budget_wait: HistogramVec,
    budget_tokens: IntGaugeVec,
    budget_rate: GaugeVec,
    budget_ceiling: GaugeVec,
    budget_waiting: IntGaugeVec,
    tick_seconds: HistogramVec,
    tick_errors: IntCounterVec,
    rewrites: IntCounterVec,
    /// Statuses of which something could not be read.
    pub(crate) unreadable: IntCounterVec,
    outdated: IntGaugeVec,
    inventory_age: IntGaugeVec,
    /// Requests by which something is watched that failed.
    pub(crate) watch_failures: IntCounterVec,
    watch_age: IntGaugeVec,
    /// How many objects are due and wait for a slot.
    pub(crate) queue_depth: IntGauge,
    /// How many of them wait until their write may go.
    pub(crate) queue_seated: IntGauge,
    /// How long the longest waiting object is due.
    pub(crate) queue_oldest: Gauge,
    /// 1 while this process leads, else 0.
    pub(crate) leader: IntGauge,
    /// How often this process has begun to lead.
    pub(crate) leader_terms: IntCounter,
    /// Requests about the Lease that failed.
    pub(crate) lease_failures: IntCounter,
    /// How often the clock of the machine was set.
    pub(crate) clock_steps: IntCounter,
    /// Events that were not published.
    pub(crate) events_dropped: IntCounter,
    /// Ticks, rounds and counts that panicked.
    pub(crate) panics: IntCounter,
    /// Writes that the guard did not let through.
    pub(crate) violations: IntCounter,
}

impl Metrics {
    /// Metrics that have counted nothing yet.
    ///
    /// # Panics
    ///
    /// Never: the names are constants, valid and different.
    pub fn new() -> Self {
        let build = || -> prometheus::Result<Self> {
            let registry = Registry::new();
            let metrics = Self {
                lateness: Histogram::with_opts(
                    HistogramOpts::new(
                        "weir_step_lateness_seconds",
                        "How long after its planned instant a tick of a moving run began.",
                    )
                    .buckets(LATENESS.to_vec()),
                )?,
                build: IntGaugeVec::new(Opts::new("weir_build_info", "Always 1; the version of Weir."), &["version"])?,
                aws_calls: IntCounterVec::new(
                    Opts::new("weir_aws_calls_total", "Calls to AWS."),
                    &["service", "operation", "outcome"],
                )?,
                aws_throttles: IntCounterVec::new(
                    Opts::new("weir_aws_throttles_total", "Requests that AWS throttled."),
                    &["family"],
                )?,
                zone_refusals: IntCounter::new(
                    "weir_zone_refusals_total",
                    "Requests to change records that Route 53 refused for what was in them.",
                )?,
                budget_wait: HistogramVec::new(
                    HistogramOpts::new(
                        "weir_aws_budget_wait_seconds",
                        "How long calls to AWS waited for a token of the call budget.",
                    )
                    .buckets(WAIT.to_vec()),
                    &["family", "urgency"],
                )?,
                budget_tokens: IntGaugeVec::new(
                    Opts::new("weir_aws_budget_tokens", "Calls that the call budget would let go at once."),
                    &["account", "region", "family"],
                )?,
                budget_rate: GaugeVec::new(
                    Opts::new(
                        "weir_aws_budget_calls_per_second",
                        "The rate of the call budget; it halves when AWS throttles, and rises again slowly.",
                    ),
                    &["account", "region", "family"],
                )?,
                budget_ceiling: GaugeVec::new(
                    Opts::new(
                        "weir_aws_budget_ceiling_calls_per_second",
                        "The rate of the call budget that is tried at most; it falls when AWS throttles, and rises within an hour.",
                    ),
                    &["account", "region", "family"],
                )?,
                budget_waiting: IntGaugeVec::new(
                    Opts::new("weir_aws_budget_waiting", "Calls that wait for a token of the call budget."),
                    &["account", "region", "family"],
                )?,
                tick_seconds: HistogramVec::new(
                    HistogramOpts::new("weir_tick_seconds", "How long ticks take.").buckets(TICK.to_vec()),
                    &["kind"],
                )?,
                tick_errors: IntCounterVec::new(
                    Opts::new("weir_tick_errors_total", "Ticks that did not end as they should."),
                    &["kind", "reason"],
                )?,
                rewrites: IntCounterVec::new(
                    Opts::new(
                        "weir_status_rewrites_total",
                        "Statuses of this process that somebody else has written over.",
                    ),
                    &["kind"],
                )?,
                unreadable: IntCounterVec::new(
                    Opts::new("weir_status_unreadable_total", "Statuses of which something could not be read."),
                    &["kind"],
                )?,
                outdated: IntGaugeVec::new(
                    Opts::new(
                        "weir_definition_outdated",
                        "1 for a kind whose definition in the API server is older than this program; absent otherwise.",
                    ),
                    &["kind"],
                )?,
                inventory_age: IntGaugeVec::new(
                    Opts::new(
                        "weir_inventory_age_seconds",
                        "How long ago everything was last read that is looked at on AWS.",
                    ),
                    &["account", "region"],
                )?,
                watch_failures: IntCounterVec::new(
                    Opts::new("weir_watch_failures_total", "Requests by which a kind is watched that failed."),
                    &["kind"],
                )?,
                watch_age: IntGaugeVec::new(
                    Opts::new(
                        "weir_watch_age_seconds",
                        "For how long the watch on a kind has not been known to go on; 0 while it does.",
                    ),
                    &["kind"],
                )?,
                queue_depth: IntGauge::new("weir_queue_depth", "Objects that are due and wait for a slot.")?,
                queue_seated: IntGauge::new(
                    "weir_queue_seated",
                    "Objects, of those that are due, that wait until their write to AWS may go.",
                )?,
                queue_oldest: Gauge::new(
                    "weir_queue_oldest_seconds",
                    "How long the longest waiting object is due; 0 when none waits.",
                )?,
                leader: IntGauge::new("weir_leader", "1 while this process leads, 0 while it stands by.")?,
                leader_terms: IntCounter::new(
                    "weir_leader_transitions_total",
                    "How often this process has begun to lead.",
                )?,
                lease_failures: IntCounter::new(
                    "weir_lease_failures_total",
                    "Requests about the Lease, by which it is settled who leads, that failed.",
                )?,
                events_dropped: IntCounter::new(
                    "weir_events_dropped_total",
                    "Kubernetes events that were not published: too many waited, or the API server did not take them.",
                )?,
                clock_steps: IntCounter::new(
                    "weir_clock_steps_total",
                    "How often the clock of the machine was set, by more than a second, while this process ran.",
                )?,
                panics: IntCounter::new("weir_panics_total", "Ticks, rounds and counts that panicked.")?,
                violations: IntCounter::new(
                    "weir_guard_violations_total",
                    "Writes that the guard did not let through because they would have broken an invariant.",
                )?,
                registry,
                shown: Shown::default(),
            };
            metrics.register()?;
            metrics.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
            // An increase from nothing to one is none to Prometheus.
            for kind in KindName::ALL {
                metrics.unreadable.with_label_values(&[kind.word()]);
            }
            Ok(metrics)
        };
        build().expect("the names and labels of the metrics are valid and different")
    }

    fn register(&self) -> prometheus::Result<()> {
        let registry = &self.registry;
        registry.register(Box::new(self.lateness.clone()))?;
        registry.register(Box::new(self.build.clone()))?;
        registry.register(Box::new(self.aws_calls.clone()))?;
        registry.register(Box::new(self.aws_throttles.clone()))?;
        registry.register(Box::new(self.zone_refusals.clone()))?;
        registry.register(Box::new(self.budget_wait.clone()))?;
        registry.register(Box::new(self.budget_tokens.clone()))?;
        registry.register(Box::new(self.budget_rate.clone()))?;
        registry.register(Box::new(self.budget_ceiling.clone()))?;
        registry.register(Box::new(self.budget_waiting.clone()))?;
        registry.register(Box::new(self.tick_seconds.clone()))?;
        registry.register(Box::new(self.tick_errors.clone()))?;
        registry.register(Box::new(self.rewrites.clone()))?;
        registry.register(Box::new(self.unreadable.clone()))?;
        registry.register(Box::new(self.outdated.clone()))?;
        registry.register(Box::new(self.inventory_age.clone()))?;
        registry.register(Box::new(self.watch_failures.clone()))?;
        registry.register(Box::new(self.watch_age.clone()))?;
        registry.register(Box::new(self.queue_depth.clone()))?;
        registry.register(Box::new(self.queue_seated.clone()))?;
        registry.register(Box::new(self.queue_oldest.clone()))?;
        registry.register(Box::new(self.leader.clone()))?;
        registry.register(Box::new(self.leader_terms.clone()))?;
        registry.register(Box::new(self.lease_failures.clone()))?;
        registry.register(Box::new(self.events_dropped.clone()))?;
        registry.register(Box::new(self.clock_steps.clone()))?;
        registry.register(Box::new(self.panics.clone()))?;
        registry.register(Box::new(self.violations.clone()))
    }

    /// Everything in the text format of Prometheus.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            text = format!("# the metrics of the process could not be written: {error}\n");
        }
        self.shown.write(&mut text);
        text
    }

    /// A call to AWS has ended: for the meter of the inventory.
    pub fn count_aws_call(&self, call: weir_aws::Call) {
        self.aws_calls.with_label_values(&[call.service, call.operation, call.outcome_word()]).inc();
        if call.is_refused_batch() {
            self.zone_refusals.inc();
        }
        let Some(Spent { family, urgency, waited, throttled }) = call.spent else { return };
        self.budget_wait.with_label_values(&[family.word(), urgency.word()]).observe(waited.as_secs_f64());
        if throttled > 0 {
            self.aws_throttles.with_label_values(&[family.word()]).inc_by(u64::from(throttled));
        }
    }

    /// Shows how the call budgets stand, in the place of those that were shown before.
    pub(crate) fn show_budgets(
        &self,
        before: &BTreeSet<AccountRegion>,
        budgets: &BTreeMap<AccountRegion, Vec<BudgetStatus>>,
    ) {
        for (AccountRegion { account, region }, statuses) in budgets {
            for BudgetStatus { family, tokens, per_second, ceiling, waiting } in statuses {
                let labels = [account, region, family.word()];
                self.budget_tokens.with_label_values(&labels).set(i64::from(*tokens));
                self.budget_rate.with_label_values(&labels).set(*per_second);
                self.budget_ceiling.with_label_values(&labels).set(*ceiling);
                self.budget_waiting.with_label_values(&labels).set(i64::try_from(*waiting).unwrap_or(i64::MAX));
            }
        }
        for AccountRegion { account, region } in before.iter().filter(|place| !budgets.contains_key(place)) {
            for family in Family::ALL {
                let labels = [account, region, family.word()];
                // They can only be missing if they were never shown, which is as well.
                let _ = self.budget_tokens.remove_label_values(&labels);
                let _ = self.budget_rate.remove_label_values(&labels);
                let _ = self.budget_ceiling.remove_label_values(&labels);
                let _ = self.budget_waiting.remove_label_values(&labels);
            }
        }
    }

    pub(crate) fn count_tick_error(&self, kind: KindName, error: TickError) {
        self.tick_errors.with_label_values(&[kind.word(), error.word()]).inc();
    }

    /// Shows how old what is known of AWS is, by place, and for how long which watches have failed.
    pub(crate) fn show_ages<'a>(
        &self,
        places: &BTreeMap<AccountRegion, i64>,
        watches: impl Iterator<Item = (&'a str, i64)>,
    ) {
        self.inventory_age.reset();
        for (AccountRegion { account, region }, seconds) in places {
            self.inventory_age.with_label_values(&[account, region]).set(*seconds);
        }
        for (kind, seconds) in watches {
            self.watch_age.with_label_values(&[kind]).set(seconds);
        }
    }

    /// Shows of which kinds the API server has older definitions.
    pub(crate) fn show_outdated<'a>(&self, kinds: impl Iterator<Item = &'a str>) {
        self.outdated.reset();
        for kind in kinds {
            self.outdated.with_label_values(&[kind]).set(1);
        }
    }

    pub(crate) fn count_rewrite(&self, kind: KindName) {
        self.rewrites.with_label_values(&[kind.word()]).inc();
    }

    pub(crate) fn time_tick(&self, kind: KindName, seconds: f64) {
        self.tick_seconds.with_label_values(&[kind.word()]).observe(seconds);
    }

    /// Shows an object as its status stands, in the place of what was shown of it before; of one that cannot be decided on,
    /// the status as it is on record.
    pub(crate) fn show(&self, cluster: &Cluster, object: &ObjectRef, refused: Option<&Value>) {
        self.shown.show(cluster, object, refused);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
