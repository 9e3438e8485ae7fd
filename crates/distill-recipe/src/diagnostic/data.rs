use std::io;

use distill_datasets::{DataError, is_table};

use super::Diagnostic;
use crate::code::Code;

impl From<DataError> for Diagnostic {
    fn from(error: DataError) -> Self {
        use DataError as E;
        let (code, help) = match &error {
            E::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
                (Code::DataRead, "name the folder that holds the training and the test files".into())
            }
            E::NoMemory { .. } => (Code::Limit, "close other programs, or raise what `ulimit -v` allows".into()),
            E::Io { .. } => (Code::DataRead, "check the path and its permissions".into()),
            E::MissingFile { .. } => {
                let help = "name a folder with four IDX files, or CIFAR's, x_train.npy, train.csv or train/CLASS and the like; or `mnist`";
                (Code::DataRead, help.into())
            }
            E::MissingFiles { url, .. } => (Code::DataRead, fetch(url)),
            E::OtherContents { .. } => {
                (Code::DataFile, "fetch the files again, or name a folder with your own images as `data.source`".into())
            }
            E::LabelOutOfRange { label, .. } => {
                (Code::Label, format!("list at least {} names in `data.classes`", label + 1))
            }
            E::NoExamples { .. } => (Code::DataFile, "name data with at least one example in each set".into()),
            E::BadClassList { .. } => (Code::ClassList, "write every class name once, one a line".into()),
            E::UnknownClass { .. } => (Code::Selection, "use the names of the data's classes".into()),
            E::EmptySelection { .. } | E::BadFraction { .. } | E::BadHoldOut { .. } | E::BadShift { .. } => {
                (Code::Selection, "change the selection in `[data]` so that examples are left".into())
            }
            E::CountMismatch { .. } | E::PixelCount { .. } => {
                (Code::Counts, "use an image file and a label file that belong together".into())
            }
            E::MemoryBound { path, .. } => {
                let mut parts = path.iter().flat_map(|path| path.ancestors());
                let is_read_whole =
                    parts.any(|part| is_table(part) || part.extension().is_some_and(|end| end == "npz"));
                let help = if is_read_whole {
                    "raise `data.memory`, which is three quarters of the free memory by default, or keep the data as .npy, which need not fit"
                } else {
                    "raise `data.memory`, or leave it out"
                };
                (Code::Limit, help.into())
            }
            E::Compressed { path, .. } => {
                let help = format!("unpack it, `gunzip {}`, raise `data.memory`, or leave it out", path.display());
                (Code::Limit, help)
            }
            E::Content { problem, .. } if problem.contains("`data.") => {
                (Code::DataFile, "set the key in the recipe, or on the command line behind it".into())
            }
            E::Content { .. } => {
                (Code::DataFile, "correct the file, and look at its folder again: `distill data FOLDER`".into())
            }
            E::UnknownColumn { .. } => (Code::Selection, "use the names of the table's columns".into()),
            E::UnlistedClass { .. } => {
                (Code::Label, "correct the label, or list all classes in `classes.txt`, one a line".into())
            }
            E::NonFinite { .. } => (Code::DataFile, "remove or replace NaN and infinite values in the file".into()),
            E::Changed { .. } => (Code::DataFile, "restore the file, then continue: `distill run --resume`".into()),
            _ => (Code::DataFile, "fetch the file again: it is damaged or something else".into()),
        };
        let looked_in = match &error {
            E::MissingFiles { dir, .. } => std::path::absolute(dir).ok(),
            _ => None,
        };
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let mut diagnostic = Self::new(code, error.to_string()).help(help);
        if let Some(path) = error.path() {
            let offset = error.offset().map(|offset| format!(" at byte {offset}")).unwrap_or_default();
            diagnostic = diagnostic.at(format!("{}{offset}", path.display()));
        }
        if let Some(folder) = looked_in {
            diagnostic = diagnostic.note(format!("the files were looked for in {}", folder.display()));
        }
        match source {
            Some(source) => diagnostic.note(source),
            None => diagnostic,
        }
    }
}

/// How to get the files of a published data set. Its archive unpacks to a folder with its name.
fn fetch(url: &str) -> String {
    let archive = url.rsplit('/').next().unwrap_or(url);
    format!(
        "fetch and unpack {url} here, `curl -LO {url} && tar xzf {archive}`, or name the folder that has them: \
         `data.source = \"cifar-10:FOLDER\"`"
    )
}
