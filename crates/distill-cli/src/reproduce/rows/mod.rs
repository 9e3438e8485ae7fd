//! The rows of the studies: what each trains, and what it says of that.

mod bias;
mod ensemble;
mod fractions;
mod frontier;
mod logit_matching;
mod missing_classes;
mod student;
mod teacher;
mod temperature;

use std::sync::Arc;

use super::job::{Job, Setup, Teachers};
use super::lab::Lab;
use super::section::Section;
use super::watch::Stop;
use crate::diagnostic::Diagnostic;

/// A part of a study that is run and shown by itself.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&mut Study<'_>) -> Result<Section, Stop>,
}

/// Hinton, Vinyals, Dean, 2015, section 3 and what belongs to it, in the order of the page.
pub(crate) const HINTON_2015: &[Row] = &[
    Row { name: "teacher", about: "784-1200-1200-10 with dropout, max norm and jitter", run: teacher::run },
    Row {
        name: "distilled",
        about: "784-800-800-10 on labels alone, and distilled at T = 20",
        run: student::distilled,
    },
    Row { name: "best", about: "the same student, from ten teachers on jittered images", run: student::best },
    Row { name: "temperature", about: "ten temperatures, four widths", run: temperature::run },
    Row { name: "no-threes", about: "no 3 in the transfer set", run: missing_classes::no_threes },
    Row {
        name: "sevens-and-eights",
        about: "only 7s and 8s in the transfer set",
        run: missing_classes::sevens_and_eights,
    },
    Row { name: "logit-matching", about: "the limit of high temperatures", run: logit_matching::run },
    Row { name: "fractions", about: "3 %, 10 % and 100 % of the data, hard and soft targets", run: fractions::run },
    Row { name: "ensemble", about: "ten teachers as one, and distilled into one network", run: ensemble::run },
    Row { name: "frontier", about: "errors over the size of the student", run: frontier::run },
];

/// The recipes of the rows, which also run by themselves.
pub(crate) const RECIPES: &[(&str, &str)] = &[
    ("teacher", include_str!("../../../../../recipes/hinton-2015/teacher.toml")),
    ("alone", include_str!("../../../../../recipes/hinton-2015/alone.toml")),
    ("distilled", include_str!("../../../../../recipes/hinton-2015/distilled.toml")),
    ("best", include_str!("../../../../../recipes/hinton-2015/best.toml")),
    ("temperature", include_str!("../../../../../recipes/hinton-2015/temperature.toml")),
    ("no-threes", include_str!("../../../../../recipes/hinton-2015/no-threes.toml")),
    ("sevens-and-eights", include_str!("../../../../../recipes/hinton-2015/sevens-and-eights.toml")),
    ("logit-matching", include_str!("../../../../../recipes/hinton-2015/logit-matching.toml")),
    ("fractions", include_str!("../../../../../recipes/hinton-2015/fractions.toml")),
    ("ensemble", include_str!("../../../../../recipes/hinton-2015/ensemble.toml")),
    ("frontier", include_str!("../../../../../recipes/hinton-2015/frontier.toml")),
];

/// A study in progress.
pub(crate) struct Study<'a> {
    pub(crate) lab: Lab<'a>,
    pub(crate) overrides: &'a [String],
}

impl Study<'_> {
    /// A recipe of the study with what was set on the command line.
    pub(crate) fn setup(&self, name: &str) -> Result<Arc<Setup>, Diagnostic> {
        setup(name, self.overrides)
    }

    /// All teachers of the study, each from another seed, as one.
    pub(crate) fn teachers(&self, average: distill_models::Average) -> Result<Teachers, Diagnostic> {
        let setup = self.setup("teacher")?;
        let jobs = setup.recipe.seeds.iter().map(|&seed| setup.teacher(seed)).collect();
        Ok(Teachers { jobs, average })
    }
}

/// One of [`RECIPES`] with settings over it.
pub(crate) fn setup(name: &str, overrides: &[String]) -> Result<Arc<Setup>, Diagnostic> {
    let text = RECIPES.iter().find(|(recipe, _)| *recipe == name).map_or("", |(_, text)| text);
    Setup::new(&format!("recipes/hinton-2015/{name}.toml"), text, overrides)
}

/// One job for each seed of a recipe.
fn for_each_seed(setup: &Arc<Setup>, job: impl Fn(&Arc<Setup>, u64) -> Job) -> Vec<Job> {
    setup.recipe.seeds.iter().map(|&seed| job(setup, seed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_recipes_name_one_teacher() {
        let teacher = setup("teacher", &[]).unwrap().recipe.teacher.clone();
        for (name, _) in RECIPES {
            let recipe = &setup(name, &[]).unwrap().recipe;
            assert_eq!(recipe.teacher, teacher, "{name}");
            assert!(recipe.seeds.len() >= 5, "{name}");
        }
    }

    #[test]
    fn rows_have_names_of_their_own() {
        let mut names: Vec<&str> = HINTON_2015.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), HINTON_2015.len());
    }
}
