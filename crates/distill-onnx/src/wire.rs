//! How much memory a file will take when it is decoded: messages are larger in memory than on the wire, and a file
//! may hold millions of empty ones.
//!
//! <https://protobuf.dev/programming-guides/encoding>

use distill_export::wire::{Fields, Value};

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

/// Refuses what would take much more memory than it has bytes, where texts of attributes are read one by one: large forests have
/// millions, one for each node.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    scan(bytes, Kind::Model, MAX_DEPTH, &mut Parts { n: 0, counts_texts: false })
}

/// The same where each text of an attribute takes memory of its own.
#[cfg(feature = "tract")]
pub(crate) fn check_all(bytes: &[u8]) -> Result<(), String> {
    scan(bytes, Kind::Model, MAX_DEPTH, &mut Parts { n: 0, counts_texts: true })
}

/// What was counted so far.
struct Parts {
    n: usize,
    counts_texts: bool,
}

fn scan(bytes: &[u8], kind: Kind, depth: usize, parts: &mut Parts) -> Result<(), String> {
    if depth == 0 {
        return Err("messages are inside of messages too often".to_owned());
    }
    for field in Fields::new(bytes) {
        let (number, Value::Bytes(inside)) = field? else { continue };
        if matches!((kind, number), (Kind::Attribute, 9)) && !parts.counts_texts {
            continue;
        }
        parts.n += 1;
        if parts.n > MAX_PARTS {
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

#[cfg(test)]
mod tests {
    use distill_export::wire::Message;

    use super::*;

    #[test]
    fn a_bomb_of_empty_nodes_is_refused() {
        let mut file = Message::default();
        let bytes = file.bytes(7, &[0x0a, 0].repeat(MAX_PARTS)).clone().into_bytes();
        assert!(check(&bytes).unwrap_err().contains("more than"));
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_refused() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[0x08, 8]), Ok(()));
        assert!(check(&[0x08]).unwrap_err().contains("no end"));
        assert!(check(&[0x3a, 5, 1]).unwrap_err().contains("5 bytes"));
        assert!(check(&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]).unwrap_err().contains("no end"));
        assert!(check(&[0x0b]).unwrap_err().contains("unknown type 3"));
        assert!(check(&[0xca, 1, 0]).unwrap_err().contains("functions"));
    }
}
