use std::collections::BTreeMap;

use distill_train::{TrainError, part_of_gain};
use serde::{Deserialize, Serialize};

use crate::beside::Beside;
use crate::goal::{Goal, Reached};
use distill_lab::jobs::{Loss, Outcomes, Training};
use distill_recipe::Diagnostic;

/// Of the resamples that intervals over test examples come from.
const BOOTSTRAP_SEED: u64 = 1;
/// Which random numbers the models of new rows are trained with, see [`Section::streams`].
pub(crate) const STREAMS: u32 = 1;

/// What a row found, ready to be shown. It is kept, so that a page has all rows that were ever run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The name of the row.
    pub row: String,
    /// The heading above what it found.
    pub title: String,
    /// The paper's numbers beside ours.
    pub compared: Vec<Compared>,
    /// Tables and sentences in Markdown.
    pub body: String,
    /// They stand below the text.
    pub charts: Vec<ChartFile>,
    /// Of the students; each is one sample of the means.
    pub seeds: Vec<u64>,
    /// What was set on the command line.
    pub settings: Vec<String>,
    /// Core-seconds of training and of asking teachers, those that other rows use too included.
    pub core_seconds: f64,
    /// Threads that were used, which change no result.
    pub threads: usize,
    /// Processor, threads and version that it was found with.
    pub machine: String,
    /// How what it needs was trained. Rows from before do not say.
    #[serde(default)]
    pub trainings: Vec<Training>,
    /// 0 where teacher and student of a seed drew the same random numbers.
    #[serde(default)]
    pub streams: u32,
    /// What the tables are made of, seed by seed.
    #[serde(default)]
    pub numbers: BTreeMap<String, Vec<f64>>,
    /// What models answer to each test example, in a file of its own.
    #[serde(skip)]
    pub outcomes: Outcomes,
}

/// A number of the paper and ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub what: String,
    pub paper: String,
    pub ours: String,
    /// What we want, and whether it is so.
    pub goal: Option<Goal>,
    /// What ours is computed from, where that is what models answer to each test example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// Which part of what one group of models gains another one keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub base: String,
    pub whole: String,
    pub students: String,
    pub loss: Loss,
    /// The goal in percent.
    pub goal: Option<Least>,
}

/// A bound below a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Least {
    MoreThan(f64),
    AtLeast(f64),
}

/// A chart, in a file of its own beside the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartFile {
    /// Such as `temperature.svg`.
    pub file: String,
    pub title: String,
    pub svg: String,
}

impl Section {
    pub(crate) fn new(row: &str, title: &str, seeds: &[u64]) -> Self {
        Self {
            row: row.to_owned(),
            title: title.to_owned(),
            compared: vec![],
            body: String::new(),
            charts: vec![],
            seeds: seeds.to_vec(),
            settings: vec![],
            core_seconds: 0.0,
            threads: 1,
            machine: String::new(),
            trainings: vec![],
            streams: STREAMS,
            numbers: BTreeMap::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// Others and ours, for a terminal.
    pub fn in_words(&self, beside: &Beside) -> String {
        let lines = self.compared.iter().map(|compared| {
            let goal = match &compared.goal {
                None => String::new(),
                Some(goal) => {
                    let word = match goal.reached {
                        Reached::Yes => "reached",
                        Reached::No => "missed",
                        Reached::NotShown => "not shown",
                    };
                    format!("  ({}: {word})", goal.text)
                }
            };
            let paper = if compared.paper.is_empty() { "-" } else { &compared.paper };
            format!("{}\n    {} {paper}  ours {}{goal}", compared.what, beside.column, compared.ours)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Adds a line to the table at the top of the page.
    pub(crate) fn compare(&mut self, what: &str, paper: &str, ours: String, goal: Option<Goal>) {
        self.compared.push(Compared { what: what.to_owned(), paper: paper.to_owned(), ours, goal, part: None });
    }

    /// Adds a line with a part of a gain, whose groups are among the outcomes.
    pub(crate) fn compare_part(&mut self, what: &str, paper: &str, part: Part) {
        let goal = part.goal.map(|goal| Goal { text: goal.text(), reached: Reached::NotShown });
        let (what, paper) = (what.to_owned(), paper.to_owned());
        self.compared.push(Compared { what, paper, ours: String::new(), goal, part: Some(part) });
    }

    /// Computes the lines that come from what models answer to each test example, where that is there.
    pub(crate) fn measure(&mut self) -> Result<(), Diagnostic> {
        for compared in &mut self.compared {
            let Some(part) = compared.part.as_ref().filter(|_| !self.outcomes.models.is_empty()) else { continue };
            let losses = |group: &str| self.outcomes.losses(group, part.loss);
            let (base, whole, students) = (losses(&part.base)?, losses(&part.whole)?, losses(&part.students)?);
            let found = part_of_gain(&base, &whole, &students, BOOTSTRAP_SEED)
                .map_err(|error: TrainError| Diagnostic::from(error))?;
            let estimate = found.part.map(|part| (100.0 * part.value, part.interval.map(|end| 100.0 * end)));
            compared.ours = match (estimate, part.loss) {
                (Some((value, [low, high])), _) => format!("{value:.0} ({low:.0} to {high:.0}) %"),
                (None, loss) => {
                    // Of NLL the mean is shown.
                    let (n, decimals, unit) = match loss {
                        Loss::Errors => (1.0, 1, " errors"),
                        Loss::Nll => (self.outcomes.examples as f64, 4, ""),
                    };
                    let [gain, low, high] =
                        [found.gain.value, found.gain.interval[0], found.gain.interval[1]].map(|gain| gain / n);
                    format!("not defined: the gain is {gain:.decimals$} ({low:.decimals$} to {high:.decimals$}){unit}")
                }
            };
            if let (Some(goal), Some(least)) = (&mut compared.goal, part.goal) {
                goal.part(estimate, |value| least.meets(value));
            }
        }
        Ok(())
    }

    /// Adds a paragraph or a table.
    pub(crate) fn add(&mut self, text: &str) {
        self.body += text.trim_end();
        self.body += "\n\n";
    }

    pub(crate) fn chart(&mut self, file: &str, chart: &distill_chart::LineChart) {
        self.charts.push(ChartFile { file: file.to_owned(), title: chart.title.clone(), svg: chart.svg() });
    }
}

impl Least {
    fn text(self) -> String {
        match self {
            Self::MoreThan(limit) => format!("more than {limit} %"),
            Self::AtLeast(limit) => format!("at least {limit} %"),
        }
    }

    fn meets(self, value: f64) -> bool {
        match self {
            Self::MoreThan(limit) => value > limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}
