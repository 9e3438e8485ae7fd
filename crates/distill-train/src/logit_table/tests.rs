use distill_datasets::Table;
use ndarray::{array, s};

use super::*;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("c{i}")).collect()
}

fn data(values: &[f32]) -> Table {
    Table::new(vec![2], values.to_vec(), vec![0; values.len() / 2], names(3)).unwrap()
}

fn table(answers: Array2<f32>) -> Result<LogitTable, TrainError> {
    let data = data(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
    LogitTable::new(data.spec(), names(3), vec![(&data, TeacherOutputs::of_all(answers, None)?)], None)
}

#[test]
fn inputs_find_their_answers_in_any_order() {
    let answers = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [1.5, 2.0, 3.0]];
    let teacher = table(answers.clone()).unwrap();
    let inputs = array![[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]];
    assert_eq!(teacher.logits(inputs.view()).unwrap(), array![[4.0, 5.0, 6.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let many = Array2::from_shape_fn((5000, 2), |(i, j)| if i % 2 == 0 { 1.0 + j as f32 } else { 3.0 + j as f32 });
    let found = teacher.logits(many.view()).unwrap();
    assert!(found.outer_iter().enumerate().all(|(i, row)| row == answers.row(i % 2)));
    let error = teacher.logits(array![[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]].view()).unwrap_err().to_string();
    assert!(error.contains("example 1 of the batch, nor for 1 more"), "{error}");
    assert!(matches!(teacher.logits(array![[1.0]].view()), Err(ModelError::Features { actual: 1, .. })));
    assert_eq!((teacher.spec().architecture.as_str(), teacher.n_bytes()), ("table of 3 answers", 36));
    assert_ne!(teacher.sha256(), table(answers + 1.0).unwrap().sha256());
}

#[test]
fn probabilities_become_logits() {
    let teacher = table(array![[0.25, 0.75, 0.0], [0.1, 0.2, 0.7], [0.25, 0.75, 0.0]]).unwrap();
    let found = teacher.logits(array![[1.0, 2.0]].view()).unwrap();
    // Half the smallest would be 0.05.
    assert_eq!(found, array![[0.25_f32.ln(), 0.75_f32.ln(), 0.01_f32.ln()]]);
    let expected = "table of 3 answers (probabilities, taken as logarithms; 22 % of them are 0, taken as 0.01)";
    assert_eq!(teacher.spec().architecture, expected);
    // Said to be logits, they are.
    let values = array![[0.25, 0.75, 0.0], [0.1, 0.2, 0.7]];
    assert_eq!(TeacherOutputs::of_all(values.clone(), Some(false)).unwrap().values, values);
}

#[test]
fn zeros_of_all_sets_are_taken_as_one_number() {
    let data = data(&[1.0, 2.0, 3.0, 4.0]);
    let answers = |rows: Array2<f32>| TeacherOutputs::of_all(rows, None).unwrap();
    let sets = || {
        let (a, b) = (array![[1.0, 0.0, 0.0], [0.5, 0.46, 0.04]], array![[0.99, 0.01, 0.0], [1.0, 0.0, 0.0]]);
        vec![(&data as &dyn Dataset, answers(a)), (&data, answers(b))]
    };
    let table = |min| LogitTable::new(data.spec(), names(3), sets(), min).unwrap();
    assert_eq!(table(None).logits[(0, 1)], 0.005_f32.ln());
    assert_eq!(table(None).kind().zeros.map(|zeros| zeros.n_zeros), Some(5));
    assert_eq!(table(Some(0.02)).logits.row(2), array![0.99_f32.ln(), 0.02_f32.ln(), 0.02_f32.ln()]);
    assert_ne!(table(None).sha256(), table(Some(0.02)).sha256());
}

/// Negative log-likelihood of class 0.
fn nll(answers: &TeacherOutputs) -> f64 {
    let rows = answers.values.outer_iter().map(|row| {
        let row = if answers.kind.probabilities { row.mapv(f32::ln) } else { row.to_owned() };
        let partition = distill_tensor::LogPartition::new(row.iter().copied(), 1.0);
        -partition.log_prob(row[0])
    });
    rows.sum::<f64>() / answers.values.nrows() as f64
}

#[test]
fn one_row_that_is_off_makes_no_logits_of_all() {
    let mut values = Array2::from_shape_fn((600, 3), |(_, class)| [0.8, 0.15, 0.05][class]);
    let whole = nll(&TeacherOutputs::of_all(values.clone(), None).unwrap());
    values.row_mut(300).mapv_inplace(|p| p * 0.985);
    let error = TeacherOutputs::of_all(values.clone(), None).unwrap_err().to_string();
    assert!(error.contains("599 of 600 rows") && error.contains("row 300"), "{error}");
    // Scaled, the row says what it said.
    let said = nll(&TeacherOutputs::of_all(values.clone(), Some(true)).unwrap());
    assert!((whole - said).abs() < 1e-6 && (whole + 0.8_f64.ln()).abs() < 1e-6, "{whole} {said}");
    assert!(nll(&TeacherOutputs::of_all(values, Some(false)).unwrap()) > 0.6);
}

#[test]
fn two_decimals_of_many_classes_are_probabilities() {
    // 99 classes share 0.05, of which nothing is left.
    let rounded = Array2::from_shape_fn((50, 100), |(_, class)| if class == 0 { 0.95 } else { 0.0 });
    let answers = TeacherOutputs::of_all(rounded, None).unwrap();
    assert_eq!(answers.kind().why, "every row adds up to 1, 50 of 50 but for rounding to 2 decimals");
    assert!(nll(&answers) < 1e-6);
}

#[test]
fn all_sets_are_of_one_kind() {
    let data = data(&[1.0, 2.0, 3.0, 4.0]);
    let logits = || TeacherOutputs::of_all(array![[3.0, -1.0, 0.5], [1.0, 2.0, -3.0]], None).unwrap();
    let probs = || TeacherOutputs::of_all(array![[0.25, 0.75, 0.0], [0.1, 0.2, 0.7]], None).unwrap();
    let table = |a, b| LogitTable::new(data.spec(), names(3), vec![(&data as &dyn Dataset, a), (&data, b)], None);
    assert!(table(logits(), logits()).is_ok() && table(probs(), probs()).is_ok());
    let error = table(logits(), probs()).unwrap_err().to_string();
    assert!(error.contains("logits") && error.contains("in set 0, and probabilities"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(matches!(
        table(Array2::eye(3).slice_move(s![..2, ..])),
        Err(TrainError::Targets { expected: [3, 3], actual: [2, 3] })
    ));
    assert!(matches!(table(Array2::eye(4).slice_move(s![..3, ..])), Err(TrainError::Targets { .. })));
    let mut bad = Array2::zeros((3, 3));
    bad[(1, 2)] = f32::NAN;
    assert!(table(bad).unwrap_err().to_string().contains("NaN for class 2 of example 1"));
    assert!(matches!(LogitTable::new(data(&[1.0, 2.0]).spec(), names(3), vec![], None), Err(TrainError::Empty { .. })));
}

#[test]
fn the_largest_keep_their_place_and_the_others_share_the_rest() {
    let classes = array![[3_u32, 0], [1, 2]];
    let spread = |values: Array2<f32>| {
        TeacherOutputs::of_largest(classes.view(), values.view(), 4, None).map(|found| found.values)
    };
    let near = |found: Array2<f32>, expected: Array2<f32>| {
        assert!((&found - &expected).iter().all(|difference| difference.abs() < 1e-6), "{found} {expected}");
    };
    let expected: Array2<f32> = array![[0.25, 0.125, 0.125, 0.5], [0.05, 0.6, 0.3, 0.05]];
    near(spread(array![[0.5, 0.25], [0.6, 0.3]]).unwrap(), expected.clone());
    near(spread(array![[0.5, 0.25, 0.25], [0.6, 0.3, 0.1]]).unwrap(), expected.clone());
    let logits = array![[0.5_f32, 0.25, 0.25], [0.6, 0.3, 0.1]].mapv(f32::ln);
    near(spread(logits).unwrap(), expected.mapv(f32::ln));
    // One row that is off is neither of both.
    for unclear in [array![[0.5, 0.25, 0.25], [0.6, 0.3, 0.35]], array![[0.5, 0.25, 0.25], [0.6, 0.3, -2.0]]] {
        assert!(spread(unclear).unwrap_err().to_string().contains("row 1,"));
    }
    let error = |classes: Array2<u32>, values: Array2<f32>| {
        TeacherOutputs::of_largest(classes.view(), values.view(), 4, None).unwrap_err().to_string()
    };
    for (found, expected) in [
        (error(array![[0, 0]], array![[0.5, 0.2]]), "the same class twice for example 0"),
        (error(array![[0, 4]], array![[0.5, 0.2]]), "class 4 of example 0, there are 4"),
        (error(array![[0, 1]], array![[5.0, 3.0]]), "add a column"),
        (error(array![[0, 1]], array![[0.5]]), "values for (1, 2) numbers"),
        (error(array![[0, 1, 2, 3]], array![[0.5, 0.1, 0.1, 0.1]]), "values for (1, 4) numbers"),
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
