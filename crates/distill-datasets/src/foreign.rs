//! Pictures in formats that are not read, told by their first bytes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// PNG or JPEG.
    Ours,
    /// A picture in another format, with the name of that.
    Picture(&'static str),
    /// Anything else.
    Else,
}

/// The name of the format of a picture that is not read, by the first bytes of its file; `None` for PNG, JPEG, and whatever is
/// no picture.
///
/// # Examples
/// ```
/// use distill_datasets::foreign_picture;
/// assert_eq!(foreign_picture(b"GIF89a"), Some("GIF"));
/// assert_eq!(foreign_picture(b"\x89PNG\r\n\x1a\n"), None);
/// ```
pub fn foreign_picture(start: &[u8]) -> Option<&'static str> {
    let at = |from: usize, bytes: &[u8]| start.get(from..).is_some_and(|rest| rest.starts_with(bytes));
    let has_brand = |brands: &[&[u8]]| at(4, b"ftyp") && brands.iter().any(|brand| at(8, brand));
    match () {
        () if at(0, b"RIFF") && at(8, b"WEBP") => Some("WebP"),
        () if at(0, b"GIF8") => Some("GIF"),
        () if has_brand(&[b"avif", b"avis"]) => Some("AVIF"),
        () if has_brand(&[b"heic", b"heix", b"hevc", b"mif1", b"msf1"]) => Some("HEIC"),
        () if at(0, b"II*\0") || at(0, b"MM\0*") => Some("TIFF"),
        // Text may begin with these letters, but not with four zero bytes.
        () if at(0, b"BM") && at(6, &[0; 4]) => Some("BMP"),
        () => None,
    }
}

/// What the file with these bytes is.
pub(crate) fn of_bytes(start: &[u8]) -> Found {
    match foreign_picture(start) {
        Some(format) => Found::Picture(format),
        None if start.starts_with(b"\x89PNG") || start.starts_with(b"\xff\xd8\xff") => Found::Ours,
        None => Found::Else,
    }
}

/// What a file is, by its first bytes.
pub(crate) fn sniff(path: &Path) -> io::Result<Found> {
    let mut start = vec![];
    File::open(path)?.take(16).read_to_end(&mut start)?;
    Ok(of_bytes(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        for (start, found) in [
            (&b"RIFF\x24\0\0\0WEBPVP8 "[..], Found::Picture("WebP")),
            (b"RIFF\x24\0\0\0WAVEfmt ", Found::Else),
            (b"\0\0\0\x1cftypavif", Found::Picture("AVIF")),
            (b"\0\0\0\x18ftypheic", Found::Picture("HEIC")),
            (b"II*\0\x08", Found::Picture("TIFF")),
            (b"BM\x46\0\0\0\0\0\0\0\x36", Found::Picture("BMP")),
            (b"BMI,age,label", Found::Else),
            (b"\x89PNG\r\n", Found::Ours),
            (b"\xff\xd8\xff\xe0", Found::Ours),
            (b"", Found::Else),
        ] {
            assert_eq!(of_bytes(start), found, "{start:?}");
        }
    }
}
