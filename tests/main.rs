//! The integration tests of Weir, as one program: the real test bed, and what the repository promises about itself.

#![allow(clippy::unwrap_used, reason = "this program is nothing but tests; clippy exempts only the test functions")]

mod bed;
mod chart;
mod conformance;
mod differential;
mod layout;
mod sim;
mod upgrades;
