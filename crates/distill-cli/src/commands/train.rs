use distill_train::Role;

use crate::args::{TrainArgs, TrainAs};
use crate::commands::run::{Place, execute};
use crate::diagnostic::Diagnostic;
use crate::output::Output;
use crate::recipe_file;

/// `distill train RECIPE [KEY=VALUE ...] [--as teacher|baseline]`
pub(crate) fn train(args: &TrainArgs, output: &Output) -> Result<u8, Diagnostic> {
    let (file, recipe) = recipe_file::load(&args.recipe.recipe, &args.recipe.overrides)?;
    let role = match args.role {
        TrainAs::Teacher => Role::Teacher,
        TrainAs::Baseline => Role::Baseline,
    };
    if role == Role::Teacher
        && let Some(weights) = &recipe.teacher.weights
    {
        let problem = format!("the teacher of this recipe is a file, `{weights}`, so there is nothing to train");
        return Err(file.locate(Diagnostic::new(crate::code::Code::Value, problem), "teacher.weights").help(
            "leave `teacher.weights` out and give a `teacher.model`, or train the student alone with `--as baseline`",
        ));
    }
    execute(&file, &recipe, vec![role], Place::New { runs_dir: &args.runs_dir }, output)
}
