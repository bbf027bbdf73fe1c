//! What the watchman answers, before and after the controllers report to it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{Reports, Watchman};

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
    let watchman = Watchman::start("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = watchman.address;
    assert_eq!(ask(at, "/healthz"), (200, "live\n".to_owned()));
    assert_eq!(ask(at, "/readyz").0, 503);
    assert_eq!(ask(at, "/metrics"), (200, String::new()));
    watchman.reports.fill(Reports {
        live: Box::new(|| false),
        ready: Box::new(|| Ok(())),
        metrics: Box::new(|| "weir_queue_depth 0\n".to_owned()),
    });
    assert_eq!(ask(at, "/healthz"), (503, "the loop stands still\n".to_owned()));
    assert_eq!(ask(at, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(ask(at, "/metrics"), (200, "weir_queue_depth 0\n".to_owned()));
    assert_eq!(ask(at, "/livez"), ask(at, "/healthz"));
    let (status, pages) = ask(at, "/");
    assert!(status == 200 && ["/livez", "/readyz", "/metrics"].iter().all(|page| pages.contains(page)), "{pages}");
    assert_eq!(ask(at, "/nothing").0, 404);
}

#[test]
fn a_port_in_use_is_told_with_what_to_do() {
    let first = Watchman::start("127.0.0.1:0".parse().unwrap()).unwrap();
    let message = Watchman::start(first.address).err().unwrap().to_string();
    assert!(message.contains(&first.address.to_string()) && message.contains("--listen"), "{message}");
}
