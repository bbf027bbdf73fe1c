//! A server process that cannot outlive the test process, however that one ends.
//!
//! Statics are not dropped when a test process ends, and a killed process runs nothing at all. So each server is the
//! child of a small shell that waits at a pipe whose other end only the test process holds: the kernel closes it when
//! the test process is gone, and the shell then kills the server and removes its folder. The shell stands in a process
//! group of its own, so that an interrupt typed at the terminal cannot take it away before its server.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Runs `"$@"` with its folder in `$1`, kills it when standard input ends, and ends as the server ended.
/// A server that died by itself leaves its folder, and so its log, for whoever wants to know why.
const SUPERVISOR: &str = r#"
exec 3<&0
folder=$1
shift
"$@" 3<&- </dev/null &
server=$!
echo "$server" > "$folder/pid"
{ read -r _ <&3; kill -9 "$server"; } &
watch=$!
exec 3<&-
wait "$server"
code=$?
kill "$watch" 2>/dev/null
if [ "$code" -eq 137 ]; then rm -rf "$folder"; fi
exit "$code"
"#;

/// A running server with a folder of its own, which holds its state and its log.
pub(crate) struct Server {
    name: &'static str,
    folder: PathBuf,
    supervisor: Child,
}

impl Server {
    /// Starts `command` under supervision; what it prints goes to a log in `folder`.
    pub(crate) fn start(name: &'static str, folder: PathBuf, command: &Command) -> Result<Server, String> {
        let log = folder.join("log");
        let failed = |what: &str, error: io::Error| format!("{name}: {what} ({}): {error}", folder.display());
        let output = File::create(&log).map_err(|error| failed("its log cannot be made", error))?;
        let errors = output.try_clone().map_err(|error| failed("its log cannot be shared", error))?;
        let mut supervisor = Command::new("sh");
        supervisor
            .args(["-c", SUPERVISOR, "sh"])
            .arg(&folder)
            .arg(command.get_program())
            .args(command.get_args())
            .envs(set_variables(command))
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        let supervisor = supervisor.spawn().map_err(|error| failed("its supervising shell cannot start", error))?;
        Ok(Server { name, folder, supervisor })
    }

    /// The folder that belongs to this server; it is removed with it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the server has printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read(self.folder.join("log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Asks `ready` every 100 ms until it answers; says what the server printed last if it died or `seconds` went by.
    pub(crate) fn wait_until<T>(
        &mut self,
        seconds: u32,
        mut ready: impl FnMut(&Server) -> Option<T>,
    ) -> Result<T, String> {
        for _ in 0..seconds * 10 {
            if let Ok(Some(status)) = self.supervisor.try_wait() {
                return Err(format!(
                    "{} ended by itself ({status}); it printed last:\n{}",
                    self.name,
                    self.last_lines()
                ));
            }
            if let Some(answer) = ready(self) {
                return Ok(answer);
            }
            sleep(Duration::from_millis(100));
        }
        Err(format!("{} was not ready after {seconds} s; it printed last:\n{}", self.name, self.last_lines()))
    }

    /// Whether the server has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.supervisor.try_wait(), Ok(Some(_)))
    }

    /// Sends a signal to the server.
    pub(crate) fn signal(&mut self, name: &str) -> Result<(), String> {
        let pid = self.pid(10)?;
        let sent = signal(name, &pid).map_err(|error| format!("{} cannot be sent {name}: {error}", self.name))?;
        if sent { Ok(()) } else { Err(format!("{} cannot be sent {name}: it has ended", self.name)) }
    }

    /// The processor time that the server has taken, in seconds.
    pub(crate) fn processor_s(&mut self) -> Result<f64, String> {
        let pid = self.pid(10)?;
        let said =
            fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|error| format!("{}: {error}", self.name))?;
        // The name of the program stands in parentheses, and may hold anything; the 14th and 15th fields are counted in
        // hundredths of a second.
        let fields = said.rsplit(')').next().unwrap_or_default().split_whitespace();
        let hundredths: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        Ok(hundredths.iter().sum::<f64>() / 100.0)
    }

    /// The number of the process, which the supervisor notes a moment after starting it.
    fn pid(&mut self, seconds: u32) -> Result<String, String> {
        self.wait_until(seconds, |server| {
            let pid = fs::read_to_string(server.folder.join("pid")).ok()?;
            pid.strip_suffix('\n').map(ToOwned::to_owned)
        })
    }

    /// Sends SIGTERM and waits for the server to end; returns its exit code, or says that it went on for `seconds`.
    pub(crate) fn terminate(mut self, seconds: u32) -> Result<i32, String> {
        self.signal("TERM")?;
        let failed = |what: &dyn Display| format!("{} cannot be awaited: {what}", self.name);
        for _ in 0..seconds * 10 {
            let ended = self.supervisor.try_wait().map_err(|error| failed(&error))?;
            if let Some(code) = ended.and_then(|status| status.code()) {
                let _ = fs::remove_dir_all(&self.folder);
                return Ok(code);
            }
            sleep(Duration::from_millis(100));
        }
        Err(format!("{} still runs {seconds} s after SIGTERM; it printed last:\n{}", self.name, self.last_lines()))
    }

    fn last_lines(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Server {
    /// Closing the pipe is what stops the server; waiting makes sure that its port and folder are free afterwards.
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

/// Sends a signal by the shell's own `kill`, for the program of that name is not everywhere. Whether there was a process;
/// the signal `0` does nothing else than ask that.
pub(crate) fn signal(name: &str, pid: &str) -> io::Result<bool> {
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -"$1" "$2" 2>/dev/null"#, "sh", name, pid]);
    Ok(kill.status()?.success())
}

fn set_variables(command: &Command) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    command.get_envs().filter_map(|(name, value)| Some((name, value?)))
}

/// Distinct loopback ports that were free a moment ago. Another process may take one before the server does: the server
/// then ends by itself, and its starter tries again with others.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let failed = |error: io::Error| format!("no free loopback port could be had: {error}");
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        *port = listener.local_addr().map_err(failed)?.port();
        held.push(listener);
    }
    Ok(ports)
}
