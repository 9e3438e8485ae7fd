//! What studies of trees as teachers have in common.

use std::sync::Arc;

use distill_lab::jobs::{Facts, Setup, Stop, Teachers};
use distill_models::Model;
use distill_recipe::words::size;

use crate::goal::Goal;
use crate::plan::{Study, for_each_seed};
use crate::rows::given;
use crate::section::Section;

/// Folds of the trees that have each not seen one.
const FOLDS: u32 = 5;

/// How far a student may be below its teacher, in points of accuracy.
const NEAR: f64 = 0.3;

/// Which part of its teacher's size the student may have.
const SMALL: f64 = 0.1;

/// How the settings of the students came about.
pub(super) const CHOSEN: &str = "Settings were chosen on validation rows, for the student on labels alone, for distilled ones and \
                                 for those with MUNGE by themselves.";

/// One way to teach, with what it gave seed by seed.
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) found: Vec<Facts>,
}

/// A teacher and its students.
pub(super) struct Taught {
    pub(super) model: Arc<dyn Model>,
    /// Of its file.
    pub(super) bytes: u64,
    pub(super) seeds: Vec<u64>,
    /// On labels alone first.
    pub(super) ways: Vec<Way>,
}

/// Trains the students of a study with the recipes `alone`, `distilled` and `munge`: on labels, by trees that have seen all rows, and
/// by trees that have each not seen a fold.
pub(super) fn taught(study: &mut Study<'_>) -> Result<Taught, Stop> {
    let setups = ["alone", "distilled", "munge"].map(|name| study.setup(name));
    let [alone, plain, munge] = setups;
    let (alone, plain, munge) = (alone?, plain?, munge?);
    let files = (1..=FOLDS).map(|fold| format!("'{}'", fold_file(&plain, fold))).collect::<Vec<_>>().join(", ");
    let folds = [format!("teacher.weights=[{files}]"), format!("teacher.folds={FOLDS}")];
    let (plain_folds, munge_folds) = (plain.with(&folds)?, munge.with(&folds)?);
    let file = ["trees", "teacher.onnx"];
    let (teacher, together) = (given(study, &plain, file)?, given(study, &plain_folds, file)?);
    let ways = train(
        study,
        &[
            ("labels alone", &alone, None),
            ("distilled", &plain, Some(&teacher)),
            ("distilled out of fold", &plain_folds, Some(&together)),
            ("distilled with MUNGE", &munge, Some(&teacher)),
            ("distilled with MUNGE, out of fold", &munge_folds, Some(&together)),
        ],
    )?;
    let model = study.lab.ensemble(&teacher, 1.0)?;
    Ok(Taught { model, bytes: bytes_of(&plain), seeds: plain.recipe.seeds.clone(), ways })
}

/// The accuracy in percent that a student of this teacher is to reach.
pub(super) fn near(teacher: f64) -> f64 {
    ((teacher - NEAR) * 100.0).round() / 100.0
}

/// Trains each way for every seed: on labels alone where there is no teacher.
pub(super) fn train(
    study: &mut Study<'_>,
    ways: &[(&'static str, &Arc<Setup>, Option<&Teachers>)],
) -> Result<Vec<Way>, Stop> {
    let mut trained = vec![];
    for &(name, setup, teachers) in ways {
        let jobs = match teachers {
            None => for_each_seed(setup, Setup::alone),
            Some(teachers) => for_each_seed(setup, |setup, seed| setup.distilled_from(seed, teachers.clone())),
        };
        trained.push(Way { name, found: study.lab.train(&jobs)? });
    }
    Ok(trained)
}

/// The architecture of a student, and its parameters.
pub(super) fn student(way: &Way) -> (String, u64) {
    way.found.first().map_or_else(Default::default, |facts| (facts.architecture.clone(), facts.parameters as u64))
}

/// The models of each way, under its name.
pub(super) fn lists(ways: &[Way]) -> Vec<(&str, &[Facts])> {
    ways.iter().map(|way| (way.name, way.found.as_slice())).collect()
}

/// The size of the student beside that of its teacher, of which this is the file.
pub(super) fn compare_sizes(section: &mut Section, parameters: u64, bytes: u64) {
    let share = (4 * parameters) as f64 / bytes.max(1) as f64;
    section.compare(
        "the student's weights, as a part of the teacher's file",
        "",
        format!("{:.3} ({} of {})", share, size(4 * parameters), size(bytes)),
        Goal::at_most(SMALL, "", &[share; 2]),
    );
}

/// The file of the trees that have not seen a fold, beside that of those that have seen all rows.
fn fold_file(setup: &Setup, fold: u32) -> String {
    let first = setup.recipe.teacher.files().first().map(|&file| file.to_owned()).unwrap_or_default();
    std::path::Path::new(&first).with_file_name(format!("fold-{fold}.onnx")).display().to_string()
}

/// Of the files of a recipe's teachers.
pub(super) fn bytes_of(setup: &Setup) -> u64 {
    let bytes = |file: &&str| std::fs::metadata(file).map_or(0, |found| found.len());
    setup.recipe.teacher.files().iter().map(bytes).sum()
}
