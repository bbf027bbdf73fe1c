//! The flags of `weir run`, each with its environment variable.

#![allow(clippy::doc_markdown, rustdoc::broken_intra_doc_links, reason = "the comments are the help that is printed")]

use std::net::SocketAddr;
use std::path::PathBuf;

use weir_api::Duration;
use weir_controller::Grant;

use super::forms;
use crate::logging::Logging;

/// Run the controllers: move traffic as the cluster's objects say
///
/// Watches EntryPoint, Environment, WeightedRoute and TrafficShift objects and moves the live weights of AWS
/// Application Load Balancers one verified step at a time. Of several processes one leads, and the others stand by. It
/// runs until it is told to end: the first SIGTERM or SIGINT lets the write in flight finish and another process lead,
/// the second ends it at once.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// The name of this installation, written as a tag on every rule and listener that it takes charge of. It must stay
    /// the same when the cluster changes, and differ from that of any other installation in the account
    #[arg(long, env = "WEIR_OWNER_ID", value_name = "NAME", value_parser = forms::owner_id)]
    pub owner_id: String,

    #[command(flatten)]
    pub kubernetes: Kubernetes,

    #[command(flatten)]
    pub aws: Aws,

    #[command(flatten)]
    pub allow: Allow,

    #[command(flatten)]
    pub election: Election,

    #[command(flatten)]
    pub process: Process,

    #[command(flatten)]
    pub logging: Logging,
}

/// Which cluster, and what of it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kubernetes")]
pub struct Kubernetes {
    /// Look at the objects of this namespace only; by default at those of all namespaces
    #[arg(long, env = "WEIR_NAMESPACE", value_name = "NAME", value_parser = forms::namespace)]
    pub namespace: Option<String>,

    #[command(flatten)]
    pub cluster: Cluster,
}

/// Which cluster, and which of its objects.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kubernetes")]
pub struct Cluster {
    /// The name of this controller where several share a cluster: it looks only at objects that have it in the label
    /// weir.dev/controller; by default only at those without that label
    #[arg(long, env = "WEIR_CONTROLLER_NAME", value_name = "NAME", value_parser = forms::label_value)]
    pub controller_name: Option<String>,

    /// The kubeconfig file; by default what KUBECONFIG names, then ~/.kube/config, then the service account of the pod
    #[arg(long, env = "WEIR_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig; by default its current one
    #[arg(long, env = "WEIR_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
}

/// Which AWS, and how often it is looked at.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "AWS")]
pub struct Aws {
    /// The region of the balancers; by default what the AWS SDK finds: AWS_REGION, the profile, the instance. Credentials
    /// and endpoints (AWS_PROFILE, AWS_ENDPOINT_URL, …) are found in the SDK's own way too
    #[arg(long, env = "WEIR_REGION", value_name = "REGION", value_parser = forms::region)]
    pub region: Option<String>,

    /// How often AWS is looked at for changes that somebody else made
    #[arg(long, env = "WEIR_INVENTORY_INTERVAL", value_name = "DURATION", default_value = "30s",
          value_parser = forms::interval)]
    pub inventory_interval: Duration,

    /// How many writes a second are sent to Elastic Load Balancing at most, in each account and region. Weir begins with
    /// three and sends more, up to this, while AWS throttles none
    #[arg(long, env = "WEIR_ELB_MODIFY_RATE", value_name = "NUMBER", default_value = "10",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub elb_modify_rate: u32,
}

/// What the objects of each namespace may name on AWS. Nothing may be named that is allowed nowhere here, and something must
/// be allowed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What may be named")]
#[expect(clippy::struct_field_names, reason = "the fields are named as their flags are")]
pub struct Allow {
    /// Let the objects of every namespace name every balancer, target group, role, region and name in DNS: for clusters in
    /// which everybody who may write Weir's objects is trusted alike
    #[arg(long, env = "WEIR_ALLOW_EVERYTHING")]
    pub allow_everything: bool,

    /// Let entry points and environments of a namespace name a balancer, by its name or its ARN; may be given several times,
    /// as the other four. A * in the namespace stands for any characters, in the rest for any but : and /, and alone for everything. In
    /// the environment variable the pairs are separated by spaces
    #[arg(long, env = "WEIR_ALLOW_BALANCER", value_name = "NAMESPACE=NAME_OR_ARN", value_delimiter = ' ',
          value_parser = forms::balancer_grant)]
    pub allow_balancer: Vec<Grant>,

    /// Let environments of a namespace name a target group, by its name or its ARN
    #[arg(long, env = "WEIR_ALLOW_TARGET_GROUP", value_name = "NAMESPACE=NAME_OR_ARN", value_delimiter = ' ',
          value_parser = forms::target_group_grant)]
    pub allow_target_group: Vec<Grant>,

    /// Let the objects of a namespace name a role in spec.aws.roleArn
    #[arg(long, env = "WEIR_ALLOW_ROLE", value_name = "NAMESPACE=ROLE_ARN", value_delimiter = ' ',
          value_parser = forms::role_grant)]
    pub allow_role: Vec<Grant>,

    /// Let the objects of a namespace name a region in spec.aws.region; the controller's own needs no leave as long as
    /// it is not named
    #[arg(long, env = "WEIR_ALLOW_REGION", value_name = "NAMESPACE=REGION", value_delimiter = ' ',
          value_parser = forms::region_grant)]
    pub allow_region: Vec<Grant>,

    /// Let the routes of a namespace name a name in a zone of Route 53, by the zone's identifier and the name
    #[arg(long, env = "WEIR_ALLOW_ZONE", value_name = "NAMESPACE=ZONE_ID/NAME", value_delimiter = ' ',
          value_parser = forms::zone_grant)]
    pub allow_zone: Vec<Grant>,
}

/// Who leads where several processes run.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Leader election")]
#[expect(clippy::struct_field_names, reason = "the fields are named as their flags are")]
pub struct Election {
    /// The name of the Lease by which it is settled which process leads: the same for all processes of an installation,
    /// another for each installation in one namespace
    #[arg(long, env = "WEIR_LEASE_NAME", value_name = "NAME", default_value = "weir", value_parser = forms::object_name)]
    pub lease_name: String,

    /// The namespace of the Lease; by default that of the pod, or of the context of the kubeconfig
    #[arg(long, env = "WEIR_LEASE_NAMESPACE", value_name = "NAME", value_parser = forms::namespace)]
    pub lease_namespace: Option<String>,

    /// How long nobody leads at most after the leader was killed, from 10s to 1h. It renews its lease after two fifteenths of
    /// that, and stops writing five seconds before the end if it cannot
    #[arg(long, env = "WEIR_LEASE_DURATION", value_name = "DURATION", default_value = "15s",
          value_parser = forms::lease_duration)]
    pub lease_duration: Duration,
}

/// How the process lives.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Process")]
pub struct Process {
    /// Where /livez, /readyz and /metrics are served; by default [::]:8080 in a pod, which takes IPv4 too, and
    /// 127.0.0.1:8080 elsewhere. Where there is no IPv6, [::] is 0.0.0.0. Port 0 takes a free one and logs it
    #[arg(long, env = "WEIR_LISTEN", value_name = "ADDRESS:PORT", value_parser = forms::address)]
    pub listen: Option<SocketAddr>,

    /// Where /metrics is served, and nowhere else then; by default where the probes are
    #[arg(long, env = "WEIR_METRICS_LISTEN", value_name = "ADDRESS:PORT", value_parser = forms::address)]
    pub metrics_listen: Option<SocketAddr>,

    /// How long work that is under way may go on after SIGTERM or SIGINT
    #[arg(long, env = "WEIR_GRACE_PERIOD", value_name = "DURATION", default_value = "20s")]
    pub grace_period: Duration,

    /// How many objects of each account and region are worked on at once; a quarter of that is kept free for rollbacks
    #[arg(long, env = "WEIR_CONCURRENCY", value_name = "N", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(2..=1024))]
    pub concurrency: u16,

    /// The name of this process in Kubernetes events; by default its host's name
    #[arg(long, env = "WEIR_INSTANCE", value_name = "NAME", value_parser = forms::instance)]
    pub instance: Option<String>,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  # With the current context of the kubeconfig and the AWS profile of the shell:
  weir run --owner-id acme-production --region eu-central-1 --allow-everything

  # Where teams share a cluster: the platform names the balancer, each team its own target groups:
  weir run --owner-id acme-production --allow-balancer platform=public \
    --allow-target-group 'cart=cart-*' --allow-target-group 'search=search-*'

  # In a pod, by environment variables:
  WEIR_OWNER_ID=acme-production WEIR_ALLOW_EVERYTHING=true AWS_REGION=eu-central-1 weir run

  # Against another AWS endpoint, one namespace only, with more to read:
  AWS_ENDPOINT_URL=http://127.0.0.1:5000 weir run --owner-id try --namespace shop --allow-everything \
    --log debug

The kinds must be installed first: weir crds | kubectl apply --server-side -f -";

#[cfg(test)]
mod tests;
