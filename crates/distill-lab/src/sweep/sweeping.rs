use std::time::Instant;

use distill_train::{Evaluation, Experiment, NumberEvaluation, Recipe, Role, Sets, TrainError, measure};

use super::teachers::Teachers;
use super::training::{NoResult, Training, forget_all};
use crate::event::{Event, Listener};
use crate::folder::{Identity, RunDir};
use crate::signals::Signals;
use crate::stop::Stop;
use crate::student_file;
use crate::trials::Plan;
use crate::trials::n_survivors;
use crate::trials::ranking;
use crate::trials::{Record, Records, SeedResult};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::RecipeFile;
use distill_recipe::locate;

/// A sweep in progress: what is found is written down after every trial.
pub(crate) struct Sweep<'a> {
    pub(crate) plan: &'a Plan,
    /// The recipe that all trials have in common.
    pub(crate) file: &'a RecipeFile,
    /// Training and test set. No trial is evaluated on the second.
    pub(crate) sets: Sets,
    pub(crate) dir: &'a RunDir,
    pub(crate) listener: &'a dyn Listener,
    pub(crate) signals: &'a Signals,
    pub(crate) teachers: Teachers<'a>,
    pub(crate) records: Records<'a>,
}

impl Sweep<'_> {
    /// Does all trials that are not done yet. A signal ends it in good order.
    pub(crate) fn run(&mut self) -> Result<(), Stop> {
        let mut left: Vec<usize> = (1..=self.plan.trials.len()).collect();
        for (rung, &epochs) in (1..).zip(&self.plan.budgets) {
            for &trial in &left {
                if self.records.find(trial, rung).is_some() {
                    continue;
                }
                let record = self.trial(trial, rung, epochs)?;
                self.records.add(record.clone())?;
                forget_all(self.dir);
                self.listener.hear(&Event::TrialEnd { record: &record, plan: self.plan })?;
            }
            left = self.survivors(rung, left.len());
        }
        Ok(())
    }

    /// The best trials of a rung, in the order of their numbers.
    fn survivors(&self, rung: usize, n: usize) -> Vec<usize> {
        let Some(eta) = self.plan.eta else { return vec![] };
        let on_rung: Vec<Record> = self.records.all().iter().filter(|record| record.rung == rung).cloned().collect();
        let best = ranking(&on_rung, self.plan.metric).into_iter().filter(|record| record.score().is_some());
        let mut trials: Vec<usize> = best.take(n_survivors(n, eta)).map(|record| record.trial).collect();
        trials.sort_unstable();
        trials
    }

    /// Trains and measures the students of one trial, one for each seed.
    fn trial(&mut self, trial: usize, rung: usize, epochs: u32) -> Result<Record, Stop> {
        let (file, mut recipe) = self.plan.recipe(self.file, trial)?;
        if self.plan.eta.is_some() {
            recipe.train.epochs = epochs;
        }
        let mut record = Record {
            trial,
            rung,
            epochs: recipe.train.epochs,
            settings: self.plan.trials[trial - 1].clone(),
            seeds: vec![],
            validation_examples: self.sets.validation.as_ref().map_or(recipe.data.validation, |set| set.len()),
            seconds: 0.0,
            error: None,
        };
        match self.students(&file, &recipe, &mut record) {
            Ok(()) => Ok(record),
            Err(NoResult::Failed(why)) => Ok(Record { seeds: vec![], error: Some(why), ..record }),
            Err(NoResult::Stop(stop)) => Err(stop),
        }
    }

    fn students(&mut self, file: &RecipeFile, recipe: &Recipe, record: &mut Record) -> Result<(), NoResult> {
        let mut experiment = Experiment::new(recipe, self.sets.clone()).map_err(|error| locate(file, recipe, error))?;
        let student_sha256 = student_file::begin(file, recipe, &mut experiment, &[Role::Student])?;
        let settled = recipe.settled(&*experiment.all().train);
        let identity = Identity { student_sha256, ..Identity::new(&settled, self.teachers.data_sha256().to_owned())? };
        let Some(validation) = experiment.validation_set() else {
            return Err(Diagnostic::new(Code::Bug, "a trial has lost its validation set").into());
        };
        for &seed in &recipe.seeds {
            let (teacher_signal, teacher_sha256) = self.teachers.teacher_signal(&experiment, file, seed)?;
            let training = Training {
                dir: self.dir,
                listener: self.listener,
                signals: self.signals,
                experiment: &experiment,
                file,
                role: Role::Student,
                seed,
                context: identity.context(Role::Student, seed, Some(teacher_sha256)),
                label: format!("{}, seed {seed}", self.plan.label(record)),
            };
            let start = Instant::now();
            let trained = training.run(Some(teacher_signal));
            record.seconds += start.elapsed().as_secs_f64();
            let trained = trained?;
            let of = |error: TrainError| NoResult::of(error, file, recipe);
            let found = measure(&trained.model, validation).map_err(|error| of(error.of_set("validation")))?;
            let (errors, nll) = found.rank();
            let places_of_wrong = |found: &Evaluation| {
                found.right().iter().enumerate().filter(|(_, right)| !**right).map(|(at, _)| at).collect()
            };
            record.seeds.push(SeedResult {
                seed,
                errors,
                nll,
                wrong: found.classes().map(places_of_wrong),
                r2: found.numbers().map(NumberEvaluation::r2),
            });
        }
        Ok(())
    }
}
