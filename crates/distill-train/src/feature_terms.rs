use std::sync::{Mutex, PoisonError};

use distill_losses::{Attention, LossError, LossValue, RelationalDistance, Similarity, Term};
use distill_models::{MapShape, Model, Tape};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{ConfigProblem, FeatureConfig, FeatureKind, FeatureLoss};

/// Names that an error lists.
const SHOWN: usize = 12;

/// The losses on inner values of a recipe, for one student and one teacher: their sum, each with its weight.
///
/// Every loss is a term of its kind's name, such as `similarity`, before its weight; the second of a kind is `similarity.2`.
///
/// # Examples
/// ```
/// use distill_models::{MlpConfig, Network};
/// use distill_train::{FeatureConfig, FeatureKind, FeatureTerms};
/// let network = |hidden: &[usize]| {
///     let config = MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() };
///     Network::new(config, vec![4], vec!["yes".into(), "no".into()], 1)
/// };
/// let (student, teacher) = (network(&[3])?, network(&[5, 6])?);
/// let (kind, [from, to]) = (FeatureKind::Similarity, ["hidden.0", "hidden.1"].map(str::to_owned));
/// let config = FeatureConfig { kind, student: from, teacher: to, weight: 3000.0 };
/// assert!(FeatureTerms::new(&[config.clone()], &student, &teacher).is_ok());
/// let other = FeatureTerms::new(&[FeatureConfig { student: "hidden.7".into(), ..config }], &student, &teacher);
/// let problem = other.err().map(|problem| problem.to_string()).unwrap_or_default();
/// assert_eq!(problem, "features[0].student is `hidden.7`, which the student does not have");
/// # Ok::<(), distill_models::ModelError>(())
/// ```
pub struct FeatureTerms {
    terms: Vec<Bound>,
}

/// One of them, with all that was found out before the training.
struct Bound {
    term: String,
    student: String,
    teacher: String,
    weight: f64,
    compare: Compare,
}

enum Compare {
    Similarity(Pool<Similarity>),
    RelationalDistance(Pool<RelationalDistance>),
    Attention { student: MapShape, teacher: MapShape, pool: Pool<Attention> },
}

/// Buffers that are used again: as many as there are trainings at a time. None is held while it is locked.
struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    fn new() -> Self {
        Self(Mutex::new(vec![]))
    }

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut one = idle.unwrap_or_default();
        let result = f(&mut one);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        result
    }
}

impl FeatureTerms {
    /// The names of the terms, in order.
    pub fn names(config: &[FeatureConfig]) -> Vec<String> {
        let name = |i: usize| {
            let kind = config[i].kind;
            match config[..i].iter().filter(|other| other.kind == kind).count() {
                0 => kind.name().to_owned(),
                n => format!("{}.{}", kind.name(), n + 1),
            }
        };
        (0..config.len()).map(name).collect()
    }

    /// Finds the values that these losses compare.
    ///
    /// # Errors
    /// If a model has no value of that name, or two values cannot be compared in that way. The path of the problem begins with
    /// `features`.
    pub fn new(config: &[FeatureConfig], student: &dyn Model, teacher: &dyn Model) -> Result<Self, ConfigProblem> {
        let mut terms: Vec<Bound> = vec![];
        for ((i, one), term) in config.iter().enumerate().zip(Self::names(config)) {
            let FeatureConfig { kind, weight, .. } = *one;
            for side in [Side::Student, Side::Teacher] {
                side.check(i, one, if side == Side::Student { student } else { teacher })?;
            }
            let compare = match kind {
                FeatureKind::Similarity => Compare::Similarity(Pool::new()),
                FeatureKind::RelationalDistance => Compare::RelationalDistance(Pool::new()),
                FeatureKind::Attention => attention(i, one, student, teacher)?,
            };
            terms.push(Bound { term, student: one.student.clone(), teacher: one.teacher.clone(), weight, compare });
        }
        Ok(Self { terms })
    }
}

impl FeatureLoss for FeatureTerms {
    fn value_and_grad(&self, student: &mut Tape, teacher: Option<&Tape>) -> Result<LossValue, LossError> {
        let mut loss = LossValue::default();
        for Bound { term, student: of_student, teacher: of_teacher, weight, compare } in &self.terms {
            let missing = |name: &String| LossError::MissingValue { name: name.clone() };
            let to = teacher.and_then(|tape| tape.activation(of_teacher)).ok_or_else(|| missing(of_teacher))?;
            let (from, grad) = student.activation_and_gradient(of_student).ok_or_else(|| missing(of_student))?;
            let value = compare.value_and_grad(from, to, *weight, grad)?;
            loss.total += weight * value;
            loss.terms.set(Term::new(term, value));
        }
        Ok(loss)
    }
}

impl Compare {
    fn value_and_grad(
        &self,
        student: ArrayView2<'_, f32>,
        teacher: ArrayView2<'_, f32>,
        weight: f64,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<f64, LossError> {
        match self {
            Self::Similarity(pool) => pool.with(|loss| loss.value_and_grad(student, teacher, weight, grad)),
            Self::RelationalDistance(pool) => pool.with(|loss| loss.value_and_grad(student, teacher, weight, grad)),
            Self::Attention { student: from, teacher: to, pool } => {
                let maps = (from.view(student), to.view(teacher), from.view_mut(grad));
                let (Some(from), Some(to), Some(grad)) = maps else {
                    return Err(LossError::InnerShapes {
                        student: student.shape().to_vec(),
                        teacher: teacher.shape().to_vec(),
                        reason: "they are no longer the maps that they were before the training",
                    });
                };
                pool.with(|loss| loss.value_and_grad(from, to, weight, grad))
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Student,
    Teacher,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Teacher => "teacher",
        }
    }

    fn value(self, config: &FeatureConfig) -> &str {
        match self {
            Self::Student => &config.student,
            Self::Teacher => &config.teacher,
        }
    }

    fn path(self, i: usize) -> String {
        format!("features[{i}].{}", self.name())
    }

    /// Whether the model has the value, and whether it is one to learn with.
    fn check(self, i: usize, config: &FeatureConfig, model: &dyn Model) -> Result<(), ConfigProblem> {
        let (wanted, values) = (self.value(config), model.inner_values());
        let of_files = "values of an ONNX file are named in `teacher.taps`";
        if values.is_empty() {
            let problem =
                format!("is set, but the {}, {}, shows no inner values", self.name(), model.spec().architecture);
            let help =
                format!("learn from one network of this program or one ONNX file, or leave `features` out; {of_files}");
            return Err(ConfigProblem::new(&self.path(i), problem, help)
                .note("tables of answers, ensembles and systems of specialists answer with logits alone"));
        }
        let names = || values.iter().map(|(name, _)| name.as_str());
        if !names().any(|name| name == wanted) {
            let problem = format!("is `{wanted}`, which the {} does not have", self.name());
            let help = match nearest(wanted, names()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "name one of its values".to_owned(),
            };
            let help = if self == Self::Teacher { format!("{help} {of_files}") } else { help };
            let shown: Vec<&str> = names().take(SHOWN).collect();
            let more = if values.len() > SHOWN { format!(" and {} more", values.len() - SHOWN) } else { String::new() };
            let note = format!("the {} has {}{more}", self.name(), shown.join(", "));
            return Err(ConfigProblem::new(&self.path(i), problem, help).note(note));
        }
        if self == Self::Student && (wanted == "input" || wanted.starts_with("input.")) {
            let help = "name a value after a layer, such as `hidden.0` or `stage.0`";
            return Err(ConfigProblem::new(
                &self.path(i),
                format!("is `{wanted}`, which no trained layer computes"),
                help,
            ));
        }
        Ok(())
    }

    /// The map that a value is.
    fn map(self, i: usize, config: &FeatureConfig, model: &dyn Model) -> Result<MapShape, ConfigProblem> {
        let wanted = self.value(config);
        model.inner_map(wanted).ok_or_else(|| {
            let problem = format!("is `{wanted}`, which is not a map of channels and pixels");
            let maps =
                model.inner_values().into_iter().map(|(name, _)| name).filter(|name| model.inner_map(name).is_some());
            let maps: Vec<String> = maps.take(SHOWN).collect();
            let note = match maps.is_empty() {
                true => format!("the {} has no map", self.name()),
                false => format!("maps of the {} are {}", self.name(), maps.join(", ")),
            };
            let help = "name a map, or compare vectors: `kind = \"similarity\"`, `kind = \"relational-distance\"`";
            ConfigProblem::new(&self.path(i), problem, help).note(note)
        })
    }
}

/// Two maps that can be compared pixel by pixel.
fn attention(
    i: usize,
    config: &FeatureConfig,
    student: &dyn Model,
    teacher: &dyn Model,
) -> Result<Compare, ConfigProblem> {
    let (from, to) = (Side::Student.map(i, config, student)?, Side::Teacher.map(i, config, teacher)?);
    if Attention::common_size((from.rows, from.columns), (to.rows, to.columns)).is_none() {
        let sides = |map: &MapShape| format!("{} by {}", map.rows, map.columns);
        let problem = format!(
            "is `{}` of {} pixels, but the student's `{}` has {}",
            config.teacher,
            sides(&to),
            config.student,
            sides(&from)
        );
        let help = "name two maps of one size, or one with a multiple of the other's rows and columns";
        return Err(ConfigProblem::new(&Side::Teacher.path(i), problem, help)
            .note("the larger is averaged to the size of the smaller"));
    }
    Ok(Compare::Attention { student: from, teacher: to, pool: Pool::new() })
}

/// The name that has the longest beginning and end in common with what was written, if that is most of it.
fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let common = |name: &str| {
        let start = written.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        let end = written.bytes().rev().zip(name.bytes().rev()).take_while(|(a, b)| a == b).count();
        (start + end).min(written.len()).min(name.len())
    };
    let (n, name) = names.map(|name| (common(name), name)).max_by_key(|(n, name)| (*n, usize::MAX - name.len()))?;
    (2 * n > written.len().max(name.len())).then_some(name)
}
