//! JSON in which every name means one thing.
//!
//! RFC 8259 §4 leaves open which of two equal names counts. A capture that takes the first while the upstream meant the
//! second would store the wrong credential and leave the right one in the answer, so such a text has no fields at all.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The value, if the text is JSON without equal names in one object. Depth is bounded by serde_json's limit of 128.
pub(crate) fn parse(text: &[u8]) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Once.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(value)
}

/// Builds a value; stops at the second of two equal names.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON with names that occur once")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key()? {
            if object.insert(name, fields.next_value_seed(Self)?).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn equal_names_are_no_json_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"[0,{"x":{"b":{},"b":{}}}]"#] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn everything_else_comes_back_as_it_was() {
        let text = r#"{"a":[1,-2,0.5,null,true,"x\ny",18446744073709551615],"b":{"a":{}}}"#;
        assert_eq!(parse(text.as_bytes()).map(|value| value.to_string()).as_deref(), Some(text));
        for text in ["", "{", "{} {}", "nul", "<html>"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
