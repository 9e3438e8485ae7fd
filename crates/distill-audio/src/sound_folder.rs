use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use distill_datasets::{ClassFolders, DataError, DataSpec, Dataset, FileDivision, Split, Table};
use ndarray::{Array2, ArrayViewMut2};
use rayon::prelude::*;

use crate::Statistics;
use crate::sound_format::{SoundFormat, SoundOptions, SoundReader, read};
use crate::wav::Wav;

/// Under this name the file of a model has its [`SoundFormat`].
pub const SOUND: &str = "sound";

/// A folder with recordings, in a folder for each class.
///
/// ```text
/// train/yes/one.wav      train/no/one.wav    WAV with 16 bits, of any names
/// validation/yes/a.wav   test/no/two.wav     as ClassFolders has them
/// ```
/// An input has the shape `[1, frames, values]`, see [`SoundFormat`]. What the values are divided by is learnt from the recordings
/// to train on.
///
/// `yes/one.wav` and `no/two.wav` without `train` and `test` are divided here.
#[derive(Debug)]
pub struct SoundFolder {
    folders: ClassFolders,
    options: SoundOptions,
    /// How recordings are read, once it is known.
    format: Mutex<Option<SoundFormat>>,
}

impl SoundFolder {
    /// Looks for folders as [`ClassFolders::find`] does, in which the first file is a recording. `None` if there are none.
    ///
    /// # Errors
    /// Those of [`ClassFolders::find`].
    pub fn find(dir: &Path, options: SoundOptions, division: &FileDivision) -> Result<Option<Self>, DataError> {
        let Some(folders) = ClassFolders::find(dir, division)? else { return Ok(None) };
        for split in [Split::Train, Split::Test] {
            // Classes that nobody lists are an error of those who read the set.
            let files = if folders.folder(split).is_dir() { folders.files(split, None) } else { continue };
            let is_sound = match files.unwrap_or_default().first() {
                Some((first, _)) => matches!(sniff(first)?, Found::Wav | Found::Other(_)),
                None => continue,
            };
            return Ok(is_sound.then_some(Self { folders, options, format: Mutex::new(None) }));
        }
        Ok(None)
    }

    /// The same, with recordings read as they were for a model.
    #[must_use]
    pub fn with_format(self, format: SoundFormat) -> Self {
        Self { format: Mutex::new(Some(format)), ..self }
    }

    /// Whether the recordings of the test were drawn, as there is no folder of them.
    pub fn is_divided_here(&self) -> bool {
        self.folders.is_divided_here()
    }

    /// The class names of `classes.txt`, or those of the folders.
    pub fn classes(&self) -> &[String] {
        self.folders.classes()
    }

    /// Whether the folder lists its classes.
    pub fn is_listed(&self) -> bool {
        self.folders.is_listed()
    }

    /// The group of each recording of a set, such as who speaks, if its name says it.
    ///
    /// # Errors
    /// Those of [`ClassFolders::groups`].
    pub fn groups(&self, split: Split, classes: Option<&[String]>) -> Result<Option<Vec<String>>, DataError> {
        self.folders.groups(split, classes)
    }

    /// Whether there are recordings to choose settings on.
    pub fn has_validation(&self) -> bool {
        self.folders.has_validation()
    }

    /// Seconds of the longest recording to train on.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn longest(&self) -> Result<f64, DataError> {
        let files = self.files(Split::Train, None)?;
        let seconds = in_order(
            &files,
            || Ok(()),
            |(), path| read(path).map(|wav| wav.samples.len() as f64 / f64::from(wav.rate)),
        )?;
        Ok(seconds.into_iter().fold(0.0, f64::max))
    }

    /// Reads one split into memory, on all threads, four bytes for each value. The folders are among `classes`, or else those of
    /// the folder. `bound` is the most memory that it may take, in bytes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Damaged`] for a file that is not WAV with 16 bits, [`DataError::Content`] for one of another
    /// sample rate, of another length where all have to have one, or of another kind, [`DataError::UnlistedClass`],
    /// [`DataError::NoExamples`], and [`DataError::MemoryBound`].
    pub fn load(&self, split: Split, classes: Option<&[String]>, bound: u64) -> Result<Sounds, DataError> {
        let files = self.files(split, classes)?;
        let known = self.format.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (format, learnt_from) = match known {
            Some(format) => (format, None),
            None if split == Split::Train => {
                self.learn(&files, bound).map(|(format, inputs)| (format, Some(inputs)))?
            }
            None => (self.learn(&self.files(Split::Train, None)?, bound)?.0, None),
        };
        check_memory(self.folders.folder(split), files.len(), &format, bound)?;
        let inputs = match learnt_from {
            Some(mut inputs) => {
                inputs.iter_mut().for_each(|frames| format.statistics.apply(frames));
                inputs
            }
            None => in_order(&files, || reader(&format, &files[0].0), |reader, path| reader.read(path))?,
        };
        let values = inputs.into_iter().flatten().collect();
        let labels = files.iter().map(|&(_, label)| label).collect();
        let classes = classes.unwrap_or(self.classes()).to_vec();
        let table = Table::new(format.input_shape().to_vec(), values, labels, classes)?;
        *self.format.lock().unwrap_or_else(PoisonError::into_inner) = Some(format.clone());
        Ok(Sounds { table: Arc::new(table), format })
    }

    /// How recordings are read, by the first, and mean and deviation over all; and their frames before these are applied.
    fn learn(&self, files: &[(PathBuf, u32)], bound: u64) -> Result<(SoundFormat, Vec<Array2<f32>>), DataError> {
        let first = &files[0].0;
        let wav = read(first)?;
        let format = SoundFormat::of(&self.options, wav.rate, wav.samples.len());
        check_memory(self.folders.folder(Split::Train), files.len(), &format, bound)?;
        let make = || Ok((reader(&format, first)?, self.options.seconds.is_none()));
        let inputs = in_order(files, make, |(reader, is_whole), path| {
            let found = read(path)?;
            if *is_whole {
                same_length(&found, path, first, wav.samples.len())?;
            }
            reader.frames(&found, path)
        })?;
        let views: Vec<_> = inputs.iter().map(|frames| frames.view()).collect();
        let statistics =
            Statistics::of(&views).ok_or(DataError::NoExamples { path: Some(self.folders.dir().into()) })?;
        Ok((SoundFormat { statistics, ..format }, inputs))
    }

    fn files(&self, split: Split, classes: Option<&[String]>) -> Result<Vec<(PathBuf, u32)>, DataError> {
        let (dir, files) = (self.folders.folder(split), self.folders.files(split, classes)?);
        if files.is_empty() {
            return Err(DataError::NoExamples { path: Some(dir) });
        }
        refuse_foreign(&dir, &files)?;
        Ok(files)
    }
}

/// Does `work` for all files on all threads, and returns the error of the first in their order that has one.
fn in_order<R: Send, T: Send>(
    files: &[(PathBuf, u32)],
    make: impl Fn() -> Result<R, DataError> + Sync + Send,
    work: impl Fn(&mut R, &Path) -> Result<T, DataError> + Sync + Send,
) -> Result<Vec<T>, DataError> {
    // A working one is made here, so that no thread meets the error.
    make()?;
    let results: Vec<Result<T, DataError>> = files
        .par_iter()
        .map_init(&make, |state, (path, _)| match state {
            Ok(state) => work(state, path),
            Err(_) => make().and_then(|mut state| work(&mut state, path)),
        })
        .collect();
    results.into_iter().collect()
}

fn reader(format: &SoundFormat, first: &Path) -> Result<SoundReader, DataError> {
    SoundReader::new(format.clone()).map_err(|problem| DataError::Content {
        path: first.to_owned(),
        problem: format!("cannot be cut in frames: {problem}"),
    })
}

fn same_length(wav: &Wav, path: &Path, first: &Path, expected: usize) -> Result<(), DataError> {
    if wav.samples.len() == expected {
        return Ok(());
    }
    let seconds = |samples: usize| samples as f64 / f64::from(wav.rate.max(1));
    let problem = format!(
        "has {:.3} s, {} has {:.3} s: bring them to one length with `data.sound.seconds`",
        seconds(wav.samples.len()),
        first.display(),
        seconds(expected)
    );
    Err(DataError::Content { path: path.to_owned(), problem })
}

fn check_memory(dir: PathBuf, n: usize, format: &SoundFormat, bound: u64) -> Result<(), DataError> {
    let features: usize = format.input_shape().iter().product();
    let needed = (n as u64).saturating_mul(4 * features as u64 + 4);
    if needed > bound { Err(DataError::MemoryBound { path: Some(dir), needed, bound }) } else { Ok(()) }
}

/// What a file is, by its first bytes.
enum Found {
    Wav,
    /// Sound in another format.
    Other(&'static str),
    Else,
}

fn sniff(path: &Path) -> Result<Found, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let mut start = vec![];
    File::open(path).map_err(io)?.take(12).read_to_end(&mut start).map_err(io)?;
    let at = |from: usize, bytes: &[u8]| start.get(from..).is_some_and(|rest| rest.starts_with(bytes));
    Ok(match () {
        () if at(0, b"RIFF") && at(8, b"WAVE") => Found::Wav,
        () if at(0, b"ID3") || at(0, b"\xff\xfb") || at(0, b"\xff\xf3") => Found::Other("MP3"),
        () if at(0, b"fLaC") => Found::Other("FLAC"),
        () if at(0, b"OggS") => Found::Other("Ogg"),
        () if at(0, b"FORM") => Found::Other("AIFF"),
        () if at(4, b"ftypM4A") => Found::Other("M4A"),
        () => Found::Else,
    })
}

/// Refuses files whose name and first bytes are not those of WAV, all at once.
fn refuse_foreign(dir: &Path, files: &[(PathBuf, u32)]) -> Result<(), DataError> {
    let mut found = vec![];
    for (path, _) in files {
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("wav")) {
            continue;
        }
        match sniff(path)? {
            Found::Wav => {}
            Found::Other(format) => found.push((path.as_path(), Some(format))),
            Found::Else => found.push((path.as_path(), None)),
        }
    }
    let convert = "; convert them, such as with `ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav`";
    ClassFolders::refuse(dir, &found, ["recordings", "not WAV"], convert)
}

/// Recordings as inputs with labels, in memory.
#[derive(Debug, Clone)]
pub struct Sounds {
    table: Arc<Table>,
    format: SoundFormat,
}

impl Sounds {
    /// How recordings became inputs.
    pub fn format(&self) -> &SoundFormat {
        &self.format
    }
}

impl Dataset for Sounds {
    fn spec(&self) -> &DataSpec {
        self.table.spec()
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        self.table.read(indices, out)
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.table.label(index)
    }

    fn reading(&self) -> Option<(&'static str, String)> {
        serde_json::to_string(&self.format).ok().map(|text| (SOUND, text))
    }
}

#[cfg(test)]
mod tests;
