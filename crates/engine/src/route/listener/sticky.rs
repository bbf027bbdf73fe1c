//! Group stickiness: what the spec says, what ELBv2 demands, and what was there before.
//!
//! ELBv2 refuses a weighted forward over groups that are sticky themselves unless the action is sticky too, and
//! application cookies do not work with weighted groups.

use jiff::Timestamp;
use weir_api::weighted_route::Stickiness;

use crate::Arn;
use crate::fact::{GroupAttributes, Reading, TargetStickiness};
use crate::reader::{Asked, Reader, all};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;

/// The stickiness that Weir sets while traffic is split over sticky groups and the spec says nothing.
pub(super) const WHILE_SHIFTING_SECONDS: i32 = 300;

/// The group stickiness of an action over `groups`, in seconds. `before` is what it had when the run began.
pub(super) fn seconds(
    spec: Option<&Stickiness>,
    groups: &[&Arn],
    before: Option<i32>,
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Result<Option<i32>, ReadyState>> {
    if groups.len() < 2 {
        return Some(Ok(spec.map_or(before, chosen)));
    }
    let (unrefuted, fresh) = (reader.unrefuted(), reader.fresh());
    let mut judge = |not_before| {
        let readings = all(groups.iter().map(|group| reader.attributes(group, not_before)))?;
        Some(judge(spec, groups, before, &readings))
    };
    // AWS refuses a split that is not sticky over groups that are.
    if let Ok(None) = judge(unrefuted)? {
        return Some(Ok(None));
    }
    match judge(not_before)? {
        Ok(seconds) => Some(Ok(seconds)),
        // What was in the way may be mended.
        Err(_) => judge(fresh),
    }
}

/// What the spec chooses, in seconds.
pub(super) fn chosen(spec: &Stickiness) -> Option<i32> {
    let duration = spec.duration.filter(|_| spec.enabled)?;
    Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX))
}

/// What the groups' own stickiness makes of what the spec says and of what was there before.
fn judge(
    spec: Option<&Stickiness>,
    groups: &[&Arn],
    before: Option<i32>,
    readings: &[Reading<'_, GroupAttributes>],
) -> Result<Option<i32>, ReadyState> {
    let mut sticky = None;
    for (group, reading) in groups.iter().zip(readings) {
        match reading.found.map(|attributes| attributes.stickiness) {
            Ok(TargetStickiness::Off) => {}
            Ok(TargetStickiness::Balancer) => sticky = Some(group),
            Ok(TargetStickiness::Application) => {
                let message = format!(
                    "{group} has stickiness by an application cookie, which does not work while traffic is split over \
                     several groups; switch the group to the balancer's own cookie (lb_cookie) or switch it off"
                );
                return Err(ReadyState::Stalled(because(Reason::ApplicationCookie, message)));
            }
            Err(error) => return Err(ReadyState::unreadable(error, &format!("the attributes of {group}"))),
        }
    }
    match (spec.map(chosen), sticky) {
        (Some(None), Some(group)) => {
            let message = format!(
                "spec.stickiness is off, but {group} has stickiness on, and ELBv2 then refuses a split without \
                 stickiness between groups; switch it off in the group or give spec.stickiness a duration"
            );
            Err(ReadyState::Stalled(because(Reason::StickinessDemanded, message)))
        }
        (Some(chosen), _) => Ok(chosen),
        (None, Some(_)) => Ok(before.or(Some(WHILE_SHIFTING_SECONDS))),
        (None, None) => Ok(before),
    }
}
