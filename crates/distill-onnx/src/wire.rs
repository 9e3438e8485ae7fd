//! How much memory a file will take when it is decoded: messages are larger in memory than on the wire, and a file
//! may hold millions of empty ones.
//!
//! <https://protobuf.dev/programming-guides/encoding>

/// The largest file that is read: Protocol Buffers allow no more.
pub const MAX_BYTES: usize = i32::MAX as usize;

/// Messages, texts and byte strings in a file, which take some hundred bytes each.
const MAX_PARTS: usize = 1 << 20;

/// Messages inside messages; ONNX has fewer where no graph holds a graph.
const MAX_DEPTH: usize = 12;

/// The messages of ONNX that others are inside of.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Port,
    Type,
    TensorType,
    Shape,
    /// Nothing inside that matters.
    Leaf,
}

impl Kind {
    fn inside(self, field: u64) -> Self {
        match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::Port,
            (Self::Node, 5) => Self::Attribute,
            (Self::Attribute, 14 | 15) | (Self::Port, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            _ => Self::Leaf,
        }
    }
}

/// Refuses what would take much more memory than it has bytes.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    scan(bytes, Kind::Model, MAX_DEPTH, &mut 0)
}

fn scan(bytes: &[u8], kind: Kind, depth: usize, parts: &mut usize) -> Result<(), String> {
    if depth == 0 {
        return Err("messages are inside of messages too often".to_owned());
    }
    for field in fields(bytes) {
        let (number, Value::Bytes(inside)) = field? else { continue };
        *parts += 1;
        if *parts > MAX_PARTS {
            return Err(format!("it has more than {MAX_PARTS} parts"));
        }
        match (kind, number) {
            // Sparse tensors, functions and training are refused, so nobody needs to count inside of them.
            (Kind::Graph, 15) | (Kind::Attribute, 22 | 23) => return Err("it has sparse tensors".to_owned()),
            (Kind::Model, 20) => return Err("it has instructions for training".to_owned()),
            (Kind::Model, 25) => return Err("it has functions; export it without them".to_owned()),
            (kind, number) => match kind.inside(number) {
                Kind::Leaf => {}
                kind => scan(inside, kind, depth - 1, parts)?,
            },
        }
    }
    Ok(())
}

/// What a field of a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A whole number.
    Number(u64),
    /// A message, a text, bytes, or numbers one after the other.
    Bytes(&'a [u8]),
    /// Four or eight bytes, which nobody here asks for.
    Fixed,
}

/// The fields of a message with their numbers, up to the first that cannot be read.
pub(crate) fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Value<'_>), String>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let found = field(&mut rest);
            if found.is_err() {
                rest = &[];
            }
            found
        })
    })
}

fn field<'a>(bytes: &mut &'a [u8]) -> Result<(u64, Value<'a>), String> {
    let key = varint(bytes)?;
    let value = match key & 7 {
        0 => Value::Number(varint(bytes)?),
        1 => take(bytes, 8).map(|_| Value::Fixed)?,
        2 => {
            let n = varint(bytes)?;
            Value::Bytes(take(bytes, n)?)
        }
        5 => take(bytes, 4).map(|_| Value::Fixed)?,
        wire => return Err(format!("a field has the unknown wire type {wire}")),
    };
    Ok((key >> 3, value))
}

/// The whole numbers of a field that may have several: each by itself, or all one after the other.
pub(crate) fn numbers(value: Value<'_>) -> Result<Vec<u64>, String> {
    match value {
        Value::Number(number) => Ok(vec![number]),
        Value::Bytes(mut bytes) => {
            let mut numbers = vec![];
            while !bytes.is_empty() {
                numbers.push(varint(&mut bytes)?);
            }
            Ok(numbers)
        }
        Value::Fixed => Ok(vec![]),
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for i in 0..10 {
        let (&byte, rest) = bytes.split_first().ok_or("it ends inside a number")?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number has more than ten bytes".to_owned())
}

fn take<'a>(bytes: &mut &'a [u8], n: u64) -> Result<&'a [u8], String> {
    let parts = usize::try_from(n).ok().and_then(|n| bytes.split_at_checked(n));
    let (taken, rest) = parts.ok_or_else(|| format!("a part of {n} bytes ends after the file"))?;
    *bytes = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_of_empty_nodes_is_refused() {
        let inside = [0x0a, 0].repeat(MAX_PARTS);
        let mut bytes = vec![0x3a];
        let mut n = inside.len();
        while n >= 0x80 {
            bytes.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes.extend(inside);
        assert!(check(&bytes).unwrap_err().contains("more than"));
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_refused() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[0x08, 8]), Ok(()));
        assert!(check(&[0x08]).unwrap_err().contains("ends inside"));
        assert!(check(&[0x3a, 5, 1]).unwrap_err().contains("5 bytes"));
        assert!(check(&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]).unwrap_err().contains("ten bytes"));
        assert!(check(&[0x0b]).unwrap_err().contains("wire type 3"));
        assert!(check(&[0xca, 1, 0]).unwrap_err().contains("functions"));
    }

    #[test]
    fn fields_are_read_up_to_the_first_bad_one() {
        let bytes = [0x08, 0x96, 1, 0x12, 2, 7, 0x81, 0x1d, 0, 0, 0, 0];
        let found: Vec<_> = fields(&bytes).collect();
        assert_eq!(found, [Ok((1, Value::Number(150))), Ok((2, Value::Bytes(&[7, 0x81]))), Ok((3, Value::Fixed))]);
        assert_eq!(fields(&[0x0b, 0x08, 1]).count(), 1);
        assert_eq!(numbers(Value::Bytes(&[7, 0x81, 1])), Ok(vec![7, 129]));
        assert!(numbers(Value::Bytes(&[7, 0x81])).unwrap_err().contains("ends inside"));
    }
}
