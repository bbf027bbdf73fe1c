//! The replicas of a controller: in each, one process follows the other.

use tokio::time::Instant;

use crate::journal::What;
use crate::process::Process;
use crate::wire::{Ahead, ProcessControl};

use super::World;

/// Where the processes of one controller follow each other.
#[derive(Default)]
pub(super) struct Replica {
    pub process: Option<Process>,
    /// By how much the clock of its machine is ahead.
    pub ahead: Ahead,
    /// Whether there ever was a process.
    pub is_taken: bool,
    pub restart_at: Option<Instant>,
    pub resume_at: Option<Instant>,
    /// How long after its end the process that was told to end is followed by another.
    pub restart_after: Option<std::time::Duration>,
}

impl Replica {
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
        self.processes += 1;
        let crash_point = self.crash_point.as_ref().map(|(crash_point, _)| *crash_point);
        let (ahead, journal, network) =
            (self.replicas[number].ahead.clone(), self.journal.clone(), self.network.clone());
        let process_control = ProcessControl::on_machine(ahead, self.processes, journal, network, crash_point);
        self.note_process(self.processes, What::Started);
        let replica = &mut self.replicas[number];
        replica.restart_at = None;
        replica.is_taken = true;
        replica.process = Some(Process::start(&self.settings, self.clock, &self.aws, &self.kube, process_control));
    }

    pub(super) fn crash(&mut self, number: usize) {
        if let Some(process) = self.replicas[number].process.take() {
            process.control.kill(None);
            self.note_process(process.control.process, What::Crashed);
        }
    }

    pub(super) fn pause(&mut self, number: usize) {
        if let Some(process) = self.replicas[number].process.as_mut().filter(|process| !process.paused) {
            process.paused = true;
            let process = process.control.process;
            self.note_process(process, What::Paused);
        }
    }

    pub(super) fn resume(&mut self, number: usize) {
        if let Some(process) = self.replicas[number].process.as_mut().filter(|process| process.paused) {
            process.paused = false;
            let process = process.control.process;
            self.note_process(process, What::Resumed);
        }
    }

    pub(super) fn note_process(&self, process: u32, what: What) {
        self.journal.add(self.now(), process, what);
    }
}
