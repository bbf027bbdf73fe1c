//! ARNs in AWS's form, with identifiers drawn from the world's seed.

use super::super::refusal::Refusal;

/// What an ARN of Elastic Load Balancing names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Balancer,
    Listener,
    Rule,
    Group,
}

impl Resource {
    /// The word in the ARN.
    fn path(self) -> &'static str {
        match self {
            Self::Balancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Rule => "listener-rule",
            Self::Group => "targetgroup",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Balancer => "load balancer",
            Self::Listener => "listener",
            Self::Rule => "listener rule",
            Self::Group => "target group",
        }
    }

    /// How AWS says that there is no such thing.
    pub(crate) fn not_found(self) -> Refusal {
        let (code, what) = match self {
            Self::Balancer => ("LoadBalancerNotFound", "load balancers"),
            Self::Listener => ("ListenerNotFound", "listeners"),
            Self::Rule => ("RuleNotFound", "rules"),
            Self::Group => ("TargetGroupNotFound", "target groups"),
        };
        Refusal::new(code, format!("One or more {what} not found"))
    }

    /// Which resource an ARN names.
    pub(crate) fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let is_ours = parts.next() == Some("arn") && parts.nth(1) == Some("elasticloadbalancing");
        let path = parts.nth(2)?.split('/').next()?;
        let all = [Self::Balancer, Self::Listener, Self::Rule, Self::Group];
        all.into_iter().find(|resource| is_ours && resource.path() == path)
    }

    /// Refuses what is not even an ARN of this resource.
    pub(crate) fn check(self, arn: &str) -> Result<(), Refusal> {
        if Self::of(arn) == Some(self) {
            return Ok(());
        }
        Err(Refusal::invalid(format!("'{arn}' is not a valid {} ARN", self.word())))
    }
}

/// Makes ARNs for one account and region.
#[derive(Debug)]
pub(crate) struct Registrar {
    prefix: String,
    chance: fastrand::Rng,
}

impl Registrar {
    pub(crate) fn new(region: &str, account: &str, seed: u64) -> Self {
        Self {
            prefix: format!("arn:aws:elasticloadbalancing:{region}:{account}:"),
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    /// AWS ends its ARNs with sixteen hexadecimal digits.
    fn arn(&mut self, resource: Resource, path: &str) -> String {
        format!("{}{}/{path}/{:016x}", self.prefix, resource.path(), self.chance.u64(..))
    }

    pub(crate) fn balancer(&mut self, kind: &str, name: &str) -> String {
        self.arn(Resource::Balancer, &format!("{kind}/{name}"))
    }

    pub(crate) fn group(&mut self, name: &str) -> String {
        self.arn(Resource::Group, name)
    }

    /// The ARN of a listener continues that of its balancer, that of a rule its listener's.
    pub(crate) fn within(&mut self, resource: Resource, parent: &str) -> String {
        let path = parent.rsplit(':').next().and_then(|path| path.split_once('/')).map_or("", |(_, rest)| rest);
        self.arn(resource, path)
    }
}
