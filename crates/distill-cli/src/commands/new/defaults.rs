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

/// Epochs that come to so many steps, and to no more than so many passes.
fn epochs(look: &Look, batch: usize, n_steps: usize, most: usize) -> usize {
    (n_steps * batch).div_ceil(look.n_train.max(1)).clamp(10, most)
}

fn batch(look: &Look) -> usize {
    match look.n_train {
        ..2000 => 32,
        2000..20_000 => 64,
        _ => 128,
    }
}

fn students(look: &Look) -> Vec<Setting> {
    let batch = batch(look);
    let embedding = look.buckets.map(|buckets| Setting::new("student.model", "embedding", embedding(buckets)));
    let settings = vec![
        Setting::new("student.model", "hidden", "[32]"),
        Setting::new("train", "batch", batch),
        Setting::new("train", "epochs", epochs(look, batch, 6000, 100)),
        Setting::text("train.optimizer", "kind", "adamw"),
        Setting::new("train.optimizer", "lr", "0.005"),
    ];
    settings.into_iter().chain(embedding).collect()
}

fn embedding(buckets: u32) -> String {
    format!("{{ buckets = {buckets} }}")
}

fn teachers(look: &Look) -> Vec<Setting> {
    let batch = batch(look);
    let can_shift = matches!(look.input_shape[..], [_, height, width] if height.min(width) >= SIDES_TO_SHIFT);
    let model = match look.buckets {
        Some(buckets) => format!("hidden = [100], embedding = {}", embedding(buckets)),
        None => "hidden = [200, 200], dropout = 0.2".to_owned(),
    };
    vec![
        Setting::new("teacher", "seeds", "[1, 2, 3, 4, 5]"),
        Setting::new("teacher", "model", format!("{{ kind = \"mlp\", {model} }}")),
        Setting::new("teacher.train", "batch", batch),
        Setting::new("teacher.train", "epochs", epochs(look, batch, 3000, 60)),
        match can_shift {
            true => Setting::new("teacher.train", "augment", "{ shift = 2 }"),
            false => Setting::none("teacher.train", "augment"),
        },
    ]
}
