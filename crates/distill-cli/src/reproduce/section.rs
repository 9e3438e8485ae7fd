use serde::{Deserialize, Serialize};

/// What a row found, ready to be shown. It is kept, so that a page has all rows that were ever run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) row: String,
    pub(crate) title: String,
    /// The paper's numbers beside ours.
    pub(crate) compared: Vec<Compared>,
    /// Tables and sentences in Markdown.
    pub(crate) body: String,
    pub(crate) charts: Vec<ChartFile>,
    pub(crate) seeds: Vec<u64>,
    /// What was set on the command line.
    pub(crate) settings: Vec<String>,
    /// Core-seconds of training and of asking teachers, those that other rows use too included.
    pub(crate) core_seconds: f64,
    pub(crate) threads: usize,
    /// Processor, threads and version that it was found with.
    pub(crate) machine: String,
    /// What was measured, seed by seed, where the row keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<serde_json::Value>,
}

/// A number of the paper and ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Compared {
    pub(crate) what: String,
    pub(crate) paper: String,
    pub(crate) ours: String,
    /// What we want at most, and whether it is so.
    pub(crate) goal: Option<(String, bool)>,
}

/// A chart, in a file of its own beside the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChartFile {
    /// Such as `temperature.svg`.
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) svg: String,
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
            data: None,
        }
    }

    /// Adds a line to the table at the top of the page.
    pub(crate) fn compare(&mut self, what: &str, paper: &str, ours: String, goal: Option<(String, bool)>) {
        self.compared.push(Compared { what: what.to_owned(), paper: paper.to_owned(), ours, goal });
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

/// A goal of so many errors at most on average.
pub(crate) fn at_most(limit: f64, mean: f64) -> Option<(String, bool)> {
    Some((format!("at most {limit}"), mean <= limit))
}
