//! An account on AWS, in the hands of whoever sets a world up and looks at it.
//!
//! Everything that depends on the control functions of the simulated AWS stands here and in the wires.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use weir_sim::aws::{
    AppBehaviour, Aws, GroupSettings, HealthChecks, Refusal, RuleAction, TargetKey, TargetState, TargetStickiness,
};

use crate::evidence::{Call, Weights};
use crate::furniture::{self, Mistake};
use crate::manifest::of_kind;

/// How the targets of the groups made here are checked: often, so that scenarios are short.
const CHECKS: HealthChecks = HealthChecks {
    enabled: true,
    interval_seconds: 10,
    timeout_seconds: 5,
    healthy_threshold: 3,
    unhealthy_threshold: 2,
    by_connection: false,
    joining_threshold: None,
};

/// The account of a simulated AWS in which balancers, listeners and target groups are made.
#[derive(Debug)]
pub struct Account {
    aws: Arc<Aws>,
}

impl Account {
    /// The account that an AWS is seen from.
    pub fn new(aws: &Arc<Aws>) -> Self {
        Self { aws: Arc::clone(aws) }
    }

    /// The AWS that it is an account of.
    pub(crate) fn aws(&self) -> Arc<Aws> {
        Arc::clone(&self.aws)
    }

    /// Makes what documents expect to exist by name, unless it is there: balancers with their listeners, target groups with so
    /// many targets, and zones. Names that routes adopt lead to what carries the traffic before anything moves. The error is
    /// what cannot be made.
    pub fn furnish(&mut self, documents: &[Value], targets: u32) -> Result<(), Mistake> {
        let mistakes = furniture::furnish(documents, targets, |_| Arc::clone(&self.aws));
        if let Some(mistake) = mistakes.into_iter().next() {
            return Err(mistake);
        }
        for route in of_kind(documents, "WeightedRoute") {
            if let Some(environment) = furniture::first_backend(documents, route) {
                furniture::lead(&self.aws, documents, route, environment);
            }
        }
        Ok(())
    }

    /// Makes a target group with so many targets, `i-<group>-1` and so on, unless there is one of that name.
    pub fn add_group(&mut self, name: &str, targets: u32, stickiness: TargetStickiness) -> Result<(), String> {
        if self.aws.group_arn(name).is_some() {
            return Ok(());
        }
        make_group(&self.aws, name, targets, stickiness).map_err(|refusal| refusal.to_string())
    }

    /// Makes a target group for a Lambda function without health checks, unless there is one of that name.
    pub fn add_function(&mut self, name: &str) -> Result<(), String> {
        if self.aws.group_arn(name).is_some() {
            return Ok(());
        }
        let function = format!("arn:aws:lambda:{}:123456789012:function:{name}", self.aws.region());
        let made = self.aws.add_target_group(GroupSettings::lambda(name), &[(&function, 0)]);
        made.map(drop).map_err(|refusal| refusal.to_string())
    }

    /// The ARN of a listener.
    ///
    /// # Panics
    ///
    /// When there is no such listener.
    pub fn listener_arn(&self, balancer: &str, port: u16) -> String {
        let listener = self.aws.listener_arn(balancer, port);
        listener.unwrap_or_else(|| panic!("{balancer} has no listener on port {port}"))
    }

    /// Calls AWS as somebody other than Weir does, and returns the body of the answer; the error is that of an answer
    /// which is none of success.
    pub async fn call(&self, operation: &str, form: &[(String, String)]) -> Result<String, String> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("Action", operation).append_pair("Version", "2015-12-01");
        body.extend_pairs(form);
        let scope = format!("somebody/20260101/{}/elasticloadbalancing/aws4_request", self.aws.region());
        let request = http::Request::post("/")
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
            .body(Bytes::from(body.finish()))
            .map_err(|error| error.to_string())?;
        let answer = self.aws.handle(request).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        if answer.status().is_success() { Ok(text) } else { Err(text) }
    }

    /// The ARN of a rule by its priority.
    pub fn rule_arn(&self, balancer: &str, port: u16, priority: u32) -> Option<String> {
        self.aws.rule_arns(&self.listener_arn(balancer, port)).remove(&priority)
    }

    /// Sends the default traffic of a listener to groups by weight, as a person in the console does.
    ///
    /// # Panics
    ///
    /// When AWS refuses it.
    pub fn forward(&self, balancer: &str, port: u16, weights: &[(&str, u32)]) {
        let listener = self.listener_arn(balancer, port);
        let done = self.aws.edit_action(&listener, &RuleAction::forward(weights));
        done.unwrap_or_else(|refusal| panic!("AWS refuses to forward to {weights:?}: {refusal}"));
    }

    /// The live weights of a listener's default action, by name of the group.
    pub fn weights(&self, balancer: &str, port: u16) -> Weights {
        self.aws.weights(&self.listener_arn(balancer, port))
    }

    /// The live weights of a rule, by name of the group; nothing where there is no such rule.
    pub fn rule_weights(&self, balancer: &str, port: u16, priority: u32) -> Weights {
        self.rule_arn(balancer, port, priority).map(|rule| self.aws.weights(&rule)).unwrap_or_default()
    }

    /// The tags of a listener.
    pub fn listener_tags(&self, balancer: &str, port: u16) -> BTreeMap<String, String> {
        self.aws.tags(&self.listener_arn(balancer, port))
    }

    /// Breaks the application on the first `count` targets of a group.
    pub fn break_targets(&self, group: &str, count: usize) {
        self.set_app(group, count, AppBehaviour::broken());
    }

    /// Deregisters all targets of a group.
    pub(crate) fn empty(&self, group: &str) {
        deregister_all(&self.aws, group);
    }

    /// Mends the application on all targets of a group.
    pub fn mend_targets(&self, group: &str) {
        self.set_app(group, usize::MAX, AppBehaviour::well());
    }

    /// # Panics
    ///
    /// When there is no such group.
    fn set_app(&self, group: &str, count: usize, app: AppBehaviour) {
        for (target, _) in self.aws.health(group).into_iter().take(count) {
            let done = self.aws.set_app_on(group, &target.id, app);
            done.unwrap_or_else(|refusal| panic!("the targets of {group} cannot be changed: {refusal}"));
        }
    }

    /// How many targets of a group are healthy.
    pub fn healthy(&self, group: &str) -> u32 {
        count(self.aws.health(group))
    }

    /// How many targets of a group were healthy, from which instant on.
    pub(crate) fn healthy_counts(&self, group: &str) -> Vec<(Timestamp, u32)> {
        self.aws.healthy_counts(group)
    }

    /// How many targets of a group were healthy at a past instant.
    pub fn healthy_at(&self, group: &str, at: Timestamp) -> u32 {
        count(self.aws.health_at(group, at))
    }

    /// The names of all groups that there are or were.
    pub fn groups(&self) -> BTreeSet<String> {
        self.group_names().into_values().collect()
    }

    /// The names of all groups that there are or were, by ARN.
    pub(crate) fn group_names(&self) -> BTreeMap<String, String> {
        self.aws.groups_ever()
    }

    /// The ARNs of all groups, by name.
    pub fn group_arns(&self) -> BTreeMap<String, String> {
        let with_arn = |name: String| Some((name.clone(), self.aws.group_arn(&name)?));
        self.groups().into_iter().filter_map(with_arn).collect()
    }

    /// Every call that AWS has answered.
    pub fn calls(&self) -> Vec<Call> {
        let call = |call: weir_sim::aws::Call| Call {
            at: call.at,
            operation: call.operation.to_owned(),
            write: call.write,
            resources: call.resources.iter().map(ToString::to_string).collect(),
            changes: call.changes,
            code: call.outcome.to_owned(),
        };
        self.aws.calls().into_iter().map(call).collect()
    }
}

/// Makes a target group with so many targets, `i-<group>-1` and so on.
pub(crate) fn make_group(aws: &Aws, name: &str, targets: u32, stickiness: TargetStickiness) -> Result<(), Refusal> {
    let ids: Vec<String> = (1..=targets).map(|number| format!("i-{name}-{number}")).collect();
    let settings = GroupSettings { checks: Some(CHECKS), stickiness, ..GroupSettings::named(name) };
    let targets: Vec<(&str, u16)> = ids.iter().map(|id| (id.as_str(), settings.port)).collect();
    aws.add_target_group(settings, &targets).map(drop)
}

/// Makes a listener, of HTTPS on port 443 and of HTTP on any other; its ARN.
pub(crate) fn make_listener(aws: &Aws, balancer: &str, port: u16, action: &RuleAction) -> Result<String, Refusal> {
    let protocol = if port == 443 { "HTTPS" } else { "HTTP" };
    aws.add_listener(balancer, protocol, port, action)
}

/// Deregisters all targets of a group, if there is one, and says which they were.
pub(crate) fn deregister_all(aws: &Aws, group: &str) -> Vec<TargetKey> {
    let targets: Vec<TargetKey> = aws.health(group).into_keys().collect();
    let Some(arn) = aws.group_arn(group) else { return targets };
    for target in &targets {
        let port = target.port.to_string();
        let parameters =
            [("TargetGroupArn", arn.as_str()), ("Targets.member.1.Id", &target.id), ("Targets.member.1.Port", &port)];
        let gone = aws.by_hand("DeregisterTargets", &parameters);
        debug_assert!(gone.is_ok(), "{gone:?}");
    }
    targets
}

/// How many targets take requests.
fn count<K>(targets: BTreeMap<K, TargetState>) -> u32 {
    let takes = |state: &&TargetState| matches!(state, TargetState::Healthy | TargetState::Unchecked);
    let healthy = targets.values().filter(takes).count();
    u32::try_from(healthy).unwrap_or(u32::MAX)
}
