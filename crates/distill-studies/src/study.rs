use std::path::{Path, PathBuf};
use std::time::Instant;

use distill_lab::Lab;
use distill_lab::event::{Event, Listener};
use distill_lab::jobs::{Data, Stop, Store, Trainer};
use distill_lab::run::{Kind, RunDir, Signal, processor};
use distill_recipe::recipe_file::nearest;
use distill_recipe::{Code, Diagnostic};

use crate::folder::Folder;
use crate::plan::Plan;
use crate::plan::{Row, Study, setup};
use crate::section::Section;

/// What is done with a row that is finished, before the next one begins.
pub type Show<'a> = dyn Fn(&Section) -> Result<(), Diagnostic> + 'a;

/// How a study ended.
#[derive(Debug)]
pub struct StudyEnd {
    /// Its directory.
    pub dir: PathBuf,
    /// What ended it before all rows were done.
    pub signal: Option<Signal>,
}

impl Plan {
    /// The rows of these names, all where none is named.
    ///
    /// # Errors
    /// For a name that no row has, with the one that was probably meant.
    pub fn rows_named(&'static self, names: &[String]) -> Result<Vec<&'static Row>, Diagnostic> {
        chosen(self, names)
    }

    /// Does the rows, with settings over all recipes. Each row is written into the directory of the study, and into `write`,
    /// with the page that has all rows that were ever done.
    ///
    /// # Errors
    /// If recipes or data cannot be used, before anything is trained; then whatever ends the training. What is finished by
    /// then is kept.
    pub fn reproduce(
        &'static self,
        lab: &Lab<'_>,
        rows: &[&'static Row],
        overrides: &[String],
        write: Option<&Path>,
        show: &Show<'_>,
    ) -> Result<StudyEnd, Diagnostic> {
        // All recipes are read before hours are spent on the first.
        let setups = self.recipes.iter().map(|(recipe, _)| setup(self, recipe, overrides));
        let setups = setups.collect::<Result<Vec<_>, _>>()?;
        let Some(base) = setups.first() else {
            return Err(Diagnostic::new(Code::Bug, "a study has no recipe"));
        };
        if base.recipe.student.weights.is_some() {
            let what = "the students of a study begin with random weights, so `student.weights` cannot be set";
            return Err(base
                .file
                .locate(Diagnostic::new(Code::Value, what), "student.weights")
                .note("rows compare students that have not been taught before")
                .help(
                    "leave it out, or run a recipe of the study by itself: `distill run RECIPE student.weights=FILE`",
                ));
        }
        if base.recipe.teacher.folds > 0 {
            let what = "the rows of a study train their own teachers, so `teacher.folds` cannot be set";
            return Err(base
                .file
                .locate(Diagnostic::new(Code::Value, what), "teacher.folds")
                .help("leave it out, or run a recipe of the study by itself: `distill run RECIPE teacher.folds=5`"));
        }
        let data = Data::read(base)?;
        let dir = RunDir::study(lab.runs_dir(), self.name)?;
        // What people wrote must be there when hours are over.
        for folder in [Some(dir.path()), write].into_iter().flatten() {
            Folder { plan: self, folder }.kept()?;
        }
        let about = format!("study = \"{}\"\nversion = \"{}\"\n", self.name, env!("CARGO_PKG_VERSION"));
        dir.write(Kind::Study.status_file(), about.as_bytes())?;
        let listener = lab.listener();
        listener.tell(&Event::Opened { log: &dir.path().join("study.log") });
        let signals = lab.signals()?;
        listener.note(&format!("study  {}", dir.path().display()));
        let trainer = Trainer::new(self.name, Store::new(&dir), listener, &signals, data);
        let mut study = Study { plan: self, lab: trainer, overrides };
        for row in rows {
            let done = run_row(&mut study, row, &dir, write, listener).and_then(|section| Ok(show(&section)?));
            if let Err(stop) = done {
                let kept = || format!("finished models are in {} and stay", dir.path().display());
                let signal = stop.signal().map_err(|diagnostic| diagnostic.note(kept()))?;
                return Ok(StudyEnd { dir: dir.path().to_owned(), signal: Some(signal) });
            }
        }
        Ok(StudyEnd { dir: dir.path().to_owned(), signal: None })
    }
}

/// Runs one row, and writes it and the pages with all rows that were ever run.
fn run_row(
    study: &mut Study<'_>,
    row: &Row,
    dir: &RunDir,
    write: Option<&Path>,
    listener: &dyn Listener,
) -> Result<Section, Stop> {
    let _span = tracing::info_span!("row", row = row.name).entered();
    let began = Instant::now();
    listener.note(&format!("\n{}: {}", row.name, row.about));
    study.lab.take_spent();
    study.lab.take_trainings();
    let mut section = (row.run)(study)?;
    section.core_seconds = study.lab.take_spent();
    section.threads = rayon::current_num_threads();
    section.machine = format!("{}, {} threads, distill {}", processor(), section.threads, env!("CARGO_PKG_VERSION"));
    section.settings = study.overrides.to_vec();
    section.trainings = study.lab.take_trainings();
    section.measure()?;
    let own = Folder { plan: study.plan, folder: dir.path() };
    own.keep(&section)?;
    own.write()?;
    if let Some(folder) = write {
        let page = Folder { plan: study.plan, folder };
        for section in own.sections()? {
            page.keep(&section)?;
        }
        page.write()?;
    }
    listener.note(&format!(
        "  done in {:.1} s, see {}.md",
        began.elapsed().as_secs_f64(),
        dir.path().join(study.plan.page).display()
    ));
    Ok(section)
}

fn chosen(plan: &'static Plan, names: &[String]) -> Result<Vec<&'static Row>, Diagnostic> {
    if names.is_empty() {
        return Ok(plan.rows.iter().collect());
    }
    let find = |name: &String| {
        plan.rows.iter().find(|row| row.name == name).ok_or_else(|| {
            let all = || plan.rows.iter().map(|row| row.name);
            let list = format!("rows: {}", all().collect::<Vec<_>>().join(", "));
            let help = match nearest(name, all()) {
                Some(meant) => format!("did you mean `{meant}`? {list}"),
                None => list,
            };
            Diagnostic::new(Code::Value, format!("the study has no row `{name}`"))
                .at(format!("command line: {name}"))
                .note("settings have a `=`, rows have none")
                .help(help)
        })
    };
    names.iter().map(find).collect()
}
