use crate::TensorError;

/// The sides of a convolution of two dimensions, without the batch.
///
/// A map is `(height, width, channels)`, row-major. One of one dimension has height 1.
///
/// # Examples
/// ```
/// use distill_tensor::ConvShape;
/// let shape = ConvShape { stride: [2, 2], ..ConvShape::same([32, 32, 16], 32, 3) };
/// assert_eq!(shape.output(), [16, 16, 32]);
/// assert_eq!(shape.weights(), [32, 16, 3, 3]);
/// assert_eq!(shape.macs(), 16 * 16 * 32 * 16 * 9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Height, width and channels of the inputs.
    pub input: [usize; 3],
    /// Channels of the outputs.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Zeros at the top, left, bottom and right.
    pub padding: [usize; 4],
    /// Parts of the channels that do not see each other.
    pub groups: usize,
}

impl ConvShape {
    /// A square kernel with odd sides, step 1, padded so that the map keeps its size.
    pub fn same(input: [usize; 3], outputs: usize, kernel: usize) -> Self {
        let around = kernel / 2;
        Self { input, outputs, kernel: [kernel; 2], stride: [1; 2], padding: [around; 4], groups: 1 }
    }

    /// A kernel of this size for each channel by itself, as [`same`](Self::same).
    pub fn depthwise(input: [usize; 3], kernel: usize) -> Self {
        Self { groups: input[2], ..Self::same(input, input[2], kernel) }
    }

    /// Whether the sides fit each other and memory.
    ///
    /// # Errors
    /// [`TensorError::Convolution`] with what does not fit.
    pub fn check(&self) -> Result<(), TensorError> {
        let refuse = |problem: String| Err(TensorError::Convolution { problem });
        let Self { input: [height, width, channels], outputs, kernel, stride, padding, groups } = *self;
        if let Some(name) = [
            ("map", height.min(width)),
            ("number of input channels", channels),
            ("number of output channels", outputs),
            ("kernel", kernel[0].min(kernel[1])),
            ("stride", stride[0].min(stride[1])),
            ("number of groups", groups),
        ]
        .iter()
        .find_map(|&(name, side)| (side == 0).then_some(name))
        {
            return refuse(format!("the {name} has a side of 0, at least 1 is needed"));
        }
        if channels % groups != 0 || outputs % groups != 0 {
            return refuse(format!("{groups} groups do not divide {channels} input and {outputs} output channels"));
        }
        let sides = [height, width, channels, outputs, kernel[0], kernel[1], stride[0], stride[1]];
        let fits = sides.into_iter().chain(padding).all(|side| side <= 1 << 20);
        let volume = |sides: &[usize]| sides.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let padded = [(height, 0), (width, 1)]
            .map(|(side, i): (usize, usize)| side.saturating_add(padding[i]).saturating_add(padding[i + 2]));
        let small = |n: Option<usize>| n.is_some_and(|n| n <= isize::MAX as usize / 64);
        if !(fits && small(volume(&[padded[0], padded[1], channels.max(outputs)])) && small(volume(&self.weights()))) {
            return refuse(format!(
                "a map of {:?} or a kernel of {:?} is larger than memory can hold",
                self.input,
                self.weights()
            ));
        }
        if kernel[0] > padded[0] || kernel[1] > padded[1] {
            return refuse(format!(
                "a kernel of {}x{} is larger than a padded map of {}x{}",
                kernel[0], kernel[1], padded[0], padded[1]
            ));
        }
        if padding[0].max(padding[2]) >= kernel[0] || padding[1].max(padding[3]) >= kernel[1] {
            return refuse(format!(
                "padding of {padding:?} lets a kernel of {}x{} see zeros alone",
                kernel[0], kernel[1]
            ));
        }
        Ok(())
    }

    /// Height, width and channels of the outputs.
    pub fn output(&self) -> [usize; 3] {
        let side =
            |i: usize| (self.input[i] + self.padding[i] + self.padding[i + 2] - self.kernel[i]) / self.stride[i] + 1;
        [side(0), side(1), self.outputs]
    }

    /// The shape of the weights as PyTorch has it: outputs, inputs of a group, height, width.
    pub fn weights(&self) -> [usize; 4] {
        [self.outputs, self.input[2] / self.groups.max(1), self.kernel[0], self.kernel[1]]
    }

    /// Multiplications and additions for one example.
    pub fn macs(&self) -> u64 {
        let [height, width, outputs] = self.output().map(|side| side as u64);
        height * width * outputs * (self.weights()[1..].iter().product::<usize>() as u64)
    }

    /// Whether each channel is by itself, with one kernel.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups == self.input[2] && self.groups == self.outputs
    }

    /// Numbers in the inputs and in the outputs of one example.
    pub(crate) fn lens(&self) -> [usize; 2] {
        [self.input.iter().product(), self.output().iter().product()]
    }
}
