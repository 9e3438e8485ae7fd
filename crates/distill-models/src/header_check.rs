use safetensors::tensor::Metadata;

use crate::ModelError;

/// The longest header of a file with weights. Names, shapes and a description with the classes take some kilobytes. To read a header takes up to thirty times its size.
pub const MAX_HEADER_BYTES: u64 = 1 << 19;

/// Checks the header of a safetensors file before a library believes it: that it has at most 512 KiB, and
/// that the tensors are as long as the rest of the file.
///
/// # Errors
/// [`ModelError::NotSafetensors`].
pub fn check_safetensors(bytes: &[u8]) -> Result<(), ModelError> {
    read_header(bytes).map(drop)
}

/// The checked header.
pub(crate) fn read_header(bytes: &[u8]) -> Result<Metadata, ModelError> {
    let refused = |reason: String| ModelError::NotSafetensors { reason };
    let Some((len, rest)) = bytes.split_first_chunk() else {
        return Err(refused(format!("it has {} bytes, the length of a header alone has 8", bytes.len())));
    };
    let len = u64::from_le_bytes(*len);
    if len > MAX_HEADER_BYTES {
        return Err(refused(format!("its header claims {len} bytes, at most {MAX_HEADER_BYTES} are read")));
    }
    let Some((header, data)) = rest.split_at_checked(usize::try_from(len).unwrap_or(usize::MAX)) else {
        return Err(refused(format!("its header claims {len} bytes, {} follow", rest.len())));
    };
    let metadata: Metadata = serde_json::from_slice(header).map_err(|error| refused(error.to_string()))?;
    let (promised, actual) = (metadata.data_len(), data.len());
    if promised != actual {
        return Err(refused(format!("its header promises {promised} bytes of tensors, the file has {actual}")));
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(len: u64, header: &str) -> String {
        check_safetensors(&[&len.to_le_bytes()[..], header.as_bytes()].concat()).unwrap_err().to_string()
    }

    #[test]
    fn a_header_is_not_believed() {
        let message = |reason: &str| format!("not a safetensors file: {reason}");
        assert_eq!(
            check_safetensors(&[1; 7]).unwrap_err().to_string(),
            message("it has 7 bytes, the length of a header alone has 8")
        );
        assert_eq!(error(3, "{}"), message("its header claims 3 bytes, 2 follow"));
        assert_eq!(
            error(u64::MAX, "{}"),
            message(&format!("its header claims {} bytes, at most 524288 are read", u64::MAX))
        );
        // Millions of sides would take thirty times their length to read.
        assert!(error(1 << 20, &"0,".repeat(1 << 19)).ends_with("at most 524288 are read"));
        assert_eq!(error(2, "{} "), message("its header promises 0 bytes of tensors, the file has 1"));
    }

    /// Each length fits 64 bits, and so does their sum, but not with the length of the header.
    #[test]
    fn lengths_that_overflow_only_with_the_header_are_refused() {
        let size = u64::MAX / 8;
        let tensor = |i| {
            let (start, end) = (i * size, (i + 1) * size);
            format!(r#""{i}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{end}]}}"#)
        };
        let header = format!("{{{}}}", (0..8).map(tensor).collect::<Vec<_>>().join(","));
        let promised = 8 * size;
        let expected = format!("its header promises {promised} bytes of tensors, the file has 0");
        assert!(error(header.len() as u64, &header).ends_with(&expected));
    }
}
