//! Which requests a rule of a listener is for, within what ELBv2 allows for one rule.
//!
//! The limits are those of the API reference of Elastic Load Balancing version 2015-12-01 (`RuleCondition` and the
//! types that it refers to) and of the quotas of Application Load Balancers: five values and five wildcards a rule.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{HeaderValue, Host, Method, Network, Path, QueryKey, QueryValue};

/// Which requests a rule is for. A request must satisfy every field that is given; the values of one field are
/// alternatives. AWS allows five values and five wildcards for each rule.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("self.hosts.size() + self.paths.size() + self.headers.size() + self.methods.size() + self.queryStrings.size() + self.sourceIps.size() >= 1")
    .message("give at least one value in match, for example hosts: [shop.example.org], or leave out match and priority for the listener's default action"))]
#[x_kube(validation = Rule::new("self.hosts.size() + self.paths.size() + self.headers.map(header, header.values.size()).sum() + self.methods.size() + self.queryStrings.size() + self.sourceIps.size() <= 5")
    .message("match has more than 5 values in all its fields together, which is what AWS allows for a rule; split the route"))]
#[x_kube(validation = Rule::new(r"(self.hosts + self.paths + self.headers.map(header, header.values.join('')) + self.queryStrings.map(pair, (has(pair.key) ? pair.key : '') + pair.value).map(text, text.replace('\\*', '').replace('\\?', ''))).map(text, text.size() - text.replace('*', '').replace('?', '').size()).sum() <= 5")
    .message("match has more than 5 wildcards (* and ?) in all its fields together, which is what AWS allows for a rule; split the route"))]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// Host names, with the wildcards `*` and `?`. They are compared without regard to case.
    #[serde(default)]
    #[schemars(length(max = 5), with = "Vec<Host>")]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, b.lowerAscii() == a.lowerAscii()).size() == 1)")
        .message("the same host stands here twice; hosts are compared without regard to case, so give each of them once"))]
    pub hosts: Vec<String>,
    /// Path patterns, with the wildcards `*` and `?`. They are compared with regard to case, and not with the query.
    #[serde(default)]
    #[schemars(length(max = 5), with = "Vec<Path>")]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, b == a).size() == 1)")
        .message("the same path stands here twice; give each path once"))]
    pub paths: Vec<String>,
    /// Headers; each of them must be there with one of its values. A host is no header here: see `hosts`.
    #[serde(default)]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, b.name.lowerAscii() == a.name.lowerAscii()).size() == 1)")
        .message("two entries of headers have the same name, which is compared without regard to case; give one entry with all its values"))]
    pub headers: Vec<HeaderMatch>,
    /// Methods, for example `POST`.
    #[serde(default)]
    #[schemars(length(max = 5), with = "Vec<Method>")]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, b == a).size() == 1)")
        .message("the same method stands here twice; give each method once"))]
    pub methods: Vec<String>,
    /// Parts of the query string, one of which must be there.
    #[serde(default)]
    #[schemars(length(max = 5))]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, has(a.key) == has(b.key) && (!has(a.key) || b.key.lowerAscii() == a.key.lowerAscii()) && b.value.lowerAscii() == a.value.lowerAscii()).size() == 1)")
        .message("the same part of the query string stands here twice; parts are compared without regard to case, so give each of them once"))]
    pub query_strings: Vec<QueryMatch>,
    /// Networks in CIDR form, in one of which the client's address must be, as the balancer sees it.
    #[serde(default)]
    #[schemars(length(max = 5), with = "Vec<Network>")]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, b.lowerAscii() == a.lowerAscii()).size() == 1)")
        .message("the same network stands here twice; give each network once"))]
    pub source_ips: Vec<String>,
}

/// A header with the values that it may have.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("self.name.lowerAscii() != 'host'")
    .message("the host is no header here; give match.hosts instead"))]
#[x_kube(validation = Rule::new(r"self.name.matches('^[A-Za-z0-9!#$%&+.^_|~-]+$')")
    .message("the name of a header has letters, digits and hyphens, for example X-Canary; wildcards are not possible in it"))]
#[serde(rename_all = "camelCase")]
pub struct HeaderMatch {
    /// The name, compared without regard to case.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
    /// The values, with the wildcards `*` and `?`, compared without regard to case.
    #[schemars(length(min = 1, max = 5), with = "Vec<HeaderValue>")]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, b.lowerAscii() == a.lowerAscii()).size() == 1)")
        .message("the same value stands here twice; the values of a header are compared without regard to case, so give each of them once"))]
    pub values: Vec<String>,
}

/// A part of a query string, compared without regard to case. `\*` and `\?` stand for the characters themselves.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryMatch {
    /// The key, with the wildcards `*` and `?`. When absent, the value may stand under any key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<QueryKey>")]
    pub key: Option<String>,
    /// The value, with the wildcards `*` and `?`.
    #[schemars(with = "QueryValue")]
    pub value: String,
}
