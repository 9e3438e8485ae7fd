use std::fs;
use std::path::{Path, PathBuf};

use distill_chart::png_of_svg;
use distill_recipe::{Code, Diagnostic, atomic};

use crate::page::{BEGIN, END, kept, page};
use crate::plan::Plan;
use crate::section::Section;

/// Why a page that cannot be understood is left as it is.
const KEPT: &str = "the page is written again, and what people wrote on it is kept; nothing was overwritten";

/// A page of results in a folder. The rows it shows are kept beside its charts, so those that were run elsewhere stay.
pub struct Folder<'a> {
    /// The study.
    pub plan: &'static Plan,
    /// The folder.
    pub folder: &'a Path,
}

impl Folder<'_> {
    /// Where charts and rows are.
    pub fn parts(&self) -> PathBuf {
        self.folder.join(self.plan.page)
    }

    pub(crate) fn row(&self, name: &str) -> PathBuf {
        self.parts().join("rows").join(format!("{name}.json"))
    }

    pub(crate) fn keep(&self, section: &Section) -> Result<(), Diagnostic> {
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
    pub(crate) fn outcomes(&self, name: &str) -> PathBuf {
        self.parts().join("rows").join(format!("{name}.answers.json"))
    }

    /// What was found so far, in the order of the page.
    ///
    /// # Errors
    /// [`Code::RunFile`] if a file of a row is damaged; its models are kept all the same.
    pub fn sections(&self) -> Result<Vec<Section>, Diagnostic> {
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

    /// The page, in Markdown.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.md", self.plan.page))
    }

    /// What people wrote on the page, if it is there.
    pub(crate) fn kept(&self) -> Result<String, Diagnostic> {
        let path = self.path();
        let old = match fs::read_to_string(&path) {
            Ok(old) => old,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => {
                let diagnostic = Diagnostic::io("cannot read the page of results", Some(&path), error);
                return Err(diagnostic.note(KEPT).help("check its permissions, or move it elsewhere"));
            }
        };
        kept(&old).ok_or_else(|| {
            Diagnostic::new(Code::RunFile, "the page of results lacks the two marks around the text to keep")
                .at(path.display())
                .note(KEPT)
                .help(format!("put `{BEGIN}` before the text written by hand and `{END}` after it, once each"))
        })
    }

    /// Writes charts, each as SVG and as PNG, and page anew, from all rows that are there.
    ///
    /// # Errors
    /// If a row cannot be read, the marks around what people wrote are gone, or a file cannot be written.
    pub fn write(&self) -> Result<(), Diagnostic> {
        let (sections, kept) = (self.sections()?, self.kept()?);
        for chart in sections.iter().flat_map(|section| &section.charts) {
            let path = self.parts().join(&chart.file);
            atomic::write(&path, chart.svg.as_bytes())?;
            if let Some(png) = png_of_svg(&chart.svg) {
                atomic::write(&path.with_extension("png"), &png)?;
            }
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
