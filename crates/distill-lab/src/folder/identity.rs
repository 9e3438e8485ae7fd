use std::path::Path;

use distill_train::{CheckpointConfig, CheckpointContext, Paths, Recipe, Role};
use toml::{Table, Value};

use distill_recipe::Diagnostic;
use distill_recipe::data_source::DataSource;
use distill_recipe::model_file::sha256;
use distill_recipe::{Code, hashed_text, renamed};

/// What tells in a context which random numbers students drew.
pub(super) const STREAMS: &str = "streams";

/// What tells in a context which weights students began with.
pub(super) const STUDENT: &str = "student_sha256";

/// What the models of a run depend on. Two runs of equal identity give equal weights.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The recipe as text, without what changes no result.
    pub(crate) recipe: String,
    /// SHA-256 of that text.
    pub(crate) recipe_sha256: String,
    /// SHA-256 of training and test data.
    pub(crate) data_sha256: String,
    /// SHA-256 of what the students begin with, where those are no random weights.
    pub(crate) student_sha256: Option<String>,
}

impl Identity {
    /// A recipe of which all that the data decides is settled. Each model names its own seed, checkpoints change nothing, and where files lie and what they
    /// are called does not matter: data and teacher are known by their hashes. What a precision is depends
    /// on the processor, and the weights on what it is.
    pub(crate) fn new(recipe: &Recipe, data_sha256: String) -> Result<Self, Diagnostic> {
        let mut recipe = Recipe { seeds: vec![], checkpoint: CheckpointConfig::default(), ..recipe.clone() };
        recipe.data.source = DataSource::kind(&recipe.data.source).to_owned();
        recipe.kd.cache = None;
        recipe.paths_mut().for_each(|path| "a file".clone_into(path));
        if recipe.teacher.is_of_seeds() {
            // As with the seeds themselves, it does not matter which others there are.
            recipe.teacher.weights = Some(Paths::One("a file for each seed".to_owned()));
        }
        // Recipes from before it was decided by the data say nothing where it is not so.
        recipe.data.standardize = recipe.data.standardize.filter(|how| how.is_on());
        for train in [&mut recipe.train, &mut recipe.teacher.train] {
            train.precision = train.precision.settled();
        }
        let text = hashed_text(&recipe)?;
        Ok(Self { recipe_sha256: sha256(text.as_bytes()), recipe: text, data_sha256, student_sha256: None })
    }

    /// What a checkpoint of a model belongs to.
    pub(crate) fn context(&self, role: Role, seed: u64, teacher_sha256: Option<&str>) -> CheckpointContext {
        let pairs = [
            ("recipe", self.recipe.as_str()),
            ("data_sha256", &self.data_sha256),
            ("role", role.name()),
            ("seed", &seed.to_string()),
            ("teacher_sha256", teacher_sha256.unwrap_or_default()),
        ];
        // Checkpoints of models that began with random weights are as they always were.
        let student = self.student_sha256.as_deref().filter(|_| role.is_student());
        let pairs = pairs.into_iter().chain(student.map(|sha256| (STUDENT, sha256)));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// A checkpoint, or a whole run, of another recipe, other data or another teacher, with what has changed.
pub(crate) fn check_context(
    what: &str,
    found: &CheckpointContext,
    expected: &CheckpointContext,
    path: &Path,
) -> Result<(), Diagnostic> {
    let differing: Vec<&str> = expected
        .iter()
        .filter(|(name, value)| found.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    let table = |context: &CheckpointContext| {
        let mut table = context.get("recipe")?.parse::<Table>().ok()?;
        renamed::update(&mut table).ok()?;
        Some(table)
    };
    let mut notes: Vec<String> = vec![];
    for name in differing {
        match (name, table(found), table(expected)) {
            ("recipe", Some(was), Some(is)) => changes(&was, &is, "", &mut notes),
            ("data_sha256", ..) => notes.push("the data has changed".to_owned()),
            (STUDENT, ..) => notes.push("the initial weights of its students have changed".to_owned()),
            ("teacher_sha256", ..) => notes.push("the teacher has changed".to_owned()),
            (STREAMS, ..) => notes.push(
                "its students draw the random numbers of their teachers, as all did in earlier versions; now they have \
                 their own"
                    .to_owned(),
            ),
            _ => notes.push(format!("`{name}` has changed")),
        }
    }
    let diagnostic = Diagnostic::new(Code::RecipeChanged, what)
        .at(path.display())
        .help("undo the change, or start again from the recipe; nothing is overwritten");
    Err(notes.into_iter().fold(diagnostic, Diagnostic::note))
}

fn changes(was: &Table, is: &Table, prefix: &str, notes: &mut Vec<String>) {
    let mut keys: Vec<&String> = was.keys().chain(is.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let text = |value: Option<&Value>| value.map_or("not set".to_owned(), Value::to_string);
        match (was.get(key), is.get(key)) {
            (Some(Value::Table(was)), Some(Value::Table(is))) => changes(was, is, &path, notes),
            (was, is) if was != is => notes.push(format!("{path} was {}, now {}", text(was), text(is))),
            _ => {}
        }
    }
}
