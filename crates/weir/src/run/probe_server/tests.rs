//! What the probe server answers, before and after it has the probes of the controllers.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::default_address;
use super::{ProbeServer, Probes};

fn ask(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

#[test]
fn tells_what_the_controllers_report() {
    let probe_server = ProbeServer::start("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let at = probe_server.address;
    assert_eq!(ask(at, "/healthz"), (200, "live\n".to_owned()));
    assert_eq!(ask(at, "/readyz").0, 503);
    assert_eq!(ask(at, "/metrics"), (200, String::new()));
    probe_server.state.set(Probes {
        live: Box::new(|| false),
        ready: Box::new(|| Ok(())),
        metrics: Box::new(|| "weir_queue_depth 0\n".to_owned()),
    });
    assert_eq!(ask(at, "/healthz"), (503, "the loop stands still\n".to_owned()));
    assert_eq!(ask(at, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(ask(at, "/metrics"), (200, "weir_queue_depth 0\n".to_owned()));
    assert_eq!(probe_server.metrics_address, at);
    assert_eq!(ask(at, "/livez"), ask(at, "/healthz"));
    let (status, pages) = ask(at, "/");
    assert!(status == 200 && ["/livez", "/readyz", "/metrics"].iter().all(|page| pages.contains(page)), "{pages}");
    assert_eq!(ask(at, "/nothing").0, 404);
}

#[test]
fn a_port_in_use_is_told_with_what_to_do() {
    let first = ProbeServer::start("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let message = ProbeServer::start(first.address, None).err().unwrap().to_string();
    assert!(message.contains(&first.address.to_string()) && message.contains("--listen"), "{message}");
}

#[test]
fn metrics_have_an_address_of_their_own_where_that_is_wanted() {
    let any = "127.0.0.1:0".parse().unwrap();
    let probe_server = ProbeServer::start(any, Some(any)).unwrap();
    probe_server.state.set(Probes {
        live: Box::new(|| true),
        ready: Box::new(|| Ok(())),
        metrics: Box::new(|| "weir_queue_depth 0\n".to_owned()),
    });
    assert_ne!(probe_server.address, probe_server.metrics_address);
    assert_eq!(ask(probe_server.metrics_address, "/metrics"), (200, "weir_queue_depth 0\n".to_owned()));
    assert_eq!(ask(probe_server.metrics_address, "/readyz").0, 404);
    assert_eq!((ask(probe_server.address, "/metrics").0, ask(probe_server.address, "/readyz").0), (404, 200));
    let message = ProbeServer::start(any, Some(probe_server.address)).err().unwrap().to_string();
    assert!(message.contains("--metrics-listen"), "{message}");
}

#[test]
fn whoever_asks_for_metrics_again_and_again_has_them_written_once() {
    let probe_server = ProbeServer::start("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let written = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&written);
    probe_server.state.set(Probes {
        live: Box::new(|| true),
        ready: Box::new(|| Ok(())),
        metrics: Box::new(move || format!("weir_writings {}\n", count.fetch_add(1, Ordering::Relaxed))),
    });
    for _ in 0..20 {
        assert_eq!(ask(probe_server.address, "/metrics"), (200, "weir_writings 0\n".to_owned()));
    }
    assert_eq!(written.load(Ordering::Relaxed), 1);
}

#[test]
fn in_a_pod_both_families_of_addresses_are_answered() {
    let address = default_address(true);
    assert_eq!(address, "[::]:8080".parse().unwrap());
    let probe_server = ProbeServer::start(SocketAddr::new(address.ip(), 0), None).unwrap();
    let port = probe_server.address.port();
    assert_eq!(ask(SocketAddr::from(([127, 0, 0, 1], port)), "/livez").0, 200);
    // A machine may have no IPv6 at all; then IPv4 is what is left.
    if probe_server.address.is_ipv6() {
        assert_eq!(ask(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port), "/livez").0, 200);
    }
}
