/// What kind of error it is. Codes stay the same from release to release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
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
    /// Model and data differ in the number of classes.
    ClassCount,
    /// Model and data list the same classes in another order.
    ClassOrder,
    /// Model and data name different classes.
    ClassNames,
    /// A model takes other inputs than the data has.
    InputShape,
    /// A teacher knows too little to teach.
    TeacherAccuracy,
    /// Cached soft targets belong to something else.
    SoftTargets,
    /// A checkpoint was made with another recipe.
    RecipeChanged,
    /// A data file is damaged.
    DataFile,
    /// A model file cannot be used.
    ModelFile,
    /// A checkpoint cannot be used.
    Checkpoint,
    /// A file of soft targets is damaged.
    SoftTargetFile,
    /// A file of a run directory cannot be read.
    RunFile,
    /// The operating system refused to read or write.
    Io,
    /// Another process writes to a run.
    Locked,
    /// There is no such run.
    NotResumable,
    /// A file is there already.
    Exists,
    /// A loss or gradient became NaN or infinite.
    NonFinite,
    /// A stated bound was missed.
    Gate,
    /// An estimate is above what the machine has.
    Limit,
    /// A bug of this program.
    Bug,
}

impl Code {
    /// The code as it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UnknownKey => "E0101",
            Self::Syntax => "E0102",
            Self::Shape => "E0103",
            Self::Value => "E0104",
            Self::Override => "E0105",
            Self::DataRead => "E0201",
            Self::Counts => "E0202",
            Self::ClassList => "E0203",
            Self::Label => "E0204",
            Self::Selection => "E0205",
            Self::ClassCount => "E0301",
            Self::ClassOrder => "E0302",
            Self::ClassNames => "E0303",
            Self::InputShape => "E0304",
            Self::TeacherAccuracy => "E0305",
            Self::SoftTargets => "E0306",
            Self::RecipeChanged => "E0307",
            Self::DataFile => "E0401",
            Self::ModelFile => "E0402",
            Self::Checkpoint => "E0403",
            Self::SoftTargetFile => "E0404",
            Self::RunFile => "E0405",
            Self::Io => "E0501",
            Self::Locked => "E0502",
            Self::NotResumable => "E0503",
            Self::Exists => "E0504",
            Self::NonFinite => "E0601",
            Self::Gate => "E0701",
            Self::Limit => "E0801",
            Self::Bug => "E0901",
        }
    }
}

/// The exit code of the program for an error.
pub(crate) fn exit_code(code: Code) -> u8 {
    match code.name().as_bytes() {
        [_, b'0', b'1', ..] => 3,
        [_, b'0', b'2', ..] => 4,
        [_, b'0', b'3', ..] => 5,
        [_, b'0', b'4', ..] if code == Code::DataFile => 4,
        [_, b'0', b'4', ..] => 5,
        [_, b'0', b'5', ..] => 7,
        [_, b'0', b'6', ..] => 6,
        [_, b'0', b'7', ..] => 1,
        [_, b'0', b'8', ..] => 8,
        _ => 70,
    }
}
