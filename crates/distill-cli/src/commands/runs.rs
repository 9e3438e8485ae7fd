use std::cmp::Ordering;

use crate::args::RunsArgs;
use crate::output::Output;
use distill_lab::runs::{Column, Entry, by_setting, differing, entries, table};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::recipe_file::nearest;
use distill_recipe::renamed::present_path;

/// What runs are sorted or filtered by.
enum Key {
    Column(Column),
    Setting(String),
}

impl Key {
    /// A column, or a setting that one of the runs has.
    fn find(name: &str, entries: &[Entry], place: &str) -> Result<Self, Diagnostic> {
        if let Some(column) = Column::ALL.into_iter().find(|column| column.name() == name) {
            return Ok(Self::Column(column));
        }
        let path = present_path(name);
        if entries.iter().any(|entry| entry.settings.contains_key(&path)) {
            return Ok(Self::Setting(path));
        }
        let columns = Column::ALL.map(Column::name);
        let settings = entries.iter().flat_map(|entry| entry.settings.keys().map(String::as_str));
        let list = format!("columns: {}; any other key is one of a recipe", columns.join(", "));
        let help = match nearest(name, columns.into_iter().chain(settings)) {
            Some(near) => format!("did you mean `{near}`? {list}"),
            None => list,
        };
        Err(Diagnostic::new(Code::UnknownKey, format!("no run has `{name}`"))
            .at(format!("command line: {place}"))
            .help(help))
    }

    fn text(&self, entry: &Entry) -> Option<String> {
        match self {
            Self::Column(column) => Some(column.text(entry)),
            Self::Setting(key) => entry.settings.get(key).cloned(),
        }
    }

    fn compare(&self, a: &Entry, b: &Entry) -> Ordering {
        match self {
            Self::Column(column) => column.compare(a, b),
            Self::Setting(key) => by_setting(a.settings.get(key), b.settings.get(key)),
        }
    }

    /// Whether a run has no value to be sorted by.
    fn is_missing(&self, entry: &Entry) -> bool {
        self.text(entry).is_none_or(|text| text == "-")
    }
}

/// `distill runs [KEY=VALUE ...]`: the runs of a folder, how they differ and what they found.
pub(crate) fn runs(args: &RunsArgs, output: &Output) -> Result<u8, Diagnostic> {
    let all = entries(&args.runs_dir)?;
    if all.is_empty() {
        output.progress(&format!("there are no runs in {}", args.runs_dir.display()));
        return Ok(0);
    }
    let mut shown: Vec<&Entry> = all.iter().collect();
    for filter in &args.filters {
        let (name, value) = filter.split_once('=').ok_or_else(|| {
            Diagnostic::new(Code::Override, "a filter needs a `=`, without spaces around it")
                .at(format!("command line: {filter}"))
                .help("write filters as `status=completed` or `kd.temperature=4`")
        })?;
        let key = Key::find(name, &all, filter)?;
        shown.retain(|entry| key.text(entry).is_some_and(|text| is_same(&text, value)));
    }
    if let Some(name) = &args.sort {
        let key = Key::find(name, &all, &format!("--sort {name}"))?;
        shown.sort_by(|a, b| {
            let missing = key.is_missing(a).cmp(&key.is_missing(b));
            let order = key.compare(a, b);
            missing.then(if args.reverse { order.reverse() } else { order })
        });
    } else if args.reverse {
        shown.reverse();
    }
    let settings: Vec<_> = shown.iter().map(|entry| &entry.settings).collect();
    let keys = differing(&settings);
    for entry in &shown {
        output.event("run", entry.event(&keys))?;
    }
    if shown.is_empty() {
        output.progress(&format!("none of the {} runs matches", all.len()));
        return Ok(0);
    }
    output.document(&table(&shown, output.width()))?;
    Ok(0)
}

/// Whether a value is the one that was asked for: 4 is 4.0.
fn is_same(text: &str, value: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    text == value || number(text).is_some_and(|found| number(value) == Some(found))
}
