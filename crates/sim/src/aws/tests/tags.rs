//! Tests of tags.

use super::*;

#[test]
fn tags_are_added_replaced_and_removed() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let rule = aws.add_rule(&listener, 5, (&["a.test"], &[]), &RuleAction::FixedResponse(200)).unwrap();
        let start = format!("ResourceArns.member.1={listener}&ResourceArns.member.2={rule}");
        let add = |key: &str, value: &str| {
            format!("Action=AddTags&{start}&Tags.member.1.Key={key}&Tags.member.1.Value={value}")
        };
        assert_eq!(call(&aws, &add("weir.dev/owner", "one")).await.code(), "OK");
        assert_eq!(call(&aws, &add("weir.dev/owner", "two")).await.code(), "OK");
        assert_eq!(call(&aws, &add("other", "")).await.code(), "OK");
        let described = call(&aws, &format!("Action=DescribeTags&{start}")).await;
        assert_eq!(described.all("ResourceArn"), [listener.as_str(), rule.as_str()]);
        assert_eq!(described.all("Key"), ["other", "weir.dev/owner", "other", "weir.dev/owner"]);
        assert_eq!(described.all("Value"), ["", "two", "", "two"]);
        let remove = format!("Action=RemoveTags&{start}&TagKeys.member.1=other&TagKeys.member.2=never");
        assert_eq!(call(&aws, &remove).await.code(), "OK");
        assert_eq!(aws.tags(&rule).len(), 1);
    });
}

#[test]
fn a_call_is_about_twenty_resources_at_most() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let arns = |count: usize| {
            let members: Vec<String> = (1..=count).map(|n| format!("ResourceArns.member.{n}={listener}")).collect();
            format!("Action=DescribeTags&{}", members.join("&"))
        };
        assert_eq!(call(&aws, &arns(20)).await.code(), "OK");
        assert_eq!(call(&aws, &arns(21)).await.code(), "ValidationError");
        assert_eq!(call(&aws, "Action=DescribeTags").await.code(), "ValidationError");
    });
}

#[test]
fn wrong_tags_are_refused() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let start = format!("Action=AddTags&ResourceArns.member.1={listener}");
        let tag = |number: usize, key: &str| format!("&Tags.member.{number}.Key={key}&Tags.member.{number}.Value=v");
        let code = async |tags: String| call(&aws, &format!("{start}{tags}")).await.code().to_owned();
        assert_eq!(code(tag(1, "aws:mine")).await, "ValidationError");
        assert_eq!(code(tag(1, "with,comma")).await, "ValidationError");
        assert_eq!(code(tag(1, "a") + &tag(2, "a")).await, "DuplicateTagKeys");
        assert_eq!(code(String::new()).await, "ValidationError");
        let many: String = (1..=51).map(|number| tag(number, &format!("k{number}"))).collect();
        assert_eq!(code(many).await, "TooManyTags");
        let fifty: String = (1..=50).map(|number| tag(number, &format!("k{number}"))).collect();
        assert_eq!(code(fifty).await, "OK");
        assert_eq!(code(tag(1, "one-more")).await, "TooManyTags");
        let gone = listener.replace("listener/", "listener-rule/") + "/0123456789abcdef";
        let body = format!("Action=AddTags&ResourceArns.member.1={gone}{}", tag(1, "a"));
        assert_eq!(call(&aws, &body).await.code(), "RuleNotFound");
    });
}

#[test]
fn tags_given_at_creation_are_there_at_once_and_go_with_the_rule() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let body = forward(&aws, "Actions", &[("blue", 1)]);
        let create = format!(
            "Action=CreateRule&ListenerArn={listener}&Priority=1&Conditions.member.1.Field=path-pattern\
             &Conditions.member.1.Values.member.1=/a&{body}&Tags.member.1.Key=weir.dev/owner&Tags.member.1.Value=me"
        );
        let made = call(&aws, &create).await;
        let rule = made.one("RuleArn");
        assert_eq!(aws.tags(rule)["weir.dev/owner"], "me");
        call(&aws, &format!("Action=DeleteRule&RuleArn={rule}")).await;
        let gone = call(&aws, &format!("Action=DescribeTags&ResourceArns.member.1={rule}")).await;
        assert_eq!(gone.code(), "RuleNotFound");
        assert!(aws.tags(rule).is_empty());
    });
}
