use std::time::Duration;

/// Where one model stands in a run, and what the run takes besides it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg {
    /// Which model of how many it is, counted from 1.
    pub place: (usize, usize),
    /// What its own training will take, if models of its kind were trained before.
    pub expected: Option<Duration>,
    /// Seconds that the models after it take, as far as some of their kind were trained before.
    pub(crate) seconds: f64,
    /// How many times as much as it takes itself the others take.
    pub(crate) times: f64,
}

impl Leg {
    /// What is left of the run, if so much is left of this model, and it takes so much in all.
    pub fn left(&self, own_left: Duration, own_total: Duration) -> Duration {
        let seconds = own_left.as_secs_f64() + self.seconds + self.times * own_total.as_secs_f64();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// The same before it is begun, if its own time is known.
    pub fn left_before(&self) -> Option<Duration> {
        self.expected.map(|expected| self.left(expected, expected))
    }
}
