//! What classifiers call their classes.

use super::graph::{Graph, Node};

/// Classes of one classifier.
pub(super) const MAX_CLASSES: usize = 1 << 16;

/// The names or numbers of the classes, in the order of the outputs.
pub(super) enum Labels {
    Names(Vec<String>),
    Numbers(Vec<i32>),
}

impl Labels {
    /// Those of a node, in the two attributes that it has for them.
    pub(super) fn read(node: &Node<'_>) -> Result<Option<Self>, String> {
        let name =
            |bytes: &[u8]| str::from_utf8(bytes).map(str::to_owned).map_err(|error| format!("has a label: {error}"));
        let names = node.texts("classlabels_strings", MAX_CLASSES, name)?;
        let numbers = node.ints("classlabels_int64s")?;
        match (names.is_empty(), numbers.is_empty()) {
            (true, true) => Ok(None),
            (false, true) => Ok(Some(Self::Names(names))),
            (true, false) => Ok(Some(Self::Numbers(numbers))),
            (false, false) => Err("has both names and numbers of classes".to_owned()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Names(names) => names.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// As names; `None` for 0, 1, 2 and so on, which are what somebody gave to classes that had other names.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Names(names) => Some(names.clone()),
            Self::Numbers(numbers) if numbers.iter().zip(0..).all(|(&number, i)| number == i) => None,
            Self::Numbers(numbers) => Some(numbers.iter().map(i32::to_string).collect()),
        }
    }
}

/// The names of `n` classes in a file, those of the last node that has so many; none where they are 0, 1, 2 and so on, or there
/// are none.
pub(crate) fn labels(bytes: &[u8], n: usize) -> Option<Vec<String>> {
    let graph = Graph::read(bytes).ok()?;
    let labels = graph.nodes.iter().rev().filter_map(|node| Labels::read(node).ok().flatten());
    let mut fitting = labels.filter(|labels| labels.len() == n);
    fitting.next()?.names()
}
