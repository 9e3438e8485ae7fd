//! Keys under their former names.

use toml::Table;

use super::RecipeFile;
use crate::diagnostic::Diagnostic;
use crate::renamed::{self, FormerKey};

impl RecipeFile {
    /// Gives the keys of the file and their places their present names.
    pub(super) fn update(&mut self, table: &mut Table) -> Result<Vec<FormerKey>, Diagnostic> {
        let former = renamed::update(table).map_err(|key| self.locate_key(key.twice(), &key.former, true))?;
        let at = |key: FormerKey| {
            let Some(place) = self.places.remove(&key.former) else { return key.at(&self.path) };
            let number = self.text[..place.0.start].matches('\n').count() + 1;
            self.places.insert(key.present.clone(), place);
            key.at(&format!("{}:{number}", self.path))
        };
        Ok(former.into_iter().map(at).collect())
    }

    /// Refuses settings of one key under both of its names.
    pub(super) fn refuse_twice(&self) -> Result<(), Diagnostic> {
        let is_set = |path: &str| self.overrides.iter().any(|entry| entry.key == path && entry.former.is_empty());
        let former = || self.overrides.iter().flat_map(|entry| &entry.former);
        match former().find(|key| is_set(&key.present)) {
            Some(key) => Err(key.twice().at(&key.place)),
            None => Ok(()),
        }
    }

    /// Keys that were written under their former names, in the file and on the command line.
    pub fn former_keys(&self) -> impl Iterator<Item = &FormerKey> {
        self.former.iter().chain(self.overrides.iter().flat_map(|entry| &entry.former))
    }

    /// Takes the former names of the file as they are: a run has kept it, and nobody can write them anew.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.former.clear();
        self
    }
}
