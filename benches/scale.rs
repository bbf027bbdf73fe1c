//! What a controller needs for many objects: memory at rest and over many ticks, and processor time.
//!
//! `weir run` is started as a process of its own beside a simulated cluster and a simulated account, which are served
//! over loopback, and is looked at from outside, through `/proc` and its own metrics.
//!
//! `cargo bench --bench scale` with, after `--`, the number of objects (10000) and of ticks (1000000), and the path of
//! another program than the one that cargo has built, such as the one that the image holds. With `crowd` among these, and the
//! number of routes (5000), all of them are on one listener, and a hundred of them are changed one after the other.

use std::env;
use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use weir_sim::aws::{Aws, GroupSettings, RuleAction};
use weir_sim::clock::Clock;
use weir_sim::kube::{Kube, KubeOptions, KubeService};

/// How many rules a balancer takes, each with a group of its own.
const RULES: usize = 100;

/// The name of the installation.
const OWNER: &str = "bench";

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let numbers: Vec<usize> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    let is_crowd = env::args().any(|argument| argument == "crowd");
    let objects = numbers.first().copied().unwrap_or(if is_crowd { 5_000 } else { 10_000 });
    let ticks = numbers.get(1).copied().unwrap_or(1_000_000);
    let other = env::args().skip(1).find(|argument| argument.contains('/'));
    let program = other.as_deref().unwrap_or(env!("CARGO_BIN_EXE_weir"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if is_crowd { runtime.block_on(crowd(program, objects)) } else { runtime.block_on(bench(program, objects, ticks)) }
}

#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
async fn bench(program: &str, objects: usize, ticks: usize) -> Fallible<()> {
    let stage = Stage::set(objects)?;
    let (kube, aws) = (serve_kube(&stage.kube).await?, serve_aws(&stage.aws).await?);
    let mut process = Process::start(program, kube, aws)?;
    process.first_tick().await?;
    println!("the first tick: {}", process.figures()?);
    process.settle().await?;
    println!("{} objects settled: {}", stage.objects, process.figures()?);
    process.rest().await?;
    println!("after a minute of rest: {}", process.figures()?);
    let mut wished = 0;
    let began = Instant::now();
    for tenth in 1..=10 {
        let goal = ticks * tenth / 10;
        while process.ticks().await? < goal {
            stage.change_wishes(wished)?;
            wished += 1;
            process.calm().await?;
        }
        stage.kube.compact();
        stage.kube.forget_requests();
        stage.aws.take_calls();
        println!("{} ticks, {:.0?}: {}", process.ticks().await?, began.elapsed(), process.figures()?);
    }
    Ok(())
}

/// What a change of one route costs among thousands of one listener.
#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
async fn crowd(program: &str, routes: usize) -> Fallible<()> {
    let stage = Stage::crowded(routes)?;
    let (kube, aws) = (serve_kube(&stage.kube).await?, serve_aws(&stage.aws).await?);
    let mut process = Process::start(program, kube, aws)?;
    process.first_tick().await?;
    println!("the first tick: {}", process.figures()?);
    process.settle().await?;
    println!("{routes} routes on one listener settled: {}", process.figures()?);
    let began = Instant::now();
    for number in 0..RULES {
        stage.change_route(number)?;
        process.calm().await?;
    }
    println!("{RULES} changes of a route, {:.0?}: {}", began.elapsed(), process.figures()?);
    Ok(())
}

/// The simulated world: balancers with a rule for each route, all traffic where the shifts want it.
struct Stage {
    kube: Arc<Kube>,
    aws: Arc<Aws>,
    shifts: usize,
    objects: usize,
}

impl Stage {
    fn set(objects: usize) -> Fallible<Self> {
        let clock = Clock::starting_at(jiff::Timestamp::constant(1_795_255_200, 0));
        let quick = Duration::ZERO..=Duration::ZERO;
        let kube = Kube::new(clock, 1, KubeOptions { latency: quick.clone(), watch_delay: quick });
        let aws = Aws::new(clock, 1, weir_sim::aws::AwsOptions::default());
        for definition in weir_api::crds() {
            kube.apply(&serde_json::to_value(definition)?).map_err(|failure| format!("{failure:?}"))?;
        }
        kube.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}))
            .map_err(|failure| format!("{failure:?}"))?;
        // For each route three environments and a shift.
        let routes = objects / 5;
        let mut stage = Self { kube, aws, shifts: routes, objects: 0 };
        for number in 0..routes {
            stage.add_service(number)?;
        }
        Ok(stage)
    }

    /// One balancer with a rule for each of the first hundred routes; the others want one as well.
    fn crowded(routes: usize) -> Fallible<Self> {
        let mut stage = Self::set(0)?;
        for number in 0..routes.min(RULES) {
            stage.add_service(number)?;
        }
        for number in RULES..routes {
            let host = format!("service-{number}.shop.test");
            let place = json!({"entryPoint": {"name": "public-0"}, "listener": "https", "match": {"hosts": [host]}});
            let backends = json!([{"environment": "service-0-a"}]);
            stage.apply(
                "WeightedRoute",
                &format!("service-{number}"),
                json!({"listener": place, "backends": backends}),
            )?;
        }
        Ok(stage)
    }

    /// Changes something about a route that moves no traffic.
    fn change_route(&self, number: usize) -> Fallible<()> {
        let wish = json!({"spec": {"drift": "Pause"}});
        let name = format!("service-{number}");
        self.kube
            .merge("weightedroutes", "shop", &name, &wish)
            .map(drop)
            .map_err(|failure| format!("{failure:?}").into())
    }

    fn apply(&mut self, kind: &str, name: &str, spec: Value) -> Fallible<()> {
        let metadata = json!({"name": name, "namespace": "shop"});
        let object = json!({"apiVersion": "weir.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
        self.kube.apply(&object).map_err(|failure| format!("{failure:?}"))?;
        self.objects += 1;
        Ok(())
    }

    fn add_service(&mut self, number: usize) -> Fallible<()> {
        let refused = |refusal| format!("{refusal:?}");
        let (balancer, priority) = (format!("public-{}", number / RULES), number % RULES + 1);
        let nothing = RuleAction::FixedResponse(404);
        if priority == 1 {
            self.aws.add_balancer(&balancer).map_err(refused)?;
            for port in [443, 9_201, 9_202] {
                self.aws.add_listener(&balancer, "HTTPS", port, &nothing).map_err(refused)?;
            }
            let listeners = json!([{"name": "https", "port": 443}, {"name": "source", "port": 9_201}]);
            self.apply("EntryPoint", &balancer, json!({"existing": {"name": balancer}, "listeners": listeners}))?;
        }
        let environments = ["a", "b", "c"].map(|letter| format!("service-{number}-{letter}"));
        for environment in &environments {
            self.aws.add_target_group(GroupSettings::named(environment), &[]).map_err(refused)?;
            let groups = json!([{"name": "web", "existing": {"name": environment}}]);
            self.apply("Environment", environment, json!({"targetGroups": groups}))?;
        }
        let (live, host) = (environments[0].as_str(), format!("service-{number}.shop.test"));
        let listener = self.aws.listener_arn(&balancer, 443).ok_or("the listener was just made")?;
        let forward = RuleAction::forward(&[(live, 100)]);
        let priority = u32::try_from(priority)?;
        let rule = self.aws.add_rule(&listener, priority, (&[&host], &[]), &forward).map_err(refused)?;
        let name = format!("service-{number}");
        // Marked in an earlier life: at the pace at which AWS takes writes, marking them all would take long.
        let (route, run) = (format!("shop/{name}"), format!("shop/{name} {live} Succeeded"));
        let marks = [("weir.dev/owner", OWNER), ("weir.dev/route", &route), ("weir.dev/last-run", &run)];
        self.aws.add_tags(&rule, &marks).map_err(refused)?;
        let place = json!({"entryPoint": {"name": balancer}, "listener": "https", "match": {"hosts": [host]}, "priority": priority});
        let backends = environments.each_ref().map(|environment| json!({"environment": environment}));
        self.apply("WeightedRoute", &name, json!({"listener": place, "backends": backends, "adopt": true}))?;
        self.apply("TrafficShift", &name, json!({"routes": [name], "to": live, "strategy": {"allAtOnce": {}}}))
    }

    /// Changes something about each shift that moves no traffic.
    fn change_wishes(&self, round: usize) -> Fallible<()> {
        let deadline = format!("{}m", 61 + round % 60);
        for number in 0..self.shifts {
            let wish = json!({"spec": {"progressDeadline": deadline}});
            let name = format!("service-{number}");
            self.kube.merge("trafficshifts", "shop", &name, &wish).map_err(|failure| format!("{failure:?}"))?;
        }
        Ok(())
    }
}

async fn serve_kube(kube: &Arc<Kube>) -> Fallible<SocketAddr> {
    let service = KubeService::new(Arc::clone(kube));
    let answer = move |request: Request| {
        let mut service = service.clone();
        async move {
            let reply = tower::Service::call(&mut service, request).await;
            reply.map(|reply| reply.map(Body::new)).map_err(|error| error.to_string()).into_response()
        }
    };
    serve(Router::new().fallback(answer)).await
}

async fn serve_aws(aws: &Arc<Aws>) -> Fallible<SocketAddr> {
    let aws = Arc::clone(aws);
    let answer = move |request: Request| {
        let aws = Arc::clone(&aws);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
            aws.handle(Request::from_parts(parts, body)).await.map(Body::from)
        }
    };
    serve(Router::new().fallback(answer)).await
}

async fn serve(router: Router) -> Fallible<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// `weir run`, ended when dropped.
struct Process {
    child: Child,
    metrics: SocketAddr,
    folder: std::path::PathBuf,
}

impl Process {
    fn start(program: &str, kube: SocketAddr, aws: SocketAddr) -> Fallible<Self> {
        let folder = env::temp_dir().join(format!("weir-scale-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let cluster = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "sim",
            "clusters": [{"name": "sim", "cluster": {"server": format!("http://{kube}")}}],
            "users": [{"name": "sim", "user": {"token": "sim"}}],
            "contexts": [{"name": "sim", "context": {"cluster": "sim", "user": "sim", "namespace": "shop"}}],
        });
        let kubeconfig = folder.join("kubeconfig");
        fs::write(&kubeconfig, cluster.to_string())?;
        let metrics = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let child = Command::new(program)
            .args(["run", "--owner-id", OWNER, "--listen", &metrics.to_string(), "--kubeconfig"])
            .arg(&kubeconfig)
            .env("AWS_ENDPOINT_URL", format!("http://{aws}"))
            .envs([
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                // By the environment: a program from before there were grants does not know the flag.
                ("WEIR_ALLOW_EVERYTHING", "true"),
            ])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log"))?)
            .spawn()?;
        Ok(Self { child, metrics, folder })
    }

    /// Waits until an object has been looked at.
    async fn first_tick(&self) -> Fallible<()> {
        for _ in 0..3_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.ticks().await.is_ok_and(|ticks| ticks > 0) {
                return Ok(());
            }
        }
        Err(format!("no tick within a minute; {}", fs::read_to_string(self.folder.join("log"))?).into())
    }

    /// Waits until nothing has ticked for a while.
    async fn settle(&mut self) -> Fallible<()> {
        let mut before = 0;
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            if let Some(status) = self.child.try_wait()? {
                return Err(
                    format!("weir run ended: {status}; {}", fs::read_to_string(self.folder.join("log"))?).into()
                );
            }
            let ticks = self.ticks().await.unwrap_or(0);
            if ticks > 0 && ticks == before {
                return Ok(());
            }
            before = ticks;
        }
        Err("weir run did not settle".into())
    }

    async fn rest(&self) -> Fallible<()> {
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok(())
    }

    /// Waits until what was asked for is done.
    async fn calm(&self) -> Fallible<()> {
        let mut before = self.ticks().await?;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let ticks = self.ticks().await?;
            if ticks == before {
                return Ok(());
            }
            before = ticks;
        }
    }

    /// How many ticks there have been.
    async fn ticks(&self) -> Fallible<usize> {
        let text = get(self.metrics, "/metrics").await?;
        let counts = text.lines().filter(|line| line.starts_with("weir_tick_seconds_count"));
        Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum())
    }

    /// Memory and processor time, as the kernel counts them.
    fn figures(&self) -> Fallible<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let figure = |name: &str| -> Option<f64> {
            let line = status.lines().find(|line| line.starts_with(name))?;
            Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
        };
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let times: Vec<f64> = stat.split_whitespace().skip(13).take(2).filter_map(|time| time.parse().ok()).collect();
        Ok(format!(
            "{:.1} MiB resident (peak {:.1}; {:.1} of it pages of the program), {:.2} s of processor time",
            figure("VmRSS:").unwrap_or_default(),
            figure("VmHWM:").unwrap_or_default(),
            figure("RssFile:").unwrap_or_default(),
            times.iter().sum::<f64>() / 100.0
        ))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The answer to one request.
async fn get(address: SocketAddr, path: &str) -> Fallible<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}
