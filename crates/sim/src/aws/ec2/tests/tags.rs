//! Tests of tags.

use super::*;

#[test]
fn what_is_made_and_what_is_there_can_be_tagged() {
    patient(async |aws| {
        let tagged = |kind: &str| {
            let tag = "TagSpecification.1.Tag.1.Key=team&TagSpecification.1.Tag.1.Value=shop";
            format!("&TagSpecification.1.ResourceType={kind}&{tag}")
        };
        let vpc = call(&aws, &format!("CreateVpc&CidrBlock=10.0.0.0/16{}", tagged("vpc"))).await;
        assert_eq!((vpc.one("key"), vpc.one("value")), ("team", "shop"));
        let vpc = vpc.one("vpcId").to_owned();
        let subnet = format!("CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/24{}", tagged("subnet"));
        let subnet = call(&aws, &subnet).await.one("subnetId").to_owned();
        let group =
            format!("CreateSecurityGroup&VpcId={vpc}&GroupName=x&GroupDescription=x{}", tagged("security-group"));
        let group = call(&aws, &group).await.one("groupId").to_owned();
        let run = format!("RunInstances&ImageId={IMAGE}&SubnetId={subnet}&MinCount=1&MaxCount=1{}", tagged("instance"));
        let instance = call(&aws, &run).await.one("instanceId").to_owned();
        let told = call(&aws, "DescribeTags&Filter.1.Name=key&Filter.1.Value.1=team").await;
        let mut kinds = told.all("resourceType");
        kinds.sort_unstable();
        assert_eq!(kinds, ["instance", "security-group", "subnet", "vpc"]);
        let named = "Tag.1.Key=Name&Tag.1.Value=web&Tag.2.Key=tier&Tag.2.Value=";
        call(&aws, &format!("CreateTags&ResourceId.1={instance}&ResourceId.2={group}&{named}")).await;
        let found = call(&aws, "DescribeInstances&Filter.1.Name=tag:Name&Filter.1.Value.1=w*").await;
        assert_eq!(found.one("instanceId"), instance);
        let found = call(&aws, "DescribeSecurityGroups&Filter.1.Name=tag-key&Filter.1.Value.1=tier").await;
        assert_eq!(found.one("groupId"), group);
        let delete = format!("DeleteTags&ResourceId.1={instance}");
        call(&aws, &format!("{delete}&Tag.1.Key=Name&Tag.1.Value=other&Tag.2.Key=tier")).await;
        let told = call(&aws, &format!("DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={instance}")).await;
        assert_eq!(told.all("key"), ["Name", "team"], "with a value only those that have it");
        call(&aws, &delete).await;
        let told = call(&aws, &format!("DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={instance}")).await;
        assert!(told.all("key").is_empty());
        let effects = aws.effects().len();
        call(&aws, &format!("DeleteSubnet&SubnetId={subnet}")).await;
        assert_eq!(aws.effects().len(), effects, "there is an instance in it");
    });
}

#[test]
fn wrong_tags_are_refused() {
    patient(async |aws| {
        let start = format!("CreateTags&ResourceId.1={DEFAULT_VPC}");
        let (long, longer) = ("k".repeat(128), "v".repeat(256));
        let many = (1..=51).map(|number| format!("&Tag.{number}.Key=k{number}&Tag.{number}.Value="));
        let many = many.collect::<Vec<_>>().concat();
        for (body, code) in [
            (start.clone(), "MissingParameter"),
            ("CreateTags&Tag.1.Key=a".to_owned(), "MissingParameter"),
            ("CreateTags&ResourceId.1=llama&Tag.1.Key=a".to_owned(), "InvalidID"),
            ("CreateTags&ResourceId.1=i-00000000&Tag.1.Key=a".to_owned(), "InvalidInstanceID.NotFound"),
            ("CreateTags&ResourceId.1=vpc-1&Tag.1.Key=a".to_owned(), "InvalidVpcID.NotFound"),
            ("CreateTags&ResourceId.1=subnet-1&Tag.1.Key=a".to_owned(), "InvalidSubnetID.NotFound"),
            ("DeleteTags&ResourceId.1=sg-1".to_owned(), "InvalidGroup.NotFound"),
            (format!("{start}&Tag.1.Key="), "InvalidParameterValue"),
            (format!("{start}&Tag.1.Key={long}"), "InvalidParameterValue"),
            (format!("{start}&Tag.1.Key=a&Tag.1.Value={longer}"), "InvalidParameterValue"),
            (format!("{start}&Tag.1.Key=a%00"), "InvalidParameterValue"),
            (format!("{start}&Tag.1.Key=AWS:team"), "InvalidParameterValue"),
            (format!("{start}&Tag.1.Key=a&Tag.2.Key=a"), "InvalidParameterValue"),
            (format!("{start}{many}"), "TagLimitExceeded"),
        ] {
            assert_eq!(call(&aws, &body).await.code(), code, "{body}");
        }
        let fifty = many.split("&Tag.51").next().unwrap();
        assert_eq!(call(&aws, &format!("{start}{fifty}")).await.code(), "OK");
        let both = format!("CreateTags&ResourceId.1={DEFAULT_VPC}&ResourceId.2={}&Tag.1.Key=more", DEFAULT_SUBNETS[0]);
        assert_eq!(call(&aws, &both).await.code(), "TagLimitExceeded");
        let told = call(&aws, "DescribeTags&Filter.1.Name=resource-type&Filter.1.Value.1=subnet").await;
        assert!(told.all("key").is_empty(), "all of them or none");
    });
}
