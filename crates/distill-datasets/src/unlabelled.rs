use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayViewMut2, Axis, s};

use crate::arrays::with_labels;
use crate::dataset::check_batch;
use crate::idx::{self, IdxStream};
use crate::npy::{Array, Kind};
use crate::{
    ArrayLayout, Columns, DataError, DataSpec, Dataset, DiskRows, Images, NumberTable, Table, Windows, is_table,
};

/// Indices that are translated at a time, on the stack: a batch needs no allocation.
const N_AT_ONCE: usize = 256;

/// Examples whose labels are not known, or are not to be used: teachers say what they are.
pub struct Unlabelled {
    data: Arc<dyn Dataset>,
    spec: DataSpec,
}

impl Unlabelled {
    /// The same inputs without their labels.
    pub fn new(data: Arc<dyn Dataset>) -> Self {
        Self { spec: data.spec().clone(), data }
    }

    /// Reads inputs from a file that has no labels: an IDX file of images, an array of NumPy, or a table, whose other
    /// columns are ignored. They must be as those of `spec`, and are read as they are where they stand beside labels: bytes
    /// that would have another shape there, and with it another scale, are refused, even if they are as many. What takes more
    /// than `bound` bytes stays on the disk as [`DiskRows`], unless it is a table.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] and [`DataError::MemoryBound`], and the errors of the form that the file has.
    pub fn read(path: &Path, spec: &DataSpec, columns: Option<&Columns>, bound: u64) -> Result<Self, DataError> {
        let fits = |sides: &[usize], is_images| {
            let problem = misfit(sides, is_images, &spec.input_shape);
            problem.map_or(Ok(()), |problem| Err(DataError::Content { path: path.to_owned(), problem }))
        };
        let needed = |n: usize, bytes: usize| (n as u64).saturating_mul((spec.features() * bytes) as u64);
        let (shape, classes) = (spec.input_shape.clone(), spec.classes.clone());
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase()).unwrap_or_default();
        let data: Arc<dyn Dataset> = if extension == "npy" {
            let array = Array::open(path)?;
            let (n, sides) = array.shape.split_first().map_or((0, &[][..]), |(&n, sides)| (n, sides));
            let cannot = |problem| DataError::Content { path: path.to_owned(), problem };
            let layout = ArrayLayout::of(sides, None, Some(&spec.input_shape)).map_err(cannot)?;
            // Only bytes have another scale in another shape.
            let n_numbers = sides.iter().fold(1_usize, |product, &side| product.saturating_mul(side));
            if array.kind == Kind::U8 || n_numbers != spec.features() {
                fits(&layout.shape(sides), array.is_images())?;
            }
            let on_disk = needed(n, if array.is_images() { 1 } else { 4 }) > bound;
            let data = with_labels(array, path, spec.clone(), vec![0; n], layout, on_disk.then_some(bound));
            data.map_err(|error| error.in_file(path))?
        } else if is_table(path) {
            match columns {
                Some(columns) => {
                    let codes = columns.read(path, bound)?;
                    let labels = vec![0; codes.len() / columns.inputs.len().max(1)];
                    Arc::new(Table::of_columns(columns.clone(), vec![], codes, (labels, None), classes)?)
                }
                None => {
                    let NumberTable { values, .. } = NumberTable::read(path, bound)?;
                    // The numbers of a line have no sides: they are those of an input, whatever its shape.
                    if values.ncols() != spec.features() {
                        fits(&[values.ncols()], false)?;
                    }
                    let labels = vec![0; values.nrows()];
                    Arc::new(Table::new(shape, values.into_raw_vec_and_offset().0, labels, classes)?)
                }
            }
        } else {
            let stream = IdxStream::open(path)?;
            let (n, sides) = stream.shape().split_first().map_or((0, &[][..]), |(&n, sides)| (n, sides));
            fits(sides, true)?;
            if needed(n, 1) > bound {
                Arc::new(DiskRows::new(stream.into_rows(bound)?, n, spec.clone(), vec![0; n], bound)?)
            } else {
                Arc::new(Images::new(shape, idx::read(path)?.data, vec![0; n], classes)?)
            }
        };
        Ok(Self { data, spec: spec.clone() })
    }
}

/// What is wrong with inputs of these sides, if anything: beside labels they would have another shape, and with it another
/// scale, as pixels have which are images.
fn misfit(sides: &[usize], is_images: bool, expected: &[usize]) -> Option<String> {
    let found = if is_images && sides.len() == 2 { [&[1], sides].concat() } else { sides.to_vec() };
    let is_known = !is_images || matches!(sides.len(), 2 | 3);
    if is_known && found == expected {
        return None;
    }
    let product = |sides: &[usize]| sides.iter().fold(1_usize, |product, &side| product.saturating_mul(side));
    let help = if product(sides) != product(expected) {
        String::new()
    } else if sides == expected {
        // Bytes that are images, where the others are numbers.
        "; save them as an array of the numbers that those are, such as with `.astype(\"<f4\")`".to_owned()
    } else {
        let sides: String = expected.iter().map(|side| format!(", {side}")).collect();
        format!("; save them with the shape (n{sides}), such as with `reshape`")
    };
    let what = if is_images { "images" } else { "inputs" };
    Some(format!("has {what} of {found:?}, those with labels are {expected:?}{help}"))
}

impl fmt::Debug for Unlabelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unlabelled").field("len", &self.data.len()).finish()
    }
}

impl Dataset for Unlabelled {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.data.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        self.data.read(indices, out)
    }

    fn label(&self, _: usize) -> Option<u32> {
        None
    }

    fn windows(&self) -> Option<Windows> {
        self.data.windows()
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, n_done: usize) {
        self.data.read_ahead(order, n_done);
    }
}

/// The examples of one set, and then those of another.
pub struct Chain {
    first: Arc<dyn Dataset>,
    second: Arc<dyn Dataset>,
}

impl Chain {
    /// Both have the same inputs and classes; of a regression, labels are rows of the same [`Numbers`](crate::Numbers).
    ///
    /// # Errors
    /// [`DataError::BadInputShape`] otherwise.
    pub fn new(first: Arc<dyn Dataset>, second: Arc<dyn Dataset>) -> Result<Self, DataError> {
        let numbers = first.spec().numbers.as_ref().zip(second.spec().numbers.as_ref());
        if first.spec() != second.spec() || numbers.is_some_and(|(first, second)| !first.is(second)) {
            let input_shape = second.spec().input_shape.clone();
            return Err(DataError::BadInputShape { path: None, input_shape });
        }
        Ok(Self { first, second })
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("first", &self.first.len()).field("second", &self.second.len()).finish()
    }
}

impl Dataset for Chain {
    fn spec(&self) -> &DataSpec {
        self.first.spec()
    }

    fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        let n = self.first.len();
        let mut start = 0;
        // Neighbours of the same set are read together.
        for run in indices.chunk_by(|a, b| (*a < n) == (*b < n)) {
            let mut rows = out.slice_mut(s![start..start + run.len(), ..]);
            if run[0] < n {
                self.first.read(run, rows)?;
            } else {
                let mut buffer = [0; N_AT_ONCE];
                for (run, rows) in run.chunks(N_AT_ONCE).zip(rows.axis_chunks_iter_mut(Axis(0), N_AT_ONCE)) {
                    let own = &mut buffer[..run.len()];
                    own.iter_mut().zip(run).for_each(|(own, index)| *own = index - n);
                    self.second.read(own, rows)?;
                }
            }
            start += run.len();
        }
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        match index.checked_sub(self.first.len()) {
            None => self.first.label(index),
            Some(index) => self.second.label(index),
        }
    }

    fn columns(&self) -> Option<&Columns> {
        self.first.columns()
    }

    /// Those of the part that is on the disk, the smaller ones of two.
    fn windows(&self) -> Option<Windows> {
        let parts = [&self.first, &self.second];
        parts.into_iter().filter_map(|part| part.windows()).min_by_key(|windows| windows.window)
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, _n_done: usize) {
        if self.windows().is_none() {
            return;
        }
        let n = self.first.len();
        let order: Vec<u32> = order.map_while(|index| u32::try_from(index).ok()).collect();
        let order = || order.iter().map(|&index| index as usize);
        // What each of them has read of the epoch is not known; it only says where its windows begin.
        self.first.read_ahead(&mut order().filter(|&index| index < n), 0);
        self.second.read_ahead(&mut order().filter_map(|index| index.checked_sub(n)), 0);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::dataset::tests::read;
    use crate::idx::tests::gzip;
    use crate::npy::tests::encode;

    fn images(pixels: &[u8]) -> Arc<dyn Dataset> {
        let classes = vec!["a".to_owned(), "b".to_owned()];
        Arc::new(Images::new(vec![1, 1, 2], pixels.to_vec(), vec![1; pixels.len() / 2], classes).unwrap())
    }

    #[test]
    fn a_chain_has_the_labels_that_its_parts_have() {
        let unlabelled = Arc::new(Unlabelled::new(images(&[51, 102, 153, 204])));
        let chain = Chain::new(images(&[0, 255]), unlabelled).unwrap();
        assert_eq!((chain.len(), chain.label(0), chain.label(1), chain.label(9)), (3, Some(1), None, None));
        assert_eq!(read(&chain, &[2, 0, 1, 1]), array![[0.6, 0.8], [0.0, 1.0], [0.2, 0.4], [0.2, 0.4]]);
        let mut out = Array2::zeros((1, 2));
        assert!(matches!(chain.read(&[3], out.view_mut()), Err(DataError::IndexOutOfRange { index: 3, len: 3 })));
        let other = Images::new(vec![1], vec![0], vec![0], vec!["a".to_owned(), "b".to_owned()]).unwrap();
        assert!(Chain::new(images(&[0, 255]), Arc::new(other)).is_err());
    }

    #[test]
    fn parts_on_the_disk_are_read_in_the_order_of_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let values = |n: usize, from: usize| -> Vec<u8> {
            (0..20 * n).flat_map(|i| ((i + from) as f32).to_le_bytes()).collect()
        };
        for (name, n, from) in [("first.npy", 2500, 0), ("second.npy", 3000, 9000)] {
            std::fs::write(dir.path().join(name), encode("<f4", &format!("({n}, 20)"), &values(n, from))).unwrap();
        }
        let open = |name: &str, bound: u64| {
            let path = dir.path().join(name);
            let spec = DataSpec::new(vec![20], vec!["a".to_owned()]);
            Arc::new(Unlabelled::read(&path, &spec, None, bound).unwrap()) as Arc<dyn Dataset>
        };
        let [small, large] = [100_000, u64::MAX];
        for (first, second) in [(small, large), (large, small), (small, small)] {
            let chain = |[first, second]: [u64; 2]| {
                let first = open("first.npy", first);
                Chain::new(first, open("second.npy", second)).unwrap()
            };
            let (disk, whole) = (chain([first, second]), chain([large; 2]));
            assert_eq!((disk.windows().is_some(), whole.windows()), (true, None));
            let mut order = vec![0; disk.len()];
            crate::select::epoch_order(&disk, 3, 1, &mut order);
            for n_done in [0, 320] {
                disk.read_ahead(&mut order[n_done..].iter().copied(), n_done);
                for batch in order[n_done..].chunks(64) {
                    assert_eq!(read(&disk, batch), read(&whole, batch));
                }
            }
        }
    }

    #[test]
    fn inputs_are_read_from_files_of_any_form() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let images = images(&[0, 255]);
        let spec = images.spec();
        let idx = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[0, 51, 102, 153]].concat();
        let expected = array![[0.0, 0.2], [0.4, 0.6]];
        for path in [path("x-idx3-ubyte", &idx), path("x.npy", &encode("|u1", "(2, 1, 2)", &[0, 51, 102, 153]))] {
            let found = Unlabelled::read(&path, spec, None, u64::MAX).unwrap();
            assert_eq!((found.label(0), read(&found, &[0, 1])), (None, expected.clone()));
            // Not even windows fit.
            assert!(matches!(Unlabelled::read(&path, spec, None, 3), Err(DataError::MemoryBound { bound: 3, .. })));
        }
        let table = Unlabelled::read(&path("x.csv", b"p,q\n0,0.2\n0.4,0.6\n"), spec, None, u64::MAX).unwrap();
        assert_eq!(read(&table, &[0, 1]), expected);
        for (name, bytes, expected) in [
            ("y.npy", encode("|u1", "(2, 3)", &[0; 6]), "has inputs of [3], those with labels are [1, 1, 2]"),
            ("y.csv", b"p\n1\n".to_vec(), "has inputs of [1]"),
            ("y", idx[..17].to_vec(), "ends after 17 bytes"),
        ] {
            let error = Unlabelled::read(&path(name, &bytes), spec, None, u64::MAX).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        // What a compressed file promises is compared with all of it.
        let whole = gzip(&idx);
        let damaged: Vec<u8> =
            whole.iter().enumerate().map(|(i, &b)| if i == whole.len() - 8 { !b } else { b }).collect();
        for bytes in [damaged, gzip(&[&idx[..], &[0]].concat()), [&whole[..], &[0]].concat(), gzip(&idx[..19])] {
            let path = path("x.gz", &bytes);
            let error = Unlabelled::read(&path, spec, None, u64::MAX).unwrap_err().to_string();
            assert_eq!(error, idx::read(&path).unwrap_err().to_string());
        }
        let found = Unlabelled::read(&path("x.gz", &whole), spec, None, u64::MAX).unwrap();
        assert_eq!(read(&found, &[0, 1]), expected);
    }

    #[test]
    fn inputs_have_the_shape_that_they_would_have_beside_labels() {
        let dir = tempfile::tempdir().unwrap();
        let found = |name: &str, bytes: &[u8], input_shape: &[usize]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let spec = DataSpec::new(input_shape.to_vec(), vec!["a".to_owned()]);
            Unlabelled::read(&path, &spec, None, u64::MAX)
                .map(|found| read(&found, &[0]))
                .map_err(|error| error.to_string())
        };
        let bytes = |descr: &str, shape: &str| match descr {
            "|u1" => encode(descr, shape, &[255; 4]),
            _ => encode(descr, shape, &255_f32.to_le_bytes().repeat(if shape == "(1, 3)" { 3 } else { 4 })),
        };
        for (descr, shape, input_shape, value) in [
            ("|u1", "(1, 2, 2)", &[1, 2, 2][..], 1.0),
            ("|u1", "(1, 1, 2, 2)", &[1, 2, 2], 1.0),
            ("|u1", "(1, 2, 2, 1)", &[1, 2, 2], 1.0),
            ("|u1", "(1, 4)", &[4], 255.0),
            ("<f4", "(1, 4)", &[4], 255.0),
            ("<f4", "(1, 2, 2)", &[2, 2], 255.0),
            // Numbers are as they are in any shape.
            ("<f4", "(1, 1, 2, 2)", &[1, 2, 2], 255.0),
            ("<f4", "(1, 4)", &[1, 2, 2], 255.0),
        ] {
            assert_eq!(found("x.npy", &bytes(descr, shape), input_shape), Ok(array![[value; 4]]), "{shape}");
        }
        let as_one = "those with labels are [1, 2, 2]; save them with the shape (n, 1, 2, 2), such as with `reshape`";
        for (descr, shape, input_shape, expected) in [
            ("|u1", "(1, 4)", &[1, 2, 2][..], ["has inputs of [4], ", as_one]),
            ("<f4", "(1, 3)", &[1, 2, 2], ["has inputs of [3], ", "those with labels are [1, 2, 2]"]),
            ("|u1", "(1, 2, 2)", &[4], ["has images of [1, 2, 2], those with labels are [4]", "the shape (n, 4)"]),
            ("|u1", "(1, 2, 2)", &[2, 2], ["has images of [1, 2, 2], those with labels are [2, 2]", "astype"]),
        ] {
            let error = found("x.npy", &bytes(descr, shape), input_shape).unwrap_err();
            assert!(expected.iter().all(|part| error.contains(part)), "{shape}: {error}");
        }
        let idx = |sides: &[u8]| {
            let sides = [&[1], sides].concat();
            let header = sides.iter().flat_map(|&side| [0, 0, 0, side]);
            [0, 0, 8, sides.len() as u8].into_iter().chain(header).chain([255; 4]).collect::<Vec<_>>()
        };
        for sides in [&[2, 2][..], &[1, 2, 2]] {
            assert_eq!(found("x", &idx(sides), &[1, 2, 2]), Ok(array![[1.0; 4]]));
        }
        for (sides, input_shape) in [(&[4][..], &[1, 2, 2][..]), (&[4], &[4]), (&[2, 2], &[4]), (&[2, 2], &[2, 2])] {
            let error = found("x", &idx(sides), input_shape).unwrap_err();
            assert!(error.contains(&format!("those with labels are {input_shape:?}; save them")), "{error}");
        }
    }
}
