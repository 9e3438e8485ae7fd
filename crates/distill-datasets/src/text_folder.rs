use std::collections::BTreeSet;
use std::path::Path;

use crate::answer_columns::{Answer, Places};
use crate::columns::{Cell, in_order, label_position, position};
use crate::table_rows::train_table;
use crate::tables::Tables;
use crate::{DataError, Division, Split, TableRows, classes};

/// Rows of a table in which a column of texts is looked for.
const ROWS: usize = 500;
/// The words of a text, on average, at least. Names and addresses have fewer.
const WORDS: usize = 3;

/// Tables of which one column is a text: `train.csv` and `test.csv`, or Parquet, and `classes.txt` where the classes have an order;
/// or one table, whose rows are [divided](Division).
///
/// ```text
/// text,label
/// how do i set an alarm,alarm
/// "what is it, in euros",exchange_rate
/// ```
#[derive(Debug, Clone)]
pub struct TextFolder {
    tables: Tables,
    text: String,
    label: String,
    classes: Vec<String>,
    is_listed: bool,
}

/// The texts of a table with their classes, in memory. They are as in the file, without spaces around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
    labels: Vec<u32>,
    classes: Vec<String>,
}

impl TextFolder {
    /// Looks for tables, and reads the classes of the one to train on, or else of the other. `text` is the column with the text,
    /// and `label` that with the class: by default the one that is called label, class or target. `None` if there is no table.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`], [`DataError::UnknownColumn`], [`DataError::BadClassList`].
    pub fn find(path: &Path, text: &str, label: Option<&str>, division: &Division) -> Result<Option<Self>, DataError> {
        let Some(tables) = Tables::find(path, Answer::Class(label), division)? else { return Ok(None) };
        let set = if tables.has(Split::Train) { Split::Train } else { Split::Test };
        let (file, mut rows) = (tables.path(set), tables.open(set)?);
        let at = label_position(&file, rows.header(), label)?;
        let label = rows.header()[at].clone();
        position(rows.header(), text).ok_or_else(|| DataError::unknown_column(&file, text, rows.header()))?;
        let (classes, is_listed) = match tables.class_list() {
            Some(list) => (classes::read(&list)?, true),
            None => {
                let mut found = BTreeSet::new();
                rows.select([at]);
                while rows.next()? {
                    let class = rows.cell(at).map(Cell::name).unwrap_or_default();
                    if !found.contains(&*class) {
                        found.insert(class.into_owned());
                    }
                }
                (in_order(found), false)
            }
        };
        Ok(Some(Self { tables, text: text.to_owned(), label, classes, is_listed }))
    }

    /// The column with texts of a table that has no other, by what stands in its first rows: words that are rarely the same twice,
    /// several in each. `None` if there is no table, or no such column, or more than one.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub fn usual_text(path: &Path) -> Result<Option<String>, DataError> {
        let Some(file) = train_table(path) else { return Ok(None) };
        let mut rows = TableRows::open(&file)?;
        let n_columns = rows.header().len();
        let readable: Vec<usize> = (0..n_columns).filter(|&at| rows.can_read(at)).collect();
        rows.select(readable.iter().copied());
        let (mut n, mut n_words, mut seen) = (0, vec![0; n_columns], vec![BTreeSet::new(); n_columns]);
        while n < ROWS && rows.next()? {
            for &at in &readable {
                let text = rows.cell(at).map(Cell::text).unwrap_or_default();
                n_words[at] += text.split_whitespace().count();
                seen[at].insert(text.into_owned());
            }
            n += 1;
        }
        let is_text = |&at: &usize| n > 0 && n_words[at] >= WORDS * n && 10 * seen[at].len() >= 9 * n;
        let mut found = (0..n_columns).filter(is_text);
        Ok(found.next().filter(|_| found.next().is_none()).map(|at| rows.header()[at].clone()))
    }

    /// The class names of `classes.txt`, or those of the labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether the folder lists its classes.
    pub fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// The group of each row of a set, as [`TableFolder::groups`](crate::TableFolder::groups).
    ///
    /// # Errors
    /// As there.
    pub fn groups(&self, split: Split, column: &str) -> Result<Option<Vec<String>>, DataError> {
        self.tables.groups(split, column)
    }

    /// Whether there is a table to choose settings on, as [`TableFolder`](crate::TableFolder) has it.
    pub fn has_validation(&self) -> bool {
        self.tables.has(Split::Validation)
    }

    /// Reads one split. The labels are among `classes`, or else those of the folder. `bound` is the most memory that the texts and
    /// twelve bytes for each may take.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the place, [`DataError::UnknownColumn`], [`DataError::UnlistedClass`],
    /// [`DataError::NoExamples`], [`DataError::MemoryBound`].
    pub fn load(&self, split: Split, classes: Option<&[String]>, bound: u64) -> Result<Texts, DataError> {
        let file = self.tables.path(split);
        let classes = classes.unwrap_or(&self.classes);
        let places = Places::of(classes);
        let mut rows = self.tables.open(split)?;
        let known = |name: &str| {
            position(rows.header(), name).ok_or_else(|| DataError::unknown_column(&file, name, rows.header()))
        };
        let (text_at, label_at) = (known(&self.text)?, known(&self.label)?);
        rows.select([text_at, label_at]);
        let mut found = Texts::empty(classes.to_vec());
        while rows.next()? {
            let label = rows.cell(label_at).map(Cell::text).unwrap_or_default();
            let unlisted = || DataError::unlisted(&file, Some(&rows.place()), &label, classes);
            let number = places.find(&label).ok_or_else(unlisted)?;
            found.push(&rows.cell(text_at).map(Cell::text).unwrap_or_default(), number);
            found.check(&file, bound)?;
        }
        match found.is_empty() {
            true => Err(DataError::NoExamples { path: Some(file) }),
            false => Ok(found),
        }
    }
}

impl Texts {
    /// Reads those of one table, whose classes nobody knows or is to see: each has the first. `text` is their column.
    ///
    /// # Errors
    /// As [`TextFolder::load`].
    pub fn unlabelled(path: &Path, text: &str, classes: Vec<String>, bound: u64) -> Result<Self, DataError> {
        let mut rows = TableRows::open(path)?;
        let unknown = || DataError::unknown_column(path, text, rows.header());
        let at = position(rows.header(), text).ok_or_else(unknown)?;
        rows.select([at]);
        let mut found = Self::empty(classes);
        while rows.next()? {
            found.push(&rows.cell(at).map(Cell::text).unwrap_or_default(), 0);
            found.check(path, bound)?;
        }
        match found.is_empty() {
            true => Err(DataError::NoExamples { path: Some(path.to_owned()) }),
            false => Ok(found),
        }
    }

    pub(crate) fn empty(classes: Vec<String>) -> Self {
        Self { text: String::new(), ends: vec![], labels: vec![], classes }
    }

    pub(crate) fn push(&mut self, text: &str, label: u32) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.labels.push(label);
    }

    /// Refuses more memory than `bound`.
    pub(crate) fn check(&self, path: &Path, bound: u64) -> Result<(), DataError> {
        let needed = self.text.len() as u64 + 12 * self.labels.len() as u64;
        match needed > bound {
            true => Err(DataError::MemoryBound { path: Some(path.to_owned()), needed, bound }),
            false => Ok(()),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether it is empty; never for a table.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// A text, `None` out of range.
    pub fn text(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// Its class.
    pub fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied()
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, train: &str, test: &str) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("distill-texts-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("train.csv"), train).unwrap();
        std::fs::write(dir.join("test.csv"), test).unwrap();
        dir
    }

    #[test]
    fn texts_are_read_with_their_classes() {
        let dir = folder("read", "id,text,label\n1,hi there,b\n2,\"one, two\",a\n3,,b\n4,5,a\n", "label,text\na,hé\n");
        let found = TextFolder::find(&dir, "text", None, &Division::default()).unwrap().unwrap();
        assert_eq!(found.classes(), ["a", "b"]);
        let train = found.load(Split::Train, None, 1000).unwrap();
        let texts: Vec<_> = (0..5).map(|i| train.text(i)).collect();
        assert_eq!(texts, [Some("hi there"), Some("one, two"), Some(""), Some("5"), None]);
        assert_eq!((0..5).map(|i| train.label(i)).collect::<Vec<_>>(), [Some(1), Some(0), Some(1), Some(0), None]);
        let test = found.load(Split::Test, Some(train.classes()), 1000).unwrap();
        assert_eq!((test.len(), test.text(0)), (1, Some("hé")));
        // Whoever measures a model needs no table to train on.
        std::fs::remove_file(dir.join("train.csv")).unwrap();
        let alone = TextFolder::find(&dir, "text", None, &Division::default()).unwrap().unwrap();
        assert_eq!(alone.load(Split::Test, Some(train.classes()), 1000).unwrap(), test);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let dir = folder("refused", "text,label\nx,a\nlong text,a\n", "text,label\nx,c\n");
        let find = |text, label| TextFolder::find(&dir, text, label, &Division::default());
        assert!(matches!(find("words", None), Err(DataError::UnknownColumn { .. })));
        assert!(matches!(find("text", Some("class")), Err(DataError::UnknownColumn { .. })));
        let found = find("text", None).unwrap().unwrap();
        assert!(matches!(
            found.load(Split::Train, None, 30),
            Err(DataError::MemoryBound { needed: 34, bound: 30, .. })
        ));
        assert!(matches!(found.load(Split::Test, None, 1000), Err(DataError::UnlistedClass { .. })));
        std::fs::write(dir.join("test.csv"), "text,label\n").unwrap();
        assert!(matches!(found.load(Split::Test, None, 1000), Err(DataError::NoExamples { .. })));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
