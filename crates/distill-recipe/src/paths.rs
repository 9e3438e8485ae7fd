use distill_train::Recipe;

use crate::data_source::DataSource;

/// A recipe that means the same files from wherever it is run.
pub fn with_absolute_paths(recipe: &Recipe) -> Recipe {
    // TOML is Unicode; a path that is not stays as it was typed.
    let absolute = |path: &String| {
        let absolute = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned));
        absolute.unwrap_or_else(|| path.clone())
    };
    let mut recipe = recipe.clone();
    recipe.data.source = DataSource::with_path(&recipe.data.source, absolute);
    recipe.paths_mut().for_each(|path| *path = absolute(path));
    recipe
}
