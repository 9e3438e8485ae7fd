use std::path::Path;

use distill_recipe::data_source::read_data;
use distill_recipe::renamed::FormerKey;
use distill_recipe::{Code, Diagnostic, Override, RecipeFile, recipe_file};
use distill_train::{Recipe, Sets};

use crate::args::RecipeArgs;
use crate::output::Output;

/// Reads a recipe with its settings, and warns of keys that it has under their former names.
pub(crate) fn load(args: &RecipeArgs, output: &Output) -> Result<(RecipeFile, Recipe), Diagnostic> {
    let (file, recipe) = recipe_file::load(&args.recipe, &args.overrides)?;
    file.former_keys().try_for_each(|key| warn(key, output))?;
    Ok((file, recipe))
}

/// The same warning for settings over a recipe that is not read here.
pub(crate) fn warn_of_settings(settings: &[String], output: &Output) -> Result<(), Diagnostic> {
    let settings = settings.iter().filter_map(|setting| Override::parse(setting).ok());
    settings.flat_map(|setting| setting.former_keys().to_vec()).try_for_each(|key| warn(&key, output))
}

fn warn(key: &FormerKey, output: &Output) -> Result<(), Diagnostic> {
    let [what, note, help] = key.warning();
    output.warning(&what, &note, &help)
}

/// The sets of a source that no recipe names, with settings such as `data.columns.label=income`.
pub(crate) fn data_with(source: &str, settings: &[String]) -> Result<Sets, Diagnostic> {
    if let Some(setting) = settings.iter().find(|setting| !setting.starts_with("data.")) {
        return Err(Diagnostic::new(Code::Override, "nothing but the data is read, so only its settings count")
            .at(format!("command line: {setting}"))
            .help("write a setting of the data, such as `data.columns.label=income`"));
    }
    let model = "model = { hidden = [1] }";
    let text = format!("[data]\nsource = {}\n[teacher]\n{model}\n[student]\n{model}\n", toml::Value::from(source));
    let (file, recipe) = recipe_file::from_bytes(Path::new("data.toml"), text.into_bytes(), settings)?;
    read_data(&file, &recipe)
}
