use alloc::string::String;
use alloc::vec::Vec;

use crate::file::{Description, File};
use crate::network::Network;
use crate::{Error, Task};

/// A trained network, ready to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Student {
    network: Network,
    input_shape: Vec<usize>,
    classes: Vec<String>,
    task: Task,
}

/// Memory that a student computes in. Kept by the caller, it is taken once; any student may use it.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    memory: Vec<f32>,
}

/// The class with the largest logit, the first of equal ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction<'a> {
    /// Its number.
    pub class: usize,
    /// Its name.
    pub name: &'a str,
    /// Its probability.
    pub probability: f32,
}

impl Student {
    /// Reads a safetensors file of `distill`. Memory is taken only for what the file holds.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Student`] or [`Error::Tensor`] for a file that is damaged or of another kind.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, Error> {
        let file = File::parse(bytes)?;
        let Description { hidden, activation, input_shape, classes, graph, .. } = &file.description;
        let features = input_shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let features = features.filter(|&features| features > 0 && !hidden.contains(&0));
        let features = features.ok_or(Error::Student { reason: "a side or a layer has no or too many numbers" })?;
        let network = match graph {
            Some(nodes) => Network::graph(&file, input_shape, nodes, classes.len())?,
            None => Network::perceptron(&file, (features, hidden, classes.len()), *activation)?,
        };
        let Description { input_shape, classes, task, .. } = file.description;
        Ok(Self { network, input_shape, classes, task })
    }

    /// Numbers that a [`Scratch`] holds once the student has answered: 4 bytes each.
    pub fn scratch_numbers(&self) -> usize {
        self.network.n_numbers()
    }

    /// What its answers are.
    pub fn task(&self) -> Task {
        self.task
    }

    /// Names of the classes in the order of the logits, or of the numbers that it gives.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Shape of one input, such as `[1, 28, 28]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Numbers in one input.
    pub fn features(&self) -> usize {
        self.input_shape.iter().product()
    }

    /// One number for each class, of one input in the order of its shape. Images are pixels from 0 to 1.
    ///
    /// Of a student that gives numbers they are these, in the order of [`Student::classes`] and in the units of the data; see
    /// [`Student::numbers`].
    ///
    /// # Errors
    /// [`Error::Features`] if the input has another length than [`Student::features`], [`Error::Token`] if the student reads
    /// tokens and an input is not a token.
    pub fn logits<'s>(&self, input: &[f32], scratch: &'s mut Scratch) -> Result<&'s [f32], Error> {
        Ok(self.compute(input, scratch)?)
    }

    /// The numbers that the student predicts for one input, in the order of [`Student::classes`], which names them, and in the
    /// units of the data. They are what [`Student::logits`] gives.
    ///
    /// # Errors
    /// As [`Student::logits`], and [`Error::Task`] if the student tells classes.
    pub fn numbers<'s>(&self, input: &[f32], scratch: &'s mut Scratch) -> Result<&'s [f32], Error> {
        self.check_task(Task::Numbers)?;
        Ok(self.compute(input, scratch)?)
    }

    /// The probability of each class, which is the softmax of the logits.
    ///
    /// # Errors
    /// As [`Student::logits`], and [`Error::Task`] if the student gives numbers.
    pub fn probabilities<'s>(&self, input: &[f32], scratch: &'s mut Scratch) -> Result<&'s [f32], Error> {
        self.check_task(Task::Classes)?;
        let logits = self.compute(input, scratch)?;
        softmax(logits);
        Ok(logits)
    }

    /// The most probable class.
    ///
    /// # Errors
    /// As [`Student::logits`], and [`Error::Task`] if the student gives numbers.
    pub fn predict(&self, input: &[f32], scratch: &mut Scratch) -> Result<Prediction<'_>, Error> {
        self.check_task(Task::Classes)?;
        let logits = self.compute(input, scratch)?;
        let largest = |best: usize, (i, logit): (usize, &f32)| if *logit > logits[best] { i } else { best };
        let class = logits.iter().enumerate().fold(0, largest);
        softmax(logits);
        Ok(Prediction { class, name: &self.classes[class], probability: logits[class] })
    }

    fn check_task(&self, asked: Task) -> Result<(), Error> {
        if self.task == asked { Ok(()) } else { Err(Error::Task { is: self.task }) }
    }

    /// The logits, in memory.
    fn compute<'s>(&self, input: &[f32], scratch: &'s mut Scratch) -> Result<&'s mut [f32], Error> {
        let (expected, actual) = (self.features(), input.len());
        if expected != actual {
            return Err(Error::Features { expected, actual });
        }
        if let Some((input, tokens)) = self.network.bad_token(input) {
            return Err(Error::Token { input, tokens });
        }
        let n = self.network.n_numbers();
        if scratch.memory.len() < n {
            scratch.memory.resize(n, 0.0);
        }
        let place = self.network.compute(input, &mut scratch.memory);
        Ok(&mut scratch.memory[place])
    }
}

fn softmax(values: &mut [f32]) {
    let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter_mut().for_each(|z| *z = libm::expf(*z - max));
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|z| *z /= sum);
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;

    /// Two inputs, two hidden units, two classes.
    pub(crate) fn file(activation: &str) -> Vec<u8> {
        let description = format!(
            r#"{{"version":1,"model":{{"kind":"mlp","hidden":[2],"activation":"{activation}","dropout":0.5,"max_norm":null}},"input_shape":[1,2],"classes":["a","é"],"provenance":{{"seed":"1"}}}}"#
        );
        let entry = |name: &str, shape: &str, start: usize, end: usize| {
            format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}"#)
        };
        let header = format!(
            r#"{{"__metadata__":{{"distill":"{}"}},{},{},{},{}}}"#,
            description.replace('"', "\\\""),
            entry("hidden.0.weight", "[2,2]", 0, 16),
            entry("hidden.0.bias", "[2]", 16, 24),
            entry("output.weight", "[2,2]", 24, 40),
            entry("output.bias", "[2]", 40, 48),
        );
        let weights = [1.0_f32, 2.0, -1.0, 0.5, 0.25, -0.5, 1.0, 2.0, -1.0, 0.5, 3.0, -0.25];
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend(weights.iter().flat_map(|weight| weight.to_le_bytes()));
        bytes
    }

    #[test]
    fn answers_are_those_of_a_pencil() {
        let student = Student::from_safetensors(&file("relu")).unwrap();
        assert_eq!(
            (student.classes(), student.input_shape(), student.features()),
            (&["a".into(), "é".to_string()][..], &[1, 2][..], 2)
        );
        let mut scratch = Scratch::default();
        // Sums 1·3 + 2·1 + 0.25 and -1·3 + 0.5·1 - 0.5, of which the second is cut.
        assert_eq!(student.logits(&[3.0, 1.0], &mut scratch).unwrap(), [5.25 + 3.0, -5.25 - 0.25]);
        assert_eq!(student.logits(&[0.0, 0.0], &mut scratch).unwrap(), [0.25 + 3.0, -0.25 - 0.25]);
        let probs = student.probabilities(&[0.0, 0.0], &mut scratch).unwrap();
        let expected = 1.0 / (1.0 + libm::expf(-3.75));
        assert!((probs[0] - expected).abs() < 1e-6 && (probs[0] + probs[1] - 1.0).abs() < 1e-6);
        let found = student.predict(&[-4.0, -8.0], &mut scratch).unwrap();
        assert_eq!((found.class, found.name), (0, "a"));
        assert_eq!(
            student.predict(&[0.0; 3], &mut scratch).unwrap_err().to_string(),
            "the student takes 2 features but the input has 3"
        );
        assert!(student.logits(&[f32::NAN, 1.0], &mut scratch).unwrap()[0].is_nan());
        assert_eq!(student.task(), Task::Classes);
        assert_eq!(
            student.numbers(&[0.0; 2], &mut scratch).unwrap_err().to_string(),
            "the student tells classes, not numbers: ask for its `logits`, `probabilities` or `predict`"
        );
    }

    /// The same file with another description.
    fn with(from: &str, to: &str) -> Vec<u8> {
        let good = file("relu");
        let at = good.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        let mut changed = [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat();
        let len = u64::from_le_bytes(good[..8].try_into().unwrap()) + to.len() as u64 - from.len() as u64;
        changed[..8].copy_from_slice(&len.to_le_bytes());
        changed
    }

    #[test]
    fn numbers_are_given_as_they_are_and_have_no_probabilities() {
        let tasked = |task: &str| {
            let task = format!("\\\"task\\\":\\\"{task}\\\",\\\"provenance\\\"");
            Student::from_safetensors(&with("\\\"provenance\\\"", &task))
        };
        let student = tasked("numbers").unwrap();
        assert_eq!((student.task(), tasked("classes").unwrap().task()), (Task::Numbers, Task::Classes));
        let mut scratch = Scratch::default();
        assert_eq!(student.numbers(&[3.0, 1.0], &mut scratch).unwrap(), [5.25 + 3.0, -5.25 - 0.25]);
        assert_eq!(student.logits(&[3.0, 1.0], &mut scratch).unwrap(), [5.25 + 3.0, -5.25 - 0.25]);
        let expected = Error::Task { is: Task::Numbers };
        assert_eq!(student.probabilities(&[0.0; 2], &mut scratch).unwrap_err(), expected);
        let error = student.predict(&[0.0; 2], &mut scratch).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the student gives numbers, not classes with probabilities: ask for its `numbers`"
        );
        assert_eq!(tasked("ranks").unwrap_err().to_string(), "not the file of a student: its task is unknown");
    }

    #[test]
    fn activations_are_those_of_the_definition() {
        let at = |name: &str| {
            let student = Student::from_safetensors(&file(name)).unwrap();
            student.logits(&[1.0, 0.0], &mut Scratch::default()).unwrap().to_vec()
        };
        // Sums 1.25 and -1.5. tanh: 0.848284, -0.905148; gelu: 1.117938, -0.100211 (of f64).
        let check = |name: &str, units: [f64; 2]| {
            let expected = [units[0] + 2.0 * units[1] + 3.0, -units[0] + 0.5 * units[1] - 0.25];
            for (actual, expected) in at(name).into_iter().zip(expected) {
                assert!((f64::from(actual) - expected).abs() < 2e-6, "{name}: {actual} {expected}");
            }
        };
        check("relu", [1.25, 0.0]);
        check("tanh", [0.848_283_639_957_513, -0.905_148_253_644_866_4]);
        check("gelu", [1.117_937_784_585_835_6, -0.100_210_801_903_225_9]);
    }

    #[test]
    fn every_cut_and_every_changed_bit_is_survived() {
        let good = file("gelu");
        for n in 0..good.len() {
            assert!(Student::from_safetensors(&good[..n]).is_err(), "cut at {n}");
        }
        for bit in 0..8 * good.len() {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Ok(student) = Student::from_safetensors(&bad) {
                let input = vec![1.0; student.features()];
                let _ = student.predict(&input, &mut Scratch::default());
            }
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let check = |from: &str, to: &str, expected: &str| {
            assert_eq!(Student::from_safetensors(&with(from, to)).unwrap_err().to_string(), expected);
        };
        check("\"distill\"", "\"other\"", "not the file of a student: it has no entry `distill` in its metadata");
        check("version\\\":1", "version\\\":2", "not the file of a student: its description is of another version");
        check(
            "\\\"mlp\\\"",
            "\\\"cnn\\\"",
            "not the file of a student: it is no multi-layer perceptron, and its operations are not in the file",
        );
        check(
            "\\\"kind\\\"",
            "\\\"embedding\\\":{\\\"buckets\\\":7},\\\"kind\\\"",
            "not the file of a student: its first layer is a table of rows, which this reader does not compute",
        );
        check("\\\"relu\\\"", "\\\"selu\\\"", "not the file of a student: its activation is unknown");
        check("input_shape", "input-shape", "not the file of a student: its description is not whole");
        check("[1,2]", "[0,2]", "not the file of a student: a side or a layer has no or too many numbers");
        check(
            "hidden\\\":[2]",
            "hidden\\\":[]",
            "not the file of a student: it has another number of tensors than its description says",
        );
        check(
            "hidden\\\":[2]",
            "hidden\\\":[3]",
            "tensor `hidden.0.weight` has another shape or type than the description says",
        );
        check("hidden.0.bias", "hidden.1.bias", "tensor `hidden.0.bias` is missing");
        check("F32", "F64", "tensor `hidden.0.weight` has another shape or type than the description says");
        check("[40,48]", "[48,56]", "tensor `output.bias` is outside of the file");
        check("[40,48]", "[48,40]", "not the file of a student: its tensors do not fill the file");
        check("[40,48]", "[40,44]", "not the file of a student: its tensors do not fill the file");
        check("[40,48]", "[40]", "not the file of a student: its tensors do not fill the file");
        let mut bad = file("relu");
        let n = bad.len();
        bad[n - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(
            Student::from_safetensors(&bad).unwrap_err().to_string(),
            "tensor `output.bias` has a value that is NaN or infinite"
        );
        assert_eq!(
            Student::from_safetensors(b"PK").unwrap_err().to_string(),
            "not a safetensors file: the file ends at byte 2"
        );
    }
}
