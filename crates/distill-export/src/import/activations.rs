//! Functions, also those that files have as several nodes, and sums of two values.

use std::f32::consts::FRAC_1_SQRT_2;
use std::rc::Rc;

use distill_models::{Activation, Op};

use super::convert::{Converter, Known};
use super::file::Node;

/// A part of an operation. Each is of a value `x`.
#[derive(Debug, Clone)]
pub(super) enum Unfinished {
    /// Zeros at the top, left, bottom and right.
    Padded { x: usize, around: [usize; 4] },
    /// Every so many rows and columns, from the first on.
    Strided { x: usize, stride: [usize; 2] },
    /// `x · factor`
    Times { x: usize, factor: f32 },
    /// `erf(x / √2)`
    Erf { x: usize },
    /// `1 + erf(x / √2)`
    ErfPlusOne { x: usize },
    /// `(1 + erf(x / √2)) / 2`
    Cdf { x: usize },
    /// `x (1 + erf(x / √2))`
    TimesErf { x: usize },
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid { x: usize },
    /// `x + 3`
    PlusThree { x: usize },
    /// `x + 3` from 0 to 6
    UpToSix { x: usize },
    /// The same times `x`.
    TimesUpToSix { x: usize },
    /// `x + 3` from 0 to 6, divided by 6
    HardSigmoid { x: usize },
    /// `x - mean`, of each channel or of each number
    Centred { x: usize, mean: Rc<[f32]>, by_channel: bool },
}

use Unfinished as U;

impl Unfinished {
    pub(super) fn name(&self) -> &'static str {
        match self {
            U::Padded { .. } => "a Pad without its convolution",
            U::Strided { .. } => "a Slice",
            U::Times { .. } => "a product with a number",
            U::Erf { .. } | U::ErfPlusOne { .. } | U::Cdf { .. } | U::TimesErf { .. } => "a part of GELU",
            U::Sigmoid { .. } => "a Sigmoid, which SiLU begins with",
            U::PlusThree { .. } | U::UpToSix { .. } | U::TimesUpToSix { .. } | U::HardSigmoid { .. } => {
                "a part of HardSwish"
            }
            U::Centred { .. } => "a difference from a constant, which standardisation begins with",
        }
    }

    pub(super) fn refuse(&self) -> String {
        format!("reads {}, which is no operation of its own here", self.name())
    }
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-4 * b.abs()
}

/// One side of an operation of two.
enum Side {
    Value(usize),
    Number(f32),
    Array,
    Part(Unfinished),
}

impl<'a> Converter<'_, 'a> {
    fn side(&self, node: &Node<'a>, at: usize) -> Result<Side, String> {
        Ok(match self.input(node, at)? {
            Known::Unfinished(unfinished) => Side::Part(unfinished.clone()),
            Known::Constant(constant) => match constant.scalar() {
                Some(number) => Side::Number(number),
                None => Side::Array,
            },
            Known::Value { .. } => Side::Value(self.value(node, at)?),
        })
    }

    pub(super) fn arithmetic(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        if let (Known::Value { at: x, spread: true }, Known::Value { at: y, spread: true }) =
            (self.input(node, 0)?.clone(), self.input(node, 1)?.clone())
            && node.op == "Add"
        {
            let at = self.push(node, None, Op::Add, &[x, y])?;
            return Ok(Known::Value { at, spread: true });
        }
        let (a, b) = (self.side(node, 0)?, self.side(node, 1)?);
        let part = |part| Ok(Known::Unfinished(part));
        match (node.op, a, b) {
            ("Add", Side::Value(x), Side::Value(y)) => {
                let at = self.push(node, None, Op::Add, &[x, y])?;
                Ok(Known::Value { at, spread: false })
            }
            ("Add", Side::Part(U::Erf { x }), Side::Number(1.0))
            | ("Add", Side::Number(1.0), Side::Part(U::Erf { x })) => part(U::ErfPlusOne { x }),
            ("Add", Side::Value(x), Side::Number(3.0)) | ("Add", Side::Number(3.0), Side::Value(x))
                if !self.without_bias.contains(&x) =>
            {
                part(U::PlusThree { x })
            }
            ("Add", Side::Value(x), Side::Number(_) | Side::Array) => self.add_bias(node, x, 1),
            ("Add", Side::Number(_) | Side::Array, Side::Value(x)) => self.add_bias(node, x, 0),
            ("Sub", Side::Value(0), Side::Number(_) | Side::Array) => {
                let (mean, by_channel) = self.for_input(node, None)?;
                part(U::Centred { x: 0, mean: mean.into(), by_channel })
            }
            ("Mul", Side::Part(U::Centred { x, mean, by_channel }), Side::Number(_) | Side::Array) => {
                self.standardize(node, x, &mean, by_channel, false)
            }
            ("Div", Side::Part(U::Centred { x, mean, by_channel }), Side::Number(_) | Side::Array) => {
                self.standardize(node, x, &mean, by_channel, true)
            }
            ("Mul", Side::Value(x), Side::Number(factor)) | ("Mul", Side::Number(factor), Side::Value(x)) => {
                part(U::Times { x, factor })
            }
            ("Div", Side::Value(x), Side::Number(divisor)) => part(U::Times { x, factor: 1.0 / divisor }),
            ("Mul", Side::Part(a), Side::Number(factor)) | ("Mul", Side::Number(factor), Side::Part(a)) => {
                self.times(node, &a, factor)
            }
            ("Div", Side::Part(a), Side::Number(divisor)) => self.times(node, &a, 1.0 / divisor),
            ("Mul", Side::Value(x), Side::Part(a)) | ("Mul", Side::Part(a), Side::Value(x)) => {
                self.times_value(node, &a, x)
            }
            ("Mul", Side::Part(U::Times { x, factor }), Side::Part(U::ErfPlusOne { x: y }))
            | ("Mul", Side::Part(U::ErfPlusOne { x: y }), Side::Part(U::Times { x, factor }))
                if x == y && near(factor, 0.5) =>
            {
                self.activation(node, Activation::Gelu, x)
            }
            ("Mul", Side::Value(_), Side::Value(_)) => {
                Err("multiplies two values of the network, which is possible in SiLU, GELU and HardSwish alone"
                    .to_owned())
            }
            (_, Side::Part(a), _) | (_, _, Side::Part(a)) => Err(a.refuse()),
            _ => {
                Err("is possible as a part of GELU, SiLU, HardSwish or the standardisation of inputs alone".to_owned())
            }
        }
    }

    /// A part times a number.
    fn times(&mut self, node: &Node<'a>, part: &Unfinished, factor: f32) -> Result<Known<'a>, String> {
        let then = |part| Ok(Known::Unfinished(part));
        match *part {
            U::ErfPlusOne { x } if near(factor, 0.5) => then(U::Cdf { x }),
            U::TimesErf { x } if near(factor, 0.5) => self.activation(node, Activation::Gelu, x),
            U::UpToSix { x } if near(factor, 1.0 / 6.0) => then(U::HardSigmoid { x }),
            U::TimesUpToSix { x } if near(factor, 1.0 / 6.0) => self.activation(node, Activation::HardSwish, x),
            _ => Err(part.refuse()),
        }
    }

    /// A part times a value.
    fn times_value(&mut self, node: &Node<'a>, part: &Unfinished, value: usize) -> Result<Known<'a>, String> {
        let then = |part| Ok(Known::Unfinished(part));
        match *part {
            U::Cdf { x } if x == value => self.activation(node, Activation::Gelu, x),
            U::ErfPlusOne { x } if x == value => then(U::TimesErf { x }),
            U::Sigmoid { x } if x == value => self.activation(node, Activation::Silu, x),
            U::HardSigmoid { x } if x == value => self.activation(node, Activation::HardSwish, x),
            U::UpToSix { x } if x == value => then(U::TimesUpToSix { x }),
            _ => Err(part.refuse()),
        }
    }

    fn activation(&mut self, node: &Node<'a>, activation: Activation, x: usize) -> Result<Known<'a>, String> {
        let at = self.push(node, None, Op::Activation(activation), &[x])?;
        Ok(Known::Value { at, spread: false })
    }

    pub(super) fn function(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let input = self.input(node, 0)?.clone();
        let part = |part| Ok(Known::Unfinished(part));
        let (x, spread) = match (node.op, input) {
            (_, Known::Value { at, spread }) => (at, spread),
            ("Erf", Known::Unfinished(U::Times { x, factor })) if near(factor, FRAC_1_SQRT_2) => {
                return part(U::Erf { x });
            }
            ("Clip", Known::Unfinished(U::PlusThree { x })) if self.bounds(node)? == [Some(0.0), Some(6.0)] => {
                return part(U::UpToSix { x });
            }
            _ => (self.value(node, 0)?, false),
        };
        let activation = match node.op {
            "Relu" => Activation::Relu,
            "Tanh" => Activation::Tanh,
            "HardSwish" => Activation::HardSwish,
            "Gelu" => match node.text("approximate")?.as_str() {
                "" | "none" => Activation::Gelu,
                _ => return Err("is computed by tanh; GELU without an approximation is possible".to_owned()),
            },
            "Clip" => match self.bounds(node)? {
                [Some(0.0), Some(6.0)] => Activation::Relu6,
                [Some(0.0), None] => Activation::Relu,
                [min, max] => {
                    let [min, max] = [min, max].map(|bound| bound.map_or("open".to_owned(), |bound| bound.to_string()));
                    return Err(format!("has the bounds {min} and {max}; 0 and 6, or 0 and open are possible"));
                }
            },
            "HardSigmoid" if near(node.float("alpha", 0.2)?, 1.0 / 6.0) && near(node.float("beta", 0.5)?, 0.5) => {
                return part(U::HardSigmoid { x });
            }
            "Sigmoid" => return part(U::Sigmoid { x }),
            _ => return Err("is possible as a part of GELU, SiLU or HardSwish alone".to_owned()),
        };
        let at = self.push(node, None, Op::Activation(activation), &[x])?;
        Ok(Known::Value { at, spread })
    }

    /// The bounds of a `Clip`: inputs, attributes in older files.
    fn bounds(&self, node: &Node<'a>) -> Result<[Option<f32>; 2], String> {
        let mut bounds = [None; 2];
        for (i, (bound, name)) in bounds.iter_mut().zip(["min", "max"]).enumerate() {
            let number = match self.constant(node, i + 1)? {
                Some(constant) => Some(constant.scalar().ok_or("has a bound that is not one number")?),
                None => node.attribute(name)?.map(|_| node.float(name, 0.0)).transpose()?,
            };
            *bound = number.filter(|number| number.abs() < 1e38);
        }
        Ok(bounds)
    }

    /// A constant for each channel, or for each number of an example; a single number for whatever the other constant has.
    fn for_input(&mut self, node: &Node<'a>, like: Option<bool>) -> Result<(Vec<f32>, bool), String> {
        let sides = self.sides(0).to_vec();
        let is_map = sides.len() == 3;
        let (dims, values) = self.take(node, 1)?.ok_or("has no second input")?;
        let ones = dims.iter().take_while(|&&side| side == 1).count().min(dims.len().saturating_sub(sides.len()));
        let dims = &dims[ones..];
        let n: usize = sides.iter().product();
        if let &[value] = &values[..] {
            let by_channel = like.unwrap_or(is_map);
            let n = if by_channel { sides[0] } else { n };
            self.charge(n)?;
            return Ok((vec![value; n], by_channel));
        }
        match dims {
            &[channels, 1, 1] if is_map && channels == sides[0] => Ok((values, true)),
            dims if dims == sides => Ok((values, false)),
            dims => Err(format!("has a constant of shape {dims:?} for inputs of shape {sides:?}")),
        }
    }

    fn standardize(
        &mut self,
        node: &Node<'a>,
        x: usize,
        mean: &[f32],
        by_channel: bool,
        divides: bool,
    ) -> Result<Known<'a>, String> {
        let (mut scale, of_scale) = self.for_input(node, Some(by_channel))?;
        if of_scale != by_channel {
            return Err("scales by channel what was centred by number, or the other way round".to_owned());
        }
        if divides {
            scale.iter_mut().for_each(|scale| *scale = 1.0 / *scale);
        }
        if let Some(scale) = scale.iter().find(|scale| !scale.is_finite()) {
            return Err(format!("standardises with a factor of {scale}"));
        }
        let at = self.push(node, None, Op::Standardize { by_channel }, &[x])?;
        self.weight(at, "mean", mean.to_vec());
        self.weight(at, "scale", scale);
        Ok(Known::Value { at, spread: false })
    }
}
