//! Tests of paging.

use super::*;

fn form(size: u32, marker: Option<&str>) -> Form {
    let mut form = Form::default();
    form.put("PageSize", size.to_string());
    if let Some(marker) = marker {
        form.put("Marker", marker);
    }
    form
}

fn items(keys: &[&str]) -> Vec<(String, String)> {
    keys.iter().map(|key| ((*key).to_owned(), (*key).to_owned())).collect()
}

#[test]
fn pages_follow_each_other_although_the_list_changes() {
    let first = Page::of(&form(2, None), items(&["a", "b", "c", "d"])).unwrap();
    assert_eq!(first.items, ["a", "b"]);
    let second = Page::of(&form(2, first.next.as_deref()), items(&["a", "bb", "c", "d"])).unwrap();
    assert_eq!(second.items, ["bb", "c"], "b is gone, bb is new, nothing is repeated");
    let third = Page::of(&form(2, second.next.as_deref()), items(&["a", "bb", "c", "d"])).unwrap();
    assert_eq!(third.items, ["d"]);
    assert_eq!(third.next, None);
}

#[test]
fn a_full_last_page_has_no_marker() {
    assert_eq!(Page::of(&form(2, None), items(&["a", "b"])).unwrap().next, None);
}

#[test]
fn wrong_sizes_and_markers_are_refused() {
    assert_eq!(Page::of(&form(0, None), items(&["a"])).unwrap_err().code, "ValidationError");
    assert_eq!(Page::of(&form(401, None), items(&["a"])).unwrap_err().code, "ValidationError");
    assert_eq!(Page::of(&form(1, Some("zz")), items(&["a"])).unwrap_err().code, "ValidationError");
}
