use std::sync::Arc;

use distill_datasets::{Dataset, Subset, select};
use distill_losses::{CrossEntropy, Loss};
use distill_models::{Mlp, MlpConfig, Model};

use crate::fit::check_fit;
use crate::observer::Observer;
use crate::step::Teacher;
use crate::train::{TrainReport, Training, train};
use crate::{Evaluation, Recipe, SoftTargets, TrainConfig, TrainError, evaluate};

/// Selections of the data are the same for every seed of a recipe, so that seeds compare models
/// and not data.
const SELECTION_SEED: u64 = 0;

/// What a model is for in an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Gives the soft targets.
    Teacher,
    /// The student on labels alone.
    Baseline,
    /// The student on labels and soft targets.
    Student,
}

impl Role {
    /// `teacher`, `baseline` or `student`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Baseline => "baseline",
            Self::Student => "student",
        }
    }
}

/// A trained model and how it does on the test set.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The model.
    pub model: Mlp,
    /// What training did.
    pub report: TrainReport,
    /// How it does on the test set.
    pub test: Evaluation,
}

/// A recipe with its data: trains the three models of a seed, one by one.
pub struct Experiment<'a> {
    recipe: &'a Recipe,
    train: Arc<dyn Dataset>,
    validation: Option<Arc<dyn Dataset>>,
    transfer: Arc<dyn Dataset>,
    test: Arc<dyn Dataset>,
}

impl<'a> Experiment<'a> {
    /// Checks the recipe and selects its part of the data.
    ///
    /// # Errors
    /// If a setting has no meaning or selects nothing, or the two sets do not fit each other.
    pub fn new(recipe: &'a Recipe, train: Arc<dyn Dataset>, test: Arc<dyn Dataset>) -> Result<Self, TrainError> {
        recipe.validate()?;
        let (a, b) = (train.spec(), test.spec());
        if a != b {
            return Err(TrainError::Sets {
                train_shape: a.input_shape.clone(),
                train_classes: a.classes.len(),
                test_shape: b.input_shape.clone(),
                test_classes: b.classes.len(),
            });
        }
        let (rest, held_out) = match recipe.data.validation {
            0 => ((0..train.len()).collect(), vec![]),
            n => select::hold_out(&*train, n, SELECTION_SEED)?,
        };
        let indices = recipe.data.select.apply(&*train, rest, SELECTION_SEED)?;
        let transfer = recipe.data.transfer.apply(&*train, indices.clone(), SELECTION_SEED)?;
        let subset =
            |indices| -> Result<Arc<dyn Dataset>, TrainError> { Ok(Arc::new(Subset::new(train.clone(), indices)?)) };
        Ok(Self {
            recipe,
            validation: if held_out.is_empty() { None } else { Some(subset(held_out)?) },
            transfer: subset(transfer)?,
            train: subset(indices)?,
            test,
        })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        self.recipe
    }

    /// What the teacher is trained on.
    pub fn train_set(&self) -> &dyn Dataset {
        &*self.train
    }

    /// What training is watched on, if anything.
    pub fn validation_set(&self) -> Option<&dyn Dataset> {
        self.validation.as_deref()
    }

    /// What the students are trained on.
    pub fn transfer_set(&self) -> &dyn Dataset {
        &*self.transfer
    }

    /// What the models are compared on, once, after training.
    pub fn test_set(&self) -> &dyn Dataset {
        &*self.test
    }

    /// How the model of a role is trained.
    pub fn train_config(&self, role: Role) -> &TrainConfig {
        match role {
            Role::Teacher => &self.recipe.teacher.train,
            Role::Baseline | Role::Student => &self.recipe.train,
        }
    }

    /// What the model of a role is built from; `None` for a teacher that comes from a file.
    pub fn model_config(&self, role: Role) -> Option<&MlpConfig> {
        match role {
            Role::Teacher => self.recipe.teacher.model.as_ref(),
            Role::Baseline | Role::Student => Some(&self.recipe.student.model),
        }
    }

    /// Trains the teacher of the recipe on labels.
    ///
    /// # Errors
    /// As [`train()`]; [`TrainError::Config`] if the recipe has a teacher from a file.
    pub fn teacher(&self, seed: u64, observer: &mut dyn Observer) -> Result<Trained, TrainError> {
        self.fit(Role::Teacher, seed, &CrossEntropy, Teacher::None, observer)
    }

    /// Trains the student on labels alone.
    ///
    /// # Errors
    /// As [`train()`].
    pub fn baseline(&self, seed: u64, observer: &mut dyn Observer) -> Result<Trained, TrainError> {
        self.fit(Role::Baseline, seed, &CrossEntropy, Teacher::None, observer)
    }

    /// The teacher's logits for the transfer set, or `None` where the recipe wants them live.
    ///
    /// # Errors
    /// If the teacher does not fit the data.
    pub fn soft_targets(&self, teacher: &dyn Model) -> Result<Option<SoftTargets>, TrainError> {
        check_fit("teacher", teacher.spec(), self.transfer.spec())?;
        let compute = || SoftTargets::compute(teacher, &*self.transfer);
        self.recipe.caches_targets().then(compute).transpose()
    }

    /// Trains the student on labels and on what the teacher says.
    ///
    /// It starts from the weights of the baseline and sees the same batches, so that the two
    /// differ by the teacher alone.
    ///
    /// # Errors
    /// As [`train()`]; if the teacher does not fit the data.
    pub fn student(
        &self,
        seed: u64,
        teacher: &dyn Model,
        targets: Option<&SoftTargets>,
        observer: &mut dyn Observer,
    ) -> Result<Trained, TrainError> {
        check_fit("teacher", teacher.spec(), self.transfer.spec())?;
        let loss = self.recipe.kd.loss().map_err(|problem| problem.under("kd"))?;
        let teacher = targets.map_or(Teacher::Live(teacher), Teacher::Cached);
        self.fit(Role::Student, seed, &loss, teacher, observer)
    }

    fn fit(
        &self,
        role: Role,
        seed: u64,
        loss: &dyn Loss,
        teacher: Teacher<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Trained, TrainError> {
        let _span = tracing::info_span!("train", role = role.name(), seed).entered();
        let data = if role == Role::Teacher { &*self.train } else { &*self.transfer };
        let spec = data.spec();
        let config = self.model_config(role).ok_or_else(|| no_model(role))?;
        let mut model = Mlp::new(config.clone(), spec.input_shape.clone(), spec.classes.clone(), seed)?;
        let training = Training {
            data,
            validation: self.validation.as_deref(),
            loss,
            teacher,
            config: self.train_config(role),
            seed,
        };
        let report = train(&mut model, &training, observer)?;
        let test = evaluate(&model, &*self.test)?;
        Ok(Trained { model, report, test })
    }
}

fn no_model(role: Role) -> crate::ConfigProblem {
    crate::ConfigProblem::new(
        &format!("{}.model", role.name()),
        "is needed to train one",
        "give a model, or use the file that the recipe names",
    )
}
