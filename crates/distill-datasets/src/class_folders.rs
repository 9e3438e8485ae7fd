use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{DataError, Division, Split, classes, select};

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
/// let folders = ClassFolders::find(dir, None)?.expect("train/no and others are there");
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
}

impl ClassFolders {
    /// Looks for a folder `train` or `test` with a folder in it, or else for two folders or more with files in them. `None` if there
    /// are none. `test` is the share of the files of each class that test in the second case, a fifth if nothing is said; they are
    /// drawn at random, but always the same.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::BadClassList`], and [`DataError::Content`] if there are too few files to divide.
    pub fn find(dir: &Path, test: Option<f64>) -> Result<Option<Self>, DataError> {
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
                problem: format!("has too few files, {}, to hold some of them out for the test", files.len()),
            };
            let tests = select::test_rows(&labels, test.unwrap_or(Division::SHARE)).ok_or_else(few)?;
            drawn = Some(Arc::new(tests.into_iter().map(|at| files[at].1.clone()).collect()));
        }
        classes.sort();
        classes.dedup();
        let list = Some(dir.join("classes.txt")).filter(|path| path.is_file());
        let listed = list.map(|path| classes::read(&path)).transpose()?;
        let is_listed = listed.is_some();
        Ok(Some(Self { dir: dir.to_owned(), classes: listed.unwrap_or(classes), is_listed, drawn }))
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
