//! Model files of other programs, which are told by their names and first bytes so that the way to ONNX can be shown.

use std::path::Path;

use distill_datasets::{TableForm, is_table};

use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// Who writes such files, and how they become ONNX.
struct Format {
    what: &'static str,
    note: &'static str,
    help: &'static str,
}

const PYTORCH: Format = Format {
    what: "PyTorch",
    note: "it holds weights, and names of Python code that computes with them",
    help: "write it as ONNX in Python, `torch.onnx.export(model.eval(), (example,), \"model.onnx\")`, and name that file",
};
const KERAS: Format = Format {
    what: "Keras or TensorFlow",
    note: "its layers are computed by TensorFlow alone",
    help: "write it as ONNX in Python, `model.export(\"model.onnx\", format=\"onnx\")` in Keras 3, or with tf2onnx, and name that file",
};
const PICKLE: Format = Format {
    what: "Python, such as scikit-learn's",
    note: "it is a pickle: reading it runs the code that it names",
    help: "write it as ONNX in Python, `skl2onnx.to_onnx(model, X[:1].astype(\"float32\"))`, and name that file; \
           or save what it answers, a table of `predict_proba`",
};

/// The error for a model file of another program, or for a part of a table of answers; `None` if it is not known to be one.
pub fn refused(path: &Path, start: &[u8]) -> Option<Diagnostic> {
    if is_table(path) || ending(path) == "npy" {
        return Some(table(path));
    }
    let Format { what, note, help } = format(path, start)?;
    Some(
        Diagnostic::new(Code::ModelFile, format!("this is a model of {what}"))
            .at(path.display())
            .note(*note)
            .help(*help),
    )
}

/// The error for a table where a model is to be.
pub(crate) fn table(path: &Path) -> Diagnostic {
    let end = match TableForm::of(path) {
        Some(TableForm::Csv) => "csv",
        Some(TableForm::JsonLines) => "jsonl",
        Some(TableForm::Parquet) => "parquet",
        None => "npy",
    };
    Diagnostic::new(Code::ModelFile, "this is a table, not a model")
        .at(path.display())
        .note("the answers of a teacher that was asked elsewhere are a folder: one table for the training examples, one for the others")
        .help(format!(
            "name a model; or, as a teacher, a folder with `train.{end}` and `test.{end}`, one row per example in the order of the data"
        ))
}

/// What the name of a file ends with, without capital letters.
fn ending(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn format(path: &Path, start: &[u8]) -> Option<&'static Format> {
    let end = ending(path);
    let has = |part: &[u8]| start.windows(part.len()).any(|bytes| bytes == part);
    let is_zip = start.starts_with(b"PK\x03\x04");
    // A pickle begins with the version of its format, and PyTorch's old form with a number of its own in one.
    let is_pickle = matches!(start, [0x80, 2..=5, ..]);
    match () {
        () if is_zip && (has(b"data.pkl") || has(b"/.format_version") || has(b"constants.pkl")) => Some(&PYTORCH),
        () if is_pickle && has(b"\x6c\xfc\x9c\x46\xf9\x20") => Some(&PYTORCH),
        () if start.starts_with(b"\x89HDF\r\n\x1a\n") || path.join("saved_model.pb").is_file() => Some(&KERAS),
        () if ["pt", "pth", "ckpt"].contains(&end.as_str()) => Some(&PYTORCH),
        () if ["h5", "hdf5", "keras"].contains(&end.as_str()) => Some(&KERAS),
        () if is_pickle || ["pkl", "pickle", "joblib"].contains(&end.as_str()) => Some(&PICKLE),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, start: &[u8]) -> &'static str {
        format(Path::new(name), start).map_or("none", |format| format.what.split([' ', ',']).next().unwrap())
    }

    #[test]
    fn one_table_is_not_all_answers_of_a_teacher() {
        let said = |name: &str| refused(Path::new(name), b"").map(|diagnostic| diagnostic.to_string());
        let csv = said("forest.CSV").unwrap();
        assert!(csv.contains("a folder with `train.csv` and `test.csv`"), "{csv}");
        assert!(said("logits.npy").is_some() && said("logits.npz").is_none());
    }

    #[test]
    fn files_are_told_by_what_is_in_them_and_else_by_their_names() {
        let torch = b"PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0model/data.pklFB";
        for name in ["model.pt", "model.bin", "model"] {
            assert_eq!(found(name, torch), "PyTorch");
        }
        assert_eq!(found("old", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."), "PyTorch");
        assert_eq!(found("model.PTH", b""), "PyTorch");
        assert_eq!(found("model", b"\x89HDF\r\n\x1a\n\0"), "Keras");
        assert_eq!(found("model.keras", b"PK\x03\x04metadata.json"), "Keras");
        assert_eq!(found("forest.pkl", b"\x80\x04\x95"), "Python");
        assert_eq!(found("forest", b"\x80\x05\x95"), "Python");
        assert_eq!(found("forest.joblib", b"\x78\x9c"), "Python");
        for (name, start) in
            [("a.safetensors", &b"\x80\0\0\0\0\0\0\0{"[..]), ("a.npz", b"PK\x03\x04train.npy"), ("a", b"")]
        {
            assert_eq!(found(name, start), "none");
        }
    }
}
