use std::sync::Arc;

use distill_lab::jobs::{Job, Setup, Stop, Teachers, Trainer};
use distill_recipe::Diagnostic;

use crate::beside::Beside;
use crate::section::Section;

/// What a study is: its rows and their recipes.
#[derive(Debug)]
pub struct Plan {
    /// Names the directory of the study.
    pub name: &'static str,
    /// The page of results, without its ending; charts are in a folder of that name.
    pub page: &'static str,
    /// In a line, for a list of studies.
    pub summary: &'static str,
    /// The heading of the page.
    pub title: &'static str,
    /// What the numbers of the page are of.
    pub about: &'static str,
    /// What its numbers stand beside.
    pub beside: Beside,
    /// In the order of the page.
    pub rows: &'static [Row],
    /// The recipes of the rows, which also run by themselves. They name one teacher and one set of data; the first is `teacher`.
    pub recipes: &'static [(&'static str, &'static str)],
}

/// A part of a study that is run and shown by itself.
#[derive(Debug)]
pub struct Row {
    /// By which it is asked for, such as `temperature`.
    pub name: &'static str,
    /// What it finds out, in a line.
    pub about: &'static str,
    /// Trains its models, those that are not there yet, and writes down what they show.
    pub run: fn(&mut Study<'_>) -> Result<Section, Stop>,
}

/// A study in progress.
pub struct Study<'a> {
    pub(crate) plan: &'static Plan,
    pub(crate) lab: Trainer<'a>,
    pub(crate) overrides: &'a [String],
}

impl Study<'_> {
    /// A recipe of the study with what was set on the command line.
    pub(crate) fn setup(&self, name: &str) -> Result<Arc<Setup>, Diagnostic> {
        setup(self.plan, name, self.overrides)
    }

    /// Whether the study has a recipe.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.plan.recipes.iter().any(|(recipe, _)| *recipe == name)
    }

    /// All teachers of the study, each from another seed, as one.
    pub(crate) fn teachers(&self, average: distill_models::Average) -> Result<Teachers, Diagnostic> {
        let setup = self.setup("teacher")?;
        Ok(Teachers::several(for_each_seed(&setup, Setup::teacher), average))
    }
}

/// One of the recipes of a study with settings over it.
///
/// # Errors
/// Those of [`distill_recipe::recipe_file::from_bytes`]. A study without a recipe of this name has an empty one, which lacks
/// its keys.
pub fn setup(plan: &Plan, name: &str, overrides: &[String]) -> Result<Arc<Setup>, Diagnostic> {
    let text = plan.recipes.iter().find(|(recipe, _)| *recipe == name).map_or("", |(_, text)| text);
    Setup::new(&format!("recipes/{}/{name}.toml", plan.name), text, overrides)
}

/// One job for each seed of a recipe.
pub(crate) fn for_each_seed(setup: &Arc<Setup>, job: impl Fn(&Arc<Setup>, u64) -> Job) -> Vec<Job> {
    setup.recipe.seeds.iter().map(|&seed| job(setup, seed)).collect()
}
