//! What is told about each call to AWS, so that it can be counted.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_elasticloadbalancingv2::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_elasticloadbalancingv2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_elasticloadbalancingv2::error::BoxError;
use jiff::{SignedDuration, Timestamp};
use weir_engine::fact::ErrorKind;
use weir_engine::tick::Urgency;

use crate::budget::Family;

/// Tells the present instant.
pub(crate) type Clock = Rc<dyn Fn() -> Timestamp>;

/// Is told of each call once it has ended.
pub(crate) type Meter = Rc<dyn Fn(Call)>;

/// One call of an operation, with all its attempts. Each page of a list is a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The service, for example `elbv2`.
    pub service: &'static str,
    /// The operation, for example `DescribeRules`.
    pub operation: &'static str,
    /// How it ended.
    pub outcome: Result<(), ErrorKind>,
    /// How many requests were sent: more than one when it was tried again, none when none could be sent.
    pub attempts: u32,
    /// What it took from the call budget, where that holds for it.
    pub spent: Option<Spent>,
    /// How long it took, waiting included.
    pub took: SignedDuration,
}

/// What a call took from the call budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The family from whose bucket it took a token for each request.
    pub family: Family,
    /// How urgent it was when it ended.
    pub urgency: Urgency,
    /// How long it waited for tokens.
    pub waited: SignedDuration,
    /// How many of its requests AWS throttled.
    pub throttled: u32,
}

impl Call {
    /// The outcome as one word: `Ok` or the kind of failure.
    pub fn outcome_word(&self) -> &'static str {
        match self.outcome {
            Ok(()) => "Ok",
            Err(kind) => kind.word(),
        }
    }

    /// Whether it was to change records, and AWS has refused it for what was in it.
    pub fn is_refused_batch(&self) -> bool {
        let is_for_content = matches!(self.outcome, Err(ErrorKind::Conflict | ErrorKind::Invalid));
        is_for_content && self.operation == crate::route53::CHANGE
    }
}

/// Counts the requests that one call really sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(Arc<AtomicU32>);

impl Attempts {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "weir::Attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
