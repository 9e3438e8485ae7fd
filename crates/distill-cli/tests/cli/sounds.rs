//! Folders of recordings, from the recipe to the answers.

use std::f32::consts::PI;
use std::fs;

use crate::lab::Lab;

const RECIPE: &str = r#"name = "words"
[data]
source = "words"
sound = { bands = 20, coefficients = 8 }
[teacher]
model = { kind = "ds-cnn", width = 8, blocks = [1], stride = 2 }
[teacher.train]
epochs = 6
batch = 8
augment = { time_shift = 3, time_mask = 4, frequency_mask = 2, noise = 0.05 }
[student]
model = { kind = "ds-cnn", width = 4, blocks = [1], stride = 2 }
[train]
epochs = 6
batch = 8
augment = { time_shift = 3 }
"#;

/// A tone that rises or falls, as WAV with 16 bits.
fn wav(rate: u32, n: usize, is_rising: bool, shift: f32) -> Vec<u8> {
    let sample = |t: usize| {
        let part = t as f32 / n as f32;
        let part = if is_rising { part } else { 1.0 - part };
        (6000.0 * (2.0 * PI * (300.0 + 40.0 * shift + 500.0 * part) * t as f32 / rate as f32).sin()) as i16
    };
    let data: Vec<u8> = (0..n).flat_map(|t| sample(t).to_le_bytes()).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((data.len() as u32 + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate.to_le_bytes());
    bytes.extend((2 * rate).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

fn lab() -> Lab {
    let lab = Lab::new();
    for (set, n) in [("train", 24), ("validation", 8), ("test", 8)] {
        for class in ["falls", "rises"] {
            fs::create_dir_all(lab.path(&format!("words/{set}/{class}"))).unwrap();
            for i in 0..n / 2 {
                let shift = i as f32 + if set == "train" { 0.0 } else { 0.5 };
                lab.write(&format!("words/{set}/{class}/{i:02}.wav"), wav(8000, 4000, class == "rises", shift));
            }
        }
    }
    lab.write("w.toml", RECIPE);
    lab
}

#[test]
fn a_folder_of_recordings_becomes_a_student_that_reads_recordings() {
    let lab = lab();
    let checked = lab.ok(&["check", "w.toml"]);
    assert!(checked.stdout.contains("words: 24 train, 8 validation, 8 test"), "{}", checked.stdout);
    assert!(checked.stdout.contains("1x24x8 numbers"), "{}", checked.stdout);
    lab.ok(&["run", "w.toml", "-q"]);
    let student = "runs/words-001/weights/student-seed1.safetensors";
    let run = lab.json("runs/words-001/result.json");
    assert_eq!(run["data"]["validation"], 8, "{run}");

    // Answers to files are those that the test set got.
    let table = lab.ok(&["predict", student, "words/test"]);
    let evaluated = lab.ok(&["eval", student, "--data", "words", "--json"]);
    let right = table.stdout.lines().skip(1).filter(|line| {
        let mut fields = line.split(',');
        let (name, class) = (fields.next().unwrap(), fields.next().unwrap());
        name.contains(&format!("/{class}/"))
    });
    let errors = 8 - right.count();
    assert!(evaluated.stdout.contains(&format!("\"errors\":{errors}")), "{}\n{}", evaluated.stdout, table.stdout);
    // One that is longer is cut to its middle, and another rate is refused.
    lab.write("long.wav", wav(8000, 9000, true, 0.0));
    assert_eq!(lab.ok(&["predict", student, "long.wav"]).stdout.lines().count(), 2);
    lab.write("fast.wav", wav(16_000, 8000, true, 0.0));
    lab.check(
        &["predict", student, "fast.wav"],
        4,
        ["E0401]: fast.wav has 16000 samples a second, 8000 are expected", "", ""],
    );
    lab.write("cut.wav", &wav(8000, 4000, true, 0.0)[..99]);
    lab.check(&["predict", student, "cut.wav"], 4, ["E0401]: cut.wav byte 4", "cut.wav", ""]);

    // A model of numbers takes no recordings.
    lab.ok(&["train", "r.toml", "-q"]);
    let numbers = "runs/tiny-001/weights/teacher-seed1.safetensors";
    lab.check(
        &["predict", numbers, "long.wav"],
        4,
        ["E0206]: this is a recording, and the model takes", "long.wav", ""],
    );
}

#[test]
fn a_recipe_is_written_for_recordings_and_runs_as_it_is() {
    let lab = lab();
    let inspected = lab.ok(&["inspect", "words"]);
    assert!(inspected.stdout.contains("a dataset of recordings"), "{}", inspected.stdout);
    assert!(inspected.stdout.contains("valid     8 examples of 1x24x40"), "{}", inspected.stdout);
    lab.write("words/train/rises/99.wav", wav(8000, 3000, true, 0.3));
    lab.ok(&["new", "n.toml", "--data", "words"]);
    let recipe = String::from_utf8(lab.read("n.toml")).unwrap();
    for line in ["sound = { seconds = 0.50 }", "kind = \"ds-cnn\"", "time_shift = 5", "#hidden = [200]"] {
        assert!(recipe.lines().any(|found| found == line), "{line}\n{recipe}");
    }
    lab.ok(&["check", "n.toml"]);
    let missing =
        ["E0401]: words/train/rises/99.wav has 0.375 s", "99.wav", "set the key in the recipe, or on the command line"];
    lab.check(&["check", "w.toml"], 4, missing);
}

#[test]
fn what_does_not_fit_recordings_is_said() {
    let lab = lab();
    let last = |settings: &'static str| ["check", "w.toml", settings];
    for (settings, code, message) in [
        ("data.sound.coefficients=21", 3, "coefficients must be from 1 to the 20 bands, got 21"),
        ("data.sound.step_ms=0", 3, "step_ms must be from 1 to 1000, got 0"),
        ("data.images={ grey = true }", 3, "`data.images` has no meaning for `words`"),
        ("train.augment.flip=true", 4, "`flip` is for pictures, and the inputs of `words` are frames of speech"),
        ("train.augment.shift=1", 3, "time_shift is set, and `shift` too"),
        ("train.augment.time_mask=25", 4, "`time_mask` needs a number up to 24"),
        ("train.augment.noise=-1", 3, "noise must be a finite number, 0 or more, got -1"),
        ("data.validation=4", 3, "the data brings its own validation examples"),
    ] {
        let ran = lab.distill(&last(settings));
        assert!(ran.stderr.contains(message) && ran.code == Some(code), "{settings}: {ran:?}");
    }
    lab.check(
        &["check", "r.toml", "data.sound={ bands = 4 }"],
        3,
        ["E0104]: `data.sound` has no meaning for `data`", "", "leave it out"],
    );
    lab.write("words/test/rises/03.wav", "RIFF");
    let ran = lab.distill(&["check", "w.toml"]);
    assert!(ran.code != Some(0) && ran.stderr.contains("03.wav"), "{ran:?}");
    lab.write("words/test/rises/03.mp3", "ID3\x03");
    let ran = lab.distill(&["check", "w.toml"]);
    assert!(ran.stderr.contains("03.mp3 (MP3)") && ran.stderr.contains("ffmpeg"), "{ran:?}");
}
