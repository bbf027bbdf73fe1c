//! The values: each is explained, checked and shown in the chart's README, and what is wrong is refused in words.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::helm::{Helm, chart, documents, only, with_required};

fn read(name: &str) -> String {
    fs::read_to_string(chart().join(name)).unwrap()
}

/// A value as `values.yaml` has it.
struct Explained {
    path: String,
    default: Value,
    comment: String,
}

/// Every value with its comment, in the order of the file. What has a comment is a value; what has none is a group of
/// values.
fn explained() -> Vec<Explained> {
    let text = read("values.yaml");
    let defaults = &documents(&text)[0];
    let (mut found, mut comment, mut path) = (Vec::new(), String::new(), Vec::<&str>::new());
    for line in text.lines() {
        let depth = (line.len() - line.trim_start().len()) / 2;
        if let Some(said) = line.trim_start().strip_prefix("# ") {
            said.clone_into(&mut comment);
        } else if let Some((name, _)) =
            line.trim_start().split_once(':').filter(|_| !line.trim_start().starts_with('-'))
        {
            // What is deeper belongs to a value that was explained as a whole.
            let is_inside = found.last().is_some_and(|last: &Explained| {
                depth > last.path.matches('.').count()
                    && !last.default.as_object().is_none_or(serde_json::Map::is_empty)
            });
            path.truncate(depth);
            path.push(name);
            if is_inside {
                continue;
            }
            if !comment.is_empty() {
                let pointer = format!("/{}", path.join("/"));
                let default = defaults.pointer(&pointer).expect("the comment stands before a value").clone();
                found.push(Explained { path: path.join("."), default, comment: std::mem::take(&mut comment) });
            }
        }
    }
    found
}

/// What the schema says of each value that is no group, by its path.
fn in_schema(schema: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
    for (name, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if value["properties"].is_object() {
            assert_eq!(value["additionalProperties"], json!(false), "the schema of {path} lets anything through");
            in_schema(value, &path, found);
        } else {
            found.insert(path, value.clone());
        }
    }
}

#[test]
fn every_value_is_explained_and_in_the_schema() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    assert_eq!(schema["additionalProperties"], json!(false));
    let mut known = BTreeMap::new();
    in_schema(&schema, "", &mut known);
    // Helm itself puts this into the values of a chart that is part of another one.
    assert!(known.remove("global").is_some());
    let explained: BTreeMap<String, String> =
        explained().into_iter().map(|value| (value.path, value.comment)).collect();
    assert_eq!(explained.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    assert!(explained.values().all(|comment| comment.ends_with('.')), "{explained:?}");
}

#[test]
fn the_table_of_the_readme_is_that_of_the_values() {
    let cell = |text: &str| text.replace('|', "\\|");
    let row = |Explained { path, default, comment }: Explained| {
        let default = match &default {
            Value::String(text) if text.is_empty() => "–".to_owned(),
            Value::String(text) => format!("`{text}`"),
            Value::Array(items) if !items.is_empty() && path == "topologySpreadConstraints" => {
                "over nodes and zones".to_owned()
            }
            default => format!("`{default}`"),
        };
        format!("| `{path}` | {} | {} |\n", cell(&default), cell(&comment))
    };
    let table: String = explained().into_iter().map(row).collect();
    let table = format!("| value | default | |\n|---|---|---|\n{table}");
    assert!(read("README.md").contains(&table), "the table in charts/weir/README.md is to be:\n{table}");
}

/// The last words of helm, which refuses values, with the program's name for the object cut off.
fn refused(helm: &Helm, values: &Value) -> String {
    match helm.try_render(values) {
        Ok(_) => panic!("{values} is not refused"),
        Err(said) => said,
    }
}

#[test]
fn what_is_wrong_is_refused_in_words() {
    let Some(helm) = Helm::alone() else { return };
    let cases = [
        (json!({"colour": "blue"}), vec!["'colour' not allowed"]),
        (
            json!({"metrics": {"serviceMonitor": {"enable": true}}}),
            vec!["/metrics/serviceMonitor", "'enable' not allowed"],
        ),
        (json!({"replicas": "two"}), vec!["/replicas", "got string, want integer"]),
        (json!({"inventoryInterval": "30"}), vec!["/inventoryInterval", "does not match pattern"]),
        (json!({"aws": {"elbModifyRate": 0}}), vec!["/aws/elbModifyRate", "minimum: got 0, want 1"]),
        (json!({"controllerName": "two words"}), vec!["/controllerName", "does not match pattern"]),
        (json!({"gracePeriodSeconds": 0}), vec!["/gracePeriodSeconds", "got 0, want 1"]),
        (json!({"logging": {"format": "xml"}}), vec!["/logging/format", "'json', 'pretty'"]),
        (json!({"allow": ["shop=shop-public"]}), vec!["/allow/0", "want object"]),
        (json!({"allow": [{"balancers": ["shop-public"]}]}), vec!["/allow/0", "'namespace'"]),
        (json!({"allow": [{"namespace": "shop", "roles": ["weir"]}]}), vec!["/allow/0/roles/0"]),
        (
            json!({"serviceAccount": {"create": false}}),
            vec!["say which service account is used: --set serviceAccount.name=NAME"],
        ),
    ];
    for (values, expected) in cases {
        let said = refused(&helm, &with_required(&values));
        assert!(expected.iter().all(|part| said.contains(part)), "{values}: expected {expected:?}, helm says: {said}");
    }
    let owner = refused(&helm, &json!({"image": {"repository": "registry.example.org/weir"}}));
    assert!(
        owner.contains("name this installation in tags on AWS, once and for good: --set ownerId=acme-production"),
        "{owner}"
    );
    let image = refused(&helm, &json!({"ownerId": "acme"}));
    assert!(
        image.contains("build the image with the Dockerfile of the repository, push it, and say where it is"),
        "{image}"
    );
    let allow = refused(&helm, &json!({"ownerId": "acme", "image": {"repository": "r"}}));
    assert!(allow.contains("say what the objects of each namespace may name on AWS"), "{allow}");
    let words = refused(&helm, &json!({"ownerId": "two words", "image": {"repository": "r"}}));
    assert!(words.contains("/ownerId"), "{words}");
}

#[test]
fn values_reach_the_program() {
    let Some(helm) = Helm::alone() else { return };
    let values = json!({
        "image": {"digest": format!("sha256:{}", "0".repeat(64))},
        "watchNamespace": "shop",
        "controllerName": "blue",
        "aws": {"region": "eu-central-1", "elbModifyRate": 5},
        "allow": [
            {
                "namespace": "shop", "balancers": ["shop-public"], "targetGroups": ["shop-*"],
                "zones": ["Z0123456789ABC/*.shop.example.org"],
            },
            {"namespace": "*", "roles": ["arn:aws:iam::222222222222:role/weir-*"], "regions": ["us-east-1"]},
        ],
        "inventoryInterval": "1m",
        "leaseDuration": "30s",
        "gracePeriodSeconds": 60,
        "logging": {"level": "info,weir_aws=debug", "format": "pretty"},
        "extraEnv": [{"name": "WEIR_CONCURRENCY", "value": "32"}],
    });
    let objects = helm.render(&values);
    let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(
        container["args"],
        json!([
            "run",
            "--owner-id=acme",
            "--namespace=shop",
            "--controller-name=blue",
            "--region=eu-central-1",
            "--elb-modify-rate=5",
            "--allow-balancer=shop=shop-public",
            "--allow-target-group=shop=shop-*",
            "--allow-zone=shop=Z0123456789ABC/*.shop.example.org",
            "--allow-role=*=arn:aws:iam::222222222222:role/weir-*",
            "--allow-region=*=us-east-1",
            "--lease-name=weir",
            "--lease-duration=30s",
            "--inventory-interval=1m",
            "--grace-period=60s",
            "--log=info,weir_aws=debug",
            "--log-format=pretty",
        ])
    );
    let env = json!([{"name": "AWS_EC2_METADATA_DISABLED", "value": "true"}, values["extraEnv"][0]]);
    assert_eq!(container["env"], env);
    assert_eq!(container["image"], format!("registry.example.org/weir@sha256:{}", "0".repeat(64)));
    assert_eq!(pod["terminationGracePeriodSeconds"], 70, "longer than the program takes to end");
}

/// What a node may do is not what Weir may do, unless somebody says so.
#[test]
fn the_role_of_the_node_is_taken_only_where_it_is_wanted() {
    let Some(helm) = Helm::alone() else { return };
    let render = |wanted: bool| {
        let policy = json!({"enabled": true});
        let objects = helm.render(&json!({"networkPolicy": policy, "aws": {"instanceMetadata": wanted}}));
        let container = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        (container["env"].clone(), only(&objects, "NetworkPolicy")["spec"]["egress"].to_string())
    };
    let (env, egress) = render(false);
    assert_eq!(env, json!([{"name": "AWS_EC2_METADATA_DISABLED", "value": "true"}]));
    assert!(egress.contains("169.254.170.23") && !egress.contains("169.254.169.254"), "{egress}");
    let (env, egress) = render(true);
    assert_eq!(env, Value::Null);
    assert!(egress.contains("169.254.169.254") && egress.contains("fd00:ec2::254"), "{egress}");
}

#[test]
fn the_chart_is_of_this_version_and_knows_the_programs_port() {
    let chart = &documents(&read("Chart.yaml"))[0];
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    let Some(helm) = Helm::alone() else { return };
    let objects = helm.render(&json!({}));
    let container = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], concat!("registry.example.org/weir:", env!("CARGO_PKG_VERSION")));
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_weir")).args(["run", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let port = format!("[::]:{} in a pod", container["ports"][0]["containerPort"]);
    assert!(help.contains(&port), "{port} in: {help}");
}

#[test]
fn metrics_may_have_a_port_of_their_own() {
    let Some(helm) = Helm::alone() else { return };
    let render = |port: u16| {
        let objects = helm.render(&json!({"metrics": {"port": port}, "networkPolicy": {"enabled": true}}));
        let container = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        let is_told = |argument: &Value| argument.as_str().is_some_and(|said| said.starts_with("--metrics-listen"));
        let told: Vec<Value> =
            container["args"].as_array().unwrap().iter().filter(|argument| is_told(argument)).cloned().collect();
        let service = only(&objects, "Service")["spec"]["ports"][0].clone();
        let open = only(&objects, "NetworkPolicy")["spec"]["ingress"][0]["ports"].clone();
        (json!(told), container["ports"].clone(), service["port"].clone(), service["targetPort"].clone(), open)
    };
    let http = json!({"name": "http", "containerPort": 8080});
    let let_in = |port: &str| json!([{"port": port, "protocol": "TCP"}]);
    assert_eq!(render(8080), (json!([]), json!([http]), json!(8080), json!("http"), let_in("http")));
    let both = json!([http, {"name": "metrics", "containerPort": 9090}]);
    let told = json!(["--metrics-listen=[::]:9090"]);
    assert_eq!(render(9090), (told, both, json!(9090), json!("metrics"), let_in("metrics")));
}
