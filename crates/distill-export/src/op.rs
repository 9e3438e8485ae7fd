use distill_models::Window;

use crate::attribute::Attribute;
use crate::limits::DATA_TYPE_INT64;

/// Added to a variance, as in every batch norm here.
pub(crate) const EPSILON: f32 = 1e-5;

/// An operator of ONNX, with the attributes that it is used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Flatten,
    Gemm,
    Relu,
    Tanh,
    Erf,
    Sigmoid,
    HardSwish,
    /// Its ends are inputs.
    Clip,
    Add,
    Sub,
    Mul,
    Softmax,
    /// Along the channels.
    Concat,
    BatchNormalization,
    GlobalAveragePool,
    GlobalMaxPool,
    /// To whole numbers of 64 bits, from floats that are whole.
    Cast,
    /// Rows of a constant, by their numbers.
    Gather,
    /// Sides in another order; the batch stays in front.
    Transpose([usize; 3]),
    /// Over the last side.
    LayerNormalization,
    Conv {
        window: Window,
        groups: usize,
    },
    MaxPool(Window),
    AveragePool(Window),
}

impl Op {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flatten => "Flatten",
            Self::Gemm => "Gemm",
            Self::Relu => "Relu",
            Self::Tanh => "Tanh",
            Self::Erf => "Erf",
            Self::Sigmoid => "Sigmoid",
            Self::HardSwish => "HardSwish",
            Self::Clip => "Clip",
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Softmax => "Softmax",
            Self::Concat => "Concat",
            Self::BatchNormalization => "BatchNormalization",
            Self::GlobalAveragePool => "GlobalAveragePool",
            Self::GlobalMaxPool => "GlobalMaxPool",
            Self::Cast => "Cast",
            Self::Gather => "Gather",
            Self::Transpose(_) => "Transpose",
            Self::LayerNormalization => "LayerNormalization",
            Self::Conv { .. } => "Conv",
            Self::MaxPool(_) => "MaxPool",
            Self::AveragePool(_) => "AveragePool",
        }
    }

    pub(crate) fn attributes(self) -> Vec<(&'static str, Attribute<'static>)> {
        let int = |name, value| (name, Attribute::Int(value));
        match self {
            Self::Flatten | Self::Concat => vec![int("axis", 1)],
            Self::Gemm => vec![int("transB", 1)],
            Self::Softmax => vec![int("axis", -1)],
            Self::BatchNormalization => vec![("epsilon", Attribute::Float(EPSILON))],
            Self::LayerNormalization => vec![int("axis", -1), ("epsilon", Attribute::Float(EPSILON))],
            Self::Cast => vec![int("to", DATA_TYPE_INT64)],
            Self::Gather => vec![int("axis", 0)],
            Self::Transpose(order) => {
                let sides = [0].into_iter().chain(order.map(|side| side as i64 + 1)).collect();
                vec![("perm", Attribute::Ints(sides))]
            }
            Self::Conv { window, groups } => [&sides(window)[..], &[int("group", groups as i64)]].concat(),
            Self::MaxPool(window) => sides(window).to_vec(),
            Self::AveragePool(window) => [&sides(window)[..], &[int("count_include_pad", 0)]].concat(),
            Self::Relu
            | Self::Tanh
            | Self::Erf
            | Self::Sigmoid
            | Self::HardSwish
            | Self::Clip
            | Self::Add
            | Self::Sub
            | Self::Mul
            | Self::GlobalMaxPool
            | Self::GlobalAveragePool => vec![],
        }
    }

    /// The operator of that name, if it has no other attributes than are written.
    pub(crate) fn read(name: &str, attributes: &[(String, Attribute<'_>)]) -> Result<Self, String> {
        let find = |name: &str| attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value);
        let numbers = |name: &str| match find(name) {
            Some(Attribute::Ints(sides)) => {
                sides.iter().map(|&side| usize::try_from(side).unwrap_or(usize::MAX)).collect()
            }
            _ => vec![],
        };
        let two = |name: &str| <[usize; 2]>::try_from(numbers(name)).unwrap_or_default();
        let window = Window {
            kernel: two("kernel_shape"),
            stride: two("strides"),
            padding: numbers("pads").try_into().unwrap_or_default(),
        };
        let groups = match find("group") {
            Some(&Attribute::Int(groups)) => usize::try_from(groups).unwrap_or_default(),
            _ => 0,
        };
        let order = match numbers("perm")[..] {
            [0, a, b, c] => [a, b, c].map(|side: usize| side.wrapping_sub(1)),
            _ => [0; 3],
        };
        let all = Self::all(window, groups, order);
        let op = all.into_iter().find(|known| known.name() == name);
        let op = op.ok_or_else(|| format!("the operator {name:?} is not one that this crate writes"))?;
        let expected = op.attributes();
        let same = |((a, x), (b, y)): ((&str, &Attribute<'_>), (&str, &Attribute<'_>))| a == b && x == y;
        let pairs = attributes.iter().map(|(name, value)| (&**name, value));
        if attributes.len() != expected.len()
            || !pairs.zip(expected.iter().map(|(name, value)| (*name, value))).all(same)
        {
            return Err(format!("a {name} has the attributes {attributes:?}, not {expected:?}"));
        }
        Ok(op)
    }

    fn all(window: Window, groups: usize, order: [usize; 3]) -> [Self; 23] {
        [
            Self::Flatten,
            Self::Gemm,
            Self::Relu,
            Self::Tanh,
            Self::Erf,
            Self::Sigmoid,
            Self::HardSwish,
            Self::Clip,
            Self::Add,
            Self::Sub,
            Self::Mul,
            Self::Softmax,
            Self::Concat,
            Self::BatchNormalization,
            Self::GlobalAveragePool,
            Self::GlobalMaxPool,
            Self::Cast,
            Self::Gather,
            Self::Transpose(order),
            Self::LayerNormalization,
            Self::Conv { window, groups },
            Self::MaxPool(window),
            Self::AveragePool(window),
        ]
    }

    #[cfg(test)]
    pub(crate) fn one_of_each() -> [Self; 23] {
        Self::all(Window { kernel: [3, 2], stride: [2, 1], padding: [1, 0, 2, 1] }, 4, [1, 2, 0])
    }
}

fn sides(window: Window) -> [(&'static str, Attribute<'static>); 3] {
    let ints = |sides: &[usize]| Attribute::Ints(sides.iter().map(|&side| side as i64).collect());
    [("kernel_shape", ints(&window.kernel)), ("strides", ints(&window.stride)), ("pads", ints(&window.padding))]
}
