use serde::{Deserialize, Serialize};

use super::ImageLayout;
use crate::ConfigProblem;

/// Images have no longer side.
const MAX_SIDE: u32 = 4096;

/// What is made of the columns of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ColumnConfig {
    /// The column with the class. Left out: the one that is called label, class or target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Columns that are no inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Columns whose numbers are names, such as a postal code. Columns of words are found without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categorical: Vec<String>,
}

/// What is made of images, in files of their own or in arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ImageConfig {
    /// Height and width that all images are brought to. Left out: all have the same size already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 1, max = MAX_SIDE))))]
    pub size: Option<[u32; 2]>,
    /// Cuts the middle out, in place of distorting images of other proportions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub crop: bool,
    /// One channel of brightness in place of three of colour.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// The twenty coarse classes of CIFAR-100, in place of the hundred fine ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub coarse: bool,
    /// Where the colours are in arrays of NumPy of four sides. Left out: first, where they do not look as if they were last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<ImageLayout>,
}

impl ImageConfig {
    /// Whether it says where colours are, and nothing else.
    pub fn is_layout(&self) -> bool {
        self.layout.is_some() && *self == Self { layout: self.layout, ..Self::default() }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        match self.size {
            Some([height, width]) if !(1..=MAX_SIDE).contains(&height) || !(1..=MAX_SIDE).contains(&width) => {
                let problem = format!("must have sides from 1 to {MAX_SIDE}, got {height} and {width}");
                Err(ConfigProblem::new("size", problem, "set `size = [32, 32]`"))
            }
            None if self.crop => {
                Err(ConfigProblem::new("crop", "is set without `size`", "set `size` too, or leave `crop` out"))
            }
            _ => Ok(()),
        }
    }
}
