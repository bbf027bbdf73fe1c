//! CBOR as Smithy's RPC v2 uses it, read into a small tree. Writing goes through the encoder of the SDK's runtime.

use std::collections::BTreeMap;

use aws_smithy_cbor::Decoder;
use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use jiff::Timestamp;

/// How deep a document may go.
const DEPTH: u32 = 32;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cbor {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Time(Timestamp),
    List(Vec<Cbor>),
    Map(BTreeMap<String, Cbor>),
}

impl Cbor {
    /// Reads a document that is nothing but one value.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, DeserializeError> {
        let mut decoder = Decoder::new(bytes);
        let value = read(&mut decoder, DEPTH)?;
        if decoder.position() == bytes.len() {
            Ok(value)
        } else {
            Err(DeserializeError::expected_end_of_stream(decoder.position()))
        }
    }
}

fn read(decoder: &mut Decoder<'_>, depth: u32) -> Result<Cbor, DeserializeError> {
    let depth = depth.checked_sub(1).ok_or_else(|| DeserializeError::custom("too deep", decoder.position()))?;
    Ok(match decoder.datatype()? {
        Type::Bool => Cbor::Bool(decoder.boolean()?),
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Cbor::Null
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
            Cbor::Int(decoder.long()?)
        }
        Type::F16 | Type::F32 | Type::F64 => Cbor::Float(decoder.double()?),
        Type::String | Type::StringIndef => Cbor::Text(decoder.str()?.into_owned()),
        Type::Tag => {
            let at = decoder.timestamp()?;
            let nanos = i32::try_from(at.subsec_nanos()).unwrap_or(0);
            let at = Timestamp::new(at.secs(), nanos);
            Cbor::Time(at.map_err(|error| DeserializeError::custom(error.to_string(), decoder.position()))?)
        }
        Type::Array | Type::ArrayIndef => {
            let length = decoder.list()?;
            let mut list = Vec::new();
            while goes_on(decoder, length, list.len())? {
                list.push(read(decoder, depth)?);
            }
            Cbor::List(list)
        }
        Type::Map | Type::MapIndef => {
            let length = decoder.map()?;
            let (mut map, mut entries) = (BTreeMap::new(), 0);
            while goes_on(decoder, length, entries)? {
                let key = decoder.str()?.into_owned();
                map.insert(key, read(decoder, depth)?);
                entries += 1;
            }
            Cbor::Map(map)
        }
        other => return Err(DeserializeError::custom(format!("{other:?} is not expected"), decoder.position())),
    })
}

/// Whether a list or map has another entry; takes the mark at the end of one whose length is not told.
fn goes_on(decoder: &mut Decoder<'_>, length: Option<u64>, read: usize) -> Result<bool, DeserializeError> {
    match length {
        Some(length) => Ok(u64::try_from(read).is_ok_and(|read| read < length)),
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}
