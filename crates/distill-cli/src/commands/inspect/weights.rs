use std::io::{self, Read};

use distill_models::{Header, TensorEntry};
use sha2::{Digest as _, Sha256};

use distill_recipe::model_file::hex;

/// How much is read at a time, in whole numbers of f32.
const N_BUFFER: usize = 1 << 16;

/// What the weights of a file are like, found in one pass over it.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) sha256: String,
    /// In the order of the header.
    pub(super) tensors: Vec<Found>,
}

/// What the values of one tensor are like; nothing for another type than f32.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Values.
    pub(super) n: u64,
    pub(super) n_zero: u64,
    /// NaN and infinities. They count nowhere else.
    pub(super) n_bad: u64,
    pub(super) first_bad: Option<u64>,
    range: Option<[f32; 2]>,
    sum: f64,
    sum_of_squares: f64,
    /// Whether a row has a value other than zero, for each row.
    live: Vec<bool>,
}

impl Weights {
    /// Reads the weights of a file that starts with `length` and `header`.
    pub(super) fn read(length: &[u8], header: &[u8], mut file: impl Read, tensors: &[TensorEntry]) -> io::Result<Self> {
        let mut hash = Sha256::new();
        hash.update(length);
        hash.update(header);
        let mut buffer = vec![0; N_BUFFER];
        let mut all = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            let mut found = Found::default();
            let n_rows = tensor.shape.first().copied().unwrap_or(1);
            let row_len = if tensor.dtype == "f32" && n_rows > 0 { tensor.n_bytes / 4 / n_rows } else { 0 };
            let mut left = tensor.n_bytes;
            while left > 0 {
                let piece = &mut buffer[..left.min(N_BUFFER)];
                file.read_exact(piece)?;
                hash.update(&*piece);
                if row_len > 0 {
                    found.add(piece, row_len);
                }
                left -= piece.len();
            }
            all.push(found);
        }
        Ok(Self { sha256: hex(&hash.finalize()), tensors: all })
    }

    /// Units of a hidden layer to which no weight and no bias leads, and all its units.
    pub(super) fn dead(&self, header: &Header, layer: usize) -> Option<(usize, usize)> {
        let live = |part: &str| {
            let name = format!("hidden.{layer}.{part}");
            let index = header.tensors.iter().position(|tensor| tensor.name == name)?;
            Some(&self.tensors[index].live)
        };
        let (weight, bias) = (live("weight")?, live("bias")?);
        let n_dead = weight.iter().zip(bias).filter(|&(&weight, &bias)| !weight && !bias).count();
        Some((n_dead, weight.len()))
    }
}

impl Found {
    fn add(&mut self, bytes: &[u8], row_len: usize) {
        let (values, _) = bytes.as_chunks();
        for &value in values {
            let value = f32::from_le_bytes(value);
            if self.n.is_multiple_of(row_len as u64) {
                self.live.push(false);
            }
            if value == 0.0 {
                self.n_zero += 1;
            } else if let Some(live) = self.live.last_mut() {
                *live = true;
            }
            if value.is_finite() {
                let [min, max] = self.range.unwrap_or([value; 2]);
                self.range = Some([min.min(value), max.max(value)]);
                self.sum += f64::from(value);
                self.sum_of_squares += f64::from(value) * f64::from(value);
            } else {
                self.n_bad += 1;
                self.first_bad.get_or_insert(self.n);
            }
            self.n += 1;
        }
    }

    pub(super) fn min(&self) -> Option<f64> {
        self.range.map(|[min, _]| min.into())
    }

    pub(super) fn max(&self) -> Option<f64> {
        self.range.map(|[_, max]| max.into())
    }

    pub(super) fn mean(&self) -> Option<f64> {
        self.range.map(|_| self.sum / (self.n - self.n_bad) as f64)
    }

    pub(super) fn norm(&self) -> Option<f64> {
        self.range.map(|_| self.sum_of_squares.sqrt())
    }

    /// The share of values that are exactly zero.
    pub(super) fn zeros(&self) -> String {
        match (self.n_zero, self.n) {
            (0, _) => "-".to_owned(),
            (n_zero, n) => format!("{:.1} %", 100.0 * n_zero as f64 / n as f64),
        }
    }
}

/// A number in at most nine columns.
pub(super) fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) if (1e-3..1e5).contains(&value.abs()) => {
            // Four digits that count, but never more than four after the point.
            let decimals = if value.abs() < 10.0 {
                4
            } else if value.abs() < 1e3 {
                2
            } else {
                0
            };
            format!("{value:.decimals$}")
        }
        Some(value) => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(values: &[(&str, &[usize], &[f32])]) -> (Header, Weights) {
        let entry = |&(name, shape, values): &(&str, &[usize], &[f32])| TensorEntry {
            name: name.to_owned(),
            dtype: "f32".to_owned(),
            shape: shape.to_vec(),
            n_bytes: 4 * values.len(),
        };
        let header = Header { tensors: values.iter().map(entry).collect(), metadata: Default::default() };
        let bytes: Vec<u8> = values.iter().flat_map(|(_, _, v)| v.iter().flat_map(|v| v.to_le_bytes())).collect();
        let weights = Weights::read(b"ab", b"c", &bytes[..], &header.tensors).unwrap();
        let whole = distill_recipe::model_file::sha256(&[b"abc", &bytes[..]].concat());
        assert_eq!(weights.sha256, whole);
        (header, weights)
    }

    #[test]
    fn numbers_by_hand() {
        let (_, weights) = weights(&[("w", &[2, 3], &[1.0, -2.0, 0.0, f32::NAN, -0.0, 4.0])]);
        let found = &weights.tensors[0];
        assert_eq!((found.n, found.n_zero, found.n_bad, found.first_bad), (6, 2, 1, Some(3)));
        assert_eq!((found.min(), found.max(), found.mean()), (Some(-2.0), Some(4.0), Some(0.6)));
        assert_eq!((found.norm(), found.zeros().as_str()), (Some(21_f64.sqrt()), "33.3 %"));
    }

    #[test]
    fn a_unit_is_dead_without_weight_and_bias() {
        let (header, found) = weights(&[
            ("hidden.0.bias", &[4], &[0.0, 0.0, 1.0, 0.0]),
            ("hidden.0.weight", &[4, 2], &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, f32::NAN, 0.0]),
            ("hidden.1.weight", &[1, 2], &[0.0, 0.0]),
        ]);
        assert_eq!(found.dead(&header, 0), Some((1, 4)));
        assert_eq!(found.dead(&header, 1), None);
    }

    #[test]
    fn blocks_do_not_show() {
        let values: Vec<f32> = (0..100_000).map(|i| if i / 50 == 777 { 0.0 } else { 1.0 }).collect();
        let (header, found) = weights(&[
            ("hidden.0.weight", &[2000, 50], &values),
            ("hidden.0.bias", &[2000], &[0.0; 2000]),
            ("none", &[0, 7], &[]),
            ("wide", &[7, 0], &[]),
        ]);
        assert_eq!(found.dead(&header, 0), Some((1, 2000)));
        assert_eq!(found.tensors[0].n_zero, 50);
        assert_eq!((found.tensors[2].min(), found.tensors[3].norm()), (None, None));
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.012_34, "-0.0123"),
            (27.123, "27.12"),
            (-12345.6, "-12346"),
            (1e-9, "1.00e-9"),
            (f64::from(f32::MIN), "-3.40e38"),
        ] {
            assert_eq!(number(Some(value)), text);
        }
        assert_eq!(number(None), "-");
    }
}
