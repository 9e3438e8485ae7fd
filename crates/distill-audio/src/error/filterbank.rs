/// How the numbers of a filterbank contradict each other.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterbankFault {
    /// A number that has to be above zero is not.
    #[error("{name} is 0, expected at least 1")]
    Zero {
        /// Which.
        name: &'static str,
    },
    /// The transform is shorter than a frame, or far longer than any.
    #[error("the transform has {n_fft} points, expected {window} to {max}")]
    Transform {
        /// Its points.
        n_fft: usize,
        /// The samples of a frame.
        window: usize,
        /// The most there may be.
        max: usize,
    },
    /// The frequencies are no range below half the rate.
    #[error("frequencies from {low_hz} to {high_hz} Hz, expected a range within 0 to {nyquist} Hz")]
    Frequencies {
        /// Where the bands begin.
        low_hz: f64,
        /// Where they end.
        high_hz: f64,
        /// Half the rate.
        nyquist: f64,
    },
    /// The least power has no logarithm.
    #[error("the floor is {floor}, expected a finite number above 0")]
    Floor {
        /// The least power.
        floor: f64,
    },
    /// A triangle lies between two points of the transform.
    #[error("band {band} of {bands} has no point of a transform of {n_fft}, fewer bands or more points are needed")]
    EmptyBand {
        /// The first such triangle.
        band: usize,
        /// Their number.
        bands: usize,
        /// The points of the transform.
        n_fft: usize,
    },
}
