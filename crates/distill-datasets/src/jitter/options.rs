use crate::DataError;

/// What [`Jitter`](crate::Jitter) changes. The default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JitterOptions {
    /// Largest shift, in pixels, in any direction.
    pub shift: usize,
    /// What moves in from outside.
    pub padding: Padding,
    /// Whether half of the images have left and right exchanged.
    pub flip: bool,
    /// A part of the image, of at least this share of its area, becomes the whole image.
    pub crop: Option<f64>,
    /// The image is multiplied by a number from 1 minus this to 1 plus this.
    pub brightness: f64,
    /// The same for its difference from its mean grey.
    pub contrast: f64,
    /// The same for the difference of each pixel from its own grey.
    pub saturation: f64,
    /// Side of a square, in pixels, that becomes 0.
    pub cutout: usize,
    /// Largest shift of frames of sound, down and up, in frames; instead of [`shift`](Self::shift).
    pub time_shift: usize,
    /// Most frames, one after the other, that become 0.
    pub time_mask: usize,
    /// Most values of all frames, one beside the other, that become 0.
    pub frequency_mask: usize,
    /// Standard deviation of the noise that is added to each number.
    pub noise: f64,
}

/// What is outside of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// Zeros.
    #[default]
    Zero,
    /// The image, mirrored at the middle of its outermost pixels.
    Reflect,
}

impl JitterOptions {
    /// How many views of an image there are, see [`Jitter::n_views`](crate::Jitter::n_views).
    pub fn n_views(&self) -> Option<usize> {
        let [across, down] = self.n_shifts();
        let n_views = across.saturating_mul(down).saturating_mul(1 + usize::from(self.flip));
        let is_drawn =
            self.crop.is_some() || self.has_colour() || self.cutout > 0 || self.has_masks() || self.noise > 0.0;
        (!is_drawn).then_some(n_views)
    }

    /// Whether nothing is changed.
    pub fn is_off(&self) -> bool {
        self.n_views() == Some(1)
    }

    /// Places to which an image is moved, across and down.
    pub(super) fn n_shifts(&self) -> [usize; 2] {
        [self.shift, self.shift.max(self.time_shift)].map(|most| most.saturating_mul(2).saturating_add(1))
    }

    pub(super) fn has_masks(&self) -> bool {
        self.time_mask > 0 || self.frequency_mask > 0
    }

    pub(super) fn has_colour(&self) -> bool {
        self.ranges().iter().any(|&(_, range)| range > 0.0)
    }

    /// Channels, height and width of images that can be changed so.
    pub(super) fn check(&self, input_shape: &[usize]) -> Result<(usize, usize, usize), DataError> {
        let bad_shift = || DataError::BadShift { max_shift: self.shift, input_shape: input_shape.to_vec() };
        let bad = |key: &'static str, needs: String, found: String| Err(DataError::BadJitter { key, needs, found });
        let shape = format!("inputs of shape {input_shape:?}");
        let n = input_shape.iter().try_fold(1_usize, |n, &side| n.checked_mul(side)).filter(|&n| n > 0);
        let (&[channels, height, width], Some(_)) = (input_shape, n) else {
            return match self.first_key().filter(|_| self.shift == 0) {
                Some(key) => bad(key, "images, [channels, height, width]".to_owned(), shape),
                None => Err(bad_shift()),
            };
        };
        let smaller = height.min(width);
        if self.shift >= smaller {
            return Err(bad_shift());
        }
        if self.padding == Padding::Reflect && 2 * self.shift >= smaller {
            return bad("padding", format!("sides of more than {} pixels, twice the shift", 2 * self.shift), shape);
        }
        if self.padding == Padding::Reflect && 2 * self.time_shift >= height {
            return bad("padding", format!("more than {} frames, twice the shift", 2 * self.time_shift), shape);
        }
        if self.time_shift > 0 && self.shift > 0 {
            return bad("time_shift", "that `shift` is 0".to_owned(), format!("{}", self.shift));
        }
        for (key, most, side) in [
            ("time_shift", self.time_shift, height - 1),
            ("time_mask", self.time_mask, height),
            ("frequency_mask", self.frequency_mask, width),
        ] {
            if most > side {
                return bad(key, format!("a number up to {side}"), format!("{most} for {shape}"));
            }
        }
        if !(self.noise >= 0.0 && self.noise.is_finite()) {
            return bad("noise", "a finite number, 0 or more".to_owned(), self.noise.to_string());
        }
        if self.cutout > smaller {
            return bad("cutout", format!("sides of at least {} pixels", self.cutout), shape);
        }
        if let Some(share) = self.crop.filter(|&share| !(share > 0.0 && share <= 1.0)) {
            return bad("crop", "a share of more than 0 and at most 1".to_owned(), share.to_string());
        }
        for (key, range) in self.ranges() {
            if !(0.0..=1.0).contains(&range) {
                return bad(key, "a number from 0 to 1".to_owned(), range.to_string());
            }
            let (is_right, needs) = match key {
                "saturation" => (channels == 3, "images of three colours"),
                _ => ([1, 3].contains(&channels), "images of grey or of three colours"),
            };
            if range > 0.0 && !is_right {
                return bad(key, needs.to_owned(), shape);
            }
        }
        Ok((channels, height, width))
    }

    fn ranges(&self) -> [(&'static str, f64); 3] {
        [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)]
    }

    /// The first thing that is on, besides shifts.
    fn first_key(&self) -> Option<&'static str> {
        let others = [("flip", self.flip), ("crop", self.crop.is_some()), ("cutout", self.cutout > 0)];
        let colours = self.ranges().map(|(key, range)| (key, range != 0.0));
        let frames = [
            ("time_shift", self.time_shift > 0),
            ("time_mask", self.time_mask > 0),
            ("frequency_mask", self.frequency_mask > 0),
            ("noise", self.noise != 0.0),
        ];
        others.into_iter().chain(colours).chain(frames).find(|(_, is_on)| *is_on).map(|(key, _)| key)
    }
}
