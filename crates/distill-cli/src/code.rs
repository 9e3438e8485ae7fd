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
    /// A data file is damaged.
    DataFile,
    /// A model file cannot be used.
    ModelFile,
    /// The operating system refused to read or write.
    Io,
    /// A loss or gradient became NaN or infinite.
    NonFinite,
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
            Self::DataFile => "E0401",
            Self::ModelFile => "E0402",
            Self::Io => "E0501",
            Self::NonFinite => "E0601",
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
        _ => 70,
    }
}
