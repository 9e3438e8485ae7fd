use std::fs;
use std::path::Path;

use distill_export::{ExportCheck, ExportError, OPSET, OnnxExport, OnnxExportOptions, compare, from_npz, to_npz};
use distill_models::{Model as _, from_safetensors, to_safetensors};
use distill_train::{Disk, Storage as _};
use serde_json::json;

use crate::args::{ExportArgs, Format, Target};
use crate::output::Output;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::atomic;
use distill_recipe::model_file::{self, LoadedModel, sha256};
use distill_recipe::words::{size, thousands};

/// `distill export MODEL --to FILE.onnx`: writes a model for other programs, and answers with what it wrote.
pub(crate) fn export(args: &ExportArgs, output: &Output) -> Result<(), Diagnostic> {
    let Target { path, format } = &args.to;
    if !args.force {
        refuse_to_replace(path)?;
    }
    let options =
        OnnxExportOptions { flat: args.flat, probabilities: args.probabilities, keep_batch_norm: args.keep_batch_norm };
    if *format != Format::Onnx && options != OnnxExportOptions::default() {
        let what = format!(
            "`--flat`, `--probabilities` and `--keep-batch-norm` change nothing in files that end with .{}",
            format.name()
        );
        output.warning(
            &what,
            "they are about the graph of ONNX",
            "leave them out, or write a file that ends with .onnx",
        )?;
    }
    let loaded = model_file::load(&args.model)?;
    let failed = |error| diagnostic(error, path);
    let bytes = encode(&loaded, *format, options).map_err(failed)?;
    // What would not answer as the model does gets no name.
    let (exported, compared) = check(&loaded, &bytes, *format).map_err(failed)?;
    atomic::write(path, &bytes)
        .map_err(|error| error.better_help("check the folder, its permissions and the free space"))?;
    let found = Disk
        .read(path, bytes.len() as u64)
        .map_err(|error| Diagnostic::io("cannot read what was written", Some(path), error))?;
    if found != bytes {
        return Err(Diagnostic::new(Code::Io, "the file differs from the bytes that were written")
            .at(path.display())
            .help("look after the disk, then export it again with `--force`"));
    }
    report(args, &loaded, &bytes, &exported, compared, output)
}

fn report(
    args: &ExportArgs,
    loaded: &LoadedModel,
    bytes: &[u8],
    exported: &OnnxExport,
    compared: ExportCheck,
    output: &Output,
) -> Result<(), Diagnostic> {
    let (spec, format) = (loaded.model.spec(), args.to.format);
    let path = args.to.path.display();
    let n_bytes = size(bytes.len() as u64);
    let mut text = format!("model     {}\n", args.model.display());
    text += &format!("          {}, {} parameters\n", spec.architecture, thousands(spec.parameters as u64));
    let mut facts = json!({
        "model": args.model.display().to_string(),
        "model_sha256": loaded.sha256,
        "path": path.to_string(),
        "format": format.name(),
        "bytes": bytes.len(),
        "sha256": sha256(bytes),
        "inputs_compared": compared.n_inputs,
        "largest_difference": compared.largest_difference,
    });
    if format == Format::Onnx {
        let ports = exported.ports();
        text += &format!("onnx      opset {OPSET}, batch of any size\n");
        for (label, ports) in ["input", "output"].into_iter().zip(&ports) {
            for (name, dims) in ports {
                let sides: String = dims.iter().map(|side| format!(", {side}")).collect();
                text += &format!("{label:<9} {name}, f32 [batch{sides}]\n");
            }
        }
        facts["opset"] = json!(OPSET);
        facts["inputs"] = json!(ports[0]);
        facts["outputs"] = json!(ports[1]);
    }
    text +=
        &format!("compared  {} inputs, largest difference {:.1e}\n", compared.n_inputs, compared.largest_difference);
    text += &format!("wrote     {path}, {n_bytes}");
    output.result(&text)?;
    output.event("export", facts)
}

fn refuse_to_replace(path: &Path) -> Result<(), Diagnostic> {
    // An error here is met again, and explained, when the file is written.
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    Err(Diagnostic::new(Code::Exists, "the file already exists")
        .at(path.display())
        .note("it was not changed")
        .help("choose another name, or replace it with `--force`"))
}

fn encode(loaded: &LoadedModel, format: Format, options: OnnxExportOptions) -> Result<Vec<u8>, ExportError> {
    let LoadedModel { model, provenance, .. } = loaded;
    match format {
        Format::Onnx => OnnxExport::new(model, provenance, options)?.to_bytes(),
        Format::Npz => to_npz(model, provenance),
        Format::Safetensors => Ok(to_safetensors(model, provenance)?),
    }
}

/// Reads the bytes as a stranger would, and compares the answers. Whatever the format, the graph of ONNX gives them.
fn check(loaded: &LoadedModel, bytes: &[u8], format: Format) -> Result<(OnnxExport, ExportCheck), ExportError> {
    let graph = |(model, provenance)| OnnxExport::new(&model, &provenance, OnnxExportOptions::default());
    let exported = match format {
        Format::Onnx => OnnxExport::from_bytes(bytes)?,
        Format::Npz => graph(from_npz(bytes)?)?,
        Format::Safetensors => graph(from_safetensors(bytes)?)?,
    };
    let compared = compare(&loaded.model, &exported)?;
    Ok((exported, compared))
}

fn diagnostic(error: ExportError, path: &Path) -> Diagnostic {
    use ExportError as E;
    let what = error.to_string();
    let diagnostic = match error {
        E::TooLarge { .. } => {
            Diagnostic::new(Code::Limit, what).help("export it to safetensors, which has no such limit")
        }
        E::Embedding { .. } => {
            Diagnostic::new(Code::Limit, what).help("use its weights file as it is: it is safetensors")
        }
        E::Probabilities { .. } => Diagnostic::new(Code::Value, what).help("leave `--probabilities` out"),
        E::Flat { .. } => Diagnostic::new(Code::Limit, what).help("leave `--flat` out"),
        E::TooLong { .. } => Diagnostic::new(Code::Limit, what)
            .help("call `OnnxExport::new` of the crate distill-export, which compares nothing"),
        E::NonFinite { .. } => Diagnostic::new(Code::ModelFile, what)
            .note("the weights are finite, but so large that sums of them are not")
            .help("train it again, with a lower learning rate or `clip_grad_norm = 1.0`"),
        E::ClassName { .. } => Diagnostic::new(Code::ClassList, what)
            .note("NumPy cuts characters with the number 0 at the end of a name")
            .help("export it to ONNX or safetensors"),
        E::Model(error) => error.into(),
        _ => Diagnostic::new(Code::Bug, what)
            .note("no file was written")
            .help("report it, with the output of `distill env`"),
    };
    diagnostic.at(path.display())
}
