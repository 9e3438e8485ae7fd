use std::sync::Arc;
use std::time::Instant;

use distill_models::Model;
use distill_specialists::{
    SpecialistConfig, SpecialistError, SpecialistSystem, SystemFolder, SystemTraining, cluster_classes, covariance,
};
use distill_train::{SoftTargets, TrainError};
use ndarray::Array2;

use super::job::{Job, Specialists};
use super::lab::Lab;
use super::store::TargetFacts;
use super::watch::Stop;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::model_file::sha256;

impl From<SpecialistError> for Diagnostic {
    fn from(error: SpecialistError) -> Self {
        match error {
            SpecialistError::Train(error) => error.into(),
            SpecialistError::Model(error) => TrainError::from(error).into(),
            SpecialistError::Data(error) => error.into(),
            SpecialistError::Io { path, source } => {
                Self::io("cannot keep or read a specialist", Some(&path), source).help("check who may write there")
            }
            SpecialistError::File { path, problem } => Self::new(Code::ModelFile, problem)
                .at(path.display())
                .help("copy the whole folder again; one of a study is trained again when it is removed"),
            SpecialistError::Classes { .. } | SpecialistError::Setting { .. } => {
                Self::new(Code::Value, error.to_string()).help("ask for fewer clusters, or larger ones")
            }
            other => Self::new(Code::Bug, other.to_string()),
        }
    }
}

impl Lab<'_> {
    /// How much a generalist confuses one class with another, by its answers to what training is watched on, else to what it
    /// learned from: their covariance.
    pub(crate) fn confusion(&self, generalist: &Job) -> Result<Array2<f64>, Stop> {
        let model = self.trained(generalist)?;
        let data = self.data.sets.validation.as_ref().unwrap_or(&self.data.sets.train);
        Ok(covariance(SoftTargets::compute(&model, &**data)?.logits()))
    }

    pub(super) fn system_key(&self, generalist: &Job, specialists: &Specialists) -> String {
        let parts = serde_json::json!([generalist.key(&self.data.sha256), specialists.parts()]);
        sha256(parts.to_string().as_bytes())
    }

    /// A generalist with its specialists, which are trained where they are not kept, and what that took in core-seconds.
    pub(crate) fn system(
        &self,
        generalist: &Job,
        specialists: &Specialists,
    ) -> Result<(f64, Arc<SpecialistSystem>), Stop> {
        let key = self.system_key(generalist, specialists);
        let folder = SystemFolder::new(self.store.system(&key));
        if let Some(facts) = self.store.system_facts(&key) {
            return Ok((facts.seconds * facts.threads as f64, Arc::new(folder.load().map_err(Diagnostic::from)?)));
        }
        let start = Instant::now();
        let model = self.trained(generalist)?;
        let confusion = self.confusion(generalist)?;
        let clusters = cluster_classes(confusion.view(), &specialists.clusters).map_err(Diagnostic::from)?;
        let recipe = &specialists.setup.recipe;
        let config = SpecialistConfig { train: recipe.train.clone(), alpha: recipe.kd.alpha, seed: generalist.seed };
        let training = SystemTraining {
            generalist: &model,
            data: &self.data.sets.train,
            data_sha256: &self.data.sha256,
            clusters: &clusters,
            config: &config,
            top: specialists.top,
            stop: &|| self.signals.received().is_some(),
        };
        let trained = folder.train(&training, &|_| {});
        if let Some(signal) = self.signals.received() {
            return Err(Stop::Signal(signal));
        }
        let system = trained.map_err(Diagnostic::from)?;
        let facts = TargetFacts { seconds: start.elapsed().as_secs_f64(), threads: rayon::current_num_threads() };
        self.store.keep_system_facts(&key, facts)?;
        self.output.progress(&format!(
            "  {}, seed {}: {} specialists, {:.1} s",
            model.spec().architecture,
            generalist.seed,
            clusters.len(),
            facts.seconds
        ));
        Ok((facts.seconds * facts.threads as f64, Arc::new(system)))
    }
}
