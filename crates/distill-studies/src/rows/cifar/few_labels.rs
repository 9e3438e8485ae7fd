use distill_lab::jobs::{Facts, Setup, Stop};
use distill_recipe::words::{epochs, thousands};

use crate::goal::Goal;
use crate::numbers::{accuracies, differences, errors, interval, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;

/// Shares of the labels that students see.
const SHARES: [f64; 2] = [0.1, 0.02];

/// The students that see one share of the labels.
struct Share {
    labelled: usize,
    examples: usize,
    /// Epochs of the student on labels alone, which has fewer steps in each.
    epochs: u32,
    /// Seed by seed, on labels alone and distilled.
    accuracies: [Vec<f64>; 2],
    errors: [Vec<f64>; 2],
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("distilled")?;
    let (seeds, teacher, train) = (base.recipe.seeds.clone(), super::teacher(study)?, &base.recipe.train);
    let mut shares = vec![];
    for share in SHARES {
        let setup = base.with(&[format!("data.labelled={share:?}")])?;
        let sizes = study.lab.sizes(&setup)?;
        let n_epochs = same_steps(train.epochs, train.batch, sizes.transfer, sizes.labelled);
        let longer = setup.with(&[format!("train.epochs={n_epochs}")])?;
        let mut jobs = for_each_seed(&longer, Setup::alone);
        jobs.extend(for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teacher.clone())));
        let mut alone = study.lab.train(&jobs)?;
        let distilled = alone.split_off(seeds.len());
        shares.push(Share {
            labelled: sizes.labelled,
            examples: sizes.transfer,
            epochs: n_epochs,
            accuracies: [&alone, &distilled].map(|found: &Vec<Facts>| accuracies(found)),
            errors: [&alone, &distilled].map(|found: &Vec<Facts>| errors(found)),
        });
    }
    Ok(section(&seeds, &shares, train.epochs))
}

/// Epochs of `few` examples that have as many steps as `n` epochs of `all`, at least one.
fn same_steps(n: u32, batch: usize, all: usize, few: usize) -> u32 {
    let steps = u64::from(n) * all.div_ceil(batch) as u64;
    u32::try_from(steps / few.div_ceil(batch).max(1) as u64).unwrap_or(u32::MAX).max(1)
}

fn section(seeds: &[u64], shares: &[Share], n_epochs: u32) -> Section {
    let mut section = Section::new("few-labels", "A student that sees few labels", seeds);
    for share in shares {
        let labels = thousands(share.labelled as u64);
        let [alone, distilled] = share.accuracies.each_ref().map(|all| spread(all, 2));
        let what = format!("{labels} labels alone, {}: test accuracy", epochs(share.epochs));
        section.compare(&what, "", format!("{alone} %"), None);
        let hidden = thousands((share.examples - share.labelled) as u64);
        let what = format!("{labels} labels and {hidden} images without, distilled: test accuracy");
        section.compare(&what, "", format!("{distilled} %"), None);
        let removed = differences(&share.errors[0], &share.errors[1]);
        section.compare(
            &format!("errors that distillation removes with {labels} labels, seed by seed"),
            "",
            interval(&removed, 1),
            Goal::above_zero(&removed),
        );
    }
    section.add(&format!(
        "A share of each class keeps its labels; the teacher has seen all of them. The student on labels alone trains on the \
         images with labels, for as many steps as the distilled one takes in {} of all images. Both have the settings that \
         are best with all labels.",
        epochs(n_epochs),
    ));
    let cells = |share: &Share| {
        let [alone, distilled] = share.accuracies.each_ref().map(|all| spread(all, 2));
        let change = differences(&share.errors[1], &share.errors[0]);
        vec![thousands(share.labelled as u64), alone, distilled, interval(&change, 1)]
    };
    section.add(&table(
        &["labels", "alone, %", "distilled, %", "change of errors"],
        &shares.iter().map(cells).collect::<Vec<_>>(),
    ));
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_take_as_many_steps_with_few_labels() {
        // Of 50,000 images 391 steps are an epoch, of 5,000 40 and of 1,000 8.
        assert_eq!(same_steps(40, 128, 50_000, 5_000), 391);
        assert_eq!(same_steps(40, 128, 50_000, 1_000), 1_955);
        assert_eq!((same_steps(3, 16, 100, 100), same_steps(1, 16, 100, 1), same_steps(1, 16, 0, 0)), (3, 7, 1));
    }

    #[test]
    fn each_share_has_its_lines() {
        let share = Share {
            labelled: 1_000,
            examples: 50_000,
            epochs: 1_955,
            accuracies: [vec![50.0, 52.0], vec![85.0, 86.0]],
            errors: [vec![5_000.0, 4_800.0], vec![1_500.0, 1_400.0]],
        };
        let section = section(&[1, 2], &[share], 40);
        assert!(section.body.contains("| 1,000 | 51.00 ± 1.41 | 85.50 ± 0.71 | -3450.0 ("), "{}", section.body);
        assert!(section.body.contains("takes in 40 epochs of all images"), "{}", section.body);
    }
}
