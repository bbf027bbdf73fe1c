//! moto, a second AWS, and the AWS CLI to look at it with.
//!
//! moto judges wire encoding, weights, tags, error codes and call counts; not health, limits or throttling.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::places;
use super::python::Python;
use super::server::Server;

const START_SECONDS: u32 = 60;

/// The region that everything in the test bed happens in.
pub(crate) const REGION: &str = "eu-west-1";

/// A running moto server.
pub(crate) struct Moto {
    server: Server,
    port: u16,
    aws: PathBuf,
}

impl Moto {
    /// Starts a moto server on a port that the kernel chooses.
    pub(crate) fn start(python: &Python) -> Result<Moto, String> {
        let mut command = Command::new(python.program("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("PYTHONUNBUFFERED", "1");
        let mut server = Server::start("moto_server", places::scratch("moto")?, &command)?;
        let port = server.wait_until(START_SECONDS, |server| announced_port(&server.log()))?;
        Ok(Moto { server, port, aws: python.program("aws") })
    }

    /// Where moto answers: the value for `AWS_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Forgets everything that was made in it.
    #[track_caller]
    pub(crate) fn reset(&self) {
        let answer = self.post("/moto-api/reset").unwrap_or_else(|error| panic!("moto cannot be reached: {error}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "moto does not reset: {answer}");
    }

    /// The answer of the AWS CLI to these arguments, `Null` where it prints nothing; the test fails with the CLI's words
    /// if the CLI does.
    #[track_caller]
    pub(crate) fn aws(&self, arguments: &[&str]) -> Value {
        self.try_aws(arguments).unwrap_or_else(|said| panic!("aws {}: {said}", arguments.join(" ")))
    }

    /// The answer of the AWS CLI to these arguments; as an error what it says when it fails.
    pub(crate) fn try_aws(&self, arguments: &[&str]) -> Result<Value, String> {
        let mut command = Command::new(&self.aws);
        command.args(["--endpoint-url", &self.endpoint(), "--output", "json"]).args(arguments).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        // No setting of the user's may have a say, and the answer must not go to a pager.
        let output = command
            .env("HOME", self.server.folder())
            .envs([
                ("AWS_ACCESS_KEY_ID", "testing"),
                ("AWS_SECRET_ACCESS_KEY", "testing"),
                ("AWS_DEFAULT_REGION", REGION),
            ])
            .envs([("AWS_PAGER", ""), ("AWS_EC2_METADATA_DISABLED", "true"), ("LC_ALL", "C.UTF-8")])
            .output()
            .map_err(|error| format!("{} does not run: {error}", self.aws.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        if output.stdout.trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("the answer is not JSON: {error}"))
    }

    /// The answer, as XML, to a request in AWS's Query protocol, for tests that ask often: the CLI takes most of a second
    /// to start. Moto looks at the scope of a signature and not at the signature.
    #[track_caller]
    pub(crate) fn query(&self, service: &str, parameters: &[(&str, &str)]) -> String {
        self.query_as("testing", service, parameters)
    }

    /// The same with another access key, which moto knows an account by.
    #[track_caller]
    pub(crate) fn query_as(&self, key: &str, service: &str, parameters: &[(&str, &str)]) -> String {
        let scope = format!("{key}/20260101/{REGION}/{service}/aws4_request");
        let header = format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\n"
        );
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        // Moto looks through what it holds while another request adds to it, and stumbles over that now and then.
        let ask = || self.send("/", &header, &body).unwrap_or_else(|error| panic!("moto cannot be reached: {error}"));
        let stumbled = |answer: &String| answer.starts_with("HTTP/1.1 500 ");
        let answer = (0..5).map(|_| ask()).find(|answer| !stumbled(answer)).unwrap_or_else(ask);
        assert!(answer.starts_with("HTTP/1.1 200 "), "moto refuses {body}: {answer}");
        answer
    }

    fn post(&self, path: &str) -> io::Result<String> {
        self.send(path, "", "")
    }

    fn send(&self, path: &str, header: &str, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\nConnection: close\r\n{header}\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// The port in moto's first words, once the line that holds it is complete.
fn announced_port(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once("Running on http://127.0.0.1:")?;
    let (port, _) = rest.split_once('\n')?;
    port.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::announced_port;

    #[test]
    fn the_port_is_read_from_a_complete_line_only() {
        assert_eq!(announced_port(" * Running on http://127.0.0.1:3992"), None);
        assert_eq!(announced_port("WARNING\n * Running on http://127.0.0.1:39927\nPress"), Some(39927));
    }
}
