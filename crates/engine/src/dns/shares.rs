//! Weights of environments as weights of records.

use std::collections::BTreeMap;

use smol_str::SmolStr;
use weir_api::weighted_route::EnvironmentWeight;

/// The greatest weight of a record. Source: `ResourceRecordSetWeight` in botocore's model of Route 53.
pub const MAX_RECORD_WEIGHT: u16 = 255;

/// The weights of the records that split the traffic of a name like this, by environment. An environment without weight has
/// no record: a record of weight 0 is answered when no other is healthy. What is too great for Route 53 is divided by what the
/// weights have in common; the error says what remains too great.
pub fn record_weights(weights: &[EnvironmentWeight]) -> Result<BTreeMap<SmolStr, u16>, String> {
    let carrying = || weights.iter().filter(|entry| entry.weight > 0);
    let greatest = carrying().map(|entry| entry.weight).max().unwrap_or_default();
    let divisor = if greatest > i32::from(MAX_RECORD_WEIGHT) {
        carrying().map(|entry| entry.weight).fold(0, common_divisor).max(1)
    } else {
        1
    };
    let record = |entry: &EnvironmentWeight| {
        let weight = u16::try_from(entry.weight / divisor).ok().filter(|weight| *weight <= MAX_RECORD_WEIGHT);
        let weight = weight.ok_or_else(|| {
            format!(
                "found the weight {} of {}; Route 53 takes weights from 0 to {MAX_RECORD_WEIGHT}, and these have no divisor in \
                 common that brings them there; write smaller ones",
                entry.weight, entry.environment
            )
        })?;
        Ok((SmolStr::new(&entry.environment), weight))
    };
    carrying().map(record).collect()
}

fn common_divisor(one: i32, other: i32) -> i32 {
    if other == 0 { one } else { common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EnvironmentWeight, record_weights};
    use crate::weights;

    fn given(weights: &[i32]) -> Vec<EnvironmentWeight> {
        let entry =
            |(number, weight): (usize, &i32)| EnvironmentWeight { environment: format!("e{number}"), weight: *weight };
        weights.iter().enumerate().map(entry).collect()
    }

    fn told(weights: &[i32]) -> Result<Vec<u16>, String> {
        record_weights(&given(weights)).map(|records| records.into_values().collect())
    }

    #[test]
    fn what_fits_is_taken_as_it_stands_and_what_does_not_is_divided() {
        assert_eq!(told(&[95, 5]), Ok(vec![95, 5]));
        assert_eq!(told(&[2, 2, 0]), Ok(vec![2, 2]));
        assert_eq!(told(&[0, 0]), Ok(vec![]));
        assert_eq!(told(&[999, 333]), Ok(vec![3, 1]));
        assert_eq!(told(&[510]), Ok(vec![1]));
        let message = told(&[256, 255]).unwrap_err();
        assert!(message.contains("256 of e0") && message.contains("0 to 255"), "{message}");
    }

    proptest! {
        #[test]
        fn records_split_the_traffic_as_the_weights_do(given_weights in prop::collection::vec(0..=999, 0..6)) {
            let given = given(&given_weights);
            let Ok(records) = record_weights(&given) else { return Ok(()) };
            let records: Vec<EnvironmentWeight> = records
                .into_iter()
                .map(|(environment, weight)| EnvironmentWeight { environment: environment.into(), weight: weight.into() })
                .collect();
            prop_assert!(weights::same_split(&given, &records), "{:?}", records);
        }

        #[test]
        fn whole_percents_always_fit(percent in 0..=100, others in prop::collection::vec(0..=100, 1..4)) {
            let from = given(&others);
            prop_assume!(weights::total(&from) > 0);
            prop_assert!(record_weights(&weights::blend(&from, "new", percent)).is_ok());
        }
    }
}
