use ndarray::array;

use super::*;
use crate::dataset::tests::read;
use crate::{Columns, Table};

const OPTIONS: MungeOptions = MungeOptions { passes: 3, p: 0.5, s: 2.0, seed: 7 };

/// A number, a word of three, and a number that may be missing; one code for each.
fn table(codes: &[[f32; 3]]) -> Arc<dyn Dataset> {
    let column = |name: &str| Column {
        name: name.to_owned(),
        values: None,
        rare: false,
        missing: None,
        form: None,
        edges: vec![],
    };
    let words = ["a", "b", "c"].map(str::to_owned).to_vec();
    let inputs = vec![
        column("x"),
        Column { values: Some(words), ..column("word") },
        Column { missing: Some(5.0), ..column("y") },
    ];
    let columns = Columns { inputs, label: "label".to_owned(), targets: vec![] };
    let classes = vec!["a".to_owned(), "b".to_owned()];
    Arc::new(Table::of_columns(columns, vec![], codes.concat(), (vec![1; codes.len()], None), classes).unwrap())
}

fn munged(codes: &[[f32; 3]], options: MungeOptions) -> Munged {
    Munged::new(table(codes), options).unwrap()
}

#[test]
fn neighbours_are_those_that_a_plain_search_finds() {
    // More rows than are compared at a time, and some that are twice there.
    let codes: Vec<[f32; 3]> = (0..1300)
        .map(|i: u32| {
            let mut rng = Philox::new(3, Stream::Probe, 0, i / 2 * 2 + u32::from(i.is_multiple_of(7)));
            let [x, word, y, gap] = rng.next_block().map(unit);
            let y = if gap < 0.2 { f32::NAN } else { 100.0 * y as f32 };
            [1e-3 * x as f32, (3.0 * word).floor() as f32, y]
        })
        .collect();
    let data = munged(&codes, OPTIONS);
    let deviation = |of: &dyn Fn(&[f32; 3]) -> f64| {
        let mean = codes.iter().map(of).sum::<f64>() / 1300.0;
        (codes.iter().map(|row| (of(row) - mean).powi(2)).sum::<f64>() / 1300.0).sqrt()
    };
    let x = |row: &[f32; 3]| f64::from(row[0]);
    let y = |row: &[f32; 3]| if row[2].is_nan() { 5.0 } else { f64::from(row[2]) };
    let (of_x, of_y) = (deviation(&x), deviation(&y));
    let distance = |a: &[f32; 3], b: &[f32; 3]| {
        let words = f64::from(u8::from(a[1] != b[1])) + f64::from(u8::from(a[2].is_nan() != b[2].is_nan()));
        ((x(a) - x(b)) / of_x).powi(2) + ((y(a) - y(b)) / of_y).powi(2) + words
    };
    for (own, (row, &nearest)) in codes.iter().zip(data.nearest().unwrap()).enumerate() {
        let others = codes.iter().enumerate().filter(|&(other, _)| other != own);
        let least = others.map(|(_, other)| distance(row, other)).fold(f64::INFINITY, f64::min);
        let found = distance(row, &codes[nearest as usize]);
        assert!(nearest as usize != own && found <= least + 1e-4, "{own}: {found}, {least}");
    }
}

#[test]
fn each_column_changes_as_the_paper_says() {
    // Two rows are the neighbours of each other, far away from two others.
    let codes = [[0.0, 0.0, 10.0], [1.0, 1.0, f32::NAN], [500.0, 2.0, 30.0], [504.0, 2.0, 32.0]];
    let data = munged(&codes, MungeOptions { passes: 4000, ..OPTIONS });
    assert_eq!(data.nearest().unwrap(), [1, 0, 3, 2]);
    assert_eq!((data.len(), data.label(0)), (16_000, None));
    let rows = read(&data, &(0..16_000).collect::<Vec<_>>());
    let of = |example: usize| rows.outer_iter().skip(example).step_by(4);
    let share = |n: usize| n as f64 / 4000.0;
    // The word of row 0 becomes that of row 1 half of the time, and never another.
    assert!(of(0).all(|row| row.slice(s![1..4]).sum() == 1.0 && row[3] == 0.0));
    assert!((share(of(0).filter(|row| row[2] == 1.0).count()) - 0.5).abs() < 0.04);
    // A number that one of them lacks is taken as a word: the value and that it is missing change together.
    assert!(of(0).all(|row| [array![10.0, 0.0], array![5.0, 1.0]].contains(&row.slice(s![4..]).to_owned())));
    assert!((share(of(0).filter(|row| row[5] == 1.0).count()) - 0.5).abs() < 0.04);
    // Numbers that change are around those of the neighbour, with half of the distance as their deviation.
    let changed: Vec<f64> = of(2).map(|row| f64::from(row[0])).filter(|&x| x != 500.0).collect();
    assert!((share(changed.len()) - 0.5).abs() < 0.04);
    let mean = changed.iter().sum::<f64>() / changed.len() as f64;
    let deviation = (changed.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / changed.len() as f64).sqrt();
    assert!((mean - 504.0).abs() < 0.2 && (deviation - 2.0).abs() < 0.1, "{mean} {deviation}");
    assert!(of(2).all(|row| row[3] == 1.0 && row[5] == 0.0));
}

#[test]
fn passes_and_seeds_differ_and_what_is_read_together_does_not_matter() {
    let codes: Vec<[f32; 3]> = (0..100).map(|i| [i as f32, (i % 3) as f32, (i * i) as f32]).collect();
    let data = munged(&codes, OPTIONS);
    let all = read(&data, &(0..300).collect::<Vec<_>>());
    assert_ne!(all.slice(s![..100, ..]), all.slice(s![100..200, ..]));
    assert_ne!(all, read(&munged(&codes, MungeOptions { seed: 8, ..OPTIONS }), &(0..300).collect::<Vec<_>>()));
    let mixed: Vec<usize> = (0..300).map(|i| i * 77 % 300).collect();
    for (row, &index) in read(&data, &mixed).outer_iter().zip(&mixed) {
        assert_eq!(row, all.row(index));
    }
    let mut out = Array2::zeros((1, 6));
    assert!(matches!(data.read(&[300], out.view_mut()), Err(DataError::IndexOutOfRange { index: 300, len: 300 })));
}

#[test]
fn a_row_alone_stays_as_it_is_and_pictures_are_refused() {
    let one = munged(&[[3.0, 1.0, 4.0]], MungeOptions { p: 1.0, ..OPTIONS });
    assert_eq!(read(&one, &[0, 2]).row(1), array![3.0, 0.0, 1.0, 0.0, 4.0, 0.0]);
    let images = crate::Images::new(vec![1], vec![0, 1], vec![0, 0], vec!["a".to_owned()]).unwrap();
    assert!(matches!(Munged::new(Arc::new(images), OPTIONS), Err(DataError::NoColumns)));
}

#[test]
fn numbers_in_pieces_change_as_whole_ones_do() {
    let codes: Vec<[f32; 3]> = (0..60)
        .map(|i| [(i * i % 77) as f32, (i % 3) as f32, if i % 9 == 4 { f32::NAN } else { (i * 7 % 50) as f32 }])
        .collect();
    let whole = munged(&codes, OPTIONS);
    let columns = whole.base.columns().unwrap();
    let mut cut = columns.clone();
    cut.cut(Array2::from(codes.clone()).view(), 8);
    let table =
        Table::of_columns(cut.clone(), vec![], codes.concat(), (vec![1; 60], None), whole.spec().classes.clone())
            .unwrap();
    let pieces = Munged::new(Arc::new(table), OPTIONS).unwrap();
    assert_eq!(pieces.nearest().unwrap(), whole.nearest().unwrap());
    let all: Vec<usize> = (0..180).collect();
    for (row, expected) in read(&pieces, &all).outer_iter().zip(read(&whole, &all).outer_iter()) {
        let mut found = Array1::zeros(6);
        cut.write_whole(row, found.view_mut());
        assert!(
            found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4 * b.abs().max(1.0)),
            "{found} {expected}"
        );
    }
}
