//! Names of classes from a file, for `data.classes` and `teacher.onnx.classes`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use distill_onnx::parse_names;
use distill_train::{ClassNames, OnnxConfig};

use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// A list of names is no larger.
const MAX_BYTES: u64 = 1 << 17;

/// The names in place of the file that has them, so that whoever compares recipes compares the names. `order` says what
/// they are in the order of, for the error.
pub(crate) fn listed(names: ClassNames, order: &str) -> Result<ClassNames, Diagnostic> {
    let ClassNames::File(path) = names else { return Ok(names) };
    let refused = |what: String| {
        Diagnostic::new(Code::ClassList, what)
            .at(&path)
            .help(format!("name a text file with every class once, one a line, in the order of {order}"))
    };
    let mut text = String::new();
    File::open(Path::new(&path))
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| refused(format!("the names of the classes cannot be read: {error}")))?;
    let names = parse_names(&text);
    if text.len() as u64 > MAX_BYTES || names.len() < 2 {
        return Err(refused("the file is not a list of two or more classes".to_owned()));
    }
    Ok(ClassNames::List(names))
}

/// Settings of an ONNX file with the names of the classes in place of the file that has them.
pub(crate) fn of_outputs(mut config: OnnxConfig) -> Result<OnnxConfig, Diagnostic> {
    config.classes = config.classes.map(|names| listed(names, "the output")).transpose()?;
    Ok(config)
}
