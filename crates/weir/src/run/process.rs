//! What Prometheus wants to know of every process. Linux tells it in `/proc`; elsewhere nothing is told.

use std::fmt::Write;
use std::fs;

/// How many ticks of the processor's clock are a second, by which `/proc` counts: 100 on all processors for which
/// Weir is built (`USER_HZ`, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;
const BYTES_PER_KIB: f64 = 1024.0;

/// The metrics of the process in the text form of Prometheus, under the names that its own client libraries use.
pub fn metrics() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut text = String::new();
    let (status, stat) = (read("/proc/self/status"), read("/proc/self/stat"));
    let started = time_started(&stat, &read("/proc/stat"));
    let open = fs::read_dir("/proc/self/fd").ok().and_then(|entries| u32::try_from(entries.count()).ok());
    for (name, kind, help, value) in [
        ("process_cpu_seconds_total", "counter", "User and system time of the processor, in seconds.", cpu_time(&stat)),
        ("process_resident_memory_bytes", "gauge", "Memory that the process holds.", memory(&status, "VmRSS:")),
        ("process_virtual_memory_bytes", "gauge", "Memory that it has addresses for.", memory(&status, "VmSize:")),
        ("process_start_time_seconds", "gauge", "When it started, in seconds since 1970.", started),
        // The one by which the folder is read does not count.
        ("process_open_fds", "gauge", "Open file descriptors.", open.map(|open| f64::from(open.saturating_sub(1)))),
        ("process_max_fds", "gauge", "How many may be open.", most_files(&read("/proc/self/limits"))),
    ] {
        if let Some(value) = value {
            // Writing to a text cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    }
    text
}

/// A field of `/proc/self/stat` by its number in proc(5). The second, the program's name, may hold anything.
fn field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_time(stat: &str) -> Option<f64> {
    Some((field(stat, 14)? + field(stat, 15)?) / TICKS_PER_SECOND)
}

/// When the process started: after the machine, as far as is told.
fn time_started(stat: &str, machine: &str) -> Option<f64> {
    let booted = machine.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(booted.trim().parse::<f64>().ok()? + field(stat, 22)? / TICKS_PER_SECOND)
}

fn memory(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * BYTES_PER_KIB)
}

fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{cpu_time, memory, metrics, most_files, time_started};

    #[test]
    fn what_linux_tells_is_read() {
        let stat = "17 (we) ir) S 1 17 17 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 12345 1000 200 1844 1 1 0";
        assert_eq!(cpu_time(stat), Some(3.0));
        assert_eq!(time_started(stat, "cpu 1 2\nbtime 1700000000\nprocesses 3\n"), Some(1_700_000_123.45));
        assert_eq!(memory("Name:\tweir\nVmSize:\t   9000 kB\nVmRSS:\t    1500 kB\n", "VmRSS:"), Some(1_536_000.0));
        assert_eq!(
            most_files("Limit  Soft\nMax open files            1024                 4096    files\n"),
            Some(1024.0)
        );
        assert_eq!(
            (cpu_time(""), time_started(stat, ""), memory("", "VmRSS:"), most_files("")),
            (None, None, None, None)
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_tells_of_itself() {
        let text = metrics();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<f64>().unwrap()
        };
        let page = include_str!("../../../../docs/metrics.md");
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        assert_eq!(names.len(), 6);
        for (name, kind) in names.iter().filter_map(|line| line.split_once(' ')) {
            assert!(page.contains(&format!("| `{name}` | {kind} |")), "docs/metrics.md does not explain {name}");
        }
        assert!(value("process_resident_memory_bytes") > 1e6 && value("process_virtual_memory_bytes") > 1e6);
        assert!(value("process_start_time_seconds") > 1.7e9 && value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") > value("process_open_fds"));
    }
}
