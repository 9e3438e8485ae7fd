use std::sync::Arc;
use std::time::Instant;

use distill_models::Model;
use distill_train::{SoftTargetFile, SoftTargets, TargetStorage};
use serde_json::json;

use super::job::{Job, without_labels};
use super::store::TargetFacts;
use super::trainer::Trainer;
use crate::asked::soft_targets;
use crate::stop::Stop;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::locate;

/// Bytes of soft targets that are kept for a study that is interrupted. More of them are computed again.
const MAX_KEPT: usize = 256 << 20;

impl Trainer<'_> {
    /// What soft targets of a student depend on; nothing where they are not computed before.
    pub(super) fn target_key(&self, job: &Job) -> Option<String> {
        let (lesson, recipe) = (job.lesson.as_ref()?, &job.setup.recipe);
        let teachers = lesson.key(recipe, &self.data.key);
        let mut data = vec![json!(teachers), json!(recipe.data.validation)];
        data.extend([json!(recipe.data.select), json!(recipe.data.transfer)]);
        data.extend(without_labels(&recipe.data, &self.data.key).map(|(_, value)| value));
        let data = json!(data);
        let views = recipe.train.augment.views_key();
        recipe.caches_targets().then(|| distill_recipe::model_file::sha256(format!("{data} {views}").as_bytes()))
    }

    pub(super) fn targets(&mut self, job: &Job, key: &str, teacher: &dyn Model) -> Result<Arc<SoftTargets>, Stop> {
        if let Some(targets) = self.targets.get(key) {
            return Ok(targets.clone());
        }
        let targets = match self.store.targets(key).filter(|(file, _)| file.teacher_sha256 == key) {
            Some((file, _)) => file.into_targets(),
            None => {
                let begin = Instant::now();
                let setup = &job.setup;
                let (name, n_views) = (&teacher.spec().architecture, setup.recipe.train.augment.n_views().unwrap_or(0));
                if n_views > 1 {
                    self.listener.note(&format!("  asking {name} for {n_views} views of each example"));
                }
                let experiment = self.experiment(setup)?;
                let targets = soft_targets(&experiment, teacher, self.listener, self.signals)
                    .map_err(|error| self.stop(locate(&setup.file, &setup.recipe, error)))?;
                let targets = targets.ok_or_else(|| Diagnostic::new(Code::Bug, "soft targets that are not wanted"))?;
                let facts =
                    TargetFacts { seconds: begin.elapsed().as_secs_f64(), threads: rayon::current_num_threads() };
                self.keep_targets(key, &targets, facts)?;
                targets
            }
        };
        let targets = Arc::new(targets);
        self.targets.insert(key.to_owned(), targets.clone());
        Ok(targets)
    }

    fn keep_targets(&self, key: &str, targets: &SoftTargets, facts: TargetFacts) -> Result<(), Stop> {
        if size_of_val(targets.logits().as_slice().unwrap_or_default()) > MAX_KEPT {
            return Ok(self.store.keep_target_facts(key, facts)?);
        }
        let (classes, data_sha256) = (self.data.sets.test.spec().classes.clone(), self.data.key.sha256.clone());
        let file = SoftTargetFile::new(targets, TargetStorage::F32, classes, data_sha256, key.to_owned())
            .map_err(Diagnostic::from)?;
        Ok(self.store.keep_targets(key, &file, facts)?)
    }
}
