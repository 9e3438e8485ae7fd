use super::numbers::seconds;
use distill_lab::view::data::{Report, RunFacts};
use distill_recipe::words::thousands;

/// Names with what they are, not yet escaped.
pub(crate) type Facts = Vec<(&'static str, String)>;

/// Method and data.
pub(super) fn setting(report: &Report) -> Facts {
    let (data, kd) = (&report.data, &report.kd);
    let shape: Vec<String> = data.input_shape.iter().map(usize::to_string).collect();
    let [train, validation, transfer, test] =
        [data.train, data.validation, data.transfer, data.test].map(|n| thousands(n as u64));
    let labelled = data.labelled.map_or(String::new(), |n| format!(" ({} with labels)", thousands(n as u64)));
    let examples = format!("{train} train, {validation} validation, {transfer} transfer{labelled}, {test} test");
    vec![
        ("method", format!("{}, alpha = {}", kd.method, kd.alpha)),
        ("data", data.source.clone()),
        ("examples", examples),
        ("input", if shape.is_empty() { "-".to_owned() } else { shape.join(" × ") }),
        (if data.are_numbers { "predicted" } else { "classes" }, class_list(&data.classes)),
    ]
}

/// When, where and with what a run was made.
pub(super) fn run(run: &RunFacts) -> Facts {
    vec![
        ("run", run.path.clone()),
        ("status", run.status.clone()),
        ("started", run.started.clone()),
        ("took", seconds(run.seconds)),
        ("program", run.program.clone()),
        ("processor", run.processor.clone()),
        ("threads", run.threads.to_string()),
    ]
}

/// How many classes there are, and the first of them.
fn class_list(classes: &[String]) -> String {
    const N_SHOWN: usize = 12;
    if classes.is_empty() {
        return "-".to_owned();
    }
    let more = if classes.len() > N_SHOWN { ", …" } else { "" };
    format!("{}: {}{more}", thousands(classes.len() as u64), classes[..classes.len().min(N_SHOWN)].join(", "))
}
