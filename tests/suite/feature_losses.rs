//! Losses on inner values against PyTorch, see `golden/features.py`, and what each of them keeps.

use distill_losses::{Attention, LossError, RelationalDistance, Similarity};
use distill_tensor::Real;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis, ShapeBuilder as _, s};
use serde_json::Value;

fn golden(name: &str) -> (f64, Vec<f64>) {
    let document: Value = serde_json::from_str(include_str!("../golden/features.json")).unwrap();
    let entry = &document["losses"][name];
    let grad = entry["grad"].as_array().unwrap_or_else(|| panic!("no golden {name}"));
    (entry["value"].as_f64().unwrap(), grad.iter().map(|g| g.as_f64().unwrap()).collect())
}

/// Value and gradient are those of PyTorch, in units of the largest number of the gradient.
#[track_caller]
fn same<'a>(name: &str, value: f64, grad: impl Iterator<Item = f64> + 'a, tolerance: f64) {
    let (expected, grads) = golden(name);
    let scale = grads.iter().fold(0.0_f64, |scale, g| scale.max(g.abs()));
    let differences: Vec<f64> = grad.zip(&grads).map(|(g, e)| (g - e).abs() / scale).collect();
    assert_eq!(differences.len(), grads.len(), "{name}");
    let distance = differences.into_iter().fold((value - expected).abs() / expected.abs(), f64::max);
    assert!(distance <= tolerance, "{name}: {distance:e} is more than {tolerance:e}, value {value} and not {expected}");
}

fn rows<F: Real>() -> [Array2<F>; 2] {
    [
        Array2::from_shape_fn((4, 3), |(b, d)| F::from_f64((0.7 * (3 * b + d) as f64 + 0.3).sin())),
        Array2::from_shape_fn((4, 5), |(b, d)| F::from_f64((0.9 * (5 * b + d) as f64 + 0.1).cos())),
    ]
}

fn maps<F: Real>(student: [usize; 4], teacher: [usize; 4]) -> [Array4<F>; 2] {
    let map = |shape: [usize; 4], of: &dyn Fn(f64) -> f64| {
        let numbers = (0..shape.iter().product::<usize>()).map(|k| F::from_f64(of(k as f64)));
        Array4::from_shape_vec(shape, numbers.collect()).unwrap()
    };
    [map(student, &|k| (0.5 * k + 0.2).sin()), map(teacher, &|k| (0.4 * k + 0.1).cos())]
}

/// A loss on rows.
type OnRows<F> = fn(ArrayView2<'_, F>, ArrayView2<'_, F>, f64, &mut Array2<F>) -> Result<f64, LossError>;

fn similarity<F: Real>(
    s: ArrayView2<'_, F>,
    t: ArrayView2<'_, F>,
    w: f64,
    g: &mut Array2<F>,
) -> Result<f64, LossError> {
    Similarity::default().value_and_grad(s, t, w, g.view_mut())
}

fn relational<F: Real>(
    s: ArrayView2<'_, F>,
    t: ArrayView2<'_, F>,
    w: f64,
    g: &mut Array2<F>,
) -> Result<f64, LossError> {
    RelationalDistance::default().value_and_grad(s, t, w, g.view_mut())
}

fn zeros<F: Real>(rows: usize, columns: usize) -> Array2<F> {
    Array2::from_elem((rows, columns), F::from_f64(0.0))
}

/// A loss with its name in the golden file, and what student and teacher have.
type Case<'a, F> = (&'a str, OnRows<F>, &'a Array2<F>, &'a Array2<F>);

fn check_rows<F: Real>(tolerance: f64) {
    let [student, teacher] = rows::<F>();
    let mut twins = student.clone();
    let first = twins.row(0).to_owned();
    twins.row_mut(2).assign(&first);
    let column = |numbers: [f64; 4]| Array2::from_shape_fn((4, 1), |(b, _)| F::from_f64(numbers[b]));
    let (near, far) = (column([0.0, 0.1, 0.2, 9.0]), column([0.0, 9.0, 0.1, 0.3]));
    let cases: [Case<'_, F>; 5] = [
        ("similarity", similarity, &student, &teacher),
        ("similarity_twins", similarity, &twins, &teacher),
        ("relational_distance", relational, &student, &teacher),
        ("relational_distance_twins", relational, &twins, &teacher),
        ("relational_distance_far", relational, &near, &far),
    ];
    for (name, loss, student, teacher) in cases {
        let mut grad = zeros(student.nrows(), student.ncols());
        let value = loss(student.view(), teacher.view(), 1.0, &mut grad).unwrap();
        same(name, value, grad.iter().map(|g| g.to_f64()), tolerance);
        // A weight is one of the gradient, which is added, and not of the value.
        assert_eq!(loss(student.view(), teacher.view(), -0.5, &mut grad).unwrap(), value);
        let halved = grad.iter().map(|g| 2.0 * g.to_f64());
        same(name, value, halved, 4.0 * tolerance);
    }
}

fn check_maps<F: Real>(tolerance: f64) {
    for (name, student, teacher) in [
        ("attention", [2, 3, 2, 2], [2, 5, 2, 2]),
        ("attention_student_larger", [2, 3, 4, 6], [2, 2, 2, 3]),
        ("attention_teacher_larger", [2, 3, 2, 3], [2, 2, 4, 3]),
        ("attention_both_larger", [2, 3, 4, 1], [2, 2, 2, 3]),
    ] {
        let [student, teacher] = maps::<F>(student, teacher);
        let mut grad = student.mapv(|_| F::from_f64(0.0));
        let mut loss = Attention::default();
        let value = loss.value_and_grad(student.view(), teacher.view(), 1.0, grad.view_mut()).unwrap();
        same(name, value, grad.iter().map(|g| g.to_f64()), tolerance);
        // Channels may lie side by side, as in our networks.
        let [channels_last, mut grad_last] = [&student, &grad].map(|map| {
            let last = map.view().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
            last.permuted_axes([0, 3, 1, 2])
        });
        assert!(!channels_last.is_standard_layout());
        let again = loss.value_and_grad(channels_last.view(), teacher.view(), 1.0, grad_last.view_mut()).unwrap();
        assert_eq!(again, value);
        same(name, value, grad_last.iter().map(|g| g.to_f64() / 2.0), 2.0 * tolerance);
    }
}

#[test]
fn f64_equals_pytorch_to_1e_12() {
    check_rows::<f64>(1e-12);
    check_maps::<f64>(1e-12);
}

#[test]
fn f32_equals_pytorch_up_to_the_rounding_of_inputs() {
    check_rows::<f32>(1e-5);
    check_maps::<f32>(1e-5);
}

/// All sums are of f64, so that of the same numbers only what is written is rounded.
#[test]
fn f32_is_f64_of_the_same_numbers() {
    let [student, teacher] = rows::<f32>();
    let wide = |rows: &Array2<f32>| rows.mapv(f64::from);
    let pairs: [(OnRows<f32>, OnRows<f64>); 2] = [(similarity, similarity), (relational, relational)];
    for (narrow, exact) in pairs {
        let (mut grad, mut expected) = (zeros(4, 3), zeros(4, 3));
        let value = narrow(student.view(), teacher.view(), 1.0, &mut grad).unwrap();
        assert_eq!(exact(wide(&student).view(), wide(&teacher).view(), 1.0, &mut expected).unwrap(), value);
        assert_eq!(grad, expected.mapv(|g| g as f32));
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-5;
    let numeric = |loss: OnRows<f64>, student: &Array2<f64>, teacher: &Array2<f64>, at: [usize; 2]| {
        let value = |h: f64| {
            let mut moved = student.clone();
            moved[at] += h;
            loss(moved.view(), teacher.view(), 0.0, &mut zeros(student.nrows(), student.ncols())).unwrap()
        };
        (value(STEP) - value(-STEP)) / (2.0 * STEP)
    };
    // Wide and large enough for blocks of every length, and for several threads.
    let wave =
        |rows, columns, by: f64| Array2::from_shape_fn((rows, columns), |(i, j)| ((i * columns + j) as f64 * by).sin());
    for (n, width, of_teacher) in [(2, 1, 1), (5, 3, 7), (13, 70, 9), (19, 131, 130)] {
        let (student, teacher) = (wave(n, width, 0.731), wave(n, of_teacher, 1.137));
        for loss in [similarity as OnRows<f64>, relational] {
            let mut grad = zeros(n, width);
            loss(student.view(), teacher.view(), 1.0, &mut grad).unwrap();
            for at in [[0, 0], [n - 1, width - 1], [n / 2, width / 3], [1, width / 2]] {
                let (found, wanted) = (grad[at], numeric(loss, &student, &teacher, at));
                assert!((found - wanted).abs() < 1e-8 * (1.0 + 100.0 * wanted.abs()), "{n} {width}: {found} {wanted}");
            }
        }
    }
    let [student, teacher] = maps::<f64>([2, 3, 4, 6], [2, 2, 2, 3]);
    let mut grad = Array4::zeros(student.dim());
    Attention::default().value_and_grad(student.view(), teacher.view(), 1.0, grad.view_mut()).unwrap();
    for at in [[0, 0, 0, 0], [1, 2, 3, 5], [0, 1, 2, 3], [1, 0, 1, 4]] {
        let value = |h: f64| {
            let (mut moved, mut none) = (student.clone(), Array4::zeros(student.dim()));
            moved[at] += h;
            Attention::default().value_and_grad(moved.view(), teacher.view(), 0.0, none.view_mut()).unwrap()
        };
        let wanted = (value(STEP) - value(-STEP)) / (2.0 * STEP);
        assert!((grad[at] - wanted).abs() < 1e-9, "{at:?}: {} {wanted}", grad[at]);
    }
}

#[test]
fn a_student_that_has_the_relations_of_its_teacher_is_at_rest() {
    let [_, teacher] = rows::<f64>();
    for (loss, student) in [(similarity as OnRows<f64>, &teacher * 3.0), (relational, &teacher * -0.25 + 7.0)] {
        let mut grad = zeros(4, 5);
        let value = loss(student.view(), teacher.view(), 1.0, &mut grad).unwrap();
        assert!(value < 1e-28 && grad.iter().all(|g| g.abs() < 1e-13), "{value} {grad}");
    }
    // Attention knows neither the channels nor the scale of a map.
    let [_, teacher] = maps::<f64>([1, 1, 1, 1], [2, 4, 3, 2]);
    let student = teacher.slice(s![.., ..;-1, .., ..]).mapv(|x| -5.0 * x);
    let mut grad = Array4::zeros(student.dim());
    let value = Attention::default().value_and_grad(student.view(), teacher.view(), 1.0, grad.view_mut()).unwrap();
    assert!(value < 1e-28 && grad.iter().all(|g: &f64| g.abs() < 1e-13), "{value}");
}

#[test]
fn what_is_zero_or_alone_gives_numbers_and_what_is_none_is_seen() {
    let [student, teacher] = rows::<f32>();
    let mut dead = student.clone();
    dead.row_mut(1).fill(0.0);
    for (loss, student) in [(similarity as OnRows<f32>, &dead), (relational, &dead), (relational, &zeros(4, 3))] {
        let mut grad = zeros(4, 3);
        let value = loss(student.view(), teacher.view(), 1.0, &mut grad).unwrap();
        assert!(value.is_finite() && grad.iter().all(|g| g.is_finite() && g.abs() < 10.0), "{value} {grad}");
    }
    let nothing = zeros::<f32>(4, 3);
    let mut grad = zeros(4, 3);
    similarity(nothing.view(), teacher.view(), 1.0, &mut grad).unwrap();
    assert_eq!(grad, nothing);
    let one = |rows: &Array2<f32>| rows.slice(s![..1, ..]).to_owned();
    for loss in [similarity as OnRows<f32>, relational] {
        let mut grad = zeros(1, 3);
        let value = loss(one(&student).view(), one(&teacher).view(), 1.0, &mut grad).unwrap();
        assert!(value.abs() < 1e-15 && grad.iter().all(|g| g.abs() < 1e-7), "{value} {grad}");
        for bad in [f32::NAN, f32::INFINITY] {
            let mut student = student.clone();
            student[[2, 1]] = bad;
            assert!(!loss(student.view(), teacher.view(), 1.0, &mut zeros(4, 3)).unwrap().is_finite());
            let mut teacher = teacher.clone();
            teacher[[3, 0]] = bad;
            assert!(!loss(rows()[0].view(), teacher.view(), 1.0, &mut zeros(4, 3)).unwrap().is_finite());
        }
    }
    let [mut student, teacher] = maps::<f32>([2, 3, 2, 2], [2, 5, 2, 2]);
    student.index_axis_mut(Axis(0), 1).fill(0.0);
    let mut grad = Array4::zeros(student.dim());
    let attention = |student: ArrayView4<'_, f32>, grad: &mut Array4<f32>| {
        Attention::default().value_and_grad(student, teacher.view(), 1.0, grad.view_mut()).unwrap()
    };
    assert!(attention(student.view(), &mut grad).is_finite());
    assert!(grad.index_axis(Axis(0), 1).iter().all(|&g| g == 0.0) && grad.iter().any(|&g| g != 0.0));
    student[[0, 0, 1, 1]] = f32::NAN;
    assert!(attention(student.view(), &mut grad).is_nan());
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |student: (usize, usize), teacher: (usize, usize)| {
        [similarity as OnRows<f32>, relational].map(|loss| {
            let (s, t) = (zeros(student.0, student.1), zeros(teacher.0, teacher.1));
            loss(s.view(), t.view(), 1.0, &mut zeros(student.0, student.1)).unwrap_err().to_string()
        })
    };
    let shapes = "the student's inner value has shape [4, 3], the teacher's [3, 3]: both must have the same examples";
    assert_eq!(refused((4, 3), (3, 3)), [shapes; 2]);
    for nothing in [((0, 3), (0, 3)), ((4, 0), (4, 3)), ((4, 3), (4, 0))] {
        assert!(refused(nothing.0, nothing.1).iter().all(|error| error.contains("at least one example")));
    }
    let maps = |student: [usize; 4], teacher: [usize; 4], grad: [usize; 4]| {
        let (s, t): (Array4<f32>, Array4<f32>) = (Array4::zeros(student.f()), Array4::zeros(teacher));
        let mut grad = Array4::zeros(grad);
        Attention::default().value_and_grad(s.view(), t.view(), 1.0, grad.view_mut()).unwrap_err().to_string()
    };
    let a = [2, 3, 4, 4];
    assert!(maps(a, [2, 3, 3, 4], a).contains("rows and columns of one must be a multiple of the other's"));
    assert!(maps(a, [1, 3, 4, 4], a).contains("both must have the same examples"));
    assert!(maps(a, [2, 0, 4, 4], a).contains("at least one example"));
    assert!(maps(a, a, [2, 4, 3, 4]).contains("that of the gradient"));
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let wave = |shape: [usize; 4], by: f32| {
        let n = shape.iter().product::<usize>();
        Array4::from_shape_vec(shape, (0..n).map(|k| (k as f32 * by).sin()).collect()).unwrap()
    };
    let (student, teacher) = (wave([37, 8, 7, 7], 0.37), wave([37, 12, 14, 14], 0.23));
    let flat = |map: &Array4<f32>| map.to_shape((37, map.len() / 37)).unwrap().into_owned();
    let found = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let (s, t) = (flat(&student), flat(&teacher));
            let mut grads = [zeros::<f32>(37, s.ncols()), zeros(37, s.ncols())];
            let [a, b] = &mut grads;
            let values =
                [similarity(s.view(), t.view(), 1.0, a).unwrap(), relational(s.view(), t.view(), 1.0, b).unwrap()];
            let mut grad = Array4::zeros(student.dim());
            let value =
                Attention::default().value_and_grad(student.view(), teacher.view(), 1.0, grad.view_mut()).unwrap();
            (values, grads, value, grad)
        })
    };
    let one = found(1);
    for n_threads in [2, 5] {
        assert!(found(n_threads) == one, "{n_threads} threads");
    }
}
