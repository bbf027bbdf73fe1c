//! Decisions and wires where no bug can be planted: the engine's own, and wires that change nothing.

use std::time::Duration;

use bytes::Bytes;
use http::Request;

/// The engine's decisions.
pub(crate) type Wrongly = weir_controller::Weir;

/// What a wire remembers.
#[derive(Debug, Default)]
pub(crate) struct Tampered;

/// How often a read is sent besides.
pub(crate) fn copies(_is_write: bool) -> u32 {
    0
}

/// How long after a write a worker makes it again.
pub(crate) fn worker_delay(_operation: &str) -> Option<Duration> {
    None
}

/// How often a write that was refused is sent again.
pub(crate) fn retries() -> u32 {
    0
}

/// The request as it is sent.
pub(crate) fn tamper_request(request: Request<Bytes>) -> Request<Bytes> {
    request
}

/// The answer to a read as it comes back.
pub(crate) fn tamper_answer(_tampered: &mut Tampered, _operation: &str, _question: &str, body: Bytes) -> Bytes {
    body
}

impl Tampered {
    /// A write was made.
    #[expect(clippy::unused_self, reason = "a wire that changes nothing has nothing to remember")]
    pub fn written(&mut self, _operation: &str) {}
}
