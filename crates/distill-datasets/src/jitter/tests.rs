mod frames;

use ndarray::{Array2, ArrayView3, s};
use proptest::prelude::*;

use super::*;

/// Writes the definition down: `out[y][x] = in[y - dy][x - dx]`, and outside 0 or the mirrored image.
fn reference(image: ArrayView3<'_, f32>, (dx, dy): (isize, isize), padding: Padding) -> Vec<f32> {
    let (_, height, width) = image.dim();
    let inside = |at: isize, n: usize| match (0..n as isize).contains(&at) {
        true => Some(at),
        false if padding == Padding::Zero => None,
        false if at < 0 => Some(-at),
        false => Some(2 * (n as isize - 1) - at),
    };
    let at = |c, y: isize, x: isize| match (inside(y, height), inside(x, width)) {
        (Some(y), Some(x)) => image[[c, y as usize, x as usize]],
        _ => 0.0,
    };
    image.indexed_iter().map(|((c, y, x), _)| at(c, y as isize - dy, x as isize - dx)).collect()
}

fn batch(n: usize, features: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, features), |(i, j)| (i * features + j + 1) as f32)
}

/// Pixels from 0 to 1.
fn pixels(n: usize, features: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, features), |(i, j)| ((i * 7919 + j * 104_729) % 256) as f32 / 255.0)
}

const OFF: JitterOptions = JitterOptions {
    shift: 0,
    padding: Padding::Zero,
    flip: false,
    crop: None,
    brightness: 0.0,
    contrast: 0.0,
    saturation: 0.0,
    cutout: 0,
    time_shift: 0,
    time_mask: 0,
    frequency_mask: 0,
    noise: 0.0,
};

/// All changes at once.
const ALL: JitterOptions = JitterOptions {
    shift: 4,
    padding: Padding::Reflect,
    flip: true,
    crop: Some(0.4),
    brightness: 0.4,
    contrast: 0.3,
    saturation: 0.5,
    cutout: 8,
    time_shift: 0,
    time_mask: 6,
    frequency_mask: 5,
    noise: 0.1,
};

#[test]
fn every_shift_equals_the_reference() {
    let (c, h, w) = (2, 7, 8);
    for padding in [Padding::Zero, Padding::Reflect] {
        for dx in -3..=3 {
            for dy in -3..=3 {
                let image = batch(1, c * h * w).into_shape_with_order((c, h, w)).unwrap();
                let mut shifted = image.clone();
                let planes = shifted.as_slice_mut().unwrap().chunks_exact_mut(h * w);
                planes.for_each(|plane| shift::shift(plane, w, (dx, dy), padding));
                let found: Vec<_> = shifted.iter().copied().collect();
                assert_eq!(found, reference(image.view(), (dx, dy), padding), "{padding:?} {dx} {dy}");
            }
        }
    }
}

#[test]
fn a_shift_of_a_small_plane_is_that_by_hand() {
    let plane = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    let shifted = |by, padding| {
        let mut plane = plane;
        shift::shift(&mut plane, 3, by, padding);
        plane
    };
    assert_eq!(shifted((1, 0), Padding::Zero), [0.0, 1.0, 2.0, 0.0, 4.0, 5.0, 0.0, 7.0, 8.0]);
    assert_eq!(shifted((0, -1), Padding::Zero), [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0, 0.0, 0.0]);
    // The pixel beside the outermost one comes in.
    assert_eq!(shifted((1, 0), Padding::Reflect), [2.0, 1.0, 2.0, 5.0, 4.0, 5.0, 8.0, 7.0, 8.0]);
    assert_eq!(shifted((-1, 1), Padding::Reflect), [5.0, 6.0, 5.0, 2.0, 3.0, 2.0, 5.0, 6.0, 5.0]);
}

#[test]
fn two_flips_are_none() {
    let jitter = Jitter::of(JitterOptions { flip: true, ..OFF }, &[3, 4, 5]).unwrap();
    let original = batch(40, 60);
    let mut rows = original.clone();
    let examples: Vec<_> = (0..40).collect();
    jitter.apply(1, 0, &examples, rows.view_mut());
    let flipped = |row: usize| -> Vec<f32> {
        original.row(row).as_slice().unwrap().chunks(5).flat_map(|line| line.iter().rev().copied()).collect()
    };
    let n = (0..40).filter(|&row| rows.row(row) != original.row(row)).count();
    assert!((10..30).contains(&n), "{n} of 40");
    for row in 0..40 {
        let found = rows.row(row).to_vec();
        assert!(found == flipped(row) || found == original.row(row).to_vec(), "{row}");
    }
    jitter.apply(1, 0, &examples, rows.view_mut());
    assert_eq!(rows, original);
}

#[test]
fn a_hole_has_as_many_pixels_as_lie_inside() {
    let zeros = |middle, size| {
        let mut plane = [1.0; 7 * 6];
        cut_out(&mut plane, 6, middle, size);
        plane.iter().filter(|&&pixel| pixel == 0.0).count()
    };
    assert_eq!([zeros((3, 3), 4), zeros((3, 3), 3), zeros((3, 2), 1)], [16, 9, 1]);
    // Rows 0 to 1 and columns 4 to 5 of a square that begins at -2 and ends behind the last column.
    assert_eq!([zeros((0, 5), 4), zeros((6, 0), 4), zeros((6, 5), 6)], [2 * 3, 3 * 2, 4 * 4]);

    // The mean over all middles: each of 16 places of the square is inside for (8 - |offset|) middles of 8 in a row.
    let jitter = Jitter::of(JitterOptions { cutout: 4, ..OFF }, &[2, 8, 8]).unwrap();
    let examples: Vec<_> = (0..6400).collect();
    let mut rows = Array2::ones((examples.len(), 128));
    jitter.apply(1, 0, &examples, rows.view_mut());
    let holes = rows.iter().filter(|&&pixel| pixel == 0.0).count() as f64 / (2.0 * 6400.0);
    let side = [-2_i32, -1, 0, 1].iter().map(|offset| f64::from(8 - offset.abs()) / 8.0).sum::<f64>();
    assert!((holes - side * side).abs() < 0.1, "{holes} {}", side * side);
    // Both channels have the same hole.
    assert!(rows.outer_iter().all(|row| (0..64).all(|i| row[i] == row[64 + i])));
}

#[test]
fn a_part_becomes_the_whole() {
    let part = Crop { top: 1, left: 1, height: 2, width: 2 };
    let mut plane: Vec<f32> = (0..16).map(|i| i as f32).collect();
    part.resize(&mut plane, 4, 4);
    // Centres of the four pixels 5, 6, 9 and 10 are at 0.5 and 2.5 of the result.
    let line = [5.0, 5.25, 5.75, 6.0];
    let expected: Vec<f32> = [0.0, 1.0, 3.0, 4.0].iter().flat_map(|down| line.map(|across| across + down)).collect();
    assert_eq!(plane, expected);

    let mut plane: Vec<f32> = (0..12).map(|i| i as f32).collect();
    Crop { top: 2, left: 3, height: 1, width: 1 }.resize(&mut plane, 3, 4);
    assert_eq!(plane, [11.0; 12]);
    let whole = Crop { top: 0, left: 0, height: 3, width: 4 };
    let mut same = [1.0, 5.0, 2.0, 9.0, 0.5, 7.0, 3.0, 3.0, 8.0, 4.0, 6.0, 1.5];
    whole.resize(&mut same, 3, 4);
    assert_eq!(same, [1.0, 5.0, 2.0, 9.0, 0.5, 7.0, 3.0, 3.0, 8.0, 4.0, 6.0, 1.5]);
}

#[test]
fn parts_are_as_large_as_asked_for() {
    let mut areas = vec![];
    for example in 0..4000 {
        let mut rng = Philox::new(1, Stream::Augment, 0, example);
        let Crop { top, left, height, width } = Crop::draw(&mut rng, 0.25, 100, 200);
        assert!(top + height <= 100 && left + width <= 200);
        let (tall, wide) = (height as f64 / 100.0, width as f64 / 200.0);
        areas.push(tall * wide);
        let ratio = tall / wide;
        assert!((0.73..1.37).contains(&ratio), "{ratio}");
    }
    // Where nearly all of an image is taken, its sides leave no choice but nearly all of themselves.
    for example in 0..400 {
        let Crop { height, width, .. } = Crop::draw(&mut Philox::new(2, Stream::Augment, 0, example), 0.9, 100, 100);
        assert!(height * width >= 8900, "{height} {width}");
    }
    let mean = areas.iter().sum::<f64>() / 4000.0;
    let (smallest, largest) = areas.iter().fold((f64::MAX, 0.0_f64), |(a, b), &area| (a.min(area), b.max(area)));
    assert!((mean - 0.625).abs() < 0.02 && smallest > 0.24 && smallest < 0.26 && largest > 0.99, "{smallest} {mean}");
}

#[test]
fn colours_change_as_by_hand() {
    // Two pixels: red 0.5 and 0.25, green 0.5 and 0.75, blue 0.5 and 0.
    let image = [0.5, 0.25, 0.5, 0.75, 0.5, 0.0];
    let changed = |brightness, contrast, saturation| {
        let mut image = image;
        Colour { brightness, contrast, saturation }.apply(&mut image, 3);
        image
    };
    let near = |found: [f32; 6], expected: [f32; 6]| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {expected:?}");
    };
    near(changed(1.0, 1.0, 1.0), image);
    near(changed(1.5, 1.0, 1.0), [0.75, 0.375, 0.75, 1.0, 0.75, 0.0]);
    // Greys are 0.5 and 0.299 / 4 + 0.587 * 3 / 4 = 0.515, their mean 0.5075.
    near(changed(1.0, 0.5, 1.0), [0.50375, 0.37875, 0.50375, 0.62875, 0.50375, 0.25375]);
    near(changed(1.0, 1.0, 0.0), [0.5, 0.515, 0.5, 0.515, 0.5, 0.515]);
    near(changed(1.0, 1.0, 2.0), [0.5, 0.0, 0.5, 0.985, 0.5, 0.0]);
    let mut grey = [0.2, 0.4, 0.6];
    Colour { brightness: 1.0, contrast: 2.0, saturation: 0.0 }.apply(&mut grey, 1);
    assert!(grey.iter().zip([0.0, 0.4, 0.8]).all(|(a, b)| (a - b).abs() < 1e-6), "{grey:?}");
}

#[test]
fn batch_composition_and_threads_do_not_matter() {
    for (options, shape) in [(JitterOptions { shift: 3, ..OFF }, [1, 28, 28]), (ALL, [3, 32, 32])] {
        let features = shape.iter().product();
        let jitter = Jitter::of(options, &shape).unwrap();
        let examples: Vec<_> = (0..200).map(|i| i * 7 % 200).collect();
        let original = pixels(200, features);
        let mut whole = original.clone();
        jitter.apply(5, 2, &examples, whole.view_mut());
        for n_threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let mut again = original.clone();
            pool.install(|| jitter.apply(5, 2, &examples, again.view_mut()));
            assert_eq!(again, whole);
        }
        for i in [0, 77, 199] {
            let mut alone = original.slice(s![i..=i, ..]).to_owned();
            jitter.apply(5, 2, &examples[i..=i], alone.view_mut());
            assert_eq!(alone.row(0), whole.row(i));
        }
    }
}

#[test]
fn changes_depend_on_epoch_and_seed_and_shifts_are_uniform() {
    let jitter = Jitter::new(1, &[1, 4, 4]).unwrap();
    let mut counts = std::collections::HashMap::new();
    for example in 0..9000 {
        *counts.entry(jitter.draw(1, 0, example).shift).or_insert(0_u32) += 1;
    }
    assert_eq!(counts.len(), 9);
    assert!(counts.values().all(|n| n.abs_diff(1000) < 150), "{counts:?}");
    let all = Jitter::of(ALL, &[3, 32, 32]).unwrap();
    let changes = |seed, epoch| (0..20).map(|i| all.draw(seed, epoch, i)).collect::<Vec<_>>();
    assert_eq!(changes(1, 0), changes(1, 0));
    assert_ne!(changes(1, 0), changes(1, 1));
    assert_ne!(changes(1, 0), changes(2, 0));
}

/// Runs from before there was anything but shifts are continued and repeated.
#[test]
fn shifts_are_those_that_they_always_were() {
    let jitter = Jitter::new(2, &[1, 28, 28]).unwrap();
    let shifts: Vec<_> = (0..6).map(|example| jitter.draw(3, 7, example).shift).collect();
    assert_eq!(shifts, [(2, 1), (2, -1), (0, 1), (2, -2), (-1, 0), (0, 1)]);
    let all = Jitter::of(JitterOptions { shift: 2, ..ALL }, &[3, 28, 28]).unwrap();
    assert!((0..100).all(|example| all.draw(3, 7, example).shift == jitter.draw(3, 7, example).shift));
}

#[test]
fn every_view_is_what_an_epoch_shows() {
    for (flip, padding) in [(false, Padding::Zero), (true, Padding::Zero), (true, Padding::Reflect)] {
        let jitter = Jitter::of(JitterOptions { shift: 2, flip, padding, ..OFF }, &[2, 5, 6]).unwrap();
        let n_views = if flip { 50 } else { 25 };
        assert_eq!(jitter.n_views(), Some(n_views));
        let mut seen = vec![false; n_views];
        for example in 0..600 {
            let augmentation = Augmentation { jitter, seed: 3, epoch: 7 };
            let view = augmentation.view_of(example);
            seen[view] = true;
            let (mut shown, mut made) = (batch(1, 60), batch(1, 60));
            augmentation.apply(&[example], shown.view_mut());
            jitter.apply_view(view, made.view_mut());
            assert_eq!(shown, made, "{view}");
        }
        assert!(seen.iter().all(|&seen| seen));
    }
    for options in [
        JitterOptions { cutout: 1, ..OFF },
        JitterOptions { crop: Some(0.5), ..OFF },
        JitterOptions { contrast: 0.1, ..OFF },
    ] {
        assert_eq!(Jitter::of(options, &[3, 8, 8]).unwrap().n_views(), None);
    }
}

#[test]
fn says_what_is_wrong_with_a_change() {
    let message = |max_shift, shape: &[usize]| Jitter::new(max_shift, shape).unwrap_err().to_string();
    assert_eq!(
        message(28, &[1, 28, 30]),
        "a shift of 28 pixels needs [channels, height, width] with larger sides, got [1, 28, 30]"
    );
    for shape in [&[784][..], &[0, 28, 28], &[1, 3, 28], &[1, 28, 3], &[2, usize::MAX, usize::MAX]] {
        message(3, shape);
    }
    let message = |options, shape: &[usize]| Jitter::of(options, shape).unwrap_err().to_string();
    let flip = JitterOptions { flip: true, ..OFF };
    assert_eq!(message(flip, &[784]), "`flip` needs images, [channels, height, width], got inputs of shape [784]");
    let reflect = JitterOptions { shift: 2, padding: Padding::Reflect, ..OFF };
    assert_eq!(
        message(reflect, &[1, 4, 9]),
        "`padding` needs sides of more than 4 pixels, twice the shift, got inputs of shape [1, 4, 9]"
    );
    let cutout = JitterOptions { cutout: 9, ..OFF };
    assert_eq!(message(cutout, &[1, 8, 9]), "`cutout` needs sides of at least 9 pixels, got inputs of shape [1, 8, 9]");
    for share in [0.0, -0.5, 1.1, f64::NAN] {
        let crop = JitterOptions { crop: Some(share), ..OFF };
        assert_eq!(
            message(crop, &[1, 8, 9]),
            format!("`crop` needs a share of more than 0 and at most 1, got {share}")
        );
    }
    let saturation = JitterOptions { saturation: 0.5, ..OFF };
    assert!(message(saturation, &[1, 8, 8]).starts_with("`saturation` needs images of three colours, got "));
    let contrast = JitterOptions { contrast: 0.5, ..OFF };
    assert!(message(contrast, &[2, 8, 8]).starts_with("`contrast` needs images of grey or of three colours, got "));
    let brightness = JitterOptions { brightness: 1.5, ..OFF };
    assert_eq!(message(brightness, &[1, 8, 8]), "`brightness` needs a number from 0 to 1, got 1.5");

    let mut untouched = batch(2, 4);
    Jitter::new(0, &[1, 2, 2]).unwrap().apply(1, 0, &[0, 1], untouched.view_mut());
    assert_eq!(untouched, batch(2, 4));
}

proptest! {
    #[test]
    fn equals_the_reference(
        (c, h, w, max_shift) in (1_usize..3, 1_usize..7, 1_usize..7)
            .prop_flat_map(|(c, h, w)| (Just(c), Just(h), Just(w), 0..h.min(w))),
        seed: u64,
        epoch: u32,
        examples in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let padding = if 2 * max_shift < h.min(w) { Padding::Reflect } else { Padding::Zero };
        let jitter = Jitter::of(JitterOptions { shift: max_shift, padding, ..OFF }, &[c, h, w]).unwrap();
        let original = batch(examples.len(), c * h * w);
        let mut shifted = original.clone();
        jitter.apply(seed, epoch, &examples, shifted.view_mut());
        for ((before, after), &example) in original.rows().into_iter().zip(shifted.rows()).zip(&examples) {
            let (dx, dy) = jitter.draw(seed, epoch, example).shift;
            prop_assert!(dx.unsigned_abs() <= max_shift && dy.unsigned_abs() <= max_shift);
            let image = before.into_shape_with_order((c, h, w)).unwrap();
            prop_assert_eq!(after.to_vec(), reference(image, (dx, dy), padding));
        }
    }

    #[test]
    fn pixels_stay_pixels(
        (c, h, w) in (prop::sample::select(vec![1_usize, 3]), 1_usize..9, 1_usize..9),
        seed: u64,
        share in 0.01..=1.0,
        range in 0.0..=1.0,
        cutout in 0_usize..3,
    ) {
        let saturation = if c == 3 { range } else { 0.0 };
        let crop = Some(share);
        let cutout = cutout.min(h.min(w));
        let options =
            JitterOptions { crop, flip: true, brightness: range, contrast: range, saturation, cutout, ..OFF };
        let jitter = Jitter::of(options, &[c, h, w]).unwrap();
        let mut rows = pixels(5, c * h * w);
        jitter.apply(seed, 0, &[0, 1, 2, 3, usize::MAX], rows.view_mut());
        prop_assert!(rows.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }
}
