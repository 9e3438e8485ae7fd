mod blame;
mod class_list;
mod words;

use std::io;
use std::path::PathBuf;

pub use self::class_list::ClassListFault;
use self::words::{list, prefix, span, type_name};

/// What can be wrong with data or with a selection of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("cannot read {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The first two bytes of an IDX file are not zero.
    #[error("{path} is not an IDX file: it starts with {:02x} {:02x}, expected 00 00", actual[0], actual[1])]
    BadMagic {
        /// The file.
        path: PathBuf,
        /// Its first two bytes.
        actual: [u8; 2],
    },
    /// An IDX file holds something other than bytes.
    #[error("{path} holds elements of type {code:#04x} ({}), expected 0x08 (u8)", type_name(*code))]
    UnsupportedType {
        /// The file.
        path: PathBuf,
        /// The type code, the third byte.
        code: u8,
    },
    /// An IDX file has no sides or too many.
    #[error("{path} has {rank} dimensions, expected 1 to 4")]
    BadRank {
        /// The file.
        path: PathBuf,
        /// The rank, the fourth byte.
        rank: u8,
    },
    /// The sides of an IDX file multiply to more than memory can hold.
    #[error("{path} promises the shape {shape:?}, more than memory can hold")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The sides that the header claims.
        shape: Vec<u32>,
    },
    /// An IDX file ends before its header, or before the data that the header promises.
    #[error("{path} ends after {actual} bytes, expected {promised}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The bytes it has to have, after decompression.
        promised: u64,
        /// The bytes it has, after decompression.
        actual: u64,
    },
    /// An IDX file goes on after the data that its header promises.
    #[error("{path} has {actual} bytes, but its header promises {promised}")]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// The bytes it has to have.
        promised: u64,
        /// The bytes it has.
        actual: u64,
    },
    /// A gzip stream is damaged or cut off.
    #[error("{path} is not a sound gzip file")]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder found.
        source: io::Error,
    },
    /// A gzip stream decompresses to more than its IDX header promises.
    #[error("{path} decompresses to more than the {promised} bytes that its header promises")]
    GzipTooLong {
        /// The file.
        path: PathBuf,
        /// The bytes it has to have, after decompression.
        promised: u64,
    },
    /// A gzip file is too short for what its IDX header promises, at any compression.
    #[error("{path} promises {promised} bytes, more than {compressed} bytes of gzip can hold")]
    GzipTooShort {
        /// The file.
        path: PathBuf,
        /// The bytes it has to have, after decompression.
        promised: u64,
        /// The bytes it has, before decompression.
        compressed: u64,
    },
    /// A gzip file goes on after its first stream.
    #[error("{path} has more bytes after its gzip stream, from byte {offset}")]
    GzipTrailing {
        /// The file.
        path: PathBuf,
        /// Where the stream ends.
        offset: u64,
        /// The bytes of the file.
        actual: u64,
    },
    /// A compressed file is to be read in pieces.
    #[error("{path} is compressed and unpacks to {bytes} bytes, but at most {bound} may be in memory")]
    Compressed {
        /// The file.
        path: PathBuf,
        /// Its bytes, after decompression.
        bytes: u64,
        /// The bytes that are allowed.
        bound: u64,
    },
    /// Data takes more memory than it may.
    #[error("{}at least {needed} bytes of memory are needed, but {bound} are allowed", prefix(path.as_deref()))]
    MemoryBound {
        /// The images, if they come from a file.
        path: Option<PathBuf>,
        /// The bytes that would be enough.
        needed: u64,
        /// The bytes that are allowed.
        bound: u64,
    },
    /// The system does not give the memory that a file takes.
    #[error("{path} takes {needed} bytes of memory, more than the system provides")]
    NoMemory {
        /// The file.
        path: PathBuf,
        /// The bytes that it takes.
        needed: u64,
    },
    /// A file was written to, or cut, after it was opened.
    #[error("{path} was changed while it was read: it had {expected} bytes and has {actual}")]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its bytes when it was opened.
        expected: u64,
        /// Its bytes now.
        actual: u64,
    },
    /// An IDX file has the wrong number of sides for its purpose.
    #[error("{path} has the shape {shape:?}, expected {expected} dimensions")]
    WrongRank {
        /// The file.
        path: PathBuf,
        /// The sides it has to have: three for images, one for labels.
        expected: usize,
        /// The sides it has.
        shape: Vec<usize>,
    },
    /// Two files do not have the same number of examples.
    #[error("{images_path} has {images} images, but {labels_path} has {labels} labels")]
    CountMismatch {
        /// The images.
        images_path: PathBuf,
        /// The number of images.
        images: usize,
        /// The labels.
        labels_path: PathBuf,
        /// The number of labels.
        labels: usize,
    },
    /// The pixels, or other numbers, do not make as many inputs as there are labels.
    #[error("{pixels} numbers are not {labels} inputs of shape {input_shape:?}")]
    PixelCount {
        /// How many there are.
        pixels: usize,
        /// The shape of one input.
        input_shape: Vec<usize>,
        /// The number of labels.
        labels: usize,
    },
    /// An input is not a finite number.
    #[error("{}number {feature} of example {example} is {value}", prefix(path.as_deref()))]
    NonFinite {
        /// The inputs, if they come from a file.
        path: Option<PathBuf>,
        /// The example.
        example: usize,
        /// Which of its numbers, counted from zero.
        feature: usize,
        /// What it is.
        value: f32,
    },
    /// A file is not a whole number of records.
    #[error("{path} has {bytes} bytes, which is not a whole number of images of {record} bytes")]
    Records {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The length of a record.
        record: usize,
    },
    /// Rows are to be made from those of a set that is no table of columns.
    #[error("the data is no table with named columns")]
    NoColumns,
    /// What a file holds cannot be used.
    #[error("{path} {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it has, and what it should have.
        problem: String,
    },
    /// A file is cut, or not as it was written.
    #[error("{path} {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A table does not have a column that was asked for.
    #[error("{path} has no column `{name}`, it has {}", list(known, *n_known))]
    UnknownColumn {
        /// The table.
        path: PathBuf,
        /// The column.
        name: String,
        /// The first columns of the table.
        known: Vec<String>,
        /// How many it has.
        n_known: usize,
    },
    /// An example has a class that the data lacks.
    #[error("{path} has the class `{name}`{place}, the classes are {}", list(known, *n_known))]
    UnlistedClass {
        /// The file, or the folder of a class.
        path: PathBuf,
        /// Where in the file, such as ` in line 3`.
        place: String,
        /// The class.
        name: String,
        /// The first classes of the data.
        known: Vec<String>,
        /// How many it has.
        n_known: usize,
    },
    /// An input has no features, or more than memory can hold.
    #[error("{}inputs of shape {input_shape:?} cannot be read as rows", prefix(path.as_deref()))]
    BadInputShape {
        /// The images, if they come from a file.
        path: Option<PathBuf>,
        /// The shape of one input.
        input_shape: Vec<usize>,
    },
    /// There are no examples.
    #[error("{}there are no examples", prefix(path.as_deref()))]
    NoExamples {
        /// The images, if they come from a file.
        path: Option<PathBuf>,
    },
    /// Labels are not below the number of classes.
    #[error(
        "{}labels contain class {label} but there are {n_classes} classes; bad labels: {n_bad}, first at {first:?}",
        prefix(path.as_deref())
    )]
    LabelOutOfRange {
        /// The labels, if they come from a file.
        path: Option<PathBuf>,
        /// The number of bad labels.
        n_bad: usize,
        /// The indices of the first five.
        first: Vec<usize>,
        /// The largest bad label.
        label: u32,
        /// Labels have to be below it.
        n_classes: usize,
    },
    /// A folder does not hold a file that is needed.
    #[error(
        "{dir} holds none of {}; it holds {}",
        list(looked_for, looked_for.len()),
        if found.is_empty() { "nothing".into() } else { list(found, *n_found) }
    )]
    MissingFile {
        /// The folder.
        dir: PathBuf,
        /// The names that would have done.
        looked_for: Vec<String>,
        /// The first names in the folder, in alphabetical order.
        found: Vec<String>,
        /// The number of names in the folder.
        n_found: usize,
    },
    /// A folder lacks files of a published data set.
    #[error("{dir} lacks {} of the {n_files} files of {name}: {}", missing.len(), list(missing, missing.len()))]
    MissingFiles {
        /// The folder.
        dir: PathBuf,
        /// What the data set is called.
        name: &'static str,
        /// The files that are not there.
        missing: Vec<String>,
        /// How many there have to be.
        n_files: usize,
        /// Where to fetch them.
        url: &'static str,
    },
    /// Files of a published data set hold something else.
    #[error("the images in {} are not those of {name}: their SHA-256 is {actual}, expected {expected}", span(paths))]
    OtherContents {
        /// The files, which are compared together.
        paths: Vec<PathBuf>,
        /// What the data set is called.
        name: &'static str,
        /// The hash of the published images, in any order.
        expected: &'static str,
        /// The hash of these.
        actual: String,
    },
    /// A list of class names cannot be used.
    #[error("{}the class list is not usable: {fault}", prefix(path.as_deref()))]
    BadClassList {
        /// The list, if it comes from a file.
        path: Option<PathBuf>,
        /// What is wrong with it.
        fault: ClassListFault,
    },
    /// A class name that the data does not have.
    #[error("there is no class `{name}`, the classes are {}", list(known, known.len()))]
    UnknownClass {
        /// The name that was asked for.
        name: String,
        /// The names of the data.
        known: Vec<String>,
    },
    /// A selection leaves nothing.
    #[error("the selection leaves no example (of {n_before})")]
    EmptySelection {
        /// The number of examples it started from.
        n_before: usize,
    },
    /// A fraction is not a part of a whole.
    #[error("a fraction of {fraction} was asked for, expected more than 0 and at most 1")]
    BadFraction {
        /// The fraction.
        fraction: f64,
    },
    /// More examples are to be held out than can be spared.
    #[error("cannot hold out {n} of {len} examples, at least one has to remain")]
    BadHoldOut {
        /// The number to hold out.
        n: usize,
        /// The number of examples.
        len: usize,
    },
    /// Images cannot be shifted that far.
    #[error("a shift of {max_shift} pixels needs [channels, height, width] with larger sides, got {input_shape:?}")]
    BadShift {
        /// The largest shift.
        max_shift: usize,
        /// The shape of one input.
        input_shape: Vec<usize>,
    },
    /// Images cannot be changed like that.
    #[error("`{key}` needs {needs}, got {found}")]
    BadJitter {
        /// What is asked for, such as `flip`.
        key: &'static str,
        /// What it needs.
        needs: String,
        /// What it was given.
        found: String,
    },
    /// An example that is not there.
    #[error("example {index} was asked for, but there are {len}")]
    IndexOutOfRange {
        /// The index.
        index: usize,
        /// The number of examples.
        len: usize,
    },
    /// The matrix for a batch does not have one row per index and one column per feature.
    #[error("a batch has the shape {actual:?}, expected {expected:?}")]
    BatchShape {
        /// Indices and features.
        expected: [usize; 2],
        /// Rows and columns.
        actual: [usize; 2],
    },
}
