use distill_train::PairedDifference;
use serde::{Deserialize, Serialize};

use crate::numbers::mean;

/// What we want of a number, and whether it is so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "GoalFile")]
pub struct Goal {
    /// Such as `at most 67`.
    pub text: String,
    pub reached: Reached,
}

/// Whether a goal is reached: one rule for all, see `docs/adr/0021-when-a-goal-is-reached.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reached {
    /// All of the 95 % interval meets the goal.
    Yes,
    /// The number itself does not.
    No,
    /// The number does and its interval does not, or there is no interval of the right kind.
    NotShown,
}

impl Reached {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NotShown => "not shown",
        }
    }

    /// By a number and its interval, of which both ends must meet the goal.
    fn by(value: f64, interval: Option<[f64; 2]>, meets: impl Fn(f64) -> bool) -> Self {
        match interval {
            _ if !meets(value) => Self::No,
            Some(ends) if ends.into_iter().all(&meets) => Self::Yes,
            _ => Self::NotShown,
        }
    }
}

impl Goal {
    /// So much at most, on average over seeds.
    pub(crate) fn at_most(limit: f64, unit: &str, values: &[f64]) -> Option<Self> {
        let reached = Reached::by(mean(values), interval_of_mean(values), |value| value <= limit);
        Some(Self { text: format!("at most {limit}{unit}"), reached })
    }

    /// So much at least, on average over seeds.
    pub(crate) fn at_least(limit: f64, unit: &str, values: &[f64]) -> Option<Self> {
        let reached = Reached::by(mean(values), interval_of_mean(values), |value| value >= limit);
        Some(Self { text: format!("at least {limit}{unit}"), reached })
    }

    /// A mean of differences whose interval is above zero.
    pub(crate) fn above_zero(differences: &[f64]) -> Option<Self> {
        let reached = Reached::by(mean(differences), interval_of_mean(differences), |value| value > 0.0);
        Some(Self { text: "interval above 0".to_owned(), reached })
    }

    /// A part in percent; nothing is known of one that is not defined.
    pub(crate) fn part(&mut self, part: Option<(f64, [f64; 2])>, meets: impl Fn(f64) -> bool) {
        self.reached = part.map_or(Reached::NotShown, |(value, interval)| Reached::by(value, Some(interval), meets));
    }
}

fn interval_of_mean(values: &[f64]) -> Option<[f64; 2]> {
    PairedDifference::new(values).map(|found| found.interval)
}

/// Rows from before have a pair in place of it, judged by the mean alone, without an interval.
#[derive(Deserialize)]
#[serde(untagged)]
enum GoalFile {
    ByMean(String, bool),
    ByInterval { text: String, reached: Reached },
}

impl From<GoalFile> for Goal {
    fn from(file: GoalFile) -> Self {
        match file {
            GoalFile::ByMean(text, true) => Self { text, reached: Reached::NotShown },
            GoalFile::ByMean(text, false) => Self { text, reached: Reached::No },
            GoalFile::ByInterval { text, reached } => Self { text, reached },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_reached_by_the_whole_interval() {
        let at_most = |limit, values: &[f64]| Goal::at_most(limit, "", values).unwrap().reached;
        // Mean 63.2, interval 58.4 to 68.0.
        let errors = [67.0, 66.0, 59.0, 65.0, 59.0];
        assert_eq!(
            [69.0, 68.0, 65.0, 63.0].map(|limit| at_most(limit, &errors)),
            [Reached::Yes, Reached::NotShown, Reached::NotShown, Reached::No]
        );
        let at_least = |limit| Goal::at_least(limit, "", &errors).unwrap().reached;
        assert_eq!([58.0, 60.0, 64.0].map(at_least), [Reached::Yes, Reached::NotShown, Reached::No]);
        // One seed has no interval, and none has nothing.
        assert_eq!((at_most(69.0, &[1.0]), at_most(69.0, &[])), (Reached::NotShown, Reached::No));
        let above = |values: &[f64]| Goal::above_zero(values).unwrap().reached;
        assert_eq!(
            (above(&[1.0, 1.1, 0.9]), above(&[1.0, -0.5]), above(&[-1.0])),
            (Reached::Yes, Reached::NotShown, Reached::No)
        );
        let mut goal = Goal::at_most(1.0, " %", &[]).unwrap();
        assert_eq!(goal.text, "at most 1 %");
        for (part, reached) in [
            (Some((87.0, [81.0, 93.0])), Reached::Yes),
            (Some((87.0, [80.0, 93.0])), Reached::NotShown),
            (Some((66.0, [62.0, 90.0])), Reached::No),
            (None, Reached::NotShown),
        ] {
            goal.part(part, |value| value > 80.0);
            assert_eq!(goal.reached, reached, "{part:?}");
        }
    }

    #[test]
    fn goals_of_rows_from_before_were_judged_by_the_mean() {
        let read = |text| serde_json::from_str::<Goal>(text).unwrap().reached;
        assert_eq!(read(r#"["at most 65", true]"#), Reached::NotShown);
        assert_eq!(read(r#"["at most 65", false]"#), Reached::No);
        let goal = Goal { text: "at most 65".to_owned(), reached: Reached::Yes };
        let text = serde_json::to_string(&goal).unwrap();
        assert_eq!(text, r#"{"text":"at most 65","reached":"yes"}"#);
        assert_eq!(read(&text), Reached::Yes);
    }
}
