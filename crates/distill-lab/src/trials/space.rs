use std::collections::HashSet;

use distill_tensor::{Philox, Stream};

use super::axis::{Axis, Choice};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::Override;
use distill_recipe::renamed::present_path;

/// Nobody waits for more, and a slip of the finger makes more.
pub(super) const MAX_TRIALS: usize = 10_000;

/// Draws after which a space is taken to have no more points.
const MAX_DRAWS: u32 = 1 << 20;

/// The settings that are tried: one axis for each `--set`.
#[derive(Debug)]
pub(super) struct Space {
    axes: Vec<Axis>,
}

/// Settings of one trial, as they would be typed: `kd.temperature=4`.
pub(crate) type Settings = Vec<String>;

impl Space {
    /// Reads the values of every `--set`.
    ///
    /// # Errors
    /// If one cannot be read, is empty, names a value twice, or says again what another says.
    pub(super) fn parse(sets: &[String]) -> Result<Self, Diagnostic> {
        let mut axes: Vec<Axis> = Vec::with_capacity(sets.len());
        for text in sets {
            let axis = Axis::parse(text)?;
            if let Some(other) = axes.iter().find(|other| overlap(&other.key, &axis.key)) {
                let what = if other.key == axis.key {
                    format!("`{}` has two lists of values", axis.key)
                } else {
                    format!("`{}` and `{}` set the same thing", other.key, axis.key)
                };
                return Err(axis.problem(Code::Override, what).help("write all values of a key into one `--set`"));
            }
            axes.push(axis);
        }
        Ok(Self { axes })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.axes.iter().map(|axis| axis.key.as_str())
    }

    /// The `--set` that says something about a key, as it was typed.
    pub(super) fn argument_of(&self, key: &str) -> Option<&str> {
        self.axes.iter().find(|axis| overlap(&axis.key, key)).map(|axis| axis.argument.as_str())
    }

    /// Every combination of the values; those of the last key change fastest.
    ///
    /// # Errors
    /// If there are too many, or a range has no end of values.
    pub(super) fn grid(&self) -> Result<Vec<Settings>, Diagnostic> {
        let mut lists = Vec::with_capacity(self.axes.len());
        for axis in &self.axes {
            let Choice::List(values) = &axis.choice else {
                return Err(axis
                    .problem(Code::Override, "a range has no list of values to try")
                    .help("draw from it with `--random 20`, or list the values: `0.01,0.1,0.5`"));
            };
            lists.push(values);
        }
        let n_trials = lists.iter().try_fold(1_usize, |n, values| n.checked_mul(values.len()));
        let Some(n_trials) = n_trials.filter(|&n| n <= MAX_TRIALS) else {
            return Err(too_many(n_trials));
        };
        let settings = |trial: usize| {
            let mut rest = trial;
            let mut settings: Settings = (self.axes.iter().zip(&lists).rev())
                .map(|(axis, values)| {
                    let value = &values[rest % values.len()];
                    rest /= values.len();
                    format!("{}={value}", axis.key)
                })
                .collect();
            settings.reverse();
            settings
        };
        Ok((0..n_trials).map(settings).collect())
    }

    /// `n` different points. The same seed gives the same ones, and the first of more are those of fewer.
    ///
    /// # Errors
    /// If there are not so many.
    pub(super) fn random(&self, n: usize, seed: u64) -> Result<Vec<Settings>, Diagnostic> {
        if n > MAX_TRIALS {
            return Err(too_many(Some(n)));
        }
        let size = self.axes.iter().try_fold(1_u64, |size, axis| Some(size.saturating_mul(axis.size()?)));
        if let Some(size) = size.filter(|&size| size < n as u64) {
            return Err(too_few(n, &format!("there are {size}"), size));
        }
        let mut seen = HashSet::with_capacity(n);
        let mut trials = Vec::with_capacity(n);
        for attempt in 0..MAX_DRAWS {
            if trials.len() == n {
                return Ok(trials);
            }
            let settings: Settings = (0..)
                .zip(&self.axes)
                .map(|(place, axis)| {
                    let value = axis.draw(&mut Philox::new(seed, Stream::Sweep, attempt, place));
                    format!("{}={value}", axis.key)
                })
                .collect();
            if seen.insert(settings.clone()) {
                trials.push(settings);
            }
        }
        Err(too_few(n, &format!("{MAX_DRAWS} draws gave {}", trials.len()), trials.len() as u64))
    }

    /// The settings of a trial, each with the `--set` that it comes from.
    pub(super) fn overrides(&self, settings: &[String]) -> Result<Vec<Override>, Diagnostic> {
        let parse = |(setting, axis): (&String, &Axis)| Override::parse_from(setting, &axis.argument);
        settings.iter().zip(&self.axes).map(parse).collect()
    }
}

/// Whether one of two keys is, or holds, the other, under whichever of their names.
fn overlap(a: &str, b: &str) -> bool {
    let (a, b) = (&*present_path(a), &*present_path(b));
    let holds = |table: &str, key: &str| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
    a == b || holds(a, b) || holds(b, a)
}

fn too_few(n: usize, found: &str, size: u64) -> Diagnostic {
    Diagnostic::new(Code::Value, format!("{n} different trials were requested, {found}"))
        .at(format!("command line: --random {n}"))
        .help(format!("set `--random {size}`, or give more values"))
}

fn too_many(n: Option<usize>) -> Diagnostic {
    let n = n.map_or("more trials than can be counted".to_owned(), |n| format!("{n} trials"));
    Diagnostic::new(Code::Value, format!("the sweep would have {n}, at most {MAX_TRIALS} are possible"))
        .at("command line: --set")
        .help("list fewer values, or draw some of them with `--random 100`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(sets: &[&str]) -> Result<Space, Diagnostic> {
        Space::parse(&sets.iter().map(|&set| set.to_owned()).collect::<Vec<_>>())
    }

    fn words(trials: &[Settings]) -> Vec<String> {
        trials.iter().map(|settings| settings.join(" ")).collect()
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(outcome: Result<T, Diagnostic>, parts: [&str; 3]) {
        let error = outcome.unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}\n{error}");
    }

    #[test]
    fn a_grid_has_every_combination_the_last_key_changing_fastest() {
        let space = space(&["kd.temperature=1,2.5", "student.model.hidden=[30], [100,50]", "train.keep=last,best"]);
        let trials = space.unwrap().grid().unwrap();
        assert_eq!(
            words(&trials),
            [
                "kd.temperature=1 student.model.hidden=[30] train.keep=last",
                "kd.temperature=1 student.model.hidden=[30] train.keep=best",
                "kd.temperature=1 student.model.hidden=[100,50] train.keep=last",
                "kd.temperature=1 student.model.hidden=[100,50] train.keep=best",
                "kd.temperature=2.5 student.model.hidden=[30] train.keep=last",
                "kd.temperature=2.5 student.model.hidden=[30] train.keep=best",
                "kd.temperature=2.5 student.model.hidden=[100,50] train.keep=last",
                "kd.temperature=2.5 student.model.hidden=[100,50] train.keep=best",
            ]
        );
    }

    #[test]
    fn random_trials_repeat_by_seed_and_never_within() {
        let space = space(&["kd.temperature=1..20", "train.optimizer.lr=0.01..0.5", "train.keep=last,best"]).unwrap();
        let trials = space.random(300, 7).unwrap();
        assert_eq!(trials, space.random(300, 7).unwrap());
        assert_eq!(trials[..50], space.random(50, 7).unwrap());
        assert_ne!(trials, space.random(300, 8).unwrap());
        let mut unique = words(&trials);
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 300);
        // All 20 temperatures and both words come up.
        for (place, n) in [(0, 20), (2, 2)] {
            let mut values: Vec<_> = trials.iter().map(|settings| &settings[place]).collect();
            values.sort();
            values.dedup();
            assert_eq!(values.len(), n, "{values:?}");
        }
    }

    #[test]
    fn the_first_draws_stay_what_they_are() {
        let space = space(&["a=0.001..1.0", "b=-1.0..2.5", "c=x,y,z", "d=1..1000", "e=3..5"]).unwrap();
        assert_eq!(
            words(&space.random(3, 1).unwrap()),
            // If they change, a seed that somebody has written down means other trials.
            ["a=0.002393 b=-0.244 c=y d=35 e=3", "a=0.02394 b=0.568 c=x d=96 e=5", "a=0.02429 b=0.192 c=z d=587 e=5",]
        );
    }

    #[test]
    fn all_of_a_small_space_can_be_drawn() {
        let small = space(&["a=1..3", "b=x,y"]).unwrap();
        let mut drawn = words(&small.random(6, 1).unwrap());
        drawn.sort();
        assert_eq!(drawn, ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y", "a=3 b=x", "a=3 b=y"]);
        refused(
            small.random(7, 1),
            ["E0104]: 7 different trials were requested, there are 6", "--random 7", "`--random 6`"],
        );
        // As fine as numbers of this size are, there are few between the ends.
        let narrow = space(&["a=1000000000000000.0..1000000000000000.5"]).unwrap();
        refused(
            narrow.random(6, 1),
            ["E0104]: 6 different trials were requested, 1048576 draws gave 5", "--random 6", "5`"],
        );
    }

    #[test]
    fn what_makes_no_space_is_refused() {
        refused(space(&["a.b=1,2", "a.b=3"]), ["E0105]: `a.b` has two lists", "line: --set a.b=3", "into one"]);
        refused(space(&["a.b=1,2", "a={b=3}"]), ["E0105]: `a.b` and `a` set the same thing", "--set a={b=3}", "one"]);
        assert!(space(&["a.b=1", "a.bc=2"]).is_ok());
        refused(space(&["a=1..9"]).unwrap().grid(), ["E0105]: a range has no list", "--set a=1..9", "`--random 20`"]);
        let hundred = |key: &str| format!("{key}={}", (0..101).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
        let large = Space::parse(&[hundred("a"), hundred("b")]).unwrap();
        refused(large.grid(), ["E0104]: the sweep would have 10201 trials, at most 10000", "--set", "`--random 100`"]);
        refused(large.random(10_001, 1), ["E0104]: the sweep would have 10001 trials", "--set", "fewer"]);
        assert_eq!(large.random(10_000, 1).unwrap().len(), 10_000);
        let huge = Space::parse(&(0..12).map(|i| hundred(&format!("k{i}"))).collect::<Vec<_>>()).unwrap();
        refused(huge.grid(), ["E0104]: the sweep would have more trials than can be counted", "--set", "fewer"]);
        assert_eq!(huge.random(3, 1).unwrap().len(), 3);
    }
}
