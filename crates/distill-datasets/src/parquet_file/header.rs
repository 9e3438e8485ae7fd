//! Headers of pages, in Thrift's compact protocol.
//!
//! The `parquet` crate reads them too, and then takes as much memory as a header claims; here it is compared with what may be.

use super::Fault;

/// What a header says, of all kinds of pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PageHeader {
    pub(super) kind: i64,
    /// Bytes after and before decompression.
    pub(super) unpacked: i64,
    pub(super) packed: i64,
    pub(super) n_values: i64,
    pub(super) n_nulls: i64,
    pub(super) n_rows: i64,
    pub(super) encoding: i64,
    pub(super) definition_encoding: i64,
    pub(super) repetition_encoding: i64,
    /// Of pages of the second kind, in bytes.
    pub(super) definition_levels: i64,
    pub(super) repetition_levels: i64,
    pub(super) is_packed: bool,
}

pub(super) const DATA: i64 = 0;
pub(super) const INDEX: i64 = 1;
pub(super) const DICTIONARY: i64 = 2;
pub(super) const DATA_V2: i64 = 3;

/// Structures may stand in each other so deep.
const MAX_DEPTH: usize = 8;

impl PageHeader {
    /// Reads a header, and tells how many bytes it has. `None` if they end before it does.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Fault> {
        let mut header = Self { is_packed: true, ..Self::default() };
        let mut input = Input { bytes, at: 0 };
        match input.structure(&mut |input, field, kind| header.field(input, field, kind)) {
            Ok(()) => Ok(Some((header, input.at))),
            Err(Problem::Ends) => Ok(None),
            Err(Problem::Damaged) => Err(Fault::damaged("the header of a page")),
        }
    }

    fn field(&mut self, input: &mut Input<'_>, field: i64, kind: u8) -> Result<(), Problem> {
        match field {
            1 => self.kind = input.number(kind)?,
            2 => self.unpacked = input.number(kind)?,
            3 => self.packed = input.number(kind)?,
            5 | 7 | 8 if kind == STRUCT => input.structure(&mut |input, inner, kind| {
                let value = match (field, inner) {
                    (5 | 7 | 8, 1) => &mut self.n_values,
                    (5 | 7, 2) | (8, 4) => &mut self.encoding,
                    (5, 3) => &mut self.definition_encoding,
                    (5, 4) => &mut self.repetition_encoding,
                    (8, 2) => &mut self.n_nulls,
                    (8, 3) => &mut self.n_rows,
                    (8, 5) => &mut self.definition_levels,
                    (8, 6) => &mut self.repetition_levels,
                    (8, 7) => {
                        self.is_packed = kind == TRUE;
                        return input.skip(kind, 0);
                    }
                    _ => return input.skip(kind, 0),
                };
                *value = input.number(kind)?;
                Ok(())
            })?,
            _ => input.skip(kind, 0)?,
        }
        Ok(())
    }
}

// Types of Thrift's compact protocol.
const TRUE: u8 = 1;
const STRUCT: u8 = 12;

enum Problem {
    Ends,
    Damaged,
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn byte(&mut self) -> Result<u8, Problem> {
        let byte = *self.bytes.get(self.at).ok_or(Problem::Ends)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, n: u64) -> Result<(), Problem> {
        let left = self.bytes.len() - self.at;
        match usize::try_from(n).ok().filter(|&n| n <= left) {
            Some(n) => self.at += n,
            None => return Err(Problem::Ends),
        }
        Ok(())
    }

    /// Seven bits a byte, the lowest first.
    fn unsigned(&mut self) -> Result<u64, Problem> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Problem::Damaged)
    }

    /// A whole number of the given type; the lowest bit is the sign.
    fn number(&mut self, kind: u8) -> Result<i64, Problem> {
        if !matches!(kind, 4..=6) {
            return Err(Problem::Damaged);
        }
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Calls `field` with the number and the type of each field, which reads it.
    fn structure(&mut self, field: &mut dyn FnMut(&mut Self, i64, u8) -> Result<(), Problem>) -> Result<(), Problem> {
        let mut number = 0_i64;
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                return Ok(());
            }
            number = match byte >> 4 {
                0 => self.number(4)?,
                more => number.saturating_add(i64::from(more)),
            };
            field(self, number, byte & 0x0f)?;
        }
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), Problem> {
        if depth == MAX_DEPTH {
            return Err(Problem::Damaged);
        }
        match kind {
            // Booleans stand in the type itself.
            1 | 2 => Ok(()),
            3 => self.pass(1),
            4..=6 => self.unsigned().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let n = self.unsigned()?;
                self.pass(n)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let n = if byte >> 4 == 15 { self.unsigned()? } else { u64::from(byte >> 4) };
                // Each has a byte at least, also a boolean.
                (0..n).try_for_each(|_| match byte & 0x0f {
                    1 | 2 => self.pass(1),
                    kind => self.skip(kind, depth + 1),
                })
            }
            STRUCT => self.structure(&mut |input, _, kind| input.skip(kind, depth + 1)),
            _ => Err(Problem::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_what_is_unknown_is_passed_over() {
        // A page of data: 300 bytes from 20, 7 values in encoding 8 with levels in encoding 3, statistics with two texts,
        // a list of numbers, and a field of the future.
        let bytes = [
            &[0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x28, 0x2c][..],
            &[0x15, 0x0e, 0x15, 0x10, 0x15, 0x06, 0x15, 0x06, 0x1c, 0x18, 2, b'a', b'b', 0x18, 0, 0x00, 0x00],
            &[0x49, 0x25, 0x02, 0x04, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xff],
        ]
        .concat();
        let (header, n) = PageHeader::parse(&bytes).unwrap().unwrap();
        assert_eq!((header.kind, header.unpacked, header.packed), (DATA, 300, 20));
        assert_eq!((header.n_values, header.encoding, header.definition_encoding), (7, 8, 3));
        assert_eq!((header.is_packed, n), (true, bytes.len() - 1));
        for end in 0..n {
            assert_eq!(PageHeader::parse(&bytes[..end]).unwrap(), None, "{end}");
        }
        // A number where a structure should be, a type that there is not, a number without an end.
        for bytes in [&[0x18, 1, 0][..], &[0x1d, 0], &[0x15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]] {
            PageHeader::parse(bytes).unwrap_err();
        }
        let deep: Vec<u8> = std::iter::repeat_n(0x1c, 1000).collect();
        PageHeader::parse(&[&[0xac][..], &deep].concat()).unwrap_err();
    }
}
