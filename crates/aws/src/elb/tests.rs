//! Requests as ELBv2 gets them, and answers in the XML that it writes.

use std::collections::BTreeMap;

use weir_engine::fact::{
    Action, ActionKind, Balancer, By, Conditions, Fact, Forward, Health, Listener, Query, Rule, RulePriority, Tags,
    TargetGroup,
};
use weir_engine::write::{ListenerWrite, TagWrite, Write};

use crate::Receipt;
use crate::wire::{Bed, Form, arn, members, permit, result};

const OIDC_AND_FORWARD: &str = "
    <member>
      <Type>authenticate-oidc</Type><Order>1</Order>
      <AuthenticateOidcConfig>
        <Issuer>https://id.weir.example</Issuer><AuthorizationEndpoint>https://id.weir.example/a</AuthorizationEndpoint>
        <TokenEndpoint>https://id.weir.example/t</TokenEndpoint><UserInfoEndpoint>https://id.weir.example/u</UserInfoEndpoint>
        <ClientId>client</ClientId><SessionTimeout>604800</SessionTimeout>
        <AuthenticationRequestExtraParams><entry><key>prompt</key><value>login</value></entry></AuthenticationRequestExtraParams>
      </AuthenticateOidcConfig>
    </member>
    <member>
      <Type>forward</Type><Order>2</Order>
      <ForwardConfig>
        <TargetGroups>
          <member><TargetGroupArn>blue</TargetGroupArn><Weight>80</Weight></member>
          <member><TargetGroupArn>green</TargetGroupArn><Weight>20</Weight></member>
        </TargetGroups>
        <TargetGroupStickinessConfig><Enabled>true</Enabled><DurationSeconds>300</DurationSeconds></TargetGroupStickinessConfig>
      </ForwardConfig>
    </member>";

fn rule_xml(number: usize, actions: &str) -> String {
    format!(
        "<member><RuleArn>rule-{number}</RuleArn><Priority>{number}</Priority><IsDefault>false</IsDefault>\
         <Conditions><member><Field>host-header</Field><Values><member>a.weir.example</member></Values>\
         <HostHeaderConfig><Values><member>a.weir.example</member></Values></HostHeaderConfig></member></Conditions>\
         <Actions>{actions}</Actions></member>"
    )
}

fn rules(fact: Fact) -> Vec<Rule> {
    fact.reading::<Vec<Rule>>().unwrap().found.unwrap().clone()
}

/// The parameters of a request other than those which are the same in all.
fn parameters(form: &Form) -> Vec<(&str, &str)> {
    let all = form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| !["Action", "Version"].contains(name)).collect()
}

async fn written(write: Write) -> Form {
    let bed = Bed::new(|form| result(&form["Action"], ""));
    bed.perform(permit(write)).await.unwrap();
    let mut forms = bed.forms();
    assert_eq!(forms.len(), 1);
    forms.remove(0)
}

#[tokio::test(start_paused = true)]
async fn rules_are_read_and_written_back_whole() {
    let bed = Bed::new(|_| result("DescribeRules", &format!("<Rules>{}</Rules>", rule_xml(1, OIDC_AND_FORWARD))));
    let read = rules(bed.fresh(Query::Rules(arn("listener/app/a/1/2"))).await).remove(0);
    assert_eq!(read.conditions.get("host-header").unwrap(), &["a.weir.example"]);
    assert_eq!(read.priority, RulePriority::At(1));

    let listener = arn("listener/app/a/1/2");
    let form =
        written(Write::Listener(ListenerWrite::SetRuleActions { listener, rule: read.arn, actions: read.actions }))
            .await;
    assert_eq!(form["Action"], "ModifyRule");
    assert_eq!(form["Version"], "2015-12-01");
    let oidc = "Actions.member.1.AuthenticateOidcConfig";
    let forward = "Actions.member.2.ForwardConfig";
    let expected = BTreeMap::from([
        ("Actions.member.1.Order".to_owned(), "1"),
        ("Actions.member.1.Type".to_owned(), "authenticate-oidc"),
        (format!("{oidc}.AuthenticationRequestExtraParams.entry.1.key"), "prompt"),
        (format!("{oidc}.AuthenticationRequestExtraParams.entry.1.value"), "login"),
        (format!("{oidc}.AuthorizationEndpoint"), "https://id.weir.example/a"),
        (format!("{oidc}.ClientId"), "client"),
        (format!("{oidc}.Issuer"), "https://id.weir.example"),
        (format!("{oidc}.SessionTimeout"), "604800"),
        (format!("{oidc}.TokenEndpoint"), "https://id.weir.example/t"),
        (format!("{oidc}.UseExistingClientSecret"), "true"),
        (format!("{oidc}.UserInfoEndpoint"), "https://id.weir.example/u"),
        ("Actions.member.2.Order".to_owned(), "2"),
        ("Actions.member.2.Type".to_owned(), "forward"),
        (format!("{forward}.TargetGroupStickinessConfig.DurationSeconds"), "300"),
        (format!("{forward}.TargetGroupStickinessConfig.Enabled"), "true"),
        (format!("{forward}.TargetGroups.member.1.TargetGroupArn"), "blue"),
        (format!("{forward}.TargetGroups.member.1.Weight"), "80"),
        (format!("{forward}.TargetGroups.member.2.TargetGroupArn"), "green"),
        (format!("{forward}.TargetGroups.member.2.Weight"), "20"),
        ("RuleArn".to_owned(), "rule-1"),
    ]);
    let parameters: BTreeMap<String, &str> =
        parameters(&form).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(parameters, expected);
}

#[tokio::test(start_paused = true)]
async fn default_actions_and_tags_are_written() {
    let forward = Forward { groups: [(arn("targetgroup/blue/1"), 1)].into(), sticky_seconds: None };
    let actions = vec![Action { order: None, kind: ActionKind::Forward(forward) }];
    let listener = arn("listener/app/a/1/2");
    let form = written(Write::Listener(ListenerWrite::SetDefaultActions { listener: listener.clone(), actions })).await;
    assert_eq!(form["Action"], "ModifyListener");
    let config = "DefaultActions.member.1.ForwardConfig";
    assert_eq!(
        parameters(&form),
        [
            (format!("{config}.TargetGroupStickinessConfig.Enabled").as_str(), "false"),
            (format!("{config}.TargetGroups.member.1.TargetGroupArn").as_str(), arn("targetgroup/blue/1").as_str()),
            (format!("{config}.TargetGroups.member.1.Weight").as_str(), "1"),
            ("DefaultActions.member.1.Type", "forward"),
            ("ListenerArn", listener.as_str()),
        ]
    );

    let tags = Tags::from_iter([("weir.dev/last-run".to_owned(), "uid/1/green".to_owned())]);
    let form = written(Write::Tags(TagWrite::Add { resource: listener.clone(), tags })).await;
    assert_eq!(form["Action"], "AddTags");
    assert_eq!(
        parameters(&form),
        [
            ("ResourceArns.member.1", listener.as_str()),
            ("Tags.member.1.Key", "weir.dev/last-run"),
            ("Tags.member.1.Value", "uid/1/green"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn tags_and_rules_are_given_up() {
    let listener = arn("listener/app/a/1/2");
    let keys = ["weir.dev/owner", "weir.dev/route"].map(str::to_owned).into();
    let form = written(Write::Tags(TagWrite::Remove { resource: listener.clone(), keys })).await;
    assert_eq!(form["Action"], "RemoveTags");
    assert_eq!(
        parameters(&form),
        [
            ("ResourceArns.member.1", listener.as_str()),
            ("TagKeys.member.1", "weir.dev/owner"),
            ("TagKeys.member.2", "weir.dev/route"),
        ]
    );
    let rule = arn("listener-rule/app/a/1/2/3");
    let form = written(Write::Listener(ListenerWrite::DeleteRule { listener, rule: rule.clone() })).await;
    assert_eq!(form["Action"], "DeleteRule");
    assert_eq!(parameters(&form), [("RuleArn", rule.as_str())]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_made_with_its_marks() {
    let conditions = Conditions::from_iter([
        ("host-header".into(), vec!["a.weir.example".into()]),
        ("path-pattern".into(), vec!["/api/*".into()]),
    ]);
    let forward = Forward { groups: [(arn("targetgroup/blue/1"), 100)].into(), sticky_seconds: Some(300) };
    let listener = arn("listener/app/a/1/2");
    let form = written(Write::Listener(ListenerWrite::CreateRule {
        listener,
        priority: 10,
        conditions,
        forward,
        tags: Tags::new(),
    }))
    .await;
    assert_eq!(form["Action"], "CreateRule");
    assert_eq!(form["Priority"], "10");
    assert_eq!(form["Conditions.member.1.Field"], "host-header");
    assert_eq!(form["Conditions.member.1.HostHeaderConfig.Values.member.1"], "a.weir.example");
    assert_eq!(form["Conditions.member.2.PathPatternConfig.Values.member.1"], "/api/*");
    assert_eq!(form["Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight"], "100");
    assert_eq!(form["Actions.member.1.ForwardConfig.TargetGroupStickinessConfig.DurationSeconds"], "300");
    let tags: Vec<_> = (1..=2).map(|at| form[&format!("Tags.member.{at}.Key")].as_str()).collect();
    assert_eq!(tags, ["weir.dev/owner", "weir.dev/route"]);
}

#[tokio::test(start_paused = true)]
async fn every_page_is_followed() {
    let bed = Bed::new(|form| {
        let page: usize = form.get("Marker").map_or(0, |marker| marker.parse().unwrap());
        let next = if page < 2 { format!("<NextMarker>{}</NextMarker>", page + 1) } else { String::new() };
        result("DescribeRules", &format!("<Rules>{}</Rules>{next}", rule_xml(page + 1, "")))
    });
    let read = rules(bed.fresh(Query::Rules(arn("listener/app/a/1/2"))).await);
    assert_eq!(read.iter().map(|rule| rule.arn.as_str()).collect::<Vec<_>>(), ["rule-1", "rule-2", "rule-3"]);
    assert_eq!(bed.operations(), ["DescribeRules"; 3]);
    let sizes = bed.forms();
    assert!(sizes.iter().all(|form| form["PageSize"] == "400"), "the largest page costs the fewest calls");
}

#[tokio::test(start_paused = true)]
async fn a_list_without_end_ends() {
    let bed = Bed::new(|form| {
        let page: usize = form.get("Marker").map_or(0, |marker| marker.parse().unwrap());
        result("DescribeRules", &format!("<Rules/><NextMarker>{}</NextMarker>", page + 1))
    });
    let fact = bed.fresh(Query::Rules(arn("listener/app/a/1/2"))).await;
    assert!(fact.found.unwrap_err().message.contains("100 pages"));
    assert_eq!(bed.forms().len(), 100);

    let stuck = Bed::new(|_| result("DescribeRules", "<Rules/><NextMarker>same</NextMarker>"));
    let fact = stuck.fresh(Query::Rules(arn("listener/app/a/1/2"))).await;
    assert!(fact.found.is_err());
    assert_eq!(stuck.forms().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn balancers_listeners_and_groups_are_read() {
    let bed = Bed::new(|form| match form["Action"].as_str() {
        "DescribeLoadBalancers" => {
            assert_eq!(members(form, "Names"), ["public"]);
            result(
                "DescribeLoadBalancers",
                "<LoadBalancers><member><LoadBalancerArn>lb</LoadBalancerArn>\
                <DNSName>public-1.eu-central-1.elb.amazonaws.com</DNSName><CanonicalHostedZoneId>Z215JYRZR1TBD5</CanonicalHostedZoneId>\
                <LoadBalancerName>public</LoadBalancerName><Type>application</Type><VpcId>vpc-1</VpcId></member></LoadBalancers>",
            )
        }
        "DescribeListeners" => result(
            "DescribeListeners",
            "<Listeners><member><ListenerArn>l</ListenerArn>\
            <LoadBalancerArn>lb</LoadBalancerArn><Port>443</Port><Protocol>HTTPS</Protocol></member></Listeners>",
        ),
        "DescribeTargetGroups" => result(
            "DescribeTargetGroups",
            "<TargetGroups><member><TargetGroupArn>tg</TargetGroupArn>\
            <TargetGroupName>blue</TargetGroupName><Protocol>HTTP</Protocol><Port>8080</Port>\
            <VpcId>vpc-1</VpcId><TargetType>instance</TargetType><ProtocolVersion>HTTP1</ProtocolVersion>\
            <LoadBalancerArns><member>lb</member></LoadBalancerArns></member></TargetGroups>",
        ),
        "DescribeTargetHealth" => result(
            "DescribeTargetHealth",
            "<TargetHealthDescriptions>\
            <member><Target><Id>i-1</Id><Port>8080</Port></Target><TargetHealth><State>healthy</State></TargetHealth></member>\
            <member><Target><Id>i-2</Id><Port>8080</Port></Target><TargetHealth><State>initial</State>\
            <Reason>Elb.RegistrationInProgress</Reason></TargetHealth></member></TargetHealthDescriptions>",
        ),
        other => panic!("{other}"),
    });
    let by = || By::Name("public".to_owned());
    let fact = bed.fresh(Query::Balancer(by())).await;
    let (lb, at) = (weir_engine::Arn::new("lb"), bed.now());
    assert!(fact.at < at, "a reading is dated by the sending of its request");
    assert_eq!(
        fact.reading().unwrap().found,
        Ok(&Balancer {
            arn: lb.clone(),
            name: "public".to_owned(),
            dns_name: "public-1.eu-central-1.elb.amazonaws.com".to_owned(),
            hosted_zone_id: Some("Z215JYRZR1TBD5".to_owned()),
            has_ipv6: false,
            kind: "application".to_owned(),
            vpc_id: Some("vpc-1".to_owned()),
        })
    );
    let fact = bed.fresh(Query::Listeners(lb.clone())).await;
    let listener = Listener { arn: weir_engine::Arn::new("l"), port: 443, protocol: "HTTPS".to_owned() };
    assert_eq!(fact.reading().unwrap().found, Ok(&vec![listener]));
    let tg = weir_engine::Arn::new("tg");
    let fact = bed.fresh(Query::Group(By::Arn(tg.clone()))).await;
    assert_eq!(
        fact.reading().unwrap().found,
        Ok(&TargetGroup {
            arn: tg.clone(),
            name: "blue".to_owned(),
            protocol: Some("HTTP".to_owned()),
            port: Some(8080),
            balancers: vec![lb],
            vpc_id: Some("vpc-1".to_owned()),
            target_type: Some("instance".to_owned()),
            protocol_version: Some("HTTP1".to_owned()),
        })
    );
    let fact = bed.fresh(Query::Health(tg)).await;
    assert_eq!(fact.reading().unwrap().found, Ok(&Health { healthy: 1, initial: 1, ..Health::default() }));
}

#[test]
fn a_condition_that_cannot_be_said_is_not_written() {
    let conditions = Conditions::from_iter([("geography".into(), vec!["Europe".into()])]);
    assert_eq!(super::conditions::write(&conditions).unwrap_err(), "geography");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_tells_the_request_and_what_was_made() {
    let rule = arn("listener-rule/app/a/1/2/3");
    let made = format!("<Rules><member><RuleArn>{rule}</RuleArn></member></Rules>");
    let bed = Bed::new(move |form| result(&form["Action"], if form["Action"] == "CreateRule" { &made } else { "" }));
    let create = ListenerWrite::CreateRule {
        listener: arn("listener/app/a/1/2"),
        priority: 10,
        conditions: Conditions::from_iter([
            ("host-header".into(), vec!["a.weir.example".into()]),
            ("path-pattern".into(), vec!["/*".into()]),
        ]),
        forward: Forward { groups: [(arn("targetgroup/blue/1"), 100)].into(), sticky_seconds: None },
        tags: Tags::new(),
    };
    let request_id = Some("5d1a7a4b".to_owned());
    let receipt = bed.perform(permit(create.into())).await.unwrap();
    assert_eq!(receipt, Receipt { request_id: request_id.clone(), created: Some(rule.clone()), change: None });
    let delete = ListenerWrite::DeleteRule { listener: arn("listener/app/a/1/2"), rule };
    assert_eq!(bed.perform(permit(delete.into())).await.unwrap(), Receipt { request_id, created: None, change: None });
}
