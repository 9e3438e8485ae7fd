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
    recipe.data.unlabelled = recipe.data.unlabelled.as_ref().map(absolute);
    for file in recipe.teacher.weights.iter_mut().flat_map(|files| files.all_mut()) {
        *file = absolute(file);
    }
    recipe.kd.cache = recipe.kd.cache.as_ref().map(absolute);
    recipe.student.weights = recipe.student.weights.as_ref().map(absolute);
    if let Some(library) = recipe.teacher.onnx.as_mut().and_then(|onnx| onnx.library.as_mut()) {
        *library = absolute(library);
    }
    recipe
}
