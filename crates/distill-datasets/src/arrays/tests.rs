use std::fs;

use ndarray::Array2;

use super::*;
use crate::npy::tests::encode;

fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn labels(values: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    encode("<i8", &format!("({},)", values.len()), &bytes)
}

fn load(dir: &tempfile::TempDir) -> Result<Arc<dyn Dataset>, DataError> {
    ArrayFolder::find(dir.path()).unwrap().unwrap().load(Split::Train, None, u64::MAX)
}

fn inputs(data: &dyn Dataset) -> Array2<f32> {
    let mut out = Array2::zeros((data.len(), data.spec().features()));
    data.read(&(0..data.len()).collect::<Vec<_>>(), out.view_mut()).unwrap();
    out
}

#[test]
fn images_are_scaled_and_other_numbers_are_not() {
    let pixels = encode("|u1", "(2, 1, 2)", &[0, 255, 51, 204]);
    let images = load(&folder(&[("x_train.npy", pixels), ("y_train.npy", labels(&[1, 0]))])).unwrap();
    assert_eq!((images.spec().input_shape.as_slice(), images.label(0)), (&[1, 1, 2][..], Some(1)));
    assert_eq!(inputs(&*images), ndarray::array![[0.0, 1.0], [0.2, 0.8]]);
    let floats = [1.5_f64, -2.0, 0.0, 255.0].map(f64::to_le_bytes).concat();
    let table = folder(&[
        ("x_train.npy", encode("<f8", "(2, 2)", &floats)),
        ("y_train.npy", encode("|u1", "(2, 1)", &[0, 1])),
        ("classes.txt", b"no\nyes\n".to_vec()),
    ]);
    let table = load(&table).unwrap();
    assert_eq!(
        (table.spec().classes.join(" "), inputs(&*table)),
        ("no yes".into(), ndarray::array![[1.5, -2.0], [0.0, 255.0]])
    );
}

#[test]
fn what_does_not_fit_stays_on_the_disk_and_is_the_same() {
    let n = 2000;
    let floats: Vec<u8> = (0..60 * n).flat_map(|i| (i as f64 / 8.0).to_le_bytes()).collect();
    let classes: Vec<i64> = (0..n).map(|i| i % 300).collect();
    for (descr, shape, bytes) in [
        ("|u1", format!("({n}, 6, 10)"), (0..60 * n).map(|i| i as u8).collect()),
        ("|u1", format!("({n}, 5, 4, 3)"), (0..60 * n).map(|i| (i * 7) as u8).collect()),
        ("<f8", format!("({n}, 60)"), floats),
    ] {
        let dir = folder(&[("x_train.npy", encode(descr, &shape, &bytes)), ("y_train.npy", labels(&classes))]);
        let found = ArrayFolder::find(dir.path()).unwrap().unwrap();
        let found = found.with_layout(Some(ArrayLayout::ChannelsLast), None);
        let [whole, disk] = [u64::MAX, 100_000].map(|bound| found.load(Split::Train, None, bound).unwrap());
        assert_eq!((whole.windows(), disk.windows().is_some()), (None, true));
        assert_eq!((disk.spec(), inputs(&*disk)), (whole.spec(), inputs(&*whole)));
        assert!((0..whole.len()).all(|i| disk.label(i) == whole.label(i)));
        let some = [1500, 3, 77];
        let copy = disk.in_memory(&some).unwrap().unwrap();
        assert_eq!(inputs(&*copy), inputs(&*whole).select(ndarray::Axis(0), &some));
    }
}

#[test]
fn a_shift_moves_the_pixels_of_one_colour_only() {
    // Ten images of 6 x 5 pixels, of which only the second of three colours is there.
    let value = |at: usize| if at % 3 == 1 { (at / 3 % 30 + 1) as u8 } else { 0 };
    let bytes: Vec<u8> = (0..900).map(value).collect();
    let floats: Vec<u8> = bytes.iter().flat_map(|&byte| f32::from(byte).to_le_bytes()).collect();
    for (descr, bytes, scale) in [("|u1", bytes, 255.0), ("<f4", floats, 1.0)] {
        let arrays = [("x_train", encode(descr, "(10, 6, 5, 3)", &bytes)), ("y_train", labels(&[0; 10]))];
        let [x, y] = arrays.clone().map(|(_, bytes)| bytes);
        let dir = folder(&[("x_train.npy", x), ("y_train.npy", y)]);
        let npz = dir.path().join("all.npz");
        fs::write(&npz, crate::npz::tests::pack(&arrays)).unwrap();
        for path in [dir.path(), &npz] {
            let found = ArrayFolder::find(path).unwrap().unwrap();
            let refused = found.load(Split::Train, None, u64::MAX).map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains("inputs of [6, 5, 3]") && refused.contains("data.images.layout"), "{refused}");
            let found = found.with_layout(Some(ArrayLayout::ChannelsLast), None);
            let data = found.load(Split::Train, None, u64::MAX).unwrap();
            assert_eq!(data.spec().input_shape, [3, 6, 5]);
            let mut rows = inputs(&*data);
            for row in rows.outer_iter() {
                let expected = (0..90).map(|i| if i / 30 == 1 { (i % 30 + 1) as f32 / scale } else { 0.0 });
                assert!(row.iter().copied().eq(expected), "{row}");
            }
            let jitter = crate::Jitter::new(2, &data.spec().input_shape).unwrap();
            jitter.apply(1, 1, &(0..10).collect::<Vec<_>>(), rows.view_mut());
            let sum = |colour: usize| rows.slice(ndarray::s![.., 30 * colour..30 * (colour + 1)]).sum();
            assert!(sum(1) > 0.0 && sum(0) == 0.0 && sum(2) == 0.0);
        }
    }
}

#[test]
fn one_file_has_the_same_arrays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("set.npz");
    let arrays = [("x_train", encode("|u1", "(2, 1, 2)", &[0, 255, 51, 204])), ("y_train", labels(&[1, 0]))];
    fs::write(&path, crate::npz::tests::pack(&arrays)).unwrap();
    let found = ArrayFolder::find(&path).unwrap().unwrap();
    let bound = found.load(Split::Train, None, 5).map(|_| ());
    assert!(matches!(bound, Err(DataError::MemoryBound { needed: 12, .. })), "an archive is unpacked in memory");
    let train = found.load(Split::Train, None, u64::MAX).unwrap();
    assert_eq!((train.len(), inputs(&*train)), (2, ndarray::array![[0.0, 1.0], [0.2, 0.8]]));
    let missing = found.load(Split::Test, None, u64::MAX).map(|_| ()).unwrap_err().path().unwrap().to_owned();
    assert!(missing.ends_with("set.npz/x_test.npy"), "{}", missing.display());
    assert!(ArrayFolder::find(&dir.path().join("other.npz")).unwrap().is_none());
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(ArrayFolder::find(tempfile::tempdir().unwrap().path()).unwrap().is_none());
    let x = || encode("<f4", "(2, 1)", &[0; 8]);
    let error = |x: Vec<u8>, y: Vec<u8>| {
        let dir = folder(&[("x_train.npy", x), ("y_train.npy", y)]);
        load(&dir).map(|_| ()).unwrap_err().to_string()
    };
    for (x, y, expected) in [
        (x(), labels(&[0, 1, 0]), "2 images"),
        (x(), labels(&[0, -3]), "gives example 1 a class below 0, or above 4294967295"),
        (x(), labels(&[0, 1 << 30]), "name them in `classes.txt`"),
        (x(), x(), "expected one whole number for each example"),
        (encode("<f4", "(2,)", &[0; 8]), labels(&[0, 1]), "expected the examples along its first side"),
        (encode("<f4", "(2, 0)", &[]), labels(&[0, 1]), "cannot be read as rows"),
        (encode("<f4", "(2, 1)", &[f32::NAN.to_le_bytes(), [0; 4]].concat()), labels(&[0, 1]), "NaN"),
        (encode("<f4", "(0, 1)", &[]), encode("<i8", "(0,)", &[]), "there are no examples"),
        (b"PK".to_vec(), labels(&[0, 1]), "ends within its header"),
    ] {
        let found = error(x, y);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let dir = folder(&[("x_train.npy", x())]);
    assert!(matches!(load(&dir).map(|_| ()).unwrap_err(), DataError::Io { .. }));
    let dir = folder(&[("x_train.npy", x()), ("y_train.npy", labels(&[0, 1]))]);
    // Not even windows fit.
    let bound = ArrayFolder::find(dir.path()).unwrap().unwrap().load(Split::Train, None, 15).map(|_| ());
    assert!(matches!(bound.unwrap_err(), DataError::MemoryBound { bound: 15, .. }));
}

#[test]
fn numbers_to_predict_are_those_of_y() {
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let x = encode("<f4", "(3, 2)", &floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let with = |y: Vec<u8>, names: &[&str], bound: u64| {
        let dir = folder(&[("x_train.npy", x.clone()), ("y_train.npy", y)]);
        let names = names.iter().map(ToString::to_string).collect();
        ArrayFolder::find(dir.path()).unwrap().unwrap().with_targets(names).load(Split::Train, None, bound)
    };
    let one = with(encode("<f4", "(3,)", &floats(&[0.5, -1.5, 2.25])), &["price"], u64::MAX).unwrap();
    assert_eq!((one.spec().classes.join(" "), one.label(2), one.label(3)), ("price".to_owned(), Some(2), None));
    assert_eq!(one.spec().numbers.as_ref().unwrap().values(), ndarray::array![[0.5], [-1.5], [2.25]]);
    // Whole numbers may be predicted as well, several at once, and of inputs that stay on the disk.
    let two = || encode("<i4", "(3, 2)", &[1_i32, 10, 2, 20, 3, 30].map(i32::to_le_bytes).concat());
    let found = with(two(), &["a", "b"], u64::MAX).unwrap();
    assert_eq!(found.spec().numbers.as_ref().unwrap().values(), ndarray::array![[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]);
    let many = |n: u16, width: u16| {
        let values: Vec<f32> = (0..n * width).map(f32::from).collect();
        encode("<f4", &format!("({n}, {width})"), &floats(&values))
    };
    let dir = folder(&[("x_train.npy", many(900, 2)), ("y_train.npy", many(900, 1))]);
    let load = |bound| {
        let found = ArrayFolder::find(dir.path()).unwrap().unwrap().with_targets(vec!["a".to_owned()]);
        found.load(Split::Train, None, bound).unwrap()
    };
    let (on_disk, whole) = (load(9000), load(u64::MAX));
    assert!(on_disk.windows().is_some() && whole.windows().is_none());
    assert_eq!((inputs(&*on_disk), on_disk.spec()), (inputs(&*whole), whole.spec()));
    // A copy of some has the numbers of these.
    let some = on_disk.in_memory(&[700, 3]).unwrap().unwrap();
    let row = |label: u32| some.spec().numbers.as_ref().unwrap().row(label)[0];
    assert_eq!([0, 1].map(|index| row(some.label(index).unwrap())), [700.0, 3.0]);
    for (y, names, expected) in [
        (two(), &["a"][..], "has the shape [3, 2], expected a column for each of [\"a\"] to predict"),
        (encode("<f4", "(3,)", &floats(&[0.5, f32::NAN, 1.0])), &["a"], "has NaN to predict for example 1"),
        (encode("<f4", "(3,)", &floats(&[0.5, 1.5, 1.0])), &[], "name numbers to predict in `data.columns.targets`"),
    ] {
        let found = with(y, names, u64::MAX).map(|_| ()).unwrap_err().to_string();
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
