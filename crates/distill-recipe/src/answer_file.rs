//! Tables of a teacher's answers, which another program computed, as models.

use std::io;
use std::path::Path;
use std::sync::Arc;

use distill_datasets::{ArrayPlace, DataError, Dataset, NumberTable, TextAnswers, is_table, table_file};
use distill_models::ModelError;
use distill_text::TextRows;
use distill_train::{Experiment, LogitTable, OnnxConfig, TeacherOutputs, TrainError};
use ndarray::Array2;

use crate::code::Code;
use crate::data_source::texts_encoder;
use crate::diagnostic::Diagnostic;
use crate::foreign_model;
use crate::loaded_teacher::{LoadedTeacher, TeacherFormat};
use crate::memory;
use crate::words::counted;

/// A set of the data, and how its table is called.
type Part<'a> = (&'static str, &'a dyn Dataset);

/// Tables of answers as teachers.
#[derive(Debug)]
pub(crate) struct AnswerTables;

impl TeacherFormat for AnswerTables {
    /// A folder with `train.npy`, `train.csv` or the like, an `.npz` file, or a table with a column of texts.
    fn recognises(&self, path: &Path) -> bool {
        if is_one_table(path) {
            return true;
        }
        match ArrayPlace::new(path) {
            ArrayPlace::Npz(_) => true,
            ArrayPlace::Folder(dir) => dir.join("train.npy").is_file() || table_file(&dir, "train").is_some(),
        }
    }

    fn open(&self, path: &Path, _: &OnnxConfig) -> Result<LoadedTeacher, Diagnostic> {
        if is_one_table(path) {
            return Err(foreign_model::table(path));
        }
        Err(Diagnostic::new(Code::ModelFile, "a table of answers can only teach")
            .at(path.display())
            .note("it has no answers for other inputs")
            .help("name it in `teacher.weights` of a recipe"))
    }

    fn open_for(&self, path: &Path, experiment: &Experiment<'_>) -> Result<LoadedTeacher, Diagnostic> {
        load(path, experiment)
    }

    fn is_table(&self) -> bool {
        true
    }

    fn help_with_order(&self, names: Option<&str>) -> String {
        let list = names.map_or(String::new(), |names| format!(": {names}"));
        format!(
            "name the columns in their order, one name a line, in `classes.txt` beside the table, or in its header{list}"
        )
    }
}

/// Reads the answers to all examples of the data of an experiment.
///
/// # Errors
/// If students see other inputs than the table was made from, which mixtures and shifts do; if the table cannot be read, or
/// does not have one row for each example.
fn load(path: &Path, experiment: &Experiment<'_>) -> Result<LoadedTeacher, Diagnostic> {
    let recipe = experiment.recipe();
    let changed = [
        (
            recipe.train.augment.changes_inputs(),
            "augmented",
            "set `train.augment.shift = 0`, and leave out what else is in `train.augment`",
        ),
        (recipe.data.mixtures > 0, "mixed", "leave `data.mixtures` out"),
        (!recipe.data.munge.is_off(), "made of each other", "leave `data.munge` out"),
    ];
    if let Some((_, how, help)) = changed.into_iter().find(|(is_set, ..)| *is_set) {
        return Err(Diagnostic::new(
            Code::Value,
            format!("the teacher is a table, and the students' inputs are {how}"),
        )
        .at(path.display())
        .note("a table has no answers to augmented inputs, and the teacher must see what the student sees")
        .help(format!("{help}, or name the teacher itself in `teacher.weights`")));
    }
    if is_one_table(path) {
        // Where inputs are no texts, nothing says which of its rows is the answer to an example.
        let column = recipe.data.text_column().ok_or_else(|| foreign_model::table(path))?;
        return by_text(path, column, experiment);
    }
    let spec = experiment.all().train.spec();
    let place = ArrayPlace::new(path);
    let parts = parts(experiment);
    let (mut answers, mut named) = (vec![], place.classes()?);
    for (name, set) in parts {
        // Numbers to predict are no probabilities, whatever they add up to.
        let probabilities = if spec.numbers.is_some() { Some(false) } else { recipe.teacher.probabilities };
        let (at, answered) = if let Some(file) = table_file(path, name) {
            let NumberTable { columns, values } = NumberTable::read(&file, memory::share())?;
            // All columns of numbers that are called like numbers say no more than their place.
            // Nor does what a single column of numbers to predict is called.
            let is_only = spec.numbers.is_some() && columns.len() == 1;
            if named.is_none() && !is_only && columns.iter().any(|column| column.parse::<f64>().is_err()) {
                named = Some(columns);
            }
            let answered = TeacherOutputs::of_all(values, probabilities);
            (file, answered)
        } else {
            let classes = named.as_deref().unwrap_or(&spec.classes);
            (place.path(name), arrays(&place, name, classes.len(), probabilities)?)
        };
        let table = answered.map_err(|error| refused(error).at(at.display()))?;
        if table.shape()[0] != set.len() {
            let what = format!("the table has {} rows, the {name} set has {} examples", table.shape()[0], set.len());
            return Err(Diagnostic::new(Code::SoftTargets, what)
                .at(at.display())
                .note("row i is the answer to example i of the whole set, before anything is selected")
                .help("ask the teacher again, for every example in the order of the data"));
        }
        answers.push((set, table));
    }
    let classes = named.unwrap_or_else(|| spec.classes.clone());
    if let Some((_, table)) = answers.iter().find(|(_, table)| table.shape()[1] != classes.len()) {
        let outputs = if spec.numbers.is_some() { "numbers to predict" } else { "classes" };
        let what = format!("the table has {} columns for {} {outputs}", table.shape()[1], classes.len());
        return Err(Diagnostic::new(Code::ClassCount, what)
            .at(path.display())
            .help("write one column for each; if they are not those of the data, name them in `classes.txt`"));
    }
    let table = LogitTable::new(spec, classes, answers, recipe.teacher.min_probability_f32())
        .map_err(|error| refused(error).at(path.display()))?;
    Ok(taught(table, spec.numbers.is_none()))
}

/// Whether it is one file with the answers to all sets.
fn is_one_table(path: &Path) -> bool {
    is_table(path) && path.is_file()
}

fn parts<'a>(experiment: &'a Experiment<'_>) -> Vec<Part<'a>> {
    let all = experiment.all();
    let mut parts: Vec<Part<'_>> = vec![("train", &*all.train), ("test", &*all.test)];
    parts.extend(all.validation.as_deref().map(|set| ("validation", set)));
    parts.extend(all.unlabelled.as_deref().map(|set| ("unlabelled", set)));
    parts
}

/// Reads answers that stand beside their texts, in any order.
fn by_text(path: &Path, column: &str, experiment: &Experiment<'_>) -> Result<LoadedTeacher, Diagnostic> {
    let (recipe, spec) = (experiment.recipe(), experiment.all().train.spec());
    if recipe.teacher.probabilities == Some(false) {
        return Err(Diagnostic::new(Code::Value, "answers beside their texts are probabilities, not logits")
            .at("teacher.probabilities")
            .help("leave it out"));
    }
    let answers = TextAnswers::read(path, column, &spec.classes, memory::share());
    let TextAnswers { texts, probabilities } = answers.map_err(|error| Diagnostic::from(error).at(path.display()))?;
    let texts = TextRows::new(texts, texts_encoder(&recipe.data)?);
    let answered = TeacherOutputs::of_all(probabilities, None).map_err(|error| refused(error).at(path.display()))?;
    let table = LogitTable::new(
        texts.spec(),
        spec.classes.clone(),
        vec![(&texts, answered)],
        recipe.teacher.min_probability_f32(),
    )
    .map_err(|error| refused(error).at(path.display()))?;
    for (name, set) in parts(experiment) {
        if let Some((n, first)) = table.unanswered(set)? {
            let of = counted(set.len(), "text");
            return Err(Diagnostic::new(
                Code::SoftTargets,
                format!("the teacher has not answered {n} of {of} of the {name} set"),
            )
            .at(path.display())
            .note(format!("the first is text {first}, counted from 0"))
            .note("texts are compared after they are cut off, and without spaces around them")
            .help("ask the teacher about these texts too, and add its answers to the file"));
        }
    }
    Ok(taught(table, spec.numbers.is_none()))
}

/// A table as a teacher.
fn taught(table: LogitTable, are_classes: bool) -> LoadedTeacher {
    let answers = are_classes.then(|| table.kind().clone());
    let (n_bytes, sha256) = (table.n_bytes(), table.sha256().to_owned());
    LoadedTeacher { answers, ..LoadedTeacher::new(&AnswerTables, Arc::new(table), n_bytes, sha256) }
}

/// The answers to a set: all of them, or the largest with the numbers of their classes.
fn arrays(
    place: &ArrayPlace,
    name: &str,
    n_classes: usize,
    probabilities: Option<bool>,
) -> Result<Result<TeacherOutputs, TrainError>, Diagnostic> {
    let path = place.path(name);
    let missing = |error| {
        match error {
        DataError::Io { path, source } if source.kind() == io::ErrorKind::NotFound => {
            Diagnostic::new(Code::ModelFile, "the table of answers lacks a part")
                .at(path.display())
                .note("the report compares students with their teacher on the test set, so it must be answered too")
                .help("write the teacher's logits for every example: `train.npy` and `test.npy`, or `train` and `test` in an npz file")
        }
        other => other.into(),
    }
    };
    let array = place.expect(name).map_err(missing)?;
    let sides = array.shape.clone();
    let (rows, columns) = match sides[..] {
        [rows, columns] => (rows, columns),
        // A list of numbers is a column of them.
        [rows] if n_classes == 1 => (rows, 1),
        _ => {
            return Err(Diagnostic::new(Code::ModelFile, format!("the table of answers has the shape {sides:?}"))
                .at(path.display())
                .help("write one row for each example and one column for each class, or number to predict"));
        }
    };
    let unreadable = |source| Diagnostic::from(DataError::Io { path: path.clone(), source });
    let values = array.into_f32().map_err(unreadable)?;
    let values = Array2::from_shape_vec((rows, columns), values)
        .map_err(|error| Diagnostic::new(Code::Bug, error.to_string()))?;
    let Some(classes) = place.open(&format!("{name}_classes"))? else {
        return Ok(TeacherOutputs::of_all(values, probabilities));
    };
    let path = place.path(&format!("{name}_classes"));
    let damaged = || {
        Diagnostic::new(
            Code::ModelFile,
            "the classes of the largest answers are not whole numbers from 0 on, one row for each example",
        )
        .at(path.display())
        .help("write the numbers of the classes as they are in `numpy.argsort`, of a type such as int64")
    };
    let (shape, is_whole) = (classes.shape.clone(), classes.kind.is_whole());
    let [n, k] = shape[..] else { return Err(damaged()) };
    if !is_whole {
        return Err(damaged());
    }
    let classes =
        classes.into_labels().map_err(|source| Diagnostic::from(DataError::Io { path: path.clone(), source }))?;
    let classes: Option<Vec<u32>> = classes.into_iter().collect();
    let classes = Array2::from_shape_vec((n, k), classes.ok_or_else(damaged)?).map_err(|_| damaged())?;
    Ok(TeacherOutputs::of_largest(classes.view(), values.view(), n_classes, probabilities))
}

/// Answers that cannot be used.
fn refused(error: TrainError) -> Diagnostic {
    let is_unclear = matches!(&error, TrainError::Model(ModelError::UnclearAnswers { .. }));
    let diagnostic = Diagnostic::from(error);
    if !is_unclear {
        return diagnostic;
    }
    diagnostic
        .note("sigmoids are numbers from 0 to 1 that do not add up to 1, and rounding to some decimals changes a sum by little")
        .better_help(
            "set `teacher.probabilities = true` to take all rows as probabilities and to scale them so that they add up to 1, \
             or `false` if they are logits",
        )
}
