//! Which routes of other namespaces may use an entry point.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{HostPattern, LabelKey, LabelValue};

/// Which routes may use an entry point. Routes of the entry point's own namespace always may.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedRoutes {
    /// From which namespaces.
    #[serde(default)]
    pub namespaces: AllowedNamespaces,
    /// Host patterns, with the wildcards `*` and `?`: a route of another namespace must give `match.hosts`, each of
    /// them equal to or under one of these. When empty, it may give any host. The default action of a listener, and a
    /// rule without a host, is for the hosts of everybody: a route of another namespace gets it, and may give a
    /// `priority`, only where `*` is among these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), with = "Vec<HostPattern>")]
    pub hosts: Vec<String>,
    /// Whether a route of another namespace may take over, with `adopt: true`, a rule or default action that Weir did not
    /// make. Without it such rules also keep it off their hosts.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub adopt: bool,
}

impl AllowedRoutes {
    /// Whether this says no more than the absence of it: routes of the own namespace only.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// From which namespaces routes may come.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("(has(self.from) && self.from == 'Selector') == has(self.selector)")
    .message("give selector when from is Selector, and leave it out when from is Same or All"))]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// `Same` (the entry point's own), `All`, or those whose labels `selector` selects.
    #[serde(default)]
    pub from: NamespaceSource,
    /// Selects namespaces by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// From which namespaces routes may come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NamespaceSource {
    /// The entry point's own.
    #[default]
    Same,
    /// Any.
    All,
    /// Those whose labels a selector selects.
    Selector,
}

/// Selects by labels, as selectors of Kubernetes do: all requirements must be met.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("self.matchLabels.size() + self.matchExpressions.size() >= 1")
    .message("the selector is empty; give matchLabels or matchExpressions, or from: All"))]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels with the values that they must have.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, LabelValue>", extend("maxProperties" = 20))]
    #[x_kube(validation = Rule::new("self.all(key, key.matches('^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))")
        .message("no label has such a key: it has up to 63 letters, digits, hyphens, underscores and dots, and may have a domain with a slash before them, for example team or shop.example.org/team"))]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// A requirement on one label.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (self.values.size() > 0)")
    .message("give values with the operators In and NotIn, and none with Exists and DoesNotExist"))]
#[serde(rename_all = "camelCase")]
pub struct LabelRequirement {
    /// The label.
    #[schemars(with = "LabelKey")]
    pub key: String,
    /// How its value is compared.
    pub operator: LabelOperator,
    /// The values for `In` and `NotIn`.
    #[serde(default)]
    #[schemars(length(max = 20), with = "Vec<LabelValue>")]
    pub values: Vec<String>,
}

/// How the value of a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// It is one of the values.
    In,
    /// It is none of the values, or the label is absent.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl LabelSelector {
    /// Whether it selects something with these labels.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.is_met(labels))
    }
}

impl LabelRequirement {
    fn is_met(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            LabelOperator::In => value.is_some_and(|value| self.values.contains(value)),
            LabelOperator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_selects_as_those_of_kubernetes_do() {
        let labels = |text: &str| -> BTreeMap<String, String> {
            text.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
        };
        let requirement = |operator, values: &[&str]| LabelSelector {
            match_labels: BTreeMap::new(),
            match_expressions: vec![LabelRequirement {
                key: "team".to_owned(),
                operator,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            }],
        };
        let plain = LabelSelector { match_labels: labels("team=a tier=web"), match_expressions: Vec::new() };
        let cases = [
            (plain.clone(), "team=a tier=web zone=1", true),
            (plain, "team=a", false),
            (requirement(LabelOperator::In, &["a", "b"]), "team=b", true),
            (requirement(LabelOperator::In, &["a", "b"]), "", false),
            (requirement(LabelOperator::NotIn, &["a"]), "team=b", true),
            (requirement(LabelOperator::NotIn, &["a"]), "", true),
            (requirement(LabelOperator::NotIn, &["a"]), "team=a", false),
            (requirement(LabelOperator::Exists, &[]), "team=", true),
            (requirement(LabelOperator::Exists, &[]), "tier=web", false),
            (requirement(LabelOperator::DoesNotExist, &[]), "tier=web", true),
            (requirement(LabelOperator::DoesNotExist, &[]), "team=a", false),
        ];
        for (selector, text, expected) in cases {
            assert_eq!(selector.selects(&labels(text)), expected, "{selector:?} of {text:?}");
        }
    }
}
