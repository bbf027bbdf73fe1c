//! Health checks.

use super::*;

const ROOT: &str = "CreateHealthCheckRequest";

async fn make(aws: &Arc<Aws>, reference: &str, config: &str) -> Reply {
    let inside =
        format!("<CallerReference>{reference}</CallerReference><HealthCheckConfig>{config}</HealthCheckConfig>");
    post(aws, "healthcheck", ROOT, &inside).await
}

#[test]
fn a_health_check_is_made_once_and_told() {
    world_with(patient(), async |aws| {
        let config = "<Port>443</Port><Type>HTTPS</Type><FullyQualifiedDomainName>a.test</FullyQualifiedDomainName>";
        let made = make(&aws, "one", config).await;
        let id = made.one("Id").to_owned();
        assert_eq!((made.status, made.one("Type"), made.one("HealthCheckVersion")), (201, "HTTPS", "1"));
        assert_eq!(make(&aws, "one", config).await.one("Id"), id, "the same wish is granted once");
        let other = make(&aws, "one", &config.replace("443", "444")).await;
        assert_eq!((other.status, other.code()), (409, "HealthCheckAlreadyExists"));
        assert_eq!(get(&aws, &format!("healthcheck/{id}")).await.one("Port"), "443");
        let status = get(&aws, &format!("healthcheck/{id}/status")).await;
        assert!(status.all("Status").len() == 8 && status.all("Status")[0].starts_with("Success"));
        aws.set_health_check(&id, false).unwrap();
        assert!(get(&aws, &format!("healthcheck/{id}/status")).await.all("Status")[0].starts_with("Failure"));
        assert_eq!(call(&aws, "DELETE", &format!("healthcheck/{id}"), "").await.code(), "OK");
        let gone = get(&aws, &format!("healthcheck/{id}")).await;
        assert_eq!((gone.status, gone.code()), (404, "NoSuchHealthCheck"));
        assert_eq!(make(&aws, "one", config).await.code(), "HealthCheckAlreadyExists", "also when it is deleted");
        assert_eq!(aws.set_health_check(&id, true).unwrap_err().code, "NoSuchHealthCheck");
    });
}

#[test]
fn what_cannot_be_checked_is_refused() {
    world_with(patient(), async |aws| {
        for config in [
            "<Type>HTTP</Type>",
            "<Type>PING</Type><IPAddress>192.0.2.1</IPAddress>",
            "<Type>TCP</Type><IPAddress>192.0.2.1</IPAddress>",
            "<Type>HTTP</Type><IPAddress>somewhere</IPAddress>",
            "<Type>HTTP</Type><IPAddress>192.0.2.1</IPAddress><Port>0</Port>",
            "<Type>HTTP</Type><IPAddress>192.0.2.1</IPAddress><SearchString>x</SearchString>",
            "<Type>HTTP_STR_MATCH</Type><IPAddress>192.0.2.1</IPAddress>",
            "<Type>HTTP</Type><IPAddress>192.0.2.1</IPAddress><Regions><Region>us-east-1</Region></Regions>",
            "<Type>CALCULATED</Type>",
            "<Type>CALCULATED</Type><HealthThreshold>1</HealthThreshold><ChildHealthChecks><ChildHealthCheck>x\
             </ChildHealthCheck></ChildHealthChecks>",
            "<Type>CLOUDWATCH_METRIC</Type>",
            "<Type>RECOVERY_CONTROL</Type>",
            "<Type>HTTP</Type><IPAddress>192.0.2.1</IPAddress><Colour>red</Colour>",
        ] {
            assert_eq!(make(&aws, "one", config).await.code(), "InvalidInput", "{config}");
        }
    });
}

#[test]
fn a_record_has_no_health_check_that_is_not_there() {
    with_zone(async |aws, zone| {
        let rest = format!("{}<HealthCheckId>x</HealthCheckId>", values(60, &["192.0.2.1"]));
        let reply = batch(&aws, &zone, &[create(&record("a.shop.test", "A", &rest))]).await;
        assert_eq!((reply.status, reply.code()), (404, "NoSuchHealthCheck"));
    });
}
