//! The XML of requests, read into a small tree by the decoder of the SDK's runtime.

use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};

use super::Xml;

/// How deep a document may go.
const DEPTH: u32 = 32;

/// An element of a request: its name without a prefix, and either a text or elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) elements: Vec<Element>,
}

impl Element {
    /// Reads a document; the error says why it is none.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
        check(text)?;
        let (mut names, mut texts) = (Document::new(text), Document::new(text));
        let mut root = names.root_element().map_err(|error| error.to_string())?;
        let mut element = outline(&mut root, DEPTH)?;
        let mut root = texts.root_element().map_err(|error| error.to_string())?;
        fill(&mut root, &mut element)?;
        Ok(element)
    }

    /// The first element of this name in it.
    pub(crate) fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.name == name)
    }

    /// All elements of this name in it, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    /// The text of the first element of this name in it.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.element(name).map(|element| element.text.as_str())
    }

    /// The same as an element of an answer.
    pub(crate) fn xml(&self) -> Xml {
        if self.elements.is_empty() {
            return Xml::text(&self.name, &self.text);
        }
        Xml::of(&self.name, self.elements.iter().map(Self::xml).collect())
    }
}

/// Refuses what is no XML, or ends before its root does.
fn check(text: &str) -> Result<(), String> {
    let mut open = None;
    for token in Document::new(text) {
        open = Some(token.map_err(|error| error.to_string())?.1);
    }
    match open {
        Some(0) => Ok(()),
        Some(_) => Err("XML document structures must start and end within the same entity.".to_owned()),
        None => Err("Premature end of file.".to_owned()),
    }
}

/// The elements without their texts.
fn outline(decoder: &mut ScopedDecoder<'_, '_>, depth: u32) -> Result<Element, String> {
    let depth = depth.checked_sub(1).ok_or("the document goes too deep")?;
    let mut element = Element { name: decoder.start_el().local().to_owned(), ..Element::default() };
    while let Some(mut inner) = decoder.next_tag() {
        element.elements.push(outline(&mut inner, depth)?);
    }
    Ok(element)
}

/// The texts of those elements that hold no others.
fn fill(decoder: &mut ScopedDecoder<'_, '_>, element: &mut Element) -> Result<(), String> {
    if element.elements.is_empty() {
        element.text = try_data(decoder).map_err(|error| error.to_string())?.into_owned();
    }
    for element in &mut element.elements {
        if let Some(mut inner) = decoder.next_tag() {
            fill(&mut inner, element)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Element;

    #[test]
    fn elements_and_texts_are_read() {
        let document = "<?xml version=\"1.0\"?>\n<A xmlns=\"x\">\n <B>1 &amp; 2</B>\n <C><D/><D> &#42;</D></C>\n</A>\n";
        let read = Element::parse(document.as_bytes()).unwrap();
        assert_eq!(read.text_of("B"), Some("1 & 2"));
        let inner: Vec<&str> = read.element("C").unwrap().all("D").map(|element| element.text.as_str()).collect();
        assert_eq!(inner, ["", " *"]);
    }

    #[test]
    fn what_is_no_document_is_told() {
        for bad in ["", "text", "<A>", "<A><B></A>", "<A></A></A>", "<A><B>1</B>", "{}"] {
            assert!(Element::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
