//! The course of the demo: what it does to the world, and when. All that follows from it is looked at, once a second.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use weir_api::TrafficShift;
use weir_api::traffic_shift::Run;
use weir_lab::sim::traffic::{Counts, Traffic, TrafficSettings};
use weir_lab::{Settings, World};

use super::Error;
use super::cast::{self, Cast, Part};
use super::event_feed::EventFeed;
use super::news::News;
use super::pace::Pace;
use super::scene::{Scene, ShiftState, Side};
use super::show::Show;

/// How often the world is looked at, in its own time.
const BEAT: Duration = Duration::from_secs(1);
/// How long everything is left as it is, between one thing and the next.
const REST: Duration = Duration::from_secs(30);
/// A run that has not ended after this time does not end.
const LIMIT: Duration = Duration::from_mins(30);
/// How long the targets that carry the traffic at first run before the curtain rises; the clients come in half a
/// minute before that.
const PROLOGUE: Duration = Duration::from_mins(2);
/// When in it the clients come.
const CLIENTS_COME: Duration = Duration::from_secs(PROLOGUE.as_secs() - WINDOW_SECONDS);
/// How many targets each environment has.
const TARGETS: u32 = 6;
/// How many requests the clients send in a second.
const REQUESTS_PER_SECOND: u32 = 40;
/// The host that they ask for.
const HOST: &str = "shop.example.com";
/// How far back shares and rates look, in seconds.
const WINDOW_SECONDS: u64 = 30;
/// The part of the traffic at which the second release breaks, in percent.
const BREAKS_AT: u32 = 25;
/// The part of the traffic that is given to the first release by hand, in percent.
const BY_HAND: u32 = 20;

/// What the candidate of a run was seen to carry, change by change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The number of the run.
    pub run: i32,
    /// Its weights on AWS, in percent, without repetitions.
    pub weights: Vec<u32>,
    /// Whether the run was seen to have ended.
    pub is_over: bool,
}

/// A world in which the demo is played, and where it is shown.
pub struct Story<'a, W> {
    pub cast: Cast,
    pub world: World,
    pub traffic: Traffic,
    pub trails: Vec<Trail>,
    /// When the targets of the second release were broken.
    pub broken_at: Option<Timestamp>,
    /// How many requests had failed before that.
    pub failed_before: u64,
    /// Whether the first release carried everything again after that.
    pub brought_back: bool,
    /// What came of the weights that were set by hand: of each part of the traffic in percent, the part of the requests
    /// that was seen, in thousandths.
    pub by_hand: Vec<(u32, u32)>,
    show: &'a mut Show<W>,
    pace: Option<Pace>,
    event_feed: EventFeed,
}

impl<'a, W: Write> Story<'a, W> {
    /// Sets the stage: the first environment carries the traffic, a controller runs, and it knows of nothing.
    pub async fn set(seed: u64, show: &'a mut Show<W>) -> Result<Self, Error> {
        let cast = Cast::of(&cast::text()).map_err(Error::World)?;
        let mut world = World::new(Settings::seeded(seed));
        world.furnish(&cast::text(), TARGETS).map_err(Error::World)?;
        world.account().forward(&cast.balancer, cast.port, &[(cast.sides[0].group.as_str(), 1)]);
        world.run_for(CLIENTS_COME).await;
        let settings = TrafficSettings {
            requests_per_second: REQUESTS_PER_SECOND,
            ..TrafficSettings::to(cast.balancer.clone(), cast.port, HOST)
        };
        let traffic = Traffic::new(Arc::clone(world.aws()), seed, settings);
        world.run_for(Duration::from_secs(WINDOW_SECONDS)).await;
        world.start_controller();
        let (trails, event_feed) = (Vec::new(), EventFeed::default());
        Ok(Self {
            cast,
            world,
            traffic,
            trails,
            broken_at: None,
            failed_before: 0,
            brought_back: false,
            by_hand: Vec::new(),
            show,
            pace: None,
            event_feed,
        })
    }

    /// Plays all acts; from the beginning of the play on, it keeps the pace.
    pub async fn play(&mut self, pace: Option<Pace>) -> Result<(), Error> {
        self.pace = pace;
        self.look()?;
        self.release().await?;
        self.release_that_breaks().await?;
        self.known_good().await?;
        self.weights_by_hand().await
    }

    /// The first act: a release that succeeds.
    async fn release(&mut self) -> Result<(), Error> {
        let (first, old) = (self.cast.first.clone(), self.before().name.clone());
        self.deed(&format!("kubectl apply -f examples/release   ({old} carries the traffic, {first} is wanted)"))?;
        self.world.apply(&cast::text()).map_err(Error::World)?;
        self.until_complete().await?;
        self.rest().await
    }

    /// The second act: a release that breaks half way.
    async fn release_that_breaks(&mut self) -> Result<(), Error> {
        let second = self.second().clone();
        self.change_shift(&second.name)?;
        self.until(|story| story.percent(&second) >= Some(BREAKS_AT) || story.is_complete()).await?;
        self.rest().await?;
        self.deed(&format!(
            "the demo breaks all {TARGETS} targets of {}: they answer everything with errors",
            second.name
        ))?;
        self.world.account().break_targets(&second.group, usize::try_from(TARGETS).unwrap_or(usize::MAX));
        self.broken_at = Some(self.world.now());
        self.failed_before = self.traffic.totals().failed;
        self.until_complete().await?;
        self.brought_back = self.percent(self.first()) == Some(100);
        self.rest().await
    }

    /// The third act: back to what carried everything before the first release.
    async fn known_good(&mut self) -> Result<(), Error> {
        let old = self.before().name.clone();
        self.change_shift(&old)?;
        self.until_complete().await?;
        self.rest().await
    }

    /// The fourth act: weights by hand, for as long as somebody wants them.
    async fn weights_by_hand(&mut self) -> Result<(), Error> {
        let (old, first) = (self.before().clone(), self.first().clone());
        for part in [BY_HAND, 0] {
            self.change_route(&json!({&old.name: 100 - part, &first.name: part}))?;
            self.until(|story| story.percent(&first) == Some(part)).await?;
            self.rest().await?;
            let share = self.side(&first).share_permille;
            self.by_hand.push((part, share));
        }
        self.change_route(&json!(null))?;
        self.until_complete().await?;
        self.rest().await
    }

    fn change_shift(&mut self, to: &str) -> Result<(), Error> {
        let patch = json!({"spec": {"to": to}});
        self.deed(&format!("kubectl patch trafficshift {} --type merge -p '{patch}'", self.cast.shift))?;
        self.world.patch("trafficshifts", &self.cast.shift, &patch).map_err(Error::World)
    }

    fn change_route(&mut self, weights: &serde_json::Value) -> Result<(), Error> {
        let patch = json!({"spec": {"weights": weights}});
        self.deed(&format!("kubectl patch weightedroute {} --type merge -p '{patch}'", self.cast.route))?;
        self.world.patch("weightedroutes", &self.cast.route, &patch).map_err(Error::World)
    }

    /// The environment that carried the traffic before the play.
    pub fn before(&self) -> &Part {
        &self.cast.sides[0]
    }

    /// The environment of the first release.
    pub fn first(&self) -> &Part {
        self.cast.sides.iter().find(|part| part.name == self.cast.first).unwrap_or(&self.cast.sides[0])
    }

    /// The environment of the second release: the last one of the manifests.
    pub fn second(&self) -> &Part {
        self.cast.sides.last().unwrap_or(&self.cast.sides[0])
    }

    /// The weight of an environment on AWS in percent; `None` where its group is not in the action.
    pub fn percent(&self, part: &Part) -> Option<u32> {
        let weights = self.world.account().weights(&self.cast.balancer, self.cast.port);
        let whole: u32 = weights.values().sum();
        weights.get(&part.group).map(|weight| (weight * 100).checked_div(whole).unwrap_or(0))
    }

    /// The shift as it stands in Kubernetes.
    pub fn shift(&self) -> Option<TrafficShift> {
        self.world.shift(&self.cast.shift)
    }

    /// How long the play has been going on in the simulated world.
    pub fn played(&self) -> Duration {
        self.world.clock().elapsed().saturating_sub(PROLOGUE)
    }

    fn is_complete(&self) -> bool {
        self.world.is_complete(&self.cast.shift)
    }

    async fn until_complete(&mut self) -> Result<(), Error> {
        self.until(Self::is_complete).await
    }

    async fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> Result<(), Error> {
        let end = self.world.clock().elapsed() + LIMIT;
        // The controller has not seen yet what was just done.
        self.beat().await?;
        while !is_so(self) {
            if self.world.clock().elapsed() >= end {
                let waiting =
                    self.shift().map(|shift| shift_state(&shift, self.world.now()).waiting).unwrap_or_default();
                return Err(Error::Stuck { minutes: LIMIT.as_secs() / 60, waiting });
            }
            self.beat().await?;
        }
        Ok(())
    }

    async fn rest(&mut self) -> Result<(), Error> {
        let end = self.world.clock().elapsed() + REST;
        while self.world.clock().elapsed() < end {
            self.beat().await?;
        }
        Ok(())
    }

    /// Lets a second pass, shows what it brought, and keeps the pace.
    async fn beat(&mut self) -> Result<(), Error> {
        self.world.run_for(BEAT).await;
        self.look()?;
        match &self.pace {
            Some(pace) if !pace.keep(self.played()) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }

    fn deed(&mut self, text: &str) -> io::Result<()> {
        self.show.tell(&News::Action { at: self.world.now(), text: text.to_owned() })
    }

    /// Looks at the world and shows it.
    fn look(&mut self) -> io::Result<()> {
        self.traffic.advance_to(self.world.now());
        for news in self.event_feed.news(&self.world) {
            self.show.tell(&news)?;
        }
        let shift = self.shift();
        let status = shift.as_ref().and_then(|shift| shift.status.as_ref());
        if let Some(run) = status.and_then(|status| status.run.as_ref()) {
            self.follow(run);
        }
        let scene = self.scene(shift.as_ref());
        self.show.show(&scene)
    }

    fn follow(&mut self, run: &Run) {
        let Some(part) = self.cast.sides.iter().find(|part| part.name == run.to) else { return };
        let Some(percent) = self.percent(part) else { return };
        if self.trails.last().is_none_or(|trail| trail.run != run.id) {
            self.trails.push(Trail { run: run.id, ..Trail::default() });
        }
        let Some(trail) = self.trails.last_mut().filter(|trail| !trail.is_over) else { return };
        // What comes after the end of a run is not its doing.
        trail.is_over = run.ended_at.is_some();
        if trail.weights.last() != Some(&percent) {
            trail.weights.push(percent);
        }
    }

    fn scene(&self, shift: Option<&TrafficShift>) -> Scene {
        let all = self.traffic.totals();
        let sides: Vec<Side> = self.cast.sides.iter().map(|part| self.side(part)).collect();
        Scene {
            now: self.world.now(),
            shift: shift.map(|shift| shift_state(shift, self.world.now())),
            sent: all.sent,
            failed: all.failed,
            rate_tenths: self.traffic.window(WINDOW_SECONDS).values().map(|lately| lately.sent).sum::<u64>() * 10
                / WINDOW_SECONDS,
            sides,
        }
    }

    fn side(&self, part: &Part) -> Side {
        let lately = self.traffic.window(WINDOW_SECONDS).get(&part.group).copied().unwrap_or_default();
        Side {
            name: part.name.clone(),
            weight_percent: self.percent(part),
            share_permille: self.traffic.shares_permille(WINDOW_SECONDS).get(&part.group).copied().unwrap_or(0),
            rate_tenths: lately.sent * 10 / WINDOW_SECONDS,
            failed: self.counts(part).failed,
            healthy: self.world.account().healthy(&part.group),
            targets: TARGETS,
        }
    }

    /// What the requests to an environment met so far.
    pub fn counts(&self, part: &Part) -> Counts {
        self.traffic.by_group().get(&part.group).copied().unwrap_or_default()
    }
}

fn shift_state(shift: &TrafficShift, now: Timestamp) -> ShiftState {
    let status = shift.status.clone().unwrap_or_default();
    ShiftState {
        name: shift.metadata.name.clone().unwrap_or_default(),
        to: shift.spec.to.clone(),
        phase: status.phase,
        step: status.run.map_or_else(|| "–".to_owned(), |run| run.progress),
        left_seconds: status.waiting.as_ref().and_then(|waiting| waiting.until).map(|until| seconds_left(now, until)),
        waiting: status.waiting.map(|waiting| waiting.message).unwrap_or_default(),
    }
}

fn seconds_left(now: Timestamp, until: Timestamp) -> i64 {
    now.duration_until(until).as_secs().max(0)
}
