//! Manifests as text: YAML or JSON, one or several documents.

use serde_json::Value;

/// Parses a text into its documents, without the empty ones.
pub fn parse(text: &str) -> Result<Vec<Value>, String> {
    // The worlds' own manifests are as long as they are.
    let options = serde_saphyr::options! { budget: None };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        format!("the manifest could not be read: {error}; expected YAML documents separated by --- lines, or JSON")
    })?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// The documents of a kind.
pub(crate) fn of_kind<'a>(documents: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    documents.iter().filter(move |document| document["kind"] == kind)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_yaml_and_json_of_several_documents() {
        let documents = parse("---\nkind: A\n---\n---\n{\"kind\": \"B\", \"n\": [1, 2]}\n").unwrap();
        let kinds: Vec<&str> = documents.iter().filter_map(|document| document["kind"].as_str()).collect();
        assert_eq!(kinds, ["A", "B"]);
        assert_eq!(documents[1]["n"][1], 2);
    }

    #[test]
    fn says_what_was_expected() {
        let message = parse("kind: [").unwrap_err();
        assert!(message.contains("expected YAML documents"), "{message}");
    }
}
