use distill_datasets::{Dataset, Numbers};
use distill_train::{Role, Standardize, Together, TrainError};
use ndarray::Array2;

use super::{Fingerprints, Found, Preflight};
use crate::summary::decimals;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::data_source::DataSource;
use distill_recipe::words::thousands;

/// Products of such an input and ordinary weights, summed over inputs and layers, come near the largest f32, 3.4e38.
const OVERFLOWS: f32 = 1e30;

/// Numbers that are farther from their mean, in standard deviations, decide a squared error.
const FAR: f64 = 20.0;

/// Inputs with a mean or a deviation above it are not what weights are drawn for.
const WIDE: f64 = 10.0;

/// Whether inputs with this mean and deviation are to be standardised.
pub fn is_far_from_standard(mean: f64, sd: f64) -> bool {
    mean.abs().max(sd) > WIDE
}

/// Larger than what people measure, unless they forgot a unit.
const SUSPICIOUS: f32 = 1e15;

impl Preflight<'_> {
    /// Sizes, classes and inputs of the data, and what both sets have.
    pub(super) fn data(&self, found: &mut Found) {
        let [train, test] = [self.experiment.train_set(), self.experiment.test_set()];
        let validation = self.experiment.validation_set().map_or(0, |set| set.len());
        let count = |n: usize| thousands(n as u64);
        let selected = self.experiment.recipe().data.select.class_words();
        found.ok(
            "data",
            format!(
                "{}: {} train, {} validation, {} test{}{}{}",
                self.experiment.recipe().data.source,
                count(train.len()),
                count(validation),
                count(test.len()),
                self.left_out(),
                selected.map(|words| format!(", each {words}")).unwrap_or_default(),
                self.without_labels(),
            ),
        );
        self.labelled(found);
        self.groups(found);
        match &train.spec().numbers {
            None => self.classes(found, train),
            Some(numbers) => self.numbers(found, train, numbers),
        }
        self.counters(found);
        match Fingerprints::of(self.experiment) {
            Err(error) => found.fail("inputs", error.into()),
            Ok(sets) => {
                let shape: Vec<_> = train.spec().input_shape.iter().map(ToString::to_string).collect();
                let (mean, sd) = (sets.train.mean, sets.train.sd);
                let how = match self.experiment.recipe().standardize(&*self.experiment.all().train) {
                    Standardize::Each(false) => "",
                    Standardize::Each(true) => ", standardised",
                    Standardize::Together(Together::Channel) => ", standardised by channel",
                };
                found.ok("inputs", format!("{} numbers, mean {mean:.4}, sd {sd:.4}{how}", shape.join("x")));
                self.wide(found, mean, sd);
                self.too_large(found, &sets);
                overlap(found, &sets);
                unlabelled_overlap(found, &sets);
                found.fingerprints = Some(sets);
            }
        }
    }

    /// How many test snippets are not there, as training paragraphs have their text too.
    fn left_out(&self) -> String {
        let drawn = DataSource::n_test_snippets(&self.experiment.recipe().data);
        match drawn.map(|drawn| drawn.saturating_sub(self.experiment.all().test.len())) {
            None | Some(0) => String::new(),
            Some(n) => format!(" ({} more are in training paragraphs too and left out)", thousands(n as u64)),
        }
    }

    /// Weights are drawn for inputs near 0 of size 1. Those that are much larger drive the first steps anywhere.
    fn wide(&self, found: &mut Found, mean: f64, sd: f64) {
        let recipe = self.experiment.recipe();
        let mut models =
            [self.experiment.model_config(Role::Teacher), Some(&recipe.student.model)].into_iter().flatten();
        let takes_numbers = models.any(|model| !model.takes_numbers_of_rows());
        let is_wide = is_far_from_standard(mean, sd);
        if is_wide && takes_numbers && !recipe.standardizes(&*self.experiment.all().train) {
            found.warn(
                "inputs",
                format!("inputs are large, with mean {mean:.4} and standard deviation {sd:.4}"),
                "networks need inputs near 0 with a deviation near 1, and may not learn from others",
                "set `data.standardize = true`",
            );
        }
    }

    /// Inputs that no network can weigh in f32, and those that hardly mean what they say.
    fn too_large(&self, found: &mut Found, sets: &Fingerprints) {
        let all = self.experiment.all();
        // Places are those in the files, also of what a recipe selects or holds out.
        let named = [
            ("training", &*all.train, Some(&sets.train)),
            (
                if all.validation.is_some() { "validation" } else { "training" },
                all.validation.as_deref().unwrap_or(&*all.train),
                sets.validation.as_ref(),
            ),
            ("unlabelled", all.unlabelled.as_deref().unwrap_or(&*all.train), sets.unlabelled.as_ref()),
            ("test", &*all.test, Some(&sets.test)),
        ];
        for (name, set, print) in named {
            let Some((_, feature, value)) = print.and_then(|print| print.farthest) else { continue };
            if value.abs() < SUSPICIOUS {
                continue;
            }
            let is_there = |place: usize, found: f32| place == feature && found.to_bits() == value.to_bits();
            let example = match first_input(set, is_there) {
                Ok(first) => first.map_or(0, |(example, ..)| example),
                Err(error) => return found.fail("inputs", error.into()),
            };
            let what = format!("number {feature} of {name} example {example} is {value:e}");
            let note = "examples and their numbers are counted from 0; such values often stand for missing ones";
            let help = "write another value, or leave the example or the column out";
            if value.abs() < OVERFLOWS {
                found.warn("inputs", what, note, help);
            } else {
                let what = format!("{what}, too large for sums of f32");
                let diagnostic = Diagnostic::new(Code::DataFile, what).note(note).help(help);
                found.fail("inputs", self.file.locate(diagnostic, "data.source"));
            }
        }
    }

    /// Inputs that never had labels, and those that are made of the others.
    fn n_without_labels(&self) -> [usize; 2] {
        let unlabelled = self.experiment.all().unlabelled.as_ref().map_or(0, |set| set.len());
        // There are so many of each example that the student has.
        let copies = self.experiment.recipe().data.made_of_each();
        [unlabelled, self.experiment.transfer_set().len() / (copies + 1) * copies]
    }

    /// How many labels the students see, where it is not all.
    fn labelled(&self, found: &mut Found) {
        if !self.experiment.recipe().data.hides_labels() {
            return;
        }
        let n_labelled = self.experiment.labelled_set().len();
        let [unlabelled, made] = self.n_without_labels();
        let n = self.experiment.transfer_set().len() - unlabelled - made;
        let [n_labelled, n] = [n_labelled, n].map(|n| thousands(n as u64));
        let what = format!("students see those of {n_labelled} of {n} examples");
        let recipe = self.experiment.recipe();
        if recipe.kd.alpha < 1.0 || recipe.baseline.enabled {
            return found.ok("labels", what);
        }
        let note = "with `kd.alpha = 1` the distilled student uses no label, and there is no student on labels alone";
        found.warn("labels", what, note, "leave `data.labelled` out, or set `baseline.enabled = true`");
    }

    /// What the student with a teacher learns from besides, where it is set.
    fn without_labels(&self) -> String {
        let [unlabelled, made] = self.n_without_labels();
        let name = if self.experiment.recipe().data.mixtures > 0 { "mixtures" } else { "made by MUNGE" };
        [(unlabelled, "without labels"), (made, name)]
            .into_iter()
            .filter(|&(n, _)| n > 0)
            .map(|(n, what)| format!(", {} {what}", thousands(n as u64)))
            .collect()
    }

    /// What tells the rows of a table apart teaches to know them, and nothing that holds for other rows.
    fn counters(&self, found: &mut Found) {
        let counters = self.experiment.all().train.counters();
        let Some(first) = counters.first() else { return };
        let what = match counters.len() {
            1 => format!("column `{first}` looks like the number or the name of the row"),
            n => format!("{n} columns look like the number or the name of the row, the first is `{first}`"),
        };
        let names: Vec<String> = counters.iter().map(|name| format!("{name:?}")).collect();
        found.warn(
            "columns",
            what,
            "every row has a different value there: a model memorises the training rows by it and learns nothing for new ones",
            format!("set `data.columns.ignore = [{}]`, or leave it so if it was measured", names.join(", ")),
        );
    }

    /// What is to be predicted, each number with its spread.
    fn numbers(&self, found: &mut Found, train: &dyn Dataset, numbers: &Numbers) {
        let labels: Vec<u32> = (0..train.len()).filter_map(|index| train.label(index)).collect();
        let (mean, sd) = numbers.mean_and_sd(labels.iter().copied());
        for (at, name) in train.spec().classes.iter().enumerate() {
            let column = || labels.iter().map(|&label| numbers.row(label)[at]);
            let (low, high) = column().fold((f32::MAX, f32::MIN), |(low, high), y| (low.min(y), high.max(y)));
            let (mean, sd) = (mean[at], sd[at]);
            let places = decimals(sd);
            if sd == 0.0 {
                let what = format!("`{name}` is {low} for all training rows, so there is nothing to learn");
                let diagnostic = Diagnostic::new(Code::Label, what).help("leave it out of `data.columns.targets`");
                found.fail("numbers", self.file.locate(diagnostic, "data.columns.targets"));
                continue;
            }
            found.ok("numbers", format!("{name}: mean {mean:.places$}, sd {sd:.places$}, from {low} to {high}"));
            // A squared error follows the few that are far from all others.
            let farthest = f64::from(high) - mean;
            let farthest = farthest.max(mean - f64::from(low));
            if farthest > FAR * sd {
                found.warn(
                    "numbers",
                    format!(
                        "`{name}` has a training row that is {:.0} standard deviations from the mean",
                        farthest / sd
                    ),
                    "a squared error follows the few rows that are far from all others",
                    "correct the row if it is wrong; else train on the logarithm of the column",
                );
            }
        }
    }

    fn classes(&self, found: &mut Found, train: &dyn Dataset) {
        let names = &train.spec().classes;
        if let Err(diagnostic) = check_names(names) {
            return found.fail("classes", self.file.locate(diagnostic, "data.source"));
        }
        let mut counts = vec![0_usize; names.len()];
        for label in (0..train.len()).filter_map(|index| train.label(index)) {
            if let Some(count) = counts.get_mut(label as usize) {
                *count += 1;
            }
        }
        let folded: Vec<String> = names.iter().map(|name| name.trim().to_lowercase()).collect();
        let spelt = (0..names.len()).filter(|&class| counts[class] == 0).find_map(|class| {
            let other = (0..names.len()).find(|&other| other != class && folded[other] == folded[class])?;
            Some((&names[class], &names[other]))
        });
        if let Some((missing, other)) = spelt {
            let what = format!(
                "class `{missing}` has no training example, and class `{other}` differs in its letters' case alone"
            );
            let diagnostic = Diagnostic::new(Code::ClassList, what)
                .note("to the program these are two classes, and models are tested on one that they never saw")
                .help("write the names of the classes alike in both sets: rename the folder or change the labels");
            return found.fail("classes", self.file.locate(diagnostic, "data.source"));
        }
        let missing: Vec<&str> =
            names.iter().zip(&counts).filter(|&(_, &n)| n == 0).map(|(name, _)| name.as_str()).collect();
        let (least, most) =
            (counts.iter().min().copied().unwrap_or_default(), counts.iter().max().copied().unwrap_or_default());
        if missing.is_empty() {
            let (least, most) = (thousands(least as u64), thousands(most as u64));
            found.ok("classes", format!("{}, each with {least} to {most} training examples", names.len()));
        } else {
            found.warn(
                "classes",
                format!("{} of {} classes have no training example", missing.len(), names.len()),
                format!("the first is `{}`", missing[0]),
                "leave it so if the selection of the recipe means it; else check the labels",
            );
        }
    }
}

/// Example, place and value of the first input number for which something holds, told by place and value.
pub(super) fn first_input(
    data: &dyn Dataset,
    holds: impl Fn(usize, f32) -> bool,
) -> Result<Option<(usize, usize, f32)>, TrainError> {
    const N_AT_ONCE: usize = 256;
    let mut inputs = Array2::zeros((N_AT_ONCE.min(data.len()), data.spec().features()));
    let indices: Vec<usize> = (0..data.len()).collect();
    for indices in indices.chunks(N_AT_ONCE) {
        let mut inputs = inputs.slice_mut(ndarray::s![..indices.len(), ..]);
        data.read(indices, inputs.view_mut())?;
        if let Some(((row, place), &value)) = inputs.indexed_iter().find(|&((_, place), &value)| holds(place, value)) {
            return Ok(Some((indices[row], place, value)));
        }
    }
    Ok(None)
}

/// Files of models, checkpoints and answers name all classes in their headers.
fn check_names(names: &[String]) -> Result<(), Diagnostic> {
    // Quotes and a comma for each; what characters are escaped, and what else a header says, has the rest.
    let n_bytes: u64 = names.iter().map(|name| name.len() as u64 + 3).sum();
    let bound = distill_models::MAX_HEADER_BYTES / 8 * 7;
    if n_bytes <= bound {
        return Ok(());
    }
    let (n, bytes) = (thousands(names.len() as u64), thousands(n_bytes));
    let what =
        format!("the names of {n} classes take {bytes} bytes, at most {} can be written to a file", thousands(bound));
    Err(Diagnostic::new(Code::Limit, what).help("give the classes shorter names, in `classes.txt` or `data.classes`"))
}

fn overlap(found: &mut Found, sets: &Fingerprints) {
    let shared = sets.test.shared_with(&sets.train);
    match shared.first() {
        None => found.ok("overlap", "no test example is in the training set"),
        Some(first) => found.warn(
            "overlap",
            format!("{} test examples are in the training set too", thousands(shared.len() as u64)),
            format!("the first is test example {first}; the test set should hold what no model has seen"),
            "remove them from the training set, or read the test errors with that in mind",
        ),
    }
}

/// Who has test inputs among those without labels knows what the test asks.
fn unlabelled_overlap(found: &mut Found, sets: &Fingerprints) {
    let Some(unlabelled) = &sets.unlabelled else { return };
    let shared = sets.test.shared_with(unlabelled);
    let Some(first) = shared.first() else { return };
    found.warn(
        "unlabelled",
        format!("{} test examples are among the inputs without labels", thousands(shared.len() as u64)),
        format!("the first is test example {first}; the student with a teacher learns from them, the others do not"),
        "remove them from the inputs without labels, or read the test errors with that in mind",
    );
}
