use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::args::ReproduceArgs;
use crate::atomic;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::output::Output;
use crate::recipe_file::nearest;
use crate::reproduce::{BEGIN, Data, END, Lab, Plan, Reached, Row, Section, Stop, Store, Study, kept, page, setup};
use crate::run::{Kind, RunDir, Signal, Signals, processor};
use crate::sweep::shell;

/// Why a page that cannot be understood is left as it is.
const KEPT: &str = "the page is written again, and what people wrote on it is kept; nothing was overwritten";

/// `distill reproduce STUDY [ROW ...] [KEY=VALUE ...]`
pub(crate) fn reproduce(args: &ReproduceArgs, output: &Output) -> Result<u8, Diagnostic> {
    let plan = args.study.plan();
    if args.list {
        return list(plan, output).map(|()| 0);
    }
    let (overrides, names): (Vec<String>, Vec<String>) = args.rows.iter().cloned().partition(|word| word.contains('='));
    let rows = chosen(plan, &names)?;
    if let (true, Some(folder)) = (args.pages, &args.write) {
        let page = Page { plan, folder };
        if page.sections()?.is_empty() {
            return Err(Diagnostic::new(Code::RunFile, "no row of the study is there to make a page of")
                .at(page.parts().join("rows").display())
                .note("a page is made from the files that each row leaves there")
                .help("name the folder that rows were written into, or leave `--pages` out to run them"));
        }
        page.write()?;
        output.progress(&format!("page  {}", page.path().display()));
        return Ok(0);
    }
    // All recipes are read before hours are spent on the first.
    let setups = plan.recipes.iter().map(|(recipe, _)| setup(plan, recipe, &overrides));
    let setups = setups.collect::<Result<Vec<_>, _>>()?;
    let Some(base) = setups.first() else { return Ok(0) };
    let data = Data::read(base)?;

    let dir = RunDir::study(&args.runs_dir, plan.name)?;
    // What people wrote must be there when hours are over.
    for folder in [Some(dir.path()), args.write.as_deref()].into_iter().flatten() {
        Page { plan, folder }.kept()?;
    }
    let about = format!("study = \"{}\"\nversion = \"{}\"\n", plan.name, env!("CARGO_PKG_VERSION"));
    dir.write(Kind::Study.status_file(), about.as_bytes())?;
    // A study is the same without its log.
    let _ = output.log_to(&dir.path().join("study.log"));
    let signals = Signals::catch().map_err(|error| Diagnostic::io("cannot catch signals", None, error))?;
    output.progress(&format!("study  {}", dir.path().display()));
    let lab = Lab::new(plan.name, Store::new(&dir), output, &signals, data);
    let mut study = Study { plan, lab, overrides: &overrides };
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
    let words =
        ["distill", "reproduce", args.study.plan().name].into_iter().chain(args.rows.iter().map(String::as_str));
    output.progress(&format!("resume  {}", shell(words)));
    output.event("reproduce_end", json!({ "exit": signal.exit_code() }))?;
    Ok(signal.exit_code())
}

/// Runs one row, and writes it and the pages with all rows that were ever run.
fn run_row(study: &mut Study<'_>, row: &Row, dir: &RunDir, write: Option<&Path>, output: &Output) -> Result<(), Stop> {
    let _span = tracing::info_span!("row", row = row.name).entered();
    let began = Instant::now();
    output.progress(&format!("\n{}: {}", row.name, row.about));
    study.lab.take_spent();
    study.lab.take_trainings();
    let mut section = (row.run)(study)?;
    section.core_seconds = study.lab.take_spent();
    section.threads = rayon::current_num_threads();
    section.machine = format!("{}, {} threads, distill {}", processor(), section.threads, env!("CARGO_PKG_VERSION"));
    section.settings = study.overrides.to_vec();
    section.trainings = study.lab.take_trainings();
    section.measure()?;
    let own = Page { plan: study.plan, folder: dir.path() };
    own.keep(&section)?;
    own.write()?;
    if let Some(folder) = write {
        let page = Page { plan: study.plan, folder };
        for section in own.sections()? {
            page.keep(&section)?;
        }
        page.write()?;
    }
    output.progress(&format!(
        "  done in {:.1} s, see {}.md",
        began.elapsed().as_secs_f64(),
        dir.path().join(study.plan.page).display()
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
            Some(goal) => {
                let word = match goal.reached {
                    Reached::Yes => "reached",
                    Reached::No => "missed",
                    Reached::NotShown => "not shown",
                };
                format!("  ({}: {word})", goal.text)
            }
        };
        let paper = if compared.paper.is_empty() { "-" } else { &compared.paper };
        format!("{}\n    paper {paper}  ours {}{goal}", compared.what, compared.ours)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A page of results in a folder. The rows it shows are kept beside its charts, so those that were run elsewhere stay.
struct Page<'a> {
    plan: &'static Plan,
    folder: &'a Path,
}

impl Page<'_> {
    /// Where charts and rows are.
    fn parts(&self) -> PathBuf {
        self.folder.join(self.plan.page)
    }

    fn row(&self, name: &str) -> PathBuf {
        self.parts().join("rows").join(format!("{name}.json"))
    }

    fn keep(&self, section: &Section) -> Result<(), Diagnostic> {
        let path = self.row(&section.row);
        let folder = self.parts().join("rows");
        fs::create_dir_all(&folder)
            .map_err(|error| Diagnostic::io("cannot make the folder of the rows", Some(&folder), error))?;
        let json = serde_json::to_string_pretty(section)
            .map_err(|error| Diagnostic::io("cannot write a row as JSON", None, error))?;
        // The row last: where it is, what its models answer is there, too.
        let outcomes = self.outcomes(&section.row);
        if section.outcomes.models.is_empty() {
            match fs::remove_file(&outcomes) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Diagnostic::io("cannot remove the answers of other models", Some(&outcomes), error));
                }
                _ => {}
            }
        } else {
            let json = serde_json::to_string(&section.outcomes)
                .map_err(|error| Diagnostic::io("cannot write answers of a row as JSON", None, error))?;
            atomic::write(&outcomes, format!("{json}\n").as_bytes())?;
        }
        atomic::write(&path, format!("{json}\n").as_bytes())
    }

    /// What the models of a row answer to each test example.
    fn outcomes(&self, name: &str) -> PathBuf {
        self.parts().join("rows").join(format!("{name}.answers.json"))
    }

    /// What was found so far, in the order of the page.
    fn sections(&self) -> Result<Vec<Section>, Diagnostic> {
        let mut sections = vec![];
        for row in self.plan.rows {
            let Some(mut section) = read_json::<Section>(&self.row(row.name))? else { continue };
            if let Some(outcomes) = read_json(&self.outcomes(row.name))? {
                section.outcomes = outcomes;
                section.measure()?;
            }
            sections.push(section);
        }
        Ok(sections)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.md", self.plan.page))
    }

    /// What people wrote on the page, if it is there.
    fn kept(&self) -> Result<String, Diagnostic> {
        let path = self.path();
        let old = match fs::read_to_string(&path) {
            Ok(old) => old,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => {
                let diagnostic = Diagnostic::io("cannot read the page of results", Some(&path), error);
                return Err(diagnostic.note(KEPT).help("check who may read it, or move it elsewhere"));
            }
        };
        kept(&old).ok_or_else(|| {
            Diagnostic::new(Code::RunFile, "the page of results does not have the two marks around what is kept")
                .at(path.display())
                .note(KEPT)
                .help(format!("put `{BEGIN}` before what is written by hand and `{END}` after it, once each"))
        })
    }

    fn write(&self) -> Result<(), Diagnostic> {
        let (sections, kept) = (self.sections()?, self.kept()?);
        for chart in sections.iter().flat_map(|section| &section.charts) {
            atomic::write(&self.parts().join(&chart.file), chart.svg.as_bytes())?;
        }
        atomic::write(&self.path(), page(self.plan, &sections, &kept).as_bytes())
    }
}

/// A file of a row, if it is there.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, Diagnostic> {
    let unreadable = |note: String| {
        Diagnostic::new(Code::RunFile, "a row of the study cannot be read")
            .at(path.display())
            .note(note)
            .help("remove the file and run the row again; its models are kept")
    };
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

fn chosen(plan: &'static Plan, names: &[String]) -> Result<Vec<&'static Row>, Diagnostic> {
    if names.is_empty() {
        return Ok(plan.rows.iter().collect());
    }
    let find = |name: &String| {
        plan.rows.iter().find(|row| row.name == name).ok_or_else(|| {
            let all = || plan.rows.iter().map(|row| row.name);
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

fn list(plan: &Plan, output: &Output) -> Result<(), Diagnostic> {
    let width = plan.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let lines = plan.rows.iter().map(|row| format!("{:width$}  {}", row.name, row.about));
    output.result(&lines.collect::<Vec<_>>().join("\n"))?;
    let rows: Vec<_> = plan.rows.iter().map(|row| json!({ "row": row.name, "about": row.about })).collect();
    output.event("rows", json!({ "rows": rows }))
}
