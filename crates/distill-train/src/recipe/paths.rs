use super::{Paths, Recipe};

impl Recipe {
    /// The paths of all files that it names, to change. Whoever adds a key with a path adds it here, and nowhere else.
    ///
    /// `data.source` is left to those who know which sources have a name, and is not a path then. Files with names of classes
    /// are not among them, as the names stand in their place once a recipe is read.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { data, teacher, student, kd, .. } = self;
        let weights = teacher.weights.iter_mut().flat_map(Paths::all_mut);
        let library = teacher.onnx.as_mut().and_then(|onnx| onnx.library.as_mut());
        let rest = [data.unlabelled.as_mut(), library, student.weights.as_mut(), kd.cache.as_mut()];
        weights.chain(rest.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_with_a_path_is_there() {
        for weights in [r#"["PATH1", "PATH2"]"#, r#"{"1": "PATH1", "2": "PATH2"}"#, r#""PATH""#] {
            let text = format!(
                r#"{{"name": "t", "data": {{"source": "d", "unlabelled": "PATH"}},
                "teacher": {{"weights": {weights}, "onnx": {{"library": "PATH"}}}},
                "student": {{"weights": "PATH", "model": {{"hidden": [3]}}}}, "kd": {{"cache": "PATH"}}}}"#
            );
            let n = text.matches("PATH").count();
            let mut recipe: Recipe = serde_json::from_str(&text).unwrap();
            assert_eq!(recipe.paths_mut().map(|path| *path = "changed".to_owned()).count(), n);
            let text = serde_json::to_string(&recipe).unwrap();
            assert_eq!((text.matches("changed").count(), text.contains("PATH")), (n, false), "{text}");
        }
    }
}
