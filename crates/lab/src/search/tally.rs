//! How many plans of each class of faults were played, and how many failed.

use std::collections::BTreeMap;
use std::fmt;

use crate::plan::{Failure, Plan};

/// Plans by the class of their faults.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    classes: BTreeMap<String, [u64; 2]>,
}

impl Tally {
    /// Counts a plan.
    pub fn count(&mut self, plan: &Plan, failures: &[Failure]) {
        let mut classes: Vec<&str> = plan.faults.iter().map(|planned| planned.fault.class()).collect();
        classes.dedup();
        let class = match classes.as_slice() {
            [] => "no fault",
            [class] => class,
            _ => "several",
        };
        let [played, failed] = self.classes.entry(class.to_owned()).or_default();
        *played += 1;
        *failed += u64::from(!failures.is_empty());
    }

    /// How many were played.
    pub fn played(&self) -> u64 {
        self.classes.values().map(|[played, _]| played).sum()
    }

    /// How many failed.
    pub fn failed(&self) -> u64 {
        self.classes.values().map(|[_, failed]| failed).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:<24} {:>7} {:>7}", "class", "plans", "failed")?;
        for (class, [played, failed]) in &self.classes {
            writeln!(formatter, "{class:<24} {played:>7} {failed:>7}")?;
        }
        Ok(())
    }
}
