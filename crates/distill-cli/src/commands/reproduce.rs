use std::fs;
use std::path::Path;
use std::time::Instant;

use distill_train::Fingerprint;
use serde_json::json;

use crate::args::ReproduceArgs;
use crate::atomic;
use crate::code::Code;
use crate::commands::run::read_data;
use crate::diagnostic::Diagnostic;
use crate::model_file::sha256;
use crate::output::Output;
use crate::recipe_file::nearest;
use crate::reproduce::{Data, HINTON_2015, Lab, Machine, RECIPES, Row, Section, Stop, Store, Study, page, setup};
use crate::run::{Kind, RunDir, Signal, Signals, processor};
use crate::sweep::shell;

/// Names the directory of the study.
const NAME: &str = "hinton-2015";
const PAGE: &str = "mnist.md";

/// `distill reproduce hinton-2015 [ROW ...] [KEY=VALUE ...]`
pub(crate) fn reproduce(args: &ReproduceArgs, output: &Output) -> Result<u8, Diagnostic> {
    if args.list {
        return list(output).map(|()| 0);
    }
    let (overrides, names): (Vec<String>, Vec<String>) = args.rows.iter().cloned().partition(|word| word.contains('='));
    let rows = chosen(&names)?;
    // All recipes are read before hours are spent on the first.
    let base = setup("teacher", &overrides)?;
    for (recipe, _) in RECIPES {
        setup(recipe, &overrides)?;
    }
    let sets = read_data(&base.file, &base.recipe)?;
    let hash = |set: &dyn distill_datasets::Dataset| Fingerprint::of(set).map(|found| found.sha256());
    let sha256 = sha256(format!("{} {}", hash(&*sets.train)?, hash(&*sets.test)?).as_bytes());
    let data = Data { sets, sha256 };

    let dir = RunDir::study(&args.runs_dir, NAME)?;
    let about = format!("study = \"{NAME}\"\nversion = \"{}\"\n", env!("CARGO_PKG_VERSION"));
    dir.write(Kind::Study.status_file(), about.as_bytes())?;
    // A study is the same without its log.
    let _ = output.log_to(&dir.path().join("study.log"));
    let signals = Signals::catch().map_err(|error| Diagnostic::io("cannot catch signals", None, error))?;
    output.progress(&format!("study  {}", dir.path().display()));
    let mut study = Study { lab: Lab::new(Store::new(&dir), output, &signals, data), overrides: &overrides };
    for row in rows {
        match run_row(&mut study, row, &dir, args.write.as_deref(), output) {
            Ok(()) => {}
            Err(Stop::Error(diagnostic)) => {
                return Err(diagnostic.note(format!("what is finished is in {} and stays", dir.path().display())));
            }
            Err(Stop::Signal(signal)) => return interrupted(signal, args, output),
        }
    }
    output.event("reproduce_end", json!({ "study": dir.path().display().to_string(), "exit": 0 }))?;
    Ok(0)
}

fn interrupted(signal: Signal, args: &ReproduceArgs, output: &Output) -> Result<u8, Diagnostic> {
    let words = ["distill", "reproduce", NAME].into_iter().chain(args.rows.iter().map(String::as_str));
    output.progress(&format!("resume  {}", shell(words)));
    output.event("reproduce_end", json!({ "exit": signal.exit_code() }))?;
    Ok(signal.exit_code())
}

/// Runs one row, and writes it and the page with all rows that were ever run.
fn run_row(study: &mut Study<'_>, row: &Row, dir: &RunDir, write: Option<&Path>, output: &Output) -> Result<(), Stop> {
    let _span = tracing::info_span!("row", row = row.name).entered();
    let began = Instant::now();
    output.progress(&format!("\n{}: {}", row.name, row.about));
    study.lab.take_spent();
    let mut section = (row.run)(study)?;
    section.core_seconds = study.lab.take_spent();
    section.threads = rayon::current_num_threads();
    section.settings = study.overrides.to_vec();
    let json = serde_json::to_string_pretty(&section)
        .map_err(|error| Diagnostic::io("cannot write a row as JSON", None, error))?;
    dir.write(&format!("rows/{}.json", row.name), json.as_bytes())?;
    let sections = sections(dir)?;
    write_page(dir.path(), &sections)?;
    if let Some(folder) = write {
        fs::create_dir_all(folder)
            .map_err(|error| Diagnostic::io("cannot make the folder of the page", Some(folder), error))?;
        write_page(folder, &sections)?;
    }
    output.progress(&format!(
        "  done in {:.1} s, see {}",
        began.elapsed().as_secs_f64(),
        dir.path().join(PAGE).display()
    ));
    output.result(&text(&section))?;
    output.event("row_end", serde_json::to_value(&section).unwrap_or_default())?;
    Ok(())
}

/// The paper and ours, for a terminal.
fn text(section: &Section) -> String {
    let lines = section.compared.iter().map(|compared| {
        let goal = match &compared.goal {
            None => String::new(),
            Some((goal, true)) => format!("  ({goal}: reached)"),
            Some((goal, false)) => format!("  ({goal}: missed)"),
        };
        let paper = if compared.paper.is_empty() { "-" } else { &compared.paper };
        format!("{}\n    paper {paper}  ours {}{goal}", compared.what, compared.ours)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What was found so far, in the order of the page.
fn sections(dir: &RunDir) -> Result<Vec<Section>, Diagnostic> {
    let mut sections = vec![];
    for row in HINTON_2015 {
        let path = dir.path().join("rows").join(format!("{}.json", row.name));
        let unreadable = |note: String| {
            Diagnostic::new(Code::RunFile, "a row of the study cannot be read")
                .at(path.display())
                .note(note)
                .help("remove the file and run the row again; its models are kept")
        };
        match fs::read(&path) {
            Ok(bytes) => sections.push(serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(error.to_string())),
        }
    }
    Ok(sections)
}

fn write_page(folder: &Path, sections: &[Section]) -> Result<(), Diagnostic> {
    let path = folder.join(PAGE);
    let old = fs::read_to_string(&path).unwrap_or_default();
    let machine = Machine { processor: processor(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let charts = folder.join(PAGE.trim_end_matches(".md"));
    for chart in sections.iter().flat_map(|section| &section.charts) {
        fs::create_dir_all(&charts)
            .map_err(|error| Diagnostic::io("cannot make the folder of the charts", Some(&charts), error))?;
        atomic::write(&charts.join(&chart.file), chart.svg.as_bytes())?;
    }
    atomic::write(&path, page(sections, &machine, &old).as_bytes())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Row>, Diagnostic> {
    if names.is_empty() {
        return Ok(HINTON_2015.iter().collect());
    }
    let find = |name: &String| {
        HINTON_2015.iter().find(|row| row.name == name).ok_or_else(|| {
            let all = || HINTON_2015.iter().map(|row| row.name);
            let list = format!("rows: {}", all().collect::<Vec<_>>().join(", "));
            let help = match nearest(name, all()) {
                Some(meant) => format!("did you mean `{meant}`? {list}"),
                None => list,
            };
            Diagnostic::new(Code::Value, format!("the study has no row `{name}`"))
                .at(format!("command line: {name}"))
                .note("settings have a `=`, rows have none")
                .help(help)
        })
    };
    names.iter().map(find).collect()
}

fn list(output: &Output) -> Result<(), Diagnostic> {
    let width = HINTON_2015.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let lines = HINTON_2015.iter().map(|row| format!("{:width$}  {}", row.name, row.about));
    output.result(&lines.collect::<Vec<_>>().join("\n"))?;
    let rows: Vec<_> = HINTON_2015.iter().map(|row| json!({ "row": row.name, "about": row.about })).collect();
    output.event("rows", json!({ "rows": rows }))
}
