//! Settings for data of a kind and a size, chosen on validation examples: `docs/results/defaults.md`.

use distill_train::is_onnx;

use super::look::Look;
use super::template::Setting;

/// Validation examples are no more than this, and a tenth of the training set.
const MOST_HELD_OUT: usize = 5000;

/// Fewer training examples are all needed.
const FEWEST_TO_HOLD_OUT: usize = 2000;

/// Sides of images that a shift by two pixels leaves what they are.
const SIDES_TO_SHIFT: usize = 16;

/// Sides of images without colours that convolutions know better than perceptrons do, at what they cost.
const SIDES_TO_CONVOLVE: usize = 32;

/// What of the template is to be otherwise for this data.
pub(super) fn settings(look: &Look, teacher: Option<&str>) -> Vec<Setting> {
    let has_teacher = teacher.is_some();
    let mut settings = vec![validation(look)];
    settings.extend(look.columns.iter().map(|columns| Setting::new("data", "columns", columns)));
    settings.extend(look.images.iter().map(|images| Setting::new("data", "images", images)));
    settings.extend(look.sound.iter().map(|sound| Setting::new("data", "sound", sound)));
    let is_wide = look.is_wide && look.buckets.is_none() && !are_pictures(look);
    settings.extend(is_wide.then(|| Setting::new("data", "standardize", true)));
    if look.is_sound {
        settings.extend(of_sound(look, has_teacher));
        return settings;
    }
    if are_pictures(look) {
        settings.extend(of_pictures(look, teacher));
        return settings;
    }
    settings.extend(students(look, has_teacher));
    if look.target.is_some() {
        settings.extend([
            Setting::none("kd", "temperature"),
            Setting::text("kd", "method", "squared-error"),
            Setting::new("kd", "alpha", "0.9"),
        ]);
    }
    if !has_teacher {
        // A teacher of somebody else may be a table, which answers nothing that is not in it.
        settings.extend(n_mixtures(look).map(|n| Setting::new("data", "mixtures", n)));
        settings.extend(teachers(look));
    }
    settings
}

/// Networks with convolutions over time and frequency, and recordings that are varied for both.
fn of_sound(look: &Look, has_teacher: bool) -> Vec<Setting> {
    const AUGMENT: &str = "{ time_shift = 5, time_mask = 10, frequency_mask = 4 }";
    let augment = [("time_shift", 5), ("time_mask", 10), ("frequency_mask", 4)];
    let mut settings = vec![
        Setting::new("student.model", "kind", "\"ds-cnn\"\nstride = 2"),
        Setting::none("student.model", "hidden"),
        Setting::new("train", "batch", batch(look)),
        Setting::new("train", "epochs", epochs(look, 3000, 60)),
        Setting::text("train.optimizer", "kind", "adamw"),
        Setting::new("train.optimizer", "lr", "0.003"),
    ];
    settings.extend(augment.map(|(key, n)| Setting::new("train.augment", key, n)));
    if !has_teacher {
        settings.extend([
            Setting::new("teacher", "seeds", "[1, 2, 3]"),
            Setting::new("teacher", "model", "{ kind = \"ds-cnn\", width = 96, stride = 2, dropout = 0.2 }"),
            Setting::new("teacher.train", "batch", batch(look)),
            Setting::new("teacher.train", "epochs", epochs(look, 3000, 60)),
            Setting::new("teacher.train", "augment", AUGMENT),
            Setting::new("teacher.train", "optimizer", "{ kind = \"adamw\", lr = 0.003 }"),
        ]);
    }
    settings
}

/// Networks with convolutions for pictures, which are varied for both.
fn of_pictures(look: &Look, teacher: Option<&str>) -> Vec<Setting> {
    // Who looks left looks right, where there are colours; signs without may mean something else.
    let flip = has_colours(look);
    let rate = match batch(look) {
        ..64 => "0.05",
        64..128 => "0.1",
        _ => "0.2",
    };
    let mut settings = vec![
        Setting::text("data", "standardize", "channel"),
        Setting::new("student.model", "kind", "\"resnet\"\nwidth = 16"),
        Setting::none("student.model", "hidden"),
        Setting::new("train", "batch", batch(look)),
        Setting::new("train", "epochs", epochs(look, 6000, 60)),
        Setting::new("train.optimizer", "lr", rate),
        Setting::new("train.optimizer", "weight_decay", "5e-4"),
    ];
    // A table of answers has none for pictures that were varied.
    if teacher.is_none_or(|teacher| is_onnx(teacher) || teacher.ends_with(".safetensors")) {
        settings.push(Setting::new("train.augment", "shift", 2));
        settings.push(Setting::text("train.augment", "padding", "reflect"));
        settings.push(Setting::new("train.augment", "flip", flip));
    }
    if teacher.is_some() {
        // It may have seen the pictures, and then says of them little that the labels do not say.
        settings.extend([Setting::new("kd", "temperature", "2.0"), Setting::new("kd", "alpha", "0.5")]);
        return settings;
    }
    let cutout = look.input_shape[1..].iter().min().map_or(0, |side| side / 4);
    let augment = format!("{{ shift = 2, padding = \"reflect\", flip = {flip}, cutout = {cutout} }}");
    settings.extend([
        Setting::new("teacher", "model", "{ kind = \"resnet\", width = 32 }"),
        Setting::new("teacher.train", "batch", batch(look)),
        Setting::new("teacher.train", "epochs", epochs(look, 6000, 60)),
        Setting::new("teacher.train", "augment", augment),
        Setting::new("teacher.train", "optimizer", format!("{{ kind = \"sgd\", lr = {rate}, weight_decay = 5e-4 }}")),
    ]);
    settings
}

fn validation(look: &Look) -> Setting {
    match look.n_train / 10 {
        _ if look.has_validation || look.n_train < FEWEST_TO_HOLD_OUT => Setting::none("data", "validation"),
        n => Setting::new("data", "validation", n.min(MOST_HELD_OUT)),
    }
}

/// How many examples there are, as far as it changes what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    /// What lies between two of so few is not where others are: mixtures harm.
    Few,
    Some,
    /// A small student is told little by its teacher that the labels do not tell. It then learns best from the probabilities
    /// as they are; a high temperature takes from what it can hold.
    Many,
}

fn amount(look: &Look) -> Amount {
    match look.n_train {
        ..500 => Amount::Few,
        500..20_000 => Amount::Some,
        _ => Amount::Many,
    }
}

fn are_images(look: &Look) -> bool {
    look.input_shape.len() == 3
}

fn has_colours(look: &Look) -> bool {
    look.input_shape.first() == Some(&3)
}

/// Images that are more than drawings of a few pixels.
fn are_pictures(look: &Look) -> bool {
    let least = if has_colours(look) { SIDES_TO_SHIFT } else { SIDES_TO_CONVOLVE };
    matches!(look.input_shape[..], [1 | 3, height, width] if height.min(width) >= least)
}

/// Mixtures of each example; buckets cannot be mixed.
fn n_mixtures(look: &Look) -> Option<usize> {
    (amount(look) == Amount::Some && look.buckets.is_none()).then_some(if look.n_train < 2000 { 4 } else { 2 })
}

/// Epochs that come to so many steps, and to no more than so many passes.
fn epochs(look: &Look, n_steps: usize, most: usize) -> usize {
    (n_steps * batch(look)).div_ceil(look.n_train.max(1)).clamp(10, most)
}

fn batch(look: &Look) -> usize {
    match look.n_train {
        ..2000 => 32,
        2000..20_000 => 64,
        _ => 128,
    }
}

fn students(look: &Look, has_teacher: bool) -> Vec<Setting> {
    let embedding = look.buckets.map(|buckets| Setting::new("student.model", "embedding", embedding(buckets)));
    let (hidden, n_steps) = match (amount(look), are_images(look)) {
        (Amount::Few, _) => ("[32]", 6000),
        (Amount::Many, true) => ("[128]", 12_000),
        _ => ("[64]", 6000),
    };
    let (temperature, alpha) = match (amount(look), are_images(look)) {
        (Amount::Many, false) if !has_teacher => ("1.0", "0.9"),
        (Amount::Many, _) => ("1.0", "0.5"),
        // It may have seen the examples, and then says of them little that the labels do not say.
        _ if has_teacher => ("2.0", "0.5"),
        _ => ("4.0", "0.9"),
    };
    let settings = vec![
        Setting::new("student.model", "hidden", hidden),
        Setting::new("train", "batch", batch(look)),
        Setting::new("train", "epochs", epochs(look, n_steps, 100)),
        Setting::text("train.optimizer", "kind", "adamw"),
        Setting::new("train.optimizer", "lr", "0.005"),
        Setting::new("kd", "temperature", temperature),
        Setting::new("kd", "alpha", alpha),
    ];
    settings.into_iter().chain(embedding).collect()
}

fn embedding(buckets: u32) -> String {
    format!("{{ buckets = {buckets} }}")
}

fn teachers(look: &Look) -> Vec<Setting> {
    let (amount, are_images) = (amount(look), are_images(look));
    let model = match (look.buckets, amount) {
        (Some(buckets), _) => format!("hidden = [100], embedding = {}", embedding(buckets)),
        (None, Amount::Many) if are_images => "hidden = [400, 400], dropout = 0.2".to_owned(),
        (None, Amount::Many) => "hidden = [400, 400], dropout = 0.5".to_owned(),
        (None, _) => "hidden = [200, 200], dropout = 0.2".to_owned(),
    };
    let n_steps = match amount {
        Amount::Many if are_images || look.buckets.is_some() => 5000,
        Amount::Many => 2700,
        _ => 3000,
    };
    let can_shift = matches!(look.input_shape[..], [_, height, width] if height.min(width) >= SIDES_TO_SHIFT);
    let augment = match amount {
        Amount::Few | Amount::Some if can_shift => Setting::new("teacher.train", "augment", "{ shift = 2 }"),
        Amount::Some if !are_images && look.buckets.is_none() && look.n_train < 2000 => {
            Setting::new("teacher.train", "augment", "{ mixup = 0.2 }")
        }
        _ => Setting::none("teacher.train", "augment"),
    };
    let rate = (are_images && amount != Amount::Many)
        .then(|| Setting::new("teacher.train", "optimizer", "{ kind = \"adamw\", lr = 0.0005 }"));
    let settings = vec![
        Setting::new("teacher", "seeds", if amount == Amount::Many { "[1, 2, 3]" } else { "[1, 2, 3, 4, 5]" }),
        Setting::new("teacher", "model", format!("{{ kind = \"mlp\", {model} }}")),
        Setting::new("teacher.train", "batch", batch(look)),
        Setting::new("teacher.train", "epochs", epochs(look, n_steps, 60)),
        augment,
    ];
    settings.into_iter().chain(rate).collect()
}
