use std::time::Duration;

use distill_train::{Experiment, Role, TrainError};

use crate::event::Leg;
use crate::folder::RunResult;

/// The models that a run trains, in their order, and how much work each is.
#[derive(Debug)]
pub(super) struct Course {
    models: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    role: Role,
    seed: u64,
    /// Examples that are seen times parameters: what time mostly goes with, for models of a kind.
    work: f64,
}

impl Course {
    /// The models of these roles that the recipe trains.
    pub(super) fn new(experiment: &Experiment<'_>, roles: &[Role]) -> Result<Self, TrainError> {
        let recipe = experiment.recipe();
        let is_trained = |role: Role| match role {
            Role::Member => recipe.teacher.weights.is_none() && recipe.teacher.is_ensemble(),
            Role::Teacher => recipe.teacher.weights.is_none() && !recipe.teacher.is_ensemble(),
            Role::Baseline | Role::Student => true,
        };
        let roles: Vec<Role> = roles.iter().copied().filter(|&role| is_trained(role)).collect();
        let spec = experiment.test_set().spec();
        let planned = |role: Role, seed: u64| {
            let graph = experiment.model_config(role).map(|model| model.graph(&spec.input_shape, spec.classes.len()));
            let macs = graph.transpose()?.map_or(0, |graph| graph.macs());
            let examples = experiment.set_of(role).len() as f64 * f64::from(experiment.train_config(role).epochs);
            Ok::<_, TrainError>(Planned { role, seed, work: (examples * macs as f64).max(1.0) })
        };
        let mut models = vec![];
        if roles.contains(&Role::Member) {
            models.extend(recipe.teacher.member_seeds().into_iter().map(|seed| (Role::Member, seed)));
        }
        for &seed in &recipe.seeds {
            models.extend(roles.iter().filter(|&&role| role != Role::Member).map(|&role| (role, seed)));
        }
        let models = models.into_iter().map(|(role, seed)| planned(role, seed)).collect::<Result<_, _>>()?;
        Ok(Self { models })
    }

    /// Where a model stands among them, by what is done. `None` for one that is not trained here.
    pub(super) fn leg(&self, role: Role, seed: u64, done: &RunResult) -> Option<Leg> {
        let at = self.models.iter().position(|model| (model.role, model.seed) == (role, seed))?;
        let present = &self.models[at];
        let seconds_of = |model: &Planned| done.find(model.role, model.seed).and_then(|found| found.train_seconds);
        // Seconds for a unit of work, of models of one kind: each makes the next more certain.
        let rate = |is_student: bool| {
            let of_kind = self.models.iter().filter(|model| model.role.is_student() == is_student);
            let (work, seconds) = of_kind
                .filter_map(|model| Some((model.work, seconds_of(model)?)))
                .fold((0.0, 0.0), |(work, seconds), (w, s)| (work + w, seconds + s));
            (work > 0.0).then(|| seconds / work)
        };
        let rates = [rate(false), rate(true)];
        let rate_of = |model: &Planned| rates[usize::from(model.role.is_student())];
        let (mut seconds, mut times) = (0.0, 0.0);
        for model in self.models[at + 1..].iter().filter(|model| seconds_of(model).is_none()) {
            match rate_of(model) {
                Some(rate) => seconds += rate * model.work,
                None => times += model.work / present.work,
            }
        }
        let expected = rate_of(present).map(|rate| rate * present.work);
        let expected = expected.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Some(Leg { place: (at + 1, self.models.len()), expected, seconds, times })
    }
}

#[cfg(test)]
mod tests {
    use distill_models::{ModelSpec, Task};
    use distill_train::Recipe;

    use super::*;
    use crate::folder::{DataResult, ModelResult, WeightsFile};

    fn course() -> Course {
        let planned = |(role, seed, work)| Planned { role, seed, work };
        let of_seed = |seed| [(Role::Teacher, seed, 60.0), (Role::Baseline, seed, 10.0), (Role::Student, seed, 10.0)];
        Course { models: [1, 2].into_iter().flat_map(of_seed).map(planned).collect() }
    }

    fn result(done: &[(Role, u64, f64)]) -> RunResult {
        let spec = ModelSpec {
            architecture: "a".into(),
            input_shape: vec![1],
            classes: vec![],
            parameters: 1,
            task: Task::Classes,
        };
        let weights = WeightsFile { path: std::path::Path::new("w"), n_bytes: 1, sha256: String::new() };
        let model = |&(role, seed, seconds): &(Role, u64, f64)| ModelResult {
            train_seconds: Some(seconds),
            test_nll: 0.0,
            test_ece: 0.0,
            ..ModelResult::new(role, seed, &spec, &weights, None)
        };
        let data = DataResult {
            train: 1,
            validation: 0,
            transfer: 1,
            labelled: None,
            test: 1,
            classes: vec![],
            task: Task::Classes,
            input_shape: vec![1],
            counters: vec![],
        };
        let models = done.iter().map(model).collect();
        RunResult { version: 1, recipe: "r".into(), data, models, comparison: None }
    }

    #[test]
    fn time_is_that_of_models_of_the_same_kind_or_else_goes_with_the_work() {
        let seconds = |n: f64| Duration::from_secs_f64(n);
        let course = course();
        let first = course.leg(Role::Teacher, 1, &result(&[])).unwrap();
        assert_eq!((first.place, first.expected), ((1, 6), None));
        // It takes 30 s, so the others, of 10, 10, 60, 10 and 10, take 50.
        assert_eq!(first.left(seconds(12.0), seconds(30.0)), seconds(12.0 + 50.0));

        let done = [(Role::Teacher, 1, 30.0), (Role::Baseline, 1, 20.0)];
        let third = course.leg(Role::Student, 1, &result(&done)).unwrap();
        // Students take 2 s for a unit of work, teachers half a second.
        assert_eq!((third.place, third.expected), ((3, 6), Some(seconds(20.0))));
        assert_eq!(third.left(seconds(5.0), seconds(20.0)), seconds(5.0 + 30.0 + 20.0 + 20.0));
        assert_eq!(third.left_before(), Some(seconds(20.0 + 70.0)));

        // What is done already takes no more time.
        let done =
            [&done[..], &[(Role::Student, 1, 20.0), (Role::Teacher, 2, 30.0), (Role::Student, 2, 20.0)]].concat();
        let last = course.leg(Role::Baseline, 2, &result(&done)).unwrap();
        assert_eq!((last.place, last.left_before()), ((5, 6), Some(seconds(20.0))));
        assert_eq!(course.leg(Role::Member, 1, &result(&[])), None);
    }

    #[test]
    fn a_teacher_from_a_file_is_no_model_of_the_course() {
        let recipe = |teacher: &str| -> Recipe {
            let text =
                format!("data.source = \"d\"\nname = \"r\"\nseeds = [1, 2]\nstudent.model.hidden = [4]\n{teacher}");
            toml::from_str(&text).unwrap()
        };
        let data = || -> std::sync::Arc<dyn distill_datasets::Dataset> {
            let classes = vec!["a".to_owned(), "b".to_owned()];
            std::sync::Arc::new(distill_datasets::Table::new(vec![1], vec![0.0, 1.0], vec![0, 1], classes).unwrap())
        };
        let roles = [Role::Member, Role::Teacher, Role::Baseline, Role::Student];
        for (teacher, expected) in [
            ("teacher.model.hidden = [8]", 6),
            ("teacher.weights = \"t.safetensors\"", 4),
            ("teacher.model.hidden = [8]\nteacher.seeds = [1, 2, 3]", 7),
        ] {
            let recipe = recipe(teacher);
            let sets = distill_train::Sets { train: data(), validation: None, unlabelled: None, test: data() };
            let experiment = Experiment::new(&recipe, sets).unwrap();
            let course = Course::new(&experiment, &roles).unwrap();
            assert_eq!(course.models.len(), expected, "{teacher}");
            let last = course.leg(Role::Student, 2, &result(&[])).unwrap();
            assert_eq!(last.place, (expected, expected));
        }
    }
}
