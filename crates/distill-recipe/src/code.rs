use std::cmp::Reverse;

/// What kind of error it is. Codes stay the same from release to release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A recipe has a key that does not exist.
    UnknownKey,
    /// A recipe is not TOML.
    Syntax,
    /// A key of a recipe is missing, or its value has the wrong type.
    Shape,
    /// A value of a recipe has no meaning.
    Value,
    /// A setting on the command line cannot be read.
    Override,
    /// Data is not where it should be.
    DataRead,
    /// Two files of a dataset do not belong together.
    Counts,
    /// The names of the classes cannot be used.
    ClassList,
    /// A label names no class, or is missing.
    Label,
    /// A selection of the data leaves nothing, or names what is not there.
    Selection,
    /// A row that was given to be predicted cannot be used.
    PredictInput,
    /// Model and data differ in the number of classes.
    ClassCount,
    /// Model and data list the same classes in another order.
    ClassOrder,
    /// Model and data name different classes.
    ClassNames,
    /// A model takes other inputs than the data has.
    InputShape,
    /// The teacher scores below the bound of the recipe.
    TeacherAccuracy,
    /// Cached soft targets belong to something else.
    SoftTargets,
    /// A run was begun with another recipe, other data or another teacher.
    RecipeChanged,
    /// A data file is damaged.
    DataFile,
    /// A model file cannot be used.
    ModelFile,
    /// No checkpoint of a run can be used.
    Checkpoint,
    /// A file of soft targets is damaged.
    SoftTargetFile,
    /// A file of a run directory cannot be read.
    RunFile,
    /// The operating system refused to read or write.
    Io,
    /// Another process writes the run.
    Locked,
    /// There is nothing to resume.
    NotResumable,
    /// A file already exists and is not overwritten.
    Exists,
    /// Nobody agreed to a removal.
    NotConfirmed,
    /// A loss or gradient became NaN or infinite.
    NonFinite,
    /// A bound that was asked for was missed.
    Gate,
    /// More memory or disk would be needed than is allowed or there.
    Limit,
    /// The processor lacks instructions that the recipe asks for.
    Processor,
    /// A bug of this program. It stays the last: the length of the registry comes from it.
    Bug,
}

/// What is known of a code.
#[derive(Debug)]
pub struct Entry {
    /// What the rest is about.
    pub code: Code,
    /// The code as it is printed.
    pub name: &'static str,
    /// The exit code of the program.
    pub exit: u8,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What it means, usual causes, what to do and an example, as Markdown that reads well as it is.
    pub explanation: &'static str,
}

const N_CODES: usize = Code::Bug as usize + 1;

/// All codes, in the order of [`Code`], which is that of their names.
pub static REGISTRY: [Entry; N_CODES] = {
    use Code as C;
    [
        entry(C::UnknownKey, "E0101", 3, "a recipe has an unknown key", include_str!("code/E0101.md")),
        entry(C::Syntax, "E0102", 3, "a recipe is not TOML", include_str!("code/E0102.md")),
        entry(C::Shape, "E0103", 3, "a key is missing or has the wrong type", include_str!("code/E0103.md")),
        entry(C::Value, "E0104", 3, "a setting has no meaning", include_str!("code/E0104.md")),
        entry(C::Override, "E0105", 3, "a `KEY=VALUE` cannot be read", include_str!("code/E0105.md")),
        entry(C::DataRead, "E0201", 4, "data cannot be found or read", include_str!("code/E0201.md")),
        entry(C::Counts, "E0202", 4, "two data files do not belong together", include_str!("code/E0202.md")),
        entry(C::ClassList, "E0203", 4, "the list of classes cannot be used", include_str!("code/E0203.md")),
        entry(C::Label, "E0204", 4, "a label is missing or names no class", include_str!("code/E0204.md")),
        entry(C::Selection, "E0205", 4, "a selection of the data does not work", include_str!("code/E0205.md")),
        entry(C::PredictInput, "E0206", 4, "a row to predict cannot be used", include_str!("code/E0206.md")),
        entry(
            C::ClassCount,
            "E0301",
            5,
            "model and data differ in the number of classes",
            include_str!("code/E0301.md"),
        ),
        entry(
            C::ClassOrder,
            "E0302",
            5,
            "model and data order their classes differently",
            include_str!("code/E0302.md"),
        ),
        entry(C::ClassNames, "E0303", 5, "model and data name different classes", include_str!("code/E0303.md")),
        entry(C::InputShape, "E0304", 5, "a model takes other inputs than the data has", include_str!("code/E0304.md")),
        entry(C::TeacherAccuracy, "E0305", 5, "the teacher is worse than is allowed", include_str!("code/E0305.md")),
        entry(C::SoftTargets, "E0306", 5, "cached soft targets do not fit", include_str!("code/E0306.md")),
        entry(C::RecipeChanged, "E0307", 5, "recipe, data or teacher have changed", include_str!("code/E0307.md")),
        entry(C::DataFile, "E0401", 4, "a data file is damaged", include_str!("code/E0401.md")),
        entry(C::ModelFile, "E0402", 5, "a model file cannot be used", include_str!("code/E0402.md")),
        entry(C::Checkpoint, "E0403", 5, "no checkpoint of the run can be used", include_str!("code/E0403.md")),
        entry(C::SoftTargetFile, "E0404", 5, "a file of soft targets is damaged", include_str!("code/E0404.md")),
        entry(C::RunFile, "E0405", 5, "a file of a run directory cannot be read", include_str!("code/E0405.md")),
        entry(C::Io, "E0501", 7, "the system refused to read or write", include_str!("code/E0501.md")),
        entry(C::Locked, "E0502", 7, "another process writes this run", include_str!("code/E0502.md")),
        entry(C::NotResumable, "E0503", 7, "there is nothing to resume", include_str!("code/E0503.md")),
        entry(C::Exists, "E0504", 7, "a file already exists", include_str!("code/E0504.md")),
        entry(C::NotConfirmed, "E0505", 7, "a removal was not confirmed", include_str!("code/E0505.md")),
        entry(C::NonFinite, "E0601", 6, "a loss, gradient or answer is not a number", include_str!("code/E0601.md")),
        entry(C::Gate, "E0701", 1, "a bound that was asked for was missed", include_str!("code/E0701.md")),
        entry(C::Limit, "E0801", 8, "it would take too much memory or disk", include_str!("code/E0801.md")),
        entry(C::Processor, "E0802", 8, "the processor lacks an instruction set", include_str!("code/E0802.md")),
        entry(C::Bug, "E0901", 70, "a bug in distill", include_str!("code/E0901.md")),
    ]
};

const fn entry(code: Code, name: &'static str, exit: u8, title: &'static str, explanation: &'static str) -> Entry {
    Entry { code, name, exit, title, explanation }
}

impl Code {
    /// Its name, exit code and explanation.
    pub fn entry(self) -> &'static Entry {
        // The registry is as long as the enum and a test keeps its order.
        &REGISTRY[self as usize]
    }

    /// The code as it is printed.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
}

/// The exit code of the program for an error.
pub fn exit_code(code: Code) -> u8 {
    code.entry().exit
}

/// The code that a person typed, such as `E0104`, `e0104` or `0104`.
///
/// # Errors
/// If there is none: the name of the one that looks most like it.
pub fn find(typed: &str) -> Result<Code, &'static str> {
    let name = typed.trim().to_uppercase();
    let digits = name.trim_start_matches('E');
    // `305` is meant as E0305.
    let name = if digits.len() == 3 { format!("E0{digits}") } else { format!("E{digits}") };
    let alike = |entry: &&Entry| {
        let same_start = name.chars().zip(entry.name.chars()).take_while(|(a, b)| a == b).count();
        (strsim::damerau_levenshtein(&name, entry.name), Reverse(same_start))
    };
    match REGISTRY.iter().min_by_key(alike) {
        Some(entry) if entry.name == name => Ok(entry.code),
        nearest => Err(nearest.map_or("", |entry| entry.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_its_place_and_explained() {
        for (at, entry) in REGISTRY.iter().enumerate() {
            assert_eq!(entry.code as usize, at, "{}", entry.name);
            let n_lines = entry.explanation.lines().count();
            assert!((4..=12).contains(&n_lines), "{}: {n_lines} lines", entry.name);
            let example = entry.explanation.lines().filter(|line| line.starts_with("    ")).count();
            assert!(example > 0, "{} has no example", entry.name);
            assert!(entry.explanation.lines().all(|line| line.chars().count() <= 80), "{}", entry.name);
            assert!(entry.explanation.ends_with('\n') && !entry.title.is_empty(), "{}", entry.name);
        }
        assert!(REGISTRY.is_sorted_by(|a, b| a.name < b.name), "names are unique and sorted");
    }

    #[test]
    fn typed_codes_are_found() {
        for typed in ["E0104", "e0104", "0104", " e0104 "] {
            assert_eq!(find(typed), Ok(Code::Value), "{typed}");
        }
        for (typed, nearest) in [("E014", "E0104"), ("E1004", "E0104"), ("0902", "E0901"), ("E02031", "E0203")] {
            assert_eq!(find(typed), Err(nearest), "{typed}");
        }
    }
}
