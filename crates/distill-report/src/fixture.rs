//! Reports for tests: made by formula, so that they are the same everywhere.

use distill_train::{Comparison, Verdict};

use distill_lab::Latency;
use distill_lab::folder::{NumberScore, NumberScores};
use distill_lab::view::data::*;

/// Three seeds, ten classes, images, everything there.
pub(super) fn full() -> Report {
    let seeds = [1, 2, 3];
    let models = seeds.iter().flat_map(|&seed| {
        let i = usize::try_from(seed).unwrap();
        let student = |role: &str, errors: usize, seconds: f64, nll: f64| ModelFacts {
            agreement: Some(0.9866 + if role == "student" { 0.0077 } else { 0.0 } + 0.0004 * i as f64),
            ..model(role, seed, ("784-800-800-10", 1_276_810), errors, (seconds, nll), 10)
        };
        [
            model("teacher", seed, ("784-1200-1200-10", 2_395_210), 103 + 2 * i, (45.2, 0.0334), 10),
            student("baseline", 144 + i, 21.9, 0.0572),
            student("student", 109 + 7 * (i % 3), 22.6, 0.0376),
        ]
    });
    let curves = seeds.iter().flat_map(|&seed| {
        [("teacher", 10, 0.07), ("baseline", 9, 0.001), ("student", 9, 0.04)]
            .map(|(role, n_epochs, floor)| curve(role, seed, n_epochs, floor, true))
    });
    let classes: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    let example = |index: usize, label: u32, logits: [f64; 10], student: usize, baseline: usize| GalleryExample {
        index,
        label,
        pixels: drawing(label, index),
        teacher: softmax(&logits, 1.0),
        teacher_soft: softmax(&logits, 4.0),
        student: peak(10, student, 0.61),
        baseline: Some(peak(10, baseline, 0.83)),
    };
    let two = [2.1, 3.0, 14.0, 9.2, -4.0, -6.0, -5.0, 8.4, 4.1, -3.0];
    let seven = [0.2, 7.4, 5.6, 3.0, 1.5, -2.0, -9.0, 15.2, 0.4, 7.9];
    let four = [-3.0, 1.0, 0.4, -2.0, 11.3, 0.1, 2.2, 3.9, 1.7, 10.8];
    let gallery = Gallery {
        image: Some(ImageShape { width: 28, height: 28, channels: 1 }),
        temperature: 4.0,
        dark_knowledge: vec![example(18, 2, two, 2, 2), example(321, 7, seven, 7, 7), example(740, 4, four, 4, 4)],
        disagreements: vec![example(247, 4, four, 9, 9), example(1014, 7, seven, 2, 7), example(2654, 2, two, 3, 3)],
    };
    Report {
        title: "mnist, runs/mnist-003".to_owned(),
        runs: vec![run()],
        recipe: "[data]\nsource = \"mnist\"\nvalidation = 5000\n\n[kd]\ntemperature = 4.0\nalpha = 0.95\n".to_owned(),
        kd: KdFacts { method: "kd, T = 4".to_owned(), temperature: 4.0, alpha: 0.95 },
        data: DataFacts {
            source: "mnist".to_owned(),
            train: 55_000,
            validation: 5_000,
            transfer: 54_999,
            labelled: None,
            test: 10_000,
            classes,
            are_numbers: false,
            input_shape: vec![1, 28, 28],
        },
        models: models.collect(),
        comparison: Some(Comparison {
            n_seeds: 3,
            difference: -29.0,
            interval: [-46.4, -11.6],
            method: "Student t over 3 paired seeds".to_owned(),
            p_value: 0.0187,
            verdict: Verdict::Better,
        }),
        curves: curves.collect(),
        gallery,
    }
}

/// What the class names of [`hostile`] begin with.
pub(super) const HOSTILE: &str = "<script>alert(\"1\")</script>&'|`*";

/// One seed, a teacher from a file, no validation, no images, 400 classes, and names that are markup.
pub(super) fn hostile() -> Report {
    let classes: Vec<String> = (0..400).map(|class| format!("{HOSTILE}{class}")).collect();
    let model = |role: &str, errors: usize| ModelFacts {
        agreement: (role != "teacher").then_some(0.71),
        train_seconds: (role != "teacher").then_some(0.42),
        latency: None,
        folds: None,
        ..model(role, 7, ("64-32-400", 15_280), errors, (1.0, 1.234), 400)
    };
    let logits: Vec<f64> = (0..400_u32).map(|class| f64::from(class * 37 % 101) / 12.0).collect();
    let example = GalleryExample {
        index: 5,
        label: 399,
        pixels: Vec::new(),
        teacher: softmax(&logits, 1.0),
        teacher_soft: softmax(&logits, 2.5),
        student: peak(400, 17, 0.4),
        baseline: None,
    };
    let full = full();
    Report {
        title: HOSTILE.to_owned(),
        recipe: format!("# {HOSTILE}\n```\n"),
        data: DataFacts { validation: 0, classes, input_shape: vec![64], source: HOSTILE.to_owned(), ..full.data },
        models: vec![model("teacher", 2_100), model("baseline", 3_004), model("student", 2_960)],
        comparison: Some(Comparison {
            n_seeds: 1,
            difference: -44.0,
            interval: [-97.0, 9.0],
            method: HOSTILE.to_owned(),
            p_value: 0.3,
            verdict: Verdict::NotDistinguishable,
        }),
        curves: [("baseline", 0.4), ("student", 0.5)].map(|(role, floor)| curve(role, 7, 1, floor, false)).into(),
        gallery: Gallery {
            image: None,
            temperature: 2.5,
            disagreements: vec![example.clone()],
            dark_knowledge: vec![example],
        },
        ..full
    }
}

/// Two numbers to predict, of which one has markup in its name, over two seeds.
pub(super) fn regression() -> Report {
    let full = full();
    let classes = vec!["price".to_owned(), HOSTILE.to_owned()];
    let model = |(role, seed, r2): (&str, u64, f64)| {
        let number = |(at, name): (usize, &String)| NumberScore {
            name: name.clone(),
            rmse: (1.0 - r2).sqrt() * [50_000.0, 0.02][at],
            mae: (1.0 - r2) * [50_000.0, 0.02][at],
            bias: [-12.5, 0.001][at],
            r2: Some(r2),
        };
        let pair = |i: u16| [f32::from(i), f32::from(i) + (1.0 - r2 as f32) * f32::from(i * 7 % 11)];
        ModelFacts {
            test_errors: 0,
            test_nll: f64::NAN,
            test_ece: f64::NAN,
            confusion: vec![],
            calibration: vec![],
            test_numbers: Some(NumberScores { r2, numbers: classes.iter().enumerate().map(number).collect() }),
            pairs: vec![(0..40).map(pair).collect(); 2],
            ..model(role, seed, ("8-32-2", 354), 0, (0.4, 0.0), 2)
        }
    };
    let models = [
        ("teacher", 1, 0.84),
        ("teacher", 2, 0.85),
        ("baseline", 1, 0.78),
        ("student", 1, 0.80),
        ("baseline", 2, 0.77),
        ("student", 2, 0.81),
    ];
    let mut curve = curve("student", 1, 5, 0.2, false);
    curve.points.iter_mut().for_each(|point| point.validation_r2 = Some(1.0 - point.loss));
    Report {
        title: "houses".to_owned(),
        kd: KdFacts { method: "squared-error".to_owned(), ..full.kd },
        data: DataFacts { classes: classes.clone(), are_numbers: true, input_shape: vec![8], ..full.data },
        models: models.map(model).into(),
        comparison: Some(Comparison {
            n_seeds: 2,
            difference: -0.03,
            interval: [-0.042, -0.018],
            ..full.comparison.unwrap()
        }),
        curves: vec![curve],
        gallery: empty().gallery,
        ..full
    }
}

/// A report of nothing.
pub(super) fn empty() -> Report {
    let full = full();
    Report {
        runs: Vec::new(),
        recipe: String::new(),
        data: DataFacts { classes: Vec::new(), input_shape: Vec::new(), ..full.data },
        models: Vec::new(),
        comparison: None,
        curves: Vec::new(),
        gallery: Gallery { image: None, temperature: 1.0, disagreements: Vec::new(), dark_knowledge: Vec::new() },
        ..full
    }
}

fn run() -> RunFacts {
    RunFacts {
        path: "runs/mnist-003".to_owned(),
        status: "complete".to_owned(),
        started: "2026-11-24T10:55:47Z".to_owned(),
        seconds: 274.3,
        program: "distill 0.1.0".to_owned(),
        processor: "AMD EPYC, AVX2".to_owned(),
        threads: 2,
        command: "distill run recipes/mnist.toml 'seeds=[1,2,3]'".to_owned(),
    }
}

fn model(
    role: &str,
    seed: u64,
    (architecture, parameters): (&str, usize),
    test_errors: usize,
    (seconds, test_nll): (f64, f64),
    n_classes: usize,
) -> ModelFacts {
    let sure = 10_000 - 14 * 30;
    let bin = |i: usize| CalibrationBin {
        examples: if i == 14 { sure } else { 5 * i + if i > 4 { 9 } else { 0 } },
        confidence: (i as f64 + 0.6) / 15.0,
        accuracy: ((i as f64 + 0.3) / 15.0 - 0.004 * (i as u64 * seed % 5) as f64).max(0.0),
    };
    ModelFacts {
        role: role.to_owned(),
        seed,
        architecture: architecture.to_owned(),
        parameters,
        weights_bytes: 4 * parameters + 320,
        weights_sha256: format!("{:016x}", 0x9f31_c2d4_07ab_55e1_u64.wrapping_mul(seed + test_errors as u64)).repeat(4),
        test_examples: 10_000,
        test_errors,
        test_nll: test_nll + 0.0007 * seed as f64,
        test_ece: 0.0061 + 0.0004 * seed as f64,
        agreement: None,
        train_seconds: Some(seconds + 0.3 * seed as f64),
        folds: None,
        latency: Some(Latency { p50_us: parameters as f64 / 5_800.0, p95_us: parameters as f64 / 4_900.0 }),
        confusion: confusion(n_classes, test_errors, seed),
        calibration: (0..15).map(bin).collect(),
        test_numbers: None,
        pairs: vec![],
    }
}

/// Errors spread by a formula in which some pairs of classes are confused more often than others.
fn confusion(n_classes: usize, errors: usize, seed: u64) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; n_classes]; n_classes];
    for (class, row) in counts.iter_mut().enumerate() {
        row[class] = 10_000 / n_classes as u64;
    }
    for error in 0..errors {
        // The smaller of two draws is small more often than not.
        let draw = |factor: usize| error.wrapping_mul(factor).wrapping_add(usize::try_from(seed).unwrap()) % 997;
        let (row, shift) = (draw(613) * n_classes / 997, draw(347).min(draw(821)) * n_classes / 997);
        let column = (row * 7 + shift) % n_classes;
        if row != column && counts[row][row] > 0 {
            counts[row][column] += 1;
            counts[row][row] -= 1;
        }
    }
    counts
}

fn curve(role: &str, seed: u64, n_epochs: u32, floor: f64, validated: bool) -> Curve {
    let point = |epoch: u32| {
        let left = f64::from(n_epochs - epoch + 1) / f64::from(n_epochs);
        let wave = 1.0 + 0.06 * f64::from((epoch * 5 + u32::try_from(seed).unwrap() * 3) % 7) / 7.0;
        let loss = floor + 0.35 * left.powi(3) * wave / f64::from(epoch).sqrt();
        let soft = (role == "student").then_some(loss * 0.4);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let errors = (70.0 + 30.0 * floor + 160.0 * left.powi(2) * wave) as usize;
        CurvePoint {
            epoch,
            step: 430 * epoch,
            loss,
            hard: Some(loss * 0.6),
            soft,
            kl: soft.map(|soft| soft / 16.0),
            lr: 0.2 * left,
            validation_errors: validated.then_some(errors),
            validation_examples: validated.then_some(5_000),
            validation_r2: None,
            seconds: 2.41,
        }
    };
    Curve { role: role.to_owned(), seed, points: (1..=n_epochs).map(point).collect() }
}

/// Strokes of a 28 × 28 image that look a little like a 2, a 4 or a 7.
fn drawing(label: u32, index: usize) -> Vec<u8> {
    let strokes: &[[f64; 4]] = match label {
        2 => &[[8.0, 7.0, 18.0, 7.0], [18.0, 7.0, 19.0, 12.0], [19.0, 12.0, 8.0, 21.0], [8.0, 21.0, 20.0, 21.0]],
        4 => &[[15.0, 6.0, 8.0, 15.0], [8.0, 15.0, 20.0, 15.0], [17.0, 9.0, 17.0, 22.0]],
        _ => &[[8.0, 7.0, 20.0, 7.0], [20.0, 7.0, 12.0, 22.0]],
    };
    let tilt = (index % 5) as f64 - 2.0;
    let ink = |x: f64, y: f64| {
        let distance = |[x0, y0, x1, y1]: [f64; 4]| {
            let along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0).powi(2) + (y1 - y0).powi(2));
            let along = along.clamp(0.0, 1.0);
            (x - x0 - along * (x1 - x0)).hypot(y - y0 - along * (y1 - y0))
        };
        strokes.iter().map(|&stroke| distance(stroke)).fold(f64::MAX, f64::min)
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
    let pixel = |i: usize| {
        let (x, y) = ((i % 28) as f64, (i / 28) as f64);
        (255.0 * (2.4 - ink(x + tilt * (y - 14.0) / 14.0, y)).clamp(0.0, 1.0)) as u8
    };
    (0..28 * 28).map(pixel).collect()
}

fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let powers: Vec<f64> = logits.iter().map(|logit| (logit / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn peak(n_classes: usize, class: usize, p: f64) -> Vec<f64> {
    let mut probs = vec![(1.0 - p) / (n_classes - 1) as f64; n_classes];
    probs[class] = p;
    probs
}
