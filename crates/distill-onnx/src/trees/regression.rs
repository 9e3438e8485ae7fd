//! What regressors are written with beside trees: sums of several, linear models, and changes of shape that change no number.

use super::after::After;
use super::graph::Node;
use super::labels::MAX_CLASSES;
use super::numbers;
use super::plan::Planner;
use super::steps::Step;

impl Planner<'_> {
    /// Matrices that are added, as those of an ensemble in parts are.
    pub(super) fn sum(&self, node: &Node<'_>) -> Result<(Step, usize), String> {
        let of: Vec<usize> = (0..node.inputs.len()).map(|at| self.matrix(node, at)).collect::<Result<_, _>>()?;
        let width = of.first().map(|&number| self.plan.widths[number]).ok_or("adds nothing")?;
        match of.iter().map(|&number| self.plan.widths[number]).find(|&other| other != width) {
            Some(other) => Err(format!("adds {other} columns to {width}")),
            None => Ok((Step::Sum { of }, width)),
        }
    }

    /// <https://onnx.ai/onnx/operators/onnx_aionnxml_LinearRegressor.html>
    pub(super) fn linear(&self, node: &Node<'_>) -> Result<(Step, usize), String> {
        let of = self.matrix(node, 0)?;
        let width = self.plan.widths[of];
        if After::read(node.text("post_transform")?.unwrap_or_default())? != After::None {
            return Err("has a post_transform; NONE is possible for a linear model".to_owned());
        }
        let targets = node.int("targets")?.unwrap_or(1);
        let n = usize::try_from(targets).ok().filter(|n| (1..=MAX_CLASSES).contains(n));
        let n = n.ok_or_else(|| format!("has {targets} targets; from 1 to {MAX_CLASSES} are possible"))?;
        let [coefficients, mut intercepts] = [node.floats("coefficients")?, node.floats("intercepts")?];
        if intercepts.is_empty() && !coefficients.is_empty() {
            intercepts = vec![0.0; coefficients.len() / width];
        }
        if Some(coefficients.len()) != n.checked_mul(width) || intercepts.len() != n {
            let found = (coefficients.len(), intercepts.len());
            return Err(format!(
                "has {} coefficients and {} intercepts for {n} targets of {width} columns",
                found.0, found.1
            ));
        }
        if coefficients.iter().chain(&intercepts).any(|value| !value.is_finite()) {
            return Err("has a coefficient or an intercept that is not finite".to_owned());
        }
        #[expect(clippy::cast_possible_truncation, reason = "they were f32")]
        let [coefficients, intercepts] =
            [coefficients, intercepts].map(|values| values.into_iter().map(|value| value as f32).collect());
        Ok((Step::Linear { of, coefficients, intercepts }, n))
    }

    /// A change of shape after which each example still has its row. One number for each example may lose its column where that
    /// is the answer; before others it would be a row of all examples to them.
    pub(super) fn same_rows(&self, node: &Node<'_>) -> Result<(), String> {
        let width = self.plan.widths[self.matrix(node, 0)?];
        let is_last_of_one = width == 1 && node.outputs.first() == Some(&self.output);
        let sizes = |name: &str| -> Result<Vec<f64>, String> {
            match self.graph.constants.get(name) {
                Some(tensor) => {
                    Ok(numbers::tensor(tensor).map_err(|problem| format!("takes `{name}`, which {problem}"))?.1)
                }
                None => Err(format!("takes a shape `{name}` that is computed")),
            }
        };
        let fits = match node.op {
            "Flatten" => matches!(node.int("axis")?, None | Some(1 | -1)),
            "Reshape" if node.int("allowzero")?.unwrap_or(0) != 0 => false,
            "Reshape" => match sizes(node.input(1)?)?[..] {
                [-1.0] => is_last_of_one,
                #[expect(clippy::cast_precision_loss, reason = "widths are smaller")]
                [rows, columns] => (rows == -1.0 && columns == width as f64) || (rows == 0.0 && columns == -1.0),
                _ => false,
            },
            _ => {
                let axes = match node.inputs.get(1) {
                    Some(name) => sizes(name)?,
                    None => node.ints("axes")?.into_iter().map(f64::from).collect(),
                };
                is_last_of_one && matches!(axes[..], [1.0 | -1.0])
            }
        };
        if fits { Ok(()) } else { Err(format!("makes another shape than rows of {width} columns")) }
    }
}
