//! The conformance suite: what Weir promises its users, tried on every test bed that can judge it.
//!
//! Each case is written once, against [`Bed`]. It runs on the simulator in virtual time, on a real API server with the
//! simulated AWS, and on a real API server with moto and `weir run` as a process of its own; what a stand-in gets wrong,
//! another one shows. A case has a namespace and a balancer of its own, so that cases run side by side.

#![expect(clippy::unwrap_used, reason = "a case that cannot go on has failed")]

/// Makes a test of a case for each of the test beds that can judge it.
macro_rules! on_beds {
    ($case:ident: $($bed:ident),+) => {
        mod $case {
            $(
                #[test]
                fn $bed() {
                    crate::conformance::$bed::open(|bed| super::$case(bed));
                }
            )+
        }
    };
}

mod account;
mod accounts;
mod advice;
mod bed;
mod change;
mod cluster;
mod counts;
mod deletions;
mod examples;
mod gitops;
mod installations;
mod kubernetes;
mod leaders;
mod life;
mod losses;
mod manifests;
mod mistakes;
mod names;
mod pauses;
mod printed;
mod process;
mod refusals;
mod releases;
mod returns;
mod shared;
mod simulator;
mod stacks;
mod waves;
mod weights;

pub(crate) use kubernetes::{Kubernetes, client, define_kinds, install_kinds};
pub(crate) use process::{Listener, add_balancer, add_group, address, get};
