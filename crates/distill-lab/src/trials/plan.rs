use distill_train::Recipe;

use super::halving;
use super::record::Record;
use super::score::Metric;
use super::space::{Settings, Space};
use super::status::Definition;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::RecipeFile;

/// Which trials there are, and on how many epochs. It follows from what was typed and the recipe alone.
#[derive(Debug)]
pub struct Plan {
    space: Space,
    /// The settings of each, as they would be typed. Trials are numbered from 1.
    pub trials: Vec<Settings>,
    /// Epochs of each rung, the smallest first; one without halving.
    pub budgets: Vec<u32>,
    /// One of so many trials goes on to the next rung.
    pub eta: Option<u32>,
    /// What decides which trial is better.
    pub metric: Metric,
}

impl Plan {
    /// `brings_validation`: the data has validation examples of its own.
    ///
    /// # Errors
    /// If the values cannot be read, or what is to be tried cannot be compared.
    pub fn new(
        definition: &Definition,
        file: &RecipeFile,
        recipe: &Recipe,
        brings_validation: bool,
    ) -> Result<Self, Diagnostic> {
        let space = Space::parse(&definition.sets)?;
        for (key, why, help) in FIXED {
            if let Some(argument) = space.argument_of(key) {
                return Err(Diagnostic::new(Code::Value, format!("`{key}` must be the same in all trials"))
                    .at(format!("command line: {argument}"))
                    .note(why)
                    .help(help));
            }
        }
        if let (Some(_), Some(argument)) = (definition.halving, space.argument_of("train.epochs")) {
            return Err(Diagnostic::new(Code::Value, "`--halving` sets the epochs itself")
                .at(format!("command line: {argument}"))
                .note("all trials of a rung have the same budget")
                .help("leave out one of the two; `train.epochs` of the recipe is the largest budget"));
        }
        if recipe.data.validation == 0 && !brings_validation {
            let what = "a sweep needs a validation set to compare its trials on";
            return Err(file
                .locate(Diagnostic::new(Code::Value, what), "data.validation")
                .note("errors on a test set that chose the settings say nothing about new data")
                .help("set `data.validation=5000`"));
        }
        let trials = match definition.random {
            Some(n) => space.random(n, definition.seed.unwrap_or(DEFAULT_SEED))?,
            None => space.grid()?,
        };
        let budgets = halving::budgets(recipe.train.epochs, definition.halving, trials.len());
        Ok(Self { space, trials, budgets, eta: definition.halving, metric: definition.metric })
    }

    /// The keys that differ between trials, in the order in which they were typed.
    pub fn keys(&self) -> Vec<String> {
        self.space.keys().map(str::to_owned).collect()
    }

    /// Checks that a trial can be trained on the epochs of the first rung too.
    ///
    /// # Errors
    /// If a setting has no meaning with so few.
    pub(crate) fn check_budget(&self, file: &RecipeFile, recipe: &Recipe) -> Result<(), Diagnostic> {
        let Some(&epochs) = self.budgets.first().filter(|_| self.eta.is_some()) else { return Ok(()) };
        let mut shortest = recipe.clone();
        shortest.train.epochs = epochs;
        shortest.validate().map_err(|problem| {
            let note = format!("`--halving` trains all trials on few epochs first, here {epochs}");
            file.problem(&problem).note(note)
        })
    }

    /// The recipe of a trial, counted from 1.
    ///
    /// # Errors
    /// If a setting has no meaning, with the `--set` that it comes from.
    pub fn recipe(&self, file: &RecipeFile, trial: usize) -> Result<(RecipeFile, Recipe), Diagnostic> {
        file.with(&self.space.overrides(&self.trials[trial - 1])?)
    }
}

/// Draws of `--random` depend on it.
const DEFAULT_SEED: u64 = 1;

const SAME_EXAMPLES: &str = "trials are compared on the same validation examples";
const OPENED_ONCE: &str = "the data is opened once for all trials";
const NO_RESULT: &str = "it changes no result";
const LEAVE_OUT: &str = "leave it out, or set it for all trials as `KEY=VALUE`";

/// Keys that a sweep cannot vary, why, and what to do instead.
const FIXED: [(&str, &str, &str); 16] = [
    ("seeds", "each trial is trained once for each seed", "use `--seeds 1,2,3`"),
    ("data.source", SAME_EXAMPLES, LEAVE_OUT),
    ("data.classes", SAME_EXAMPLES, LEAVE_OUT),
    ("data.validation", SAME_EXAMPLES, LEAVE_OUT),
    ("data.memory", OPENED_ONCE, LEAVE_OUT),
    ("data.columns", OPENED_ONCE, LEAVE_OUT),
    ("data.images", OPENED_ONCE, LEAVE_OUT),
    ("data.sound", OPENED_ONCE, LEAVE_OUT),
    ("data.text", OPENED_ONCE, LEAVE_OUT),
    ("data.test", OPENED_ONCE, LEAVE_OUT),
    ("data.unlabelled", OPENED_ONCE, LEAVE_OUT),
    ("teacher.min_accuracy", NO_RESULT, LEAVE_OUT),
    ("version", NO_RESULT, LEAVE_OUT),
    ("name", NO_RESULT, LEAVE_OUT),
    ("baseline", "a sweep trains no student alone", LEAVE_OUT),
    ("checkpoint", NO_RESULT, LEAVE_OUT),
];

impl Plan {
    /// Which of the trials it is.
    pub(crate) fn label(&self, record: &Record) -> String {
        let trial = format!("trial {}/{}", record.trial, self.trials.len());
        match self.budgets.len() {
            1 => trial,
            n => format!("rung {}/{n}  {trial}", record.rung),
        }
    }
}
