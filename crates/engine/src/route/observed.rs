//! What is seen of a route's place on AWS, in the terms that all kinds of places share.

use jiff::Timestamp;
use weir_api::weighted_route::{EnvironmentWeight, RunMemory};

use crate::backend::Members;
use crate::fact::Tags;
use crate::object::{Cluster, RouteObject};
use crate::tick::Context;

use super::target::{RunTarget, Target};

/// A route that is looked at, with all that decides about it.
#[derive(Clone, Copy)]
pub(super) struct Looked<'a> {
    pub context: &'a Context,
    pub cluster: &'a Cluster,
    pub route: &'a RouteObject,
    /// What is wanted of it.
    pub target: &'a Target<'a>,
    /// What the environments lend to it.
    pub members: &'a Members,
}

impl<'a> Looked<'a> {
    /// The run that moves the route.
    pub fn run(&self) -> Option<&'a RunTarget<'a>> {
        self.target.run()
    }

    /// Whether the traffic is going back.
    pub fn goes_back(&self) -> bool {
        self.run().is_some_and(RunTarget::goes_back)
    }
}

/// What was seen of a place.
pub(super) struct Observed {
    /// When it was read.
    pub read_at: Timestamp,
    /// Whether there is something that carries marks.
    pub exists: bool,
    /// Whether what was there is no more.
    pub is_gone: bool,
    /// The weights that are live, by environment.
    pub live: Vec<EnvironmentWeight>,
    /// The run that last ended, as AWS remembers it.
    pub last_run: Option<RunMemory>,
    /// What of what is live has not reached everybody yet.
    pub spreading: Option<Spreading>,
}

/// A change that AWS shows and that has not reached everybody yet.
pub(super) struct Spreading {
    /// How far it has come, in words.
    pub message: String,
    /// When to look again.
    pub wake: Timestamp,
}

/// The marks found on what splits the traffic.
pub(super) struct Marks {
    /// Whether they are this route's.
    pub is_ours: bool,
    /// The run that last ended.
    pub last_run: Option<RunMemory>,
    /// All tags that are there.
    pub tags: Tags,
}

impl Marks {
    /// Where there is nothing that could carry any.
    pub fn none() -> Self {
        Self { is_ours: false, last_run: None, tags: Tags::new() }
    }
}

/// What of a place is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// What splits the traffic there.
    Place,
    /// And what it was part of: it cannot be made there again.
    Whole,
}
