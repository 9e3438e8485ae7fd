use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use distill_datasets::Dataset;
use distill_models::{Ensemble, Model, ModelError, Network, Provenance};
use distill_train::{
    CheckpointContext, CheckpointStore, Disk, Experiment, SoftTargets, TeacherSignal, TrainError, measure,
};

use super::data::Data;
use super::job::{Job, Setup, Specialists, Teachers, Training};
use super::store::Store;
use super::watch::{Progress, Watch};
use crate::event::{Event, Listener};
use crate::facts::Facts;
use crate::folder::durable_folder;
use crate::saving::Saving;
use crate::signals::Signals;
use crate::stop::Stop;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::locate;
use distill_recipe::model_file::sha256;
use distill_recipe::teacher_file::{PretrainedTeacher, answer_settings};

/// Trains what rows ask for, each model once, several at a time.
pub struct Trainer<'a> {
    /// The study, for what weights say of where they come from.
    name: &'static str,
    pub(crate) store: Store<'a>,
    pub(crate) listener: &'a dyn Listener,
    pub(crate) signals: &'a Signals,
    /// What all models of the study learn from and are tested on.
    pub data: Data,
    /// Models that teach.
    teachers: HashMap<String, Arc<dyn Model>>,
    /// Those of what is trained now: all of a study may be more than the memory holds.
    pub(super) targets: HashMap<String, Arc<SoftTargets>>,
    /// Core-seconds of what the present row needs, whenever it was made.
    spent: BTreeMap<String, f64>,
    /// How its models are trained.
    trainings: BTreeSet<Training>,
}

impl<'a> Trainer<'a> {
    /// A trainer for the study of this name, which trains nothing yet.
    pub fn new(
        name: &'static str,
        store: Store<'a>,
        listener: &'a dyn Listener,
        signals: &'a Signals,
        data: Data,
    ) -> Self {
        Self {
            name,
            store,
            listener,
            signals,
            data,
            teachers: HashMap::new(),
            targets: HashMap::new(),
            spent: BTreeMap::new(),
            trainings: BTreeSet::new(),
        }
    }

    /// Trains the models that are not there yet, and says what is known of each.
    ///
    /// # Errors
    /// If a training fails, a file cannot be read or written, or the listener wants no more; and [`Stop::Signal`]. What is
    /// finished by then is kept.
    pub fn train(&mut self, jobs: &[Job]) -> Result<Vec<Facts>, Stop> {
        let mut teachers: Vec<Job> = vec![];
        for job in jobs.iter().filter_map(|job| job.teachers.as_ref()).flat_map(|teachers| &teachers.jobs) {
            if teachers.iter().all(|other| other.key(&self.data.key) != job.key(&self.data.key)) {
                teachers.push(job.clone());
            }
        }
        if !teachers.is_empty() {
            self.train(&teachers)?;
        }
        let mut due: Vec<Due<'_>> = vec![];
        let mut seen = HashSet::new();
        for job in jobs {
            self.trainings.insert(Training::of(job));
            let key = job.key(&self.data.key);
            if self.store.facts(&key)?.is_some() {
                // Who was killed right after the facts were written has left them.
                self.store.drop_checkpoints(&key);
            } else if seen.insert(key.clone()) {
                due.push(self.prepare(job, key)?);
            }
        }
        self.train_all(due)?;
        self.targets.clear();
        let mut found = vec![];
        for job in jobs {
            let key = job.key(&self.data.key);
            let facts = self.store.facts(&key)?.ok_or_else(untrained)?;
            self.spend(&key, facts.seconds, facts.threads);
            if let Some(key) = self.target_key(job)
                && let Some(facts) = self.store.target_facts(&key)
            {
                self.spend(&key, facts.seconds, facts.threads);
            }
            found.push(facts);
        }
        Ok(found)
    }

    fn spend(&mut self, key: &str, seconds: f64, threads: usize) {
        self.spent.insert(key.to_owned(), seconds * threads as f64);
    }

    /// Counts what specialists took, whenever they were made, into [`Trainer::take_spent`].
    pub fn spend_on_system(&mut self, generalist: &Job, specialists: &Specialists, core_seconds: f64) {
        self.spent.insert(self.system_key(generalist, specialists), core_seconds);
    }

    /// Core-seconds of training and of asking teachers since this was last asked.
    pub fn take_spent(&mut self) -> f64 {
        std::mem::take(&mut self.spent).into_values().sum()
    }

    /// How the models were trained that rows needed since this was last asked.
    pub fn take_trainings(&mut self) -> Vec<Training> {
        std::mem::take(&mut self.trainings).into_iter().collect()
    }

    /// The recipe of a job with its part of the data.
    pub(super) fn experiment<'s>(&self, setup: &'s Setup) -> Result<Experiment<'s>, Diagnostic> {
        Experiment::new(&setup.recipe, self.data.sets.clone())
            .map_err(|error| locate(&setup.file, &setup.recipe, error))
    }

    /// How many examples a recipe has for what.
    ///
    /// # Errors
    /// If recipe and data do not fit together.
    pub fn sizes(&self, setup: &Setup) -> Result<Sizes, Diagnostic> {
        let experiment = self.experiment(setup)?;
        Ok(Sizes {
            labelled: experiment.labelled_set().len(),
            transfer: experiment.transfer_set().len(),
            validation: experiment.validation_set().map_or(0, Dataset::len),
        })
    }

    /// The weights of a model.
    ///
    /// # Errors
    /// If the file is missing or is not what was written.
    pub fn model(&self, facts: &Facts) -> Result<Network, Diagnostic> {
        self.store.model(facts)
    }

    /// A model that was trained before.
    pub(super) fn trained(&self, job: &Job) -> Result<Network, Diagnostic> {
        let facts = self.store.facts(&job.key(&self.data.key))?.ok_or_else(untrained)?;
        self.store.model(&facts)
    }

    /// The teacher of a recipe that comes from files; `None` where the recipe trains it.
    ///
    /// # Errors
    /// If a file cannot be read or does not fit the data.
    pub fn given(&mut self, setup: &Setup) -> Result<Option<Teachers>, Diagnostic> {
        let (recipe, experiment) = (&setup.recipe, self.experiment(setup)?);
        let seed = recipe.seeds.first().copied().unwrap_or_default();
        let Some(found) = PretrainedTeacher::load_for(&experiment, seed)? else { return Ok(None) };
        let key = sha256(format!("{} {}", found.sha256, answer_settings(recipe)).as_bytes());
        self.teachers.insert(key.clone(), found.model);
        Ok(Some(Teachers { given: Some(key), ..Teachers::several(vec![], recipe.teacher.average) }))
    }

    /// Several teachers as one, averaged at a temperature. Those that come from files are one already.
    ///
    /// # Errors
    /// If one of them was not trained before, or they do not belong together; for specialists as [`Trainer::system`].
    pub fn ensemble(&mut self, teachers: &Teachers, temperature: f64) -> Result<Arc<dyn Model>, Stop> {
        if let (Some(specialists), [generalist]) = (&teachers.specialists, teachers.jobs.as_slice()) {
            let (core_seconds, system) = self.system(generalist, specialists)?;
            self.spend_on_system(generalist, specialists, core_seconds);
            return Ok(system);
        }
        if let Some(given) = &teachers.given {
            return Ok(self.teachers.get(given).cloned().ok_or_else(untrained)?);
        }
        let refused = |error: ModelError| Stop::from(TrainError::from(error));
        let mut members: Vec<Arc<dyn Model>> = vec![];
        for job in &teachers.jobs {
            let key = job.key(&self.data.key);
            let member = match self.teachers.get(&key) {
                Some(model) => model.clone(),
                None => {
                    let model = Arc::new(self.trained(job)?);
                    self.teachers.entry(key).or_insert(model).clone()
                }
            };
            members.push(member);
        }
        match <[Arc<dyn Model>; 1]>::try_from(members) {
            Ok([alone]) => Ok(alone),
            Err(members) => Ok(Arc::new(Ensemble::new(members, teachers.average, temperature).map_err(refused)?)),
        }
    }

    /// What a training needs besides the data, made with all threads.
    fn prepare<'j>(&mut self, job: &'j Job, key: String) -> Result<Due<'j>, Stop> {
        let Some(teachers) = &job.teachers else { return Ok(Due { job, key, teacher: None, targets: None }) };
        let teacher = self.ensemble(teachers, job.setup.recipe.kd.temperature)?;
        let targets = match self.target_key(job) {
            Some(key) => Some(self.targets(job, &key, &*teacher)?),
            None => None,
        };
        // Who has the answers needs no teacher; the others ask it for every batch.
        Ok(Due { job, key, teacher: Some(teacher), targets })
    }

    /// Trains models beside each other, each on its share of the threads. That changes no bit, and keeps
    /// the cores busier than one training on all of them.
    fn train_all(&self, mut due: Vec<Due<'_>>) -> Result<(), Stop> {
        if due.is_empty() {
            return Ok(());
        }
        let spec = self.data.sets.train.spec();
        let n_classes = spec.classes.len();
        let mut works: Vec<u64> = vec![];
        for due in &due {
            let n_examples = self.experiment(&due.job.setup)?.set_of(due.job.role).len();
            works.push(due.job.work(&spec.input_shape, n_classes, n_examples));
        }
        let total: f64 = works.iter().map(|&work| work as f64).sum();
        let mut order: Vec<usize> = (0..due.len()).collect();
        // The longest first, so that none is left over at the end.
        order.sort_by_key(|&i| std::cmp::Reverse(works[i]));
        let n_threads = rayon::current_num_threads();
        let n_workers = n_threads.min(due.len());
        let progress = Progress::new(self.listener);
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let first: Mutex<Option<Stop>> = Mutex::new(None);
        let n_due = due.len();
        let due: Vec<Mutex<Option<Due<'_>>>> = due.drain(..).map(|due| Mutex::new(Some(due))).collect();
        let work = |worker: usize| {
            // Threads that are left over go to the first workers.
            let threads = n_threads / n_workers + usize::from(worker < n_threads % n_workers);
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(&i) = order.get(at) else { return };
                let stopped = || lock(&first).is_some();
                let Some(due) = lock(&due[i]).take().filter(|_| !stopped()) else { return };
                let part = works[i] as f64 / total;
                let outcome = pool(threads).map_err(Stop::from).and_then(|pool| {
                    pool.install(|| self.train_one(&due, threads, &progress, part)).map(|facts| {
                        let n = done.fetch_add(1, Ordering::Relaxed) + 1;
                        self.listener.hear(&Event::JobEnd { facts: &facts, done: n, total: n_due }).map_err(Stop::from)
                    })
                });
                match outcome {
                    Ok(Ok(())) => {}
                    Err(stop) | Ok(Err(stop)) => {
                        lock(&first).get_or_insert(stop);
                        return;
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for worker in 1..n_workers {
                let work = &work;
                scope.spawn(move || work(worker));
            }
            work(0);
        });
        drop(progress);
        match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(stop) => Err(stop),
            None => Ok(()),
        }
    }

    fn train_one(&self, due: &Due<'_>, threads: usize, progress: &Progress<'_>, part: f64) -> Result<Facts, Stop> {
        if let Some(signal) = self.signals.received() {
            return Err(Stop::Signal(signal));
        }
        let Due { job, key, teacher, targets } = due;
        let setup = &job.setup;
        let experiment = self.experiment(setup)?;
        let folder = self.store.checkpoints(key);
        let failed = |error| {
            Diagnostic::io("cannot make a folder of the study", Some(&folder), error)
                .help("check the write permissions")
        };
        durable_folder(&folder).map_err(failed)?;
        let context: CheckpointContext = [("key".to_owned(), key.clone())].into();
        let store = CheckpointStore::new(&Disk, &folder, 1);
        let saving = Saving::new(store, &context, &setup.recipe.checkpoint, self.signals);
        let checkpoint = saving.newest()?;

        let config = experiment.train_config(job.role);
        let n_steps = experiment.set_of(job.role).len().div_ceil(config.batch).max(1) as f64 * f64::from(config.epochs);
        let mut watch = Watch { saving, progress, step_work: part / n_steps, work: 0.0 };
        let teacher_signal =
            teacher.as_ref().map(|teacher| TeacherSignal { teacher: &**teacher, targets: targets.as_deref() });
        let trained = experiment
            .train(job.role, job.seed, teacher_signal, checkpoint, &mut watch)
            .map_err(|error| locate(&setup.file, &setup.recipe, error))?;
        watch.saving.end(&trained.report)?;
        // Models beside each other show how far they are together.
        let test = measure(&self.asked(&trained.model, 0), &*self.data.sets.test).map_err(|error| self.stop(error))?;
        let spec = trained.model.spec();
        let label = job.label(&spec.input_shape, spec.classes.len());
        let mut facts = Facts::new(key.clone(), label, &trained.model, job.seed, &test);
        (facts.seconds, facts.threads) = (trained.report.seconds, threads);
        let provenance: Provenance = [
            ("producer".to_owned(), format!("distill {}", env!("CARGO_PKG_VERSION"))),
            ("study".to_owned(), self.name.to_owned()),
            ("model".to_owned(), facts.label.clone()),
            ("data_sha256".to_owned(), self.data.key.sha256.clone()),
        ]
        .into();
        self.store.keep(&trained.model, &provenance, &mut facts)?;
        Ok(facts)
    }
}

/// Numbers of examples.
pub struct Sizes {
    /// Those that the student on labels alone learns from.
    pub labelled: usize,
    /// Those that the students with a teacher learn from, with what has no labels.
    pub transfer: usize,
    /// Those that training is watched on.
    pub validation: usize,
}

fn untrained() -> Diagnostic {
    Diagnostic::new(Code::Bug, "a model that should have been trained is not there")
}

/// A model that is to be trained, with what it learns from.
struct Due<'j> {
    job: &'j Job,
    key: String,
    teacher: Option<Arc<dyn Model>>,
    targets: Option<Arc<SoftTargets>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Threads for one of several trainings. Their number changes no result.
fn pool(threads: usize) -> Result<rayon::ThreadPool, Diagnostic> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
        Diagnostic::io(format!("cannot start {threads} threads"), None, error).help("use fewer, such as `--threads 2`")
    })
}
