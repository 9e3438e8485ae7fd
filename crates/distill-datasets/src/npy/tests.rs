use super::*;

/// As `numpy.save` writes it.
pub(crate) fn encode(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    [MAGIC, b"\x01\x00", &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
}

fn read(bytes: &[u8]) -> Result<Array<&[u8]>, String> {
    Array::read_header(bytes).map_err(|fault| match fault {
        Fault::Io(error) => error.to_string(),
        Fault::Format(problem) => problem,
        Fault::Cut => "ends within its header".to_owned(),
    })
}

#[test]
fn numbers_of_all_types_are_read() {
    let values = [1.0_f32, 2.0, 100.0];
    let check = |descr: &str, data: Vec<u8>| {
        let array = read(&encode(descr, "(3,)", &data)).map(|array| array.into_f32().unwrap());
        assert_eq!(array.unwrap(), values, "{descr}");
    };
    check("|u1", vec![1, 2, 100]);
    check("|i1", vec![1, 2, 100]);
    check("<u2", [1_u16, 2, 100].map(u16::to_le_bytes).concat());
    check("<i2", [1_i16, 2, 100].map(i16::to_le_bytes).concat());
    check("<u4", [1_u32, 2, 100].map(u32::to_le_bytes).concat());
    check("<i4", [1_i32, 2, 100].map(i32::to_le_bytes).concat());
    check("<u8", [1_u64, 2, 100].map(u64::to_le_bytes).concat());
    check("<i8", [1_i64, 2, 100].map(i64::to_le_bytes).concat());
    check("<f2", values.map(|value| half::f16::from_f32(value).to_le_bytes()).concat());
    check("<f4", values.map(f32::to_le_bytes).concat());
    check("<f8", values.map(|value| f64::from(value).to_le_bytes()).concat());
}

#[test]
fn labels_are_whole_and_not_below_zero() {
    let labels = |descr: &str, data: Vec<u8>| read(&encode(descr, "(2,)", &data)).unwrap().into_labels();
    let i64s = |values: [i64; 2]| labels("<i8", values.map(i64::to_le_bytes).concat()).unwrap();
    assert_eq!(i64s([3, 0]), [Some(3), Some(0)]);
    assert_eq!(i64s([-1, 1 << 40]), [None, None]);
    assert_eq!(labels("|i1", vec![5, 255]).unwrap(), [Some(5), None]);
    assert!(labels("<f4", vec![0; 8]).is_err());
}

#[test]
fn long_arrays_are_read_in_pieces() {
    let values: Vec<f64> = (0..20_000).map(f64::from).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let whole = encode("<f8", "(20000,)", &bytes);
    let found = read(&whole).unwrap().into_f32().unwrap();
    assert!(found.len() == 20_000 && found.iter().zip(&values).all(|(&a, &b)| f64::from(a) == b));
    assert!(read(&whole[..whole.len() - 1]).unwrap().into_f32().is_err());
}

#[test]
fn headers_are_read_in_any_order_and_damage_is_an_error() {
    let parsed = dictionary("{ 'shape' : (2 , 3,),'fortran_order':True, 'descr':'<f8'}");
    assert_eq!(parsed, Some(("<f8", true, vec![2, 3])));
    assert_eq!(dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (), }"), Some(("<f4", false, vec![])));
    for bad in ["", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"] {
        assert_eq!(dictionary(bad), None, "{bad}");
    }
    let whole = encode("<f4", "(2,)", &[0; 8]);
    for n in 0..whole.len() - 8 {
        assert!(read(&whole[..n]).is_err(), "cut at {n}");
    }
    for (descr, shape, expected) in [
        (">f4", "(2,)", "has numbers of type `>f4`"),
        ("<c8", "(2,)", "has numbers of type `<c8`"),
        ("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", "is not understood"),
    ] {
        let error = read(&encode(descr, shape, &[])).map(|_| ()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let large = encode("<f8", "(4294967296, 4294967296)", &[]);
    assert_eq!(read(&large).unwrap().n_bytes(), None);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = Array::open(&path).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("its header promises 136"), "{error}");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(Array::open(&path).unwrap().into_f32().unwrap(), [0.0, 0.0]);
}
