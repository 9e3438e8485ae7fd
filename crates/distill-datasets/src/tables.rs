//! Where the rows of each set are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::answer_columns::Answer;
use crate::columns::{Cell, position};
use crate::table_rows::{is_table, table_file};
use crate::{DataError, Split, TableRows, grouped, select};

/// How the rows of one table are divided into sets. By default a column `split` says it for each row, if there is one with
/// names of sets alone, or else a fifth of each class is for the test.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Division {
    /// The column that says it: `train`, `validation` or `test`, or the same as `training`, `valid`, `val`, `dev`, `testing`.
    #[serde(rename = "split", skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The share of each class that tests, greater than 0 and less than 1, drawn at random, but always the same for a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<f64>,
    /// The column that says which rows belong together, such as those of one person: all of them test, or none. It is no input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl Division {
    /// The column that says the set of a row, where nobody names another.
    pub const COLUMN: &str = "split";

    /// The share of the rows that tests, where nothing says another.
    pub const SHARE: f64 = 0.2;
}

/// The tables of a data set.
#[derive(Debug, Clone)]
pub(crate) enum Tables {
    /// One for each set, in a folder.
    Folder(PathBuf),
    /// One of all, with the set of each row, and the column that says it.
    File { path: PathBuf, sets: Arc<[Split]>, column: Option<String> },
}

impl Tables {
    /// Looks for tables in a folder, or at a file that is one. `None` if there is none.
    pub(crate) fn find(path: &Path, answer: Answer<'_>, division: &Division) -> Result<Option<Self>, DataError> {
        if is_table(path) && path.is_file() {
            return Self::divide(path, answer, division).map(Some);
        }
        let is_there = ["train", "test"].iter().any(|name| table_file(path, name).is_some());
        Ok(is_there.then(|| Self::Folder(path.to_owned())))
    }

    fn divide(path: &Path, answer: Answer<'_>, division: &Division) -> Result<Self, DataError> {
        let mut rows = TableRows::open(path)?;
        let label = answer.position(path, rows.header())?;
        let column = match &division.column {
            Some(name) => {
                let unknown = || DataError::unknown_column(path, name, rows.header());
                Some(position(rows.header(), name).ok_or_else(unknown)?)
            }
            None if division.test.is_some() => None,
            None => position(rows.header(), Division::COLUMN),
        };
        let group = division.group.as_deref().map(|name| group_position(path, rows.header(), name)).transpose()?;
        // A table of numbers alone is read by its first column.
        rows.select(column.into_iter().chain(group).chain([label.unwrap_or(0)]));
        let (mut classes, mut labels, mut sets, mut groups) = (BTreeMap::new(), vec![], vec![], vec![]);
        while rows.next()? {
            if let Some(group) = group {
                groups.push(grouped::number(&rows.cell(group).map(Cell::name).unwrap_or_default()));
            }
            let class = label.and_then(|label| rows.cell(label)).map(Cell::name).unwrap_or_default();
            // The number of a class here is the order in which they come.
            let n = classes.len() as u32;
            labels.push(match classes.get(&*class) {
                Some(&number) => number,
                None => *classes.entry(class.into_owned()).or_insert(n),
            });
            if let Some(column) = column {
                let name = rows.cell(column).map(Cell::text).unwrap_or_default();
                match set_of(&name) {
                    Some(set) => sets.push(set),
                    None if division.column.is_none() => {}
                    None => {
                        return Err(rows.fault_here(&format!(
                            "column `{}` has `{name}`, which is none of `train`, `validation` and `test`",
                            rows.header()[column]
                        )));
                    }
                }
            }
        }
        if labels.is_empty() {
            return Err(DataError::NoExamples { path: Some(path.to_owned()) });
        }
        let is_named = column.is_some() && sets.len() == labels.len();
        let column = column.filter(|_| is_named).map(|column| rows.header()[column].clone());
        if !is_named {
            sets = vec![Split::Train; labels.len()];
            let groups = group.is_some().then_some(groups.as_slice());
            let drawn = select::test_rows(&labels, groups, division.test.unwrap_or(Division::SHARE));
            let few = || match &division.group {
                Some(name) => {
                    rows.fault(format!("has one group of rows in column `{name}`, and none to hold out for the test"))
                }
                None => {
                    rows.fault(format!("has too few rows, {}, to hold some of them out for the test", labels.len()))
                }
            };
            for row in drawn.ok_or_else(few)? {
                sets[row] = Split::Test;
            }
        }
        if let (Some(column), Some(set)) =
            (&column, [Split::Train, Split::Test].into_iter().find(|set| !sets.contains(set)))
        {
            return Err(rows.fault(format!("has no row whose column `{column}` is `{}`", names(set)[0])));
        }
        Ok(Self::File { path: path.to_owned(), sets: sets.into(), column })
    }

    /// The table of a set, or where it should be.
    pub(crate) fn path(&self, split: Split) -> PathBuf {
        match self {
            Self::Folder(dir) => {
                let found = names(split).iter().find_map(|name| table_file(dir, name));
                found.unwrap_or_else(|| dir.join(format!("{}.csv", names(split)[0])))
            }
            Self::File { path, .. } => path.clone(),
        }
    }

    /// The rows of a set.
    pub(crate) fn open(&self, split: Split) -> Result<TableRows, DataError> {
        let rows = TableRows::open(&self.path(split))?;
        Ok(match self {
            Self::Folder(_) => rows,
            Self::File { sets, .. } => rows.only(Arc::clone(sets), split),
        })
    }

    /// The group of each row of a set, by what stands in a column. `None` if a table of another set than that to train on lacks it.
    pub(crate) fn groups(&self, split: Split, name: &str) -> Result<Option<Vec<String>>, DataError> {
        let mut rows = self.open(split)?;
        if split != Split::Train && position(rows.header(), name).is_none() {
            return Ok(None);
        }
        let at = group_position(&self.path(split), rows.header(), name)?;
        rows.select([at]);
        let mut found = vec![];
        while rows.next()? {
            found.push(rows.cell(at).map(Cell::name).unwrap_or_default().into_owned());
        }
        Ok(Some(found))
    }

    pub(crate) fn has(&self, split: Split) -> bool {
        match self {
            Self::Folder(_) => self.path(split).is_file(),
            Self::File { sets, .. } => sets.contains(&split),
        }
    }

    /// The list of classes in a folder.
    pub(crate) fn class_list(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(dir) => Some(dir.join("classes.txt")).filter(|path| path.is_file()),
            Self::File { .. } => None,
        }
    }

    /// The column that says the set of a row, which is no input.
    pub(crate) fn column(&self) -> Option<&str> {
        match self {
            Self::Folder(_) => None,
            Self::File { column, .. } => column.as_deref(),
        }
    }
}

fn group_position(path: &Path, header: &[String], name: &str) -> Result<usize, DataError> {
    position(header, name).ok_or_else(|| DataError::unknown_column(path, name, header))
}

/// The names that the table of a set may have, without its extension.
fn names(split: Split) -> &'static [&'static str] {
    match split {
        Split::Train => &["train"],
        Split::Validation => &["validation", "val"],
        Split::Test => &["test"],
    }
}

/// The set that a word in a table means.
fn set_of(word: &str) -> Option<Split> {
    match word.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "validation" | "valid" | "val" | "dev" => Some(Split::Validation),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The sets of the rows of a file, by their first letters, and the column that says them.
    fn divided(text: &str, division: &Division) -> Result<(String, Option<String>), DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all.csv");
        fs::write(&path, text).unwrap();
        let Some(Tables::File { sets, column, .. }) = Tables::find(&path, Answer::Class(None), division)? else {
            panic!("no file")
        };
        let letter = |set: &Split| match set {
            Split::Train => 'r',
            Split::Validation => 'v',
            Split::Test => 't',
        };
        Ok((sets.iter().map(letter).collect(), column))
    }

    fn by(column: &str) -> Division {
        Division { column: Some(column.to_owned()), ..Division::default() }
    }

    #[test]
    fn a_column_says_the_set_of_each_row() {
        let text = "x,split,label\n1,train,a\n2,TEST,a\n3,val,b\n4,Training,b\n5,dev,a\n";
        let expected = ("rtvrv".to_owned(), Some("split".to_owned()));
        assert_eq!(divided(text, &Division::default()).unwrap(), expected);
        assert_eq!(divided(text, &by("split")).unwrap(), expected);
        let other = text.replace("split", "part");
        assert_eq!(divided(&other, &by("part")).unwrap(), ("rtvrv".to_owned(), Some("part".to_owned())));
    }

    #[test]
    fn a_share_of_each_class_is_held_out_else() {
        let rows: String = (0..50).map(|i| format!("{i},{},{}\n", i % 3, if i % 5 == 0 { "b" } else { "a" })).collect();
        let text = format!("x,split,label\n{rows}");
        // The column `split` has other words here, so it is an input.
        let (sets, column) = divided(&text, &Division::default()).unwrap();
        assert_eq!(column, None);
        let tests: Vec<usize> = sets.match_indices('t').map(|(i, _)| i).collect();
        assert_eq!((tests.len(), tests.iter().filter(|&&i| i % 5 == 0).count()), (10, 2), "{sets}");
        assert_eq!(divided(&text, &Division::default()).unwrap().0, sets);
        let half = Division { test: Some(0.5), ..Division::default() };
        assert_eq!(divided(&text, &half).unwrap().0.matches('t').count(), 25);
        // Whoever asks for a share gets it, whatever columns there are.
        let named = "x,split,label\n1,train,a\n2,test,a\n3,test,a\n4,test,a\n";
        assert_eq!(divided(named, &half).unwrap().0.matches('t').count(), 2);
    }

    #[test]
    fn rows_of_a_group_are_in_one_set() {
        let rows: String = (0..60).map(|i| format!("{i},p{},{}\n", i % 12, i % 2)).collect();
        let text = format!("x,person,label\n{rows}");
        let by_person = Division { group: Some("person".to_owned()), ..Division::default() };
        let (sets, _) = divided(&text, &by_person).unwrap();
        let sets: Vec<char> = sets.chars().collect();
        assert!((0..60).all(|i| sets[i] == sets[i % 12]), "{sets:?}");
        assert_eq!(sets.iter().filter(|&&set| set == 't').count(), 10);
        let error = divided("x,person,label\n1,a,0\n2,a,1\n", &by_person).unwrap_err().to_string();
        assert!(error.contains("has one group of rows in column `person`"), "{error}");
        assert!(divided("x,label\n1,a\n2,b\n", &by_person).unwrap_err().to_string().contains("`person`"));
    }

    #[test]
    fn what_cannot_be_divided_is_refused() {
        let message = |text: &str, division: &Division| {
            let error = divided(text, division).unwrap_err().to_string();
            error.split_once("all.csv").unwrap().1.to_owned()
        };
        assert_eq!(
            message("x,part,label\n1,train,a\n2,hold,a\n", &by("part")),
            " cannot be used: line 3: column `part` has `hold`, which is none of `train`, `validation` and `test`"
        );
        assert_eq!(
            message("x,split,label\n1,train,a\n", &Division::default()),
            " has no row whose column `split` is `test`"
        );
        assert_eq!(
            message("x,split,label\n1,test,a\n", &Division::default()),
            " has no row whose column `split` is `train`"
        );
        assert!(message("x,label\n1,a\n", &by("part")).contains("`part`"));
        assert!(matches!(divided("x,label\n", &Division::default()), Err(DataError::NoExamples { .. })));
        assert_eq!(
            message("x,label\n1,a\n", &Division::default()),
            " has too few rows, 1, to hold some of them out for the test"
        );
    }
}
