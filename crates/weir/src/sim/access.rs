//! The files by which tools find the world.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use super::{Error, Ports};
use crate::files::quoted;

/// The files, which are removed when the world ends.
pub(super) struct Access {
    folder: PathBuf,
    /// Whether nobody has asked for the folder.
    is_temporary: bool,
}

impl Access {
    /// Writes the files.
    pub fn write(folder: Option<&Path>, ports: &Ports, region: &str) -> Result<Self, Error> {
        let is_temporary = folder.is_none();
        let folder = folder.map_or_else(|| env::temp_dir().join(format!("weir-sim-{}", process::id())), Path::to_owned);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| Error::Write { path, cause }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        let folder = folder.canonicalize().map_err(failed(&folder))?;
        let access = Self { folder, is_temporary };
        let (kubeconfig, env) = (access.kubeconfig_path(), access.env_path());
        fs::write(&kubeconfig, kubeconfig_of(ports.kube)).map_err(failed(&kubeconfig))?;
        fs::write(&env, env_of(&kubeconfig, ports, region)).map_err(failed(&env))?;
        Ok(access)
    }

    /// The file of shell variables, as a shell reads its name.
    pub fn env(&self) -> String {
        quoted(&self.env_path())
    }

    /// Removes what was written: it leads nowhere any more.
    pub fn remove(&self) {
        // What somebody else has removed is no harm.
        let _ = fs::remove_file(self.kubeconfig_path());
        let _ = fs::remove_file(self.env_path());
        if self.is_temporary {
            let _ = fs::remove_dir(&self.folder);
        }
    }

    fn kubeconfig_path(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    fn env_path(&self) -> PathBuf {
        self.folder.join("env")
    }
}

fn kubeconfig_of(kube: SocketAddr) -> String {
    format!(
        "apiVersion: v1
kind: Config
current-context: sim
clusters:
- name: sim
  cluster: {{server: \"http://{kube}\"}}
users:
- name: sim
  user: {{}}
contexts:
- name: sim
  context: {{cluster: sim, user: sim, namespace: default}}
"
    )
}

fn env_of(kubeconfig: &Path, Ports { aws, control, .. }: &Ports, region: &str) -> String {
    let kubeconfig = quoted(kubeconfig);
    format!(
        "# Leads kubectl, the AWS CLI, SDKs and weir run to the simulated world of weir sim.
export KUBECONFIG={kubeconfig}
export AWS_ENDPOINT_URL=http://{aws}
export AWS_REGION={region} AWS_DEFAULT_REGION={region}
export AWS_ACCESS_KEY_ID=sim AWS_SECRET_ACCESS_KEY=sim
unset AWS_SESSION_TOKEN AWS_PROFILE
export WEIR_SIM_CONTROL=http://{control}
"
    )
}
