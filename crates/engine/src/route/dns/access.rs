//! By which access a name is looked at, and whether its namespace may have it.

use crate::access::Access;
use crate::grant::{Grants, Subject};
use crate::ready_state::Explanation;

use super::DnsRoute;

/// The access of a route of a name: the controller's own, since Route 53 is the same in all regions. The reason says why the
/// namespace may not have the name.
pub(in crate::route) fn access(grants: &Grants, route: DnsRoute<'_>) -> Result<Access, Explanation> {
    let place = format!("{}/{}", route.zone(), route.name());
    grants.refusal(&route.key.namespace, Subject::Zone, &place).map_or_else(|| Ok(Access::default()), Err)
}
