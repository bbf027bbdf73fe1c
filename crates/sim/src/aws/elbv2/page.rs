//! Pages of long answers: `PageSize`, `Marker`, `NextMarker`.

use super::super::form::Form;
pub(crate) use super::super::page::Page;
use super::super::page::decode;
use super::super::refusal::Refusal;
use super::super::xml::Xml;

/// The largest page, and the one given where none is asked for.
const LARGEST: u32 = 400;

impl<T> Page<T> {
    /// The page that a request asks for, of items in the order of their keys.
    pub(crate) fn of(form: &Form, items: impl IntoIterator<Item = (String, T)>) -> Result<Self, Refusal> {
        let size = form.number_within("PageSize", 1, LARGEST)?.unwrap_or(LARGEST);
        let marker = form.text("Marker").filter(|marker| !marker.is_empty());
        let wrong = |marker: &str| Refusal::invalid(format!("Invalid marker '{marker}'"));
        let after = marker.map(|marker| decode(marker).ok_or_else(|| wrong(marker))).transpose()?;
        Ok(Self::cut(items, size, after.as_deref()))
    }

    /// The list as AWS answers it, with the marker behind it.
    pub(crate) fn describe(self, name: &str, describe: impl Fn(T) -> Vec<Xml>) -> Vec<Xml> {
        let list = Xml::list(name, self.items.into_iter().map(describe));
        std::iter::once(list).chain(self.next.map(|next| Xml::text("NextMarker", next))).collect()
    }
}

#[cfg(test)]
mod tests;
