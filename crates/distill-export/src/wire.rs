//! Protocol Buffers on the wire, as far as ONNX needs them.
//!
//! A message is a sequence of fields: a number with a type, then an integer of 1 to 10 bytes, or a length and bytes.
//! <https://protobuf.dev/programming-guides/encoding>
//!
//! # Examples
//! ```
//! use distill_export::wire::{Fields, Message, Value};
//! let mut message = Message::default();
//! message.int(1, 150).text(2, "testing");
//! let bytes = message.into_bytes();
//! assert_eq!(bytes, b"\x08\x96\x01\x12\x07testing");
//! let fields = Fields::new(&bytes).collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(fields, [(1, Value::Int(150)), (2, Value::Bytes(b"testing"))]);
//! # Ok::<(), String>(())
//! ```

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// A message that is being written.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Appends a number.
    pub fn int(&mut self, field: u64, value: i64) -> &mut Self {
        self.varint(field << 3 | VARINT);
        // A negative number is its two's complement, in ten bytes.
        self.varint(value.cast_unsigned());
        self
    }

    /// Appends a float.
    pub fn float(&mut self, field: u64, value: f32) -> &mut Self {
        self.varint(field << 3 | FIXED_32);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends bytes.
    pub fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.varint(field << 3 | BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// Appends a text.
    pub fn text(&mut self, field: u64, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }

    /// Appends a message inside this one.
    pub fn message(&mut self, field: u64, value: &Self) -> &mut Self {
        self.bytes(field, &value.0)
    }

    /// Appends fields as they are on the wire, such as a part of [`Fields::rest`].
    pub fn append(&mut self, fields: &[u8]) -> &mut Self {
        self.0.extend_from_slice(fields);
        self
    }

    /// What goes into a file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A whole number.
    Int(i64),
    /// A message, a text, bytes, or numbers one after the other.
    Bytes(&'a [u8]),
    /// 4 bytes as a number; of a float they are its bits.
    Fixed32(u32),
    /// 8 bytes, which nothing here uses.
    Fixed64,
}

impl<'a> Value<'a> {
    /// The number that it is.
    ///
    /// # Errors
    /// What it is not.
    pub fn int(self) -> Result<i64, String> {
        match self {
            Self::Int(value) => Ok(value),
            _ => Err("a field has another type than an integer".to_owned()),
        }
    }

    /// The float that it is.
    ///
    /// # Errors
    /// What it is not.
    pub fn float(self) -> Result<f32, String> {
        match self {
            Self::Fixed32(bits) => Ok(f32::from_bits(bits)),
            _ => Err("a field has another type than a float".to_owned()),
        }
    }

    /// The bytes that it is.
    ///
    /// # Errors
    /// What it is not.
    pub fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(value) => Ok(value),
            _ => Err("a field has another type than bytes".to_owned()),
        }
    }

    /// The text that it is.
    ///
    /// # Errors
    /// What it is not.
    pub fn text(self) -> Result<String, String> {
        str::from_utf8(self.bytes()?).map(str::to_owned).map_err(|error| format!("a text is not UTF-8: {error}"))
    }

    /// The whole numbers of a field that may have several: each by itself, or all one after the other.
    ///
    /// # Errors
    /// Where a number has no end.
    pub fn ints(self) -> Result<Vec<i64>, String> {
        let mut ints = vec![];
        self.each_int(|int| ints.push(int))?;
        Ok(ints)
    }

    /// Calls `each` with the same numbers, which takes no memory.
    ///
    /// # Errors
    /// Where a number has no end.
    pub fn each_int(self, mut each: impl FnMut(i64)) -> Result<(), String> {
        match self {
            Self::Int(value) => each(value),
            Self::Fixed32(_) | Self::Fixed64 => {}
            Self::Bytes(bytes) => {
                let mut numbers = Fields::new(bytes);
                while !numbers.rest.is_empty() {
                    each(numbers.varint()?.cast_signed());
                }
            }
        }
        Ok(())
    }

    /// The fields of a message inside this one.
    ///
    /// # Errors
    /// What it is not.
    pub fn fields(self) -> Result<Fields<'a>, String> {
        Ok(Fields { rest: self.bytes()? })
    }
}

/// The fields of a message in their order, each with its number.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Those of a message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What follows the fields that were read; nothing after an error.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let key = self.varint()?;
        let value = match key & 7 {
            VARINT => Value::Int(self.varint()?.cast_signed()),
            BYTES => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            FIXED_64 => self.take(8).map(|_| Value::Fixed64)?,
            FIXED_32 => {
                let bytes = self.take(4)?.try_into().unwrap_or_default();
                Value::Fixed32(u32::from_le_bytes(bytes))
            }
            other => return Err(format!("field {} has the unknown type {other}", key >> 3)),
        };
        Ok((key >> 3, value))
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], String> {
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let (taken, rest) = split.ok_or_else(|| format!("a field claims {len} bytes, {} follow", self.rest.len()))?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for (i, &byte) in self.rest.iter().take(10).enumerate() {
            // Of the tenth byte one bit is left.
            if i == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err("an integer has no end".to_owned())
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let mut message = Message::default();
        message.int(1, 150).text(2, "testing");
        assert_eq!(message.0, b"\x08\x96\x01\x12\x07testing");
        let mut outer = Message::default();
        outer.message(3, &message).int(16, -2);
        assert_eq!(outer.0[..2], [0x1a, 12]);
        assert_eq!(outer.0[14..], [0x80, 0x01, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }

    #[test]
    fn what_was_written_is_read() {
        for value in [0, 1, 127, 128, 300, i64::MAX, -1, i64::MIN] {
            let mut message = Message::default();
            message.int(7, value).bytes(1 << 20, &[1, 2]);
            let fields: Vec<_> = Fields::new(&message.0).map(Result::unwrap).collect();
            assert_eq!(fields, [(7, Value::Int(value)), (1 << 20, Value::Bytes(&[1, 2]))]);
        }
        let fixed: Vec<_> = Fields::new(b"\x0d1234\x0912345678\x08\x01").map(Result::unwrap).collect();
        let bits = u32::from_le_bytes(*b"1234");
        assert_eq!(fixed, [(1, Value::Fixed32(bits)), (1, Value::Fixed64), (1, Value::Int(1))]);
        let mut message = Message::default();
        message.float(2, -1.5);
        let floats: Vec<_> = Fields::new(&message.0).map(|field| field.unwrap().1.float()).collect();
        assert_eq!((floats, Value::Int(1).float().is_err()), (vec![Ok(-1.5)], true));
        assert_eq!(Value::Bytes(&[7, 0x81, 1]).ints(), Ok(vec![7, 129]));
        assert_eq!(Value::Int(7).ints(), Ok(vec![7]));
        let (mut fields, mut copy) = (Fields::new(b"\x0d1234\x0912345678\x12\x02hi\x08\x96\x01"), Message::default());
        let mut before = fields.rest();
        while fields.next().is_some() {
            copy.append(&before[..before.len() - fields.rest().len()]);
            before = fields.rest();
        }
        assert_eq!(copy.0, b"\x0d1234\x0912345678\x12\x02hi\x08\x96\x01");
        assert_eq!(Value::Bytes(&[7, 0x81]).ints(), Err("an integer has no end".to_owned()));
    }

    #[test]
    fn damage_is_an_error_and_ends_the_message() {
        for (bytes, expected) in [
            (&b"\x08"[..], "an integer has no end"),
            (&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], "an integer has no end"),
            (b"\x12\x05abc", "a field claims 5 bytes, 3 follow"),
            (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a field claims 18446744073709551615 bytes, 0 follow"),
            (b"\x0b", "field 1 has the unknown type 3"),
            (b"\x0d123", "a field claims 4 bytes, 3 follow"),
        ] {
            let fields: Vec<_> = Fields::new(bytes).collect();
            assert_eq!(fields, [Err(expected.to_owned())]);
        }
    }
}
