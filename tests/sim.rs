//! `weir sim` judged by tools that nobody here wrote: kubectl, the AWS CLI and boto3, which validate what they are told;
//! and by `weir run` as a second process.

#![expect(clippy::unwrap_used, reason = "a case that cannot go on has failed")]

mod aws;
mod control;
mod examples;
mod kubectl;
mod mistakes;
mod plan;
mod release;
pub(crate) mod shell;
