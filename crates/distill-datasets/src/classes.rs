use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{ClassListFault, DataError};

/// A list of class names is text for people; a larger file is something else.
const MAX_BYTES: u64 = 1 << 20;

/// Every class has a name and no two have the same.
pub(crate) fn check(classes: &[String]) -> Result<(), ClassListFault> {
    if classes.is_empty() {
        return Err(ClassListFault::Empty);
    }
    let mut seen = HashMap::with_capacity(classes.len());
    for (position, name) in (1..).zip(classes) {
        if name.trim().is_empty() {
            return Err(ClassListFault::EmptyName { position });
        }
        if let Some(first) = seen.insert(name, position) {
            return Err(ClassListFault::Duplicate { name: name.clone(), first, second: position });
        }
    }
    Ok(())
}

/// Reads a list with one name per line.
pub(crate) fn read(path: &Path) -> Result<Vec<String>, DataError> {
    read_with(path, |bytes| bytes)
}

/// The same of a list that may have empty lines at its end, as that of CIFAR-10 has.
pub(crate) fn read_trimmed(path: &Path) -> Result<Vec<String>, DataError> {
    read_with(path, <[u8]>::trim_ascii_end)
}

fn read_with(path: &Path, part: impl Fn(&[u8]) -> &[u8]) -> Result<Vec<String>, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    parse(part(&bytes)).map_err(|fault| DataError::BadClassList { path: Some(path.to_owned()), fault })
}

fn parse(bytes: &[u8]) -> Result<Vec<String>, ClassListFault> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ClassListFault::TooLong { max: MAX_BYTES });
    }
    let text = str::from_utf8(bytes).map_err(|error| ClassListFault::NotUtf8 { offset: error.valid_up_to() })?;
    // Some editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let classes: Vec<_> = text.lines().map(|line| line.trim().to_owned()).collect();
    check(&classes)?;
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_one_name_per_line() {
        for text in ["cat\ndog\n", "cat\r\ndog", "\u{feff}cat \n dog\n"] {
            assert_eq!(parse(text.as_bytes()).unwrap(), ["cat", "dog"], "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_list() {
        let message = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
        assert_eq!(message(b""), "it is empty");
        assert_eq!(message(b"cat\n\ndog"), "name 2 is empty");
        assert_eq!(message(b"cat\ndog\ncat\n"), "names 1 and 3 are both `cat`");
        assert_eq!(message(b"cat\n\xff"), "byte 4 is not UTF-8");
        assert_eq!(message(&vec![b'a'; 1 << 21]), "it is longer than 1048576 bytes");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(prop::sample::select(b"ab\n\r \xef\xbb\xbf\xff".to_vec()), 0..20)) {
            if let Ok(classes) = parse(&bytes) {
                prop_assert_eq!(check(&classes), Ok(()));
            }
        }
    }
}
