//! The rights of the controller: it has all that it uses, and uses all that it has.
//!
//! The chart is installed by helm, its pods get their own tokens, and a whole story is played. What the API server noted
//! of the service account is then compared with what the chart renders, both ways.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::bed::moto::REGION;
use crate::bed::{Cluster, Moto, own_cluster_with_controllers, own_moto, real_cluster_with_controllers};
use crate::conformance::{Listener, add_balancer, add_group, install_kinds};

use super::helm::{Helm, chart, documents, of_kind};
use super::kubelet::Kubelet;

/// Where the release is.
const RELEASE: &str = "weir-system";
/// The access key by which moto knows the account of `weir run`.
pub(super) const ACCOUNT: &str = "testing";

/// A right, or a request that needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    verb: String,
    /// With the subresource, as rules have it: `weightedroutes/status`.
    resource: String,
    group: String,
    /// Empty for all namespaces.
    namespace: String,
    /// Empty for all names.
    name: String,
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, resource, group, namespace, name } = self;
        write!(formatter, "{verb} {resource}.{group} named {name:?} in {namespace:?}")
    }
}

impl Right {
    /// Whether this right allows a request.
    fn allows(&self, request: &Right) -> bool {
        let is_for = |right: &str, asked: &str| right.is_empty() || right == asked;
        (&self.verb, &self.resource, &self.group) == (&request.verb, &request.resource, &request.group)
            && is_for(&self.namespace, &request.namespace)
            && is_for(&self.name, &request.name)
    }
}

#[test]
fn every_right_is_used_and_none_is_missing() {
    let (Some(cluster), Some(moto)) = (own_cluster_with_controllers(), own_moto()) else { return };
    let Some(helm) = Helm::of(&cluster) else { return };
    let granted = play(&cluster, &moto, &helm, RELEASE, &[]);
    assert!(granted.iter().any(|right| right.namespace.is_empty()), "the controller looks at all namespaces");
    compare(&granted, &cluster, RELEASE);
}

#[test]
fn in_one_namespace_no_right_reaches_beyond_it() {
    let (Some(cluster), Some(moto)) = (real_cluster_with_controllers(), own_moto()) else { return };
    let Some(helm) = Helm::of(cluster) else { return };
    install_kinds(cluster);
    let release = cluster.namespace("chart");
    let watched = format!("{release}-shop");
    // The policy for its service account keeps it from nothing that it does.
    let mode = [
        &format!("--set=watchNamespace={watched}"),
        "--set=crds.install=false",
        "--set=rbac.aggregate=false",
        "--set=admissionPolicy.enabled=true",
    ];
    let granted = play(cluster, &moto, &helm, &release, &mode);
    let reached: BTreeSet<&str> = granted.iter().map(|right| right.namespace.as_str()).collect();
    assert_eq!(reached, BTreeSet::from([release.as_str(), &watched]), "{granted:?}");
    compare(&granted, cluster, &release);
}

/// Installs the chart and plays a story in which the controller does everything that it ever does. Returns what the chart
/// grants.
fn play(cluster: &Cluster, moto: &Moto, helm: &Helm, release: &str, mode: &[&str]) -> BTreeSet<Right> {
    let groups = ["blue", "green"].map(|name| add_group(moto, ACCOUNT, name));
    add_balancer(moto, ACCOUNT, "public", &[Listener { port: 80, forward: &[(&groups[0], 1)] }]);
    let shop = format!("{release}-shop");
    cluster.kubectl(&["create", "namespace", &shop]);
    if release == RELEASE {
        cluster.kubectl(&["create", "namespace", release]);
    }
    cluster.kubectl(&["label", "namespace", release, "pod-security.kubernetes.io/enforce=restricted"]);
    let _kubelet = Kubelet::start(cluster, release, on_aws(moto));
    let chart = chart();
    let install = ["install", "weir", &chart.to_string_lossy(), "--namespace", release, "--wait", "--timeout=2m"];
    let values = [
        "--set=ownerId=acme",
        "--set=allowEverything=true",
        "--set=image.repository=registry.example.org/weir",
        "--set=inventoryInterval=2s",
        &format!("--set=aws.region={REGION}"),
    ];
    helm.run(&[&install[..], &values, mode].concat());

    let in_shop = |arguments: &[&str]| cluster.kubectl(&[&["--namespace", &shop], arguments].concat());
    let applied = cluster.try_kubectl(&["--namespace", &shop, "apply", "-f", "-"], STORY);
    applied.unwrap_or_else(|said| panic!("{said}"));
    in_shop(&["wait", "ts/checkout", "--for=jsonpath={.status.phase}=Paused", "--timeout=60s"]);
    // Finalizers are there now: the run is to go back when its shift is deleted, and the route has what was there before.
    for object in ["ts/checkout", "wr/checkout"] {
        assert_eq!(in_shop(&["get", object, "-o", "jsonpath={.metadata.finalizers}"]), r#"["weir.dev/undo"]"#);
    }
    // All pods are replaced in the middle of the run.
    helm.run(&[
        "upgrade",
        "weir",
        &chart.to_string_lossy(),
        "--namespace",
        release,
        "--reset-then-reuse-values",
        "--set=logging.level=debug",
        "--wait",
        "--timeout=2m",
    ]);
    in_shop(&["annotate", "ts/checkout", "weir.dev/command=promote/1"]);
    in_shop(&["wait", "ts/checkout", "--for=condition=Complete", "--timeout=60s"]);
    // One that nothing hangs on goes, wherever it came from.
    for object in ["wep/public", "wenv/blue"] {
        let patch = r#"{"metadata": {"finalizers": ["weir.dev/undo"]}}"#;
        in_shop(&["patch", object, "--type=merge", "-p", patch]);
    }
    in_shop(&["delete", "ts,wr,wenv,wep", "--all", "--timeout=60s"]);
    granted(helm, release)
}

/// What a pod needs to find moto, and would find by itself on AWS.
pub(super) fn on_aws(moto: &Moto) -> Vec<(&'static str, String)> {
    let credentials = [("AWS_ACCESS_KEY_ID", ACCOUNT), ("AWS_SECRET_ACCESS_KEY", ACCOUNT)];
    let nothing_else = [
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let fixed = credentials.into_iter().chain(nothing_else).map(|(name, value)| (name, value.to_owned()));
    fixed.chain([("AWS_ENDPOINT_URL", moto.endpoint())]).collect()
}

/// A release over a listener's default action, of which everything would be undone.
const STORY: &str = "
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {name: public}
spec: {existing: {name: public}, listeners: [{name: http, port: 80}]}
---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {name: blue}
spec: {targetGroups: [{name: web, existing: {name: blue}}]}
---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {name: green}
spec: {targetGroups: [{name: web, existing: {name: green}}]}
---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {name: checkout}
spec:
  listener: {entryPoint: {name: public}, listener: http}
  backends: [{environment: blue}, {environment: green}]
  adopt: true
  deletionPolicy: Restore
---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {name: checkout}
spec:
  routes: [checkout]
  to: green
  strategy: {steps: [{weight: 25, pause: {}}, {weight: 100}]}
  deletionPolicy: Rollback
";

/// What the release's roles grant to the service account of its pods.
fn granted(helm: &Helm, release: &str) -> BTreeSet<Right> {
    let manifest = documents(&helm.run(&["get", "manifest", "weir", "--namespace", release]));
    let mut granted = BTreeSet::new();
    for (binding, role) in [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")] {
        for binding in of_kind(&manifest, binding) {
            assert_eq!(binding["subjects"][0]["namespace"], release, "{binding}");
            assert_eq!(binding["roleRef"]["kind"], role, "{binding}");
            let (name, namespace) = (&binding["roleRef"]["name"], &binding["metadata"]["namespace"]);
            let is_meant =
                |role: &&Value| role["metadata"]["name"] == *name && role["metadata"]["namespace"] == *namespace;
            let role = of_kind(&manifest, role).find(is_meant).expect("the role of a binding is rendered");
            let namespace = namespace.as_str().unwrap_or_default();
            granted.extend(role["rules"].as_array().unwrap().iter().flat_map(|rule| rights_of(rule, namespace)));
        }
    }
    granted
}

fn rights_of(rule: &Value, namespace: &str) -> Vec<Right> {
    let texts = |field: &str| -> Vec<String> {
        let texts = rule[field].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned());
        texts.collect()
    };
    let mut names = texts("resourceNames");
    if names.is_empty() {
        names.push(String::new());
    }
    let mut rights = Vec::new();
    for group in texts("apiGroups") {
        for resource in texts("resources") {
            for verb in texts("verbs") {
                rights.extend(names.iter().map(|name| Right {
                    verb: verb.clone(),
                    resource: resource.clone(),
                    group: group.clone(),
                    namespace: namespace.to_owned(),
                    name: name.clone(),
                }));
            }
        }
    }
    rights
}

/// Compares what was granted with what the pods have asked for, as the API server noted it.
fn compare(granted: &BTreeSet<Right>, cluster: &Cluster, release: &str) {
    let account = format!("system:serviceaccount:{release}:weir");
    let noted = cluster.asked_by_service_accounts();
    let noted: Vec<&Value> = noted.iter().filter(|event| event["user"]["username"] == account.as_str()).collect();
    assert!(noted.len() > 50, "the API server has noted a whole story: {}", noted.len());
    let is_refused = |event: &&&Value| event["responseStatus"]["code"] == 403;
    assert_eq!(noted.iter().filter(is_refused).count(), 0, "refused: {:?}", noted.iter().find(is_refused));
    let asked: BTreeSet<Right> = noted.iter().filter_map(|event| asked_in(event)).collect();
    let is_granted = |request: &&Right| granted.iter().any(|right| right.allows(request));
    let missing: Vec<String> = asked.iter().filter(|request| !is_granted(request)).map(Right::to_string).collect();
    assert!(missing.is_empty(), "asked for without a right of the chart's: {missing:#?}");
    let is_used = |right: &&Right| asked.iter().any(|request| right.allows(request));
    let unused: Vec<String> = granted.iter().filter(|right| !is_used(right)).map(Right::to_string).collect();
    assert!(unused.is_empty(), "granted and never used: {unused:#?}");
}

/// The right that a request needs. None is needed to ask which kinds there are, and how they are defined.
fn asked_in(event: &Value) -> Option<Right> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    if object["resource"].is_null() {
        let asked = text(&event["requestURI"]);
        assert!(["/apis/weir.dev/v1alpha1", "/openapi/v3/apis/weir.dev/v1alpha1"].contains(&&*asked), "{event}");
        return None;
    }
    let resource = match object["subresource"].as_str() {
        Some(part) => format!("{}/{part}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    let (namespace, name) = (text(&object["namespace"]), text(&object["name"]));
    Some(Right { verb: text(&event["verb"]), resource, group: text(&object["apiGroup"]), namespace, name })
}

#[test]
fn a_right_allows_no_more_than_it_says() {
    let right = |verb: &str, resource: &str, namespace: &str, name: &str| Right {
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        group: "weir.dev".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let request = right("get", "weightedroutes", "shop", "checkout");
    for good in [right("get", "weightedroutes", "", ""), right("get", "weightedroutes", "shop", "checkout")] {
        assert!(good.allows(&request), "{good}");
    }
    for bad in [
        right("list", "weightedroutes", "", ""),
        right("get", "weightedroutes/status", "", ""),
        right("get", "weightedroutes", "other", ""),
        right("get", "weightedroutes", "", "other"),
    ] {
        assert!(!bad.allows(&request), "{bad}");
    }
    assert!(!right("list", "weightedroutes", "shop", "").allows(&right("list", "weightedroutes", "", "")));
}
