use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::lab::Lab;

#[test]
fn every_code_of_the_list_is_explained() {
    let lab = Lab::new();
    let list = lab.ok(&["explain"]).stdout;
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    let mut n_codes = 0;
    for line in list.lines().skip(1) {
        let mut words = line.split_whitespace();
        let (code, exit) = (words.next().unwrap(), words.next().unwrap());
        let title = words.collect::<Vec<_>>().join(" ");
        let text = lab.ok(&["explain", code]).stdout;
        assert!(text.starts_with(&format!("{code}: {title} (exit code {exit})\n\n")), "{text}");
        assert!(text.lines().count() >= 6, "{text}");
        let lower = code.trim_start_matches('E').to_owned();
        assert_eq!(lab.ok(&["explain", &lower, "-q"]).stdout, text);
        assert_eq!(lab.ok(&["explain", &format!("e{lower}")]).stdout, text);
        n_codes += 1;
    }
    assert_eq!(lab.ok(&["explain", "e104"]).stdout, lab.ok(&["explain", "E0104"]).stdout);
    let events = lab.ok(&["explain", "--json"]).events();
    assert_eq!(events.len(), n_codes);
    assert!(events.iter().all(|event| event["event"] == "explain" && event["explanation"].is_string()));
    assert_eq!(lab.ok(&["explain", "E0104", "--json"]).events(), [events[3].clone()]);
}

#[test]
fn codes_that_errors_carry_are_in_the_list() {
    let lab = Lab::new();
    let codes: BTreeSet<String> = lab
        .ok(&["explain", "--json"])
        .events()
        .iter()
        .map(|event| event["code"].as_str().unwrap().to_owned())
        .collect();
    for args in [&["run", "none.toml"][..], &["run", "r.toml", "kd.alpha=2"], &["eval", "r.toml", "--data", "data"]] {
        let ran = lab.distill(&[args, &["--json"]].concat());
        let event = &ran.events()[0];
        assert!(codes.contains(event["code"].as_str().unwrap()), "{event}");
        let explained = lab.ok(&["explain", event["code"].as_str().unwrap(), "--json"]).events();
        assert_eq!(
            (&explained[0]["exit"], Some(explained[0]["exit"].as_i64().unwrap() as i32)),
            (&event["exit"], ran.code)
        );
    }
}

#[test]
fn an_unknown_code_gets_the_nearest_one() {
    let lab = Lab::new();
    for (typed, nearest) in [("E014", "E0104"), ("e0902", "E0901"), ("50", "E0501")] {
        let ran = lab.distill(&["explain", typed]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert!(ran.stderr.contains(&format!("did you mean {nearest}?")), "{}", ran.stderr);
    }
}

#[test]
fn the_page_of_the_errors_is_up_to_date() {
    let page = Lab::new().ok(&["explain", "--markdown"]).stdout;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let refresh = "refresh it: cargo run -p distill-cli -- explain --markdown > docs/errors.md";
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), page, "docs/errors.md is out of date; {refresh}");
}

/// Each code is named in the tests, where `Lab::check` demands that the program raises it.
#[test]
fn every_code_is_raised_by_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let sources: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "explain.rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for event in Lab::new().ok(&["explain", "--json"]).events() {
        let code = event["code"].as_str().unwrap();
        // A bug of ours cannot be asked for; `bug.rs` has a test of its own. Files whose classes stand in another order
        // are put into order before the check behind E0302, which is tested where it is.
        let raised =
            ["E0901", "E0302"].contains(&code) || sources.iter().any(|text| text.contains(&format!("\"{code}")));
        assert!(raised, "no test raises {code}");
    }
}
