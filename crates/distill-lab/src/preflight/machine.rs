use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_datasets::Dataset;
use distill_models::{Activation, ModelConfig};
use distill_train::Role;

use super::{Found, Preflight};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::memory;
use distill_recipe::words::size;

/// Rows of a batch in evaluation.
const EVALUATION_ROWS: u64 = 512;

/// Bytes of three numbers for each example.
const LIST_BYTES: u64 = 3 * size_of::<usize>() as u64;

impl Preflight<'_> {
    /// Memory, disk, and whether a run can be written at all.
    pub(super) fn machine(&self, found: &mut Found) {
        self.output(found);
        // Sizes that were refused already need no estimate, and may not even have one.
        if !found.has_failed() {
            self.room(found);
        }
    }

    fn room(&self, found: &mut Found) {
        let [now, most] = memory::used().unwrap_or_else(|| [self.data_bytes(); 2]);
        let memory = now.saturating_add(self.training().max(self.compared())).max(most);
        let least = self.least();
        if !memory::can_be_had(least) {
            let what = format!("training takes at least {}, more than the system provides", size(least));
            let diagnostic = Diagnostic::new(Code::Limit, what)
                .note("weights and gradients of the largest model, and what its optimizer keeps")
                .help(
                    "use a smaller model, or a machine with more memory; raise what `ulimit -v` or a container allows",
                );
            return found.fail("memory", diagnostic);
        }
        // What the process has already is not free any more.
        match memory::available().map(|available| available + now) {
            Some(available) if memory > available => found.warn(
                "memory",
                format!("about {} are needed, {} are free", size(memory), size(available)),
                "the machine may become slow, or end the program",
                "use smaller models or batches, or close other programs",
            ),
            Some(available) => {
                found.ok("memory", format!("about {} of {} that are free", size(memory), size(available)));
            }
            None => found.ok("memory", format!("about {}", size(memory))),
        }
        let folder = existing(self.runs_dir);
        // What a run that goes on has written already is there.
        let disk = self.disk().saturating_sub(if self.resumes { written(self.runs_dir) } else { 0 });
        match free_disk(&folder) {
            Some(free) if disk > free => found.fail(
                "disk",
                Diagnostic::new(Code::Limit, format!("the run may write {}, {} are free", size(disk), size(free)))
                    .at(folder.display())
                    .note("weights and checkpoints of all models and seeds")
                    .help("free some space, choose another disk with `--runs-dir`, or set `checkpoint.keep_last = 1`"),
            ),
            Some(free) => found.ok("disk", format!("at most {} of {} that are free", size(disk), size(free))),
            None => found.ok("disk", format!("at most {}", size(disk))),
        }
    }

    fn output(&self, found: &mut Found) {
        match probe(&existing(self.runs_dir)) {
            Ok(()) => found.ok("output", format!("{} can be written", self.runs_dir.display())),
            Err(error) => found.fail(
                "output",
                Diagnostic::io("cannot make the run directory", Some(self.runs_dir), error)
                    .help("check the folder and its permissions, or choose another one with `--runs-dir`"),
            ),
        }
    }

    /// Bytes of the data that is loaded, about, where the system does not tell what is in memory: four for each number.
    fn data_bytes(&self) -> u64 {
        let all = self.experiment.all();
        let sets = [Some(&all.train), all.validation.as_ref(), all.unlabelled.as_ref(), Some(&all.test)];
        let bound = self.experiment.recipe().data.memory_bytes().ok().flatten().unwrap_or(u64::MAX);
        let bytes = |set: &Arc<dyn Dataset>| (set.len() as u64).saturating_mul(4 * set.spec().features() as u64);
        sets.into_iter().flatten().map(|set| bytes(set).min(bound)).fold(0, u64::saturating_add)
    }

    /// Bytes without which the largest model cannot be trained, whatever else is saved.
    fn least(&self) -> u64 {
        let least = |role: Role| {
            let config = self.experiment.train_config(role);
            let copies = 2 + config.n_slots() as u64 + u64::from(config.accumulate > 1);
            4 * self.parameters(role).unwrap_or_default() as u64 * copies
        };
        self.roles.iter().filter(|&&role| self.is_trained(role)).map(|&role| least(role)).max().unwrap_or_default()
    }

    /// Bytes that the largest of the trainings takes besides the data.
    fn training(&self) -> u64 {
        let spec = self.experiment.train_set().spec();
        let recipe = self.experiment.recipe();
        // The order of an epoch, and what of it has labels, are lists.
        let lists = LIST_BYTES * self.experiment.transfer_set().len() as u64;
        let training = |role: Role| -> u64 {
            let parameters = self.parameters(role).unwrap_or_default() as u64;
            let config = self.experiment.train_config(role);
            let slots = config.n_slots() as u64;
            let batch = config.batch.min(self.experiment.train_set().len()) as u64;
            let rows = batch.div_ceil(config.accumulate as u64);
            // Weights, gradients and their sum, slots, best weights, and once more what goes into a checkpoint.
            let copies = 5 + 2 * slots + u64::from(config.accumulate > 1);
            // Losses on inner values compare those of the teacher, which are there with the student's.
            let has_two = role == Role::Student && !recipe.kd.features.is_empty();
            let of_teacher = if has_two { self.value_bytes(Role::Teacher) } else { 0 };
            4 * parameters * copies + (self.row_bytes(role) + of_teacher) * rows + self.evaluation_bytes(role)
        };
        let largest = self.roles.iter().map(|&role| training(role)).max().unwrap_or_default();
        let n_teachers = recipe.teacher.member_seeds().len().max(1) as u64;
        let teacher = self.parameters(Role::Teacher).unwrap_or_default() as u64 * 4 * n_teachers;
        let n_views = recipe.train.augment.n_views().filter(|_| recipe.caches_targets()).unwrap_or(0);
        let targets =
            (self.experiment.transfer_set().len() as u64 * spec.classes.len() as u64 * 4).saturating_mul(n_views);
        (lists + largest).saturating_add(if self.trains_student() { targets.saturating_add(teacher) } else { 0 })
    }

    /// Bytes of all that training keeps of one row: values, gradients, and derivatives where values do not show them.
    fn row_bytes(&self, role: Role) -> u64 {
        let has_derivatives =
            |config: &ModelConfig| config.as_mlp().is_some() || config.activation() != Activation::Relu;
        let copies = if self.experiment.model_config(role).is_some_and(has_derivatives) { 3 } else { 2 };
        copies * self.value_bytes(role)
    }

    /// Bytes of the values of one row, from the input to the logits.
    fn value_bytes(&self, role: Role) -> u64 {
        let spec = self.experiment.train_set().spec();
        let of = |config: &ModelConfig| {
            let graph = config.graph(&spec.input_shape, spec.classes.len()).ok()?;
            Some(4 * (graph.activations() + spec.features() as u64))
        };
        self.experiment.model_config(role).and_then(of).unwrap_or_default()
    }

    /// Bytes of the rows that are evaluated together. Networks with convolutions compute them some at a time.
    fn evaluation_bytes(&self, role: Role) -> u64 {
        let spec = self.experiment.train_set().spec();
        let ends = (spec.features() + spec.classes.len()) as u64;
        let of = |config: &ModelConfig| {
            let hidden = config.as_mlp().map_or(0, |mlp| mlp.hidden.iter().map(|&width| width as u64).sum());
            2 * EVALUATION_ROWS * 4 * (hidden + ends)
        };
        self.experiment.model_config(role).map_or(0, of)
    }

    /// Bytes that a training does not take, as it computes so many rows at a time and not a whole batch, and those that it takes
    /// for the sum of the gradients.
    pub(super) fn saved_in_parts(&self, role: Role, batch: usize, rows: usize) -> [u64; 2] {
        let n_saved = batch.saturating_sub(rows) as u64;
        [self.row_bytes(role) * n_saved, 4 * self.parameters(role).unwrap_or_default() as u64]
    }

    /// Bytes of the answers to the test set that teacher and students are compared by at the end.
    fn compared(&self) -> u64 {
        if !self.trains_student() {
            return 0;
        }
        let test = self.experiment.test_set();
        let n_models = 2 + u64::from(self.roles.contains(&Role::Baseline));
        n_models * 4 * (test.len() as u64).saturating_mul(test.spec().classes.len() as u64)
    }

    /// Bytes of weights and checkpoints of all models.
    fn disk(&self) -> u64 {
        let recipe = self.experiment.recipe();
        let of = |&role: &Role| -> u64 {
            // Several teachers as one have no weights of their own.
            let n = match role {
                Role::Teacher | Role::Member if recipe.teacher.weights.is_some() => 0,
                Role::Teacher if recipe.teacher.is_ensemble() => 0,
                Role::Member => recipe.teacher.member_seeds().len(),
                _ => recipe.seeds.len(),
            };
            let parameters = self.parameters(role).unwrap_or_default() as u64;
            let slots = self.experiment.train_config(role).n_slots() as u64;
            // The new checkpoint is there before the oldest is removed.
            let checkpoints = (recipe.checkpoint.keep_last as u64).saturating_add(1).saturating_mul(2 + slots);
            checkpoints.saturating_add(2).saturating_mul(4 * parameters).saturating_mul(n as u64)
        };
        self.roles.iter().map(of).fold(0, u64::saturating_add)
    }
}

/// The folder, or the nearest one above it that exists.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new(".")).to_owned()
}

/// Bytes of the files in a folder and below.
fn written(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => written(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// Makes a file as a run would, and removes it.
fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".distill-{}.tmp", std::process::id()));
    let moved = path.with_extension("moved.tmp");
    let outcome = fs::write(&path, b"distill").and_then(|()| fs::rename(&path, &moved));
    let _ = fs::remove_file(&path);
    let _ = fs::remove_file(&moved);
    outcome
}

#[cfg(unix)]
fn free_disk(folder: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(folder).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(not(unix))]
fn free_disk(_folder: &Path) -> Option<u64> {
    None
}
