//! What the API server learns of who asks.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use super::{Cluster, connect};

#[test]
fn requests_say_that_weir_makes_them_and_in_which_version() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..length]).to_lowercase()
    });
    let path = std::env::temp_dir().join(format!("weir-kubeconfig-{}", std::process::id()));
    let config = format!(
        "{{clusters: [{{name: a, cluster: {{server: \"{url}\"}}}}], users: [{{name: a, user: {{}}}}], \
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}], current-context: a}}"
    );
    fs::write(&path, config).unwrap();
    let arguments = Cluster { controller_name: None, kubeconfig: Some(path.clone()), context: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(connect(&arguments)).err().unwrap().to_string();
    fs::remove_file(path).unwrap();
    let asked = asked.join().unwrap();
    assert!(asked.contains(concat!("user-agent: weir/", env!("CARGO_PKG_VERSION"), "\r\n")), "{asked}\n{refused}");
}
