//! `distill new`: a recipe for some data, which runs as it is.

mod defaults;
mod look;
mod template;

use std::path::{Path, PathBuf};

use serde_json::json;

use self::look::Look;
use self::template::{Setting, quoted};
use crate::args::NewArgs;
use crate::output::Output;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::atomic;
use distill_recipe::data_source::DataSource;
use distill_recipe::recipe_file;

/// The data that the template is for.
const TEMPLATE_DATA: &str = "mnist";

/// `distill new NAME [--teacher FILE] [--data SOURCE]`
pub(crate) fn new(args: &NewArgs, output: &Output) -> Result<(), Diagnostic> {
    let path = PathBuf::from(format!("{}.toml", args.name.strip_suffix(".toml").unwrap_or(&args.name)));
    // The run directory will be named after the file, so a name that cannot be one is refused before data is read.
    let named = |text: &str| {
        recipe_file::from_bytes(&path, text.as_bytes().to_vec(), &[])
            .map_err(|error| error.better_help("choose another name, such as `distill new mnist-kd`"))
    };
    named(template::TEMPLATE)?;
    let text = recipe_for(&args.data, args.teacher.as_deref(), output)?;
    named(&text)?;
    atomic::create(&path, text.as_bytes())?;

    let shown = path.display();
    let missing = |what: &str, path: &str| {
        output.warning(
            &format!("{what} `{path}` is not there yet"),
            &format!("{shown} names it, from the folder where distill is started"),
            &format!("put it there, or change the recipe, before `distill run {shown}`"),
        )
    };
    if !DataSource::is_there(&args.data) {
        missing("the data", &args.data)?;
    }
    if let Some(teacher) = args.teacher.as_deref().filter(|teacher| !Path::new(teacher).exists()) {
        missing("the teacher", teacher)?;
    }
    output.progress(&format!("wrote  {shown}\nnext   distill check {shown}\n       distill run {shown}"));
    output.event("new", json!({ "path": path.display().to_string() }))
}

/// The recipe of a run that was given none: written to the working folder under the name of the data, or found there if it
/// was written before.
pub(crate) fn recipe_beside(data: &str, teacher: Option<&str>, output: &Output) -> Result<PathBuf, Diagnostic> {
    // No recipe is left for what is not there.
    if !DataSource::is_there(data) {
        DataSource::open(data)?;
    }
    if let Some(teacher) = teacher {
        std::fs::metadata(teacher).map_err(|error| {
            Diagnostic::io("cannot read the teacher", Some(Path::new(teacher)), error)
                .help("check the path and its permissions")
        })?;
    }
    let text = recipe_for(data, teacher, output)?;
    let name = Path::new(data).file_stem().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let name = match name.trim_start_matches('.') {
        "" => "recipe",
        name => name,
    };
    let candidates = (1..).map(|n: u32| if n == 1 { format!("{name}.toml") } else { format!("{name}-{n}.toml") });
    for path in candidates.map(PathBuf::from) {
        match std::fs::read(&path) {
            Ok(found) if found == text.as_bytes() => return Ok(path),
            Ok(_) => {}
            Err(_) if path.exists() => {}
            Err(_) => {
                atomic::create(&path, text.as_bytes())?;
                output.progress(&format!("wrote     {}, to change it and run it again", path.display()));
                return Ok(path);
            }
        }
    }
    Err(Diagnostic::new(Code::Bug, "no name is left for the recipe"))
}

/// A recipe for data that is there, and for a teacher from a file, if one is named. Data that is not there yet gets the
/// settings of the template, but for those that depend on what it is.
fn recipe_for(data: &str, teacher: Option<&str>, output: &Output) -> Result<String, Diagnostic> {
    let mut settings = vec![Setting::text("data", "source", data)];
    if data != TEMPLATE_DATA {
        match DataSource::is_there(data) {
            true => {
                let look = Look::at(data)?;
                if let Some(label) = &look.guessed_label {
                    output.progress(&format!(
                        "class     column `{label}`, the last one; see `data.columns` in the recipe"
                    ));
                }
                if let Some(target) = &look.target {
                    output.progress(&format!(
                        "predict   column `{target}`, whose values are many numbers; name it in `data.columns.label` if they are classes"
                    ));
                }
                settings.extend(defaults::settings(&look, teacher));
            }
            // It may have fewer examples than are held out of MNIST, and no sides to shift along.
            false => settings.extend([Setting::none("data", "validation"), Setting::none("teacher.train", "augment")]),
        }
    }
    if let Some(teacher) = teacher {
        let unused = ["epochs", "batch", "augment", "optimizer", "schedule"];
        settings.extend(unused.map(|key| Setting::none("teacher.train", key)));
        settings.extend([Setting::new("teacher", "weights", quoted(teacher)), Setting::none("teacher", "model")]);
    }
    Ok(template::with(&settings))
}

#[cfg(test)]
mod tests {
    use distill_train::Recipe;

    use super::*;

    /// Takes the `#` away from every key but `teacher.seeds`, which excludes `teacher.weights`, and those of
    /// `teacher.onnx`, which need an ONNX file.
    fn taken_up(text: &str) -> String {
        text.lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with([' ', 's']) && !setting.starts_with("onnx") => setting,
                _ => line,
            })
            .fold(String::new(), |text, line| text + line + "\n")
    }

    fn silent() -> Output {
        Output::new(false, true, clap::ColorChoice::Never)
    }

    fn read(text: &str) -> Recipe {
        recipe_file::from_bytes(Path::new("x.toml"), text.as_bytes().to_vec(), &[])
            .unwrap_or_else(|e| panic!("{e}\n{text}"))
            .1
    }

    #[test]
    fn with_and_without_its_choices_the_template_is_a_recipe() {
        let plain = read(template::TEMPLATE);
        let mut full = read(&taken_up(template::TEMPLATE));
        assert_eq!((plain.name.as_str(), full.name.as_str()), ("x", "my-recipe"));
        assert_eq!((plain.data.select.without.len(), full.data.select.without.len()), (0, 1));
        assert_eq!(full.teacher.files(), ["teacher.safetensors"]);
        assert!(full.kd.cache.take().is_some() && full.checkpoint.every_steps.take().is_some());
        // Where the text calls a value the default, it is.
        assert_eq!((plain.train.optimizer, plain.train.schedule), (full.train.optimizer, full.train.schedule));
        assert_eq!((plain.kd, plain.baseline, plain.checkpoint), (full.kd, full.baseline, full.checkpoint));
        assert_eq!(recipe_for("mnist", None, &silent()).unwrap(), template::TEMPLATE);
    }

    #[test]
    fn data_and_teacher_are_put_in() {
        for name in ["d", "my \"data\"", r"c:\data", "a\nb", "'"] {
            let text = recipe_for(name, Some(name), &silent()).unwrap();
            let recipe = read(&text);
            assert_eq!((recipe.data.source.as_str(), recipe.data.validation), (name, 0));
            assert_eq!((recipe.teacher.files(), recipe.teacher.model.clone()), (vec![name], None));
            read(&taken_up(&text));
        }
    }
}
