//! Sound files: RIFF/WAVE with PCM of 16 bits.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::AudioError;
pub use crate::error::WavFault;

/// More than four hours at 16 kHz: a larger file is not an utterance.
const MAX_BYTES: u64 = 1 << 29;

const PCM: u16 = 1;
const EXTENSIBLE: u16 = 0xfffe;
/// What follows the format code in the identifier of a format, in every file.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// The samples of a sound file.
#[derive(Debug, Clone, PartialEq)]
pub struct Wav {
    /// Samples a second, in Hz.
    pub rate: u32,
    /// One value for each moment, in `[-1, 1)`: `sample / 32768`, the mean of both channels of stereo.
    pub samples: Vec<f32>,
}

/// Reads a sound file.
///
/// # Errors
/// [`AudioError::Io`], and [`AudioError::Wav`] with the byte at which the file is wrong.
pub fn read(path: impl AsRef<Path>) -> Result<Wav, AudioError> {
    let path = path.as_ref();
    parse(&bytes(path)?, path)
}

/// The bytes of a file, as many as a sound file may have and one more.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, AudioError> {
    let io = |source| AudioError::io(path, source);
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Reads the bytes of a sound file. `path` is for messages alone.
///
/// Chunks other than `fmt ` and `data` are passed over, and the padding byte of an odd chunk may be
/// missing at the end of the file; every other length has to be right.
///
/// Microsoft and IBM, *Multimedia Programming Interface and Data Specifications 1.0*, 1991.
///
/// # Errors
/// [`AudioError::Wav`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<Wav, AudioError> {
    whole(bytes).map_err(|(offset, fault)| AudioError::Wav { path: path.to_owned(), offset: offset as u64, fault })
}

/// A fault and the byte at which it lies.
type Fault = (usize, WavFault);

fn whole(bytes: &[u8]) -> Result<Wav, Fault> {
    let actual = bytes.len() as u64;
    if actual > MAX_BYTES {
        return Err((MAX_BYTES as usize, WavFault::TooLarge { max: MAX_BYTES }));
    }
    magic(bytes, 0, "RIFF")?;
    let promised = u64::from(u32_at(bytes, 4)?) + 8;
    magic(bytes, 8, "WAVE")?;
    // A writer may count the padding of the last chunk and not write it.
    if promised != actual && !(promised == actual + 1 && actual % 2 == 1) {
        return Err((4, WavFault::FileLength { promised, actual }));
    }

    let (mut at, mut format, mut samples) = (12, None, None);
    while at < bytes.len() {
        let id: [u8; 4] = array_at(bytes, at)?;
        let promised = u32_at(bytes, at + 4)?;
        let start = at + 8;
        let left = bytes.len() - start;
        let Some(body) = bytes[start..].get(..promised as usize) else {
            return Err((at + 4, WavFault::ChunkLength { id, promised, left }));
        };
        match &id {
            b"fmt " if format.is_some() => return Err((at, WavFault::SecondChunk { id: "fmt " })),
            b"data" if samples.is_some() => return Err((at, WavFault::SecondChunk { id: "data" })),
            b"fmt " => format = Some(Format::parse(body).map_err(|(offset, fault)| (start + offset, fault))?),
            b"data" => {
                let format: &Format = format.as_ref().ok_or((at, WavFault::NoChunk { id: "fmt " }))?;
                samples = Some(format.samples(body).map_err(|fault| (at + 4, fault))?);
            }
            _ => {}
        }
        at = start + body.len() + body.len() % 2;
    }
    let missing = |id| (bytes.len(), WavFault::NoChunk { id });
    let format = format.ok_or(missing("fmt "))?;
    Ok(Wav { rate: format.rate, samples: samples.ok_or(missing("data"))? })
}

struct Format {
    rate: u32,
    channels: usize,
}

impl Format {
    fn parse(body: &[u8]) -> Result<Self, Fault> {
        let at_least = |expected| match body.len() {
            actual if actual < expected => Err((0, WavFault::FormatLength { expected, actual })),
            _ => Ok(()),
        };
        at_least(16)?;
        let mut code = (0, u16_at(body, 0)?);
        let (channels, rate, bits) = (u16_at(body, 2)?, u32_at(body, 4)?, u16_at(body, 14)?);
        if code.1 == EXTENSIBLE {
            at_least(40)?;
            // The code stands in front of an identifier that is otherwise the same for all formats.
            if array_at(body, 26)? != GUID_TAIL {
                return Err((26, WavFault::UnknownIdentifier));
            }
            let valid_bits = u16_at(body, 18)?;
            if valid_bits != bits {
                return Err((18, WavFault::Bits { bits: valid_bits }));
            }
            code = (24, u16_at(body, 24)?);
        }
        if code.1 != PCM {
            return Err((code.0, WavFault::Format { code: code.1 }));
        }
        if !(1..=2).contains(&channels) {
            return Err((2, WavFault::Channels { channels }));
        }
        if rate == 0 {
            return Err((4, WavFault::ZeroRate));
        }
        if bits != 16 {
            return Err((14, WavFault::Bits { bits }));
        }
        let block = 2 * u64::from(channels);
        for (name, at, expected, actual) in [
            ("the byte rate", 8, block * u64::from(rate), u64::from(u32_at(body, 8)?)),
            ("the block size", 12, block, u64::from(u16_at(body, 12)?)),
        ] {
            if expected != actual {
                return Err((at, WavFault::Contradiction { name, expected, actual }));
            }
        }
        Ok(Self { rate, channels: usize::from(channels) })
    }

    fn samples(&self, body: &[u8]) -> Result<Vec<f32>, WavFault> {
        let block = 2 * self.channels;
        if !body.len().is_multiple_of(block) {
            return Err(WavFault::PartOfSample { bytes: body.len(), block });
        }
        let scale = 1.0 / (32768 * self.channels) as f32;
        let value = |block: &[u8]| {
            // The sum of two samples of 16 bits is exact in f32.
            let pairs = block.as_chunks().0.iter();
            pairs.map(|&pair| f32::from(i16::from_le_bytes(pair))).sum::<f32>() * scale
        };
        Ok(body.chunks_exact(block).map(value).collect())
    }
}

fn magic(bytes: &[u8], at: usize, expected: &'static str) -> Result<(), Fault> {
    let found: [u8; 4] = array_at(bytes, at)?;
    if found == expected.as_bytes() { Ok(()) } else { Err((at, WavFault::Magic { expected, found })) }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Fault> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or((bytes.len(), WavFault::EndsInHeader))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Fault> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    array_at(bytes, at).map(u32::from_le_bytes)
}
