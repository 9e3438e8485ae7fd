//! Pictures as people have them: of any size, grey or in colour, in folders, beside files that are none.

use std::fs;

use crate::lab::Lab;

/// A model of 4x4 grey images of three classes: a bright row.
fn lab() -> (Lab, String) {
    let lab = Lab::new();
    lab.ok(&["train", "r.toml", "teacher.train.epochs=20", "-q"]);
    (lab, "runs/tiny-001/weights/teacher-seed1.safetensors".to_owned())
}

/// A PNG of `scale` times 4 pixels a side in which one row of four is bright.
fn picture(scale: usize, row: usize, is_coloured: bool, is_negative: bool) -> Vec<u8> {
    let side = 4 * scale;
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, side as u32, side as u32);
    encoder.set_color(if is_coloured { png::ColorType::Rgb } else { png::ColorType::Grayscale });
    let channels = if is_coloured { 3 } else { 1 };
    let pixel = |at: usize| {
        let value = if at / channels / side / scale == row { 200 } else { 30 };
        if is_negative { 255 - value } else { value }
    };
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&(0..side * side * channels).map(pixel).collect::<Vec<u8>>()).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The classes that were answered, in order.
fn classes(stdout: &str) -> Vec<&str> {
    stdout.lines().skip(1).map(|line| line.rsplit(',').nth(1).unwrap()).collect()
}

#[test]
fn a_picture_is_brought_to_what_the_model_takes() {
    let (lab, model) = lab();
    lab.write("plain.png", picture(1, 1, false, false));
    let plain = lab.ok(&["predict", &model, "plain.png"]);
    assert_eq!((classes(&plain.stdout), plain.stderr.as_str()), (vec!["1"], ""));
    lab.write("été 1.png", picture(7, 1, true, false));
    let ran = lab.ok(&["predict", &model, "été 1.png"]);
    assert!(ran.stdout.contains("\nété 1.png,1,"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "été 1.png is 3x28x28, the model takes 1x4x4: made grey, brought to 4x4\n");
    // The same picture has the same answer, near enough.
    let probability = |stdout: &str| stdout.trim_end().rsplit(',').next().unwrap().parse::<f64>().unwrap();
    assert!((probability(&ran.stdout) - probability(&plain.stdout)).abs() < 0.05, "{} {}", ran.stdout, plain.stdout);
    // Several are told in one line, and a table takes no pictures.
    let both = lab.ok(&["predict", &model, "été 1.png", "plain.png", "été 1.png", "été 1.png"]);
    assert!(both.stderr.ends_with("brought to 4x4; so are 2 more\n") && both.stderr.lines().count() == 1);
    // An exported model takes rows, which are a square.
    lab.ok(&["export", &model, "--to", "m.onnx", "--flat", "-q"]);
    assert_eq!(lab.ok(&["predict", "m.onnx", "plain.png"]).stdout.lines().count(), 2);
    for (name, start, format) in [
        ("cat.webp", &b"RIFF\x24\0\0\0WEBPVP8 "[..], "WebP"),
        ("cat.png", b"GIF89a\x01\0\x01\0", "GIF"),
        ("cat", b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
    ] {
        lab.write(name, start);
        let message = format!("E0206]: the picture is in {format}, and PNG and JPEG are read");
        lab.check(&["predict", &model, name], 4, [&message, name, "magick"]);
    }
}

#[test]
fn a_folder_is_answered_picture_by_picture() {
    let (lab, model) = lab();
    fs::create_dir_all(lab.path("p/möwe 2")).unwrap();
    for (name, row) in [("b.png", 0), ("a.png", 2), ("möwe 2/x y.png", 1), ("no-ending", 2)] {
        lab.write(&format!("p/{name}"), picture(1, row, false, false));
    }
    for name in ["p/notes.txt", "p/möwe 2/c.webp", "p/.hidden.png"] {
        lab.write(name, "none");
    }
    let ran = lab.ok(&["predict", &model, "p"]);
    let ids: Vec<&str> = ran.stdout.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["p/a.png", "p/b.png", "p/möwe 2/x y.png", "p/no-ending"]);
    assert_eq!(classes(&ran.stdout), ["2", "0", "1", "2"]);
    assert_eq!(ran.stderr, "left out, not PNG, JPEG or WAV: p/möwe 2/c.webp and 1 more\n");
    fs::create_dir(lab.path("empty")).unwrap();
    let expected = ["E0206]: the folder has no pictures and no recordings", "empty", "name a folder of pictures"];
    lab.check(&["predict", &model, "empty"], 4, expected);
    // What is not a picture for training is named with its format.
    for part in ["train", "test"] {
        fs::create_dir_all(lab.path(&format!("d é/{part}/möwe 2"))).unwrap();
        fs::create_dir_all(lab.path(&format!("d é/{part}/cat"))).unwrap();
        for i in 0..8 {
            lab.write(&format!("d é/{part}/möwe 2/{i} é.png"), picture(1, 0, false, false));
            lab.write(&format!("d é/{part}/cat/{i}.png"), picture(1, 2, false, false));
        }
    }
    lab.write("d é/train/cat/z.webp", b"RIFF\x24\0\0\0WEBPVP8 ");
    let check = ["check", "r.toml", "data.source=d é", "data.validation=0"];
    let expected = ["E0401]: d é/train has a file among its images", "d é/train", "correct the file"];
    let ran = lab.check(&check, 4, expected);
    assert!(ran.stderr.contains("neither PNG nor JPEG: cat/z.webp (WebP)"), "{}", ran.stderr);
    fs::remove_file(lab.path("d é/train/cat/z.webp")).unwrap();
    // Names with spaces and letters of any kind are names like others.
    lab.write("mes données.toml", lab.read("r.toml").strip_prefix(&b"name = \"tiny\"\n"[..]).unwrap());
    fs::create_dir(lab.path("mes runs")).unwrap();
    let settings = ["data.source=d é", "data.validation=0", "teacher.min_accuracy=0", "--runs-dir", "mes runs"];
    let ran = lab.ok(&[&["check", "mes données.toml"][..], &settings].concat());
    assert!(ran.stderr.contains("next   distill run 'mes données.toml' 'data.source=d é' "), "{}", ran.stderr);
    lab.ok(&[&["run", "mes données.toml", "-q"][..], &settings].concat());
    let student = "mes runs/mes-données-001/weights/student-seed1.safetensors";
    lab.ok(&["report", "mes runs/mes-données-001"]);
    assert!(lab.ok(&["predict", student, "d é/test"]).stdout.contains("\nd é/test/möwe 2/0 é.png,"));
    lab.ok(&["eval", student, "--data", "d é"]);
}

#[test]
fn negatives_are_warned_of_and_can_be_turned() {
    let (lab, model) = lab();
    for row in 0..3 {
        lab.write(&format!("{row}.png"), picture(1, row, false, true));
        lab.write(&format!("{row}-right.png"), picture(1, row, false, false));
    }
    let swapped = ["0.png", "1.png", "2.png"];
    let ran = lab.ok(&[&["predict", &model], &swapped[..]].concat());
    assert!(ran.stderr.starts_with("warning: black and white look swapped\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("those to train on were 0.28") && ran.stderr.contains("`--invert`"), "{}", ran.stderr);
    let turned = lab.ok(&[&["predict", &model, "--invert"], &swapped[..]].concat());
    assert_eq!((classes(&turned.stdout), turned.stderr.as_str()), (vec!["0", "1", "2"], ""));
    // What is as it should be is not warned of, until it is turned.
    let right = lab.ok(&["predict", &model, "0-right.png", "1-right.png", "2-right.png"]);
    assert_eq!((classes(&right.stdout), right.stderr.as_str()), (vec!["0", "1", "2"], ""));
    let images = "data/t10k-images-idx3-ubyte";
    assert_eq!(lab.ok(&["predict", &model, images]).stderr, "");
    assert!(lab.ok(&["predict", &model, images, "--invert"]).stderr.contains("look swapped"));
    lab.write("rows.csv", vec!["0.5"; 16].join(","));
    let expected = ["E0206]: `--invert` is set, and these are not images", "rows.csv", "leave it out"];
    lab.check(&["predict", &model, "--invert", "rows.csv"], 4, expected);
}

/// Folders of 12x12 pictures of two classes: red ones and green ones, of any brightness.
fn coloured(lab: &Lab, folder: &str) {
    for (part, n) in [("train", 40), ("test", 10)] {
        for class in ["red", "green"] {
            fs::create_dir_all(lab.path(&format!("{folder}/{part}/{class}"))).unwrap();
            for i in 0..n {
                let mut bytes = vec![];
                let mut encoder = png::Encoder::new(&mut bytes, 12, 12);
                encoder.set_color(png::ColorType::Rgb);
                let value = |at: usize| {
                    let (pixel, channel) = (at / 3, at % 3);
                    let is_bright = channel == usize::from(class == "green");
                    (40 + 3 * i + pixel * 7 % 31 + if is_bright { 60 } else { 0 }) as u8
                };
                let mut writer = encoder.write_header().unwrap();
                writer.write_image_data(&(0..3 * 144).map(value).collect::<Vec<u8>>()).unwrap();
                writer.finish().unwrap();
                lab.write(&format!("{folder}/{part}/{class}/{i}.png"), bytes);
            }
        }
    }
}

#[test]
fn pictures_are_augmented_and_standardised_by_channel() {
    let lab = Lab::new();
    coloured(&lab, "p");
    let text = "[data]\nsource = \"p\"\nvalidation = 10\nstandardize = \"channel\"\n[teacher]\nmodel = { hidden = [16] }\n\
        [teacher.train]\nepochs = 6\nbatch = 16\naugment = { shift = 2, padding = \"reflect\", flip = true, crop = 0.5, \
        brightness = 0.2, contrast = 0.2, saturation = 0.2, cutout = 3 }\n[student]\nmodel = { hidden = [8] }\n[train]\n\
        epochs = 6\nbatch = 16\naugment = { shift = 1, padding = \"reflect\", flip = true, crop = 0.5, brightness = 0.2, \
        contrast = 0.2, saturation = 0.2, cutout = 3 }\n";
    lab.write("c.toml", text);
    let shown = lab.ok(&["check", "c.toml"]).stdout;
    assert!(shown.contains("3x12x12 numbers") && shown.contains(", standardised by channel\n"), "{shown}");
    lab.ok(&["run", "c.toml", "-q", "--threads", "1"]);
    let student = |run: &str| lab.read(&format!("runs/{run}/weights/student-seed1.safetensors"));
    for (run, threads) in [("c-002", "2"), ("c-003", "3")] {
        lab.ok(&["run", "c.toml", "-q", "--threads", threads]);
        assert!(student(run) == student("c-001"), "{threads} threads");
    }
    let eval = ["eval", "runs/c-001/weights/student-seed1.safetensors", "--data", "p", "--min-accuracy", "0.9"];
    lab.ok(&eval);
    // Flips and shifts are asked about once, where there are more epochs than views: to the same bits.
    let views = "train.augment={ shift = 1, flip = true }";
    lab.ok(&["run", "c.toml", "-q", views, "kd.targets=live"]);
    lab.ok(&["run", "c.toml", "-q", views, "kd.targets=cached"]);
    let weights = |run| {
        let file = student(run);
        let n_header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        file[8 + n_header..].to_vec()
    };
    assert!(weights("c-004") == weights("c-005") && weights("c-004") != weights("c-001"));
}

#[test]
fn what_pictures_cannot_be_is_refused() {
    let lab = Lab::new();
    coloured(&lab, "p");
    let run = |settings: &[&str], exit: i32, expected: [&str; 3]| {
        lab.check(&[&["check", "r.toml"], settings].concat(), exit, expected);
    };
    let p = "data.source=p";
    let line = |setting: &str| format!("command line: {setting}");
    let refuse = |setting: &str, message: &str, help: &str| {
        run(&[p, setting], 4, [&format!("E0205]: {message}"), &line(setting), help]);
    };
    refuse(
        "train.augment.cutout=13",
        "`cutout` needs sides of at least 13 pixels, got inputs of shape [3, 12, 12]",
        "leave",
    );
    let reflect = "train.augment={ shift = 6, padding = \"reflect\" }";
    refuse(reflect, "`padding` needs sides of more than 12 pixels, twice the shift", "shift by fewer");
    // Those of the tiny recipe are grey.
    let saturation =
        ["E0205]: `saturation` needs images of three colours", "train.augment.saturation", "leave `saturation`"];
    run(&["train.augment.saturation=0.5"], 4, saturation);
    for (setting, message) in [
        ("train.augment.crop=0.0", "train.augment.crop must be greater than 0 and at most 1, got 0"),
        ("train.augment.contrast=2", "train.augment.contrast must be from 0 to 1, got 2"),
        ("train.augment.padding=reflect", "train.augment.padding is set, but images are not shifted"),
    ] {
        run(&[p, setting], 3, [&format!("E0104]: {message}"), &line(setting), "set `augment = { "]);
    }
    let cached = ["E0104]: kd.targets is \"cached\", but `train.augment` shows more views", "kd.targets", "\"live\""];
    run(&[p, "train.augment.cutout=3", "kd.targets=cached"], 3, cached);

    // A table has no channels, no sides, and no pixels.
    fs::create_dir(lab.path("t")).unwrap();
    lab.write("t/train.csv", "a,b,class\n1,2,x\n3,4,y\n5,6,x\n7,9,y\n");
    lab.write("t/test.csv", "a,b,class\n1,2,x\n3,4,y\n");
    let table = ["data.source=t", "data.validation=0", "teacher.min_accuracy=0"];
    let channel = [
        "E0104]: data.standardize is \"channel\", but inputs have the shape [2] and no channels",
        "standardize",
        "true",
    ];
    run(&[&table[..], &["data.standardize=channel"]].concat(), 3, channel);
    let flip =
        ["E0205]: `flip` needs images, [channels, height, width], got inputs of shape [2]", "flip", "leave `flip`"];
    run(&[&table[..], &["train.augment.flip=true"]].concat(), 4, flip);
    let other = ["E0103]", "data.standardize", ""];
    lab.check(&["check", "r.toml", "data.standardize=row"], 3, other);
}

#[test]
fn folders_of_classes_alone_are_divided() {
    let lab = Lab::new();
    for i in 0..40 {
        let class = ["first", "second"][i % 2];
        std::fs::create_dir_all(lab.path(&format!("photos/{class}"))).unwrap();
        lab.write(&format!("photos/{class}/{i:02}.png"), picture(1, i % 2, false, i % 3 == 0));
    }
    let sets = |settings: &[&str]| lab.ok(&[&["data", "photos"], settings].concat()).stdout;
    let shown = sets(&[]);
    assert!(shown.contains("train       32 examples") && shown.contains("test        8 examples"), "{shown}");
    assert!(sets(&["data.test=0.5"]).contains("test        20 examples"));
    let run = ["run", "r.toml", "data.source=photos", "data.validation=0", "data.test=0.25", "-q"];
    lab.ok(&run);
    // The student remembers which files it was not trained on.
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    let measured = lab.ok(&["eval", student, "--data", "photos", "--json"]).events();
    let examples = measured.iter().find(|event| event["event"] == "eval").unwrap()["examples"].clone();
    assert_eq!(examples, 10);
    let few = ["check", "r.toml", "data.source=photos", "data.test=1.5"];
    lab.check(&few, 3, ["E0104]: data.test must be greater than 0 and less than 1", "data.test=1.5", "test = 0.2"]);
    lab.check(&["data", "runs"], 4, ["E0201]", "runs", ""]);
    // Beside files that are data, folders of pictures are none.
    for folder in ["data/first", "data/second"] {
        fs::create_dir_all(lab.path(folder)).unwrap();
        lab.write(&format!("{folder}/a.png"), picture(1, 0, false, false));
    }
    assert!(lab.ok(&["data", "data"]).stdout.contains("train       200 examples"));
}
