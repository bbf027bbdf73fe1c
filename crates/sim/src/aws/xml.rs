//! XML as a small tree: that of answers, which is written at the end, and in `element` that of requests.

use aws_smithy_xml::encode::{ScopeWriter, XmlWriter};

pub(crate) mod element;

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Xml {
    name: String,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Text(String),
    Elements(Vec<Xml>),
}

impl Xml {
    /// An element with a text.
    pub(crate) fn text(name: &str, text: impl ToString) -> Self {
        Self { name: name.to_owned(), content: Content::Text(text.to_string()) }
    }

    /// An element with elements in it.
    pub(crate) fn of(name: &str, elements: Vec<Xml>) -> Self {
        Self { name: name.to_owned(), content: Content::Elements(elements) }
    }

    /// The same element with one more in it.
    pub(super) fn and(mut self, element: Xml) -> Self {
        if let Content::Elements(elements) = &mut self.content {
            elements.push(element);
        }
        self
    }

    /// A list of structures, each in its `member`.
    pub(crate) fn list(name: &str, members: impl IntoIterator<Item = Vec<Xml>>) -> Self {
        Self::of(name, members.into_iter().map(|elements| Self::of("member", elements)).collect())
    }

    /// A list of structures, each in its `item`, as EC2 has lists.
    pub(crate) fn items(name: &str, items: impl IntoIterator<Item = Vec<Xml>>) -> Self {
        Self::of(name, items.into_iter().map(|elements| Self::of("item", elements)).collect())
    }

    /// A list of texts, each in its `member`.
    pub(crate) fn texts(name: &str, members: impl IntoIterator<Item = impl ToString>) -> Self {
        Self::of(name, members.into_iter().map(|text| Self::text("member", text)).collect())
    }

    /// The whole document of an answer of the service that has this namespace.
    pub(super) fn document(&self, namespace: &str) -> String {
        self.written(Some(namespace))
    }

    /// The whole document of an answer that has no namespace.
    pub(super) fn bare_document(&self) -> String {
        self.written(None)
    }

    fn written(&self, namespace: Option<&str>) -> String {
        let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let mut writer = XmlWriter::new(&mut document);
        let root = writer.start_el(&self.name);
        let mut root = namespace.into_iter().fold(root, |root, namespace| root.write_ns(namespace, None)).finish();
        self.write_content(&mut root);
        root.finish();
        document
    }

    fn write_content(&self, scope: &mut ScopeWriter<'_, '_>) {
        match &self.content {
            Content::Text(text) => scope.data(text),
            Content::Elements(elements) => {
                for element in elements {
                    let mut inner = scope.start_el(&element.name).finish();
                    element.write_content(&mut inner);
                    inner.finish();
                }
            }
        }
    }
}
