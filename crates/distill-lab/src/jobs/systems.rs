use std::sync::{Arc, Mutex};
use std::time::Instant;

use distill_models::Model;
use distill_specialists::{
    SpecialistConfig, SpecialistSystem, SystemFolder, SystemTraining, cluster_classes, covariance,
};
use ndarray::Array2;

use super::job::{Job, Specialists};
use super::store::TargetFacts;
use super::trainer::{Trainer, lock};
use crate::stop::Stop;
use distill_recipe::Diagnostic;
use distill_recipe::model_file::sha256;

impl Trainer<'_> {
    /// How much a generalist confuses one class with another, by its answers to what training is watched on, else to what it
    /// learned from: their covariance.
    ///
    /// # Errors
    /// If the generalist was not trained before, or fails on the data.
    pub fn confusion(&self, generalist: &Job) -> Result<Array2<f64>, Stop> {
        let model = self.trained(generalist)?;
        let experiment = self.experiment(&generalist.setup)?;
        let data = experiment.validation_set().unwrap_or_else(|| experiment.train_set());
        Ok(covariance(self.answers(&model, data)?.logits()))
    }

    pub(super) fn system_key(&self, generalist: &Job, specialists: &Specialists) -> String {
        let parts = serde_json::json!([generalist.key(&self.data.key), specialists.parts(generalist, &self.data.key)]);
        sha256(parts.to_string().as_bytes())
    }

    /// A generalist with its specialists, which are trained where they are not kept, and what that took in core-seconds.
    ///
    /// # Errors
    /// If the generalist was not trained before, a file is damaged, or a training fails; and [`Stop::Signal`].
    pub fn system(&self, generalist: &Job, specialists: &Specialists) -> Result<(f64, Arc<SpecialistSystem>), Stop> {
        let key = self.system_key(generalist, specialists);
        let folder = SystemFolder::new(self.store.system(&key));
        if let Some(facts) = self.store.system_facts(&key) {
            return Ok((facts.seconds * facts.threads as f64, Arc::new(folder.load().map_err(Diagnostic::from)?)));
        }
        let (start, threads) = (Instant::now(), rayon::current_num_threads());
        let model = self.trained(generalist)?;
        let experiment = self.experiment(&generalist.setup)?;
        let confusion = self.confusion(generalist)?;
        let clusters = cluster_classes(confusion.view(), &specialists.clusters).map_err(Diagnostic::from)?;
        let recipe = &specialists.setup.recipe;
        let config = SpecialistConfig { train: recipe.train.clone(), alpha: recipe.kd.alpha, seed: generalist.seed };
        let training = SystemTraining {
            generalist: &model,
            data: experiment.set_of(generalist.role),
            data_sha256: &self.data.key.sha256,
            clusters: &clusters,
            config: &config,
            top: specialists.top,
            stop: &|| self.signals.received().is_some(),
        };
        let core_seconds = start.elapsed().as_secs_f64() * threads as f64;
        let last = Mutex::new(Instant::now());
        let done = |number| {
            // Threads help each other, so a specialist took what has passed since the one before it was done.
            let seconds = std::mem::replace(&mut *lock(&last), Instant::now()).elapsed().as_secs_f64();
            // Where this cannot be written the time on the page is too short, and nothing else is wrong.
            let _ = self.store.keep_specialist_facts(&key, number, TargetFacts { seconds, threads });
        };
        let trained = folder.train(&training, &done);
        if let Some(signal) = self.signals.received() {
            return Err(Stop::Signal(signal));
        }
        let system = trained.map_err(Diagnostic::from)?;
        // Those that were trained before this was interrupted have their times, too.
        let times = (0..clusters.len()).filter_map(|number| self.store.specialist_facts(&key, number));
        let core_seconds = core_seconds + times.map(|facts| facts.seconds * facts.threads as f64).sum::<f64>();
        let facts = TargetFacts { seconds: core_seconds / threads as f64, threads };
        self.store.keep_system_facts(&key, facts)?;
        self.listener.note(&format!(
            "  {}, seed {}: {} specialists, {:.1} s",
            model.spec().architecture,
            generalist.seed,
            clusters.len(),
            facts.seconds
        ));
        Ok((facts.seconds * facts.threads as f64, Arc::new(system)))
    }
}

#[cfg(test)]
mod tests {
    use distill_datasets::Images;
    use distill_specialists::ClusterConfig;
    use distill_train::{Experiment, Fingerprint, Sets};

    use super::super::data::{Data, DataKey};
    use super::super::job::Setup;
    use super::super::store::Store;
    use super::*;
    use crate::event::NullListener;
    use crate::folder::RunDir;
    use crate::signals::Signals;

    const TEXT: &str = "data = { source = 'mnist', select = { fraction = 0.5 } }\n\
        teacher = { model = { hidden = [6] }, train = { epochs = 3, batch = 16 } }\n\
        student = { model = { hidden = [6] } }\ntrain = { epochs = 2, batch = 16 }\n";

    /// Examples of six classes, of which those that are not `kept` look like those of another one.
    fn sets(kept: impl Fn(usize) -> bool) -> Sets {
        let set = |n: usize, kept: &dyn Fn(usize) -> bool| {
            let class = |i: usize| if kept(i) { i % 6 } else { (i + 1) % 6 };
            let pixel = |i: usize, at: usize| (100 * usize::from(at == class(i)) + (i * 37 + at * 11) % 97) as u8;
            let pixels = (0..n).flat_map(|i| (0..6).map(move |at| pixel(i, at))).collect();
            let classes = (0..6).map(|class| format!("c{class}")).collect();
            Arc::new(Images::new(vec![6], pixels, (0..n).map(|i| (i % 6) as u32).collect(), classes).unwrap())
        };
        Sets { train: set(180, &kept), validation: None, unlabelled: None, test: set(30, &|_| true) }
    }

    fn ok<T>(found: Result<T, Stop>) -> T {
        found.unwrap_or_else(|stop| panic!("{stop:?}"))
    }

    /// A study of these sets with a trained generalist.
    fn with_lab<T>(sets: Sets, f: impl FnOnce(&Trainer<'_>, &Job, &Specialists, &RunDir) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::study(folder.path(), "study").unwrap();
        let (signals, setup) = (Signals::default(), Setup::new("t.toml", TEXT, &[]).unwrap());
        let data = Data { sets, key: DataKey { sha256: "d".to_owned(), ..DataKey::default() } };
        let mut lab = Trainer::new("study", Store::new(&dir), &NullListener, &signals, data);
        let generalist = setup.teacher(1);
        ok(lab.train(std::slice::from_ref(&generalist)));
        let clusters = ClusterConfig { clusters: 2, size: Some(2), ..ClusterConfig::default() };
        f(&lab, &generalist, &Specialists { setup, clusters, top: 1 }, &dir)
    }

    #[test]
    fn specialists_see_what_their_generalist_may_see() {
        let (setup, all) = (Setup::new("t.toml", TEXT, &[]).unwrap(), sets(|_| true));
        let seen = Fingerprint::of(Experiment::new(&setup.recipe, all.clone()).unwrap().train_set()).unwrap();
        let seen = Fingerprint::of(&*all.train).unwrap().shared_with(&seen);
        assert_eq!(seen.len(), 90);
        // Whatever the others are.
        let found = [all, sets(|i| seen.contains(&i))].map(|sets| {
            with_lab(sets, |lab, generalist, specialists, _| {
                let weights = |system: &SpecialistSystem| {
                    let of = |one: &distill_specialists::Specialist| {
                        (one.classes().to_vec(), distill_models::Trainable::params(one.model()).as_slice().to_vec())
                    };
                    system.specialists().iter().map(of).collect::<Vec<_>>()
                };
                (ok(lab.confusion(generalist)), weights(&ok(lab.system(generalist, specialists)).1))
            })
        });
        assert_eq!(found[0].1.len(), 2);
        assert!(found[0] == found[1]);
    }

    #[test]
    fn the_time_of_specialists_is_that_of_all_sessions() {
        with_lab(sets(|_| true), |lab, generalist, specialists, dir| {
            let (first, _) = ok(lab.system(generalist, specialists));
            assert_eq!(ok(lab.system(generalist, specialists)).0, first);
            // As if it was interrupted when one was done.
            let key = lab.system_key(generalist, specialists);
            lab.store.keep_specialist_facts(&key, 0, TargetFacts { seconds: 1000.0, threads: 3 }).unwrap();
            for file in ["facts.json", "specialist-001.safetensors"] {
                std::fs::remove_file(dir.path().join("systems").join(format!("{key:.24}")).join(file)).unwrap();
            }
            let (second, _) = ok(lab.system(generalist, specialists));
            assert!((3000.0..3600.0).contains(&second), "{second}");
        });
    }
}
