mod former;
mod setting;
mod suggest;
mod written;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use distill_models::ModelConfig;
use distill_train::{ConfigProblem, Recipe};
use toml::de::DeTable;
use toml::{Table, Value};

use crate::class_names;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Snippet};
use crate::network_file::{self, NamedNetwork};
use crate::renamed::{self, FormerKey};
use crate::words::shell;

use suggest::{Keys, quoted_after, suggestion, wanted};
use written::collect_places;

pub use setting::Override;
pub use suggest::{flag_as_settings, nearest};
pub use written::{hashed_text, recipe_text};

/// A recipe is written by hand; a larger file is something else. To read it takes up to a hundred times its size.
const MAX_BYTES: u64 = 1 << 17;

/// A recipe file with the settings of the command line, and the place of every key.
#[derive(Debug, Clone)]
pub struct RecipeFile {
    path: String,
    text: String,
    /// Dotted path of a key to the places of key and value in the text.
    places: BTreeMap<String, (Range<usize>, Range<usize>)>,
    overrides: Vec<Override>,
    /// Keys that the text has under their former names.
    former: Vec<FormerKey>,
    /// Models that are read from files.
    networks: Vec<NamedNetwork>,
}

/// Reads a recipe, puts the settings of the command line over it and checks it.
///
/// # Errors
/// [`Code::Io`] if the file cannot be read, then as [`from_bytes`].
pub fn load(path: &Path, overrides: &[String]) -> Result<(RecipeFile, Recipe), Diagnostic> {
    from_bytes(path, read(path)?, overrides)
}

/// What [`load`] does with the bytes of the file.
///
/// # Errors
/// [`Code::Syntax`] if it is not TOML, [`Code::UnknownKey`], [`Code::Shape`] or [`Code::Value`] for a key or a value,
/// [`Code::Override`] for a setting that cannot be read. The place is the line and column, or the setting.
pub fn from_bytes(path: &Path, bytes: Vec<u8>, overrides: &[String]) -> Result<(RecipeFile, Recipe), Diagnostic> {
    let text = decode(path, bytes)?;
    if overrides.iter().map(String::len).sum::<usize>() > MAX_BYTES as usize {
        return Err(Diagnostic::new(Code::Override, format!("the settings are longer than {MAX_BYTES} bytes"))
            .at("command line")
            .help("write them into the recipe"));
    }
    let overrides = overrides.iter().map(|argument| Override::parse(argument)).collect::<Result<Vec<_>, _>>()?;
    let path = path.display().to_string();
    let mut file = RecipeFile { path, text, places: BTreeMap::new(), overrides, former: vec![], networks: vec![] };
    let recipe = file.recipe()?;
    Ok((file, recipe))
}

fn read(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let unreadable = |error| {
        let with_ending = path.with_added_extension("toml");
        let help = match path.to_str() {
            Some(text) if text.contains('=') => "the recipe comes first, and settings after it".to_owned(),
            _ if with_ending.is_file() => format!("did you mean `{}`?", with_ending.display()),
            _ => "recipes are TOML files, such as `recipes/mnist.toml`".to_owned(),
        };
        Diagnostic::io("cannot read the recipe", Some(path), error).help(help)
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn decode(path: &Path, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    let syntax = |what: String| {
        Diagnostic::new(Code::Syntax, what).at(path.display()).help("name a TOML file, such as `recipes/mnist.toml`")
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(syntax(format!("the recipe is larger than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        syntax(format!("the recipe is not text: byte {} is not UTF-8", error.utf8_error().valid_up_to()))
    })
}

impl RecipeFile {
    /// Reads a recipe with these settings over it, each `KEY=VALUE`, and checks all of it.
    ///
    /// ```
    /// use distill_recipe::RecipeFile;
    ///
    /// let missing = RecipeFile::read("no.toml", &["kd.temperature=4"]);
    /// assert!(missing.unwrap_err().to_string().starts_with("error[E0501]: cannot read the recipe"));
    /// ```
    ///
    /// # Errors
    /// As [`load`].
    pub fn read(path: impl AsRef<Path>, settings: &[&str]) -> Result<(Self, Recipe), Diagnostic> {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        load(path.as_ref(), &settings)
    }

    /// The same from text. `path` stands for the file in errors, and names a recipe that has no `name`.
    ///
    /// # Errors
    /// As [`from_bytes`].
    pub fn from_text(path: impl AsRef<Path>, text: &str, settings: &[&str]) -> Result<(Self, Recipe), Diagnostic> {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        from_bytes(path.as_ref(), text.as_bytes().to_vec(), &settings)
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The keys that were set on the command line.
    pub fn set_keys(&self) -> impl Iterator<Item = &str> {
        self.overrides.iter().map(|entry| entry.key.as_str())
    }

    /// The path of the file, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// An error about a setting, with the place where it was set.
    pub fn problem(&self, problem: &ConfigProblem) -> Diagnostic {
        let diagnostic = Diagnostic::new(Code::Value, problem.to_string());
        let diagnostic = problem.note.iter().fold(diagnostic, |diagnostic, note| diagnostic.note(note));
        self.locate(diagnostic, &problem.path).help(&problem.help)
    }

    /// The same file with further settings over those that it has, and the recipe that this makes.
    ///
    /// # Errors
    /// As [`from_bytes`].
    pub fn with(&self, settings: &[Override]) -> Result<(Self, Recipe), Diagnostic> {
        let mut file = self.clone();
        file.overrides.extend_from_slice(settings);
        let recipe = file.recipe()?;
        Ok((file, recipe))
    }

    /// Puts the settings over the text and checks what comes out.
    fn recipe(&mut self) -> Result<Recipe, Diagnostic> {
        let mut table = self.parse()?;
        self.former = self.update(&mut table)?;
        self.refuse_twice()?;
        for entry in &self.overrides {
            entry.apply(&mut table)?;
        }
        self.read_networks(&mut table)?;
        let mut recipe: Recipe =
            serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| self.wrong_shape(&error))?;
        if recipe.name.is_empty() {
            recipe.name = run_name(&Path::new(&self.path).file_stem().unwrap_or_default().to_string_lossy());
        }
        recipe.validate().map_err(|problem| self.problem(&problem))?;
        let classes = class_names::listed(std::mem::take(&mut recipe.data.classes), "the labels");
        recipe.data.classes = classes.map_err(|diagnostic| self.locate(diagnostic, "data.classes"))?;
        if let Some(onnx) = recipe.teacher.onnx.take() {
            recipe.teacher.onnx = Some(class_names::of_outputs(onnx)?);
        }
        // A run keeps it with all settings, and has to be able to read it again.
        if recipe_text(&recipe)?.len() as u64 > MAX_BYTES {
            let what = format!("the recipe with all its settings is larger than {MAX_BYTES} bytes");
            return Err(Diagnostic::new(Code::Syntax, what)
                .at(&self.path)
                .help("name fewer classes or seeds, or a smaller network"));
        }
        Ok(recipe)
    }

    /// Puts what a file describes in the place of its name, so that a recipe means the same when the file is gone.
    fn read_networks(&mut self, table: &mut Table) -> Result<(), Diagnostic> {
        self.networks.clear();
        for of in ["teacher", "student"] {
            let Some(model) = table.get_mut(of).and_then(|table| table.get_mut("model")) else { continue };
            let Value::String(path) = &*model else { continue };
            let key = format!("{of}.model");
            let network = network_file::load(Path::new(path));
            let network = network.map_err(|diagnostic| match diagnostic.has_place() {
                true => diagnostic.note(format!("`{key}` names it")),
                false => self.locate(diagnostic, &key),
            })?;
            self.networks.push(NamedNetwork::new(of, path, &network));
            *model = Value::try_from(ModelConfig::from(network.config().clone()))
                .map_err(|error| Diagnostic::io("cannot write the network as TOML", None, error))?;
        }
        Ok(())
    }

    /// The models that were read from files.
    pub fn networks(&self) -> &[NamedNetwork] {
        &self.networks
    }

    fn parse(&mut self) -> Result<Table, Diagnostic> {
        let syntax = |error: &toml::de::Error| {
            let diagnostic = Diagnostic::new(Code::Syntax, format!("the recipe is not TOML: {}", error.message()));
            let diagnostic = match error.span() {
                Some(span) => self.point(diagnostic, &span),
                None => diagnostic.at(&self.path),
            };
            diagnostic.help("https://toml.io shows how TOML is written")
        };
        let spanned = DeTable::parse(&self.text).map_err(|error| syntax(&error))?;
        let mut places = BTreeMap::new();
        collect_places(spanned.get_ref(), "", &mut places);
        // Two trees of a large text at a time would take twice the memory.
        drop(spanned);
        let table = self.text.parse::<Table>().map_err(|error| syntax(&error))?;
        self.places = places;
        Ok(table)
    }

    /// Serde's error about a key or the type of a value.
    fn wrong_shape(&self, error: &serde_path_to_error::Error<toml::de::Error>) -> Diagnostic {
        let message = error.inner().message().trim();
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let expected = message.split_once("expected ").map_or("", |(_, expected)| expected);
        let mut valid: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let Some(key) = quoted_after(message, "unknown field ") else {
            let help = match quoted_after(message, "unknown variant ") {
                Some(word) => suggestion(word, &valid, "valid words"),
                None => match quoted_after(message, "missing field ") {
                    Some(key) => lacks(&path, key),
                    None => self.wants(&path, expected),
                },
            };
            let place = if path.is_empty() { "the recipe".to_owned() } else { path.clone() };
            return self.locate(Diagnostic::new(Code::Shape, format!("{place}: {message}")), &path).help(help);
        };
        let table = path.strip_suffix(key).filter(|rest| rest.is_empty() || rest.ends_with('.')).unwrap_or(&path);
        let table = table.trim_end_matches('.');
        valid.retain(|key| !renamed::is_former(table, key));
        let within = if table.is_empty() { "the recipe".to_owned() } else { format!("[{table}]") };
        let full = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
        let diagnostic = Diagnostic::new(Code::UnknownKey, format!("unknown key `{key}` in {within}"));
        let help = self.elsewhere(table, key, &full, &valid);
        self.locate_key(diagnostic, &full, true).help(help.unwrap_or_else(|| suggestion(key, &valid, "valid keys")))
    }

    /// What a key wants, with a value that fits.
    fn wants(&self, path: &str, expected: &str) -> String {
        // An element of a list is shown with its list.
        let key = path.split('[').next().unwrap_or_default();
        let kind = wanted(expected).map_or("a value ".to_owned(), |kind| format!("{kind}, "));
        let Some(example) = Keys::get().example(key) else {
            return format!("{path} wants {}", kind.trim_end_matches([',', ' ']));
        };
        let example = match self.override_of(key) {
            Some(_) => shell([format!("{key}={example}").as_str()]),
            None => format!("{} = {example}", key.rsplit('.').next().unwrap_or_default()),
        };
        format!("{path} wants {kind}such as `{example}`")
    }

    /// A key that is not in the table where it was looked for, but in others: as it is written there.
    fn elsewhere(&self, table: &str, key: &str, full: &str, siblings: &[&str]) -> Option<String> {
        let setting = self.override_of(full);
        let typed = setting.and_then(|entry| match table {
            "" => Some(entry.key.as_str()),
            table => entry.key.strip_prefix(table)?.strip_prefix('.'),
        });
        let keys = Keys::get();
        let found = keys.elsewhere(table, typed.unwrap_or(key));
        let is_exact = found.iter().any(|path| path.rsplit('.').next() == typed.unwrap_or(key).rsplit('.').next());
        // A slip in a key of this table is likelier than another in one of another table.
        if found.is_empty() || (!is_exact && nearest(key, siblings.iter().copied()).is_some()) {
            return None;
        }
        let written = |path: &&str| {
            let value = setting.and_then(|entry| entry.argument.trim_start().strip_prefix(&entry.key));
            format!("`{}`", value.map_or((*path).to_owned(), |value| shell([format!("{path}{value}").as_str()])))
        };
        let found: Vec<String> = found.iter().map(written).collect();
        Some(format!("did you mean {}? valid keys here: {}", found.join(" or "), siblings.join(", ")))
    }

    /// Adds the place of a setting: the argument that set it, or the line of the file.
    /// An error that has a place already keeps it.
    pub fn locate(&self, diagnostic: Diagnostic, path: &str) -> Diagnostic {
        self.locate_key(diagnostic, path, false)
    }

    /// The last setting of the command line that concerns a key.
    fn override_of(&self, path: &str) -> Option<&Override> {
        let concerns = |entry: &&Override| {
            entry.key == path
                || entry.key.starts_with(&format!("{path}."))
                || path.starts_with(&format!("{}.", entry.key))
        };
        self.overrides.iter().rev().find(concerns)
    }

    fn locate_key(&self, diagnostic: Diagnostic, path: &str, key_only: bool) -> Diagnostic {
        if diagnostic.has_place() {
            return diagnostic;
        }
        // An element of an array that was set is found where the array is.
        let list = path.split('[').next().unwrap_or_default();
        if let Some(entry) = self.override_of(list) {
            return diagnostic.at(format!("command line: {}", entry.argument));
        }
        let path = if self.places.contains_key(path) { path } else { list };
        // The nearest table that is written down, where the setting itself is not.
        let mut nearest = path;
        loop {
            if let Some((key, value)) = self.places.get(nearest) {
                let exact = nearest == path && !key_only;
                return self.point(diagnostic, if exact { value } else { key });
            }
            match nearest.rsplit_once('.') {
                Some((parent, _)) => nearest = parent,
                None => return diagnostic.at(&self.path),
            }
        }
    }

    fn point(&self, diagnostic: Diagnostic, span: &Range<usize>) -> Diagnostic {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let column = before[line_start..].chars().count();
        let number = before.matches('\n').count() + 1;
        let shown = self.text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default().chars().count();
        let snippet = Snippet { line: line.to_owned(), start: column, len: shown };
        diagnostic.at(format!("{}:{number}:{}", self.path, column + 1)).snippet(snippet)
    }
}

/// A key without a default is missing.
fn lacks(table: &str, key: &str) -> String {
    let path = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
    let example = Keys::get().example(&path).map_or(String::new(), |example| format!("set `{path} = {example}`; "));
    format!("{example}`distill new NAME` writes a recipe that shows every key")
}

/// What runs are called where only the file has a name, which may have spaces and whatever else a file may have.
fn run_name(stem: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "_.".contains(c) { c } else { '-' };
    // Accents that follow their letters are left out.
    let name: String = stem.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).map(kept).collect();
    name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
