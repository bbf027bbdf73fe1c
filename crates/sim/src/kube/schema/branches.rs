//! The branches of a schema: `allOf`, `anyOf`, `oneOf` and `not`.

use serde_json::Value;

use super::judge::Verdict;
use super::{Limits, Schema};

impl Schema {
    pub(super) fn judge_branches(&self, value: &Value, old: Option<&Value>, path: &str, verdict: &mut Verdict) {
        verdict.checks += 1;
        let Limits { all_of, any_of, one_of, not, .. } = &self.limits;
        if !any_of.is_empty() {
            let (fitting, best) = try_branches(any_of, value, old, path);
            if fitting == 0 {
                verdict.general(format!("{path:?} must validate at least one schema (anyOf)"));
            }
            verdict.take(best);
        }
        if !one_of.is_empty() {
            let (fitting, best) = try_branches(one_of, value, old, path);
            if fitting != 1 {
                let found = if fitting == 0 {
                    "Found none valid".to_owned()
                } else {
                    format!("Found {fitting} valid alternatives")
                };
                verdict.general(format!("{path:?} must validate one and only one schema (oneOf). {found}"));
            }
            if fitting < 2 {
                verdict.take(best);
            }
        }
        if !all_of.is_empty() {
            let verdicts: Vec<Verdict> = all_of.iter().map(|branch| branch.verdict(value, old, path)).collect();
            let fitting = verdicts.iter().filter(|verdict| verdict.errors.is_empty()).count();
            for branch in verdicts {
                verdict.take(branch);
            }
            if fitting != all_of.len() {
                let rest = if fitting == 0 { ". None validated" } else { "" };
                verdict.general(format!("{path:?} must validate all the schemas (allOf){rest}"));
            }
        }
        if not.as_ref().is_some_and(|not| not.verdict(value, old, path).errors.is_empty()) {
            verdict.general(format!("{path:?} must not validate the schema (not)"));
        }
    }
}

/// How many branches a value fits, and the verdict of the first that it fits, or else of the one that came furthest.
fn try_branches(branches: &[Schema], value: &Value, old: Option<&Value>, path: &str) -> (usize, Verdict) {
    let mut fitting = 0;
    let mut best: Option<Verdict> = None;
    for branch in branches {
        let verdict = branch.verdict(value, old, path);
        let fits = verdict.errors.is_empty();
        let better = match &best {
            None => true,
            Some(best) if fits => !best.errors.is_empty(),
            Some(best) => !best.errors.is_empty() && verdict.checks > best.checks,
        };
        fitting += usize::from(fits);
        if better {
            best = Some(verdict);
        }
    }
    (fitting, best.unwrap_or_default())
}
