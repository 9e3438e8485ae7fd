use distill_train::Role;

use crate::args::{TrainArgs, TrainAs};
use crate::commands::run::train_roles;
use crate::output::Output;
use distill_recipe::Diagnostic;
use distill_recipe::recipe_file;

/// `distill train RECIPE [KEY=VALUE ...] [--as teacher|baseline]`
pub(crate) fn train(args: &TrainArgs, output: &Output) -> Result<u8, Diagnostic> {
    let (file, recipe) = recipe_file::load(&args.recipe.recipe, &args.recipe.overrides)?;
    let (role, roles) = match args.role {
        TrainAs::Teacher if recipe.teacher.is_ensemble() => (Role::Teacher, vec![Role::Member, Role::Teacher]),
        TrainAs::Teacher => (Role::Teacher, vec![Role::Teacher]),
        TrainAs::Baseline => (Role::Baseline, vec![Role::Baseline]),
    };
    if role == Role::Teacher
        && let Some(weights) = recipe.teacher.files().first()
    {
        let problem = format!("the teacher of this recipe is a file, `{weights}`, so there is nothing to train");
        return Err(file.locate(Diagnostic::new(distill_recipe::Code::Value, problem), "teacher.weights").help(
            "leave `teacher.weights` out and give a `teacher.model`, or train the student alone with `--as baseline`",
        ));
    }
    let others: &[&str] = match role {
        Role::Teacher => &["train", "student", "kd", "baseline"],
        _ => &["teacher", "kd"],
    };
    let unused = |key: &&str| others.contains(&key.split('.').next().unwrap_or_default());
    for key in file.set_keys().filter(unused) {
        let note =
            format!("the model that is trained is the {}", if role == Role::Teacher { "teacher" } else { "student" });
        let help = if role == Role::Teacher {
            "its settings are `teacher.model` and `teacher.train`"
        } else {
            "its settings are `student.model` and `train`"
        };
        output.warning(&format!("`{key}` has no effect here"), &note, help)?;
    }
    train_roles(&args.runs_dir, &(file, recipe), roles, output)
}
