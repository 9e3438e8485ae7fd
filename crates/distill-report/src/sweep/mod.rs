//! The report of a sweep: data in, text out.

mod chart;
mod html;
mod keys;
mod markdown;
mod table;
mod words;

#[cfg(test)]
mod tests;

use std::path::Path;

use distill_chart::Chart;

use crate::Plot;
use distill_lab::run::{RESOLVED, RunStatus};
use distill_lab::sweep::Difference;
use distill_lab::sweep::Plan;
use distill_lab::sweep::ranking;
use distill_lab::sweep::settings_of_trained;
use distill_lab::sweep::{Definition, SweepStatus};
use distill_lab::sweep::{Record, Records};
use distill_lab::view::Places;
use distill_recipe::Diagnostic;
use distill_recipe::recipe_file::{self, RecipeFile};
use distill_recipe::recipe_text;
use distill_recipe::words::shell;

pub use html::html;
pub use markdown::markdown;

/// All that a report shows of a sweep.
pub struct SweepReport {
    /// The name of the recipe, and that it is a sweep.
    pub title: String,
    /// The directory of the sweep.
    path: String,
    definition: Definition,
    status: RunStatus,
    /// The keys that were tried.
    keys: Vec<String>,
    n_trials: usize,
    budgets: Vec<u32>,
    /// Every trial on every rung.
    records: Vec<Record>,
    /// The trials from best to worst.
    pub ranking: Vec<Record>,
    /// Of the other trials, to the best.
    pub differences: Vec<Difference>,
    /// The resolved recipe, as TOML.
    recipe: String,
    /// The best settings on the test set; nothing where all trials failed.
    pub next: Option<String>,
    /// The same for others.
    shared_next: Option<String>,
}

impl SweepReport {
    /// Reads the files of a sweep, which need not be complete.
    ///
    /// # Errors
    /// If a file of the sweep is missing or damaged.
    pub fn read(sweep: &Path) -> Result<Self, Diagnostic> {
        let status = SweepStatus::read(sweep)?;
        let (file, recipe) = recipe_file::load(&sweep.join(RESOLVED), &[])?;
        let definition = Definition { seeds: recipe.seeds.clone(), ..status.definition.clone() };
        let plan = Plan::new(&definition, &file, &recipe, true)?;
        let records = Records::read(sweep, &plan)?.0;
        Self::new(sweep, &status.process, &definition, (&plan, &file), &records)
    }

    /// The same from what is in memory, right after a sweep.
    ///
    /// # Errors
    /// If the resolved recipe in its directory cannot be read.
    pub fn new(
        sweep: &Path,
        status: &RunStatus,
        definition: &Definition,
        (plan, file): (&Plan, &RecipeFile),
        records: &[Record],
    ) -> Result<Self, Diagnostic> {
        let places = Places::of_the_user();
        let ranked = ranking(records, plan.metric);
        let next = match ranked.first().filter(|best| best.score().is_some()) {
            Some(best) => Some(next_command(sweep, status, definition, (plan, file), best)?),
            None => None,
        };
        let (_, recipe) = recipe_file::load(&sweep.join(RESOLVED), &[])?;
        let mut shared_status = status.clone();
        shared_status.command = places.hide(&status.command);
        Ok(Self {
            title: format!("{}, a sweep", recipe.name),
            path: places.hide_path(sweep),
            definition: Definition {
                recipe: places.hide(&definition.recipe),
                sets: definition.sets.iter().map(|set| places.hide(set)).collect(),
                ..definition.clone()
            },
            status: shared_status,
            keys: plan.keys(),
            n_trials: plan.trials.len(),
            budgets: plan.budgets.clone(),
            records: records.to_vec(),
            differences: Difference::all(&ranked, records),
            ranking: ranked.into_iter().cloned().collect(),
            recipe: places.hide(&recipe_text(&recipe)?),
            shared_next: next.as_ref().map(|next| places.hide(next)),
            next,
        })
    }

    /// The best trial, where one did not fail.
    pub fn best(&self) -> Option<&Record> {
        self.ranking.first().filter(|best| best.score().is_some())
    }

    /// Whether trials are ranked by R², and not by errors.
    fn predicts_numbers(&self) -> bool {
        self.records.iter().any(Record::predicts_numbers)
    }

    /// What trials are ranked by, as titles of charts begin.
    fn measure(&self) -> &'static str {
        if self.predicts_numbers() { "Validation R²" } else { "Validation errors" }
    }

    fn difference(&self, trial: usize) -> Option<&Difference> {
        self.differences.iter().find(|difference| difference.trial == trial)
    }

    /// All charts with the names of their files.
    pub fn plots(&self) -> Vec<Plot> {
        let keys = Chart::beside(&format!("{} by setting", self.measure()), &keys::charts(self));
        let charts = [("differences", chart::differences(self)), ("settings", keys)];
        charts.into_iter().filter_map(|(name, chart)| Some(Plot::new(name, chart?))).collect()
    }
}

/// The run with the best settings, and with the teachers that the sweep has trained for them.
fn next_command(
    sweep: &Path,
    status: &RunStatus,
    definition: &Definition,
    (plan, file): (&Plan, &RecipeFile),
    best: &Record,
) -> Result<String, Diagnostic> {
    let (_, recipe) = plan.recipe(file, best.trial)?;
    let trained = settings_of_trained(sweep, &recipe, &status.data_sha256)?;
    let mut settings = [&definition.settings[..], &best.settings].concat();
    // Those of `--seeds`, which are no setting of the recipe.
    let load = |settings: &[String]| recipe_file::load(Path::new(&definition.recipe), settings);
    if load(&settings).is_ok_and(|(_, typed)| typed.seeds != recipe.seeds) {
        settings.push(format!("seeds={:?}", recipe.seeds));
    }
    let taught = [&settings[..], &trained].concat();
    // A table of settings may leave no place for more of it.
    let is_possible = load(&taught).is_ok();
    let settings = if is_possible { taught } else { settings };
    let words = [&["distill", "run", &definition.recipe].map(str::to_owned)[..], &settings].concat();
    Ok(shell(words.iter().map(String::as_str)))
}
