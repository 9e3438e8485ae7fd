//! Trees in one list of nodes, checked to end.

use super::draft::{Draft, Mode, Weights};

/// Bits of a feature: missing values go to the first child, and the condition is equality.
pub(super) const MISSING_FIRST: u32 = 1 << 31;
pub(super) const EQUAL: u32 = 1 << 30;
/// The rest of it.
pub(super) const FEATURE: u32 = EQUAL - 1;

/// A place in a list that there is not.
const NOWHERE: u32 = u32::MAX;

/// A node: if the feature is at most the threshold, the first child is the next, else the second.
///
/// A leaf is both of its children, so that whoever has reached it stays there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flat {
    /// Of the threshold; of a leaf, its number.
    pub(super) bits: u32,
    pub(super) feature: u32,
    pub(super) children: [u32; 2],
}

/// Trees that are ready to be walked.
#[derive(Debug)]
pub(super) struct Forest {
    pub(super) nodes: Vec<Flat>,
    /// Where each tree begins, in the order of the file.
    pub(super) roots: Vec<u32>,
    /// The weights of leaf `i` are those from `starts[i]` to `starts[i + 1]`.
    pub(super) starts: Vec<u32>,
    pub(super) targets: Vec<u32>,
    pub(super) weights: Vec<f32>,
    /// Whether no node has a bit beside its feature.
    pub(super) is_plain: bool,
}

impl Forest {
    /// Lays the nodes out. Whatever the lists are, every walk through what comes of them ends at a leaf, and every number that
    /// points somewhere points into the lists, the `n_features` or the `n_targets`.
    ///
    /// A node may be the child of several, as LightGBM's tests for one of many kinds are a chain with one answer.
    pub(super) fn new(draft: &Draft, n_features: usize, n_targets: usize) -> Result<Self, String> {
        let n = draft.trees.len();
        if u32::try_from(n).is_err() || u32::try_from(draft.weights.values.len()).is_err() {
            return Err("has more nodes or weights than fit into 32 bits".to_owned());
        }
        let children = children(draft)?;
        let (order, roots) = order(draft, &children)?;
        let mut places = vec![NOWHERE; n];
        order.iter().zip(0..).for_each(|(&at, place)| places[at as usize] = place);
        let mut leaves = vec![NOWHERE; n];
        let mut forest = Self {
            nodes: Vec::with_capacity(n),
            roots: roots.into_iter().map(|root| places[root as usize]).collect(),
            starts: vec![],
            targets: vec![],
            weights: vec![],
            is_plain: true,
        };
        let mut n_leaves = 0;
        for (&at, place) in order.iter().zip(0..) {
            let at = at as usize;
            let node = if draft.modes[at] == Mode::Leaf {
                leaves[at] = n_leaves;
                n_leaves += 1;
                Flat { bits: leaves[at], feature: 0, children: [place; 2] }
            } else {
                let children = children[at].map(|child| places[child as usize]);
                condition(draft, at, children, n_features)?
            };
            forest.is_plain &= node.feature <= FEATURE;
            forest.nodes.push(node);
        }
        forest.weigh(&draft.weights, draft, &leaves, n_targets)?;
        Ok(forest)
    }

    /// Sorts the weights by their leaves, in the order of the file for each.
    fn weigh(&mut self, weights: &Weights, draft: &Draft, leaves: &[u32], n_targets: usize) -> Result<(), String> {
        let n_leaves = leaves.iter().filter(|&&leaf| leaf != NOWHERE).count();
        let index = Index::new(draft);
        let mut of_weights = Vec::with_capacity(weights.values.len());
        self.starts = vec![0; n_leaves + 1];
        for (i, (&tree, &node)) in weights.trees.iter().zip(&weights.nodes).enumerate() {
            let Some(at) = index.find(tree, node) else {
                return Err(format!("has a weight of node {node} of tree {tree}, which does not exist"));
            };
            let target = weights.targets[i];
            if usize::try_from(target).is_ok_and(|target| target < n_targets) && weights.values[i].is_finite() {
                // Weights of nodes that are no leaves are never added.
                of_weights.push(leaves[at]);
                if leaves[at] != NOWHERE {
                    self.starts[leaves[at] as usize + 1] += 1;
                }
                continue;
            }
            let value = weights.values[i];
            return Err(format!(
                "gives {} the weight {value} for class or target {target}; weights are finite, and there are {n_targets}",
                draft.name(at)
            ));
        }
        for leaf in 0..n_leaves {
            self.starts[leaf + 1] += self.starts[leaf];
        }
        let n = self.starts[n_leaves] as usize;
        (self.targets, self.weights) = (vec![0; n], vec![0.0; n]);
        let mut next = self.starts.clone();
        for (i, &leaf) in of_weights.iter().enumerate().filter(|&(_, &leaf)| leaf != NOWHERE) {
            let place = next[leaf as usize] as usize;
            next[leaf as usize] += 1;
            self.targets[place] = weights.targets[i].unsigned_abs();
            #[expect(clippy::cast_possible_truncation, reason = "six digits of a weight matter")]
            let value = weights.values[i] as f32;
            self.weights[place] = value;
        }
        Ok(())
    }
}

/// A node whose condition is one of `at most`, for which its children may have to change places. One that never holds has NaN
/// as its threshold.
fn condition(draft: &Draft, at: usize, [yes, no]: [u32; 2], n_features: usize) -> Result<Flat, String> {
    let feature = match u32::try_from(draft.features[at]) {
        Ok(feature) if (feature as usize) < n_features && feature <= FEATURE => feature,
        _ => {
            let (name, feature) = (draft.name(at), draft.features[at]);
            return Err(format!("asks in {name} for feature {feature}, and its input has {n_features}"));
        }
    };
    let (mode, threshold) = (draft.modes[at], draft.thresholds[at]);
    if threshold.is_nan() {
        return Err(format!("compares in {} with NaN", draft.name(at)));
    }
    let is_equality = matches!(mode, Mode::Eq | Mode::Neq);
    let swapped = matches!(mode, Mode::Gt | Mode::Gte | Mode::Neq);
    // The largest f32 that is at most the threshold, or below it: no f32 is between the two.
    #[expect(clippy::cast_possible_truncation, reason = "what it changes is looked at")]
    let near = threshold as f32;
    let threshold = match mode {
        Mode::Eq | Mode::Neq if f64::from(near) == threshold => near,
        Mode::Eq | Mode::Neq => f32::NAN,
        Mode::Lt | Mode::Gte if near == f32::NEG_INFINITY => f32::NAN,
        Mode::Lt | Mode::Gte if f64::from(near) >= threshold => near.next_down(),
        _ if f64::from(near) > threshold => near.next_down(),
        _ => near,
    };
    let missing_is_yes = draft.missing.get(at).is_some_and(|&tracks| tracks != 0);
    let bits = if is_equality { EQUAL } else { 0 } | if missing_is_yes != swapped { MISSING_FIRST } else { 0 };
    let children = if swapped { [no, yes] } else { [yes, no] };
    Ok(Flat { bits: threshold.to_bits(), feature: feature | bits, children })
}

/// The two children of each node; of leaves nothing that means anything.
fn children(draft: &Draft) -> Result<Vec<[u32; 2]>, String> {
    let index = Index::new(draft);
    if let Some(pair) = index.twice() {
        return Err(format!("has {} twice", draft.name(pair)));
    }
    let child = |at: usize, node: i32| match index.find(draft.trees[at], node) {
        Some(child) => Ok(child as u32),
        None => Err(format!("has node {node} as a child of {}, and no such node is there", draft.name(at))),
    };
    let pair = |at: usize| match draft.modes[at] {
        Mode::Leaf => Ok([NOWHERE; 2]),
        _ => Ok([child(at, draft.yes[at])?, child(at, draft.no[at])?]),
    };
    (0..draft.trees.len()).map(pair).collect()
}

/// The nodes, all of a tree behind its root, and each behind those that it is a child of; and the roots.
fn order(draft: &Draft, children: &[[u32; 2]]) -> Result<(Vec<u32>, Vec<u32>), String> {
    let mut n_parents = vec![0_u32; children.len()];
    let of = |at: usize| children[at].into_iter().filter(|&child| child != NOWHERE);
    (0..children.len()).flat_map(of).for_each(|child| n_parents[child as usize] += 1);
    let roots: Vec<u32> = (0..children.len()).filter(|&at| n_parents[at] == 0).map(|at| at as u32).collect();
    let mut trees: Vec<(i32, u32)> = roots.iter().map(|&root| (draft.trees[root as usize], root)).collect();
    trees.sort_unstable();
    if let Some(pair) = trees.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let [a, b] = [pair[0].1, pair[1].1].map(|root| draft.nodes[root as usize]);
        return Err(format!("has two roots in tree {}, nodes {a} and {b}", pair[0].0));
    }
    let (mut order, mut open) = (Vec::with_capacity(children.len()), vec![]);
    for &root in &roots {
        open.push(root);
        while let Some(at) = open.pop() {
            order.push(at);
            // The first child is the next, where this was the last of those that lead to it.
            for child in children[at as usize].into_iter().rev().filter(|&child| child != NOWHERE) {
                n_parents[child as usize] -= 1;
                if n_parents[child as usize] == 0 {
                    open.push(child);
                }
            }
        }
    }
    // Whoever is in a circle, or behind one, waits for ever.
    match n_parents.iter().position(|&n| n > 0) {
        Some(at) => Err(format!("has a circle of nodes that leads to {}", draft.name(at))),
        None => Ok((order, roots)),
    }
}

/// Finds nodes by the numbers of their tree and their own.
struct Index<'a> {
    draft: &'a Draft,
    /// Places in the lists by tree and node; none where they are in that order, as all programs write them.
    sorted: Option<Vec<u32>>,
}

impl<'a> Index<'a> {
    fn new(draft: &'a Draft) -> Self {
        let index = Self { draft, sorted: None };
        if (1..draft.trees.len()).all(|at| index.key(at - 1) <= index.key(at)) {
            return index;
        }
        let mut sorted: Vec<u32> = (0..draft.trees.len() as u32).collect();
        sorted.sort_unstable_by_key(|&at| index.key(at as usize));
        Self { sorted: Some(sorted), ..index }
    }

    fn key(&self, at: usize) -> (i32, i32) {
        (self.draft.trees[at], self.draft.nodes[at])
    }

    /// The place in the lists of what is so many in order.
    fn place(&self, at: usize) -> usize {
        self.sorted.as_ref().map_or(at, |sorted| sorted[at] as usize)
    }

    fn find(&self, tree: i32, node: i32) -> Option<usize> {
        let (mut low, mut high) = (0, self.draft.trees.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.key(self.place(middle)) < (tree, node) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let found = (low < self.draft.trees.len()).then(|| self.place(low))?;
        (self.key(found) == (tree, node)).then_some(found)
    }

    /// A node that is there twice.
    fn twice(&self) -> Option<usize> {
        let places = 1..self.draft.trees.len();
        places
            .map(|at| [at - 1, at].map(|at| self.place(at)))
            .find(|&[a, b]| self.key(a) == self.key(b))
            .map(|[a, _]| a)
    }
}
