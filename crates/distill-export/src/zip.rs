//! Zip archives whose members are stored as they are, which is what NumPy's `savez` writes.
//!
//! PKWARE, *.ZIP File Format Specification*, 6.3.10: a local header before each member, a central directory, and a
//! record at the end that says where that is.

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

/// Names and data of the members. The archive has to end with its last record, without a comment.
pub(crate) fn read(archive: &[u8]) -> Result<Vec<(&str, &[u8])>, String> {
    let end = archive.len().checked_sub(END_LEN).map(|at| &archive[at..]).filter(|end| u32_at(end, 0) == Some(END));
    let end = end.ok_or("it does not end with the record of a zip archive")?;
    let (n_members, size, start) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
    let directory = start.zip(size).and_then(|(start, size)| part(archive, start as usize, size as usize));
    let mut rest = directory.ok_or("its directory is outside of the file")?;
    let (mut members, mut unread) = (vec![], archive.len());
    for _ in 0..n_members.unwrap_or_default() {
        let (member, len) = member(archive, rest, &mut unread)?;
        members.push(member);
        rest = &rest[len..];
    }
    if rest.is_empty() { Ok(members) } else { Err(format!("{} bytes follow its last member", rest.len())) }
}

/// A member and the length of its entry, which is at the start of `entry`. Each byte may be read once: entries that
/// name one place would cost the more the more there are.
fn member<'a>(archive: &'a [u8], entry: &'a [u8], unread: &mut usize) -> Result<((&'a str, &'a [u8]), usize), String> {
    let short = || "an entry of its directory is cut".to_owned();
    if u32_at(entry, 0) != Some(CENTRAL) || entry.len() < CENTRAL_LEN {
        return Err(short());
    }
    let field16 = |at| u16_at(entry, at).unwrap_or_default();
    let field32 = |at| u32_at(entry, at).unwrap_or_default() as usize;
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(field16(at)));
    let name = part(entry, CENTRAL_LEN, name).ok_or_else(short)?;
    let name = str::from_utf8(name).map_err(|_| "the name of a member is not UTF-8".to_owned())?;
    let len = CENTRAL_LEN + name.len() + extra + comment;
    if entry.len() < len {
        return Err(short());
    }
    if field16(8) & 1 != 0 || field16(10) != 0 || field32(20) != field32(24) {
        return Err(format!("member {name:?} is compressed or encrypted"));
    }
    let start = field32(42);
    let local = part(archive, start, LOCAL_LEN).filter(|local| u32_at(local, 0) == Some(LOCAL));
    let data = local.and_then(|local| {
        let [name, extra] = [26, 28].map(|at| u16_at(local, at).map(usize::from));
        part(archive, start + LOCAL_LEN + name? + extra?, field32(20))
    });
    let data = data.ok_or_else(|| format!("member {name:?} is outside of the file"))?;
    *unread = unread.checked_sub(data.len()).ok_or_else(|| format!("member {name:?} lies where others do"))?;
    if crc32(data) as usize != field32(16) {
        return Err(format!("member {name:?} is damaged, as its checksum says"));
    }
    Ok(((name, data), len))
}

fn part(bytes: &[u8], start: usize, len: usize) -> Option<&[u8]> {
    bytes.get(start..start.checked_add(len)?)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// The remainder of every byte, for the polynomial of zip and gzip.
static REMAINDERS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| crc >> 8 ^ REMAINDERS[usize::from(crc as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<(String, Vec<u8>)> {
        vec![("a.npy".into(), b"123456789".to_vec()), ("é".into(), vec![]), ("b/c".into(), vec![7; 300])]
    }

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn what_was_written_is_read() {
        let archive = write(&members());
        let read: Vec<_> = read(&archive).unwrap();
        let expected = members();
        assert_eq!(read, expected.iter().map(|(name, data)| (name.as_str(), &data[..])).collect::<Vec<_>>());
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
        assert_eq!(read(&bad).unwrap_err(), "member \"a.npy\" is damaged, as its checksum says");
        let mut bad = archive;
        let method = bad.len() - END_LEN - 3 * CENTRAL_LEN - 10 + 10;
        bad[method] = 8;
        assert_eq!(read(&bad).unwrap_err(), "member \"a.npy\" is compressed or encrypted");
    }
}
