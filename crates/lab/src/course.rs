//! The courses that faults are let loose on: a stage and the releases that a user wishes on it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_sim::aws::TargetStickiness;

use crate::director::Site;
use crate::manifest;
use crate::stage::{self, BALANCER, ENTRY_POINT, PORT, environment, steps};
use crate::world::{Settings, World};

/// The priority of the rule of a course that moves one.
pub const PRIORITY: u32 = 10;
/// How long a run of a course may go without progress.
pub const DEADLINE: Duration = Duration::from_mins(10);
/// How many targets each environment has.
const TARGETS: u32 = 4;
/// How long a step takes beside its pause, generously.
const STEP: Duration = Duration::from_secs(10);
/// How long everything else takes: the start, clients that stick, the end.
const REST: Duration = Duration::from_mins(8);

/// A course.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Course {
    /// Where the traffic is split.
    pub place: Place,
    /// Whether the groups keep their clients.
    pub sticky: bool,
    /// The weights of the steps; the last one is 100.
    pub weights: Vec<u32>,
    /// How long the run rests at each step, in seconds.
    pub pause_s: u32,
    /// Whether the route undoes what others change.
    #[serde(default)]
    pub corrects: bool,
    /// The environments that the traffic is wished on, one after the other.
    pub releases: Vec<String>,
}

/// Where the traffic of a course is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// On the default action of a listener, which carries blue and is adopted; clients sign in first.
    DefaultAction,
    /// On a rule, which the first release makes.
    Rule,
}

impl Course {
    /// A release of twelve steps.
    pub fn release() -> Self {
        Self {
            place: Place::DefaultAction,
            sticky: false,
            corrects: false,
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
        Self { place: Place::Rule, releases: vec!["blue".to_owned(), "green".to_owned()], ..Self::short() }
    }

    /// A release between groups that keep their clients.
    pub fn sticky() -> Self {
        Self { sticky: true, weights: vec![50, 100], ..Self::release() }
    }

    /// The courses that are searched, with their names. A short release meets nothing that one of twelve steps does not.
    pub fn all() -> [(&'static str, Self); 3] {
        [
            ("a release of twelve steps", Self::release()),
            ("a first deployment", Self::first()),
            ("a release of sticky groups", Self::sticky()),
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
        let drift = if self.corrects { "drift: Correct" } else { "" };
        match self.place {
            Place::DefaultAction => stage::route("checkout", &["blue", "green"], drift),
            Place::Rule => stage::rule_route("checkout", &["blue", "green"], PRIORITY, drift),
        }
    }

    /// The manifests of everything but the wish.
    pub fn manifests(&self) -> String {
        [ENTRY_POINT.to_owned(), environment("blue"), environment("green"), self.route()].concat()
    }

    /// The world of a course without a controller.
    ///
    /// # Panics
    ///
    /// When the course's own manifests are refused, which is a bug.
    pub(crate) async fn set(&self, settings: Settings) -> World {
        let mut world = World::new(settings);
        let stickiness = if self.sticky { TargetStickiness::BalancerCookie } else { TargetStickiness::Off };
        for group in ["blue", "green"] {
            world.add_group(group, TARGETS, stickiness).expect("the groups of a course can be made");
        }
        let documents = manifest::parse(&self.manifests()).expect("the course's manifests are YAML");
        world.furnish_documents(&documents, TARGETS).expect("the course's manifests name what exists");
        if self.place == Place::DefaultAction {
            sign_in_and_forward(&world);
        }
        world.run_for(Duration::from_mins(2)).await;
        for document in documents {
            world.apply_document(document).expect("the course's manifests are valid");
        }
        world
    }

    /// Where faults find the place of the course.
    pub(crate) fn site(&self, world: &World) -> Site {
        Site {
            namespace: world.namespace().to_owned(),
            listener: world.account().listener_arn(BALANCER, PORT),
            priority: (self.place == Place::Rule).then_some(PRIORITY),
        }
    }
}

/// The tag of others on the listener.
pub(crate) const TEAM: (&str, &str) = ("team", "shop");

/// The listener asks clients to sign in and then sends them to blue; and it carries a tag of others.
fn sign_in_and_forward(world: &World) {
    let listener = world.account().listener_arn(BALANCER, PORT);
    let blue = world.account().group_arns()["blue"].clone();
    let oidc = "DefaultActions.member.1.AuthenticateOidcConfig";
    let action = [
        ("ListenerArn".to_owned(), listener.as_str()),
        ("DefaultActions.member.1.Type".to_owned(), "authenticate-oidc"),
        ("DefaultActions.member.1.Order".to_owned(), "1"),
        (format!("{oidc}.Issuer"), "https://id.shop.test"),
        (format!("{oidc}.AuthorizationEndpoint"), "https://id.shop.test/authorize"),
        (format!("{oidc}.TokenEndpoint"), "https://id.shop.test/token"),
        (format!("{oidc}.UserInfoEndpoint"), "https://id.shop.test/user"),
        (format!("{oidc}.ClientId"), "shop"),
        (format!("{oidc}.ClientSecret"), "known to AWS alone"),
        ("DefaultActions.member.2.Type".to_owned(), "forward"),
        ("DefaultActions.member.2.Order".to_owned(), "2"),
        ("DefaultActions.member.2.TargetGroupArn".to_owned(), &blue),
    ];
    let action: Vec<(&str, &str)> = action.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    world.aws().by_hand("ModifyListener", &action).expect("the listener of a course takes its actions");
    world.aws().add_tags(&listener, &[TEAM]).expect("the listener of a course takes a tag");
}
