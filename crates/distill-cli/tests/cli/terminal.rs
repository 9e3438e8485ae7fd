use std::fs;

use crate::lab::{Lab, RECIPE};

/// Names of classes that set a title and clear the screen, turn the direction of the text, and take no room.
const HOSTILE: [&str; 3] = ["\u{1b}]0;pwned\u{7}\u{1b}[2J", "\u{202e}b\u{2066}", "c\u{200b}\u{9b}2J"];

/// What a terminal would obey, or would show as something else.
const HARM: [char; 7] = ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}', '\r'];

/// Trains on data whose classes have these names. TOML takes no control characters as they are.
fn model_of(lab: &Lab, names: [&str; 3]) -> String {
    let escaped = |name: &str| name.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect::<String>();
    let names = names.map(|name| format!("\"{}\"", escaped(name))).join(", ");
    lab.write("r.toml", RECIPE.replacen("\n[teacher]", &format!("classes = [{names}]\n\n[teacher]"), 1));
    lab.model()
}

#[test]
fn names_from_files_move_no_cursor() {
    let lab = Lab::new();
    let model = model_of(&lab, HOSTILE);
    let file = format!("weights-{}.safetensors", HOSTILE[1]);
    fs::copy(lab.path(&model), lab.path(&file)).unwrap();
    let weights = format!("teacher.weights={file}");
    for args in [
        &["inspect", &model][..],
        &["inspect", "made/tiny-001"],
        &["eval", &model, "--data", "data"],
        &["eval", &file, "--data", "data"],
        &["data", "data"],
        &["report", "made/tiny-001"],
        &["check", "r.toml", &weights],
        &["run", "r.toml", &weights],
        &["inspect", &format!("none-{file}")],
    ] {
        let ran = lab.distill(args);
        assert!(!(ran.stdout.clone() + &ran.stderr).contains(HARM), "{args:?}: {:?}\n{:?}", ran.stdout, ran.stderr);
    }
    let log = String::from_utf8(lab.read("runs/tiny-001/run.log")).unwrap();
    assert!(log.contains("from weights-\u{fffd}b") && !log.contains(HARM), "{log}");

    // A program that reads the answers gets the names as they are.
    let csv = lab.ok(&["predict", &model, "data/t10k-images-idx3-ubyte", "--probs"]).stdout;
    assert!(HOSTILE.iter().all(|name| csv.contains(&format!("p_{name}"))), "{csv:?}");
}

#[test]
fn spreadsheets_get_no_formulas_on_request() {
    let lab = Lab::new();
    let names = ["=HYPERLINK(1)", "-5", "@a"];
    let model = model_of(&lab, names);
    let images = "data/t10k-images-idx3-ubyte";
    let plain = lab.ok(&["predict", &model, images, "--top", "3"]).stdout;
    let safe = lab.ok(&["predict", &model, images, "--top", "3", "--spreadsheet-safe"]).stdout;
    assert!(plain.contains(",=HYPERLINK(1),") && safe.contains(",'=HYPERLINK(1),") && safe.contains(",-5,"), "{safe}");
    // Nothing but the apostrophes differs, and numbers have none.
    assert_eq!(safe.replace(",'=", ",=").replace(",'@", ",@"), plain);
    let json = ["predict", &model, images, "--format", "jsonl"];
    assert_eq!(lab.ok(&json).stdout, lab.ok(&[&json[..], &["--spreadsheet-safe"]].concat()).stdout);

    lab.ok(&["eval", &model, "--data", "data", "--tables", "safe", "--spreadsheet-safe", "-q"]);
    for name in ["per_class", "confusion", "predictions"] {
        let own = String::from_utf8(lab.read(&format!("made/tiny-001/eval/student-seed1/{name}.csv"))).unwrap();
        let safe = String::from_utf8(lab.read(&format!("safe/{name}.csv"))).unwrap();
        assert!(own.contains("=HYPERLINK(1)") && !own.contains('\''), "what is read again is exact: {own}");
        assert!(safe.contains("'=HYPERLINK(1)") && !safe.contains("'-5"), "{safe}");
        assert_eq!(safe.replace('\'', ""), own);
    }
    lab.ok(&["report", "made/tiny-001"]);
    assert_eq!(lab.distill(&["eval", &model, "--data", "data", "--spreadsheet-safe"]).code, Some(2));
}
