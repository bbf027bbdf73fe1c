//! What AWS says to a write that it has taken.

use aws_types::request_id::RequestId;
use weir_engine::Arn;
use weir_engine::dns::ChangeId;

/// What AWS said to a write that it took. Whether the write took effect, the next reading tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The ID by which `CloudTrail` and the support of AWS know the request.
    pub request_id: Option<String>,
    /// What was made, where the write makes something.
    pub created: Option<Arn>,
    /// By what Route 53 tells how far it has come, where it was written there.
    pub change: Option<ChangeId>,
}

impl Receipt {
    /// The receipt of a write that makes nothing.
    pub(crate) fn of(taken: &impl RequestId) -> Self {
        Self { request_id: taken.request_id().map(str::to_owned), created: None, change: None }
    }
}
