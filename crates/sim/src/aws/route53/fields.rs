//! How parameters are read: in the words in which Route 53 refuses what its schema does not allow.

use std::fmt::Display;

use super::super::protocol::Input;
use super::super::refusal::{Refusal, broken_bound};
use super::super::xml::element::Element;
use super::NAMESPACE;

/// An error of the caller about what a request says.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidInput", message)
}

/// A value outside its declared constraint.
pub(super) fn constraint(found: impl Display, place: &str, constraint: &str) -> Refusal {
    invalid(format!(
        "1 validation error detected: Value '{found}' at '{place}' failed to satisfy constraint: {constraint}"
    ))
}

/// A value that must be one of these.
pub(super) fn one_of<T: Display>(found: &str, place: &str, all: impl IntoIterator<Item = T>) -> Refusal {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    constraint(found, place, &format!("Member must satisfy enum value set: [{}]", all.join(", ")))
}

/// Refuses a text that is shorter or longer than declared.
pub(super) fn within<'a>(
    text: &'a str,
    place: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<&'a str, Refusal> {
    let broken = broken_bound("length", text.chars().count(), &length);
    broken.map_or(Ok(text), |broken| Err(constraint(text, place, &broken)))
}

/// A number from a declared range.
pub(super) fn number(text: &str, place: &str, range: std::ops::RangeInclusive<i64>) -> Result<i64, Refusal> {
    let number: i64 = text.trim().parse().map_err(|_| not_of_type(text, "long"))?;
    let broken = broken_bound("value", number, &range);
    broken.map_or(Ok(number), |broken| Err(constraint(number, place, &broken)))
}

/// A truth value.
pub(super) fn flag(text: &str) -> Result<bool, Refusal> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(not_of_type(other, "boolean")),
    }
}

fn not_of_type(text: &str, kind: &str) -> Refusal {
    broken(&format!("cvc-datatype-valid.1.2.1: '{text}' is not a valid value for '{kind}'."))
}

/// A document that breaks the schema.
fn broken(why: &str) -> Refusal {
    invalid(format!("Invalid XML ; javax.xml.stream.XMLStreamException: org.xml.sax.SAXParseException; {why}"))
}

fn expected(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{NAMESPACE}\":{name}")).collect::<Vec<_>>().join(", ")
}

/// The document of a request, which must have this root and hold nothing else than these.
pub(super) fn document<'a>(input: &'a Input, root: &str, known: &[&str]) -> Result<&'a Element, Refusal> {
    let malformed = |why: &str| Refusal::new("MalformedInput", format!("Invalid XML ; {why}"));
    match &input.document {
        None => Err(malformed("Premature end of file.")),
        Some(Err(why)) => Err(malformed(why)),
        Some(Ok(element)) if element.name != root => {
            Err(broken(&format!("cvc-elt.1: Cannot find the declaration of element '{}'.", element.name)))
        }
        Some(Ok(element)) => only(element, known),
    }
}

/// The same where no document needs to be sent, since nothing in it does.
pub(super) fn document_if_any<'a>(
    input: &'a Input,
    root: &str,
    known: &[&str],
) -> Result<Option<&'a Element>, Refusal> {
    input.document.as_ref().map(|_| document(input, root, known)).transpose()
}

/// Refuses an element in which something else stands than these, each at most once.
pub(super) fn only<'a>(element: &'a Element, known: &[&str]) -> Result<&'a Element, Refusal> {
    let is_other = |(index, inner): &(usize, &Element)| {
        !known.contains(&inner.name.as_str()) || element.elements[..*index].iter().any(|one| one.name == inner.name)
    };
    match element.elements.iter().enumerate().find(is_other) {
        None => Ok(element),
        Some((_, other)) => Err(broken(&format!(
            "cvc-complex-type.2.4.a: Invalid content was found starting with element '{}'. One of '{{{}}}' is expected.",
            other.name,
            expected(known)
        ))),
    }
}

/// What must stand in an element.
pub(super) fn needed<'a>(element: &'a Element, name: &str) -> Result<&'a Element, Refusal> {
    element.element(name).ok_or_else(|| {
        broken(&format!(
            "cvc-complex-type.2.4.b: The content of element '{}' is not complete. One of '{{{}}}' is expected.",
            element.name,
            expected(&[name])
        ))
    })
}

/// The members of a list, which has so many at least and at most.
pub(super) fn members<'a>(
    list: &'a Element,
    member: &str,
    place: &str,
    count: std::ops::RangeInclusive<usize>,
) -> Result<&'a [Element], Refusal> {
    if let Some(other) = list.elements.iter().find(|element| element.name != member) {
        return Err(broken(&format!(
            "cvc-complex-type.2.4.a: Invalid content was found starting with element '{}'. One of '{{{}}}' is expected.",
            other.name,
            expected(&[member])
        )));
    }
    let broken = broken_bound("length", list.elements.len(), &count);
    broken.map_or(Ok(&list.elements), |broken| Err(constraint("[]", place, &broken)))
}

/// How many items a page has: as many as are asked for, and no more than there can be.
pub(super) fn page_size(input: &Input, name: &str, largest: usize) -> Result<usize, Refusal> {
    let Some(text) = input.form.text(name) else { return Ok(largest) };
    match text.parse::<usize>() {
        Ok(size) if size > 0 => Ok(size.min(largest)),
        _ => Err(invalid(format!("{name} '{text}' is not a number from 1 to {largest}"))),
    }
}
