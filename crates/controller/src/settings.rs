//! What an operator may set about the loop.

use std::ops::RangeInclusive;
use std::time::Duration;

use weir_engine::Grants;

use crate::{Definitions, Error};

/// How long a lease may last. Writes are begun only while it lasts for another five seconds, so that a shorter one would
/// leave no room; a longer one would leave a cluster without a leader for as long.
const LEASE_DURATIONS: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(1);

/// How one controller runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names this installation of Weir in ownership tags; stable across clusters.
    pub owner: String,
    /// The one namespace to look at; all of them when it is absent.
    pub namespace: Option<String>,
    /// Names the controller: it looks at those objects whose label has this name, and without one at those that have no
    /// such label.
    pub controller: Option<String>,
    /// Names this process in events.
    pub instance: String,
    /// How often AWS is looked at for changes.
    pub resync_interval: Duration,
    /// How many ticks of each account and region may run at once.
    pub concurrency: usize,
    /// How many of these ticks are kept free for traffic that goes back.
    pub rollback_slots: usize,
    /// After how many seconds the API server is to end a watch, which is then taken up again. One whose connection is dead
    /// without knowing it is noticed a few seconds after that.
    pub watch_seconds: u32,
    /// How long a request to the API server may take that only reads. Writes have five seconds.
    pub request_timeout: Duration,
    /// The namespace of the Lease by which it is settled who leads.
    pub lease_namespace: String,
    /// The name of that Lease: the same for all processes of an installation, and for no others.
    pub lease_name: String,
    /// For how long the Lease is held without being renewed. It is renewed after two fifteenths of that.
    pub lease_duration: Duration,
    /// Names this process in the Lease, as no other is ever named.
    pub identity: String,
    /// How long running ticks may go on after the shutdown began.
    pub grace: Duration,
    /// How long the loop may stand still before it counts as dead.
    pub stuck_after: Duration,
    /// From which all jitter is drawn.
    pub seed: u64,
    /// Which namespaces may name which roles; none may name any, unless it is said here.
    pub grants: Grants,
    /// The definitions that the API server should have, of the same version; none are compared where there are none.
    pub definitions: Definitions,
}

impl Settings {
    /// The defaults, for an installation of a name.
    pub fn new(owner: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            namespace: None,
            controller: None,
            instance: "weir".to_owned(),
            resync_interval: Duration::from_secs(30),
            concurrency: 16,
            rollback_slots: 4,
            watch_seconds: 290,
            request_timeout: Duration::from_secs(10),
            lease_namespace: "default".to_owned(),
            lease_name: "weir".to_owned(),
            lease_duration: Duration::from_secs(15),
            identity: "weir".to_owned(),
            grace: Duration::from_secs(20),
            stuck_after: Duration::from_mins(1),
            seed: 0,
            grants: Grants::default(),
            definitions: Definitions::default(),
        }
    }

    /// Whether a controller can run like this.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |setting, found: String, expected| Err(Error::Setting { setting, found, expected });
        if self.owner.is_empty() {
            return refuse("owner", "nothing".to_owned(), "a name of this installation, such as acme-production");
        }
        if self.instance.is_empty() || self.instance.len() > 128 {
            return refuse("instance", format!("{:?}", self.instance), "1 to 128 characters");
        }
        if self.identity.is_empty() {
            return refuse("identity", "nothing".to_owned(), "a name that no other process has");
        }
        if !LEASE_DURATIONS.contains(&self.lease_duration) || self.lease_duration.subsec_nanos() != 0 {
            return refuse("lease duration", format!("{:?}", self.lease_duration), "whole seconds, 10 to 3600 of them");
        }
        if self.rollback_slots >= self.concurrency {
            let found = format!("{} of {} ticks kept free for rollbacks", self.rollback_slots, self.concurrency);
            return refuse("concurrency", found, "more ticks than are kept free");
        }
        if self.resync_interval < Duration::from_secs(1) {
            return refuse("round interval", format!("{:?}", self.resync_interval), "one second or more");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Settings;

    #[test]
    fn the_defaults_will_do() {
        Settings::new("acme").check().unwrap();
    }

    #[test]
    fn says_what_was_expected() {
        let refused = [
            (Settings::new(""), "a name of this installation"),
            (Settings { instance: String::new(), ..Settings::new("acme") }, "1 to 128 characters"),
            (Settings { identity: String::new(), ..Settings::new("acme") }, "a name that no other process has"),
            (Settings { lease_duration: Duration::from_secs(9), ..Settings::new("acme") }, "whole seconds, 10 to 3600"),
            (Settings { lease_duration: Duration::from_millis(15_500), ..Settings::new("acme") }, "whole seconds"),
            (Settings { concurrency: 4, ..Settings::new("acme") }, "more ticks than are kept free"),
            (Settings { resync_interval: Duration::ZERO, ..Settings::new("acme") }, "one second or more"),
        ];
        for (settings, expected) in refused {
            let message = settings.check().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
