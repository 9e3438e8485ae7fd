//! Who takes part.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::request::Precision;

/// Ours, and the projects beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Who {
    #[value(skip)]
    Ours,
    #[value(name = "pytorch")]
    PyTorch,
    Burn,
    Candle,
    #[value(name = "onnxruntime")]
    OnnxRuntime,
}

impl Who {
    pub(crate) const PEERS: [Self; 4] = [Self::PyTorch, Self::Burn, Self::Candle, Self::OnnxRuntime];
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ours => "ours",
            Self::PyTorch => "PyTorch",
            Self::Burn => "burn",
            Self::Candle => "candle",
            Self::OnnxRuntime => "onnxruntime",
        })
    }
}

/// One of them with its threads and the precision it trains in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contender {
    pub(crate) who: Who,
    pub(crate) threads: usize,
    pub(crate) precision: Precision,
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.threads == 1 { "" } else { "s" };
        write!(f, "{}, {} thread{plural}", self.who, self.threads)?;
        f.write_str(if self.precision == Precision::Bf16 { ", bf16" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contender_says_what_sets_it_apart() {
        let contender = Contender { who: Who::PyTorch, threads: 2, precision: Precision::Bf16 };
        assert_eq!(contender.to_string(), "PyTorch, 2 threads, bf16");
        let contender = Contender { who: Who::Ours, threads: 1, precision: Precision::F32 };
        assert_eq!(contender.to_string(), "ours, 1 thread");
    }
}
