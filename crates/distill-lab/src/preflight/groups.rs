use std::collections::BTreeSet;

use distill_datasets::{Dataset, select};
use distill_recipe::words::thousands;

use super::{Found, Preflight};

impl Preflight<'_> {
    /// How many groups of examples each set has, and whether one is in two of them.
    pub(super) fn groups(&self, found: &mut Found) {
        let experiment = self.experiment;
        let Some(train) = groups(experiment.train_set()) else { return };
        let others = [("validation", experiment.validation_set()), ("test", Some(experiment.test_set()))];
        let others: Vec<_> = others.into_iter().filter_map(|(name, set)| Some((name, groups(set?)?))).collect();
        let count = |groups: &BTreeSet<u64>| thousands(groups.len() as u64);
        let list: String =
            others.iter().map(|(name, groups)| format!(", {} in the {name} set", count(groups))).collect();
        found.ok("groups", format!("{} in the training set{list}", count(&train)));
        for (name, groups) in others {
            let n = train.intersection(&groups).count();
            if n > 0 {
                found.warn(
                    "groups",
                    format!("{} of {} groups of the {name} set are in the training set too", thousands(n as u64), count(&groups)),
                    "a model may recognise the group instead of what is asked, and look better than it is",
                    "divide the data so that all examples of a group are in one set, or give it as one table or as folders of classes alone, which are divided here",
                );
            }
        }
    }
}

/// `None` if they are not known.
fn groups(set: &dyn Dataset) -> Option<BTreeSet<u64>> {
    select::groups_of(set).map(|groups| groups.into_iter().collect())
}
