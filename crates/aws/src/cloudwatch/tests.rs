//! Requests counted through the SDK, at wire level: how many calls, what of answers that are none.

use std::collections::BTreeSet;

use weir_engine::fact::{ErrorKind, Query, RequestCount, Requests};
use weir_engine::reader::{ANY_AGE, Ask};
use weir_engine::tick::Urgency;

use super::dimension_of;
use crate::budget::CallPriority;
use crate::wire::{Bed, Reply, arn};

fn query(number: usize) -> Query {
    let group = Some(arn(&format!("targetgroup/blue/{number:016x}")));
    Query::Requests(RequestCount { balancer: arn("loadbalancer/app/shop/50dc6c495c0c9188"), group })
}

/// What the inventory tells without a call.
async fn told(bed: &Bed, query: &Query) -> Result<Option<Requests>, ErrorKind> {
    let ask = Ask::new(query.clone(), ANY_AGE);
    let (_, fact) = bed.inventory.answer(&ask, &CallPriority::new(Urgency::Routine)).await;
    fact.reading::<Option<Requests>>().unwrap().found.cloned().map_err(|error| error.kind)
}

#[test]
fn dimensions_are_the_ends_of_arns() {
    assert_eq!(dimension_of(&arn("loadbalancer/app/shop/50dc6c495c0c9188")), Some("app/shop/50dc6c495c0c9188"));
    assert_eq!(dimension_of(&arn("targetgroup/blue/73e2d6bc24d8a067")), Some("targetgroup/blue/73e2d6bc24d8a067"));
    assert_eq!(dimension_of(&arn("nonsense")), None);
}

#[tokio::test(start_paused = true)]
async fn five_hundred_are_asked_for_in_one_call_and_none_is_asked_for_by_an_answer() {
    let bed = Bed::new(|_| Reply::Http(403, String::new(), std::time::Duration::ZERO));
    assert_eq!(told(&bed, &query(0)).await, Ok(None));
    assert_eq!(bed.operations(), [] as [&str; 0], "an answer makes no call");
    bed.inventory.measure(&(0..1_200).map(query).collect()).await;
    assert_eq!(bed.operations(), ["GetMetricData"; 3]);
    assert_eq!(told(&bed, &query(1_199)).await, Err(ErrorKind::Denied));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_none_fails_all_alike_and_once() {
    let answers = [
        (Reply::Http(403, String::new(), std::time::Duration::ZERO), ErrorKind::Denied),
        (Reply::Http(404, "<html>not found</html>".to_owned(), std::time::Duration::ZERO), ErrorKind::Transient),
        (Reply::Silence, ErrorKind::Transient),
    ];
    for (answer, expected) in answers {
        let mut answer = Some(answer);
        let bed = Bed::new(move |_| answer.take().unwrap_or(Reply::Silence));
        bed.inventory.measure(&BTreeSet::from([query(0), query(1)])).await;
        assert_eq!(bed.operations(), ["GetMetricData"]);
        for number in [0, 1] {
            assert_eq!(told(&bed, &query(number)).await, Err(expected));
        }
    }
}
