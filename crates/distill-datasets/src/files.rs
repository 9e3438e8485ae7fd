use std::fs::Metadata;
use std::io;

/// Whatever else has a name may have no end, or never answer.
pub(crate) fn regular(metadata: Metadata) -> io::Result<Metadata> {
    if metadata.is_file() {
        return Ok(metadata);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}
