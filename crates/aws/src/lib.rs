//! Typed reads and writes over the AWS SDK, in the engine's words.
//!
//! [`Accounts`] is the one door: it leads each question and each write to the [`Inventory`] of its account and
//! region, by the role that they are to be made with. An inventory answers the engine's questions from memory or by
//! calls that are shared and put together, and carries out the writes that the engine's guard has permitted. What may
//! be sent, and who goes first, is for the [`Budget`] of the account and region to say. Each kind of AWS failure is
//! told in one place (`errors`). Types of the SDK go in at construction and never come out.
//!
//! Invariants: a write is sent once, and again only where it is certain that nothing was done; it takes a
//! [`weir_engine::guard::Permit`]; what a write may have changed is forgotten before anyone can ask for it again. This crate does
//! not know Kubernetes, spawns nothing, and holds no global state: dropping the inventory and its futures leaves nothing behind.

mod accounts;
mod budget;
mod call;
mod cloudwatch;
mod elb;
mod errors;
mod inventory;
mod meter;
mod policy;
mod receipt;
mod route53;
mod session;
#[cfg(test)]
mod wire;

pub use accounts::{AccountRegion, Accounts};
pub use budget::{Budget, BudgetStatus, CallPriority, CallToken, Family};
pub use call::WRITE_TIME;
pub use inventory::{Inventory, NoRegion, ResyncReport, ResyncScope, Right, Sent};
pub use meter::{Call, Spent};
pub use policy::{Policy, Scope, ZoneName};
pub use receipt::Receipt;
