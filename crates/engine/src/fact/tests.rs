//! What the states of targets come to.

use super::*;

#[test]
fn what_is_sent_requests_is_able() {
    let health = Health { healthy: 2, unchecked: 1, initial: 1, unhealthy: 1, draining: 5, ..Health::default() };
    assert_eq!((health.able(), health.hopeful(), health.registered()), (3, 4, 5));
    assert_eq!(health.others(), "1 starting, 1 unhealthy");
}

#[test]
fn what_is_not_known_is_not_dead() {
    let none = Health::default();
    for dead in [none, Health { unhealthy: 2, ..none }, Health { stopped: 1, ..none }, Health { initial: 1, ..none }] {
        assert!(dead.is_dead(), "{dead:?}");
    }
    for alive in [Health { unchecked: 1, ..none }, Health { unknown: 1, ..none }, Health { unused: 1, ..none }] {
        assert!(!alive.is_dead(), "{alive:?}");
    }
}
