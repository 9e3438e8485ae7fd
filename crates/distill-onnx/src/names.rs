use std::collections::{BTreeMap, HashSet};

use distill_models::Task;

use crate::OnnxError;

/// Entries of the metadata that may hold the names of the classes, the usual one first.
const KEYS: [&str; 3] = ["classes", "class_names", "labels"];

/// Names of classes from text: a JSON array, or one in each line, or divided by commas.
///
/// # Examples
/// ```
/// use distill_onnx::parse_names;
/// for text in ["[\"cat\", \"dog\"]", "cat\ndog\n", "cat, dog"] {
///     assert_eq!(parse_names(text), ["cat", "dog"]);
/// }
/// ```
pub fn parse_names(text: &str) -> Vec<String> {
    let text = text.trim();
    if let Ok(names) = serde_json::from_str::<Vec<String>>(text) {
        return names;
    }
    let names: Vec<&str> = if text.contains('\n') { text.lines().collect() } else { text.split(',').collect() };
    names.into_iter().map(|name| name.trim().to_owned()).collect()
}

/// The names of `n` classes or numbers: those that were given, or those of the metadata, or the labels of an operator, if there are any.
pub(crate) fn choose(
    given: Option<&[String]>,
    metadata: &BTreeMap<String, String>,
    labels: Option<Vec<String>>,
    n: usize,
    task: Task,
) -> Result<Option<Vec<String>>, OnnxError> {
    if let Some(names) = given {
        return check(names.to_vec(), n, task, "the setting `classes`").map(Some);
    }
    match KEYS.iter().find_map(|key| metadata.get(*key)) {
        Some(text) => check(parse_names(text), n, task, "the metadata").map(Some),
        None => labels.map(|labels| check(labels, n, task, "the labels of the classifier")).transpose(),
    }
}

fn check(names: Vec<String>, n: usize, task: Task, place: &'static str) -> Result<Vec<String>, OnnxError> {
    let refused = |reason| Err(OnnxError::Classes { place, task, reason });
    if names.len() != n {
        return refused(format!("there are {} and the output has {n}", names.len()));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| name.is_empty() || !seen.insert(name.as_str())) {
        Some(name) if name.is_empty() => refused("one is empty".to_owned()),
        Some(name) => refused(format!("`{name}` occurs twice")),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_goes_before_metadata() {
        let metadata = BTreeMap::from([("labels".to_owned(), "cat,dog".to_owned())]);
        let given = ["x".to_owned(), "y".to_owned()];
        let choose = |given, metadata: &_, labels, n| choose(given, metadata, labels, n, Task::Classes);
        let labels = || Some(vec!["no".to_owned(), "yes".to_owned()]);
        assert_eq!(choose(Some(&given), &metadata, labels(), 2).unwrap().unwrap(), given);
        assert_eq!(choose(None, &metadata, labels(), 2).unwrap().unwrap(), ["cat", "dog"]);
        assert_eq!(choose(None, &BTreeMap::new(), labels(), 2).unwrap(), labels());
        assert_eq!(choose(None, &BTreeMap::new(), None, 3), Ok(None));
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        let error =
            |names: &str, n| check(parse_names(names), n, Task::Classes, "the metadata").unwrap_err().to_string();
        assert!(error("cat,dog", 3).ends_with("there are 2 and the output has 3"));
        assert!(error("cat,cat", 2).ends_with("`cat` occurs twice"));
        let error_of_numbers =
            check(parse_names("price, rent"), 1, Task::Numbers, "the setting `classes`").unwrap_err();
        assert_eq!(
            error_of_numbers.to_string(),
            "the names of the numbers from the setting `classes` cannot be used: there are 2 and the output has 1"
        );
        assert!(error("cat,,dog", 3).ends_with("one is empty"));
    }
}
