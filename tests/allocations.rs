//! After the first step a training step allocates nothing of ours, and data on the disk keeps to its bound.
//!
//! The matmul kernel packs matrices into memory that it takes and gives back. What it takes is
//! counted apart: the same products alone are run in the same places, and the difference is ours.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and counts are shown"
)]

use std::sync::Arc;

use distill_datasets::{
    Augmentation, Chain, Dataset, IdxFolder, Images, Jitter, JitterOptions, Mixtures, Padding, Split, Unlabelled,
    select,
};
use distill_losses::{CrossEntropy, Distillation, Loss, LossError, LossValue, SoftTerm, Temperature, Term};
use distill_models::{
    CnnConfig, DsCnnConfig, EmbeddingConfig, MlpConfig, ModelConfig, Network, ResNetConfig, StepKey, Tape,
    TextCnnConfig, Trainable,
};
use distill_tensor::{Precision, matmul};
use distill_tests::counting::{Counting, measure};
use distill_text::{Features, NGrams, Part, Snippets, TextSnippets, udhr};
use distill_train::{
    FeatureConfig, FeatureKind, FeatureLoss, FeatureTerms, Hooks, Optimizer, OptimizerConfig, OptimizerKind,
    SoftTargets, StepContext, Teacher, TrainingStep, move_average,
};
use ndarray::{Array2, ArrayView2};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const BATCH: usize = 128;
const STEPS: u32 = 8;

fn count(f: impl FnOnce()) -> usize {
    measure(f).1.n_allocations
}

fn images() -> Images {
    let pixels = (0..2 * BATCH * 784).map(|i| (i * 37 % 251) as u8).collect();
    let labels = (0..2 * BATCH).map(|i| (i % 10) as u32).collect();
    Images::new(vec![1, 28, 28], pixels, labels, (0..10).map(|class| class.to_string()).collect()).unwrap()
}

/// The mean square of the student's first hidden values, and of the teacher's.
struct Quiet;

impl FeatureLoss for Quiet {
    fn value_and_grad(&self, student: &mut Tape, teacher: Option<&Tape>) -> Result<LossValue, LossError> {
        let (value, mut grad) = student.activation_and_gradient("hidden.0").unwrap();
        let n = value.len() as f32;
        grad.scaled_add(2.0 / n, &value);
        let square = |values: ArrayView2<'_, f32>| values.iter().map(|x| f64::from(x * x)).sum::<f64>();
        let of_teacher = square(teacher.unwrap().activation("hidden.0").unwrap());
        Ok(LossValue::new(square(value) / f64::from(n)).with(Term::new("teacher", of_teacher)))
    }
}

/// Steps on labels alone.
fn on_labels(data: &dyn Dataset) -> StepContext<'_> {
    StepContext {
        data,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        augment: None,
        mixup: 0.0,
        clip_grad_norm: Some(1.0),
        hooks: Hooks::default(),
    }
}

/// Allocations in some steps, and in the products of as many steps alone.
fn steps(config: &MlpConfig, kind: OptimizerKind, loss: &dyn Loss, live: bool, precision: Precision) -> (usize, usize) {
    steps_with(Hooks::default(), 1, config, kind, loss, live, precision)
}

fn steps_with(
    hooks: Hooks<'_>,
    n_parts: usize,
    config: &MlpConfig,
    kind: OptimizerKind,
    loss: &dyn Loss,
    live: bool,
    precision: Precision,
) -> (usize, usize) {
    let data = images();
    let build = |config: &MlpConfig, seed| {
        Network::new(config.clone(), data.spec().input_shape.clone(), data.spec().classes.clone(), seed).unwrap()
    };
    let teacher_config = MlpConfig { hidden: vec![64], ..MlpConfig::default() };
    let (teacher, mut student) = (build(&teacher_config, 1), build(config, 2));
    let shift = JitterOptions { shift: 2, flip: true, padding: Padding::Reflect, ..JitterOptions::default() };
    let more = JitterOptions { crop: Some(0.5), brightness: 0.2, contrast: 0.2, cutout: 4, ..shift };
    let jitter = Jitter::of(if live { more } else { shift }, &data.spec().input_shape).unwrap();
    let targets = match live {
        true => SoftTargets::new(Array2::zeros((0, 10))),
        false => SoftTargets::compute_views(&teacher, &data, &jitter).unwrap(),
    };
    // A thread takes memory for the first image that it resizes.
    let image = Array2::zeros((1, 784));
    rayon::broadcast(|_| (0..9).for_each(|epoch| jitter.apply(1, epoch, &[0], image.clone().view_mut())));
    let context = StepContext {
        data: &data,
        loss,
        teacher: if live { Teacher::Live(&teacher) } else { Teacher::Cached(&targets) },
        augment: Some(Augmentation { jitter, seed: 1, epoch: 0 }),
        mixup: 0.0,
        clip_grad_norm: Some(1.0),
        hooks,
    };
    let optimizer_config = OptimizerConfig { kind, lr: 1e-3, ..OptimizerConfig::default() };
    let mut optimizer = Optimizer::new(optimizer_config, student.params());
    let mut step = TrainingStep::in_parts(&student, BATCH, n_parts).with_precision(precision);
    let indices: Vec<usize> = (0..2 * BATCH).collect();
    let mut run = |n: u32| {
        for i in 0..n {
            // Whole and smaller batches.
            let indices = if i % 4 == 3 { &indices[..70] } else { &indices[BATCH..] };
            let key = StepKey::new(1, i);
            step.run(&mut student, &mut optimizer, indices, key, 1e-3, &context).unwrap();
        }
    };
    run(4);
    let all = count(|| run(STEPS));

    let mut products = products(config, live.then_some(&teacher_config), precision);
    products(4);
    (all, count(|| products(STEPS)))
}

/// The products of a training step of this model, without anything else.
fn products(config: &MlpConfig, live_teacher: Option<&MlpConfig>, hidden: Precision) -> impl FnMut(u32) {
    let sides = |config: &MlpConfig| -> Vec<(usize, usize)> {
        let widths: Vec<usize> = [784].into_iter().chain(config.hidden.iter().copied()).chain([10]).collect();
        widths.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let matrices = |(inputs, outputs): (usize, usize)| {
        let zeros = |rows, columns| Array2::<f32>::zeros((rows, columns));
        (zeros(BATCH, inputs), zeros(outputs, inputs), zeros(BATCH, outputs))
    };
    let mut student: Vec<_> = sides(config).into_iter().map(matrices).collect();
    let mut teacher: Vec<_> = live_teacher.map(sides).unwrap_or_default().into_iter().map(matrices).collect();
    let n_hidden = config.hidden.len();
    let of = move |layer| if layer < n_hidden { hidden } else { Precision::F32 };
    move |steps| {
        for i in 0..steps {
            let rows = if i % 4 == 3 { 70 } else { BATCH };
            let part = ndarray::s![..rows, ..];
            for (x, w, y) in &mut teacher {
                matmul(x.slice(part), w.t(), y.slice_mut(part));
            }
            for (i, (x, w, y)) in student.iter_mut().enumerate() {
                of(i).matmul(x.slice(part), w.t(), y.slice_mut(part));
            }
            for (i, (x, w, y)) in student.iter_mut().enumerate().rev() {
                of(i).matmul(y.slice(part).t(), x.slice(part), w.view_mut());
                if i > 0 {
                    of(i).matmul(y.slice(part), w.view(), x.slice_mut(part));
                }
            }
        }
    }
}

#[test]
fn a_step_allocates_nothing_of_ours() {
    let kd = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 0.9).unwrap();
    let wide = MlpConfig {
        hidden: vec![800, 800],
        dropout: 0.5,
        input_dropout: 0.2,
        max_norm: Some(3.0),
        ..MlpConfig::default()
    };
    let narrow = MlpConfig { hidden: vec![30, 30], ..MlpConfig::default() };
    let (f32, bf16, emulated) = (Precision::F32, Precision::Bf16, Precision::Bf16Emulated);
    let cases: [(&str, &MlpConfig, OptimizerKind, &dyn Loss, bool, Precision); 6] = [
        ("wide, kd live, sgd", &wide, OptimizerKind::Sgd, &kd, true, f32),
        ("wide, labels, adamw", &wide, OptimizerKind::AdamW, &CrossEntropy, false, f32),
        ("narrow, kd cached, sgd", &narrow, OptimizerKind::Sgd, &kd, false, f32),
        ("narrow, kd live, adamw", &narrow, OptimizerKind::AdamW, &kd, true, f32),
        ("wide, kd live, sgd, bf16", &wide, OptimizerKind::Sgd, &kd, true, bf16),
        ("wide, labels, adamw, emulated", &wide, OptimizerKind::AdamW, &CrossEntropy, false, emulated),
    ];
    // One thread, which is the one that counts, so that no scheduling of rayon's is in the count.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        for (name, config, kind, loss, live, precision) in cases {
            let (all, of_products) = steps(config, kind, loss, live, precision);
            println!("{name}: {all} allocations in {STEPS} steps, {of_products} in their products alone");
            assert_eq!(all, of_products, "{name}");
        }
        let hooks = Hooks { features: Some(&Quiet), ..Hooks::default() };
        let (all, of_products) = steps_with(hooks, 1, &narrow, OptimizerKind::Sgd, &kd, true, f32);
        println!("inner values: {all} allocations in {STEPS} steps, {of_products} in their products alone");
        assert_eq!(all, of_products, "inner values");
        // Each part has products of its own.
        let (all, of_products) = steps_with(Hooks::default(), 2, &narrow, OptimizerKind::Sgd, &kd, true, f32);
        println!("two parts: {all} allocations in {STEPS} steps, {of_products} in the products of whole batches");
        assert_eq!(all, 2 * of_products, "two parts");
    });
}

/// Networks with convolutions, of which the layer of the logits alone is a product of matrices.
#[test]
fn a_step_with_convolutions_allocates_nothing_of_ours() {
    let data = images();
    let spec = data.spec();
    let build = |config: ModelConfig| Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 2).unwrap();
    let configs: [(ModelConfig, usize); 4] = [
        (CnnConfig { channels: vec![8], dropout: 0.2, ..CnnConfig::default() }.into(), 8 * 14 * 14),
        (ResNetConfig { width: 8, dropout: 0.2, ..ResNetConfig::default() }.into(), 32),
        (ResNetConfig { blocks: vec![1, 1], width: 8, preact: true, ..ResNetConfig::default() }.into(), 16),
        (DsCnnConfig { blocks: vec![2], width: 16, ..DsCnnConfig::default() }.into(), 16),
    ];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let precisions = [Precision::F32, Precision::Bf16, Precision::Bf16Emulated];
        for ((config, features), precision) in configs.iter().flat_map(|config| precisions.map(|p| (config, p))) {
            let mut student = build(config.clone());
            let context = on_labels(&data);
            let mut optimizer = Optimizer::new(OptimizerConfig::default(), student.params());
            let mut step = TrainingStep::new(&student, BATCH).with_precision(precision);
            let indices: Vec<usize> = (0..BATCH).collect();
            let mut run = |n: u32| {
                for i in 0..n {
                    step.run(&mut student, &mut optimizer, &indices, StepKey::new(1, i), 1e-3, &context).unwrap();
                }
            };
            run(2);
            let all = count(|| run(3));
            let [x, w, y] = [(BATCH, *features), (10, *features), (BATCH, 10)].map(Array2::<f32>::zeros);
            let (mut x, mut w, mut y) = (x, w, y);
            let products = count(|| {
                for _ in 0..3 {
                    matmul(x.view(), w.t(), y.view_mut());
                    matmul(y.t(), x.view(), w.view_mut());
                    matmul(y.view(), w.view(), x.view_mut());
                }
            });
            println!(
                "{config:?}, {precision:?}: {all} allocations in 3 steps, {products} in the products of the logits"
            );
            assert_eq!(all, products, "{config:?}, {precision:?}");
        }
    });
}

/// With losses on inner values of a live teacher, on vectors and on maps.
#[test]
fn a_step_with_losses_on_inner_values_allocates_nothing_of_ours() {
    let data = images();
    let spec = data.spec();
    let build = |channels: usize| {
        let config = CnnConfig { channels: vec![channels], ..CnnConfig::default() };
        Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 2).unwrap()
    };
    let (teacher, mut student) = (build(12), build(8));
    let feature = |(kind, [student, teacher]): (FeatureKind, [&str; 2])| FeatureConfig {
        kind,
        student: student.to_owned(),
        teacher: teacher.to_owned(),
        weight: 1.0,
    };
    let features = [
        (FeatureKind::Similarity, ["pool.0", "stage.0"]),
        (FeatureKind::RelationalDistance, ["logits", "pool.0"]),
        (FeatureKind::Attention, ["stage.0", "pool.0"]),
        (FeatureKind::Attention, ["stage.0", "stage.0"]),
    ];
    let features = FeatureTerms::new(&features.map(feature), &student, &teacher).unwrap();
    let kd = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 0.9).unwrap();
    let hooks = Hooks { features: Some(&features), ..Hooks::default() };
    let context = StepContext { loss: &kd, teacher: Teacher::Live(&teacher), hooks, ..on_labels(&data) };
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), student.params());
    let mut step = TrainingStep::new(&student, BATCH);
    let indices: Vec<usize> = (0..BATCH).collect();
    let mut run = |n: u32| {
        for i in 0..n {
            step.run(&mut student, &mut optimizer, &indices, StepKey::new(1, i), 1e-3, &context).unwrap();
        }
    };
    let zeros = |channels: usize| {
        let width = channels * 14 * 14;
        [(BATCH, width), (10, width), (BATCH, 10)].map(Array2::<f32>::zeros)
    };
    let ([mut x, mut w, mut y], [of_teacher, weights, mut answers]) = (zeros(8), zeros(12));
    let mut products = |n: u32| {
        for _ in 0..n {
            matmul(of_teacher.view(), weights.t(), answers.view_mut());
            matmul(x.view(), w.t(), y.view_mut());
            matmul(y.t(), x.view(), w.view_mut());
            matmul(y.view(), w.view(), x.view_mut());
        }
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        run(2);
        products(2);
        let (all, of_products) = (count(|| run(3)), count(|| products(3)));
        println!("losses on inner values: {all} allocations in 3 steps, {of_products} in their products alone");
        assert_eq!(all, of_products);
    });
}

/// With inputs that have no labels, and mixtures of all of them: batches of both kinds, in any order.
#[test]
fn a_step_without_labels_allocates_nothing_of_ours() {
    let labelled: Arc<dyn Dataset> = Arc::new(images());
    let all: Arc<dyn Dataset> =
        Arc::new(Chain::new(labelled.clone(), Arc::new(Unlabelled::new(labelled.clone()))).unwrap());
    let data = Chain::new(all.clone(), Arc::new(Mixtures::new(all, 1, 1))).unwrap();
    let config = MlpConfig { hidden: vec![30, 30], ..MlpConfig::default() };
    let spec = data.spec().clone();
    let build = |seed| Network::new(config.clone(), spec.input_shape.clone(), spec.classes.clone(), seed).unwrap();
    let (teacher, mut student) = (build(1), build(2));
    let kd = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 0.9).unwrap();
    let context = StepContext {
        data: &data,
        loss: &kd,
        teacher: Teacher::Live(&teacher),
        augment: None,
        mixup: 0.0,
        clip_grad_norm: None,
        hooks: Hooks::default(),
    };
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), student.params());
    let mut step = TrainingStep::new(&student, BATCH);
    let n = data.len();
    let mut run = |steps: std::ops::Range<usize>| {
        for i in steps {
            let indices: [usize; BATCH] = std::array::from_fn(|j| ((i * BATCH + j) * 37) % n);
            let key = StepKey::new(1, i as u32);
            step.run(&mut student, &mut optimizer, &indices, key, 1e-3, &context).unwrap();
        }
    };
    let mut products = products(&config, Some(&config), Precision::F32);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        run(0..2);
        products(2);
        // Whole batches alone, of which the fourth of `products` is a smaller one.
        let (all, of_products) = (count(|| run(2..5)), count(|| products(3)));
        println!("without labels: {all} allocations in 3 steps, {of_products} in their products alone");
        assert_eq!(all, of_products);
    });
}

/// With a table as the first layer, whose batches touch other rows each time and more of them in later ones.
#[test]
fn a_step_with_an_embedding_allocates_nothing_of_ours() {
    let snippets = Snippets::new(Arc::new(udhr().unwrap()), Part::Train, 24, 1).unwrap();
    let data = TextSnippets::new(snippets, NGrams::default(), 4 * BATCH).unwrap();
    let (hidden, n_classes) = (256, data.spec().classes.len());
    let embedding = Some(EmbeddingConfig::default());
    let config = MlpConfig { hidden: vec![hidden], dropout: 0.2, embedding, ..MlpConfig::default() };
    let indices: Vec<usize> = (0..data.len()).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for kind in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
        let (shape, classes) = (data.spec().input_shape.clone(), data.spec().classes.clone());
        let mut student = Network::new(config.clone(), shape, classes, 2).unwrap();
        let context = on_labels(&data);
        let optimizer_config = OptimizerConfig { kind, lr: 1e-3, ..OptimizerConfig::default() };
        let mut optimizer = Optimizer::new(optimizer_config, student.params());
        let mut step = TrainingStep::new(&student, BATCH);
        let mut run = |i: usize| {
            let key = StepKey::new(1, i as u32);
            step.run(&mut student, &mut optimizer, &indices[i * BATCH..][..BATCH], key, 1e-3, &context).unwrap();
        };
        let zeros = |rows, columns| Array2::<f32>::zeros((rows, columns));
        let (mut x, mut w, mut y) = (zeros(BATCH, hidden), zeros(n_classes, hidden), zeros(BATCH, n_classes));
        let mut products = || {
            matmul(x.view(), w.t(), y.view_mut());
            matmul(y.t(), x.view(), w.view_mut());
            matmul(y.view(), w.view(), x.view_mut());
        };
        pool.install(|| {
            run(0);
            products();
            let (all, of_products) = (count(|| (1..4).for_each(&mut run)), count(|| (1..4).for_each(|_| products())));
            println!("embedding, {kind:?}: {all} allocations in 3 steps, {of_products} in their products alone");
            assert_eq!(all, of_products, "{kind:?}");
        });
    }
}

/// With sequences of tokens, each batch of others.
#[test]
fn a_step_with_tokens_allocates_nothing_of_ours() {
    let snippets = Snippets::new(Arc::new(udhr().unwrap()), Part::Train, 24, 1).unwrap();
    let data = TextSnippets::new(snippets, Features::Bytes, 5 * BATCH).unwrap();
    let config = TextCnnConfig { dropout: 0.2, ..TextCnnConfig::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (shape, classes) = (data.spec().input_shape.clone(), data.spec().classes.clone());
    let (width, n_classes) = (3 * config.filters, classes.len());
    let mut student = Network::new(config, shape, classes, 2).unwrap();
    let (context, indices) = (on_labels(&data), (0..data.len()).collect::<Vec<_>>());
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), student.params());
    let mut step = TrainingStep::new(&student, BATCH);
    let mut run = |i: usize| {
        let key = StepKey::new(1, i as u32);
        step.run(&mut student, &mut optimizer, &indices[i * BATCH..][..BATCH], key, 1e-3, &context).unwrap();
    };
    let [x, w, y] = [(BATCH, width), (n_classes, width), (BATCH, n_classes)].map(Array2::<f32>::zeros);
    let (mut x, mut w, mut y) = (x, w, y);
    let mut products = || {
        matmul(x.view(), w.t(), y.view_mut());
        matmul(y.t(), x.view(), w.view_mut());
        matmul(y.view(), w.view(), x.view_mut());
    };
    pool.install(|| {
        (0..2).for_each(&mut run);
        products();
        let (all, of_products) = (count(|| (2..5).for_each(&mut run)), count(|| (0..3).for_each(|_| products())));
        println!("tokens: {all} allocations in 3 steps, {of_products} in the products of the logits");
        assert_eq!(all, of_products);
    });
}

/// The average of a table that is cut into blocks, and its change of places with the weights.
#[test]
fn an_average_allocates_nothing() {
    let data = images();
    let config = MlpConfig { hidden: vec![800], ..MlpConfig::default() };
    let mut model = Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 1).unwrap();
    let mut average = model.params().clone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let mut step = |n| {
            move_average(&mut average, model.params(), 0.99, n);
            std::mem::swap(&mut average, model.params_mut());
        };
        step(0);
        assert_eq!(count(|| (1..5).for_each(&mut step)), 0);
    });
}

/// Rounded operands and what the kernel packs stay where they are from product to product.
#[test]
fn a_bf16_product_allocates_nothing() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (a, b, mut out) =
        (Array2::<f32>::zeros((BATCH, 784)), Array2::<f32>::zeros((800, 784)), Array2::<f32>::zeros((BATCH, 800)));
    pool.install(|| {
        for precision in [Precision::Bf16, Precision::Bf16Emulated] {
            let mut product = || precision.matmul(a.view(), b.t(), out.view_mut());
            product();
            assert_eq!(count(product), 0, "{precision:?}");
        }
    });
}

/// A set of 64 MiB with a bound of 8 MiB: all that opening it, two epochs, another walk over it and a
/// copy of some examples take, without what the caller brings.
///
/// Above the bound are the channels of the thread and what opening a file takes.
#[test]
fn a_set_on_the_disk_stays_within_its_bound() {
    const ALLOWANCE: usize = 32 << 10;
    let (bound, features, n) = (8_u64 << 20, 784, (64 << 20) / 784);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train-images-idx3-ubyte");
    let header = |shape: &[usize]| {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|&side| (side as u32).to_be_bytes()));
        bytes
    };
    let pixels: Vec<u8> = (0..n * features).map(|i| (i * 37 % 251) as u8).collect();
    let labels: Vec<u8> = (0..n).map(|i| (i % 10) as u8).collect();
    std::fs::write(&path, [header(&[n, 28, 28]), pixels].concat()).unwrap();
    std::fs::write(dir.path().join("train-labels-idx1-ubyte"), [header(&[n]), labels].concat()).unwrap();
    let folder = IdxFolder::open(dir.path()).unwrap();

    let mut order = vec![0; n];
    let natural: Vec<usize> = (0..n).collect();
    let mut batch = Array2::zeros((BATCH, features));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (_, usage) = pool.install(|| {
        measure(|| {
            let data = folder.load_within(Split::Train, None, bound).unwrap();
            let mut walk = |order: &[usize]| {
                for indices in order.chunks(BATCH) {
                    data.read(indices, batch.slice_mut(ndarray::s![..indices.len(), ..])).unwrap();
                }
            };
            assert!(data.in_memory(&natural[..1000]).unwrap().is_some());
            for epoch in 0..2 {
                select::epoch_order(&*data, 1, epoch, &mut order);
                data.read_ahead(&mut order.iter().copied(), 0);
                walk(&order[..n / 2]);
                // It is left, and begun again where it was.
                data.read_ahead(&mut order.iter().skip(n / 2).copied(), n / 2);
                walk(&order[n / 2..]);
                walk(&natural);
            }
        })
    });
    println!("{} bytes of {bound}", usage.peak_bytes);
    assert!(usage.peak_bytes <= usize::try_from(bound).unwrap() + ALLOWANCE, "{} bytes", usage.peak_bytes);
    // The bound is used: the windows are what takes memory.
    assert!(usage.peak_bytes > 6 << 20, "{} bytes", usage.peak_bytes);
}
