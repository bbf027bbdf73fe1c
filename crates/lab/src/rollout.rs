//! The rollouts that faults are let loose on: a stage and the releases that a user wishes on it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_api::weighted_route::DriftPolicy;
use weir_sim::aws::TargetStickiness;

use crate::director::SplitLocation;
use crate::manifest;
use crate::provisioner::Provisioner;
use crate::stage::{self, ENTRY_POINT, environment, steps};
use crate::world::{Settings, World};

/// The priority of the rule of a rollout that moves one.
pub const PRIORITY: u32 = 10;
/// How long a run of a rollout may go without progress.
pub const DEADLINE: Duration = Duration::from_mins(10);
/// How many targets each environment has.
const TARGETS: u32 = 4;
/// How long a step takes beside its pause, generously.
const STEP: Duration = Duration::from_secs(10);
/// How long everything else takes: the start, clients that stick, the end.
const REST: Duration = Duration::from_mins(8);

/// A rollout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rollout {
    /// Where the traffic is split.
    pub place: SplitPoint,
    /// Whether the groups keep their clients.
    pub sticky: bool,
    /// The weights of the steps; the last one is 100.
    pub weights: Vec<u32>,
    /// How long the run rests at each step, in seconds.
    pub pause_s: u32,
    /// What the route does about what others change.
    #[serde(default)]
    pub drift: DriftPolicy,
    /// The environments that the traffic is wished on, one after the other.
    pub releases: Vec<String>,
}

/// Where the traffic of a rollout is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SplitPoint {
    /// On the default action of a listener, which carries blue and is adopted; clients sign in first.
    DefaultAction,
    /// On a rule, which the first release makes.
    Rule,
    /// On a rule that others have made, which carries blue and is adopted; clients sign in first.
    AdoptedRule,
}

impl Rollout {
    /// A release of twelve steps.
    pub fn release() -> Self {
        Self {
            place: SplitPoint::DefaultAction,
            sticky: false,
            drift: DriftPolicy::Alert,
            weights: vec![1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100],
            pause_s: 5,
            releases: vec!["green".to_owned()],
        }
    }

    /// A release of three steps.
    pub fn short() -> Self {
        Self { weights: vec![10, 50, 100], ..Self::release() }
    }

    /// A rule's first deployment, and a release after it.
    pub fn first() -> Self {
        Self { place: SplitPoint::Rule, releases: vec!["blue".to_owned(), "green".to_owned()], ..Self::short() }
    }

    /// A release on a rule that others have made.
    pub fn adopted() -> Self {
        Self { place: SplitPoint::AdoptedRule, ..Self::short() }
    }

    /// A release between groups that keep their clients.
    pub fn sticky() -> Self {
        Self { sticky: true, weights: vec![50, 100], ..Self::release() }
    }

    /// The rollouts that are searched, with their names. A short release meets nothing that one of twelve steps does not.
    pub fn all() -> [(&'static str, Self); 4] {
        [
            ("a release of twelve steps", Self::release()),
            ("a first deployment", Self::first()),
            ("a release of sticky groups", Self::sticky()),
            ("a release on a rule of others", Self::adopted()),
        ]
    }

    /// How long it takes at most while nothing goes wrong.
    pub fn length(&self) -> Duration {
        let steps = u32::try_from(self.weights.len()).unwrap_or(u32::MAX);
        let releases = u32::try_from(self.releases.len()).unwrap_or(u32::MAX);
        ((STEP + Duration::from_secs(self.pause_s.into())) * steps + REST) * releases
    }

    /// The wish for a release.
    pub fn wish(&self, to: &str) -> String {
        let deadline = format!("progressDeadline: {}m", DEADLINE.as_secs() / 60);
        stage::shift(to, &steps(&self.weights, &format!("{}s", self.pause_s)), &deadline)
    }

    fn route(&self) -> String {
        let (backends, drift) = (["blue", "green"], format!("drift: {:?}", self.drift));
        match self.place {
            SplitPoint::DefaultAction => stage::route("checkout", &backends, &drift),
            SplitPoint::Rule => stage::rule_route("checkout", &backends, PRIORITY, &drift),
            SplitPoint::AdoptedRule => {
                let route = stage::rule_route("checkout", &backends, PRIORITY, &drift);
                route.replace("spec:\n", "spec:\n  adopt: true\n")
            }
        }
    }

    /// The manifests of everything but the wish.
    pub fn manifests(&self) -> String {
        [ENTRY_POINT.to_owned(), environment("blue"), environment("green"), self.route()].concat()
    }

    /// The world of a rollout without a controller.
    ///
    /// # Panics
    ///
    /// When the rollout's own manifests are refused, which is a bug.
    pub(crate) async fn set(&self, settings: Settings) -> World {
        let mut world = World::new(settings);
        let stickiness = if self.sticky { TargetStickiness::BalancerCookie } else { TargetStickiness::Off };
        for group in ["blue", "green"] {
            world.add_group(group, TARGETS, stickiness).expect("the groups of a rollout can be made");
        }
        let documents = manifest::parse(&self.manifests()).expect("the rollout's manifests are YAML");
        let mistakes = world.furnish_documents(&documents, TARGETS);
        assert!(mistakes.is_empty(), "the rollout's manifests name what exists: {mistakes:?}");
        let provisioner = Provisioner::new(world.aws(), self.place);
        if provisioner.is_his() {
            provisioner.write().expect("AWS takes what the provisioner of a rollout writes");
            let place = provisioner.found().expect("what was just written is there");
            world.aws().add_tags(&place, &[TEAM]).expect("the place of a rollout takes a tag");
        }
        world.run_for(Duration::from_mins(2)).await;
        for document in documents {
            world.apply_document(document).expect("the rollout's manifests are valid");
        }
        world
    }

    /// Where faults find the place of the rollout.
    pub(crate) fn location(&self, world: &World) -> SplitLocation {
        SplitLocation { namespace: world.namespace().to_owned(), place: self.place }
    }
}

/// The tag of others on the place that they have made.
pub(crate) const TEAM: (&str, &str) = ("team", "shop");
