//! What a page tells its reader to type: the commands of its console blocks, run by a shell, word for word.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::bed::Cluster;
use crate::conformance::plain;

use super::helm::{Helm, root};

/// A command of a page, and what the page shows after it.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) command: String,
    shown: String,
}

impl Step {
    /// A command, whatever it shows.
    pub(crate) fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), shown: String::new() }
    }
}

/// The commands below a heading, up to the next one of its rank.
pub(crate) fn steps(page: &str, heading: &str) -> Vec<Step> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let rank = heading.split(' ').next().unwrap_or_default();
    let section = text.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("{page} has no {heading}"));
    let section = section.split(&format!("\n{rank} ")).next().unwrap_or_default();
    let mut steps: Vec<Step> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        let mut goes_on = false;
        for line in block.split("```").next().unwrap_or_default().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step::new(command));
            } else {
                let step = steps.last_mut().expect("a block begins with a command");
                let text = if goes_on { &mut step.command } else { &mut step.shown };
                text.push_str(if goes_on { "\n" } else { "" });
                text.push_str(line);
                text.push_str(if goes_on { "" } else { "\n" });
            }
            goes_on = line.ends_with('\\');
        }
    }
    assert!(!steps.is_empty(), "{page}, {heading}: there are commands");
    steps
}

/// A shell of a reader who has kubectl and helm, and has opened it at the top of the repository.
pub(crate) struct Shell<'a> {
    helm: &'a Helm,
    path: String,
}

impl<'a> Shell<'a> {
    pub(crate) fn new(cluster: &'a Cluster, helm: &'a Helm) -> Self {
        let folders = [cluster.kubectl_folder(), helm.program_folder()].map(|folder| folder.display().to_string());
        let rest = std::env::var("PATH").unwrap_or_default();
        Self { helm, path: format!("{}:{rest}", folders.join(":")) }
    }

    /// Runs a command, which must succeed and show what the page shows, where that shows anything.
    #[track_caller]
    pub(crate) fn run(&self, step: &Step) {
        let top: PathBuf = root();
        let output = Command::new("sh")
            .args(["-ec", &step.command])
            .current_dir(top)
            .envs(self.helm.variables())
            .env("PATH", &self.path)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{}\n{said}{complained}", step.command);
        let is_as_shown = step.shown.is_empty() || plain(&said) == plain(&step.shown);
        assert!(is_as_shown, "{}\nshows {said}\nand not {}", step.command, step.shown);
    }
}
