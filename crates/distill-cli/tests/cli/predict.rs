use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::lab::{Lab, Ran, idx};

const IMAGES: &str = "data/t10k-images-idx3-ubyte";

/// The pixels of the test images, one line each, as the model sees them.
fn lines(lab: &Lab, line: impl Fn(usize, &str) -> String) -> String {
    let bytes = lab.read(IMAGES);
    let row = |pixels: &[u8]| {
        let values: Vec<_> = pixels.iter().map(|&pixel| (f32::from(pixel) / 255.0).to_string()).collect();
        values.join(",")
    };
    bytes[16..].chunks(16).enumerate().map(|(i, pixels)| line(i, &row(pixels)) + "\n").collect()
}

fn piped(lab: &Lab, args: &[&str], input: &[u8]) -> Ran {
    let mut command = lab.command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn finds_what_eval_finds_in_every_form() {
    let lab = Lab::new();
    let model = lab.model();
    let from_idx = lab.ok(&["predict", &model, IMAGES]);
    assert_eq!(from_idx.stderr, "");
    let rows: Vec<Vec<&str>> = from_idx.stdout.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["id", "class", "probability"]);
    assert_eq!(rows.len(), 61);
    let errors = (0..60).filter(|&i| rows[i + 1][1] != (i % 3).to_string()).count();
    assert!((0..60).all(|i| rows[i + 1][0] == i.to_string()));
    let eval = lab.ok(&["eval", &model, "--data", "data", "--json"]).events();
    assert_eq!(eval[0]["errors"], errors);

    let csv = lines(&lab, |_, row| row.to_owned());
    lab.write("rows.csv", &csv);
    lab.write("rows", format!("{}\n{csv}", vec!["p"; 16].join(",")));
    lab.write("rows.jsonl", lines(&lab, |_, row| format!("[{row}]")));
    lab.write("objects", lines(&lab, |i, row| format!("{{\"id\":{i},\"features\":[{row}]}}")));
    for file in ["rows.csv", "rows", "rows.jsonl", "objects"] {
        assert_eq!(lab.ok(&["predict", &model, file]).stdout, from_idx.stdout, "{file}");
        assert_eq!(piped(&lab, &["predict", &model], &lab.read(file)).stdout, from_idx.stdout, "{file}");
        let one = lab.ok(&["predict", &model, file, "--threads", "1"]).stdout;
        assert_eq!(one, from_idx.stdout);
    }
    assert_eq!(piped(&lab, &["predict", &model, "-", "--input", "csv"], csv.as_bytes()).stdout, from_idx.stdout);
}

#[test]
fn compressed_images_are_told_by_their_contents() {
    let lab = Lab::new();
    let model = lab.model();
    let Ok(mut gzip) = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return;
    };
    gzip.stdin.take().unwrap().write_all(&lab.read(IMAGES)).unwrap();
    let packed = gzip.wait_with_output().unwrap().stdout;
    lab.write("images.csv", &packed);
    let plain = lab.ok(&["predict", &model, IMAGES]).stdout;
    assert_eq!(lab.ok(&["predict", &model, "images.csv"]).stdout, plain);
    lab.write("cut", &packed[..packed.len() - 5]);
    let ran = lab.check(&["predict", &model, "cut"], 4, ["E0401]", "cut", "fetch the file again"]);
    assert_eq!(ran.stdout, plain, "the images that were there are answered");
}

#[test]
fn columns_and_fields_that_are_asked_for() {
    let lab = Lab::new();
    let model = lab.model();
    let table = lab.ok(&["predict", &model, IMAGES, "--top", "2", "--probs"]).stdout;
    let objects = lab.ok(&["predict", &model, IMAGES, "--top", "2", "--probs", "--format", "jsonl"]).stdout;
    assert_eq!(table.lines().next(), Some("id,class,probability,top2,top2_probability,p_0,p_1,p_2"));
    for (row, object) in table.lines().skip(1).zip(objects.lines()) {
        let row: Vec<_> = row.split(',').collect();
        let object: Value = serde_json::from_str(object).unwrap();
        let number = |cell: &str| cell.parse::<f64>().unwrap();
        assert_eq!((object["id"].to_string(), object["class"].as_str()), (row[0].to_owned(), Some(row[1])));
        assert_eq!(object["top"][0][0], row[1]);
        assert_eq!(object["top"][1][0], row[3]);
        for (value, cell) in [(&object["probability"], row[2]), (&object["top"][1][1], row[4])] {
            assert!((value.as_f64().unwrap() - number(cell)).abs() < 1e-7);
        }
        let probs: Vec<f64> = row[5..].iter().map(|cell| number(cell)).collect();
        assert!((probs.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        assert!(probs.iter().all(|&p| p <= number(row[2])));
        assert!((object["probs"]["2"].as_f64().unwrap() - probs[2]).abs() < 1e-7);
    }
    let events = lab.ok(&["predict", &model, IMAGES, "--json"]).events();
    assert_eq!(events.len(), 60);
    assert!(events.iter().all(|event| event["v"] == 1 && event["event"] == "prediction" && event["top"].is_null()));

    let first = |args: &[&str]| -> f64 {
        let ran = lab.ok(&[&["predict", &model, IMAGES], args].concat());
        ran.stdout.lines().nth(1).unwrap().rsplit(',').next().unwrap().parse().unwrap()
    };
    let at = |t: &str| first(&["--temperature", t]);
    assert!(at("0.5") > at("1") && at("1") > at("4") && at("4") > 1.0 / 3.0);
    assert_eq!(at("1"), first(&[]));
}

#[test]
fn rows_of_several_files_keep_their_names() {
    let lab = Lab::new();
    let model = lab.model();
    let row = vec!["0.5"; 16].join(",");
    lab.write("a", format!("{row}\n{row}\n"));
    let names = vec!["x"; 16].join(",");
    lab.write("b", format!("id,{names}\n\"x,1\",{row}\n"));
    let ids = |args: &[&str]| {
        let ran = lab.ok(&[&["predict", &model], args].concat());
        ran.stdout.lines().skip(1).map(|line| line.rsplitn(3, ',').nth(2).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["a", "b", "a"]), ["a:0", "a:1", "\"x,1\"", "a:0", "a:1"]);
    assert_eq!(ids(&["a"]), ["0", "1"]);
}

#[test]
fn bad_rows_are_named_after_those_before_them() {
    let lab = Lab::new();
    let model = lab.model();
    let row = vec!["0.5"; 16].join(",");
    let short = vec!["0.5"; 15].join(",");
    lab.write("short", format!("{row}\n{row}\n{short}\n{row}\n"));
    let help = "one example a line";
    let message = "E0206]: row has 15 values, the model takes 16 (1x4x4)";
    let ran = lab.check(&["predict", &model, "short"], 4, [message, "short:3", help]);
    assert_eq!(ran.stdout.lines().count(), 3);
    let ran = lab.check(&["predict", &model, "short", "--json"], 4, [message, "short:3", help]);
    let events = ran.events();
    assert_eq!((events.len(), &events[2]["event"], &events[2]["exit"]), (3, &"error".into(), &4.into()));

    lab.write("word", format!("{row}\n{}\n", row.replacen("0.5", "half", 1)));
    let message = "E0206]: column 1 is `half`, not a number";
    lab.check(&["predict", &model, "word"], 4, [message, "word:2", "pixels are from 0 to 1"]);

    lab.write("wide", idx(&[2, 8, 2], &[0; 32]));
    let message = "E0206]: the examples are 8x2, the model takes 16 (1x4x4)";
    lab.check(&["predict", &model, "wide"], 4, [message, "wide", "the size that the model was trained on"]);
    lab.write("flat", idx(&[2, 16], &[0; 32]));
    assert_eq!(lab.ok(&["predict", &model, "flat"]).stdout.lines().count(), 3);
    let labels = "data/t10k-labels-idx1-ubyte";
    let message = "E0206]: the examples are single numbers, the model takes 16 (1x4x4)";
    lab.check(&["predict", &model, labels], 4, [message, labels, "name a file of images"]);

    let ran = piped(&lab, &["predict", &model], &lab.read(IMAGES));
    assert_eq!(ran.code, Some(4));
    assert!(
        ran.stderr.contains("images, arrays, Parquet and sound cannot be read from standard input"),
        "{}",
        ran.stderr
    );
    lab.check(&["predict", &model, "none"], 4, ["E0201]: cannot read none", "none", "check the path"]);
    lab.check(&["predict", "r.toml", "short"], 5, ["E0402]", "r.toml", "`weights` folder"]);
    for args in [&["--top", "0"][..], &["--temperature", "0"], &["--input", "png"]] {
        assert_eq!(lab.distill(&[&["predict", &model, "short"], args].concat()).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_line_is_answered_before_the_next_is_written() {
    let lab = Lab::new();
    let model = lab.model();
    let row = vec!["0.5"; 16].join(",");
    let mut command = lab.command(&["predict", &model, "--format", "jsonl"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for i in 0..3 {
        writeln!(stdin, "[{row}]").unwrap();
        let mut line = String::new();
        // Waits for ever if the answer waits for more rows.
        answers.read_line(&mut line).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], i);
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_error() {
    let lab = Lab::new();
    let model = lab.model();
    let row = vec!["0.5"; 16].join(",") + "\n";
    lab.write("many", row.repeat(20_000));
    let mut command = lab.command(&["predict", &model, "many"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

/// A file of any length is read in the same memory.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_input() {
    let lab = Lab::new();
    let model = lab.model();
    let row = vec!["0.123456"; 16].join(",") + "\n";
    let peak = |n_rows: usize| {
        let mut command = lab.command(&["predict", &model]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(row.repeat(n_rows).as_bytes()).unwrap();
        // The pipe is still open, so the process is there to be asked.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success());
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let (small, large) = (peak(2_000), peak(200_000));
    assert!(large < small + 4_096, "{small} kB for 2,000 rows, {large} kB for 200,000");
}
