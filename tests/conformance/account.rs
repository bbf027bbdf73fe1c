//! The AWS half of the beds with the simulated AWS: the stage in it, looked at and changed as an operator does.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_sim::aws::{AppBehaviour, Aws, GroupSettings, HealthChecks, RuleAction, TargetState};

use super::bed::{ENVIRONMENTS, PORT, Place, SMOKE_PORT, TARGETS, Weights};

/// Often, since on one of the beds time is real.
const CHECKS: HealthChecks = HealthChecks {
    enabled: true,
    interval_seconds: 1,
    timeout_seconds: 1,
    healthy_threshold: 2,
    unhealthy_threshold: 2,
    by_connection: false,
    joining_threshold: Some(1),
};

/// How the names of a case begin on AWS; each case has an AWS of its own.
const PREFIX: &str = "c";

/// The name of a thing of the stage.
pub(crate) fn name(of: &str) -> String {
    format!("{PREFIX}-{of}")
}

/// The stage in a simulated AWS.
pub(crate) struct Account {
    aws: Arc<Aws>,
    listener: String,
}

impl Account {
    /// Sets the stage.
    pub(crate) fn furnish(aws: &Arc<Aws>) -> Self {
        let balancer = name("public");
        aws.add_balancer(&balancer).unwrap();
        let groups = ENVIRONMENTS.map(name);
        for group in &groups {
            let settings = GroupSettings { checks: Some(CHECKS), ..GroupSettings::named(group) };
            let ids: Vec<String> = (1..=TARGETS).map(|number| format!("i-{group}-{number}")).collect();
            let targets: Vec<(&str, u16)> = ids.iter().map(|id| (id.as_str(), settings.port)).collect();
            aws.add_target_group(settings, &targets).unwrap();
        }
        let everything: Vec<(&str, u32)> = groups.iter().map(|group| (group.as_str(), 1)).collect();
        aws.add_listener(&balancer, "HTTP", SMOKE_PORT, &RuleAction::forward(&everything)).unwrap();
        let carried = RuleAction::forward(&[(&name("blue"), 100)]);
        let listener = aws.add_listener(&balancer, "HTTP", PORT, &carried).unwrap();
        Self { aws: Arc::clone(aws), listener }
    }

    /// Whether all targets are healthy.
    pub(crate) fn is_healthy(&self) -> bool {
        ENVIRONMENTS.iter().all(|environment| self.healthy(environment) == TARGETS)
    }

    /// How many targets of an environment are healthy.
    pub(crate) fn healthy(&self, environment: &str) -> usize {
        let states = self.aws.health(&name(environment)).into_values();
        states.filter(|state| *state == TargetState::Healthy).count()
    }

    pub(crate) fn live(&self, place: Place) -> Weights {
        let weights = self.place(place).map(|place| self.aws.weights(&place)).unwrap_or_default();
        let environment = |group: &str| ENVIRONMENTS.into_iter().find(|environment| name(environment) == group);
        weights.into_iter().map(|(group, weight)| (environment(&group).unwrap().to_owned(), weight)).collect()
    }

    pub(crate) fn tags(&self, place: Place) -> BTreeMap<String, String> {
        self.place(place).map(|place| self.aws.tags(&place)).unwrap_or_default()
    }

    pub(crate) fn edit(&self, place: Place, weights: &[(&str, u32)]) {
        let place = self.place(place).expect("the place exists");
        let weights: Vec<(String, u32)> =
            weights.iter().map(|(environment, weight)| (name(environment), *weight)).collect();
        let weights: Vec<(&str, u32)> = weights.iter().map(|(group, weight)| (group.as_str(), *weight)).collect();
        self.aws.edit_weights(&place, &weights).unwrap();
    }

    pub(crate) fn break_targets(&self, environment: &str, count: usize) {
        let group = name(environment);
        for target in self.aws.health(&group).into_keys().take(count) {
            self.aws.set_app_on(&group, &target.id, AppBehaviour::broken()).unwrap();
        }
    }

    fn place(&self, place: Place) -> Option<String> {
        match place {
            Place::Default => Some(self.listener.clone()),
            Place::Rule(priority) => self.aws.rule_arns(&self.listener).remove(&priority),
        }
    }
}
