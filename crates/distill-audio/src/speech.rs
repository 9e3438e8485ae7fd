#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use distill_datasets::{DataError, DataSpec, Dataset, check_batch};
use ndarray::{Array2, ArrayViewMut2, Axis, s};

use crate::{AudioError, PhoneSet, Recording};

/// How many neighbours of a frame are shown with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Frames before the labelled one.
    pub left: usize,
    /// Frames after it.
    pub right: usize,
}

impl Context {
    /// 26 frames with the labelled one as the 21st.
    ///
    /// Hinton, Vinyals, Dean, *Distilling the Knowledge in a Neural Network*, 2015, section 4.
    pub const PAPER: Self = Self { left: 20, right: 5 };

    /// As many before as after.
    pub const fn symmetric(n: usize) -> Self {
        Self { left: n, right: n }
    }

    /// The frames of a window, none if they cannot be counted.
    fn frames(self) -> Option<usize> {
        self.left.checked_add(self.right)?.checked_add(1)
    }
}

/// Frames of speech as a data set: an example is a frame with its neighbours, its label the state in it.
///
/// The input shape is `[1, frames, bands]`: value `f * bands + b` of a row is band `b` of frame
/// `t - left + f`. Where a window leaves the utterance, its first or last frame is repeated.
///
/// Features are kept once, and windows are gathered when they are read. Examples are the frames of one utterance
/// after the other.
#[derive(Debug, Clone)]
pub struct SpeechFrames {
    spec: DataSpec,
    frames: Arc<Frames>,
    context: Context,
}

/// What all windows over the same utterances share.
#[derive(Debug)]
struct Frames {
    phones: PhoneSet,
    /// All utterances, shape `(frames, bands)`, row-major.
    features: Array2<f32>,
    labels: Vec<u32>,
    /// The first frame of each utterance, and at last the number of frames.
    starts: Vec<usize>,
    /// Name and phones of each utterance.
    spoken: Vec<(String, Vec<u32>)>,
}

/// One utterance of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its examples, a frame each.
    pub examples: Range<usize>,
    /// Its phones, as places in [`PhoneSet::phones`].
    pub phones: &'a [u32],
}

impl SpeechFrames {
    /// Joins recordings of the same bands. Each has at least as many labels as frames.
    pub(crate) fn new(
        phones: &PhoneSet,
        recordings: Vec<Recording>,
        bands: usize,
        context: Context,
    ) -> Result<Self, AudioError> {
        let n_frames = recordings.iter().map(|recording| recording.features.nrows()).sum();
        let mut frames = Frames {
            phones: phones.clone(),
            features: Array2::zeros((n_frames, bands)),
            labels: Vec::with_capacity(n_frames),
            starts: vec![0],
            spoken: Vec::with_capacity(recordings.len()),
        };
        // One recording after the other is given back, so that features are hardly ever in memory twice.
        for Recording { utterance, features } in recordings {
            let start = frames.labels.len();
            frames.labels.extend(utterance.labels().take(features.nrows()));
            frames.features.slice_mut(s![start..frames.labels.len(), ..]).assign(&features);
            frames.starts.push(frames.labels.len());
            let said = phones.phones_of(utterance.segments.iter().map(|segment| segment.class));
            frames.spoken.push((utterance.name, said));
        }
        Self::of(Arc::new(frames), context)
    }

    fn of(frames: Arc<Frames>, context: Context) -> Result<Self, AudioError> {
        let bands = frames.features.ncols();
        // What a batch of one takes must be countable in bytes.
        let n_bytes = context.frames().and_then(|n| n.checked_mul(bands.max(1))).and_then(|n| n.checked_mul(4));
        match (context.frames(), n_bytes) {
            (Some(n_frames), Some(n_bytes)) if isize::try_from(n_bytes).is_ok() => {
                let spec = DataSpec::new(vec![1, n_frames, bands], frames.phones.class_names());
                Ok(Self { spec, frames, context })
            }
            _ => Err(AudioError::ContextTooWide { left: context.left, right: context.right, bands }),
        }
    }

    /// The same frames with another context. Features are shared.
    ///
    /// # Errors
    /// [`AudioError::ContextTooWide`].
    pub fn with_context(&self, context: Context) -> Result<Self, AudioError> {
        Self::of(Arc::clone(&self.frames), context)
    }

    /// The neighbours that are shown with a frame.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Phones and classes.
    pub fn phones(&self) -> &PhoneSet {
        &self.frames.phones
    }

    /// The features without context, shape `(frames, bands)`; row `i` is the labelled frame of example `i`.
    pub fn features(&self) -> &Array2<f32> {
        &self.frames.features
    }

    /// The number of utterances.
    pub fn n_utterances(&self) -> usize {
        self.frames.spoken.len()
    }

    /// One utterance, `None` out of range.
    pub fn utterance(&self, index: usize) -> Option<Spoken<'_>> {
        let (name, phones) = self.frames.spoken.get(index)?;
        Some(Spoken { name, examples: self.frames.starts[index]..self.frames.starts[index + 1], phones })
    }

    /// The utterances in the order of their examples.
    pub fn utterances(&self) -> impl Iterator<Item = Spoken<'_>> {
        (0..self.n_utterances()).filter_map(|index| self.utterance(index))
    }

    /// Writes the window around a frame.
    fn window(&self, t: usize, out: &mut [f32]) {
        let Frames { features, starts, .. } = &*self.frames;
        // The last start that is not behind the frame: utterances without frames have none.
        let after = starts.partition_point(|&start| start <= t);
        let (start, end) = (starts[after - 1], starts[after]);
        let bands = features.ncols();
        let n_frames = out.len() / bands;
        let Context { left, right } = self.context;
        let (first, last) = (t.saturating_sub(left).max(start), t.saturating_add(right).min(end - 1));
        let lacking = left - (t - first);
        let n_there = last + 1 - first;
        let values = features.as_slice().expect("features are row-major");
        let (head, rest) = out.split_at_mut(lacking * bands);
        let (body, tail) = rest.split_at_mut(n_there * bands);
        body.copy_from_slice(&values[first * bands..(last + 1) * bands]);
        debug_assert_eq!(tail.len(), (n_frames - lacking - n_there) * bands);
        head.chunks_exact_mut(bands).for_each(|frame| frame.copy_from_slice(&values[first * bands..][..bands]));
        tail.chunks_exact_mut(bands).for_each(|frame| frame.copy_from_slice(&values[last * bands..][..bands]));
    }
}

impl Dataset for SpeechFrames {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.frames.labels.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        for (&t, mut row) in indices.iter().zip(out.axis_iter_mut(Axis(0))) {
            match row.as_slice_mut() {
                Some(row) => self.window(t, row),
                None => {
                    let mut window = vec![0.0; row.len()];
                    self.window(t, &mut window);
                    row.iter_mut().zip(window).for_each(|(place, value)| *place = value);
                }
            }
        }
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.frames.labels.get(index).copied()
    }
}
