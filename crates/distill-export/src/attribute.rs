use crate::limits::{MAX_ITEMS, push};
use crate::wire::{Fields, Message, Value};

const FLOAT: i64 = 1;
const INT: i64 = 2;
const TEXT: i64 = 3;
const TENSOR: i64 = 4;
const INTS: i64 = 7;

/// The value of an `AttributeProto`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute<'a> {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Text(&'a [u8]),
    /// The bytes of a `TensorProto`.
    Tensor(&'a [u8]),
    /// One of another type, by the number of that.
    Other(i64),
}

impl<'a> Attribute<'a> {
    pub(crate) fn encode(&self, name: &str) -> Message {
        let mut attribute = Message::default();
        attribute.text(1, name);
        let kind = match self {
            Self::Float(value) => {
                attribute.float(2, *value);
                FLOAT
            }
            Self::Int(value) => {
                attribute.int(3, *value);
                INT
            }
            Self::Text(text) => {
                attribute.bytes(4, text);
                TEXT
            }
            Self::Tensor(tensor) => {
                attribute.bytes(5, tensor);
                TENSOR
            }
            Self::Ints(values) => {
                values.iter().for_each(|&value| _ = attribute.int(8, value));
                INTS
            }
            Self::Other(kind) => *kind,
        };
        attribute.int(20, kind);
        attribute
    }

    /// Name and value.
    pub(crate) fn decode(fields: Fields<'a>) -> Result<(String, Self), String> {
        let (mut name, mut int, mut float, mut kind) = (String::new(), 0, 0.0, 0);
        let (mut text, mut tensor, mut ints) = (&[][..], &[][..], vec![]);
        for field in fields {
            let (number, value) = field?;
            match number {
                1 => name = value.text()?,
                2 => float = value.float()?,
                3 => int = value.int()?,
                4 => text = value.bytes()?,
                5 => tensor = value.bytes()?,
                8 if matches!(value, Value::Bytes(bytes) if bytes.len() > 10 * MAX_ITEMS) => {
                    return Err(format!("attribute {name:?} has more than {MAX_ITEMS} numbers"));
                }
                8 => value.ints()?.into_iter().try_for_each(|value| push(&mut ints, value, MAX_ITEMS))?,
                20 => kind = value.int()?,
                _ => {}
            }
        }
        let attribute = match kind {
            FLOAT => Self::Float(float),
            INT => Self::Int(int),
            TEXT => Self::Text(text),
            TENSOR => Self::Tensor(tensor),
            INTS => Self::Ints(ints),
            other => Self::Other(other),
        };
        Ok((name, attribute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for attribute in [
            Attribute::Int(-3),
            Attribute::Ints(vec![]),
            Attribute::Ints(vec![1, -1, i64::MAX]),
            Attribute::Float(1e-5),
            Attribute::Text(b"none"),
            Attribute::Tensor(&[8, 1]),
            Attribute::Other(6),
        ] {
            let bytes = attribute.encode("é").into_bytes();
            assert_eq!(Attribute::decode(Fields::new(&bytes)), Ok(("é".to_owned(), attribute)));
        }
    }

    #[test]
    fn lists_are_bounded() {
        for n in [MAX_ITEMS, MAX_ITEMS + 1, 1000] {
            let (mut single, mut packed) = (Message::default(), Message::default());
            (0..n).for_each(|_| _ = single.int(8, 5));
            single.int(20, INTS);
            packed.bytes(8, &vec![5; n]).int(20, INTS);
            for message in [single, packed] {
                let bytes = message.into_bytes();
                assert_eq!(Attribute::decode(Fields::new(&bytes)).is_ok(), n == MAX_ITEMS, "{n}");
            }
        }
    }
}
