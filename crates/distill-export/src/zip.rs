//! Zip archives whose members are stored as they are, which is what NumPy's `savez` writes.
//!
//! They are written by hand, as the crate that reads them leaves no choice of every bit, and exported files are to stay
//! the same from version to version: PKWARE, *.ZIP File Format Specification*, 6.3.10.

use std::io::Cursor;

use flate2::Crc;
use zip::{CompressionMethod, ZipArchive};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const LOCAL_LEN: usize = 30;
const CENTRAL_LEN: usize = 46;
const END_LEN: usize = 22;
/// 1 January 1980, the first day there is: equal members give equal archives.
const FIRST_DAY: u16 = 0x21;
/// The version that knows stored members.
const VERSION: u16 = 20;
/// Names are UTF-8.
const UTF_8: u16 = 1 << 11;

/// Most bytes of an archive, as its lengths have 32 bits.
pub(crate) const MAX_BYTES: u64 = u32::MAX as u64;

/// An archive of these members, which have to fit [`MAX_BYTES`] together.
pub(crate) fn write(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut archive, mut central) = (vec![], vec![]);
    for (name, data) in members {
        let start = archive.len();
        let mut facts = vec![];
        let (size, crc) = (data.len() as u32, crc32(data));
        put16(&mut facts, &[VERSION, UTF_8, 0, 0, FIRST_DAY]);
        put32(&mut facts, &[crc, size, size]);
        put16(&mut facts, &[name.len() as u16, 0]);
        put32(&mut archive, &[LOCAL]);
        archive.extend_from_slice(&facts);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(data);

        put32(&mut central, &[CENTRAL]);
        put16(&mut central, &[VERSION]);
        central.extend_from_slice(&facts);
        // No comment, first disk, no attributes.
        put16(&mut central, &[0, 0, 0]);
        put32(&mut central, &[0, start as u32]);
        central.extend_from_slice(name.as_bytes());
    }
    let (start, n_members) = (archive.len(), members.len() as u16);
    archive.extend_from_slice(&central);
    put32(&mut archive, &[END]);
    put16(&mut archive, &[0, 0, n_members, n_members]);
    put32(&mut archive, &[central.len() as u32, start as u32]);
    put16(&mut archive, &[0]);
    archive
}

/// The bytes that [`write`] makes of members with these lengths of name and data.
pub(crate) fn size(members: impl Iterator<Item = (usize, usize)>) -> u64 {
    let one = |(name, data)| (LOCAL_LEN + CENTRAL_LEN + 2 * name) as u64 + data as u64;
    members.map(one).sum::<u64>() + END_LEN as u64
}

/// Names and data of the members. Each byte may be read once: entries that name one place would cost the more the more
/// there are.
pub(crate) fn read(archive: &[u8]) -> Result<Vec<(String, &[u8])>, String> {
    let mut entries =
        ZipArchive::new(Cursor::new(archive)).map_err(|error| format!("it is not a zip archive: {error}"))?;
    if entries.has_duplicate_names() {
        return Err("it has two members of one name".to_owned());
    }
    let (mut members, mut unread) = (vec![], archive.len());
    for i in 0..entries.len() {
        let entry = entries.by_index(i).map_err(|error| format!("member {i} cannot be read: {error}"))?;
        let name =
            entry.name().map_err(|error| format!("the name of member {i} cannot be read: {error}"))?.into_owned();
        if entry.compression() != CompressionMethod::Stored || entry.size() != entry.compressed_size() {
            return Err(format!("member {name:?} is compressed"));
        }
        let start = entry.data_start().and_then(|start| usize::try_from(start).ok());
        let end = start.zip(usize::try_from(entry.size()).ok()).and_then(|(start, len)| start.checked_add(len));
        let data = start.zip(end).and_then(|(start, end)| archive.get(start..end));
        let data = data.ok_or_else(|| format!("member {name:?} is outside of the file"))?;
        unread = unread.checked_sub(data.len()).ok_or_else(|| format!("member {name:?} overlaps others"))?;
        if crc32(data) != entry.crc32() {
            return Err(format!("member {name:?} is damaged: its checksum does not match"));
        }
        members.push((name, data));
    }
    Ok(members)
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<(String, Vec<u8>)> {
        vec![("a.npy".into(), b"123456789".to_vec()), ("é".into(), vec![]), ("b/c".into(), vec![7; 300])]
    }

    #[test]
    fn what_was_written_is_read() {
        let archive = write(&members());
        let read: Vec<_> = read(&archive).unwrap();
        let expected = members();
        assert_eq!(read, expected.iter().map(|(name, data)| (name.clone(), &data[..])).collect::<Vec<_>>());
        let sizes = expected.iter().map(|(name, data)| (name.len(), data.len()));
        assert_eq!(size(sizes), archive.len() as u64);
        assert!(super::read(&write(&[])).unwrap().is_empty());
    }

    #[test]
    fn every_cut_and_every_byte_of_the_data_counts() {
        let archive = write(&members());
        for n in 0..archive.len() {
            assert!(read(&archive[..n]).is_err(), "cut at {n}");
        }
        let mut bad = archive.clone();
        bad[LOCAL_LEN + 5 + 3] ^= 1;
        assert_eq!(read(&bad).unwrap_err(), "member \"a.npy\" is damaged: its checksum does not match");
        let mut bad = archive;
        let method = bad.len() - END_LEN - 3 * CENTRAL_LEN - 10 + 10;
        bad[method] = 8;
        assert_eq!(read(&bad).unwrap_err(), "member \"a.npy\" is compressed");
    }
}
