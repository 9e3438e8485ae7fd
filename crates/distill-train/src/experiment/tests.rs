use distill_datasets::Images;
use distill_losses::{CrossEntropy, LossError, LossValue, Targets, Term};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::*;
use crate::standardize::standardization;

const CLASSES: [&str; 3] = ["cat", "dog", "fox"];

/// Images of one byte, which is their number; the class of each is that number modulo three.
fn set(numbers: std::ops::Range<u8>) -> Arc<dyn Dataset> {
    let labels = numbers.clone().map(|number| u32::from(number % 3)).collect();
    Arc::new(Images::new(vec![1], numbers.collect(), labels, CLASSES.map(String::from).to_vec()).unwrap())
}

fn recipe(data: &str) -> Recipe {
    let text = format!(
        r#"{{ "name": "r", "data": {{ "source": "x", {data} }},
        "teacher": {{ "model": {{ "hidden": [2] }} }}, "student": {{ "model": {{ "hidden": [2] }} }} }}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// The numbers of the images.
fn numbers(set: &dyn Dataset) -> Vec<u8> {
    let mut out = ndarray::Array2::zeros((set.len(), 1));
    set.read(&(0..set.len()).collect::<Vec<_>>(), out.view_mut()).unwrap();
    out.iter().map(|value| (value * 255.0).round() as u8).collect()
}

/// Numbers to train on, to watch training on, to learn from, and to test.
fn sets(recipe: &Recipe, validation: Option<Arc<dyn Dataset>>) -> [Vec<u8>; 4] {
    let sets = Sets { train: set(0..90), validation, unlabelled: None, test: set(90..120) };
    let experiment = Experiment::new(recipe, sets).unwrap();
    [
        numbers(experiment.train_set()),
        experiment.validation_set().map(numbers).unwrap_or_default(),
        numbers(experiment.labelled_set()),
        numbers(experiment.test_set()),
    ]
}

fn without_cats(numbers: &[u8]) -> bool {
    numbers.iter().all(|number| number % 3 != 0)
}

#[test]
fn selected_classes_are_those_of_all_sets() {
    for select in [r#""only": ["dog", "fox"]"#, r#""without": ["cat"]"#] {
        let [train, validation, transfer, test] =
            sets(&recipe(&format!(r#""validation": 20, "select": {{ {select} }}"#)), None);
        // As many as were asked for, half of them of each class, and no example in two sets.
        assert_eq!([train.len(), validation.len(), transfer.len(), test.len()], [40, 20, 40, 20]);
        assert!([&train, &validation, &test].iter().all(|set| without_cats(set)), "{select}");
        assert_eq!(validation.iter().filter(|&number| number % 3 == 1).count(), 10);
        assert!(train.iter().all(|number| !validation.contains(number)));
        // The same holds for a set that the data brings along.
        let given = sets(&recipe(&format!(r#""select": {{ {select} }}"#)), Some(set(120..135)));
        assert_eq!(given.each_ref().map(Vec::len), [60, 10, 60, 20]);
        assert!(without_cats(&given[1]));
    }
}

#[test]
fn a_fraction_and_a_transfer_set_narrow_training_alone() {
    let whole = sets(&recipe(r#""validation": 20"#), None);
    let held_out = select::hold_out(&*set(0..90), 20, SELECTION_SEED).unwrap();
    let as_numbers = |indices: Vec<usize>| indices.into_iter().map(|index| index as u8).collect::<Vec<_>>();
    assert_eq!([whole[0].clone(), whole[1].clone()], [as_numbers(held_out.0), as_numbers(held_out.1)]);
    assert_eq!(whole[3], numbers(&*set(90..120)));
    let part = sets(&recipe(r#""validation": 20, "select": { "fraction": 0.5 }"#), None);
    assert_eq!((part[0].len(), &part[1], &part[3]), (35, &whole[1], &whole[3]));
    let transfer = sets(&recipe(r#""validation": 20, "transfer": { "without": ["cat"] }"#), None);
    assert!(without_cats(&transfer[2]) && !without_cats(&transfer[2..][1]));
    assert_eq!((&transfer[0], &transfer[1], &transfer[3]), (&whole[0], &whole[1], &whole[3]));
}

#[test]
fn a_share_of_the_labels_is_for_students_alone() {
    let recipe = |labelled: f64| recipe(&format!(r#""validation": 0, "labelled": {labelled:?}"#));
    let parts = |recipe: &Recipe| {
        let sets = Sets { train: set(0..90), validation: None, unlabelled: None, test: set(90..120) };
        let experiment = Experiment::new(recipe, sets).unwrap();
        let labels = |set: &dyn Dataset| (0..set.len()).map(|index| set.label(index)).collect::<Vec<_>>();
        [experiment.train_set(), experiment.labelled_set(), experiment.transfer_set()]
            .map(|set| (numbers(set), labels(set)))
    };
    let [train, few, transfer] = parts(&recipe(0.1));
    // The teacher has all labels, the distilled student all inputs in the same order.
    assert_eq!((train.1.iter().flatten().count(), &train.0), (90, &transfer.0));
    // Three of each class, and the same for both students.
    assert_eq!(few.0.len(), 9);
    assert!((0..3).all(|class| few.1.iter().filter(|&&label| label == Some(class)).count() == 3), "{few:?}");
    let seen = transfer.0.iter().zip(&transfer.1).filter_map(|(&number, label)| label.map(|_| number));
    assert!(seen.eq(few.0.iter().copied()));
    assert!(transfer.1.iter().zip(&train.1).all(|(label, all)| label.is_none_or(|_| label == all)));
    // Fewer of them are among the more, and a class always has one.
    let [_, fewer, _] = parts(&recipe(0.02));
    assert_eq!(fewer.0.len(), 3);
    assert!(fewer.0.iter().all(|number| few.0.contains(number)));
    let [train, all, transfer] = parts(&recipe(1.0));
    assert_eq!((&train, &train), (&all, &transfer));
}

/// Half of the cross entropy, under a name of its own.
struct Own;

impl Loss for Own {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let value = CrossEntropy.value_and_grad(logits, targets, grad.view_mut())?.total / 2.0;
        grad *= 0.5;
        Ok(LossValue::new(value).with(Term::new("own", value)))
    }

    fn needs_teacher(&self) -> bool {
        false
    }
}

#[test]
fn a_loss_of_ones_own_trains_the_student_and_nobody_else() {
    let recipe = recipe(r#""validation": 0"#);
    let sets = Sets { train: set(0..90), validation: None, unlabelled: None, test: set(90..120) };
    let experiment = Experiment::new(&recipe, sets).unwrap().with_loss(&Own);
    let teacher = experiment.model(Role::Teacher, 1).unwrap();
    let signal = || Some(TeacherSignal { teacher: &teacher, targets: None });
    let terms = |role, signal| {
        let trained = experiment.train(role, 1, signal, None, &mut crate::NullObserver).unwrap();
        trained.report.loss.terms.iter().map(|term| term.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(terms(Role::Student, signal()), ["own"]);
    assert_eq!(terms(Role::Baseline, None), ["hard"]);
}

#[test]
fn labels_are_smoothed_for_all_who_learn_from_them() {
    let losses = |train: &str| {
        let mut recipe = recipe(r#""validation": 0"#);
        recipe.train = serde_json::from_str(train).unwrap();
        recipe.teacher.train = recipe.train.clone();
        let sets = Sets { train: set(0..90), validation: None, unlabelled: None, test: set(90..120) };
        let experiment = Experiment::new(&recipe, sets).unwrap();
        let teacher = experiment.model(Role::Teacher, 1).unwrap();
        let signal = || Some(TeacherSignal { teacher: &teacher, targets: None });
        [(Role::Teacher, None), (Role::Baseline, None), (Role::Student, signal())].map(|(role, signal)| {
            let trained = experiment.train(role, 1, signal, None, &mut crate::NullObserver).unwrap();
            trained.report.loss.hard().unwrap()
        })
    };
    let [plain, same, smoothed] =
        [0.0, -0.0, 0.5].map(|by| losses(&format!(r#"{{ "epochs": 1, "batch": 90, "label_smoothing": {by:?} }}"#)));
    assert_eq!(plain, same);
    // Before the first step the loss has another value, and by how much says the difference of two logits alone.
    for (plain, smoothed) in plain.into_iter().zip(smoothed) {
        assert!(plain != smoothed && (plain - smoothed).abs() < 1.0, "{plain} {smoothed}");
    }
}

#[test]
fn a_test_set_without_the_selected_classes_is_refused() {
    let recipe = recipe(r#""select": { "only": ["dog"] }"#);
    let sets = Sets { train: set(0..90), validation: None, unlabelled: None, test: set(90..91) };
    let error = Experiment::new(&recipe, sets).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "the selection leaves no example (of 1)");
}

#[test]
fn channels_are_standardised_by_what_is_not_held_out() {
    let pixels = |n: usize| (0..4 * n).map(|at| (at * 37 % 251) as u8).collect();
    let images = |n: usize| -> Arc<dyn Dataset> {
        let labels = (0..n).map(|i| (i % 3) as u32).collect();
        Arc::new(Images::new(vec![2, 1, 2], pixels(n), labels, CLASSES.map(String::from).to_vec()).unwrap())
    };
    let sets = Sets { train: images(60), validation: None, unlabelled: None, test: images(9) };
    let recipe = recipe(r#""validation": 20, "standardize": "channel""#);
    let experiment = Experiment::new(&recipe, sets.clone()).unwrap();
    let found = experiment.standardization().unwrap().unwrap();
    assert_eq!(found, standardization(experiment.train_set(), 2).unwrap());
    assert_ne!(found, standardization(&*sets.train, 2).unwrap());
    // What is kept takes pixels as they are.
    let trained = experiment.train(Role::Baseline, 1, None, None, &mut crate::NullObserver).unwrap().model;
    let standardised = Standardized::unfold(trained.clone(), Some(found)).unwrap();
    let mut inputs = ndarray::Array2::zeros((9, 4));
    sets.test.read(&(0..9).collect::<Vec<_>>(), inputs.view_mut()).unwrap();
    let (plain, expected) = (trained.logits(inputs.view()).unwrap(), standardised.logits(inputs.view()).unwrap());
    assert!((&plain - &expected).iter().all(|difference| difference.abs() < 1e-4), "{plain} {expected}");

    let rows = Sets { train: set(0..90), validation: None, unlabelled: None, test: set(90..120) };
    let error = Experiment::new(&recipe, rows).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "data.standardize is \"channel\", but inputs have the shape [1] and no channels");
}
