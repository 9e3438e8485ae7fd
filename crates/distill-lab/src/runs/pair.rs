use std::path::{Path, PathBuf};

use distill_train::{Comparison, Outcomes, Role, TrainError, compare, compare_losses};
use serde::Serialize;

use super::settings::{self, Settings};
use crate::evaluation_files::{PREDICTIONS_FILE as PREDICTIONS, read_number_predictions, read_predictions};
use crate::folder::{Kind, RunResult, RunStatus, find};
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// The bootstrap of a comparison starts from here, so that it is the same every time.
const BOOTSTRAP_SEED: u64 = 1;

/// What one side of a comparison has answered.
#[derive(Debug)]
pub struct Side {
    /// Of the run or of the file, as it was found.
    pub path: PathBuf,
    /// Of a run, by dotted keys; empty for a single model.
    pub settings: Settings,
    /// What the test set is known by, where that is written down.
    test_sha256: Option<String>,
    models: Vec<Answered>,
}

/// The answers of one model.
#[derive(Debug)]
struct Answered {
    /// Of a model of a run.
    role: Option<(Role, u64)>,
    /// What is right of each example.
    labels: Vec<String>,
    outcome: Outcome,
}

/// How each example was answered.
#[derive(Debug)]
enum Outcome {
    /// Whether the class is right.
    Right(Vec<bool>),
    /// Squared errors of numbers, in units of the variance.
    Losses(Vec<f64>),
}

/// Two sides of one role.
#[derive(Debug, Serialize)]
pub struct Pairing {
    /// `None` where the two are single models.
    #[serde(serialize_with = "role_name")]
    pub role: Option<Role>,
    /// Models of each side.
    pub seeds: [usize; 2],
    /// Test examples of each side.
    pub examples: [usize; 2],
    /// Mean test errors of each side, of the models that are paired where some are; of numbers the part of the variance that is
    /// left unexplained.
    pub errors: [f64; 2],
    /// Whether the models predict numbers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub are_numbers: bool,
    /// The second against the first, example by example, where both answered the same.
    pub comparison: Option<Comparison>,
}

#[expect(clippy::ref_option, reason = "what Serde passes")]
fn role_name<S: serde::Serializer>(role: &Option<Role>, serializer: S) -> Result<S::Ok, S::Error> {
    role.map(Role::name).serialize(serializer)
}

impl Side {
    /// Reads a run, a folder with a file of predictions, or that file.
    ///
    /// # Errors
    /// If there is no such run or file, it cannot be read, or the run has no finished model.
    pub fn read(runs_dir: &Path, named: &Path) -> Result<Self, Diagnostic> {
        let in_folder = named.join(PREDICTIONS);
        let file = if in_folder.is_file() { Some(in_folder) } else { named.is_file().then(|| named.to_owned()) };
        if let Some(file) = file {
            let models = vec![Answered::read(&file, None)?];
            return Ok(Self { path: named.to_owned(), settings: Settings::new(), test_sha256: None, models });
        }
        // The name of a run will do.
        let in_runs = runs_dir.join(named);
        let is_run = |path: &Path| path.join(Kind::Run.status_file()).is_file();
        let path = if !is_run(named) && is_run(&in_runs) { in_runs } else { find(runs_dir, named)? };
        let status = RunStatus::read(&path)?;
        let result = RunResult::read_partly(&path)?;
        let measured = result.iter().flat_map(|result| &result.models).filter(|model| model.is_measured());
        let models = measured
            .filter_map(|model| {
                let role = Role::ALL.into_iter().find(|role| role.name() == model.role)?;
                let file = path.join(format!("eval/{}-seed{}", model.role, model.seed)).join(PREDICTIONS);
                Some(Answered::read(&file, Some((role, model.seed))))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if models.is_empty() {
            return Err(Diagnostic::new(Code::RunFile, "the run has no finished model yet")
                .at(path.display())
                .note(format!("it is {}", status.status.name()))
                .help("name a run with a finished model; `distill runs` lists them"));
        }
        let test_sha256 = status.measured_on.or(status.test_sha256);
        Ok(Self { settings: settings::read(&path).unwrap_or_default(), test_sha256, models, path })
    }

    /// Its models of a role, in the order of the seeds.
    fn of(&self, role: Option<Role>) -> Vec<&Answered> {
        let mut found: Vec<_> = self.models.iter().filter(|model| model.role.map(|(role, _)| role) == role).collect();
        found.sort_by_key(|model| model.role.map(|(_, seed)| seed));
        found
    }

    fn is_run(&self) -> bool {
        self.models.iter().any(|model| model.role.is_some())
    }
}

impl Answered {
    fn read(file: &Path, role: Option<(Role, u64)>) -> Result<Self, Diagnostic> {
        let bytes = std::fs::read(file).map_err(|error| {
            Diagnostic::new(Code::RunFile, "the predictions of a model cannot be read")
                .at(file.display())
                .note(error.to_string())
                .help("name a run, or a folder that `distill eval MODEL --data DATA --tables FOLDER` has written")
        })?;
        if let Some((_, found)) = read_number_predictions(file, &bytes)? {
            let labels = found.targets().outer_iter().map(|row| format!("{:?}", row.to_vec())).collect();
            return Ok(Self { role, labels, outcome: Outcome::Losses(found.losses()) });
        }
        let predictions = read_predictions(file, &bytes)?;
        let right = predictions.iter().map(|prediction| prediction.label == prediction.predicted).collect();
        let labels = predictions.into_iter().map(|prediction| prediction.label).collect();
        Ok(Self { role, labels, outcome: Outcome::Right(right) })
    }

    fn errors(&self) -> f64 {
        match &self.outcome {
            Outcome::Right(right) => right.iter().filter(|&&right| !right).count() as f64,
            Outcome::Losses(losses) => losses.iter().sum::<f64>() / losses.len().max(1) as f64,
        }
    }

    fn right(&self) -> Option<&[bool]> {
        match &self.outcome {
            Outcome::Right(right) => Some(right),
            Outcome::Losses(_) => None,
        }
    }

    fn losses(&self) -> Option<&[f64]> {
        match &self.outcome {
            Outcome::Losses(losses) => Some(losses),
            Outcome::Right(_) => None,
        }
    }
}

/// Compares two sides, role by role.
///
/// # Errors
/// If one side is a run and the other a single model, or the two have no role in common.
pub fn pair(a: &Side, b: &Side) -> Result<Vec<Pairing>, Diagnostic> {
    if a.is_run() != b.is_run() {
        let run = if a.is_run() { a } else { b };
        return Err(Diagnostic::new(Code::RunFile, "a run has several models, and the other side is one")
            .at(run.path.display())
            .help(format!("name one of them, such as `{}`", run.path.join("eval/student-seed1").display())));
    }
    let roles = if a.is_run() { Role::ALL.map(Some).to_vec() } else { vec![None] };
    let both = roles.into_iter().map(|role| (role, a.of(role), b.of(role)));
    let both: Vec<_> = both.filter(|(_, a, b)| !a.is_empty() && !b.is_empty()).collect();
    if both.is_empty() {
        return Err(Diagnostic::new(Code::RunFile, "the two runs have no models of the same kind")
            .at(b.path.display())
            .help("name models of them, such as `RUN/eval/student-seed1`"));
    }
    // Equal labels may belong to other inputs.
    let known_to_differ = matches!((&a.test_sha256, &b.test_sha256), (Some(a), Some(b)) if a != b);
    let models = || both.iter().flat_map(|(_, a, b)| a.iter().chain(b));
    if models().any(|model| model.losses().is_some()) && models().any(|model| model.right().is_some()) {
        return Err(Diagnostic::new(Code::RunFile, "one side predicts numbers, and the other gives classes")
            .at(b.path.display())
            .help("compare runs on the same data"));
    }
    both.into_iter()
        .map(|(role, a, b)| pairing(role, &a, &b, !known_to_differ))
        .collect::<Result<_, _>>()
        .map_err(|error: TrainError| Diagnostic::from(error).at(b.path.display()))
}

fn pairing(role: Option<Role>, a: &[&Answered], b: &[&Answered], may_be_same: bool) -> Result<Pairing, TrainError> {
    let mean = |errors: Vec<f64>| errors.iter().sum::<f64>() / errors.len() as f64;
    let n = |models: &[&Answered]| models.first().map_or(0, |model| model.labels.len());
    let same = may_be_same && a.iter().chain(b).all(|model| model.labels == a[0].labels);
    // Models of the same seed belong together; where seeds differ, the order decides, which the seeds do not know of.
    let seed = |model: &&Answered| model.role.map(|(_, seed)| seed);
    let of_same_seed: Vec<_> =
        a.iter().filter_map(|one| Some((*one, *b.iter().find(|other| seed(other) == seed(one))?))).collect();
    let pairs: Vec<_> = match of_same_seed.is_empty() {
        true => a.iter().copied().zip(b.iter().copied()).collect(),
        false => of_same_seed,
    };
    let are_numbers = a.iter().any(|model| model.losses().is_some());
    let errors = match same {
        true => [
            mean(pairs.iter().map(|(a, _)| a.errors()).collect()),
            mean(pairs.iter().map(|(_, b)| b.errors()).collect()),
        ],
        false => [a, b].map(|models| mean(models.iter().map(|model| model.errors()).collect())),
    };
    let rights = pairs.iter().map(|(a, b)| Some(Outcomes { alone: a.right()?, distilled: b.right()? }));
    let losses = pairs.iter().map(|(a, b)| Some((a.losses()?, b.losses()?)));
    let comparison = match (rights.collect::<Option<Vec<_>>>(), losses.collect::<Option<Vec<_>>>()) {
        (Some(rights), _) if same => Some(compare(&rights, BOOTSTRAP_SEED)?),
        (_, Some(losses)) if same => Some(compare_losses(&losses, BOOTSTRAP_SEED)?),
        _ => None,
    };
    Ok(Pairing { role, seeds: [a.len(), b.len()], examples: [n(a), n(b)], errors, are_numbers, comparison })
}

#[cfg(test)]
mod tests {
    use distill_train::Verdict;

    use super::*;

    fn side(models: &[(Role, u64, usize)], sha256: Option<&str>) -> Side {
        let model = |&(role, seed, n_wrong): &(Role, u64, usize)| Answered {
            role: Some((role, seed)),
            labels: (0..100).map(|i| (i % 3).to_string()).collect(),
            outcome: Outcome::Right((0..100).map(|i| i >= n_wrong).collect()),
        };
        Side {
            path: "runs/x".into(),
            settings: Settings::new(),
            test_sha256: sha256.map(str::to_owned),
            models: models.iter().map(model).collect(),
        }
    }

    #[test]
    fn models_of_one_role_and_seed_are_paired() {
        let a = side(&[(Role::Teacher, 1, 5), (Role::Student, 1, 30), (Role::Student, 2, 20)], None);
        let b = side(&[(Role::Student, 2, 8), (Role::Student, 3, 99)], Some("x"));
        let found = pair(&a, &b).unwrap();
        assert_eq!(found.len(), 1, "only students are in both");
        // Seed 2 alone is in both: 20 errors against 8.
        assert_eq!((found[0].role, found[0].errors, found[0].seeds), (Some(Role::Student), [20.0, 8.0], [2, 2]));
        let comparison = found[0].comparison.as_ref().unwrap();
        assert_eq!((comparison.n_seeds, comparison.difference, comparison.verdict), (1, -12.0, Verdict::Better));
        assert!(pair(&side(&[(Role::Teacher, 1, 5)], None), &b).is_err());
    }

    #[test]
    fn numbers_are_paired_by_their_losses() {
        let side = |scale: f64| {
            let losses = (0..100).map(|i| scale * f64::from(i % 10)).collect();
            let labels = (0..100).map(|i| i.to_string()).collect();
            let role = Some((Role::Student, 1));
            Side { models: vec![Answered { role, labels, outcome: Outcome::Losses(losses) }], ..side(&[], None) }
        };
        let found = pair(&side(0.1), &side(0.09)).unwrap();
        assert!(found[0].are_numbers && (found[0].errors[0] - 0.45).abs() < 1e-12);
        let comparison = found[0].comparison.as_ref().unwrap();
        assert!((comparison.difference + 0.045).abs() < 1e-12 && comparison.verdict == Verdict::Better);
    }

    #[test]
    fn classes_and_numbers_are_not_compared() {
        let classes = side(&[(Role::Student, 1, 5)], None);
        let mut numbers = side(&[(Role::Student, 1, 5)], None);
        numbers.models[0].outcome = Outcome::Losses(vec![0.5; 100]);
        let error = pair(&classes, &numbers).unwrap_err();
        assert!(error.to_string().contains("one side predicts numbers"), "{error}");
    }

    #[test]
    fn other_test_sets_are_not_paired() {
        let models = [(Role::Student, 1, 30)];
        let (a, same, other) = (side(&models, Some("x")), side(&models, Some("x")), side(&models, Some("y")));
        assert!(pair(&a, &same).unwrap()[0].comparison.is_some());
        let found = pair(&a, &other).unwrap();
        assert!(found[0].comparison.is_none() && found[0].errors == [30.0, 30.0]);
        let mut labels = side(&models, None);
        labels.models[0].labels.reverse();
        assert!(pair(&a, &labels).unwrap()[0].comparison.is_none());
    }
}
