use std::path::Path;
use std::time::Instant;

use distill_models::Provenance;
use distill_train::{Rescaled, Role, SoftTargetFile, SoftTargets, TargetStorage, TeacherCheck, check_classes};

use super::onnx::explained;
use super::{Found, Preflight};
use crate::asked::check_teacher;
use crate::summary::decimals;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::in_words;
use distill_recipe::target_file;
use distill_recipe::teacher_file::PretrainedTeacher;
use distill_recipe::words::thousands;

/// Classes that a message names.
const SHOWN: usize = 12;

/// Rows of stored soft targets that are computed anew.
const RECOMPUTED: usize = 64;

/// How far the mean of the inputs may lie from that of the teacher's, in standard deviations, and
/// by what part the spread may differ. Other selections of the same data differ by less.
const MAX_SHIFT: f64 = 0.25;

impl Preflight<'_> {
    /// Whether the teacher fits the data and the student, and knows enough to teach.
    pub(super) fn teacher(&self, found: &mut Found) {
        if !self.roles.contains(&Role::Teacher) || self.experiment.recipe().teacher.weights.is_none() {
            self.features(found, None);
            return self.sizes(found, self.parameters(Role::Teacher));
        }
        match PretrainedTeacher::load(self.experiment) {
            Err(diagnostic) => found.fail("teacher", diagnostic),
            Ok(all) => all.into_iter().for_each(|pretrained| self.pretrained(found, pretrained)),
        }
    }

    fn pretrained(&self, found: &mut Found, mut pretrained: PretrainedTeacher) {
        let of_seed = pretrained.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
        found.ok("teacher", in_words(pretrained.model.spec()) + &of_seed);
        if found.pretrained.is_empty() {
            self.sizes(found, Some(pretrained.model.spec().parameters));
        }
        for (path, engine) in pretrained.engines() {
            found.ok("teacher engine", format!("{engine} ({})", path.display()));
        }
        for (path, kind) in pretrained.answers() {
            found.ok("teacher answers", format!("{kind} ({})", path.display()));
        }
        for member in &pretrained.members {
            self.normalisation(found, &member.loaded.provenance);
        }
        let start = Instant::now();
        let checked = check_teacher(self.experiment, &*pretrained.model, self.listener, None);
        let took = start.elapsed();
        match checked {
            Err(error) => found.fail("teacher accuracy", error.into()),
            Ok(check) if check.passes() => {
                let of = format!("{} {} examples", thousands(check.examples as u64), check.set);
                let accuracy = match check.found.confidence {
                    None => format!("{} on {of}{of_seed}", check.found),
                    Some(_) => {
                        let [right, chance] = [check.found.accuracy, check.chance].map(|part| 100.0 * part);
                        format!("{right:.2} % of {of}, chance {chance:.2} %{of_seed}")
                    }
                };
                found.ok("teacher accuracy", accuracy);
                self.folds(found, &pretrained);
                warn_of_doubt(found, &check);
                warn_of_seen(found, &check);
                Self::assumed(found, &pretrained);
                self.speed(found, &pretrained, self.experiment.n_check_answers(), took);
            }
            Ok(check) => {
                let diagnostic = weak_teacher(&check, &pretrained.model.spec().classes).at(pretrained.place());
                let diagnostic = explained(diagnostic, &pretrained);
                found.fail("teacher accuracy", name_outputs(&pretrained, diagnostic, &check));
            }
        }
        self.features(found, Some(&*pretrained.model));
        if let Some(cache) = self.experiment.recipe().kd.cache.clone().filter(|_| self.trains_student()) {
            match self.stored(Path::new(&cache), &pretrained, found) {
                Err(diagnostic) => found.fail("soft targets", diagnostic),
                Ok(targets) => {
                    let rows = targets.logits().nrows();
                    let text =
                        format!("{} rows, {} recomputed, all equal", thousands(rows as u64), RECOMPUTED.min(rows));
                    found.ok("soft targets", text);
                    pretrained.targets = Some(targets);
                }
            }
        }
        found.pretrained.push(pretrained);
    }

    /// What teachers of folds know by heart.
    fn folds(&self, found: &mut Found, pretrained: &PretrainedTeacher) {
        let members = pretrained.members.iter().map(|member| member.loaded.model.clone()).collect();
        match self.experiment.leak(members) {
            Ok(None) => {}
            Ok(Some(leak)) => found.ok("teacher folds", format!("training examples: {leak}")),
            Err(error) => found.fail("teacher folds", error.into()),
        }
    }

    fn sizes(&self, found: &mut Found, teacher: Option<usize>) {
        let (true, Some(teacher), Some(student)) = (self.trains_student(), teacher, self.parameters(Role::Student))
        else {
            return;
        };
        // A table of answers has none.
        if teacher == 0 {
            return;
        }
        let times = teacher as f64 / student as f64;
        if teacher > student {
            found.ok("sizes", format!("the teacher has {times:.1} times the student's parameters"));
        } else {
            found.warn(
                "sizes",
                format!(
                    "the teacher has {} parameters, the student {}",
                    thousands(teacher as u64),
                    thousands(student as u64)
                ),
                "distillation makes a small model of a large one; are the two swapped?",
                "make `student.model.hidden` smaller, or leave it so if it is meant",
            );
        }
    }

    /// A teacher answers nonsense if its inputs are scaled in another way than those it was trained on.
    fn normalisation(&self, found: &mut Found, provenance: &Provenance) {
        let number = |name: &str| provenance.get(name).and_then(|text| text.parse::<f64>().ok());
        let (Some(mean), Some(sd), Some(sets)) = (number("input_mean"), number("input_sd"), &found.fingerprints) else {
            return;
        };
        let data = &sets.train;
        let (shift, scale) = ((data.mean - mean).abs() / sd.max(1e-6), (data.sd / sd.max(1e-6) - 1.0).abs());
        let numbers = format!("teacher mean {mean:.4} sd {sd:.4}, data mean {:.4} sd {:.4}", data.mean, data.sd);
        if shift > MAX_SHIFT || scale > MAX_SHIFT {
            found.warn(
                "normalisation",
                "the teacher was trained on inputs of another scale",
                numbers,
                "give it the data that it was trained on, or check how both were prepared",
            );
        } else {
            found.ok("normalisation", numbers);
        }
    }

    /// Soft targets from a file, which must be those of this teacher for this data.
    fn stored(&self, path: &Path, pretrained: &PretrainedTeacher, found: &Found) -> Result<SoftTargets, Diagnostic> {
        let file: SoftTargetFile = target_file::load(path)?;
        let wrong = |what: &str, notes: [String; 2]| {
            let recipe = self.file.path();
            let diagnostic = Diagnostic::new(Code::SoftTargets, what)
                .at(path.display())
                .help(format!("write them again: `distill teach {recipe}`"));
            notes.into_iter().filter(|note| !note.is_empty()).fold(diagnostic, Diagnostic::note)
        };
        let transfer = self.experiment.transfer_set();
        if let Err(error) = check_classes(&file.classes, &transfer.spec().classes) {
            return Err(wrong("the cached soft targets are for other classes", [error.to_string(), String::new()]));
        }
        let was_now = |was: &str, now: &str| format!("made for {was:.12}…, now {now:.12}…");
        if file.teacher_sha256 != pretrained.sha256 {
            let note = was_now(&file.teacher_sha256, &pretrained.sha256);
            return Err(wrong("the cached soft targets are those of another teacher", [note, String::new()]));
        }
        let data_sha256 = self.transfer_sha256(found)?;
        if file.data_sha256 != data_sha256 {
            let why = "row i would be paired with another example".to_owned();
            return Err(wrong(
                "the cached soft targets belong to other data",
                [was_now(&file.data_sha256, &data_sha256), why],
            ));
        }
        let storage = file.storage();
        let method = self.experiment.recipe().method();
        if matches!(storage, TargetStorage::TopK(_)) && method.needs_all_classes() {
            let problem = format!("{} needs the logits of all classes", method.words());
            let diagnostic = Diagnostic::new(Code::SoftTargets, problem)
                .at(path.display())
                .note(format!("the cached soft targets keep the {storage} and what the others have together"))
                .help(format!("write them again: `distill teach {} --store f16`", self.file.path()));
            return Err(diagnostic);
        }
        let targets = file.into_targets();
        let differing = targets.differing(storage, &*pretrained.model, transfer, RECOMPUTED)?;
        match differing.first() {
            None => Ok(targets),
            Some(first) => {
                let note = format!("{} of {RECOMPUTED} rows differ, the first is row {first}", differing.len());
                Err(wrong("the cached soft targets differ from the teacher's answers", [note, String::new()]))
            }
        }
    }

    /// The hash of the transfer set, which mostly is the training set.
    fn transfer_sha256(&self, found: &Found) -> Result<String, Diagnostic> {
        let data = &self.experiment.recipe().data;
        let same = data.transfer == Default::default()
            && !data.hides_labels()
            && data.made_of_each() == 0
            && self.experiment.all().unlabelled.is_none();
        match &found.fingerprints {
            Some(sets) if same => Ok(sets.train.sha256()),
            _ => Ok(distill_train::Fingerprint::of(self.experiment.transfer_set())?.sha256()),
        }
    }
}

/// A teacher that is mostly right and hardly believes it answers with something else than logits.
fn warn_of_doubt(found: &mut Found, check: &TeacherCheck) {
    let Some(confidence) = check.found.confidence.filter(|_| check.is_doubtful()) else { return };
    let (accuracy, confidence) = (100.0 * check.found.accuracy, 100.0 * confidence);
    found.warn(
        "teacher confidence",
        format!(
            "right on {accuracy:.1} %, but {confidence:.1} % sure; its NLL is {:.2}, that of a guess {:.2}",
            check.found.nll, check.max_nll
        ),
        "accuracy and confidence cannot both be right: are its answers probabilities mistaken for logits?",
        "for a table set `teacher.probabilities = true`, for an ONNX file `teacher.onnx.probabilities = true`; \
         or leave it so if the teacher is that unsure",
    );
}

/// What a teacher says of examples that it was trained on is near to their labels, which the student has anyway.
fn warn_of_seen(found: &mut Found, check: &TeacherCheck) {
    let Some(train) = check.on_training.filter(|_| check.has_seen_training()) else { return };
    let (nll, other_nll) = (train.nll, check.found.nll);
    let (what, why) = if train.confidence.is_none() {
        let (train, other) = (train.accuracy, check.found.accuracy);
        (
            format!(
                "the teacher has an R² of {train:.4} on training examples, and of {other:.4} on {} examples",
                check.set
            ),
            "it was trained on them: it knows their numbers, and teaches little that these do not".to_owned(),
        )
    } else {
        let (train, other) = (100.0 * train.accuracy, 100.0 * check.found.accuracy);
        (
            format!(
                "the teacher gets {train:.1} % of the training examples right, and {other:.1} % of the {} examples",
                check.set
            ),
            format!(
                "it was trained on them: it is overconfident there (NLL {nll:.3}, else {other_nll:.3}), and teaches little that the labels do not"
            ),
        )
    };
    found.warn(
        "teacher accuracy",
        what,
        why,
        "let the student learn from inputs that the teacher has not seen, `data.unlabelled`, or from such as are \
         made of others, `data.mixtures` or for tables `data.munge`; or give answers out of fold: `teacher.folds`, or a table such as that of `cross_val_predict`; or leave it so if it helps",
    );
}

/// Where the outputs of a teacher seem to stand for other classes: which, and how to say it.
fn name_outputs(pretrained: &PretrainedTeacher, diagnostic: Diagnostic, check: &TeacherCheck) -> Diagnostic {
    let (Some(renamed), [member]) = (&check.renamed, pretrained.members.as_slice()) else { return diagnostic };
    let names = &pretrained.model.spec().classes;
    let class = |output: usize| names[renamed.classes[output] as usize].as_str();
    let moved = (0..names.len()).filter(|&output| class(output) != names[output]);
    let pairs: Vec<String> =
        moved.take(SHOWN).map(|output| format!("`{}` is `{}`", names[output], class(output))).collect();
    let diagnostic = diagnostic.note(format!(
        "with other names for its outputs it gets {:.1} % right: the output now called {}",
        100.0 * renamed.accuracy,
        pairs.join(", ")
    ));
    let list = (0..names.len()).map(|output| format!("{:?}", class(output))).collect::<Vec<_>>().join(", ");
    let is_short = names.len() <= SHOWN && !member.loaded.is_reordered;
    let list = is_short.then(|| format!("[{list}]"));
    diagnostic.better_help(member.loaded.format.help_with_order(list.as_deref()))
}

/// A number with four digits, wherever they stand.
fn digits(value: f64) -> String {
    format!("{value:.*}", decimals(value.abs()))
}

/// A teacher that is too near to chance.
pub fn weak_teacher(check: &TeacherCheck, names: &[String]) -> Diagnostic {
    let on = format!("{} {} examples", thousands(check.examples as u64), check.set);
    if check.found.confidence.is_none() {
        let what =
            format!("the teacher has an R² of {:.4} on {on}, and must have {:.4}", check.found.accuracy, check.bound);
        let diagnostic = Diagnostic::new(Code::TeacherAccuracy, what).note("always naming the mean has 0");
        let diagnostic = match &check.rescaled {
            None => diagnostic
                .note("usual causes: too little training, inputs of another scale, other columns or another order"),
            Some(Rescaled { number, line, r2 }) => diagnostic.note(format!(
                "its numbers for `{}` are in another unit: times {} and plus {} they would have an R² of {r2:.4}",
                names.get(*number).map_or("", String::as_str),
                digits(line[0]),
                digits(line[1])
            )),
        };
        return diagnostic.help(format!(
            "use a better teacher, or its numbers in the unit of the data; to go on all the same, set `teacher.min_accuracy = {:.1}`",
            check.found.accuracy.floor().min(0.0)
        ));
    }
    let what = format!(
        "the teacher gets {:.1} % of {on} right, and must get {:.1} %",
        100.0 * check.found.accuracy,
        100.0 * check.bound
    );
    Diagnostic::new(Code::TeacherAccuracy, what)
        .note(format!("always naming the most frequent class gets {:.1} % right", 100.0 * check.chance))
        .note("usual causes: too little training, inputs of another scale, another order of the classes")
        .help("use a better teacher; to go on all the same, set `teacher.min_accuracy = 0.0`")
}
