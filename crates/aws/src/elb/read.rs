//! The reads of ELBv2.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::TagDescription;
use weir_engine::Arn;
use weir_engine::fact::{
    AwsError, Balancer, BalancerAttributes, By, GroupAttributes, Health, Listener, Rule, Tags, TargetGroup,
};
use weir_engine::forecast::{Limits, Quota};

use super::{Elb, shapes};
use crate::budget::CallToken;
use crate::errors::{Effect, nonsense};

/// How many pages of a list are followed before it counts as one that has no end.
const MAX_PAGES: usize = 100;
/// The largest page of ELBv2, so that a list costs one call.
const PAGE_SIZE: i32 = 400;

impl Elb {
    /// Balancers by ARN or by name, all named in the same way. What does not exist fails the whole call.
    pub(crate) async fn balancers(&self, by: &[By], call_token: &mut CallToken) -> Result<Vec<Balancer>, AwsError> {
        const OPERATION: &str = "DescribeLoadBalancers";
        let (arns, names) = split(by);
        let found = pages(OPERATION, async |marker| {
            let request = self.reader.describe_load_balancers().set_load_balancer_arns(arns.clone());
            let request = request.set_names(names.clone()).set_marker(marker);
            let send = |attempts| request.clone().customize().interceptor(attempts).send();
            let page = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
            Ok((page.load_balancers.unwrap_or_default(), page.next_marker))
        });
        found.await?.iter().map(|balancer| shapes::balancer(OPERATION, balancer)).collect()
    }

    /// All listeners of a balancer.
    pub(crate) async fn listeners(
        &self,
        balancer: &Arn,
        call_token: &mut CallToken,
    ) -> Result<Vec<Listener>, AwsError> {
        const OPERATION: &str = "DescribeListeners";
        let found = pages(OPERATION, async |marker| {
            let request = self.reader.describe_listeners().load_balancer_arn(balancer.as_str());
            let request = request.page_size(PAGE_SIZE).set_marker(marker);
            let send = |attempts| request.clone().customize().interceptor(attempts).send();
            let page = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
            Ok((page.listeners.unwrap_or_default(), page.next_marker))
        });
        shapes::listeners(OPERATION, &found.await?)
    }

    /// All rules of a listener, the default one included.
    pub(crate) async fn rules(&self, listener: &Arn, call_token: &mut CallToken) -> Result<Vec<Rule>, AwsError> {
        const OPERATION: &str = "DescribeRules";
        let found = pages(OPERATION, async |marker| {
            let request = self.reader.describe_rules().listener_arn(listener.as_str());
            let request = request.page_size(PAGE_SIZE).set_marker(marker);
            let send = |attempts| request.clone().customize().interceptor(attempts).send();
            let page = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
            Ok((page.rules.unwrap_or_default(), page.next_marker))
        });
        shapes::rules(OPERATION, &found.await?)
    }

    /// Target groups by ARN or by name, all named in the same way. What does not exist fails the whole call.
    pub(crate) async fn groups(&self, by: &[By], call_token: &mut CallToken) -> Result<Vec<TargetGroup>, AwsError> {
        const OPERATION: &str = "DescribeTargetGroups";
        let (arns, names) = split(by);
        let found = pages(OPERATION, async |marker| {
            let request = self.reader.describe_target_groups().set_target_group_arns(arns.clone());
            let request = request.set_names(names.clone()).set_marker(marker);
            let send = |attempts| request.clone().customize().interceptor(attempts).send();
            let page = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
            Ok((page.target_groups.unwrap_or_default(), page.next_marker))
        });
        found.await?.iter().map(|group| shapes::group(OPERATION, group)).collect()
    }

    /// The attributes of a balancer.
    pub(crate) async fn balancer_attributes(
        &self,
        balancer: &Arn,
        call_token: &mut CallToken,
    ) -> Result<BalancerAttributes, AwsError> {
        let request = self.reader.describe_load_balancer_attributes().load_balancer_arn(balancer.as_str());
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let answer = self.caller.call("DescribeLoadBalancerAttributes", Effect::Read, call_token, send).await?;
        Ok(shapes::balancer_attributes(answer.attributes()))
    }

    /// The attributes of a target group.
    pub(crate) async fn attributes(
        &self,
        group: &Arn,
        call_token: &mut CallToken,
    ) -> Result<GroupAttributes, AwsError> {
        let request = self.reader.describe_target_group_attributes().target_group_arn(group.as_str());
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let answer = self.caller.call("DescribeTargetGroupAttributes", Effect::Read, call_token, send).await?;
        Ok(shapes::attributes(answer.attributes()))
    }

    /// The health of all targets of a group.
    pub(crate) async fn health(&self, group: &Arn, call_token: &mut CallToken) -> Result<Health, AwsError> {
        let request = self.reader.describe_target_health().target_group_arn(group.as_str());
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let answer = self.caller.call("DescribeTargetHealth", Effect::Read, call_token, send).await?;
        Ok(shapes::health(answer.target_health_descriptions()))
    }

    /// The quotas of the account that forecasts count against.
    pub(crate) async fn limits(&self, call_token: &mut CallToken) -> Result<Limits, AwsError> {
        const OPERATION: &str = "DescribeAccountLimits";
        let found = pages(OPERATION, async |marker| {
            let request = self.reader.describe_account_limits().page_size(PAGE_SIZE).set_marker(marker);
            let send = |attempts| request.clone().customize().interceptor(attempts).send();
            let page = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
            Ok((page.limits.unwrap_or_default(), page.next_marker))
        });
        let found = found.await?;
        let limit = |quota: Quota| {
            let limit = found.iter().find(|limit| limit.name() == Some(quota.name()))?;
            Some((quota, limit.max()?.parse().ok()?))
        };
        Ok(Quota::ALL.into_iter().filter_map(limit).collect())
    }

    /// The tags of up to twenty resources. What does not exist fails the whole call.
    pub(crate) async fn tags(
        &self,
        resources: &[Arn],
        call_token: &mut CallToken,
    ) -> Result<BTreeMap<Arn, Tags>, AwsError> {
        let arns = resources.iter().map(|arn| arn.as_str().to_owned()).collect();
        let request = self.reader.describe_tags().set_resource_arns(Some(arns));
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let answer = self.caller.call("DescribeTags", Effect::Read, call_token, send).await?;
        let one = |description: &TagDescription| {
            let arn = Arn::new(description.resource_arn()?);
            let tags = description.tags().iter();
            let tags = tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())));
            Some((arn, tags.collect()))
        };
        Ok(answer.tag_descriptions().iter().filter_map(one).collect())
    }
}

/// The ARNs and the names, each as the SDK wants them: not at all rather than empty, which would ask for everything.
fn split(by: &[By]) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let (mut arns, mut names) = (Vec::new(), Vec::new());
    for by in by {
        match by {
            By::Arn(arn) => arns.push(arn.as_str().to_owned()),
            By::Name(name) => names.push(name.clone()),
        }
    }
    let some = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
    (some(arns), some(names))
}

/// Follows a list to its end.
async fn pages<T>(
    operation: &'static str,
    mut read: impl AsyncFnMut(Option<String>) -> Result<(Vec<T>, Option<String>), AwsError>,
) -> Result<Vec<T>, AwsError> {
    let mut all = Vec::new();
    let mut marker = None;
    for _ in 0..MAX_PAGES {
        let (page, next) = read(marker.clone()).await?;
        all.extend(page);
        match next.filter(|next| !next.is_empty()) {
            None => return Ok(all),
            next if next == marker => break,
            next => marker = next,
        }
    }
    Err(nonsense(operation, format!("the list did not end within {MAX_PAGES} pages, {} items were read", all.len())))
}
