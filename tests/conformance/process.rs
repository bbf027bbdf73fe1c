//! The bed furthest from the code: a real API server, moto as AWS, and `weir run` as a process of its own.
//!
//! Everything that is done and seen here goes through the interfaces that users have. Moto knows no health: its targets
//! are healthy as soon as they are registered, so cases about health are for the other beds.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::bed::moto::REGION;
use crate::bed::server::Server;
use crate::bed::{Moto, own_moto, places};

use super::bed::{Bed, ENVIRONMENTS, LEASE, OWNER, PORT, Place, ROUND, SMOKE_PORT, TARGETS, Weights};
use super::kubernetes::Kubernetes;

/// How long `weir run` may take to be ready.
const START_SECONDS: u32 = 120;

/// The moto that all cases share; each has a balancer of its own in it. Like every server of the test bed it ends with
/// the test process.
fn shared_moto() -> Option<&'static Moto> {
    static MOTO: Mutex<Option<&'static Moto>> = Mutex::new(None);
    let mut shared = MOTO.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.is_none() {
        // Each case that goes without is announced, so each asks anew.
        *shared = Some(Box::leak(Box::new(own_moto()?)));
    }
    *shared
}

/// Runs a case here, unless what it needs is missing.
pub(crate) fn open(play: impl FnOnce(&mut dyn Bed)) {
    if let Some(mut bed) = Process::open() {
        play(&mut bed);
    }
}

/// The bed.
pub(crate) struct Process {
    pub(crate) kubernetes: Kubernetes,
    pub(crate) moto: &'static Moto,
    prefix: String,
    /// The groups' ARNs, by environment.
    arns: BTreeMap<String, String>,
    /// The ARN of the listener on [`PORT`].
    listener: String,
    running: Option<Server>,
    /// By which the stage's account is known.
    key: String,
    /// Further arguments of `weir run`.
    pub(crate) arguments: Vec<String>,
}

impl Process {
    /// A bed with the stage set and no controller.
    pub(crate) fn open() -> Option<Self> {
        Self::open_as(|_| "testing".to_owned())
    }

    /// A bed whose stage is in the account of a role.
    pub(crate) fn open_in_role(role: &str) -> Option<Self> {
        Self::open_as(|moto| {
            let request = [("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role)];
            one(&moto.query("sts", &[&request[..], &[("RoleSessionName", "stage")]].concat()), "AccessKeyId")
        })
    }

    fn open_as(key: impl FnOnce(&Moto) -> String) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let moto = shared_moto()?;
        let kubernetes = Kubernetes::open()?;
        let prefix = format!("c{:03}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut bed = Self {
            kubernetes,
            moto,
            prefix,
            arns: BTreeMap::new(),
            listener: String::new(),
            running: None,
            key: key(moto),
            arguments: Vec::new(),
        };
        bed.set_stage();
        Some(bed)
    }

    fn set_stage(&mut self) {
        self.arns =
            ENVIRONMENTS.map(|environment| (environment.to_owned(), self.add_group(&self.name(environment)))).into();
        let blue = [(self.arns["blue"].as_str(), 100)];
        let all: Vec<(&str, u32)> = self.arns.values().map(|group| (group.as_str(), 1)).collect();
        let listeners = [Listener { port: PORT, forward: &blue }, Listener { port: SMOKE_PORT, forward: &all }];
        self.listener = self.add_balancer(&self.name("public"), &listeners).remove(0);
    }

    /// Makes a target group with targets; returns its ARN.
    pub(crate) fn add_group(&self, name: &str) -> String {
        add_group(self.moto, &self.key, name)
    }

    /// Makes a balancer with listeners; returns their ARNs.
    pub(crate) fn add_balancer(&self, name: &str, listeners: &[Listener<'_>]) -> Vec<String> {
        add_balancer(self.moto, &self.key, name, listeners)
    }

    fn elb(&self, operation: &str, parameters: &[(&str, &str)]) -> String {
        elb(self.moto, &self.key, operation, parameters)
    }

    fn rule(&self, priority: u32) -> Option<String> {
        let rules = self.elb("DescribeRules", &[("ListenerArn", &self.listener)]);
        let priority = format!("<Priority>{priority}</Priority>");
        let mut arns = all(&rules, "RuleArn").into_iter();
        arns.find(|arn| self.elb("DescribeRules", &[("RuleArns.member.1", arn)]).contains(&priority))
    }

    fn place(&self, place: Place) -> Option<String> {
        match place {
            Place::Default => Some(self.listener.clone()),
            Place::Rule(priority) => self.rule(priority),
        }
    }

    /// `weir run` for this case, with more arguments; it is not awaited.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Server {
        let mut command = weir_run(self.moto);
        command.arg("--kubeconfig").arg(self.kubernetes.cluster.kubeconfig());
        // By the environment, so that a case can give another by the flag.
        command.env("WEIR_LEASE_NAMESPACE", &self.kubernetes.namespace);
        command.args(["--namespace", &self.kubernetes.namespace]);
        command.args(["--lease-duration", &format!("{}s", LEASE.as_secs()), "--listen", "127.0.0.1:0"]).args(arguments);
        Server::start("weir run", places::scratch("weir").unwrap(), &command).unwrap_or_else(|said| panic!("{said}"))
    }

    /// Takes the running process, to see how it ends.
    pub(crate) fn take(&mut self) -> Server {
        self.running.take().expect("the case has started a controller")
    }

    /// `weir run` for this case, with more arguments, once it is ready.
    pub(crate) fn spawn_ready(&self, arguments: &[&str]) -> Server {
        let mut server = self.spawn(arguments);
        let ready = |server: &Server| {
            let (status, _) = get(&address(&server.log())?, "/readyz").ok()?;
            (status == 200).then_some(())
        };
        server.wait_until(START_SECONDS, ready).unwrap_or_else(|said| panic!("{said}"));
        server
    }

    /// The processor time that the running process has taken, in seconds.
    pub(crate) fn processor_s(&mut self) -> f64 {
        let running = self.running.as_mut().expect("the case has started a controller");
        running.processor_s().unwrap_or_else(|said| panic!("{said}"))
    }

    /// The status and the body of the answer to a GET of the running process.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let running = self.running.as_ref().expect("the case has started a controller");
        let address = address(&running.log()).expect("it has said where it listens");
        get(&address, path).unwrap_or_else(|error| panic!("{path} of {address}: {error}"))
    }
}

impl Bed for Process {
    fn namespace(&self) -> &str {
        &self.kubernetes.namespace
    }

    fn name(&self, of: &str) -> String {
        format!("{}-{of}", self.prefix)
    }

    fn pass(&mut self, span: Duration) {
        self.kubernetes.pass(span);
    }

    fn try_apply(&mut self, manifests: &str) -> Result<(), String> {
        self.kubernetes.try_apply(manifests)
    }

    fn apply_from_before(&mut self, manifests: &str) {
        self.kubernetes.apply_from_before(manifests);
    }

    fn patch(&mut self, resource: &str, name: &str, patch: &Value) {
        self.kubernetes.patch(resource, name, patch);
    }

    fn wipe_status(&mut self, resource: &str, name: &str) {
        self.kubernetes.wipe_status(resource, name);
    }

    fn delete(&mut self, resource: &str, name: &str) {
        self.kubernetes.delete(resource, name);
    }

    fn list(&self, resource: &str) -> Vec<Value> {
        self.kubernetes.list(resource)
    }

    fn await_condition(&mut self, resource: &str, name: &str, condition: &str) {
        let waited = self.kubernetes.await_condition(resource, name, condition);
        waited.unwrap_or_else(|said| panic!("kubectl wait: {said}\n{}", (self as &dyn Bed).report()));
    }

    fn live(&self, place: Place) -> Weights {
        let described = match place {
            Place::Default => self.elb("DescribeListeners", &[("ListenerArns.member.1", &self.listener)]),
            Place::Rule(priority) => match self.rule(priority) {
                Some(rule) => self.elb("DescribeRules", &[("RuleArns.member.1", &rule)]),
                None => return Weights::new(),
            },
        };
        let forward = described.split("<ForwardConfig>").nth(1).unwrap_or_default();
        let forward = forward.split("</ForwardConfig>").next().unwrap_or_default();
        let weights = all(forward, "Weight").into_iter().map(|weight| weight.parse().expect("a weight is a number"));
        let environment = |group: &String| {
            let found = self.arns.iter().find(|(_, arn)| *arn == group);
            found.map_or_else(|| panic!("{group} is not of this case"), |(name, _)| name.clone())
        };
        all(forward, "TargetGroupArn").iter().map(environment).zip(weights).collect()
    }

    fn tags(&self, place: Place) -> BTreeMap<String, String> {
        let Some(resource) = self.place(place) else { return BTreeMap::new() };
        let described = self.elb("DescribeTags", &[("ResourceArns.member.1", &resource)]);
        all(&described, "Key").into_iter().zip(all(&described, "Value")).collect()
    }

    fn edit(&mut self, place: Place, weights: &[(&str, u32)]) {
        let resource = self.place(place).expect("the place exists");
        let (operation, key, actions) = match place {
            Place::Default => ("ModifyListener", "ListenerArn", "DefaultActions"),
            Place::Rule(_) => ("ModifyRule", "RuleArn", "Actions"),
        };
        let mut parameters = vec![(key.to_owned(), resource)];
        let weights: Vec<(&str, u32)> =
            weights.iter().map(|(environment, weight)| (self.arns[*environment].as_str(), *weight)).collect();
        parameters.extend(forward(actions, &weights));
        self.elb(operation, &borrowed(&parameters));
    }

    fn break_targets(&mut self, environment: &str, _count: usize) {
        panic!("moto knows no health, so {environment} cannot be broken here; leave this bed out of the case");
    }

    fn start(&mut self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.running = Some(self.spawn_ready(&arguments));
    }

    fn kill(&mut self) {
        // Dropping a server kills it with SIGKILL.
        drop(self.take());
    }

    fn metrics(&self) -> String {
        self.ask("/metrics").1
    }

    fn requests(&self) -> Option<u64> {
        None
    }

    fn last_words(&self) -> String {
        self.running.as_ref().map_or_else(|| "weir run does not run".to_owned(), Server::log)
    }
}

/// A listener to be made.
pub(crate) struct Listener<'a> {
    pub(crate) port: u16,
    /// The ARNs of groups with their weights.
    pub(crate) forward: &'a [(&'a str, u32)],
}

fn elb(moto: &Moto, key: &str, operation: &str, parameters: &[(&str, &str)]) -> String {
    let request = [("Action", operation), ("Version", "2015-12-01")];
    moto.query_as(key, "elasticloadbalancing", &[&request[..], parameters].concat())
}

/// Makes a target group with targets; returns its ARN.
pub(crate) fn add_group(moto: &Moto, key: &str, name: &str) -> String {
    let vpc = &network(moto, key).vpc;
    let parameters = [("Name", name), ("Protocol", "HTTP"), ("Port", "80"), ("VpcId", vpc)];
    let group = one(&elb(moto, key, "CreateTargetGroup", &parameters), "TargetGroupArn");
    for target in 1..=TARGETS {
        let id = format!("i-{name}-{target}");
        elb(moto, key, "RegisterTargets", &[("TargetGroupArn", &group), ("Targets.member.1.Id", &id)]);
    }
    group
}

/// Makes a balancer with listeners; returns their ARNs.
pub(crate) fn add_balancer(moto: &Moto, key: &str, name: &str, listeners: &[Listener<'_>]) -> Vec<String> {
    let subnets = &network(moto, key).subnets;
    let parameters = [("Name", name), ("Subnets.member.1", &subnets[0]), ("Subnets.member.2", &subnets[1])];
    let balancer = one(&elb(moto, key, "CreateLoadBalancer", &parameters), "LoadBalancerArn");
    let add = |listener: &Listener<'_>| {
        let port = listener.port.to_string();
        let place = [("LoadBalancerArn", balancer.as_str()), ("Protocol", "HTTP"), ("Port", &port)];
        let action = forward("DefaultActions", listener.forward);
        one(&elb(moto, key, "CreateListener", &[&place[..], &borrowed(&action)].concat()), "ListenerArn")
    };
    listeners.iter().map(add).collect()
}

/// The parameters of an action that forwards to groups by weight.
fn forward(actions: &str, weights: &[(&str, u32)]) -> Vec<(String, String)> {
    let action = format!("{actions}.member.1");
    let mut parameters = vec![(format!("{action}.Type"), "forward".to_owned())];
    for (number, (group, weight)) in weights.iter().enumerate() {
        let tuple = format!("{action}.ForwardConfig.TargetGroups.member.{}", number + 1);
        parameters.push((format!("{tuple}.TargetGroupArn"), (*group).to_owned()));
        parameters.push((format!("{tuple}.Weight"), weight.to_string()));
    }
    parameters
}

/// The network in which balancers are made.
#[derive(Clone)]
struct Network {
    vpc: String,
    subnets: Vec<String>,
}

/// The network that a moto gives to each account, which is known by an access key.
fn network(moto: &Moto, key: &str) -> Network {
    static NETWORKS: Mutex<BTreeMap<(String, String), Network>> = Mutex::new(BTreeMap::new());
    let mut networks = NETWORKS.lock().unwrap_or_else(PoisonError::into_inner);
    let network = networks.entry((moto.endpoint().clone(), key.to_owned())).or_insert_with(|| {
        let subnets = moto.query_as(key, "ec2", &[("Action", "DescribeSubnets"), ("Version", "2016-11-15")]);
        Network { vpc: one(&subnets, "vpcId"), subnets: all(&subnets, "subnetId") }
    });
    network.clone()
}

/// `weir run` with moto as its AWS, and nothing of the user's own settings.
pub(crate) fn weir_run(moto: &Moto) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command
        .args(["run", "--log-format", "json"])
        // By the environment, so that a case can give another by the flag.
        .env("WEIR_OWNER_ID", OWNER)
        .env("WEIR_INVENTORY_INTERVAL", format!("{}s", ROUND.as_secs()))
        .envs(["BALANCER", "TARGET_GROUP", "REGION"].map(|subject| (format!("WEIR_ALLOW_{subject}"), "*=*")))
        .env("AWS_ENDPOINT_URL", moto.endpoint())
        .envs([("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing"), ("AWS_REGION", REGION)])
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// What `weir crds` prints.
pub(crate) fn definitions() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_weir")).arg("crds").output().unwrap();
    assert!(output.status.success(), "weir crds: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `weir run` says when it ends by itself, which it must do with a failure.
pub(crate) fn said_at_once(listen: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command
        .args(["run", "--owner-id", OWNER, "--listen", listen, "--log", "off", "--allow-everything"])
        .args(arguments)
        .envs([("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing"), ("AWS_REGION", REGION)])
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
    let Output { status, stderr, .. } = command.output().unwrap();
    assert_eq!(status.code(), Some(1), "it fails with exit code 1");
    String::from_utf8(stderr).unwrap()
}

/// Where `weir run` listens, as its log says.
pub(crate) fn address(log: &str) -> Option<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut addresses = lines.filter_map(|line| Some(line.get("address")?.as_str()?.to_owned()));
    addresses.next()
}

/// The status and the body of the answer to a GET.
pub(crate) fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}

/// The texts of all elements of a name, in the order of the document.
fn all(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
}

/// The text of the first element of a name.
fn one(xml: &str, name: &str) -> String {
    all(xml, name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {xml}"))
}

fn borrowed(parameters: &[(String, String)]) -> Vec<(&str, &str)> {
    parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}
