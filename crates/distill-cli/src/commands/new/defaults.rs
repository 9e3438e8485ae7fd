//! Settings for data of a kind and a size, chosen on validation examples: `docs/results/defaults.md`.

use super::look::Look;
use super::template::Setting;

/// Validation examples are no more than this, and a tenth of the training set.
const MOST_HELD_OUT: usize = 5000;

/// Fewer training examples are all needed.
const FEWEST_TO_HOLD_OUT: usize = 2000;

/// Sides of images that a shift by two pixels leaves what they are.
const SIDES_TO_SHIFT: usize = 16;

/// What of the template is to be otherwise for this data.
pub(super) fn settings(look: &Look, has_teacher: bool) -> Vec<Setting> {
    let mut settings = vec![validation(look)];
    settings.extend(look.columns.iter().map(|columns| Setting::new("data", "columns", columns)));
    settings.extend(look.images.iter().map(|images| Setting::new("data", "images", images)));
    settings.extend((look.is_wide && look.buckets.is_none()).then(|| Setting::new("data", "standardize", true)));
    settings.extend(students(look));
    if !has_teacher {
        settings.extend(teachers(look));
    }
    settings
}

fn validation(look: &Look) -> Setting {
    match look.n_train / 10 {
        _ if look.has_validation || look.n_train < FEWEST_TO_HOLD_OUT => Setting::none("data", "validation"),
        n => Setting::new("data", "validation", n.min(MOST_HELD_OUT)),
    }
}

/// Whether there are so many examples that a small student is told little by its teacher that the labels do not tell. It then
/// learns best from the probabilities as they are; a high temperature takes from what it can hold.
fn are_many(look: &Look) -> bool {
    look.n_train >= 20_000
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

fn students(look: &Look) -> Vec<Setting> {
    let embedding = look.buckets.map(|buckets| Setting::new("student.model", "embedding", embedding(buckets)));
    let (temperature, alpha) = if are_many(look) { ("1.0", "0.5") } else { ("4.0", "0.9") };
    let settings = vec![
        Setting::new("student.model", "hidden", "[32]"),
        Setting::new("train", "batch", batch(look)),
        Setting::new("train", "epochs", epochs(look, 6000, 100)),
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
    let can_shift = matches!(look.input_shape[..], [_, height, width] if height.min(width) >= SIDES_TO_SHIFT);
    let model = match look.buckets {
        Some(buckets) => format!("hidden = [100], embedding = {}", embedding(buckets)),
        None if are_many(look) => "hidden = [400, 400], dropout = 0.2".to_owned(),
        None => "hidden = [200, 200], dropout = 0.2".to_owned(),
    };
    let n_steps = if are_many(look) { 5000 } else { 3000 };
    vec![
        Setting::new("teacher", "seeds", if are_many(look) { "[1, 2, 3]" } else { "[1, 2, 3, 4, 5]" }),
        Setting::new("teacher", "model", format!("{{ kind = \"mlp\", {model} }}")),
        Setting::new("teacher.train", "batch", batch(look)),
        Setting::new("teacher.train", "epochs", epochs(look, n_steps, 60)),
        match can_shift && !are_many(look) {
            true => Setting::new("teacher.train", "augment", "{ shift = 2 }"),
            false => Setting::none("teacher.train", "augment"),
        },
    ]
}
