//! NumPy's format of one array, version 1.0: a magic number, a Python dictionary as text, the numbers.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// The data begins at a multiple of it.
const ALIGNMENT: usize = 64;
/// Longest header that is read; ours have 64 or 128 bytes.
const MAX_HEADER: usize = 4096;

/// Most texts of an array: one takes some thirty bytes of memory, and may take four of a file.
const MAX_TEXTS: usize = 1 << 17;

/// An array as its file has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Array<'a> {
    /// NumPy's name of the element type, such as `<f4`.
    pub(crate) descr: &'a str,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: &'a [u8],
}

pub(crate) fn floats(shape: &[usize], values: &[f32]) -> Vec<u8> {
    array("<f4", shape, values.iter().flat_map(|value| value.to_le_bytes()))
}

pub(crate) fn integers(values: &[usize]) -> Vec<u8> {
    array("<i8", &[values.len()], values.iter().flat_map(|&value| (value as u64).to_le_bytes()))
}

/// Texts of one width, in UTF-32: NumPy fills with zeros, and cuts those at the end.
pub(crate) fn texts<T: AsRef<str>>(shape: &[usize], values: &[T]) -> Vec<u8> {
    let width = values.iter().map(|text| text.as_ref().chars().count()).max().unwrap_or(0).max(1);
    let text = |text: &T| {
        let chars: Vec<u32> = text.as_ref().chars().map(u32::from).collect();
        let filled = chars.into_iter().chain(std::iter::repeat(0)).take(width);
        filled.flat_map(u32::to_le_bytes).collect::<Vec<_>>()
    };
    array(&format!("<U{width}"), shape, values.iter().flat_map(text))
}

fn array(descr: &str, shape: &[usize], data: impl Iterator<Item = u8>) -> Vec<u8> {
    let sides: Vec<_> = shape.iter().map(usize::to_string).collect();
    // A tuple of one has a comma.
    let sides = sides.join(", ") + if shape.len() == 1 { "," } else { "" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sides}), }}");
    let before = MAGIC.len() + 2;
    let padded = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    header = format!("{header:<width$}\n", width = padded - 1);
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Reads what was written above. The data has the length that shape and element type say.
pub(crate) fn read(bytes: &[u8]) -> Result<Array<'_>, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it is not a NumPy array of version 1.0")?;
    let (len, rest) = rest.split_first_chunk().ok_or("its header is cut")?;
    let len = usize::from(u16::from_le_bytes(*len));
    let (header, data) = rest.split_at_checked(len).filter(|_| len <= MAX_HEADER).ok_or("its header is cut")?;
    let parsed = str::from_utf8(header).ok().and_then(dictionary);
    let (descr, shape) = parsed.ok_or_else(|| format!("its header is {:?}", header.escape_ascii().to_string()))?;
    let size = match descr.split_at_checked(2) {
        Some(("<U", width)) => width.parse().ok().and_then(|width: usize| width.checked_mul(4)),
        Some(("<f" | "<i", size)) => size.parse().ok(),
        _ => None,
    };
    let promised = shape.iter().try_fold(size.unwrap_or(0), |product, &side| product.checked_mul(side));
    if size.is_none() || promised != Some(data.len()) {
        return Err(format!("it has {} bytes for shape {shape:?} of {descr:?}", data.len()));
    }
    Ok(Array { descr, shape, data })
}

fn dictionary(header: &str) -> Option<(&str, Vec<usize>)> {
    let rest = header.strip_prefix("{'descr': '")?;
    let (descr, rest) = rest.split_once("', 'fortran_order': False, 'shape': (")?;
    let (shape, rest) = rest.split_once("), }")?;
    let sides = shape.strip_suffix(',').unwrap_or(shape).split(',').map(str::trim);
    let shape = sides.filter(|side| !side.is_empty()).map(|side| side.parse().ok()).collect::<Option<_>>()?;
    rest.trim().is_empty().then_some((descr, shape))
}

impl Array<'_> {
    pub(crate) fn floats(&self) -> Result<Vec<f32>, String> {
        let values = self.numbers("<f4")?.iter().map(|bytes| f32::from_le_bytes(*bytes));
        Ok(values.collect())
    }

    pub(crate) fn integers(&self) -> Result<Vec<usize>, String> {
        let number = |bytes: &[u8; 8]| {
            let value = i64::from_le_bytes(*bytes);
            usize::try_from(value).map_err(|_| format!("it has the value {value}"))
        };
        self.numbers("<i8")?.iter().map(number).collect()
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>, String> {
        let width = self.descr.strip_prefix("<U").and_then(|width| width.parse().ok()).filter(|&width| width > 0);
        let width: usize = width.ok_or_else(|| format!("it has elements of type {:?}, not texts", self.descr))?;
        if self.data.len() / 4 / width > MAX_TEXTS {
            return Err(format!("it has more than {MAX_TEXTS} texts"));
        }
        let text = |bytes: &[u8]| {
            let chars = bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
            let text: Option<String> = chars.map(char::from_u32).collect();
            text.map(|text| text.trim_end_matches('\0').to_owned()).ok_or("it has an invalid character".to_owned())
        };
        self.data.chunks_exact(4 * width).map(text).collect()
    }

    fn numbers<const N: usize>(&self, descr: &str) -> Result<&[[u8; N]], String> {
        if self.descr == descr {
            Ok(self.data.as_chunks().0)
        } else {
            Err(format!("it has elements of type {:?}, not {descr:?}", self.descr))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_that_of_numpy() {
        // numpy.save of numpy.zeros((2, 3), "<f4")
        let expected = "\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        let bytes = floats(&[2, 3], &[0.0; 6]);
        assert_eq!(bytes.len(), 128 + 24);
        assert_eq!((bytes[0], &bytes[1..6], &bytes[6..6 + expected.len()]), (0x93, &b"NUMPY"[..], expected.as_bytes()));
        assert!(bytes[6 + expected.len()..127].iter().all(|&byte| byte == b' ') && bytes[127] == b'\n');
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = floats(&[2, 1], &[1.5, -0.0]);
        let array = read(&bytes).unwrap();
        assert_eq!((&array.shape[..], array.floats().unwrap()), (&[2, 1][..], vec![1.5, -0.0]));
        assert_eq!(array.integers().unwrap_err(), "it has elements of type \"<f4\", not \"<i8\"");
        assert_eq!(array.texts().unwrap_err(), "it has elements of type \"<f4\", not texts");
        assert_eq!(read(&integers(&[1, 28])).unwrap().integers().unwrap(), [1, 28]);
        for words in [&["a", "", "é𝄞x"][..], &[""], &["0", "1"]] {
            let bytes = texts(&[words.len()], words);
            assert_eq!(read(&bytes).unwrap().texts().unwrap(), words);
        }
        let bytes = texts(&[], &["relu"]);
        assert_eq!((read(&bytes).unwrap().shape, read(&bytes).unwrap().descr), (vec![], "<U4"));
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = floats(&[2, 1], &[1.5, -0.0]);
        for n in 0..bytes.len() {
            assert!(read(&bytes[..n]).is_err(), "cut at {n}");
        }
        let text = |from: &str, to: &str| {
            let bytes = floats(&[2, 1], &[1.5, -0.0]);
            let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
            read(&[&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()).map(|_| ()).unwrap_err()
        };
        assert_eq!(text("(2, 1)", "(3, 1)"), "it has 8 bytes for shape [3, 1] of \"<f4\"");
        assert!(text("<f4', '", "O8', '").starts_with("its header is"));
        assert!(text("False", "True ").starts_with("its header is"));
        assert!(text("(2, 1)", "(2,-1)").starts_with("its header is"));
        assert!(text("<f4", ">f4").starts_with("it has 8 bytes for shape"));
    }
}
