//! A user's own manifests in a world that is made to fit them: the real controllers, clients, accidents, and the judges.
//!
//! Each seed is played twice where accidents are wanted: without any, which tells how many requests there are, and with
//! those that are drawn for it. The same seed and manifests play the same.

mod accidents;
mod clients;
mod coverage;
mod manifests;
mod play;
mod stage;

use serde::Serialize;
use serde_json::Value;
use weir_engine::forecast::{Forecast, Question};

use crate::timeline::timeline;
use crate::world_file::WorldFile;

pub use accidents::Accidents;
pub use play::{Play, ShiftEnd};

use manifests::Manifests;

/// Manifests that can be played.
#[derive(Debug)]
pub struct Simulation {
    manifests: Manifests,
    world: Option<WorldFile>,
}

/// How often a world of a seed was played: without accidents, and with them where there are any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seed {
    /// From which all chance was drawn.
    pub seed: u64,
    /// Without accidents.
    pub undisturbed: Play,
    /// With them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disturbed: Option<Play>,
}

impl Seed {
    /// Both plays.
    pub fn plays(&self) -> impl Iterator<Item = &Play> {
        std::iter::once(&self.undisturbed).chain(&self.disturbed)
    }

    /// Whether every shift ended as its manifest wants where nothing befell it, and no invariant was broken anywhere.
    pub fn is_good(&self) -> bool {
        self.undisturbed.is_as_wished() && self.plays().all(|play| play.broken.is_empty())
    }
}

impl Simulation {
    /// Manifests of Weir, each document with the name of its file, in a world made to fit them or, as far as it says
    /// something, in the one of a file. The errors are all the mistakes that were found, each with what to write instead.
    pub fn new(documents: Vec<(String, Value)>, world: Option<WorldFile>) -> Result<Self, Vec<String>> {
        let manifests = Manifests::of(documents)?;
        let mistakes = stage::mistakes(&manifests, world.as_ref());
        if mistakes.is_empty() { Ok(Self { manifests, world }) } else { Err(mistakes) }
    }

    /// The objects that mean nothing to Weir, and were passed over.
    pub fn passed_over(&self) -> &[String] {
        &self.manifests.passed_over
    }

    /// How many objects of each of Weir's kinds are played.
    pub fn count(&self, kind: &str) -> usize {
        self.manifests.objects.iter().filter(|object| object.document["kind"] == kind).count()
    }

    /// Forecasts what the shifts will do, and which these are, once all rests where it is before the release; `None` where it
    /// never comes to rest.
    pub fn forecast(&self) -> Option<(Question, Forecast)> {
        play::forecast(self)
    }

    /// Plays a seed.
    pub fn play(&self, seed: u64, accidents: Accidents) -> Seed {
        self.play_telling(seed, accidents).0
    }

    /// The same, and what happened in the last of the plays, as people read it.
    pub fn play_telling(&self, seed: u64, accidents: Accidents) -> (Seed, String) {
        let (undisturbed, mut evidence) = play::play(self, seed, &[]);
        let planned = match undisturbed.requests_of_controllers {
            // What never came to rest is disturbed enough.
            0 => Vec::new(),
            requests => accidents.draw(seed, requests, &self.manifests.groups()),
        };
        let disturbed = (!planned.is_empty()).then(|| {
            let (play, then) = play::play(self, seed, &planned);
            evidence = then;
            play
        });
        (Seed { seed, undisturbed, disturbed }, evidence.map(|evidence| timeline(&evidence)).unwrap_or_default())
    }

    /// Plays seeds, two at a time, and tells of each that is done.
    pub fn play_all(&self, seeds: &[u64], accidents: Accidents, tell: impl Fn(&Seed) + Sync) -> Vec<Seed> {
        crate::search::on_all_threads(seeds, |seed| {
            let played = self.play(*seed, accidents);
            tell(&played);
            played
        })
    }
}

#[cfg(test)]
mod tests;
