//! Who sends requests where, and how those who go to a name find out where that is.

use crate::aws::HttpRequest;

/// Who sends requests where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficSettings {
    /// Where to.
    pub destination: Destination,
    /// The port.
    pub port: u16,
    /// What each request is.
    pub request: HttpRequest,
    /// Requests of all clients together.
    pub requests_per_second: u32,
    /// How many clients take turns at random.
    pub clients: u32,
    /// How many of a thousand clients send the balancer's cookies back.
    pub keep_cookies_permille: u32,
    /// How the address of a name is found, where the destination is one.
    pub dns: DnsClients,
}

/// Where requests are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a balancer of the account and region that the stream is made in, by its name.
    Balancer(String),
    /// To wherever a name leads.
    Name {
        /// The identifier of the zone that is asked for it, one of the account that the stream is made in.
        zone: String,
        /// The name.
        name: String,
    },
}

/// How clients find the address of a name, and how long they stay with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsClients {
    /// How many resolvers there are. Each client has one of them, so no more matter than there are clients.
    pub resolvers: u32,
    /// How unevenly clients are spread over them: the exponent of Zipf's law in thousandths. The resolver of rank k has
    /// 1/k of the clients of the first one at 1000, and as many at 0.
    pub zipf_permille: u32,
    /// How many of a thousand resolvers ignore TTLs: they keep whatever they hear, also that there is nothing, for an hour.
    pub ignore_ttl_permille: u32,
    /// The other resolvers keep what they hear for at least so many seconds.
    pub least_ttl_seconds: u32,
    /// How many of a thousand clients are dual stack: they go where AAAA leads, and where A does if AAAA has no data.
    pub dual_stack_permille: u32,
    /// How many of a thousand clients keep their connection until it is closed from the other side. An application
    /// balancer closes it `client_keep_alive.seconds` after its begin. A network balancer does not while the target is there; the
    /// longest flow is taken to be an hour. That nobody is cut off for being idle is taken for granted.
    pub keep_connections_permille: u32,
}

impl Default for DnsClients {
    /// A thousand resolvers by Zipf's law that obey TTLs, and clients that have addresses of version 4 and make a
    /// connection for each request.
    fn default() -> Self {
        Self {
            resolvers: 1000,
            zipf_permille: 1000,
            ignore_ttl_permille: 0,
            least_ttl_seconds: 0,
            dual_stack_permille: 0,
            keep_connections_permille: 0,
        }
    }
}

impl TrafficSettings {
    /// A hundred requests a second to `/` of a balancer from a thousand clients, of which nine in ten keep cookies.
    pub fn to(balancer: impl Into<String>, port: u16, host: impl Into<String>) -> Self {
        Self::towards(Destination::Balancer(balancer.into()), port, host.into())
    }

    /// A hundred requests a second to `/` of a name from a thousand clients, of which nine in ten keep cookies.
    pub fn to_name(zone: impl Into<String>, name: impl Into<String>, port: u16) -> Self {
        let name = name.into();
        Self::towards(Destination::Name { zone: zone.into(), name: name.clone() }, port, name)
    }

    fn towards(destination: Destination, port: u16, host: String) -> Self {
        Self {
            destination,
            port,
            request: HttpRequest::get(host, "/"),
            requests_per_second: 100,
            clients: 1000,
            keep_cookies_permille: 900,
            dns: DnsClients::default(),
        }
    }
}
