//! The processes of a world: in each seat one life follows the other.

use tokio::time::Instant;

use crate::journal::What;
use crate::life::Life;
use crate::wire::{Ahead, Lifeline};

use super::World;

/// Where the lives of one process follow each other.
#[derive(Default)]
pub(super) struct Seat {
    pub life: Option<Life>,
    /// By how much the clock of its machine is ahead.
    pub ahead: Ahead,
    /// Whether there ever was a life.
    pub is_taken: bool,
    pub restart_at: Option<Instant>,
    pub resume_at: Option<Instant>,
    /// How long after its end the life that was told to end is followed by another.
    pub restart_after: Option<std::time::Duration>,
}

impl Seat {
    /// Whether nothing will happen to it by itself.
    pub fn is_calm(&self) -> bool {
        self.restart_at.is_none() && self.resume_at.is_none() && self.restart_after.is_none()
    }

    /// When something happens to it by itself.
    pub fn next(&self) -> impl Iterator<Item = Instant> {
        self.restart_at.into_iter().chain(self.resume_at)
    }
}

impl World {
    pub(super) fn start(&mut self, number: usize) {
        self.crash(number);
        self.lives += 1;
        let cut = self.cut.as_ref().map(|(cut, _)| *cut);
        let (ahead, journal, network) = (self.seats[number].ahead.clone(), self.journal.clone(), self.network.clone());
        let lifeline = Lifeline::on_machine(ahead, self.lives, journal, network, cut);
        self.note_life(self.lives, What::Started);
        let seat = &mut self.seats[number];
        seat.restart_at = None;
        seat.is_taken = true;
        seat.life = Some(Life::start(&self.settings, self.clock, &self.aws, &self.kube, lifeline));
    }

    pub(super) fn crash(&mut self, number: usize) {
        if let Some(life) = self.seats[number].life.take() {
            life.lifeline.kill(None);
            self.note_life(life.lifeline.life, What::Crashed);
        }
    }

    pub(super) fn pause(&mut self, number: usize) {
        if let Some(life) = self.seats[number].life.as_mut().filter(|life| !life.paused) {
            life.paused = true;
            let life = life.lifeline.life;
            self.note_life(life, What::Paused);
        }
    }

    pub(super) fn resume(&mut self, number: usize) {
        if let Some(life) = self.seats[number].life.as_mut().filter(|life| life.paused) {
            life.paused = false;
            let life = life.lifeline.life;
            self.note_life(life, What::Resumed);
        }
    }

    pub(super) fn note_life(&self, life: u32, what: What) {
        self.journal.add(self.now(), life, what);
    }
}
