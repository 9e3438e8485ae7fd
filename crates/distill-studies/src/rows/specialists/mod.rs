//! Section 5 of the paper, on text in 420 languages.

mod clusters;
mod distilled;
mod gain;

use std::sync::Arc;

use distill_datasets::Dataset;
use distill_models::Model;
use distill_specialists::ClusterConfig;

use crate::plan::{Row, Study};
use distill_lab::jobs::{Job, Specialists, Teachers};
use distill_lab::jobs::{Stop, Trainer};
use distill_recipe::Diagnostic;
use distill_recipe::data_source::DataSource;
use distill_recipe::words::thousands;

pub(crate) const ROWS: &[Row] = &[
    Row { name: "clusters", about: "which languages a generalist confuses", run: clusters::run },
    Row {
        name: "gain",
        about: "a generalist with specialists, of three widths, with hard and soft targets",
        run: gain::run,
    },
    Row { name: "distilled", about: "all of them distilled back into one network", run: distilled::run },
];

/// Specialists of a generalist.
const N_CLUSTERS: usize = 30;
/// Languages of each; some have none and some have several specialists.
const CLUSTER_SIZE: usize = 25;

/// Hidden units of the generalists.
const WIDTHS: [usize; 3] = [24, 64, 256];
/// What the widest has over the recipes, chosen on validation snippets: it has learned what it can sooner, and its specialists
/// have less to add and change less.
const WIDE: usize = 256;
const WIDE_GENERALIST: &str = "teacher.train.epochs=8";
const WIDE_SPECIALISTS: [&str; 2] = ["train.optimizer.lr=0.003", "train.epochs=2"];

/// The test snippets that are left out of the test set, as training paragraphs have their text too.
struct LeftOut(Option<Arc<dyn Dataset>>);

impl LeftOut {
    /// Top-1 in percent of all snippets that were drawn, of a model that is right for so many of so many test snippets.
    fn top_1_of_all(&self, lab: &Trainer<'_>, model: &dyn Model, [right, examples]: [usize; 2]) -> Result<f64, Stop> {
        let more = self.0.as_ref().map(|data| lab.evaluate(model, &**data)).transpose()?;
        let (more_right, more) = more.map_or((0, 0), |found| (found.examples - found.errors, found.examples));
        Ok(100.0 * (right + more_right) as f64 / (examples + more) as f64)
    }

    /// How many there are, for whoever reads a table with and without them.
    fn sentence(&self) -> String {
        let n = self.0.as_ref().map_or(0, |data| data.len());
        format!(
            "{} test snippets more were drawn and left out, as their text stands in training paragraphs too, in whatever language",
            thousands(n as u64)
        )
    }
}

impl Study<'_> {
    fn left_out(&self) -> Result<LeftOut, Stop> {
        let config = &self.setup("teacher")?.recipe.data;
        let set = DataSource::of(config).and_then(|source| source.left_out()).map_err(Diagnostic::from)?;
        Ok(LeftOut(set.filter(|set| set.len() > 0).map(|set| Arc::new(set) as _)))
    }

    /// The generalist of some width and seed.
    fn generalist(&self, width: usize, seed: u64) -> Result<Job, Stop> {
        let mut settings = vec![format!("teacher.model.hidden=[{width}]")];
        if width >= WIDE {
            settings.push(WIDE_GENERALIST.to_owned());
        }
        Ok(self.setup("teacher")?.with(&settings)?.teacher(seed))
    }

    /// Its specialists, in whose training the generalist's probabilities have some weight.
    fn specialists(&self, width: usize, alpha: f64) -> Result<Specialists, Stop> {
        let mut settings = vec![format!("kd.alpha={alpha:?}")];
        if width >= WIDE {
            settings.extend(WIDE_SPECIALISTS.map(str::to_owned));
        }
        let setup = self.setup("specialists")?.with(&settings)?;
        let n_classes = self.lab.data.sets.train.spec().classes.len();
        let clusters = ClusterConfig {
            clusters: N_CLUSTERS.min(n_classes / 2).max(1),
            size: Some(CLUSTER_SIZE.min(n_classes / 2).max(2)),
            ..ClusterConfig::default()
        };
        Ok(Specialists { setup, clusters, top: 1 })
    }

    /// Both as one teacher.
    fn system(&self, width: usize, seed: u64, alpha: f64) -> Result<Teachers, Stop> {
        let specialists = Some(self.specialists(width, alpha)?);
        Ok(Teachers { specialists, ..Teachers::one(self.generalist(width, seed)?) })
    }
}
