//! Recipes for numbers to predict, in the place of classes.

use distill_datasets::DataSpec;

use super::{KdConfig, KdMethod, Recipe};
use crate::ConfigProblem;

impl Recipe {
    /// Whether the columns of the data say numbers to predict.
    pub fn predicts_numbers(&self) -> bool {
        self.data.columns.as_ref().is_some_and(|columns| !columns.targets.is_empty())
    }

    /// Whether it is for data of this kind: what a recipe may say depends on it.
    pub(crate) fn check_task(&self, data: &DataSpec) -> Result<(), ConfigProblem> {
        let (problem, help) = match (self.predicts_numbers(), data.numbers.is_some()) {
            (false, true) => ("is not set, but the data has numbers to predict", "name them"),
            (true, false) => ("is set, but the data has classes", "leave it out"),
            _ => return Ok(()),
        };
        Err(ConfigProblem::new("data.columns.targets", problem, help))
    }

    /// How student and teacher are compared; of numbers always by a squared error.
    pub fn method(&self) -> KdMethod {
        match self.kd.method {
            KdMethod::Kd if self.predicts_numbers() => KdMethod::SquaredError,
            method => method,
        }
    }

    /// Refuses what means nothing for numbers, and what means something for them alone.
    pub(super) fn validate_numbers(&self) -> Result<(), ConfigProblem> {
        let KdConfig { method, temperature, .. } = &self.kd;
        let has_numbers = self.predicts_numbers();
        if self.teacher.onnx.as_ref().and_then(|onnx| onnx.numbers) == Some(!has_numbers) {
            let problem = match has_numbers {
                true => "is false, and the data has numbers to predict",
                false => "is true, and the data has classes",
            };
            return Err(ConfigProblem::new("teacher.onnx.numbers", problem, "leave it out: the data says which it is"));
        }
        if !has_numbers {
            return match method {
                KdMethod::SquaredError | KdMethod::TeacherBounded => Err(self.kd.of_numbers_alone().under("kd")),
                KdMethod::Kd | KdMethod::SoftCrossEntropy | KdMethod::LogitMatching => Ok(()),
            };
        }
        let of_logits = matches!(method, KdMethod::SoftCrossEntropy | KdMethod::LogitMatching);
        let usual = KdConfig::default().temperature;
        let [students, teachers] = [&self.train, &self.teacher.train];
        let set = [
            (
                "kd.method",
                of_logits,
                "it compares logits of classes; numbers have `squared-error` and `teacher-bounded`",
            ),
            ("kd.temperature", *temperature != usual, "a temperature divides logits, and numbers are none"),
            ("train.label_smoothing", students.label_smoothing != 0.0, "there is no class to smooth"),
            ("teacher.train.label_smoothing", teachers.label_smoothing != 0.0, "there is no class to smooth"),
            ("train.class_weights", students.class_weights.is_some(), "rows have no class"),
            ("teacher.train.class_weights", teachers.class_weights.is_some(), "rows have no class"),
            ("teacher.probabilities", self.teacher.probabilities.is_some(), "numbers are no probabilities"),
            ("teacher.min_probability", self.teacher.min_probability.is_some(), "numbers are no probabilities"),
            ("data.classes", !self.data.classes.list().is_empty(), "rows have no class; the columns are the names"),
            ("data.select", self.data.select.class_words().is_some(), "rows have no class"),
            ("data.transfer", self.data.transfer.class_words().is_some(), "rows have no class"),
        ];
        match set.into_iter().find(|(_, is_set, _)| *is_set) {
            Some((key, _, note)) => {
                let problem = "is set, but the data has numbers to predict, in `data.columns.targets`";
                Err(ConfigProblem::new(key, problem, "leave one of them out").note(note))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(more: &str, kd: &str, train: &str) -> Recipe {
        let columns = r#""columns": { "targets": ["price"] }"#;
        let text = format!(
            r#"{{ "name": "r", "data": {{ "source": "x.csv", {columns} {more} }}, "kd": {{ {kd} }}, "train": {{ {train} }},
                "teacher": {{ "model": {{ "hidden": [4] }} }}, "student": {{ "model": {{ "hidden": [2] }} }} }}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn numbers_are_compared_by_squared_errors() {
        assert_eq!(recipe("", "", "").validate(), Ok(()));
        assert_eq!(recipe("", "", "").method(), KdMethod::SquaredError);
        let bounded = recipe("", r#""method": "teacher-bounded", "margin": 0.1"#, "");
        assert_eq!((bounded.validate(), bounded.method()), (Ok(()), KdMethod::TeacherBounded));
        let of_classes = Recipe { data: serde_json::from_str(r#"{ "source": "x.csv" }"#).unwrap(), ..bounded };
        let problem = of_classes.validate().unwrap_err();
        assert_eq!(problem.path, "kd.method");
        assert!(problem.problem.contains("but the data has classes"), "{problem}");
    }

    #[test]
    fn what_means_nothing_for_numbers_is_refused_by_name() {
        for (more, kd, train, path) in [
            ("", r#""method": "logit-matching""#, "", "kd.method"),
            ("", r#""temperature": 2.0"#, "", "kd.temperature"),
            ("", r#""margin": 0.5"#, "", "kd.margin"),
            ("", "", r#""label_smoothing": 0.1"#, "train.label_smoothing"),
            ("", "", r#""class_weights": "balanced""#, "train.class_weights"),
            (r#", "classes": ["a"]"#, "", "", "data.classes"),
            (r#", "select": { "only": ["a"] }"#, "", "", "data.select"),
        ] {
            assert_eq!(recipe(more, kd, train).validate().unwrap_err().path, path);
        }
        let twice = r#"{ "source": "x.csv", "columns": { "targets": ["a", "a"] } }"#;
        let recipe = Recipe { data: serde_json::from_str(twice).unwrap(), ..recipe("", "", "") };
        assert_eq!(recipe.validate().unwrap_err().path, "data.columns.targets");
    }
}
