/// What is wrong with a sound file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WavFault {
    /// It is larger than a recording can be.
    #[error("the file is longer than {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// It ends inside its header.
    #[error("the file ends inside a header")]
    EndsInHeader,
    /// Four letters that every file has are not there.
    #[error("expected `{expected}`, found `{}`", found.escape_ascii())]
    Magic {
        /// The letters.
        expected: &'static str,
        /// What stands there.
        found: [u8; 4],
    },
    /// The length in the header is not that of the file.
    #[error("the header promises {promised} bytes, the file has {actual}")]
    FileLength {
        /// The bytes it has to have.
        promised: u64,
        /// The bytes it has.
        actual: u64,
    },
    /// A chunk goes on after the end of the file.
    #[error("chunk `{}` promises {promised} bytes, {left} are left", id.escape_ascii())]
    ChunkLength {
        /// Its name.
        id: [u8; 4],
        /// The bytes it has to have.
        promised: u32,
        /// The bytes that are left.
        left: usize,
    },
    /// A chunk that may come once comes again.
    #[error("a second chunk `{id}`")]
    SecondChunk {
        /// Its name.
        id: &'static str,
    },
    /// The samples come before their format, or are missing.
    #[error("no chunk `{id}` up to here")]
    NoChunk {
        /// Its name.
        id: &'static str,
    },
    /// The format chunk is too short.
    #[error("the format has {actual} bytes, expected at least {expected}")]
    FormatLength {
        /// The bytes it has to have.
        expected: usize,
        /// The bytes it has.
        actual: usize,
    },
    /// The samples are not PCM.
    #[error("format {code:#06x} is not supported, expected PCM (0x0001)")]
    Format {
        /// Its code.
        code: u16,
    },
    /// The identifier of an extensible format is not one of the known family.
    #[error("the extensible format has an unknown identifier")]
    UnknownIdentifier,
    /// The samples do not have 16 bits.
    #[error("samples of {bits} bits are not supported, expected 16")]
    Bits {
        /// Their bits.
        bits: u16,
    },
    /// Neither mono nor stereo.
    #[error("{channels} channels are not supported, expected 1 or 2")]
    Channels {
        /// Their number.
        channels: u16,
    },
    /// No samples a second.
    #[error("a sample rate of 0")]
    ZeroRate,
    /// Numbers of the format that follow from others are wrong.
    #[error("{name} is {actual}, but rate, channels and bits make it {expected}")]
    Contradiction {
        /// Which.
        name: &'static str,
        /// What follows from the others.
        expected: u64,
        /// What stands there.
        actual: u64,
    },
    /// The samples end inside one.
    #[error("{bytes} bytes are not a whole number of samples of {block} bytes")]
    PartOfSample {
        /// The bytes of all samples.
        bytes: usize,
        /// The bytes of a sample, of all channels.
        block: usize,
    },
}
