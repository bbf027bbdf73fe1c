//! Several candidates before one API server that loses requests and answers, deletes the Lease and is away; candidates
//! that stop and go on, die and begin anew, and whose wall clocks are wrong. Never do two hold the Lease; and once all is
//! well, one does, and soon. It is deleted only while all have seen one.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use proptest::prelude::*;

use super::{Desk, Elector, LEASE, LeaseRequest, LeaseResponse, config};

/// How long candidates are disturbed, and how long they then have to agree, in ms.
const DISTURBED_MS: u64 = 120_000;
const WELL_MS: u64 = 40_000;

/// The API server: one Lease with versions.
#[derive(Default)]
struct Server {
    version: u64,
    lease: Option<Lease>,
}

impl Server {
    fn response(&mut self, request: LeaseRequest) -> LeaseResponse {
        let granted = |server: &mut Self, mut lease: Lease| {
            server.version += 1;
            lease.metadata.resource_version = Some(server.version.to_string());
            server.lease = Some(lease.clone());
            LeaseResponse::Granted(lease)
        };
        match (request, &self.lease) {
            (LeaseRequest::Read, found) => LeaseResponse::Found(found.clone()),
            (LeaseRequest::Create(lease), None) => granted(self, lease),
            (LeaseRequest::Replace(lease), Some(old))
                if lease.metadata.resource_version == old.metadata.resource_version =>
            {
                granted(self, lease)
            }
            (LeaseRequest::Create(_) | LeaseRequest::Replace(_), _) => LeaseResponse::Conflict,
        }
    }
}

/// A request on its way: when it was sent, when the server has it (if it gets there), and when the answer is back, if any.
struct Flight {
    sent: u64,
    arrives: u64,
    request: Option<LeaseRequest>,
    returns: u64,
    response: LeaseResponse,
}

struct Candidate {
    desk: Desk,
    flight: Option<Flight>,
    stopped_until: u64,
}

struct Crowd {
    chance: fastrand::Rng,
    server: Server,
    away_until: u64,
    candidates: Vec<Candidate>,
    /// Requests on their way for which nobody waits any more.
    orphans: Vec<Flight>,
    lives: u32,
    deletions: u32,
    /// Who held it at some moment.
    leaders: BTreeMap<usize, u32>,
}

impl Crowd {
    fn new(seed: u64, count: usize) -> Self {
        let mut crowd = Self {
            chance: fastrand::Rng::with_seed(seed),
            server: Server::default(),
            away_until: 0,
            candidates: Vec::new(),
            orphans: Vec::new(),
            lives: 0,
            deletions: 0,
            leaders: BTreeMap::new(),
        };
        for _ in 0..count {
            let candidate = crowd.born();
            crowd.candidates.push(candidate);
        }
        crowd
    }

    fn born(&mut self) -> Candidate {
        self.lives += 1;
        let mut desk = Desk::new(&format!("life-{}", self.lives));
        desk.skew = Duration::from_secs(self.chance.u64(0..7_200));
        if let Some(first) = self.candidates.first() {
            desk.began = first.desk.began;
        }
        Candidate { desk, flight: None, stopped_until: 0 }
    }

    /// What befalls the crowd at a moment.
    fn befall(&mut self, now: u64) {
        let which = self.chance.usize(..self.candidates.len());
        match self.chance.u32(..4_000) {
            0..=9 => self.candidates[which].stopped_until = now + self.chance.u64(1_000..40_000),
            10..=14 if self.server.lease.is_some() => {
                let mut candidate = self.born();
                candidate.desk.elector =
                    Elector::new(config(&format!("life-{}", self.lives)), candidate.desk.at(now).steady);
                let dead = std::mem::replace(&mut self.candidates[which], candidate);
                self.orphans.extend(dead.flight);
            }
            15..=16 => self.away_until = now + self.chance.u64(1_000..30_000),
            17..=19 if self.all_know_of_one() => {
                self.server.lease = None;
                self.deletions += 1;
            }
            _ => {}
        }
    }

    /// Whether each candidate has seen a Lease when it last looked. One that has not makes another at once.
    fn all_know_of_one(&self) -> bool {
        self.candidates.iter().all(|candidate| candidate.desk.elector.lease.is_some())
    }

    fn step(&mut self, number: usize, now: u64, is_well: bool) {
        let candidate = &mut self.candidates[number];
        // A request that reaches the server is carried out, whatever became of its sender.
        for flight in self.orphans.iter_mut().chain(&mut candidate.flight) {
            if let Some(request) = flight.request.take_if(|_| flight.arrives <= now) {
                flight.response = self.server.response(request);
            }
        }
        self.orphans.retain(|flight| flight.request.is_some() && flight.arrives < u64::MAX);
        if candidate.stopped_until > now {
            return;
        }
        let is_back = |flight: &Flight| flight.returns <= now;
        let late = |flight: &Flight| flight.sent + 3_000 <= now;
        if candidate.flight.as_ref().is_some_and(|flight| is_back(flight) || late(flight)) {
            let flight = candidate.flight.take().unwrap();
            let response = if flight.returns <= now { flight.response.clone() } else { LeaseResponse::Failed };
            candidate.desk.handle(flight.sent, now, response);
            self.orphans.push(flight);
        }
        let is_due = candidate.desk.elector.due() <= candidate.desk.at(now).steady;
        if candidate.flight.is_none() && is_due {
            let is_lost = !is_well && (self.away_until > now || self.chance.u32(..10) == 0);
            let is_unanswered = !is_well && self.chance.u32(..10) == 0;
            let is_slow = !is_well && self.chance.u32(..5) == 0;
            let timed_out = if is_slow { 4_000 } else { 300 };
            let arrives = now + self.chance.u64(1..timed_out);
            candidate.flight = Some(Flight {
                sent: now,
                arrives: if is_lost { u64::MAX } else { arrives },
                request: Some(candidate.desk.next(now)),
                returns: if is_lost || is_unanswered { u64::MAX } else { arrives + self.chance.u64(1..timed_out) },
                response: LeaseResponse::Failed,
            });
        }
    }

    /// Who holds the Lease, by their own account.
    fn leaders(&mut self, now: u64) -> Vec<usize> {
        let leads = |number: &usize| self.candidates[*number].desk.leads(now, Duration::ZERO);
        let leaders: Vec<usize> = (0..self.candidates.len()).filter(leads).collect();
        for leader in &leaders {
            *self.leaders.entry(*leader).or_default() += 1;
        }
        leaders
    }

    /// Lives through it; the error says when two held the Lease, or none in the end.
    fn live(&mut self) -> Result<(), String> {
        let mut last = 0;
        for now in (0..DISTURBED_MS + WELL_MS).step_by(10) {
            let is_well = now >= DISTURBED_MS;
            if is_well {
                self.candidates.iter_mut().for_each(|candidate| candidate.stopped_until = 0);
            } else {
                self.befall(now);
            }
            for number in 0..self.candidates.len() {
                self.step(number, now, is_well);
            }
            let leaders = self.leaders(now);
            if leaders.len() > 1 {
                return Err(format!("{leaders:?} hold it at {now} ms"));
            }
            last = if leaders.is_empty() { last } else { now };
        }
        let end = DISTURBED_MS + WELL_MS;
        // A request under way, a lease, a look, and the requests of a claim.
        let agreed = (3 + LEASE.as_secs() + 4) * 1_000;
        if last + 10 < end || agreed > WELL_MS { Err(format!("nobody holds it since {last} ms")) } else { Ok(()) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn never_do_two_hold_the_lease_and_in_the_end_one_does(seed: u64, count in 1_usize..4) {
        let lived = Crowd::new(seed, count).live();
        prop_assert_eq!(lived, Ok(()));
    }
}

#[test]
fn the_lease_does_change_hands_and_is_deleted() {
    let (mut leaders, mut deletions) = (0, 0);
    for seed in 0..10 {
        let mut crowd = Crowd::new(seed, 3);
        crowd.live().unwrap();
        assert!(crowd.lives > 3, "{} lives", crowd.lives);
        leaders = leaders.max(crowd.leaders.len());
        deletions += crowd.deletions;
    }
    assert!(leaders == 3 && deletions >= 10, "{leaders} leaders, {deletions} deletions");
}
