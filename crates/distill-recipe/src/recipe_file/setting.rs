//! Settings over a recipe.

use toml::de::DeValue;
use toml::{Table, Value};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::renamed::{self, FormerKey};

/// No key of a recipe has more parts; deeper tables would use up the stack.
const MAX_DEPTH: usize = 16;

/// A setting that replaces one of the recipe.
#[derive(Debug, Clone)]
pub struct Override {
    pub(super) key: String,
    pub(super) value: Value,
    /// What was typed, for errors.
    pub(super) argument: String,
    /// Keys that were typed under their former names.
    pub(super) former: Vec<FormerKey>,
}

impl Override {
    /// Reads `KEY=VALUE`. The key is dotted, the value TOML, and a word needs no quotes: `kd.temperature=4`, `name=mine`.
    ///
    /// # Errors
    /// [`Code::Override`] if the key is missing or the value is not TOML.
    pub fn parse(argument: &str) -> Result<Self, Diagnostic> {
        Self::parse_from(argument, argument)
    }

    /// A setting that comes from an argument of another form, which is what errors show.
    ///
    /// # Errors
    /// As [`Override::parse`].
    pub fn parse_from(setting: &str, argument: &str) -> Result<Self, Diagnostic> {
        let wrong = |what: &str| {
            Diagnostic::new(Code::Override, what.to_owned())
                .at(format!("command line: {argument}"))
                .help("write settings as `kd.temperature=4` or `'student.model.hidden=[30, 30]'`")
        };
        let (key, text) =
            setting.split_once('=').ok_or_else(|| wrong("a setting needs a `=`, without spaces around it"))?;
        let key = key.trim();
        if key.is_empty() || key.split('.').any(|part| part.trim() != part || part.is_empty()) {
            return Err(wrong("a setting needs a key before the `=`"));
        }
        if key.split('.').count() > MAX_DEPTH {
            return Err(wrong("the key of a setting has too many parts"));
        }
        let value = match DeValue::parse(text.trim()) {
            Ok(_) => {
                format!("value = {}", text.trim()).parse::<Table>().ok().and_then(|mut table| table.remove("value"))
            }
            Err(_) => None,
        };
        // A word needs no quotes, so that a shell's quotes are enough.
        let bare = !text.is_empty() && !text.starts_with(['"', '\'', '[', '{']);
        let mut value = match value {
            Some(value) => value,
            None if bare => Value::String(text.trim().to_owned()),
            None => return Err(wrong("the value of a setting is not TOML")),
        };
        let (mut key, place) = (key.to_owned(), format!("command line: {argument}"));
        let former = renamed::update_setting(&mut key, &mut value).map_err(|twice| twice.twice().at(&place))?;
        let former = former.into_iter().map(|former| former.at(&place)).collect();
        Ok(Self { key, value, argument: argument.to_owned(), former })
    }

    /// Keys that were typed under their former names.
    pub fn former_keys(&self) -> &[FormerKey] {
        &self.former
    }

    /// The value, before anything checks that it fits the key.
    pub fn value(&self) -> &Value {
        &self.value
    }

    pub(crate) fn apply(&self, table: &mut Table) -> Result<(), Diagnostic> {
        let mut parts = self.key.split('.');
        let last = parts.next_back().unwrap_or_default();
        let mut table = table;
        for part in parts {
            let entry = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            table = entry.as_table_mut().ok_or_else(|| {
                Diagnostic::new(Code::Override, format!("`{part}` is a value of the recipe, not a table"))
                    .at(format!("command line: {}", self.argument))
                    .help(format!("replace the whole of `{part}`"))
            })?;
        }
        table.insert(last.to_owned(), self.value.clone());
        Ok(())
    }
}
