use std::ops::Range;

use ndarray::ArrayViewMut2;

use super::step::{Backward, Eval, Inputs, Sources, Step, for_each_example, for_each_example_from};
use crate::channels::put;
use crate::{Slot, Window};

/// Channels that are looked at together.
const BLOCK: usize = 32;

/// What a pooling step makes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Largest,
    Mean,
}

/// A number for each window of a map, by channel.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) of: Of,
    pub(super) window: Window,
    /// Height, width and channels of the map.
    pub(super) input: [usize; 3],
    /// Height and width of what comes out.
    pub(super) output: [usize; 2],
}

impl Pool {
    /// Numbers of an example, before and after.
    fn lens(&self) -> [usize; 2] {
        [self.input.iter().product(), self.output[0] * self.output[1] * self.input[2]]
    }

    /// Runs `f(where the result is, where the pixels of its window are)`, as places of their first channel.
    fn for_each_window(&self, mut f: impl FnMut(usize, Pixels)) {
        let Window { kernel, stride, padding } = self.window;
        let [height, width, channels] = self.input;
        let inside = |out: usize, i: usize, side: usize| {
            let start = out * stride[i];
            start.saturating_sub(padding[i])..(start + kernel[i]).saturating_sub(padding[i]).min(side)
        };
        for row in 0..self.output[0] {
            let rows = inside(row, 0, height);
            for column in 0..self.output[1] {
                let columns = inside(column, 1, width);
                f((row * self.output[1] + column) * channels, Pixels { rows: rows.clone(), columns, width, channels });
            }
        }
    }
}

/// The pixels of a window that are inside of the map.
struct Pixels {
    rows: Range<usize>,
    columns: Range<usize>,
    width: usize,
    channels: usize,
}

impl Pixels {
    fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    fn for_each(&self, mut f: impl FnMut(usize)) {
        for row in self.rows.clone() {
            self.columns.clone().for_each(|column| f((row * self.width + column) * self.channels));
        }
    }
}

impl Step for Pool {
    fn eval(&self, _at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let (x, channels, [len_x, len_y]) = (xs.slice(0), self.input[2], self.lens());
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example(y, len_y, |example, y| {
            let x = &x[example * len_x..][..len_x];
            self.for_each_window(|to, pixels| {
                let y = &mut y[to..][..channels];
                match self.of {
                    Of::Largest => {
                        y.fill(f32::NEG_INFINITY);
                        pixels.for_each(|at| {
                            // A NaN stays, so that it is found.
                            let larger = |y: f32, x: f32| if x > y || x.is_nan() { x } else { y };
                            y.iter_mut().zip(&x[at..]).for_each(|(y, &x)| *y = larger(*y, x));
                        });
                    }
                    Of::Mean => {
                        y.fill(0.0);
                        pixels.for_each(|at| y.iter_mut().zip(&x[at..]).for_each(|(y, x)| *y += x));
                        let share = 1.0 / pixels.len() as f32;
                        y.iter_mut().for_each(|y| *y *= share);
                    }
                }
            });
        });
    }

    fn backward(&self, _at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        let (x, Some((dx, add))) = xs.value_and_grad(0) else { return };
        let (channels, [len_x, len_y]) = (self.input[2], self.lens());
        let (y, dy) = (y.value_slice(), y.grad_slice());
        for_each_example(dx, len_x, |example, dx| {
            let x = &x[example * len_x..][..len_x];
            let (y, dy) = (&y[example * len_y..][..len_y], &dy[example * len_y..][..len_y]);
            if !add {
                dx.fill(0.0);
            }
            self.for_each_window(|from, pixels| {
                let (y, dy) = (&y[from..][..channels], &dy[from..][..channels]);
                match self.of {
                    Of::Largest => {
                        for first in (0..channels).step_by(BLOCK) {
                            let block = first..(first + BLOCK).min(channels);
                            add_to_first_largest(x, (&y[block.clone()], &dy[block]), &pixels, first, dx);
                        }
                    }
                    Of::Mean => {
                        let share = 1.0 / pixels.len() as f32;
                        pixels.for_each(|at| put(&mut dx[at..][..channels], true, dy.iter().map(|dy| dy * share)));
                    }
                }
            });
        });
    }
}

/// Adds the gradient of a window's largest number to that of the first pixel that has it.
fn add_to_first_largest(x: &[f32], (y, dy): (&[f32], &[f32]), pixels: &Pixels, first: usize, dx: &mut [f32]) {
    let mut rest = [0.0; BLOCK];
    let rest = &mut rest[..y.len()];
    rest.copy_from_slice(dy);
    pixels.for_each(|at| {
        let at = at + first;
        for (((dx, &x), &y), rest) in dx[at..].iter_mut().zip(&x[at..]).zip(y).zip(&mut *rest) {
            let here = if x == y { *rest } else { 0.0 };
            *dx += here;
            *rest -= here;
        }
    });
}

/// The mean of each channel of a map.
#[derive(Debug)]
pub(super) struct GlobalMean {
    pub(super) channels: usize,
    pub(super) pixels: usize,
}

impl Step for GlobalMean {
    fn eval(&self, _at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let (x, len) = (xs.slice(0), self.channels * self.pixels);
        let share = 1.0 / self.pixels as f32;
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example_from(len, (y, self.channels), |example, y| {
            y.fill(0.0);
            for x in x[example * len..][..len].chunks_exact(self.channels) {
                y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
            }
            y.iter_mut().for_each(|y| *y *= share);
        });
    }

    fn backward(&self, _at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        let (_, Some((dx, add))) = xs.value_and_grad(0) else { return };
        let (dy, share) = (y.grad_slice(), 1.0 / self.pixels as f32);
        for_each_example(dx, self.channels * self.pixels, |example, dx| {
            let dy = &dy[example * self.channels..][..self.channels];
            for dx in dx.chunks_exact_mut(self.channels) {
                put(dx, add, dy.iter().map(|dy| dy * share));
            }
        });
    }
}
