//! The writes of ELBv2: absolute values, sent once.

use aws_sdk_elasticloadbalancingv2::types::{Action as SdkAction, Tag};
use weir_engine::Arn;
use weir_engine::fact::{Action, AwsError, ErrorKind, Tags};
use weir_engine::write::{ListenerWrite, TagWrite};

use super::{Elb, actions, conditions};
use crate::budget::CallToken;
use crate::errors::Effect;
use crate::receipt::Receipt;

impl Elb {
    /// Carries out one write to a listener. The token has been acquired.
    pub(crate) async fn write(&self, write: &ListenerWrite, call_token: &mut CallToken) -> Result<Receipt, AwsError> {
        let operation = write.operation();
        match write {
            ListenerWrite::CreateRule { listener, priority, conditions, forward, tags } => {
                let conditions = conditions::write(conditions).map_err(|field| {
                    refuse(
                        operation,
                        format!(
                            "a condition on {field} cannot be written; expected host-header, path-pattern, http-header, \
                             http-request-method, query-string or source-ip"
                        ),
                    )
                })?;
                let request = self.writer.create_rule().listener_arn(listener.as_str()).priority(*priority);
                let request = request.set_conditions(Some(conditions)).actions(actions::forward_only(forward));
                let request = request.set_tags(Some(sdk_tags(tags)));
                let send = |attempts| request.clone().customize().interceptor(attempts).send();
                let made = self.caller.call(operation, Effect::Write, call_token, send).await?;
                let rule = made.rules().first().and_then(|rule| rule.rule_arn());
                Ok(Receipt { created: rule.map(Arn::new), ..Receipt::of(&made) })
            }
            ListenerWrite::SetRuleActions { rule, actions, .. } => {
                let request = self.writer.modify_rule().rule_arn(rule.as_str());
                let request = request.set_actions(Some(sdk_actions(operation, actions)?));
                let send = |attempts| request.clone().customize().interceptor(attempts).send();
                self.caller.call(operation, Effect::Write, call_token, send).await.map(|taken| Receipt::of(&taken))
            }
            ListenerWrite::SetDefaultActions { listener, actions } => {
                let request = self.writer.modify_listener().listener_arn(listener.as_str());
                let request = request.set_default_actions(Some(sdk_actions(operation, actions)?));
                let send = |attempts| request.clone().customize().interceptor(attempts).send();
                self.caller.call(operation, Effect::Write, call_token, send).await.map(|taken| Receipt::of(&taken))
            }
            ListenerWrite::DeleteRule { rule, .. } => {
                let request = self.writer.delete_rule().rule_arn(rule.as_str());
                let send = |attempts| request.clone().customize().interceptor(attempts).send();
                self.caller.call(operation, Effect::Write, call_token, send).await.map(|taken| Receipt::of(&taken))
            }
        }
    }

    /// Carries out one write of tags. The token has been acquired.
    pub(crate) async fn tag(&self, write: &TagWrite, call_token: &mut CallToken) -> Result<Receipt, AwsError> {
        let operation = write.operation();
        match write {
            TagWrite::Add { resource, tags } => {
                let request = self.writer.add_tags().resource_arns(resource.as_str());
                let request = request.set_tags(Some(sdk_tags(tags)));
                let send = |attempts| request.clone().customize().interceptor(attempts).send();
                self.caller.call(operation, Effect::Write, call_token, send).await.map(|taken| Receipt::of(&taken))
            }
            TagWrite::Remove { resource, keys } => {
                let request = self.writer.remove_tags().resource_arns(resource.as_str());
                let request = request.set_tag_keys(Some(keys.iter().cloned().collect()));
                let send = |attempts| request.clone().customize().interceptor(attempts).send();
                self.caller.call(operation, Effect::Write, call_token, send).await.map(|taken| Receipt::of(&taken))
            }
        }
    }
}

fn sdk_actions(operation: &'static str, actions: &[Action]) -> Result<Vec<SdkAction>, AwsError> {
    actions::write(actions).map_err(|kind| {
        refuse(operation, format!("an action of type {kind:?} is not understood and cannot be written"))
    })
}

fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// A write that is not sent.
fn refuse(operation: &'static str, message: String) -> AwsError {
    AwsError { kind: ErrorKind::Invalid, operation: operation.to_owned(), message }
}
