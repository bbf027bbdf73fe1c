//! A write of records that is good, and each thing by which it would be bad.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use weir_api::WeightedRouteStatus;
use weir_api::weighted_route::{Entry, ForeignRecords};

use super::super::{Recorded, Violation, guard};
use super::began;
use crate::Arn;
use crate::dns::{
    Alias, Content, DnsName, HostedZone, Identifier, LastRun, Mark, NameInZone, NameMemory, RecordSet, RecordType,
    Replace, Routing, ZoneId,
};
use crate::fact::{Balancer, By, Fact, Health, Query};
use crate::object::{Key, RouteObject, ShiftObject};
use crate::reader::Facts;
use crate::route::stand_ins;
use crate::write::{RecordsWrite, Write};

const NAME: &str = "api.shop.test";

fn zone() -> ZoneId {
    ZoneId::new("Z1")
}

fn mark() -> Mark {
    Mark::of("me", &Key::new("shop", "api"), &DnsName::new(NAME))
}

fn alias(environment: &str) -> Alias {
    let target = DnsName::new(&format!("{environment}.elb.test"));
    Alias { zone: "ZELB".into(), target, evaluate_target_health: false }
}

fn own(environment: &str, epoch: u32, weight: u16) -> RecordSet {
    let identifier = Identifier { environment: environment.into(), epoch, mark: mark() };
    RecordSet {
        name: DnsName::new(NAME),
        kind: RecordType::A,
        routing: Routing::Weighted { identifier: identifier.to_string().into(), weight },
        content: Content::Alias(alias(environment)),
        health_check: None,
    }
}

fn simple(environment: &str) -> RecordSet {
    RecordSet { routing: Routing::Simple, ..own(environment, 1, 1) }
}

fn memory(before: &[RecordSet]) -> RecordSet {
    let memory = NameMemory { mark: mark(), owner: Mark::of_owner("me"), last: None, before: before.to_vec() };
    memory.record(&DnsName::new(NAME)).unwrap()
}

/// A name at which blue has all traffic by the first change, and a step to 75 and 25 that is on record as the second.
#[derive(Clone)]
struct Scene {
    there: Vec<RecordSet>,
    route: RouteObject,
    write: RecordsWrite,
    healthy: BTreeMap<&'static str, u32>,
    balancers_read: SignedDuration,
    records_read: SignedDuration,
    shift: Option<ShiftObject>,
}

fn split(weights: &[(&str, u16)]) -> BTreeMap<Arn, u16> {
    weights.iter().map(|(environment, weight)| (Arn::new(format!("{environment}-lb")), *weight)).collect()
}

impl Scene {
    fn good() -> Self {
        let spec = json!({
            "dns": {"zone": {"id": "Z1"}, "name": NAME},
            "backends": [{"environment": "blue"}, {"environment": "green"}],
            "weights": {"blue": 75, "green": 25},
        });
        let weights = json!([{"environment": "blue", "weight": 75}, {"environment": "green", "weight": 25}]);
        let blue = json!([{"environment": "blue", "weight": 100}]);
        let member =
            |name: &str| json!({"environment": name, "targetGroups": [name], "balancer": format!("{name}-lb")});
        let status = json!({
            "dns": {"marked": true, "epoch": 2, "before": []},
            "intent": {
                "since": began(), "weights": weights, "members": [member("blue"), member("green")], "baseline": 4,
                "follow": {"generation": 1, "goal": weights, "from": blue, "before": blue},
            },
        });
        let status: WeightedRouteStatus = serde_json::from_value(status).unwrap();
        let mut route = stand_ins::route("shop", "api", 0, Value::Null);
        route.spec = serde_json::from_value(spec).unwrap();
        route.status = status;
        let batch = Replace {
            name: DnsName::new(NAME),
            create: vec![own("blue", 2, 75), own("green", 2, 25)],
            delete: vec![own("blue", 1, 100)],
        };
        Self {
            there: vec![own("blue", 1, 100), memory(&[])],
            route,
            write: RecordsWrite {
                zone: Arn::new(zone().arn("aws")),
                epoch: Some(2),
                split: split(&[("blue", 75), ("green", 25)]),
                batch,
            },
            healthy: [("blue", 4), ("green", 4)].into(),
            balancers_read: SignedDuration::ZERO,
            records_read: SignedDuration::ZERO,
            shift: None,
        }
    }

    /// The same, as a step of a run to green from 50 and 50, of which four targets were healthy when it began.
    fn of_run() -> Self {
        Self::good().change(|scene| {
            scene.there = vec![own("blue", 1, 50), own("green", 1, 50), memory(&[])];
            scene.write.batch.delete = vec![own("blue", 1, 50), own("green", 1, 50)];
            scene.write.batch.create = vec![own("blue", 2, 25), own("green", 2, 75)];
            scene.write.split = split(&[("blue", 25), ("green", 75)]);
            scene.route.spec.weights = None;
            let weights = json!([{"environment": "blue", "weight": 25}, {"environment": "green", "weight": 75}]);
            let mut shift = stand_ins::going_back("shop", "web");
            let run = shift.status.run.as_mut().unwrap();
            run.rollback = None;
            (run.routes[0].name, run.routes[0].baseline) = ("api".to_owned(), 4);
            run.routes[0].weights = serde_json::from_value(weights).unwrap();
            let intent = scene.route.status.intent.as_mut().unwrap();
            intent.weights.clone_from(&run.routes[0].weights);
            (intent.follow, intent.shift, intent.uid) = (None, "web".to_owned(), shift.uid.to_string());
            (intent.run, intent.seq) = (run.id, run.seq);
            scene.shift = Some(shift);
        })
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        let at = |age: SignedDuration| -> Timestamp { began() - age };
        let hosted = HostedZone { id: zone(), name: DnsName::new("shop.test"), is_private: false };
        facts.add(Query::Zone(zone()), Fact::new(at(SignedDuration::from_hours(1)), Ok(hosted)));
        let name = DnsName::new(NAME);
        for name in [name.clone(), name.memory()] {
            let there: Vec<RecordSet> = self.there.iter().filter(|record| record.name == name).cloned().collect();
            let query = Query::Records(NameInZone { zone: zone(), name });
            facts.add(query, Fact::new(at(self.records_read), Ok(there)));
        }
        for (environment, healthy) in &self.healthy {
            let arn = Arn::new(format!("{environment}-lb"));
            let balancer = Balancer {
                arn: arn.clone(),
                name: (*environment).to_owned(),
                dns_name: format!("{environment}.elb.test"),
                hosted_zone_id: Some("ZELB".to_owned()),
                kind: "application".to_owned(),
                has_ipv6: false,
                vpc_id: None,
            };
            facts.add(Query::Balancer(By::Arn(arn)), Fact::new(at(self.balancers_read), Ok(balancer)));
            let health = Health { healthy: *healthy, ..Health::default() };
            facts.add(Query::Health(Arn::new(*environment)), Fact::new(began(), Ok(health)));
        }
        facts
    }

    fn judge(&self) -> Result<(), Violation> {
        let recorded = Recorded { owner: "me", route: &self.route, shift: self.shift.as_ref() };
        let write = Write::Records(self.write.clone());
        guard((began(), began()), &write, Some(recorded), &self.facts()).map(drop)
    }

    fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

fn created(scene: &mut Scene, change: impl Fn(&mut RecordSet)) {
    scene.write.batch.create.iter_mut().for_each(change);
}

#[test]
fn a_step_on_record_is_let_through() {
    Scene::good().judge().unwrap();
    // Nothing was there: the first change makes the memory too.
    let first = Scene::good().change(|scene| {
        scene.there.clear();
        scene.route.status.dns.epoch = Some(1);
        scene.write.epoch = Some(1);
        scene.write.batch.create = vec![own("blue", 1, 75), own("green", 1, 25), memory(&[])];
        scene.write.batch.delete.clear();
    });
    first.judge().unwrap();
}

#[test]
fn each_thing_that_would_be_bad_is_found() {
    let good = Scene::good;
    let aaaa = |scene: &mut Scene| {
        let records: Vec<RecordSet> = scene.write.batch.create.clone();
        let also = records.into_iter().take(1).map(|record| RecordSet { kind: RecordType::Aaaa, ..record });
        scene.write.batch.create.extend(also);
    };
    let bad: Vec<(&str, Scene)> = vec![
        ("another zone", good().change(|scene| scene.write.zone = Arn::new(ZoneId::new("Z2").arn("aws")))),
        ("another name", good().change(|scene| scene.write.batch.name = DnsName::new("www.shop.test"))),
        (
            "a record elsewhere",
            good().change(|scene| created(scene, |record| record.name = DnsName::new("www.shop.test"))),
        ),
        ("what was not read goes", good().change(|scene| scene.write.batch.delete = vec![own("blue", 1, 99)])),
        ("old readings", good().change(|scene| scene.records_read = SignedDuration::from_secs(11))),
        ("another number", good().change(|scene| scene.write.epoch = Some(3))),
        ("a number that stands there", good().change(|scene| scene.there.push(own("red", 2, 1)))),
        ("nothing on record", good().change(|scene| scene.route.status.dns.epoch = None)),
        ("an identifier of another number", good().change(|scene| scene.write.batch.create[0] = own("blue", 3, 75))),
        (
            "another's mark",
            good().change(|scene| {
                created(scene, |record| {
                    let Routing::Weighted { identifier, .. } = &mut record.routing else { return };
                    *identifier = identifier.replace(mark().as_str(), "000000000000").into();
                });
            }),
        ),
        (
            "weight 0",
            good().change(|scene| {
                scene.write.batch.create[1] = own("green", 2, 0);
                scene.write.split = split(&[("blue", 75), ("green", 0)]);
            }),
        ),
        ("weight 256", good().change(|scene| scene.write.batch.create[0] = own("blue", 2, 256))),
        (
            "other weights than written",
            good().change(|scene| scene.write.split = split(&[("blue", 50), ("green", 50)])),
        ),
        (
            "other weights than on record",
            good().change(|scene| {
                scene.write.batch.create = vec![own("blue", 2, 50), own("green", 2, 50)];
                scene.write.split = split(&[("blue", 50), ("green", 50)]);
            }),
        ),
        ("types apart", good().change(aaaa)),
        (
            "a target that AWS does not tell",
            good().change(|scene| {
                scene.write.batch.create[1].content = Content::Alias(alias("elsewhere"));
            }),
        ),
        (
            "a balancer that was read long ago",
            good().change(|scene| scene.balancers_read = SignedDuration::from_secs(61)),
        ),
        ("nobody left", good().change(|scene| scene.write.batch.create.clear())),
        ("a memory that goes", good().change(|scene| scene.write.batch.delete.push(memory(&[])))),
        (
            "another memory",
            good().change(|scene| {
                scene.write.batch.delete.push(memory(&[]));
                scene.write.batch.create.push(memory(&[simple("blue")]));
            }),
        ),
        (
            "a memory of what nobody knows",
            good().change(|scene| {
                scene.there = vec![own("blue", 1, 100)];
                scene.route.status.dns.before = None;
                scene.write.batch.create.push(memory(&[]));
            }),
        ),
        (
            "another installation's memory",
            good().change(|scene| {
                let other = NameMemory { mark: mark(), owner: Mark::of_owner("you"), last: None, before: Vec::new() };
                scene.there = vec![own("blue", 1, 100)];
                scene.write.batch.create.push(other.record(&DnsName::new(NAME)).unwrap());
            }),
        ),
        (
            "no memory at all",
            good().change(|scene| {
                scene.there = vec![simple("blue")];
                scene.route.spec.adopt = true;
                scene.write.batch.delete = vec![simple("blue")];
            }),
        ),
        (
            "somebody else's without leave",
            good().change(|scene| {
                scene.there = vec![simple("blue")];
                scene.write.batch.delete = vec![simple("blue")];
                scene.write.batch.create.push(memory(&[simple("blue")]));
            }),
        ),
        ("no capacity", good().change(|scene| _ = scene.healthy.insert("green", 1))),
        ("spec.weights taken away", good().change(|scene| scene.route.spec.weights = None)),
        (
            "it goes for good",
            good().change(|scene| {
                scene.write.batch.create.clear();
                scene.write.batch.delete.push(memory(&[]));
                (scene.write.epoch, scene.write.split) = (None, BTreeMap::new());
            }),
        ),
    ];
    for (what, scene) in bad {
        assert!(scene.judge().is_err(), "{what}");
    }
}

#[test]
fn a_quarter_that_may_be_forty_five_percent_needs_two_of_four_targets() {
    let with = |healthy: u32| Scene::good().change(|scene| _ = scene.healthy.insert("green", healthy));
    assert!(matches!(with(1).judge(), Err(Violation::Capacity { needed: 2, .. })));
    with(2).judge().unwrap();
}

#[test]
fn a_step_leads_back_what_leads_elsewhere_than_it_is_called_where_the_targets_are_there() {
    Scene::of_run().judge().unwrap();
    // The balancer of blue was made again, and its record leads to the one that is gone.
    let stray = || RecordSet { content: Content::Alias(alias("gone")), ..own("blue", 1, 50) };
    let led_back = |healthy: u32| {
        Scene::of_run().change(|scene| {
            scene.there[0] = stray();
            scene.write.batch.delete[0] = stray();
            scene.healthy.insert("blue", healthy);
        })
    };
    led_back(2).judge().unwrap();
    // A quarter may be forty-five percent of four.
    assert!(matches!(led_back(1).judge(), Err(Violation::Capacity { needed: 2, .. })));
    let against = led_back(4).change(|scene| {
        scene.there[1] = own("green", 1, 300);
        scene.write.batch.delete[1] = own("green", 1, 300);
    });
    assert!(matches!(against.judge(), Err(Violation::Direction { .. })));
}

#[test]
fn what_is_taken_over_keeps_its_split() {
    let adopting = Scene::good().change(|scene| {
        scene.there = vec![simple("blue")];
        scene.route.spec.adopt = true;
        scene.route.status.intent = None;
        scene.route.status.dns.epoch = Some(1);
        scene.write.epoch = Some(1);
        scene.write.split = split(&[("blue", 100)]);
        scene.write.batch.delete = vec![simple("blue")];
        scene.write.batch.create = vec![own("blue", 1, 100), memory(&[simple("blue")])];
    });
    adopting.judge().unwrap();
    let moving = adopting.change(|scene| {
        scene.write.split = split(&[("green", 100)]);
        scene.write.batch.create = vec![own("green", 1, 100), memory(&[simple("blue")])];
    });
    assert!(moving.judge().is_err());
}

#[test]
fn what_leads_elsewhere_is_not_taken_over() {
    let elsewhere = RecordSet { content: Content::Alias(alias("elsewhere")), ..simple("blue") };
    let scene = |there: RecordSet| {
        Scene::good().change(|scene| {
            scene.route.spec.adopt = true;
            scene.route.status.dns.epoch = Some(1);
            scene.write.epoch = Some(1);
            scene.write.batch.create =
                vec![own("blue", 1, 75), own("green", 1, 25), memory(std::slice::from_ref(&there))];
            scene.write.batch.delete = vec![there.clone()];
            scene.there = vec![there];
        })
    };
    scene(simple("blue")).judge().unwrap();
    assert!(matches!(scene(elsewhere).judge(), Err(Violation::NotOurs { .. })));
}

#[test]
fn the_weight_of_others_is_taken_where_the_spec_says_so_and_somebody_can_carry_it() {
    let stranger = |weight: u16| RecordSet {
        routing: Routing::Weighted { identifier: "ionroller".into(), weight },
        content: Content::Values { ttl: 60, values: vec!["192.0.2.7".to_owned()] },
        ..simple("blue")
    };
    let taking = Scene::good().change(|scene| {
        scene.route.spec.adopt = true;
        if let Entry::Dns(entry) = &mut scene.route.spec.entry {
            entry.foreign = ForeignRecords::Zero;
        }
        scene.route.status.dns.epoch = Some(1);
        scene.route.status.intent.as_mut().unwrap().follow.as_mut().unwrap().from.clear();
        scene.route.status.intent.as_mut().unwrap().baseline = None;
        scene.write.epoch = Some(1);
        scene.there = vec![stranger(100)];
        let made = [own("blue", 1, 75), own("green", 1, 25), stranger(0), memory(&[stranger(100)])];
        scene.write.batch.create = made.to_vec();
        scene.write.batch.delete = vec![stranger(100)];
    });
    taking.judge().unwrap();
    let refusing = taking.clone().change(|scene| {
        if let Entry::Dns(entry) = &mut scene.route.spec.entry {
            entry.foreign = ForeignRecords::Refuse;
        }
    });
    assert!(matches!(refusing.judge(), Err(Violation::NotOurs { .. })));
    let dead = taking.clone().change(|scene| scene.healthy = [("blue", 4), ("green", 0)].into());
    assert!(matches!(dead.judge(), Err(Violation::Capacity { .. })));
    let removing = taking.clone().change(|scene| {
        scene.write.batch.create.retain(|record| *record != stranger(0));
    });
    assert!(matches!(removing.judge(), Err(Violation::NotOurs { .. })), "it stays, without weight");
    let raising = taking.change(|scene| {
        scene.there = vec![stranger(0)];
        scene.write.batch.delete = vec![stranger(0)];
        scene.write.batch.create = vec![own("blue", 1, 75), own("green", 1, 25), stranger(9), memory(&[stranger(0)])];
    });
    assert!(raising.judge().is_err(), "nothing is given to it");
}

#[test]
fn what_is_remembered_is_replaced_alone_and_keeps_what_was_there_before() {
    let last = |before: &[RecordSet]| {
        let run = LastRun::new("shop/api", "green", weir_api::traffic_shift::Outcome::Succeeded);
        let owner = Mark::of_owner("me");
        let memory = NameMemory { mark: mark(), owner, last: Some(run), before: before.to_vec() };
        memory.record(&DnsName::new(NAME)).unwrap()
    };
    let scene = |made: RecordSet| {
        Scene::good().change(|scene| {
            scene.write.epoch = None;
            scene.write.split.clear();
            scene.write.batch.create = vec![made];
            scene.write.batch.delete = vec![memory(&[])];
        })
    };
    scene(last(&[])).judge().unwrap();
    assert!(matches!(scene(last(&[simple("blue")])).judge(), Err(Violation::Forgotten { .. })));
    let with_records = scene(last(&[])).change(|scene| scene.write.batch.delete.push(own("blue", 1, 100)));
    assert!(with_records.judge().is_err(), "records need a number");
    let of_another = scene(last(&[])).change(|scene| {
        scene.there = vec![simple("blue")];
        scene.write.batch.delete.clear();
        scene.route.spec.adopt = true;
    });
    assert!(of_another.judge().is_err(), "nothing there is the route's");
}

#[test]
fn records_of_others_that_lead_to_one_balancer_count_together() {
    let hand = |identifier: &str, environment: &str, weight: u16| RecordSet {
        routing: Routing::Weighted { identifier: identifier.into(), weight },
        ..simple(environment)
    };
    let others = [hand("a", "blue", 30), hand("b", "blue", 10), hand("c", "green", 10)];
    let scene = |weights: &[(&str, u16)]| {
        let created = weights.iter().map(|(environment, weight)| own(environment, 1, *weight));
        Scene::good().change(|scene| {
            scene.route.spec.adopt = true;
            scene.route.status.intent = None;
            scene.route.status.dns.epoch = Some(1);
            scene.write.epoch = Some(1);
            scene.write.split = split(weights);
            scene.write.batch.create = created.chain([memory(&others)]).collect();
            scene.write.batch.delete = others.to_vec();
            scene.there = others.to_vec();
        })
    };
    scene(&[("blue", 80), ("green", 20)]).judge().unwrap();
    assert!(scene(&[("blue", 50), ("green", 50)]).judge().is_err(), "green would gain");
}

#[test]
fn a_name_is_given_back_as_its_policy_says() {
    let leaving = |policy: &str, before: &[RecordSet]| {
        let before = before.to_vec();
        Scene::good().change(|scene| {
            scene.there = vec![own("blue", 1, 100), memory(&before)];
            scene.route.deleted = Some(began());
            scene.route.spec.deletion_policy = serde_json::from_value(json!(policy)).unwrap();
            scene.write.epoch = None;
            scene.write.split = if before.is_empty() { BTreeMap::new() } else { split(&[("blue", 1)]) };
            scene.write.batch.delete = scene.there.clone();
            scene.write.batch.create = before;
        })
    };
    leaving("Delete", &[]).judge().unwrap();
    leaving("Restore", &[]).judge().unwrap();
    leaving("Restore", &[simple("blue")]).judge().unwrap();
    assert!(leaving("Retain", &[]).judge().is_err());
    assert!(leaving("Delete", &[simple("blue")]).judge().is_err(), "something was there");
    let other = leaving("Restore", &[simple("blue")]).change(|scene| scene.write.batch.create = vec![simple("green")]);
    assert!(other.judge().is_err(), "something else was there");
    let nothing = leaving("Restore", &[simple("blue")]).change(|scene| scene.write.batch.create.clear());
    assert!(nothing.judge().is_err(), "nobody would answer");
    let already = leaving("Restore", &[simple("blue")]).change(|scene| {
        scene.there = vec![simple("blue"), memory(&[simple("blue")])];
        scene.write.batch.delete = vec![memory(&[simple("blue")])];
        scene.write.batch.create.clear();
    });
    already.judge().unwrap();
    let stays = leaving("Restore", &[]).change(|scene| scene.route.deleted = None);
    assert!(stays.judge().is_err(), "nobody deletes the route");
    let moving = leaving("Restore", &[simple("green")]).change(|scene| {
        scene.write.split = split(&[("green", 1)]);
        scene.healthy.insert("green", 0);
    });
    assert!(moving.clone().judge().is_err(), "it could not carry that");
    let unsaid = moving.change(|scene| scene.write.split.clear());
    assert!(unsaid.judge().is_err(), "whatever the write says of it");
}
