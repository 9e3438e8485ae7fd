use crate::SpecialistError;

/// When the answer of a generalist and its specialists is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SolverConfig {
    /// The largest gradient with respect to a logit of the answer that is left.
    pub tolerance: f64,
    /// Steps after which it is given up.
    pub max_steps: u32,
}

impl Default for SolverConfig {
    fn default() -> Self {
        Self { tolerance: 1e-9, max_steps: 100_000 }
    }
}

/// What a specialist says of one example.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Its classes, as sorted places in the generalist's list.
    pub classes: &'a [u32],
    /// Their probabilities and, last, that of the dustbin.
    pub probabilities: &'a [f64],
}

/// How an answer was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solution {
    /// Steps that were taken.
    pub steps: u32,
    /// The largest gradient with respect to a logit that is left.
    pub gradient: f64,
    /// Whether that is within the tolerance; else the steps were not enough.
    pub converged: bool,
}

/// Finds the distribution `q` that minimises
///
/// ```text
/// F(q) = KL(p_g, q) + Σ_m KL(p_m, q_m)
/// ```
///
/// where `q_m` is `q` with the probabilities of all classes that specialist `m` does not have summed into its dustbin
/// (Hinton, Vinyals, Dean, 2015, equation 5).
///
/// Up to a constant `-F` is the log-likelihood of `1 + |A|` observations, of which those of a specialist do not say which
/// class the dustbin was. So the EM algorithm finds `q`: share out each dustbin as `q` does, and take the mean,
///
/// ```text
/// q_j <- (p_g,j + Σ_{m has j} p_m,j + q_j Σ_{m has not j} d_m / D_m) / (1 + |A|)
/// ```
///
/// with `d_m` the dustbin of `m` and `D_m` what `q` has outside its classes. Each step lowers `F`, which is convex, and
/// there is no step size. The gradient of `F` with respect to the logits of `q` is `(1 + |A|) (q - right side)`, so how far
/// a step goes says how far the minimum is. Classes that no specialist has keep the proportions of `p_g` and are one number
/// until the end. (Dempster, Laird, Rubin, *Maximum likelihood from incomplete data via the EM algorithm*, 1977.)
///
/// The buffers are kept from one example to the next.
#[derive(Debug, Clone, Default)]
pub struct Solver {
    config: SolverConfig,
    /// The classes that a specialist has; then there is one more, for all others together.
    classes: Vec<u32>,
    /// Where a class is among them.
    place: Vec<u32>,
    /// What does not change: the sum of the probabilities that name each of them.
    named: Vec<f64>,
    q: Vec<f64>,
    /// `Σ d_m / D_m` over those that have a class.
    having: Vec<f64>,
}

/// A class that no specialist has.
const NOWHERE: u32 = u32::MAX;

impl Solver {
    /// A solver with its tolerance.
    ///
    /// # Errors
    /// [`SpecialistError::Setting`] if the tolerance is not above 0, or no step is allowed.
    pub fn new(config: SolverConfig) -> Result<Self, SpecialistError> {
        let refused = |setting, problem| Err(SpecialistError::Setting { setting, problem });
        if !(config.tolerance > 0.0 && config.tolerance.is_finite()) {
            return refused("tolerance", format!("must be a finite number above 0, got {}", config.tolerance));
        }
        if config.max_steps == 0 {
            return refused("max_steps", "must be at least 1, got 0".to_owned());
        }
        Ok(Self { config, ..Self::default() })
    }

    /// Writes `q` into `out`. `generalist` and `out` have one number for each class.
    ///
    /// Without answers it is what the generalist says. Probabilities may be 0.
    ///
    /// # Panics
    /// If the lengths do not fit, or a class is not one of the generalist's.
    pub fn solve(&mut self, generalist: &[f64], answers: &[Answer<'_>], out: &mut [f64]) -> Solution {
        out.copy_from_slice(generalist);
        if answers.is_empty() {
            return Solution { steps: 0, gradient: 0.0, converged: true };
        }
        let others = self.collapse(generalist, answers);
        let n_observed = 1.0 + answers.len() as f64;
        let mut solution = Solution { steps: 0, gradient: f64::INFINITY, converged: false };
        while solution.steps < self.config.max_steps && !solution.converged {
            let gradient = self.step(answers, n_observed);
            solution = Solution { steps: solution.steps + 1, gradient, converged: gradient <= self.config.tolerance };
        }
        // A class outside of all specialists gets its part of what they have together.
        let rest = self.q[self.classes.len()];
        let n_others = generalist.len().saturating_sub(self.classes.len());
        for (class, out) in out.iter_mut().enumerate() {
            *out = match self.place[class] {
                NOWHERE if others > 0.0 => generalist[class] / others * rest,
                NOWHERE => rest / n_others as f64,
                place => self.q[place as usize],
            };
        }
        solution
    }

    /// Numbers the classes that matter, and sums what is said of each. Returns what the generalist has elsewhere.
    fn collapse(&mut self, generalist: &[f64], answers: &[Answer<'_>]) -> f64 {
        self.classes.clear();
        self.place.clear();
        self.place.resize(generalist.len(), NOWHERE);
        for &class in answers.iter().flat_map(|answer| answer.classes) {
            let place = &mut self.place[class as usize];
            if *place == NOWHERE {
                *place = self.classes.len() as u32;
                self.classes.push(class);
            }
        }
        let n = self.classes.len();
        self.named.clear();
        self.named.extend(self.classes.iter().map(|&class| generalist[class as usize]));
        let others: f64 =
            (generalist.iter().zip(&self.place)).filter_map(|(&p, &place)| (place == NOWHERE).then_some(p)).sum();
        self.named.push(others);
        for answer in answers {
            for (&class, &p) in answer.classes.iter().zip(answer.probabilities) {
                self.named[self.place[class as usize] as usize] += p;
            }
        }
        // Every class that could have a part of a dustbin begins above 0, or EM would never give it one.
        let even = 1.0 / (n + 1) as f64;
        let observed = 1.0 + answers.len() as f64;
        let has_others = n < generalist.len();
        self.q.clear();
        self.q.extend(self.named.iter().map(|&p| 0.99 * p / observed + 0.01 * even));
        if !has_others {
            self.q[n] = 0.0;
        }
        let sum: f64 = self.q.iter().sum();
        self.q.iter_mut().for_each(|q| *q /= sum);
        others
    }

    /// What `q` has outside the classes of an answer. Where that is little the difference is rounding, and it is summed.
    fn outside(&self, answer: &Answer<'_>, total: f64, inside: f64) -> f64 {
        if total - inside > 1e-6 * total {
            return total - inside;
        }
        let is_inside = |place: usize| answer.classes.iter().any(|&class| self.place[class as usize] as usize == place);
        self.q.iter().enumerate().filter(|&(place, _)| !is_inside(place)).map(|(_, q)| q).sum()
    }

    /// One step of EM. Returns the largest gradient before it.
    fn step(&mut self, answers: &[Answer<'_>], n_observed: f64) -> f64 {
        self.having.clear();
        self.having.resize(self.q.len(), 0.0);
        let total: f64 = self.q.iter().sum();
        let mut all = 0.0;
        for answer in answers {
            let inside: f64 = answer.classes.iter().map(|&class| self.q[self.place[class as usize] as usize]).sum();
            let outside = self.outside(answer, total, inside);
            let dustbin = answer.probabilities[answer.classes.len()];
            if outside <= 0.0 {
                // No class can be what the dustbin was, so this observation says nothing: it is shared out among all.
                all += dustbin / total;
                continue;
            }
            let factor = dustbin / outside;
            all += factor;
            for &class in answer.classes {
                self.having[self.place[class as usize] as usize] += factor;
            }
        }
        let mut gradient: f64 = 0.0;
        for ((q, &named), &having) in self.q.iter_mut().zip(&self.named).zip(&self.having) {
            let next = (named + *q * (all - having)) / n_observed;
            gradient = gradient.max((n_observed * (next - *q)).abs());
            *q = next;
        }
        gradient
    }
}

#[cfg(test)]
mod tests;
