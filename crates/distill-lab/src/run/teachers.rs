use std::path::Path;
use std::sync::Arc;

use distill_models::{Model, Network};
use distill_train::{Measured, Role};

use super::train::{ReadyTeacher, Run};
use crate::asked::check_teacher;
use crate::folder::{ModelResult, WeightsFile};
use crate::preflight::weak_teacher;
use crate::stop::Stop;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::model_file::{self, LoadedModel, sha256};
use distill_recipe::teacher_file::PretrainedTeacher;

impl Run<'_> {
    /// The teacher of the students of all seeds: one that was made before, or several that teach together.
    /// `None` where each seed has a teacher of its own, or nobody needs one.
    pub(super) fn shared_teacher(&mut self, pretrained: &[PretrainedTeacher]) -> Result<Option<ReadyTeacher>, Stop> {
        if !self.roles.contains(&Role::Teacher) {
            return Ok(None);
        }
        let recipe = self.experiment.recipe();
        let (is_ensemble, first) = (recipe.teacher.is_ensemble(), recipe.seeds.first().copied().unwrap_or_default());
        match pretrained.iter().find(|pretrained| pretrained.seed.is_none()) {
            Some(pretrained) if is_ensemble => {
                let mut tests = vec![];
                for (member, number) in pretrained.members.iter().zip(1..) {
                    self.say_done_before(Role::Member, number);
                    let weights = WeightsFile {
                        path: &member.path,
                        n_bytes: member.loaded.n_bytes,
                        sha256: member.loaded.sha256.clone(),
                    };
                    self.listener.note(&format!("\nmember    from {}", member.path.display()));
                    tests.push(self.measured(Role::Member, number, &*member.loaded.model, &weights)?);
                }
                let n_bytes = pretrained.members.iter().map(|member| member.loaded.n_bytes).sum();
                let members = pretrained.members.iter().map(|member| member.loaded.model.clone()).collect();
                self.together(members, &tests, n_bytes, &pretrained.sha256, first).map(Some)
            }
            Some(pretrained) => self.pretrained_teacher(pretrained, first),
            None if is_ensemble => self.trained_members(first).map(Some),
            None => Ok(None),
        }
    }

    /// A teacher from a file, that of this seed or of all.
    fn pretrained_teacher(&mut self, pretrained: &PretrainedTeacher, seed: u64) -> Result<Option<ReadyTeacher>, Stop> {
        let Some(member) = pretrained.members.first() else { return Ok(None) };
        let weights =
            WeightsFile { path: &member.path, n_bytes: member.loaded.n_bytes, sha256: pretrained.sha256.clone() };
        if pretrained.seed.is_none() {
            self.say_done_before(Role::Teacher, seed);
        }
        self.listener.note(&format!("\nteacher   from {}", member.path.display()));
        let test = self.measured(Role::Teacher, seed, &*pretrained.model, &weights)?;
        Ok(Some(ReadyTeacher { model: pretrained.model.clone(), test, sha256: weights.sha256 }))
    }

    /// Trains the teachers of all seeds that teach together.
    fn trained_members(&mut self, first: u64) -> Result<ReadyTeacher, Stop> {
        let (mut members, mut tests, mut hashes, mut n_bytes) = (vec![], vec![], vec![], 0);
        for seed in self.experiment.recipe().teacher.member_seeds() {
            self.say_done_before(Role::Member, seed);
            let (model, test, sha256) = self.trained(Role::Member, seed)?;
            n_bytes += self.result.find(Role::Member, seed).map_or(0, |recorded| recorded.weights_bytes);
            members.push(Arc::new(model) as Arc<dyn Model>);
            tests.push(test);
            hashes.push(sha256);
        }
        let sha256 = sha256(hashes.join(" ").as_bytes());
        let teacher = self.together(members, &tests, n_bytes, &sha256, first)?;
        if self.roles.contains(&Role::Student) {
            self.check_teacher(&*teacher.model, &self.dir.path().join("weights"))?;
        }
        Ok(teacher)
    }

    /// Measures what several teachers say together.
    fn together(
        &mut self,
        members: Vec<Arc<dyn Model>>,
        tests: &[Measured],
        n_bytes: usize,
        sha256: &str,
        seed: u64,
    ) -> Result<ReadyTeacher, Stop> {
        // What they predict is what they say at temperature 1, whatever they teach at.
        let predicting = self.experiment.together(members.clone(), 1.0)?;
        let path = self.dir.path().join("weights");
        let weights = WeightsFile { path: &path, n_bytes, sha256: sha256.to_owned() };
        self.say_done_before(Role::Teacher, seed);
        let test = match self.result.find(Role::Teacher, seed) {
            Some(_) => self.ask(Role::Teacher, &*predicting)?,
            None => {
                self.listener.note(&format!("\nteacher   {}, together", predicting.spec().architecture));
                let (diversity, folds) = (diversity(tests), self.experiment.leak(members.clone())?);
                if let Some(leak) = &folds {
                    self.listener.note(&format!("  training examples: {leak}"));
                }
                self.measure_as(Role::Teacher, seed, &*predicting, &weights, |entry| {
                    (entry.diversity, entry.folds) = (diversity, folds);
                })?
            }
        };
        let temperature = self.experiment.recipe().kd.temperature;
        let model = self.experiment.together(members, temperature)?;
        Ok(ReadyTeacher { model, test, sha256: sha256.to_owned() })
    }

    /// The evaluation of a model from a file, which is written down once.
    fn measured(
        &mut self,
        role: Role,
        seed: u64,
        model: &dyn Model,
        weights: &WeightsFile<'_>,
    ) -> Result<Measured, Stop> {
        match self.result.find(role, seed) {
            Some(_) => self.ask(role, model),
            None => self.measure_as(role, seed, model, weights, |_| {}),
        }
    }

    /// The teacher of a seed: from its file, trained before, or now.
    pub(super) fn teacher(&mut self, seed: u64, pretrained: &[PretrainedTeacher]) -> Result<ReadyTeacher, Stop> {
        if let Some(pretrained) = pretrained.iter().find(|pretrained| pretrained.seed == Some(seed))
            && let Some(teacher) = self.pretrained_teacher(pretrained, seed)?
        {
            return Ok(teacher);
        }
        let (model, test, sha256) = self.trained(Role::Teacher, seed)?;
        if self.roles.contains(&Role::Student) {
            self.check_teacher(&model, &self.dir.weights(Role::Teacher, seed))?;
        }
        Ok(ReadyTeacher { model: Arc::new(model), test, sha256 })
    }

    /// A model on labels alone that this run has finished, or trains now.
    fn trained(&mut self, role: Role, seed: u64) -> Result<(Network, Measured, String), Stop> {
        if let Some(recorded) = self.result.find(role, seed) {
            let loaded = self.trained_before(role, recorded, seed)?;
            let test = self.ask(role, &loaded.model)?;
            return Ok((loaded.model, test, loaded.sha256));
        }
        if let Some(measured) = self.measure_again(role, seed, None)? {
            return Ok(measured);
        }
        let trained = self.fit(role, seed, None, None)?;
        let (test, sha256) = self.keep(role, seed, &trained, None, None)?;
        Ok((trained.model, test, sha256))
    }

    fn check_teacher(&self, model: &dyn Model, place: &Path) -> Result<(), Stop> {
        let check = check_teacher(self.experiment, model, self.listener, Some(self.signals))?;
        match check.passes() {
            true => Ok(()),
            false => Err(weak_teacher(&check, &model.spec().classes).at(place.display()).into()),
        }
    }

    /// The file of a model that this run has finished.
    pub(super) fn trained_before(
        &self,
        role: Role,
        recorded: &ModelResult,
        seed: u64,
    ) -> Result<LoadedModel, Diagnostic> {
        let path = self.dir.weights(role, seed);
        let loaded = model_file::load(&path)?;
        if loaded.sha256 == recorded.weights_sha256 {
            return Ok(loaded);
        }
        Err(Diagnostic::new(Code::RunFile, "the weights of the model are not those that were recorded")
            .at(path.display())
            .note(format!("SHA-256 is {}, was {}", loaded.sha256, recorded.weights_sha256))
            .help("put the file back, or start a new run: it never overwrites this one"))
    }
}

/// The mean part of the examples on which two members name different classes, over all pairs.
fn diversity(tests: &[Measured]) -> Option<f64> {
    let pairs = || tests.iter().enumerate().flat_map(|(i, a)| tests[..i].iter().map(move |b| (a, b)));
    let n = pairs().count();
    (n > 0).then(|| pairs().map(|(a, b)| 1.0 - a.agreement(b)).sum::<f64>() / n as f64)
}
