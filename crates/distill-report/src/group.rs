use distill_train::Role;

use distill_lab::summary::label;
use distill_lab::view::data::{CalibrationBin, ModelFacts, Report};

/// The models of one role, one for each seed.
pub(super) struct Group<'a> {
    pub(super) role: Role,
    /// At least one.
    pub(super) models: Vec<&'a ModelFacts>,
}

/// Members of an ensemble, teacher, student alone, student distilled: those of which there are models.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    let of = |role: Role| Group { role, models: report.models.iter().filter(|m| m.role == role.name()).collect() };
    let groups = Role::ALL.map(of);
    groups.into_iter().filter(|group| !group.models.is_empty()).collect()
}

impl Group<'_> {
    pub(super) fn label(&self) -> &'static str {
        label(self.role)
    }

    /// What `f` finds in the models that have it.
    pub(super) fn values(&self, f: impl Fn(&ModelFacts) -> Option<f64>) -> Vec<f64> {
        self.models.iter().filter_map(|model| f(model)).collect()
    }

    pub(super) fn errors(&self) -> Vec<f64> {
        self.values(|model| Some(model.test_errors as f64))
    }

    /// What `f` says of the models, each answer once.
    pub(super) fn distinct(&self, f: impl Fn(&ModelFacts) -> String) -> String {
        let mut answers: Vec<String> = Vec::new();
        for answer in self.models.iter().map(|model| f(model)) {
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
        answers.join(", ")
    }

    /// The sum of the confusion matrices; empty if none was kept.
    pub(super) fn confusion(&self) -> Vec<Vec<u64>> {
        let n_classes = self.models.iter().map(|model| model.confusion.len()).max().unwrap_or(0);
        let mut sum = vec![vec![0; n_classes]; n_classes];
        for model in &self.models {
            for (into, row) in sum.iter_mut().zip(&model.confusion) {
                for (into, n) in into.iter_mut().zip(row) {
                    *into += n;
                }
            }
        }
        sum
    }

    /// The bins of all models together; empty if none were kept.
    pub(super) fn calibration(&self) -> Vec<CalibrationBin> {
        let n_bins = self.models.iter().map(|model| model.calibration.len()).max().unwrap_or(0);
        let pooled = |bin: usize| {
            let bins: Vec<&CalibrationBin> =
                self.models.iter().filter_map(|m| m.calibration.get(bin)).filter(|bin| bin.examples > 0).collect();
            let examples: usize = bins.iter().map(|bin| bin.examples).sum();
            let mean = |f: &dyn Fn(&CalibrationBin) -> f64| match examples {
                0 => 0.0,
                _ => bins.iter().map(|bin| f(bin) * bin.examples as f64).sum::<f64>() / examples as f64,
            };
            CalibrationBin { examples, confidence: mean(&|bin| bin.confidence), accuracy: mean(&|bin| bin.accuracy) }
        };
        (0..n_bins).map(pooled).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::full;
    use super::*;

    #[test]
    fn bins_are_pooled_by_their_examples() {
        let bin = |examples, confidence, accuracy| CalibrationBin { examples, confidence, accuracy };
        let mut report = full();
        report.models.retain(|model| model.role == "teacher");
        report.models[0].calibration = vec![bin(0, f64::NAN, f64::NAN), bin(30, 0.9, 0.8)];
        report.models[1].calibration = vec![bin(4, 0.25, 0.5), bin(10, 0.5, 0.4)];
        report.models[2].calibration = vec![bin(0, 0.0, 0.0)];
        let groups = groups(&report);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].calibration(), [bin(4, 0.25, 0.5), bin(40, 0.8, 0.7)]);
    }

    #[test]
    fn confusion_is_summed() {
        let mut report = full();
        report.models.retain(|model| model.role == "student");
        report.models[0].confusion = vec![vec![5, 1], vec![2, 4]];
        report.models[1].confusion = vec![vec![6, 0], vec![1, 5]];
        report.models[2].confusion = Vec::new();
        assert_eq!(groups(&report)[0].confusion(), [[11, 1], [3, 9]]);
    }
}
