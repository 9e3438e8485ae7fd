use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::idx::tests::{encode, gzip};
use crate::npy::{self, Array, Kind};
use crate::{Images, Subset, Table};

/// A file of `n` inputs of 1 x `features` numbers, and the same in memory.
struct Lab {
    _dir: tempfile::TempDir,
    path: PathBuf,
    kind: Option<Kind>,
    n_bytes: usize,
    whole: Arc<dyn Dataset>,
}

impl Lab {
    /// Images in IDX.
    fn new(n: usize, features: usize) -> Self {
        Self::of(None, n, features)
    }

    /// Images in IDX, or an array of some kind of numbers.
    fn of(kind: Option<Kind>, n: usize, features: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inputs");
        let bytes: Vec<u8> = (0..n * features).map(|i| (i * 37 % 251) as u8).collect();
        let labels: Vec<u32> = (0..n).map(|i| (i % 3) as u32).collect();
        let table = |descr: &str, values: Vec<f32>, bytes: Vec<u8>| -> Arc<dyn Dataset> {
            fs::write(&path, npy::tests::encode(descr, &format!("({n}, 1, 1, {features})"), &bytes)).unwrap();
            Arc::new(Table::new(vec![1, 1, features], values, labels.clone(), classes()).unwrap())
        };
        let images = || Images::new(vec![1, 1, features], bytes.clone(), labels.clone(), classes()).unwrap();
        let (size, whole): (usize, Arc<dyn Dataset>) = match kind {
            None => {
                fs::write(&path, encode(&[n as u32, 1, features as u32], &bytes)).unwrap();
                (1, Arc::new(images()))
            }
            Some(Kind::U8) => {
                table("|u1", vec![0.0; n * features], bytes.clone());
                (1, Arc::new(images()))
            }
            Some(Kind::F32) => {
                let values: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 7.0 - 9.0).collect();
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                (4, table("<f4", values, bytes))
            }
            _ => {
                let values = bytes.iter().map(|&byte| f32::from(byte) - 99.0).collect();
                let bytes = bytes.iter().flat_map(|&byte| (i16::from(byte) - 99).to_le_bytes()).collect();
                (2, table("<i2", values, bytes))
            }
        };
        Self { _dir: dir, path, kind, n_bytes: size * features, whole }
    }

    fn open(&self, bound: u64) -> Result<DiskRows, DataError> {
        let n = self.whole.len();
        let labels: Vec<u32> = (0..n).map(|i| self.whole.label(i).unwrap()).collect();
        if self.kind.is_none() {
            return DiskRows::idx(IdxStream::open(&self.path)?, labels, classes(), bound);
        }
        let array = Array::open(&self.path)?;
        DiskRows::new(array.into_rows(&self.path)?, n, self.whole.spec().clone(), labels, bound)
    }

    /// With windows of 64 inputs of one chunk each, the smallest that there are.
    fn smallest(&self) -> DiskRows {
        let needed = Room::within(0, self.whole.len(), self.n_bytes).unwrap_err();
        self.open(needed).unwrap()
    }
}

fn classes() -> Vec<String> {
    ["a", "b", "c"].map(String::from).to_vec()
}

fn rows(data: &dyn Dataset, indices: &[usize]) -> Array2<f32> {
    let mut out = Array2::zeros((indices.len(), data.spec().features()));
    data.read(indices, out.view_mut()).unwrap();
    out
}

/// Rows of the announced order that were served.
fn n_served(images: &DiskRows) -> Option<usize> {
    lock(&images.ahead).as_ref().map(ReadAhead::n_served)
}

#[test]
fn an_epoch_is_read_ahead_to_the_same_bits_from_wherever_it_begins() {
    let lab = Lab::new(1000, 5);
    let images = lab.smallest();
    assert_eq!(images.windows(), Some(Windows { chunk: 1, window: 64 }));
    let mut order = vec![0; 1000];
    crate::select::epoch_order(&images, 3, 1, &mut order);
    // Batches that end before, at and behind the ends of windows, and larger ones.
    for batch in [7, 32, 64, 100, 1000] {
        for n_done in (0..1000).step_by(batch) {
            images.read_ahead(&mut order.iter().copied().skip(n_done), n_done);
            let mut served = 0;
            for indices in order[n_done..].chunks(batch).take(4) {
                assert_eq!(n_served(&images), Some(served));
                assert_eq!(rows(&images, indices), rows(&*lab.whole, indices));
                served += indices.len();
            }
            assert_eq!(n_served(&images), (n_done + served < 1000).then_some(served), "{batch} after {n_done}");
        }
    }
}

#[test]
fn other_reads_in_between_are_right_and_disturb_nothing() {
    let lab = Lab::new(500, 3);
    let images = Arc::new(lab.smallest());
    let indices: Vec<_> = (0..500).filter(|i| i % 3 != 1).collect();
    let subset = Subset::new(images.clone(), indices.clone()).unwrap();
    let mut order = vec![0; subset.len()];
    crate::select::epoch_order(&subset, 1, 0, &mut order);
    subset.read_ahead(&mut order.iter().copied(), 0);
    for (step, batch) in order.chunks(50).enumerate() {
        let others = [499 - step, step, step];
        assert_eq!(rows(&*images, &others), rows(&*lab.whole, &others));
        assert_eq!(n_served(&images), Some(50 * step));
        let base: Vec<_> = batch.iter().map(|&i| indices[i]).collect();
        assert_eq!(rows(&subset, batch), rows(&*lab.whole, &base));
    }
    // All is read, and its memory given back.
    assert_eq!(n_served(&images), None);
}

#[test]
fn an_image_that_is_larger_than_the_buffer_is_read_in_parts() {
    let lab = Lab::new(130, 2 * N_AT_ONCE + 5);
    assert_eq!(rows(&lab.smallest(), &[129, 0]), rows(&*lab.whole, &[129, 0]));
}

#[test]
fn numbers_that_are_not_finite_are_found_where_they_are_read() {
    let lab = Lab::of(Some(Kind::F32), 400, 3);
    let mut bytes = fs::read(&lab.path).unwrap();
    let place = bytes.len() - 4 * 3 * 100 + 4;
    bytes[place..place + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&lab.path, bytes).unwrap();
    let images = lab.open(40_000).unwrap();
    let copy = images.in_memory(&[5, 300]).unwrap().unwrap();
    let order: Vec<_> = (0..400).rev().collect();
    for announced in [false, true] {
        if announced {
            images.read_ahead(&mut order.iter().copied(), 0);
        }
        for (data, indices) in [(&images as &dyn Dataset, &order[..200]), (&*copy, &[0, 1])] {
            let mut out = Array2::zeros((indices.len(), 3));
            let error = data.read(indices, out.view_mut()).unwrap_err();
            assert!(matches!(error, DataError::NonFinite { example: 300, feature: 1, .. }), "{error}");
            assert_eq!(error.path(), Some(&*lab.path));
        }
    }
}

#[test]
fn copies_examples_once_while_there_is_room() {
    let lab = Lab::new(2000, 50);
    let images = lab.open(50_000).unwrap();
    let indices: Vec<_> = (0..60).map(|i| 25 * i).collect();
    let copy = images.in_memory(&indices).unwrap().unwrap();
    assert_eq!(rows(&*copy, &(0..60).collect::<Vec<_>>()), rows(&*lab.whole, &indices));
    assert!((0..60).all(|i| copy.label(i) == lab.whole.label(25 * i)));
    assert!(Arc::ptr_eq(&copy, &images.in_memory(&indices).unwrap().unwrap()));
    // The room is taken.
    assert!(images.in_memory(&[1]).unwrap().is_none());

    let images = lab.open(50_000).unwrap();
    assert!(images.in_memory(&(0..images.room.n_copied + 1).collect::<Vec<_>>()).unwrap().is_none());
    assert!(images.in_memory(&(0..images.room.n_copied).collect::<Vec<_>>()).unwrap().is_some());
    assert!(lab.whole.in_memory(&indices).unwrap().is_none());
}

#[test]
fn a_file_that_changes_is_an_error() {
    let lab = Lab::new(1000, 4);
    let bytes = fs::read(&lab.path).unwrap();
    let changed = |error: DataError| {
        assert_eq!(error.path(), Some(&*lab.path));
        error.to_string().replace(&lab.path.display().to_string(), "FILE")
    };
    let order: Vec<_> = (0..1000).collect();
    let read_all = |images: &DiskRows| {
        let mut out = Array2::zeros((100, 4));
        order.chunks(100).try_for_each(|batch| images.read(batch, out.view_mut()))
    };
    for announced in [true, false] {
        // What was read before it was cut is right, the rest is an error.
        let images = lab.smallest();
        if announced {
            images.read_ahead(&mut order.iter().copied(), 0);
        }
        OpenOptions::new().write(true).open(&lab.path).unwrap().set_len(2016).unwrap();
        assert_eq!(
            changed(read_all(&images).unwrap_err()),
            "FILE was changed while it was read: it had 4016 bytes and has 2016"
        );
        assert_eq!(n_served(&images), None);
        assert!(read_all(&images).is_err());
        fs::write(&lab.path, &bytes).unwrap();
        assert!(read_all(&lab.smallest()).is_ok());
    }
    // As long as before: the time tells. It is set, as some systems count it in ticks.
    let images = lab.smallest();
    let file = OpenOptions::new().write(true).open(&lab.path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(
        changed(read_all(&images).unwrap_err()),
        "FILE was changed while it was read: it had 4016 bytes and has 4016"
    );
}

#[test]
fn refuses_what_it_cannot_read_within_the_bound() {
    let lab = Lab::new(1000, 784);
    let message = |bound| lab.open(bound).unwrap_err().to_string().replace(&lab.path.display().to_string(), "FILE");
    assert_eq!(message(100_000), "FILE: at least 123940 bytes of memory are needed, but 100000 are allowed");
    assert!(lab.open(123_940).is_ok());
    assert_eq!(message(123_939), "FILE: at least 123940 bytes of memory are needed, but 123939 are allowed");
    let bytes = fs::read(&lab.path).unwrap();
    fs::write(&lab.path, gzip(&bytes)).unwrap();
    assert_eq!(message(200_000), "FILE is compressed and unpacks to 784016 bytes, but at most 200000 may be in memory");
}

proptest! {
    #[test]
    fn everything_that_is_held_is_within_the_bound(
        n in 1_usize..10_000_000,
        features in 1_usize..200_000,
        more in 0_u64..1 << 40,
    ) {
        let needed = Room::within(0, n, features).unwrap_err();
        prop_assert!(Room::within(needed - 1, n, features).is_err());
        let bound = needed + more;
        let Room { windows: Windows { chunk, window }, n_copied } = Room::within(bound, n, features).unwrap();
        let (n, features, chunk, window) = (n as u64, features as u64, chunk as u64, window as u64);
        prop_assert!(chunk >= 1 && window % chunk == 0 && window / chunk >= MIN_CHUNKS as u64);
        prop_assert!(chunk == 1 || chunk * features <= MAX_CHUNK as u64);
        let windows = N_WINDOWS as u64 * window * features + 4 * window + chunk * features;
        let held = 8 * n + windows + n_copied as u64 * (features + 4 + 8);
        prop_assert!(held <= bound, "{held} bytes are held of {bound}");
    }

    #[test]
    fn any_order_gives_the_same_bits(
        kind in prop::sample::select(vec![None, Some(Kind::U8), Some(Kind::F32), Some(Kind::I16)]),
        n in 1_usize..300,
        features in 1_usize..6,
        announced in prop::collection::vec(any::<prop::sample::Index>(), 0..300),
        asked in prop::collection::vec(any::<prop::sample::Index>(), 1..300),
        n_done in 0_usize..200,
        same: bool,
        batch in 1_usize..90,
    ) {
        let lab = Lab::of(kind, n, features);
        let images = lab.smallest();
        let announced: Vec<_> = announced.iter().map(|index| index.index(n)).collect();
        let asked = if same { announced.clone() } else { asked.iter().map(|index| index.index(n)).collect() };
        images.read_ahead(&mut announced.iter().copied(), n_done);
        for batch in asked.chunks(batch) {
            prop_assert_eq!(rows(&images, batch), rows(&*lab.whole, batch));
        }
    }
}
