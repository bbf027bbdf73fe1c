//! How many rules a balancer may hold: foreseen, so that a route says so before anything is written.

use crate::Arn;
use crate::fact::Rule;
use crate::object::EntryPointObject;
use crate::sight::{ANY_AGE, Sight};
use crate::standing::{Reason, because};

/// How many rules AWS allows for an Application Load Balancer by default, default rules not counted (quotas of
/// Application Load Balancers, adjustable).
pub const DEFAULT_RULES: i32 = 100;

/// Says why one more rule is too much for the balancer of an entry point. What cannot be counted now is left to AWS.
pub(super) fn exceeded(entry_point: Option<&EntryPointObject>, sight: &mut Sight<'_>) -> Option<Result<(), Reason>> {
    let Some(entry_point) = entry_point else { return Some(Ok(())) };
    let limit = entry_point.status.rules.as_ref().and_then(|rules| rules.limit).unwrap_or(DEFAULT_RULES);
    let Some(balancer) = entry_point.status.arn.as_deref().map(Arn::new) else { return Some(Ok(())) };
    let Ok(listeners) = &sight.listeners(&balancer, ANY_AGE)?.found else { return Some(Ok(())) };
    let readings: Vec<_> = listeners.iter().map(|listener| sight.rules(&listener.arn, ANY_AGE)).collect();
    let mut used = 0;
    for reading in readings {
        let Ok(rules) = &reading?.found else { return Some(Ok(())) };
        used += count(rules);
    }
    Some(if used < limit {
        Ok(())
    } else {
        let message = format!(
            "found {used} rules on the balancer of the EntryPoint {}; expected fewer than {limit}, which is all that AWS \
             allows it. Nothing was written. Delete rules that are not needed any more, have the quota \"Rules per \
             Application Load Balancer\" raised, or put the route on another balancer",
            entry_point.key
        );
        Err(because("TooManyRules", message))
    })
}

/// How many of the rules count: all but the default one.
pub fn count(rules: &[Rule]) -> i32 {
    i32::try_from(rules.iter().filter_map(|rule| rule.priority.number()).count()).unwrap_or(i32::MAX)
}
