use serde_json::Value;

use crate::lab::{Lab, Ran};

/// The text without the escapes that set colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn colours_are_for_terminals() {
    let lab = Lab::new();
    let error = |flags: &[&str], name: &str, value: &str| {
        let args = [&["run", "r.toml", "kd.alpha=2"], flags].concat();
        let ran = Ran::from(lab.command(&args).env(name, value).output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""));
        ran.stderr
    };
    let without = error(&[], "TERM", "xterm");
    assert!(without.starts_with("error[E0104]: kd.alpha must be"), "{without}");
    assert_eq!(error(&["--color", "never"], "TERM", "xterm"), without);
    assert_eq!(error(&["--color", "auto"], "TERM", "xterm"), without);

    // Asked for, they are there whatever the environment says, and the words are the same.
    for (name, value) in [("TERM", "xterm"), ("TERM", "dumb"), ("NO_COLOR", "1")] {
        let coloured = error(&["--color", "always"], name, value);
        assert!(coloured.starts_with("\u{1b}[1m\u{1b}[31merror[E0104]\u{1b}[0m: kd.alpha"), "{coloured:?}");
        assert!(coloured.contains("\u{1b}[32mhelp:\u{1b}[0m set"), "{coloured:?}");
        assert_eq!(plain(&coloured), without);
    }
    assert_eq!(lab.distill(&["env", "--color", "sometimes"]).code, Some(2));
}

#[test]
fn warnings_and_marked_lines_have_colours_too() {
    let lab = Lab::new();
    let ran = lab.ok(&["new", "a", "--data", "none", "--color", "always"]);
    assert!(ran.stderr.starts_with("\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m: the data"), "{:?}", ran.stderr);
    lab.write("bad.toml", "[kd\n");
    let ran = lab.distill(&["run", "bad.toml", "--color=always"]);
    assert!(ran.stderr.contains("\u{1b}[1m\u{1b}[31m^\u{1b}[0m"), "{:?}", ran.stderr);
    assert_eq!(plain(&ran.stderr), lab.distill(&["run", "bad.toml"]).stderr);
}

#[test]
fn the_log_is_text_or_json() {
    let lab = Lab::new();
    let text = lab.ok(&["run", "r.toml", "-v"]).stderr;
    assert!(text.contains(" INFO ") && !text.contains('\u{1b}'), "{text}");
    assert!(lab.ok(&["run", "r.toml", "-v", "--color", "always"]).stderr.contains("\u{1b}[32m INFO"), "{text}");
    let json = lab.ok(&["run", "r.toml", "-v", "--log-format", "json"]).stderr;
    let entries: Vec<Value> = json.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry["level"] == "INFO"), "{json}");
    assert!(entries.iter().any(|entry| entry["spans"][0]["recipe"] == "r.toml"), "{json}");
    assert!(!json.contains(" INFO "), "{json}");
}
