//! Pages of long answers: `MaxResults`, `NextToken`, `nextToken`.

use super::super::form::Form;
use super::super::page::{Page, decode};
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::fields::{not_together, number};

/// The smallest page, and the largest one, which is given where none is asked for.
const SMALLEST: u32 = 5;
const LARGEST: u32 = 1_000;

/// The page that a request asks for, of items in the order of their keys. Where it names what it is about by `ids`, it gets all
/// of it.
pub(super) fn page<T>(
    form: &Form,
    ids: &str,
    items: impl IntoIterator<Item = (String, T)>,
) -> Result<Page<T>, Refusal> {
    let size = number(form, "MaxResults", SMALLEST, LARGEST)?;
    if form.has(ids) && size.is_some() {
        return Err(not_together(ids, "MaxResults"));
    }
    let size = size.unwrap_or(if form.has(ids) { u32::MAX } else { LARGEST });
    let wrong = || Refusal::new("InvalidNextToken", "The specified NextToken is not valid");
    let token = form.text("NextToken").filter(|token| !token.is_empty());
    let after = token.map(|token| decode(token).ok_or_else(wrong)).transpose()?;
    Ok(Page::cut(items, size, after.as_deref()))
}

/// The list of a page as EC2 answers it.
pub(super) fn describe<T>(page: Page<T>, name: &str, describe: impl Fn(T) -> Vec<Xml>) -> Vec<Xml> {
    let list = Xml::items(name, page.items.into_iter().map(describe));
    std::iter::once(list).chain(page.next.map(|next| Xml::text("nextToken", next))).collect()
}
