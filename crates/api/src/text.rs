//! Texts that Kubernetes or AWS takes in one form only, as the schema knows them: each with what to write instead.
//!
//! These are schemas alone: a field that has one is a plain `String`, since an object that an older version has stored
//! must still be read. What is asked of a text stands at the text itself, so that a refusal names the very one.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Makes schemas of texts: a name, the least and the greatest length, and rules with what the API server says where one
/// is broken.
macro_rules! texts {
    ($($(#[$about:meta])* $name:ident($least:literal, $most:literal) { $($rule:expr => $message:expr;)+ })+) => {$(
        $(#[$about])*
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "minLength": $least,
                    "maxLength": $most,
                    "x-kubernetes-validations": [$({"rule": $rule, "message": $message}),+],
                })
            }
        }
    )+};
}

texts! {
    /// The name of another object of the same namespace.
    ObjectName(1, 63) {
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')" =>
            "no object has such a name: it has small letters, digits, hyphens and dots, for example checkout-2, and stands here without its namespace";
    }

    /// The name of a listener of an entry point, or of a target group of an environment.
    PartName(1, 63) {
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')" =>
            "such a name has small letters, digits and hyphens, with a letter or digit at both ends, for example web-2";
    }

    /// The name of a namespace.
    NamespaceName(1, 63) {
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')" =>
            "no namespace has such a name: it has small letters, digits and hyphens, for example team-a";
    }

    /// The key of a label.
    LabelKey(1, 317) {
        "self.matches('^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$')" =>
            "no label has such a key: it has up to 63 letters, digits, hyphens, underscores and dots, and may have a domain with a slash before them, for example team or shop.example.org/team";
    }

    /// The value of a label.
    LabelValue(0, 63) {
        "self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$')" =>
            "no label has such a value: it has letters, digits, hyphens, underscores and dots, with a letter or digit at both ends, or is empty";
    }

    /// The ARN of a balancer.
    BalancerArn(1, 256) {
        "self.matches('^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/.+$')" =>
            "give the whole ARN of a balancer, such as arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
    }

    /// The ARN of a target group.
    TargetGroupArn(1, 256) {
        "self.matches('^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/.+$')" =>
            "give the whole ARN of a target group, such as arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-blue/73e2d6bc24d8a067";
    }

    /// The name of a balancer or target group.
    ElbName(1, 32) {
        "self.matches('^[A-Za-z0-9-]+$')" =>
            "balancers and target groups have letters, digits and hyphens in their names; give an ARN as existing.arn";
    }

    /// A host of a rule. Its letters are those of `HostHeaderConditionConfig` in the service model of ELBv2.
    Host(1, 128) {
        "self.matches('^[A-Za-z0-9.*?-]*[.][A-Za-z]+$')" =>
            "a host has letters, digits, hyphens, dots and the wildcards * and ?, at least one dot, and only letters after the last one, for example shop.example.org or *.shop.example.org; without port or scheme";
    }

    /// A host pattern of an entry point.
    HostPattern(1, 128) {
        "self.matches('^[A-Za-z0-9.*?-]+$')" =>
            "a host pattern has letters, digits, hyphens, dots and the wildcards * and ?, for example *.shop.example.org; without port or scheme";
    }

    /// A path of a rule. Its letters are those of `RuleCondition` in the service model of ELBv2.
    Path(1, 128) {
        "self.matches('^[/*?]')" =>
            "a path begins with a slash or a wildcard, for example /shop/*";
        r#"self.matches('^[A-Za-z0-9_.$/~"\'@:+&*?-]+$')"# =>
            r#"ELBv2 takes letters, digits and _-.$/~"'@:+& in a path, and the wildcards * and ?; write ? for any other character"#;
    }

    /// A value of a header.
    HeaderValue(1, 128) {
        "self.matches('^[!-~]([ -~]*[!-~])?$')" =>
            "the value of a header has printable ASCII characters, and no blank at its ends; write ? for any other character";
    }

    /// A method, by the letters of `HttpRequestMethodConditionConfig`.
    Method(1, 40) {
        "self.matches('^[A-Z_-]+$')" =>
            "a method has capital letters, hyphens and underscores, for example POST; wildcards are not possible";
    }

    /// The value of a query string.
    QueryValue(1, 128) {
        "self.matches('^[!-~]+$') && !self.contains('#')" =>
            "a query string has printable ASCII characters without blanks and #; write any other as clients send it, for example %20 for a blank";
    }

    /// The key of a query string.
    QueryKey(1, 128) {
        "self.matches('^[!-~]+$') && !self.contains('#')" =>
            "a query string has printable ASCII characters without blanks and #; write any other as clients send it, for example %20 for a blank";
        "!self.contains('=')" =>
            "found '=' in the key of a query string; give what stands before it as key and what stands after it as value";
    }

    /// A name in DNS. With `_weir.` before it, it still has the 253 characters that a name has at most.
    DnsText(1, 247) {
        "self.matches('^([*][.])?([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?[.])+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')" =>
            "a name has labels of small letters, digits, hyphens and underscores with dots between them, for example api.shop.example.org or *.shop.example.org; without scheme, port or final dot";
        "!self.startsWith('_weir.') && !self.startsWith('_any.')" =>
            "Weir keeps records of its own at names that begin with _weir.; write the name without _weir. or _any. before it";
        "!self.startsWith('*.') || self.size() <= 244" =>
            "a wildcard has at most 244 characters, so that what is remembered of it has a name, with _weir._any. in the place of the asterisk";
    }

    /// The identifier of a hosted zone.
    ZoneText(1, 32) {
        "self.matches('^[A-Z0-9]+$')" =>
            "the identifier of a hosted zone has capital letters and digits, for example Z0123456789ABCDEFGHIJ; without /hostedzone/";
    }

    /// A network of client addresses.
    Network(1, 49) {
        "isCIDR(self)" =>
            "a network is in CIDR form, for example 203.0.113.0/24 or 2001:db8::/32; for a single address write /32 or /128";
        "!isCIDR(self) || cidr(self).masked() == cidr(self)" =>
            "the address has bits beyond the length of the network; write the first address of the network, for example 203.0.113.0/24 and not 203.0.113.7/24, or /32 or /128 for a single address";
    }
}
