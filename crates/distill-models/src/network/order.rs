use ndarray::ArrayViewMut2;

use super::step::{Backward, Eval, Inputs, Sources, Step, for_each_example};
use crate::Slot;
use crate::channels::put;

/// The input, channel by channel as data has it, as a map with its channels side by side. No parameter lies behind it.
#[derive(Debug)]
pub(super) struct ToMap {
    pub(super) channels: usize,
    pub(super) pixels: usize,
}

impl Step for ToMap {
    fn eval(&self, _at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let x = xs.get(0);
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example(y, self.channels * self.pixels, |example, y| {
            for (i, x) in x.row(example).iter().enumerate() {
                y[i % self.pixels * self.channels + i / self.pixels] = *x;
            }
        });
    }

    fn backward(&self, _at: &mut Backward<'_>, _xs: &mut Inputs<'_>, _y: &mut Slot) {}
}

/// A map with its channels side by side as a vector, channel by channel.
#[derive(Debug)]
pub(super) struct Flatten {
    pub(super) channels: usize,
    pub(super) pixels: usize,
}

impl Step for Flatten {
    fn eval(&self, _at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let (x, len) = (xs.slice(0), self.channels * self.pixels);
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example(y, len, |example, y| {
            for (pixel, x) in x[example * len..][..len].chunks_exact(self.channels).enumerate() {
                x.iter().zip(y[pixel..].iter_mut().step_by(self.pixels)).for_each(|(x, y)| *y = *x);
            }
        });
    }

    fn backward(&self, _at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        let (_, Some((dx, add))) = xs.value_and_grad(0) else { return };
        let (dy, len) = (y.grad_slice(), self.channels * self.pixels);
        for_each_example(dx, len, |example, dx| {
            let dy = &dy[example * len..][..len];
            for (pixel, dx) in dx.chunks_exact_mut(self.channels).enumerate() {
                put(dx, add, dy[pixel..].iter().step_by(self.pixels).copied());
            }
        });
    }
}

/// Values side by side, in each pixel.
#[derive(Debug)]
pub(super) struct Concat {
    /// Channels of each input.
    pub(super) channels: Vec<usize>,
}

impl Concat {
    fn all(&self) -> usize {
        self.channels.iter().sum()
    }
}

impl Step for Concat {
    fn eval(&self, _at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let (y, mut first) = (y.as_slice_mut().expect("values of steps are contiguous"), 0);
        for (i, &channels) in self.channels.iter().enumerate() {
            let x = xs.get(i);
            let x = x.to_slice().expect("values of steps are contiguous");
            for (y, x) in y.chunks_exact_mut(self.all()).zip(x.chunks_exact(channels)) {
                y[first..][..channels].copy_from_slice(x);
            }
            first += channels;
        }
    }

    fn backward(&self, _at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        let mut first = 0;
        for (i, &channels) in self.channels.iter().enumerate() {
            if let (_, Some((dx, add))) = xs.value_and_grad(i) {
                for (dx, dy) in dx.chunks_exact_mut(channels).zip(y.grad_slice().chunks_exact(self.all())) {
                    put(dx, add, dy[first..][..channels].iter().copied());
                }
            }
            first += channels;
        }
    }
}
