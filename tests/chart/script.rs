//! The commands of a page, run by a shell, word for word.

use std::process::Command;

use crate::bed::pages::{Step, plain};
use crate::bed::{Cluster, places};

use super::helm::Helm;

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
        let output = Command::new("sh")
            .args(["-ec", &step.command])
            .current_dir(places::top())
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
