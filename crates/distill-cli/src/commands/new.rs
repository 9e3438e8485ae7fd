use std::path::{Path, PathBuf};

use serde_json::json;
use toml::Value;

use crate::args::NewArgs;
use crate::atomic;
use crate::diagnostic::Diagnostic;
use crate::output::Output;
use crate::recipe_file;

/// A recipe for MNIST. A line with `#` right before a key is a setting to take up, `# ` is prose.
const TEMPLATE: &str = include_str!("new.toml");

/// `distill new NAME [--teacher FILE] [--data SOURCE]`
pub(crate) fn new(args: &NewArgs, output: &Output) -> Result<(), Diagnostic> {
    let path = PathBuf::from(format!("{}.toml", args.name.strip_suffix(".toml").unwrap_or(&args.name)));
    let text = filled_in(&args.data, args.teacher.as_deref());
    // The run directory will be named after the file, so a name that cannot be one is refused here.
    recipe_file::from_bytes(&path, text.clone().into_bytes(), &[])
        .map_err(|error| error.better_help("choose another name, such as `distill new mnist-kd`"))?;
    atomic::create(&path, text.as_bytes())?;

    let shown = path.display();
    let missing = |what: &str, path: &str| {
        output.warning(
            &format!("{what} `{path}` is not there yet"),
            &format!("{shown} names it, from the folder where distill is started"),
            &format!("put it there, or change the recipe, before `distill run {shown}`"),
        )
    };
    if args.data != "mnist" && !Path::new(&args.data).exists() {
        missing("the data", &args.data)?;
    }
    if let Some(teacher) = args.teacher.as_deref().filter(|teacher| !Path::new(teacher).exists()) {
        missing("the teacher", teacher)?;
    }
    output.progress(&format!("wrote  {shown}\nnext   distill check {shown}\n       distill run {shown}"));
    output.event("new", json!({ "path": path.display().to_string() }))
}

/// The template with other data, and with a teacher from a file in place of one to train.
fn filled_in(data: &str, teacher: Option<&str>) -> String {
    let mut text = String::with_capacity(TEMPLATE.len());
    let mut table = "";
    for line in TEMPLATE.lines() {
        if line.starts_with('[') {
            table = line;
        }
        let key = line.split(" =").next().unwrap_or_default();
        let setting = !line.is_empty() && !line.starts_with('#');
        text += &match (table, key, teacher) {
            ("[data]", "source", _) => format!("source = {}", quoted(data)),
            // Other data may have fewer examples than are held out of MNIST.
            ("[data]", "validation", _) if data != "mnist" => format!("#{line}"),
            ("[teacher]", "#weights", Some(teacher)) => format!("weights = {}", quoted(teacher)),
            ("[teacher]", "model", Some(_)) => format!("#{line}"),
            ("[teacher.train]", _, Some(_)) if setting && line != table => format!("#{line}"),
            _ => line.to_owned(),
        };
        text.push('\n');
    }
    text
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
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

    fn read(text: &str) -> Recipe {
        recipe_file::from_bytes(Path::new("x.toml"), text.as_bytes().to_vec(), &[])
            .unwrap_or_else(|e| panic!("{e}\n{text}"))
            .1
    }

    #[test]
    fn with_and_without_its_choices_the_template_is_a_recipe() {
        let plain = read(TEMPLATE);
        let mut full = read(&taken_up(TEMPLATE));
        assert_eq!((plain.name.as_str(), full.name.as_str()), ("x", "my-recipe"));
        assert_eq!((plain.data.select.without.len(), full.data.select.without.len()), (0, 1));
        assert_eq!(full.teacher.files(), ["teacher.safetensors"]);
        assert!(full.kd.cache.take().is_some() && full.checkpoint.every_steps.take().is_some());
        // Where the text calls a value the default, it is.
        assert_eq!((plain.train.optimizer, plain.train.schedule), (full.train.optimizer, full.train.schedule));
        assert_eq!((plain.kd, plain.baseline, plain.checkpoint), (full.kd, full.baseline, full.checkpoint));
        assert_eq!(filled_in("mnist", None), TEMPLATE);
    }

    #[test]
    fn data_and_teacher_are_put_in() {
        for name in ["d", "my \"data\"", r"c:\data", "a\nb", "'"] {
            let recipe = read(&filled_in(name, Some(name)));
            assert_eq!((recipe.data.source.as_str(), recipe.data.validation), (name, 0));
            assert_eq!((recipe.teacher.files(), recipe.teacher.model.clone()), ([name.to_owned()].as_slice(), None));
            read(&taken_up(&filled_in(name, Some(name))));
        }
    }
}
