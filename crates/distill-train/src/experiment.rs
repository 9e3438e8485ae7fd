mod begin;
mod folds;
mod losses;
mod together;
mod transfer;

use std::sync::{Arc, OnceLock};

use distill_datasets::{Dataset, Subset, select};
use distill_losses::Loss;
use distill_models::{Model, ModelConfig, Network, Standardization, Standardized, Task, Trainable as _};

use self::transfer::LearntFrom;
use crate::compatible::{check_compatible, task_of};
use crate::context::Teacher;
use crate::observer::Observer;
use crate::train::{TrainReport, Training, no_validation, train_from};
use crate::{
    Asked, Checkpoint, FeatureLoss, FeatureTerms, Folds, Hooks, Keep, Recipe, Role, Sets, SoftTargets, TeacherCheck,
    TrainConfig, TrainError, TrainState, Weighting,
};

/// Selections of the data are the same for every seed of a recipe, so that seeds compare models
/// and not data.
const SELECTION_SEED: u64 = 0;

/// A trained model.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The result: the last weights or the best, as the recipe says.
    pub model: Network,
    /// The others, where there is a validation set and they differ.
    pub other: Option<Network>,
    /// What training did.
    pub report: TrainReport,
}

/// What a student learns from: a teacher, and its logits where they were computed before.
#[derive(Clone, Copy)]
pub struct TeacherSignal<'a> {
    /// The teacher.
    pub teacher: &'a dyn Model,
    /// The logits of the teacher for the transfer set. `None`: the teacher is asked for every batch.
    pub targets: Option<&'a SoftTargets>,
}

/// A recipe with its data: trains the three models of a seed, one by one.
pub struct Experiment<'a> {
    recipe: &'a Recipe,
    train: Arc<dyn Dataset>,
    validation: Option<Arc<dyn Dataset>>,
    /// What the student on labels alone learns from.
    labelled: Arc<dyn Dataset>,
    /// The same, what has no labels, and what is made of both.
    transfer: Arc<dyn Dataset>,
    test: Arc<dyn Dataset>,
    /// Parts of the training set, where each teacher sees all but one.
    folds: Option<Arc<Folds>>,
    all: Sets,
    /// Mean and spread of the training set, when a model first needs them.
    standardization: OnceLock<Standardization>,
    /// What students begin with, by role and seed, in place of random weights.
    beginnings: Vec<((Role, u64), Network)>,
    /// The loss of the distilled student, if it replaces that of the recipe.
    loss: Option<&'a dyn Loss>,
}

impl<'a> Experiment<'a> {
    /// Checks the recipe and selects its part of the data: what models are watched and compared on has the classes that
    /// `data.select` leaves, too.
    ///
    /// # Errors
    /// If a setting has no meaning or selects nothing, or the sets do not fit each other.
    pub fn new(recipe: &'a Recipe, sets: Sets) -> Result<Self, TrainError> {
        recipe.validate()?;
        sets.check()?;
        recipe.check_task(sets.train.spec())?;
        recipe.standardize(&*sets.train).size(sets.train.spec())?;
        let Sets { train, validation: given, unlabelled, test } = sets.clone();
        if given.is_some() && recipe.data.validation > 0 {
            let problem = "is set, but the data brings its own validation examples";
            return Err(crate::ConfigProblem::new("data.validation", problem, "leave `validation` out").into());
        }
        let classes = |set: &Arc<dyn Dataset>| recipe.data.select.classes(&**set);
        let (rest, held_out) = match (recipe.data.validation, classes(&train)?) {
            (0, _) => ((0..train.len()).collect(), vec![]),
            (n, None) => select::hold_out(&*train, n, SELECTION_SEED)?,
            (n, Some(of_classes)) => {
                let of_classes = Subset::new(train.clone(), of_classes)?;
                let (rest, held_out) = select::hold_out(&of_classes, n, SELECTION_SEED)?;
                let [rest, held_out] = [rest, held_out]
                    .map(|places| places.into_iter().map(|place| of_classes.base_index(place)).collect::<Vec<_>>());
                (rest, held_out)
            }
        };
        let indices = recipe.data.select.apply(&*train, rest, SELECTION_SEED)?;
        let transfer = recipe.data.transfer.apply(&*train, indices.clone(), SELECTION_SEED)?;
        let subset =
            |indices| -> Result<Arc<dyn Dataset>, TrainError> { Ok(Arc::new(Subset::new(train.clone(), indices)?)) };
        let with_classes = |set: Arc<dyn Dataset>| -> Result<Arc<dyn Dataset>, TrainError> {
            Ok(match classes(&set)? {
                None => set,
                Some(indices) => Arc::new(Subset::new(set, indices)?),
            })
        };
        let (given, test) = (given.map(with_classes).transpose()?, with_classes(test)?);
        // What training is watched on is read after every epoch, and lies all over the file.
        let validation = match train.in_memory(&held_out)? {
            _ if held_out.is_empty() => given,
            Some(copy) => Some(copy),
            None => Some(subset(held_out)?),
        };
        let selected = Subset::new(train.clone(), indices)?;
        let LearntFrom { labelled, transfer } = transfer::sets(recipe, subset(transfer)?, unlabelled)?;
        let folds = folds::of(recipe, &*train, &selected)?;
        let patience = [("train", &recipe.train), ("teacher.train", &recipe.teacher.train)];
        let is_trained = |table: &str| table == "train" || recipe.teacher.weights.is_none();
        for (table, config) in patience {
            if config.early_stopping.is_some() && validation.is_none() && is_trained(table) {
                return Err(no_validation().under(table).into());
            }
        }
        if recipe.teacher.weighting == Weighting::Accuracy && validation.is_none() {
            return Err(together::unvalidated().into());
        }
        let experiment = Self {
            recipe,
            validation,
            labelled,
            transfer,
            train: Arc::new(selected),
            test,
            folds,
            all: sets,
            standardization: OnceLock::new(),
            beginnings: vec![],
            loss: None,
        };
        // Names of classes are known now.
        let is_trained = |role: &Role| role.is_student() || recipe.teacher.weights.is_none();
        for role in [Role::Teacher, Role::Baseline].into_iter().filter(is_trained) {
            experiment.class_weights(role)?;
        }
        Ok(experiment)
    }

    /// The same, but the student with a teacher minimises this loss in place of that of `kd`, with which labels are smoothed.
    ///
    /// The recipe does not know of it: whoever keeps checkpoints or results names it in their context.
    #[must_use]
    pub fn with_loss(self, loss: &'a dyn Loss) -> Self {
        Self { loss: Some(loss), ..self }
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        self.recipe
    }

    /// What models say of an example.
    pub fn task(&self) -> Task {
        task_of(self.train.spec())
    }

    /// All examples of the source, in its order.
    pub fn all(&self) -> &Sets {
        &self.all
    }

    /// What the teacher is trained on.
    pub fn train_set(&self) -> &dyn Dataset {
        &*self.train
    }

    /// What training is watched on, if anything.
    pub fn validation_set(&self) -> Option<&dyn Dataset> {
        self.validation.as_deref()
    }

    /// What the student on labels alone is trained on: the part of the recipe that has labels.
    pub fn labelled_set(&self) -> &dyn Dataset {
        &*self.labelled
    }

    /// What the students with a teacher are trained on: the same, and what has no labels.
    pub fn transfer_set(&self) -> &dyn Dataset {
        &*self.transfer
    }

    /// What the models of a role are trained on; with folds each of several teachers on all but one.
    pub fn set_of(&self, role: Role) -> &Arc<dyn Dataset> {
        match role {
            Role::Teacher | Role::Member => &self.train,
            Role::Baseline => &self.labelled,
            Role::Student => &self.transfer,
        }
    }

    /// What the models are compared on, once, after training.
    pub fn test_set(&self) -> &dyn Dataset {
        &*self.test
    }

    /// How the model of a role is trained.
    pub fn train_config(&self, role: Role) -> &TrainConfig {
        match role {
            Role::Teacher | Role::Member => &self.recipe.teacher.train,
            Role::Baseline | Role::Student => &self.recipe.train,
        }
    }

    /// What the model of a role is built from; `None` for a teacher that comes from a file.
    pub fn model_config(&self, role: Role) -> Option<&ModelConfig> {
        match role {
            Role::Teacher | Role::Member => self.recipe.teacher.model.as_ref(),
            Role::Baseline | Role::Student => Some(&self.recipe.student.model),
        }
    }

    /// Whether a teacher knows enough to teach: on examples that are held out, or else on those to train on. One that comes
    /// from a file has probably seen both, so it is asked about test examples where the data brings no validation examples
    /// along, and about the training examples to compare.
    ///
    /// # Errors
    /// If the teacher does not fit the data.
    pub fn check_teacher(&self, teacher: &dyn Model) -> Result<TeacherCheck, TrainError> {
        TeacherCheck::of(teacher, &self.asked(), self.recipe.teacher.min_accuracy)
    }

    /// How many answers [`check_teacher`](Self::check_teacher) asks for.
    pub fn n_check_answers(&self) -> usize {
        self.asked().n_answers()
    }

    fn asked(&self) -> Asked<'_> {
        let is_given = self.recipe.teacher.weights.is_some();
        let (name, data) = match &self.validation {
            Some(validation) if !is_given || self.all.validation.is_some() => ("validation", validation),
            _ if is_given => ("test", &self.test),
            _ => ("training", &self.train),
        };
        Asked { name, data, train: is_given.then_some(&self.train) }
    }

    /// The teacher's logits for the transfer set, for every view of it where it is augmented, or
    /// `None` where the recipe wants them live.
    ///
    /// # Errors
    /// If the teacher does not fit the data.
    pub fn soft_targets(&self, teacher: &dyn Model) -> Result<Option<SoftTargets>, TrainError> {
        check_compatible("teacher", teacher.spec(), self.transfer.spec())?;
        let compute = || match self.recipe.train.augment.jitter(&self.transfer.spec().input_shape)? {
            None => SoftTargets::compute(teacher, &*self.transfer),
            Some(jitter) => SoftTargets::compute_views(teacher, &*self.transfer, &jitter),
        };
        self.recipe.caches_targets().then(compute).transpose()
    }

    /// An untrained model for a role, with the weights of [`Role::draws_from`].
    ///
    /// The student starts from the weights of the baseline, so that the two differ by the
    /// teacher alone.
    ///
    /// # Errors
    /// [`TrainError::Config`] for a teacher that comes from a file; if the model cannot be built.
    pub fn model(&self, role: Role, seed: u64) -> Result<Network, TrainError> {
        let spec = self.train.spec();
        let config = self.model_config(role).ok_or_else(|| no_model(role))?;
        let network =
            Network::new(config.clone(), spec.input_shape.clone(), spec.classes.clone(), role.draws_from(seed))?;
        Ok(network.with_task(self.task()))
    }

    /// Checks that students of this recipe and a teacher have the inner values that `kd.features` compares. Where the teacher
    /// is trained first, an untrained one is as good.
    ///
    /// # Errors
    /// If one does not, with the key; if the student cannot be built.
    pub fn check_features(&self, teacher: &dyn Model) -> Result<(), TrainError> {
        let seed = self.recipe.seeds.first().copied().unwrap_or_default();
        self.features(&self.model(Role::Student, seed)?, teacher).map(drop)
    }

    /// The losses on inner values, if there are any.
    fn features(&self, student: &dyn Model, teacher: &dyn Model) -> Result<Option<FeatureTerms>, TrainError> {
        let config = self.recipe.kd.features.as_slice();
        let terms = (!config.is_empty()).then(|| FeatureTerms::new(config, student, teacher));
        Ok(terms.transpose().map_err(|problem| problem.under("kd"))?)
    }

    /// Trains the model of a role, from the start or from a checkpoint: teacher and baseline on
    /// labels alone, the student also on what the teacher says. Students see the same batches.
    ///
    /// # Errors
    /// As [`train_from`]; if the teacher or the checkpoint does not fit.
    ///
    /// # Panics
    /// If a student is given no teacher.
    pub fn train(
        &self,
        role: Role,
        seed: u64,
        signal: Option<TeacherSignal<'_>>,
        from: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<Trained, TrainError> {
        let _span = tracing::info_span!("train", role = role.name(), seed).entered();
        let config = self.train_config(role);
        let own = self.loss_of(role)?;
        let features;
        let mut model = self.untrained(role, seed)?;
        let mut hooks = Hooks::default();
        let (loss, teacher): (&dyn Loss, _) = match role {
            Role::Teacher | Role::Member | Role::Baseline => (&*own, Teacher::None),
            Role::Student => {
                let TeacherSignal { teacher, targets } = signal.expect("a student learns from a teacher");
                check_compatible("teacher", teacher.spec(), self.transfer.spec())?;
                features = self.features(&model, teacher)?;
                hooks.features = features.as_ref().map(|features| features as &dyn FeatureLoss);
                (self.loss.unwrap_or(&*own), targets.map_or(Teacher::Live(teacher), Teacher::Cached))
            }
        };
        let validation = self.validation.as_deref();
        let (data, seed) = (&*self.examples_for(role, seed)?, role.draws_from(seed));
        let training = Training { data, validation, loss, teacher, config, seed, hooks };
        let state = match from {
            None => TrainState::new(config.optimizer.clone(), model.params()),
            Some(checkpoint) => checkpoint.restore(&mut model, &config.optimizer)?,
        };
        let report = train_from(&mut model, &training, state, observer)?;
        let best = report.best.as_ref().filter(|best| best.params != *model.params());
        let mut other = best.map(|best| {
            let mut other = model.clone();
            *other.params_mut() = best.params.clone();
            other
        });
        if let (Keep::Best, Some(best)) = (config.keep, &mut other) {
            std::mem::swap(&mut model, best);
        }
        Ok(Trained { model: model.fold(), other: other.map(Standardized::fold), report })
    }
}

fn no_model(role: Role) -> crate::ConfigProblem {
    crate::ConfigProblem::new(
        &format!("{}.model", role.name()),
        "is needed to train one",
        "give a model, or use the file that the recipe names",
    )
}

#[cfg(test)]
mod tests;
