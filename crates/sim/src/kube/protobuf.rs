//! Namespaces as kubectl sends them: in protobuf, which its typed clients speak of built-in kinds.
//!
//! Source: `runtime.Unknown` of k8s.io/apimachinery and `generated.proto` of k8s.io/api/core/v1 and of
//! k8s.io/apimachinery/pkg/apis/meta/v1.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::kinds::Kind;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
/// With what a body begins.
const MAGIC: &[u8] = b"k8s\0";

/// Reads a body as JSON has it: what names and labels the object. Other kinds are refused.
pub(super) fn to_json(body: &[u8], kind: &Kind) -> Result<Vec<u8>, Failure> {
    if kind.key.resource != "namespaces" || !kind.key.group.is_empty() {
        return Err(Failure::unsupported_media_type(&["application/json"]));
    }
    let object = body.strip_prefix(MAGIC).and_then(namespace);
    let object = object.ok_or_else(|| Failure::bad_request("the object provided is no Namespace in protobuf"))?;
    Ok(object.to_string().into_bytes())
}

fn namespace(unknown: &[u8]) -> Option<Value> {
    let object = message(unknown, 2)?;
    let metadata = message(object, 1)?;
    let mut found = Map::new();
    for (field, name) in [(1, "name"), (2, "generateName")] {
        if let Some(text) = message(metadata, field).filter(|text| !text.is_empty()) {
            found.insert(name.to_owned(), json!(std::str::from_utf8(text).ok()?));
        }
    }
    for (field, name) in [(11, "labels"), (12, "annotations")] {
        let entries = fields(metadata)?.into_iter().filter(|(number, _)| *number == field);
        let entries = entries.map(|(_, entry)| {
            let text = |part| std::str::from_utf8(message(entry, part).unwrap_or_default()).ok();
            Some((text(1)?.to_owned(), json!(text(2)?)))
        });
        let entries = entries.collect::<Option<Map<String, Value>>>()?;
        if !entries.is_empty() {
            found.insert(name.to_owned(), Value::Object(entries));
        }
    }
    Some(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": found}))
}

/// The last field of this number that has a length.
fn message(bytes: &[u8], number: u64) -> Option<&[u8]> {
    fields(bytes)?.into_iter().rev().find_map(|(field, value)| (field == number).then_some(value))
}

/// The fields of a message that have a length; `None` where it is none.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                fields.push((key >> 3, value));
                bytes = rest;
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_read_and_nonsense_is_none() {
        let entry = [&[0x5a, 8, 0x0a, 1][..], b"a", &[0x12, 3], b"b c"].concat();
        let metadata = [&[0x0a, 4][..], b"shop", &entry].concat();
        let object = [&[0x0a, u8::try_from(metadata.len()).unwrap()][..], &metadata].concat();
        let unknown = [&[0x0a, 0, 0x12, u8::try_from(object.len()).unwrap()][..], &object].concat();
        let expected =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b c"}}});
        assert_eq!(namespace(&unknown), Some(expected));
        for length in 1..unknown.len() {
            // Cut short anywhere it is none, or less.
            let cut = namespace(&unknown[..length]);
            assert!(cut.is_none_or(|cut| cut["metadata"]["labels"].is_null()), "{length}");
        }
        assert_eq!(fields(&[0xff; 12]), None);
    }
}
