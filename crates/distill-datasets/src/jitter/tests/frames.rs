use super::*;

#[test]
fn frames_move_in_time_alone() {
    let options = JitterOptions { time_shift: 2, ..OFF };
    let jitter = Jitter::of(options, &[1, 6, 3]).unwrap();
    assert_eq!(jitter.n_views(), Some(5));
    let before = batch(1, 18);
    let mut seen = std::collections::BTreeSet::new();
    for epoch in 0..60 {
        let mut drawn = before.clone();
        jitter.apply(3, epoch, &[7], drawn.view_mut());
        let view = jitter.view_of(3, epoch, 7);
        let by = view as isize - 2;
        let image = before.view().into_shape_with_order((1, 6, 3)).unwrap();
        assert_eq!(drawn.as_slice().unwrap(), reference(image, (0, by), Padding::Zero), "{view}");
        let mut again = before.clone();
        jitter.apply_view(view, again.view_mut());
        assert_eq!(again, drawn);
        seen.insert(view);
    }
    assert_eq!(seen.len(), 5);
}

#[test]
fn masks_hide_stretches_of_time_and_of_frequency() {
    let (n, frames, values) = (400, 12, 8);
    let options = JitterOptions { time_mask: 5, frequency_mask: 3, ..OFF };
    let jitter = Jitter::of(options, &[1, frames, values]).unwrap();
    assert_eq!(jitter.n_views(), None);
    let mut rows = Array2::ones((n, frames * values));
    jitter.apply(1, 0, &(0..n).collect::<Vec<_>>(), rows.view_mut());
    let (mut lengths, mut starts) = ([[0; 6]; 2], [[0; 12]; 2]);
    for row in rows.outer_iter() {
        let image = row.into_shape_with_order((frames, values)).unwrap();
        let hidden = |all_zero: Vec<bool>| {
            let first = all_zero.iter().position(|&is| is);
            let n = all_zero.iter().filter(|&&is| is).count();
            assert!(first.is_none_or(|first| all_zero[first..first + n].iter().all(|&is| is)), "one stretch");
            (first, n)
        };
        let by_axis = [
            hidden(image.rows().into_iter().map(|row| row.sum() == 0.0).collect()),
            hidden(image.columns().into_iter().map(|column| column.sum() == 0.0).collect()),
        ];
        let [(_, n_frames), (_, n_values)] = by_axis;
        assert_eq!(image.sum() as usize, (frames - n_frames) * (values - n_values), "nothing else is hidden");
        for (axis, (first, n)) in by_axis.into_iter().enumerate() {
            lengths[axis][n] += 1;
            first.into_iter().for_each(|first| starts[axis][first] += 1);
        }
    }
    // Each length up to the longest is as likely as the others, and each place has its turn.
    assert!(lengths[0].iter().all(|&n| (40..100).contains(&n)), "{lengths:?}");
    assert!(lengths[1][..4].iter().all(|&n| (65..140).contains(&n)) && lengths[1][4..] == [0, 0], "{lengths:?}");
    assert!(starts[0].iter().all(|&n| n > 0) && starts[1][..8].iter().all(|&n| n > 0), "{starts:?}");
}

#[test]
fn noise_has_the_deviation_that_is_asked_for_and_is_new_for_each_example() {
    let jitter = Jitter::of(JitterOptions { noise: 0.5, ..OFF }, &[1, 40, 50]).unwrap();
    let mut rows = Array2::zeros((20, 2000));
    jitter.apply(1, 4, &(0..20).collect::<Vec<_>>(), rows.view_mut());
    let (mean, sd) = (rows.mean().unwrap(), rows.std(0.0));
    assert!(mean.abs() < 0.01 && (sd - 0.5).abs() < 0.01, "{mean} {sd}");
    assert_ne!(rows.row(0), rows.row(1));
    // A mask is not filled with noise before it is there: what is drawn before stays as it is.
    let both = Jitter::of(JitterOptions { noise: 0.5, time_shift: 1, ..OFF }, &[1, 40, 50]).unwrap();
    let mut with_shift = Array2::zeros((20, 2000));
    both.apply(1, 4, &(0..20).collect::<Vec<_>>(), with_shift.view_mut());
    assert!((with_shift.std(0.0) - 0.5_f32).abs() < 0.01);
}

#[test]
fn says_which_frames_cannot_be_changed_so() {
    let problem = |options| Jitter::of(options, &[1, 12, 8]).unwrap_err().to_string();
    for (options, key) in [
        (JitterOptions { time_shift: 12, ..OFF }, "time_shift"),
        (JitterOptions { time_mask: 13, ..OFF }, "time_mask"),
        (JitterOptions { frequency_mask: 9, ..OFF }, "frequency_mask"),
        (JitterOptions { time_shift: 1, shift: 1, ..OFF }, "time_shift"),
        (JitterOptions { time_shift: 6, padding: Padding::Reflect, ..OFF }, "padding"),
        (JitterOptions { noise: f64::NAN, ..OFF }, "noise"),
    ] {
        assert!(problem(options).contains(key), "{}", problem(options));
    }
    assert!(Jitter::of(JitterOptions { noise: 0.1, ..OFF }, &[96]).unwrap_err().to_string().contains("noise"));
}
