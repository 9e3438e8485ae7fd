use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex_lite::Regex;

use crate::{DataError, Division, Split, classes, grouped, select};

/// How the files of a folder with classes alone are divided into sets.
#[derive(Debug, Clone, Default)]
pub struct FileDivision {
    /// The share of the files of each class that test, greater than 0 and less than 1, a fifth if nothing is said.
    pub test: Option<f64>,
    /// Which files belong together: all of them test, or none.
    pub group: Option<GroupPattern>,
}

/// What of a file's name says to which group it belongs, such as the speaker of a recording.
///
/// # Examples
/// ```
/// use distill_datasets::GroupPattern;
/// let speaker = GroupPattern::new("^([a-z]+)-")?;
/// assert_eq!(speaker.of("anna-3.wav"), Some("anna"));
/// assert_eq!(speaker.of("3.wav"), None);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct GroupPattern(Regex);

impl GroupPattern {
    /// A regular expression: its first group counts, or all that it finds where it has none.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn new(pattern: &str) -> Result<Self, String> {
        Regex::new(pattern).map(Self).map_err(|error| error.to_string())
    }

    /// The group of a file of this name; `None` where it has none.
    pub fn of<'a>(&self, name: &'a str) -> Option<&'a str> {
        let found = self.0.captures(name)?;
        found.get(1).or_else(|| found.get(0)).map(|part| part.as_str()).filter(|group| !group.is_empty())
    }

    /// The same of a path.
    fn of_path(&self, path: &Path) -> Result<String, DataError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unnamed = || DataError::Content {
            path: path.to_owned(),
            problem: format!("has a name in which `data.group`, `{}`, finds nothing: it belongs to no group", self.0),
        };
        self.of(&name).map(str::to_owned).ok_or_else(unnamed)
    }
}

/// A folder with a folder for each set, and in each of them a folder for each class.
///
/// ```text
/// train/cat/one.png         the names of the files say nothing
/// validation/cat/two.png    optional, or val/
/// test/cat/three.png
/// classes.txt               optional: the names of the classes in their order, one per line
/// ```
/// What the files are made of, others know. Those whose names begin with a dot are not seen.
///
/// Without `train` and `test` the folders of the classes may stand there themselves. A share of the files of each class is then for
/// the test.
/// ```text
/// cat/one.png
/// dog/two.png
/// ```
///
/// # Examples
/// ```
/// use distill_datasets::{ClassFolders, Split};
/// # let dir = tempfile::tempdir().unwrap();
/// # for name in ["train/no/b", "train/no/a", "train/yes/c", "test/yes/d"] {
/// #     std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
/// #     std::fs::write(dir.path().join(name), "").unwrap();
/// # }
/// # let dir = dir.path();
/// let folders = ClassFolders::find(dir, &Default::default())?.expect("train/no and others are there");
/// assert_eq!(folders.classes(), ["no", "yes"]);
/// let files = folders.files(Split::Train, None)?;
/// assert_eq!(files[2], (dir.join("train/yes/c"), 1));
/// assert!(!folders.has_validation());
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClassFolders {
    dir: PathBuf,
    classes: Vec<String>,
    is_listed: bool,
    /// The files for the test, where there is no folder of them.
    drawn: Option<Arc<HashSet<PathBuf>>>,
    group: Option<GroupPattern>,
}

impl ClassFolders {
    /// Looks for a folder `train` or `test` with a folder in it, or else for two folders or more with files in them. `None` if there
    /// are none. The division is for the second case; files are drawn at random, but always the same.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::BadClassList`], and [`DataError::Content`] if there are too few files to divide.
    pub fn find(dir: &Path, division: &FileDivision) -> Result<Option<Self>, DataError> {
        let FileDivision { test, group } = division;
        let mut classes = vec![];
        let mut drawn = None;
        for split in [Split::Train, Split::Test] {
            let path = folder(dir, split);
            if path.is_dir() {
                classes.extend(names(&path, fs::FileType::is_dir)?);
            }
        }
        if classes.is_empty() {
            let files = if dir.is_dir() { files_of_classes(dir)? } else { vec![] };
            classes.extend(files.iter().map(|(class, _)| class.clone()));
            classes.dedup();
            if classes.len() < 2 {
                return Ok(None);
            }
            let number = |class: &String| classes.partition_point(|other| other < class) as u32;
            let labels: Vec<u32> = files.iter().map(|(class, _)| number(class)).collect();
            let few = || DataError::Content {
                path: dir.to_owned(),
                problem: match group {
                    Some(_) => "has files of one group, and none to hold out for the test".to_owned(),
                    None => format!("has too few files, {}, to hold some of them out for the test", files.len()),
                },
            };
            let number = |(_, path): &(String, PathBuf), group: &GroupPattern| {
                group.of_path(path).map(|name| grouped::number(&name))
            };
            let groups = group.as_ref().map(|group| files.iter().map(|file| number(file, group)).collect());
            let groups: Option<Vec<u64>> = groups.transpose()?;
            let tests =
                select::test_rows(&labels, groups.as_deref(), test.unwrap_or(Division::SHARE)).ok_or_else(few)?;
            drawn = Some(Arc::new(tests.into_iter().map(|at| files[at].1.clone()).collect()));
        }
        classes.sort();
        classes.dedup();
        let list = Some(dir.join("classes.txt")).filter(|path| path.is_file());
        let listed = list.map(|path| classes::read(&path)).transpose()?;
        let is_listed = listed.is_some();
        let group = group.clone();
        Ok(Some(Self { dir: dir.to_owned(), classes: listed.unwrap_or(classes), is_listed, drawn, group }))
    }

    /// The error for files that are of another kind than those of a class: `foreign` has each with its format, or nothing where
    /// that is unknown. All are told of at once, the first by their names. None is no error.
    ///
    /// # Errors
    /// [`DataError::Content`], whose problem reads `has files among its images that are not PNG: a.webp (WebP)`.
    pub fn refuse(
        dir: &Path,
        foreign: &[(&Path, Option<&str>)],
        [whole, kind]: [&str; 2],
        cure: &str,
    ) -> Result<(), DataError> {
        const N_NAMED: usize = 3;
        if foreign.is_empty() {
            return Ok(());
        }
        let named = foreign.iter().take(N_NAMED).map(|(path, format)| {
            let path = path.strip_prefix(dir).unwrap_or(path).display();
            format.map_or(path.to_string(), |format| format!("{path} ({format})"))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let more = foreign.len().checked_sub(N_NAMED).filter(|&n| n > 0);
        let more = more.map_or(String::new(), |n| format!(" and {n} more"));
        let (what, are) = if foreign.len() == 1 { ("a file", "is") } else { ("files", "are") };
        let problem = format!("has {what} among its {whole} that {are} {kind}: {named}{more}{cure}");
        Err(DataError::Content { path: dir.to_owned(), problem })
    }

    /// The folder that has them.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The class names of `classes.txt`, or those of the folders.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether the folder lists its classes.
    pub fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// Whether there are examples to choose settings on.
    pub fn has_validation(&self) -> bool {
        self.drawn.is_none() && self.folder(Split::Validation).is_dir()
    }

    /// Whether the files of the test were drawn, as there is no folder of them.
    pub fn is_divided_here(&self) -> bool {
        self.drawn.is_some()
    }

    /// The folder of a set, or where it should be.
    pub fn folder(&self, split: Split) -> PathBuf {
        if self.drawn.is_some() { self.dir.clone() } else { folder(&self.dir, split) }
    }

    /// The group of each of the [files](Self::files) of a set; `None` where nobody said how it is told.
    ///
    /// # Errors
    /// Those of [`files`](Self::files), [`DataError::Content`] for a file that belongs to none.
    pub fn groups(&self, split: Split, classes: Option<&[String]>) -> Result<Option<Vec<String>>, DataError> {
        let Some(group) = &self.group else { return Ok(None) };
        self.files(split, classes)?.iter().map(|(path, _)| group.of_path(path)).collect::<Result<_, _>>().map(Some)
    }

    /// The files of a set with their classes: in the order of these, and of their names within one. The folders are among
    /// `classes`, or else those of the folder.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::BadClassList`], and [`DataError::UnlistedClass`].
    pub fn files(&self, split: Split, classes: Option<&[String]>) -> Result<Vec<(PathBuf, u32)>, DataError> {
        let classes = classes.unwrap_or(&self.classes);
        classes::check(classes).map_err(|fault| DataError::BadClassList { path: None, fault })?;
        let dir = self.folder(split);
        let mut files: Vec<(PathBuf, u32)> = vec![];
        for folder in names(&dir, fs::FileType::is_dir)? {
            let path = dir.join(&folder);
            let names = names(&path, fs::FileType::is_file)?;
            if names.is_empty() && self.drawn.is_some() {
                continue;
            }
            let Some(label) = classes.iter().position(|class| *class == folder) else {
                return Err(DataError::unlisted(&path, None, &folder, classes));
            };
            files.extend(names.into_iter().map(|name| (path.join(name), label as u32)));
        }
        if let Some(drawn) = &self.drawn {
            files.retain(|(path, _)| match split {
                Split::Train => !drawn.contains(path),
                Split::Test => drawn.contains(path),
                Split::Validation => false,
            });
        }
        files.sort_by(|(a, a_label), (b, b_label)| a_label.cmp(b_label).then_with(|| a.cmp(b)));
        Ok(files)
    }
}

/// The files in the folders of a folder, with the names of these, by which they are sorted, and then by their own.
fn files_of_classes(dir: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let io = |source| DataError::Io { path: dir.to_owned(), source };
    let mut files = vec![];
    for entry in fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let class = entry.file_name().to_string_lossy().into_owned();
        // It may be a folder of anything, with links that lead nowhere.
        if class.starts_with('.') || !entry.path().is_dir() {
            continue;
        }
        let names = names(&entry.path(), fs::FileType::is_file)?;
        files.extend(names.into_iter().map(|name| (class.clone(), dir.join(&class).join(name))));
    }
    files.sort();
    Ok(files)
}

fn folder(dir: &Path, split: Split) -> PathBuf {
    let short = dir.join("val");
    match dir.join(split.to_string()) {
        named if split == Split::Validation && !named.is_dir() && short.is_dir() => short,
        named => named,
    }
}

/// The names in a folder, sorted, without those that are hidden.
fn names(dir: &Path, of_kind: impl Fn(&fs::FileType) -> bool) -> Result<Vec<String>, DataError> {
    let io = |source| DataError::Io { path: dir.to_owned(), source };
    let mut names = vec![];
    for entry in fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link counts as what it leads to.
        let kind = fs::metadata(entry.path()).map_err(io)?.file_type();
        if of_kind(&kind) && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
