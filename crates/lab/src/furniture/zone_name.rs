//! What a zone is called of which only names in it are known.

/// The parent of a name, or the longest that several have in common; `None` where there is none.
pub(super) fn of(names: &[&str]) -> Option<String> {
    let mut names: Vec<Vec<String>> = names.iter().map(|name| labels(name)).collect();
    names.sort();
    names.dedup();
    let (first, others) = names.split_first()?;
    let mut zone = match first.len() {
        // A zone of a single label is nobody's: the name is then that of the zone.
        length if others.is_empty() && length > 2 => first[..length - 1].to_vec(),
        _ => first.clone(),
    };
    for other in others {
        let common = zone.iter().zip(other).take_while(|(one, other)| one == other).count();
        zone.truncate(common);
    }
    zone.reverse();
    (!zone.is_empty()).then(|| zone.join("."))
}

/// The labels of a name, the last one first.
fn labels(name: &str) -> Vec<String> {
    name.trim_end_matches('.').to_ascii_lowercase().rsplit('.').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_zone_has_the_name_that_all_names_in_it_have_in_common() {
        for (names, zone) in [
            (&["api.shop.test"][..], Some("shop.test")),
            (&["API.Shop.Test."], Some("shop.test")),
            (&["api.shop.test", "api.shop.test."], Some("shop.test")),
            (&["*.shop.test"], Some("shop.test")),
            (&["api.shop.test", "web.shop.test"], Some("shop.test")),
            (&["a.api.shop.test", "web.shop.test"], Some("shop.test")),
            (&["shop.test", "api.shop.test"], Some("shop.test")),
            (&["shop.test", "*.shop.test"], Some("shop.test")),
            (&["shop.test"], Some("shop.test")),
            (&["api.shop.test", "api.cart.test"], Some("test")),
            (&["api.shop.test", "api.shop.example"], None),
            (&[], None),
        ] {
            assert_eq!(of(names).as_deref(), zone, "{names:?}");
        }
    }
}
