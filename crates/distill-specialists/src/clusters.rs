use distill_datasets::below;
use distill_tensor::{Philox, Stream};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::SpecialistError;

/// Rows of predictions whose products are summed at a time.
const ROWS: usize = 1024;

/// How classes are put together that a generalist confuses.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterConfig {
    /// Number of clusters, and so of specialists.
    pub clusters: usize,
    /// Classes of each: those nearest to the centre, so that clusters overlap. None: each class is in the cluster
    /// of the centre that is nearest to it.
    pub size: Option<usize>,
    /// How often k-means sees each class.
    pub passes: u32,
    /// Draws the first centres and the order of the classes.
    pub seed: u64,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self { clusters: 30, size: None, passes: 20, seed: 1 }
    }
}

/// The covariance matrix of predicted probabilities, shape `(classes, classes)`: `E[p pᵀ] - E[p] E[p]ᵀ` over the rows of
/// `logits`, shape `(examples, classes)`, at temperature 1.
///
/// Of two classes it is large where both are thought of together.
///
/// Hinton, Vinyals, Dean, 2015, section 5.2.
pub fn covariance(logits: ArrayView2<'_, f32>) -> Array2<f64> {
    let n_classes = logits.ncols();
    let (mut products, mut sum) = (Array2::zeros((n_classes, n_classes)), Array1::<f64>::zeros(n_classes));
    for rows in logits.axis_chunks_iter(Axis(0), ROWS) {
        let mut p = rows.mapv(f64::from);
        for mut row in p.outer_iter_mut() {
            let max = row.fold(f64::NEG_INFINITY, |max, &value| max.max(value));
            row.mapv_inplace(|value| (value - max).exp());
            let total = row.sum();
            row.mapv_inplace(|value| value / total);
        }
        sum += &p.sum_axis(Axis(0));
        products += &p.t().dot(&p);
    }
    let n = logits.nrows().max(1) as f64;
    let mean = sum / n;
    let column = mean.view().insert_axis(Axis(1));
    products / n - column.dot(&mean.view().insert_axis(Axis(0)))
}

/// Classes that belong together, by online k-means on the columns of a covariance matrix, each scaled to unit length so
/// that frequent classes do not attract all others. Clusters are sorted, and those with one class are left out: there is
/// nothing to tell apart.
///
/// A class moves its centre as soon as it is seen, by one over how often the centre was moved. Equal arguments give
/// equal clusters.
///
/// Hinton, Vinyals, Dean, 2015, section 5.2.
///
/// # Errors
/// [`SpecialistError::Setting`] for no clusters or more than there are classes, and for clusters of less than two
/// classes or of more than there are.
pub fn cluster_classes(
    covariance: ArrayView2<'_, f64>,
    config: &ClusterConfig,
) -> Result<Vec<Vec<u32>>, SpecialistError> {
    let n_classes = covariance.ncols();
    let refused = |setting, problem| Err(SpecialistError::Setting { setting, problem });
    if config.clusters == 0 || config.clusters > n_classes {
        return refused(
            "clusters",
            format!("must be 1 to {n_classes}, the number of classes, got {}", config.clusters),
        );
    }
    if let Some(size) = config.size.filter(|size| !(2..=n_classes).contains(size)) {
        return refused("size", format!("must be 2 to {n_classes}, the number of classes, got {size}"));
    }
    let columns = unit_columns(covariance);
    let mut random = Philox::new(config.seed, Stream::Cluster, 0, 0);
    let mut centres = first_centres(&columns, config.clusters, &mut random);
    let mut moved = vec![1_u32; config.clusters];
    let mut order: Vec<usize> = (0..n_classes).collect();
    for pass in 0..config.passes {
        let mut random = Philox::new(config.seed, Stream::Cluster, 1 + pass, 0);
        for i in (1..order.len()).rev() {
            order.swap(i, below(&mut random, i + 1));
        }
        for &class in &order {
            let column = columns.row(class);
            let Some(nearest) = nearest(column, centres.view()) else { continue };
            moved[nearest] += 1;
            let rate = 1.0 / f64::from(moved[nearest]);
            let mut centre = centres.row_mut(nearest);
            centre.zip_mut_with(&column, |centre, &value| *centre += rate * (value - *centre));
        }
    }
    let mut clusters: Vec<Vec<u32>> = vec![vec![]; config.clusters];
    match config.size {
        None => {
            for class in 0..n_classes {
                if let Some(nearest) = nearest(columns.row(class), centres.view()) {
                    clusters[nearest].push(class as u32);
                }
            }
        }
        Some(size) => {
            for (cluster, centre) in clusters.iter_mut().zip(centres.outer_iter()) {
                let mut classes: Vec<(f64, u32)> =
                    (0..n_classes).map(|class| (distance(columns.row(class), centre), class as u32)).collect();
                classes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                cluster.extend(classes.iter().take(size).map(|&(_, class)| class));
                cluster.sort_unstable();
            }
        }
    }
    clusters.retain(|cluster| cluster.len() > 1);
    clusters.sort();
    clusters.dedup();
    Ok(clusters)
}

/// The columns as rows of unit length; one of zeros stays.
fn unit_columns(covariance: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut columns = covariance.t().to_owned();
    for mut column in columns.outer_iter_mut() {
        let norm = column.dot(&column).sqrt();
        if norm > 0.0 {
            column.mapv_inplace(|value| value / norm);
        }
    }
    columns
}

/// The first at random, then always the class that is farthest from all centres so far.
fn first_centres(columns: &Array2<f64>, n: usize, random: &mut Philox) -> Array2<f64> {
    let mut chosen = vec![below(random, columns.nrows())];
    let mut nearest = vec![f64::INFINITY; columns.nrows()];
    while chosen.len() < n {
        let last = columns.row(chosen[chosen.len() - 1]);
        for (near, column) in nearest.iter_mut().zip(columns.outer_iter()) {
            *near = near.min(distance(column, last));
        }
        let free = (0..columns.nrows()).filter(|class| !chosen.contains(class));
        let farthest = free.max_by(|&a, &b| nearest[a].total_cmp(&nearest[b]).then(b.cmp(&a)));
        let Some(farthest) = farthest else { break };
        chosen.push(farthest);
    }
    columns.select(Axis(0), &chosen)
}

fn nearest(column: ArrayView1<'_, f64>, centres: ArrayView2<'_, f64>) -> Option<usize> {
    let distances = centres.outer_iter().map(|centre| distance(column, centre)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(centre, _)| centre)
}

fn distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_covariance_is_that_of_the_probabilities() {
        let p = array![[0.7_f64, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]];
        let found = covariance(p.mapv(|p| p.ln() as f32).view());
        for i in 0..3 {
            for j in 0..3 {
                let (a, b) = (p.column(i), p.column(j));
                let expected = a.dot(&b) / 3.0 - a.sum() / 3.0 * b.sum() / 3.0;
                assert!((found[(i, j)] - expected).abs() < 1e-7, "{i} {j}: {} {expected}", found[(i, j)]);
            }
        }
    }

    /// Twelve classes of which those with the same remainder by four are confused.
    fn confused() -> Array2<f32> {
        Array2::from_shape_fn((600, 12), |(example, class)| {
            let truth = example % 12;
            let noise = ((example * 7 + class * 13) % 11) as f32 * 0.05;
            if class == truth {
                4.0
            } else if class % 4 == truth % 4 {
                3.0
            } else {
                noise
            }
        })
    }

    #[test]
    fn what_is_confused_is_put_together() {
        let covariance = covariance(confused().view());
        for seed in 1..6 {
            let config = ClusterConfig { clusters: 4, seed, ..ClusterConfig::default() };
            let clusters = cluster_classes(covariance.view(), &config).unwrap();
            assert_eq!(clusters, [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]], "seed {seed}");
            let config = ClusterConfig { size: Some(3), ..config };
            assert_eq!(cluster_classes(covariance.view(), &config).unwrap(), clusters);
        }
    }

    #[test]
    fn numbers_without_a_meaning_are_refused() {
        let covariance = covariance(confused().view());
        for (clusters, size) in [(0, None), (13, None), (3, Some(1)), (3, Some(13))] {
            let config = ClusterConfig { clusters, size, ..ClusterConfig::default() };
            assert!(cluster_classes(covariance.view(), &config).is_err(), "{config:?}");
        }
        // As many clusters as classes leave nothing to tell apart.
        let config = ClusterConfig { clusters: 12, passes: 0, ..ClusterConfig::default() };
        assert!(cluster_classes(covariance.view(), &config).unwrap().is_empty());
    }
}
