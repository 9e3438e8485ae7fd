use std::sync::Arc;

use distill_models::{Model, Network, Provenance, to_safetensors};
use distill_train::{Measured, Recipe, Role, TrainError, Trained, measure};

use super::train::Run;
use crate::asked::Asked;
use crate::evaluation_files;
use crate::folder::Identity;
use crate::folder::weights_name;
use crate::folder::{ModelResult, WeightsFile};
use crate::latency::Latency;
use crate::roles::heading;
use crate::stop::Stop;
use crate::view::{GALLERY, collect, gallery};
use distill_recipe::Diagnostic;
use distill_recipe::data_folder::remember;
use distill_recipe::data_source::DataSource;
use distill_recipe::model_file::{self, LoadedModel, sha256};

impl Run<'_> {
    /// Compares the students of all seeds, and writes that down.
    pub(crate) fn compare(&mut self) -> Result<(), Diagnostic> {
        self.result.comparison = collect(&[self.dir.path().to_owned()])?.result.comparison;
        self.write_result()
    }

    /// Writes down examples of the test set that are worth a look, with what the models of the
    /// first seed say of them.
    pub(crate) fn write_gallery(&self) -> Result<(), Stop> {
        let recipe = self.experiment.recipe();
        let has_classes = self.experiment.test_set().spec().numbers.is_none();
        let first = recipe.seeds.first().filter(|_| has_classes && self.roles.contains(&Role::Student));
        let Some(&seed) = first else { return Ok(()) };
        let teacher: Arc<dyn Model> = match &self.other_teacher {
            Some(teacher) => teacher.clone(),
            None => Arc::new(model_file::load(&self.dir.weights(Role::Teacher, seed))?.model),
        };
        let student = model_file::load(&self.dir.weights(Role::Student, seed))?.model;
        let baseline = self.dir.weights(Role::Baseline, seed);
        let baseline = self.roles.contains(&Role::Baseline).then(|| model_file::load(&baseline)).transpose()?;
        let n_test = self.experiment.test_set().len();
        let teacher = Asked::new(&*teacher, "the teacher", n_test, self.listener).until(self.signals);
        let models = gallery::Models {
            teacher: &teacher,
            student: &student,
            baseline: baseline.as_ref().map(|loaded| &loaded.model as &dyn distill_models::Model),
        };
        let gallery = gallery::choose(self.experiment.test_set(), &models, recipe.kd.temperature)?;
        let json = serde_json::to_string(&gallery)
            .map_err(|error| Diagnostic::io("cannot write the gallery as JSON", None, error))?;
        self.dir.write(GALLERY, format!("{json}\n").as_bytes())?;
        Ok(())
    }

    /// Writes the weights of a model and what was measured; returns its evaluation and the hash of
    /// its file.
    pub(super) fn keep(
        &mut self,
        role: Role,
        seed: u64,
        trained: &Trained,
        teacher: Option<&Measured>,
        teacher_sha256: Option<&str>,
    ) -> Result<(Measured, String), Stop> {
        let bytes = self.safetensors(role, seed, &trained.model, teacher_sha256)?;
        let path = self.dir.write(&weights_name(role, seed), &bytes)?;
        if let Some(other) = &trained.other {
            let bytes = self.safetensors(role, seed, other, teacher_sha256)?;
            let name = match self.experiment.train_config(role).keep {
                distill_train::Keep::Last => "best",
                distill_train::Keep::Best => "last",
            };
            self.dir.write(&format!("weights/{}-seed{seed}-{name}.safetensors", role.name()), &bytes)?;
        }
        let weights = WeightsFile { path: &path, n_bytes: bytes.len(), sha256: sha256(&bytes) };
        let entry = ModelResult::new(role, seed, trained.model.spec(), &weights, Some(&trained.report));
        let test = self.measure(role, seed, &trained.model, entry, teacher)?;
        self.remove_checkpoints(role, seed);
        Ok((test, weights.sha256))
    }

    /// A model that is in the result is trained no more.
    fn remove_checkpoints(&self, role: Role, seed: u64) {
        if !self.experiment.recipe().checkpoint.keep_finished {
            self.dir.remove_checkpoints(role, seed);
        }
    }

    /// Those that earlier versions, or a process that was ended, have left of finished models, and the folder of all.
    pub(super) fn remove_all_checkpoints(&self) {
        let models: Vec<(Role, u64)> =
            Role::ALL.into_iter().flat_map(|role| self.result.of(role).map(move |model| (role, model.seed))).collect();
        for (role, seed) in models {
            self.remove_checkpoints(role, seed);
        }
        // Only if nothing is in it.
        let _ = std::fs::remove_dir(self.dir.path().join("checkpoints"));
    }

    /// Evaluates a trained model on the test set and writes down what is found.
    fn measure(
        &mut self,
        role: Role,
        seed: u64,
        model: &dyn Model,
        entry: ModelResult,
        teacher: Option<&Measured>,
    ) -> Result<Measured, Stop> {
        let test = self.evaluate(role, seed, model).inspect_err(|_| {
            // The model is not lost where the test set is to blame. The first error is the one to hear of.
            self.result.put(entry.clone());
            let _ = self.write_result();
        })?;
        let latency = self.latency(model)?;
        self.record(ModelResult { latency, ..entry.measured(&test, self.names(), teacher) })?;
        self.warn_of_chance(role, &test)?;
        Ok(test)
    }

    /// Measures a model that was trained before and whose measurement is missing, or of another test set.
    pub(super) fn measure_again(
        &mut self,
        role: Role,
        seed: u64,
        teacher: Option<&Measured>,
    ) -> Result<Option<(Network, Measured, String)>, Stop> {
        let Some(entry) = self.result.unmeasured(role, seed).cloned() else { return Ok(None) };
        let LoadedModel { model, sha256, .. } = self.trained_before(role, &entry, seed)?;
        self.listener.note(&format!("{:<9} trained before, seed {seed}, measured again", heading(role)));
        let test = self.measure(role, seed, &model, entry, teacher)?;
        self.remove_checkpoints(role, seed);
        Ok(Some((model, test, sha256)))
    }

    fn latency(&self, model: &dyn Model) -> Result<Option<Latency>, Stop> {
        self.listener.note("  timing it on one example at a time");
        Ok(Some(Latency::measure(model, self.experiment.test_set())?))
    }

    /// The same of a model that is not trained here, of which there is more to say.
    pub(super) fn measure_as(
        &mut self,
        role: Role,
        seed: u64,
        model: &dyn Model,
        weights: &WeightsFile<'_>,
        say: impl FnOnce(&mut ModelResult),
    ) -> Result<Measured, Stop> {
        let test = self.evaluate(role, seed, model)?;
        let mut entry = ModelResult::new(role, seed, model.spec(), weights, None).measured(&test, self.names(), None);
        entry.latency = self.latency(model)?;
        say(&mut entry);
        self.record(entry)?;
        Ok(test)
    }

    fn evaluate(&self, role: Role, seed: u64, model: &dyn Model) -> Result<Measured, Stop> {
        let _span = tracing::info_span!("evaluate", role = role.name(), seed).entered();
        let test = self.ask(role, model)?;
        for (name, table) in evaluation_files::all(&test, self.names()) {
            self.dir.write(&format!("eval/{}-seed{seed}/{name}", role.name()), table.as_bytes())?;
        }
        Ok(test)
    }

    /// What the outputs of all models are called.
    fn names(&self) -> &[String] {
        &self.experiment.test_set().spec().classes
    }

    /// Asks a model about the test set.
    pub(super) fn ask(&self, role: Role, model: &dyn Model) -> Result<Measured, Stop> {
        let (data, what) = (self.experiment.test_set(), format!("the {}", role.name()));
        let asked = Asked::new(model, &what, data.len(), self.listener).until(self.signals);
        Ok(measure(&asked, data).map_err(|error| error.of_set("test"))?)
    }

    fn safetensors(
        &self,
        role: Role,
        seed: u64,
        model: &Network,
        teacher_sha256: Option<&str>,
    ) -> Result<Vec<u8>, Stop> {
        let recipe = self.experiment.recipe();
        let mut provenance = provenance(recipe, &self.identity, self.inputs, role, seed);
        if let Some(sha256) = teacher_sha256 {
            provenance.insert("teacher_sha256".to_owned(), sha256.to_owned());
        }
        if let Some(sha256) = self.identity.student_sha256.as_ref().filter(|_| role.is_student()) {
            provenance.insert("began_with_sha256".to_owned(), sha256.clone());
        }
        provenance.extend(remember(&recipe.data, &*self.experiment.all().train));
        Ok(to_safetensors(model, &provenance).map_err(TrainError::from)?)
    }
}

/// What a file says of where the model comes from. No time and no path: equal runs give equal files.
/// `inputs` are mean and standard deviation of the training inputs.
pub(crate) fn provenance(
    recipe: &Recipe,
    identity: &Identity,
    inputs: (f64, f64),
    role: Role,
    seed: u64,
) -> Provenance {
    let pairs = [
        ("program", concat!("distill ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("recipe", recipe.name.clone()),
        ("recipe_sha256", identity.recipe_sha256.clone()),
        ("data", DataSource::kind(&recipe.data.source).to_owned()),
        ("data_sha256", identity.data_sha256.clone()),
        ("input_mean", format!("{:.4}", inputs.0)),
        ("input_sd", format!("{:.4}", inputs.1)),
        ("role", role.name().to_owned()),
        ("seed", seed.to_string()),
    ];
    Provenance::from(pairs.map(|(name, value)| (name.to_owned(), value)))
}
