//! Commands about the program itself: completions, manual pages, facts and help.

use std::process::{Command, Stdio};

use crate::lab::Lab;

/// The names of all commands, from the help.
fn commands(lab: &Lab) -> Vec<String> {
    let help = lab.ok(&["--help"]).stdout;
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names: Vec<_> = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert!(names.len() >= 9 && names.contains(&"explain".to_owned()), "{names:?}");
    names
}

#[test]
fn xtask_passes_every_command_on() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/src/distill.rs");
    let source = std::fs::read_to_string(path).unwrap();
    let known = source.split_once("const COMMANDS").unwrap().1.split_once("];").unwrap().0;
    for name in commands(&Lab::new()) {
        assert!(
            known.contains(&format!("\"{name}\"")),
            "`cargo xtask distill {name}` would look for a recipe: {known}"
        );
    }
}

#[test]
fn completions_name_every_command() {
    let lab = Lab::new();
    let names = commands(&lab);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = lab.ok(&["completions", shell, "-q"]).stdout;
        for name in &names {
            assert!(script.contains(name.as_str()), "{shell}: {name}");
        }
        assert!(script.contains("runs-dir"), "{shell}");
        let events = lab.ok(&["completions", shell, "--json"]).events();
        assert_eq!(
            (&events[0]["shell"], events[0]["script"].as_str().map(str::trim_end)),
            (&shell.into(), Some(script.trim_end()))
        );
    }
    assert_eq!(lab.distill(&["completions", "tcsh"]).code, Some(2));
}

#[cfg(unix)]
#[test]
fn a_shell_accepts_its_completions() {
    let lab = Lab::new();
    let script = lab.ok(&["completions", "bash"]).stdout;
    lab.write("script", &script);
    lab.write("broken", format!("{script}\nif true; then\n"));
    let reads = |name| Command::new("bash").arg("-n").arg(lab.path(name)).stderr(Stdio::null()).status();
    // Not every machine has bash.
    if let Ok(status) = reads("script") {
        assert!(status.success());
        assert!(!reads("broken").unwrap().success());
    }
}

#[test]
fn manual_pages() {
    let lab = Lab::new();
    let names = commands(&lab);
    let page = lab.ok(&["man"]).stdout;
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
    for name in names.iter().filter(|name| *name != "help") {
        let own = lab.ok(&["man", name]);
        // The page of the program refers to the page of the command.
        assert!(page.contains(&format!("distill\\-{name}(1)")), "{name}: {page}");
        assert!(own.stdout.contains(&format!(".TH distill-{name} 1")), "{}", own.stdout);
    }
    assert!(!page.contains("help(1)"), "{page}");
    assert!(page.contains("A typical session"), "{page}");
    let run = lab.ok(&["man", "run"]).stdout;
    assert!(run.contains("runs\\-dir") && run.contains("\"distill 0."), "{run}");
    // Examples stand as they are, line by line.
    assert!(run.contains(".SH EXAMPLES\n.nf\n  distill run recipes/mnist.toml\n  distill run"), "{run}");
    let ran = lab.distill(&["man", "fly"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("the commands are new, check, run, "), "{}", ran.stderr);
    let events = lab.ok(&["man", "eval", "--json"]).events();
    assert_eq!((&events[0]["event"], &events[0]["command"]), (&"man".into(), &"eval".into()));
}

#[test]
fn facts_for_a_bug_report() {
    let lab = Lab::new();
    let text = lab.ok(&["env", "--threads", "2"]).stdout;
    for line in [
        "distill   0.",
        "commit    ",
        "features  ",
        "target    ",
        "os        ",
        "simd      ",
        "bf16      ",
        "cores     ",
        "threads   2\n",
        "memory    ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let events = lab.ok(&["env", "--json", "--threads", "2"]).events();
    let env = &events[0];
    assert_eq!((events.len(), &env["event"], &env["threads"]), (1, &"env".into(), &2.into()));
    assert_eq!((&env["os"], &env["arch"]), (&std::env::consts::OS.into(), &std::env::consts::ARCH.into()));
    assert!(env["cores"].as_u64() >= Some(1) && env["simd"].is_array() && env["bf16_native"].is_boolean(), "{env}");
    let features = [("onnx", cfg!(feature = "onnx")), ("onnxruntime", cfg!(feature = "onnxruntime"))];
    let features: Vec<&str> = features.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect();
    assert_eq!(env["features"], serde_json::json!(features));
    // Where git knows the commit, so does the program.
    let head = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output();
    if let Some(head) = head.ok().filter(|head| head.status.success()) {
        let commit = env["commit"].as_str().unwrap();
        assert!(commit.len() >= 12 && String::from_utf8(head.stdout).unwrap().starts_with(commit), "{commit}");
    }
    assert_eq!(env["memory_bytes"].is_u64(), cfg!(target_os = "linux"));
}

#[test]
fn help_ends_with_examples() {
    let lab = Lab::new();
    let help = lab.ok(&["--help"]).stdout;
    assert!(help.contains("\nA typical session:\n  distill new "), "{help}");
    for command in ["run", "eval", "new", "explain", "completions", "man"] {
        let help = lab.ok(&[command, "--help"]).stdout;
        assert!(help.contains(&format!("\nExamples:\n  distill {command}")), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn a_slip_in_a_command_or_flag_gets_a_suggestion() {
    let lab = Lab::new();
    for (args, expected) in [
        (&["rnu", "r.toml"][..], "'run'"),
        (&["evla"], "'eval'"),
        (&["nwe", "x"], "'new'"),
        (&["evn"], "'env'"),
        (&["mna"], "'man'"),
        (&["explian"], "'explain'"),
        (&["shcema"], "'schema'"),
        (&["completion", "bash"], "'completions'"),
        (&["run", "r.toml", "--thread", "2"], "'--threads'"),
        (&["run", "r.toml", "--run-dir", "x"], "'--runs-dir'"),
        (&["--colour", "never", "env"], "'--color'"),
    ] {
        let ran = lab.distill(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.stderr.contains("similar") && ran.stderr.contains(expected), "{args:?}: {}", ran.stderr);
    }
    for word in ["fly", "r.toml"] {
        assert!(!lab.distill(&[word]).stderr.contains("similar"), "{word}");
    }
}

#[test]
fn data_is_listed_and_read_as_a_run_would() {
    let lab = Lab::new();
    let list = lab.ok(&["data"]).stdout;
    for name in ["mnist", "udhr", "asterisk-en"] {
        assert!(list.lines().any(|line| line.starts_with(name)), "{list}");
    }
    let mnist = lab.ok(&["data", "mnist"]).stdout;
    for part in
        ["train       60,000 examples, sha256 ", "test        10,000", "inputs      1x28x28", "classes     10: 0, 1, 2"]
    {
        assert!(mnist.contains(part), "{mnist}");
    }
    let folder = lab.ok(&["data", "data", "--json"]);
    let found = &folder.events()[0];
    assert_eq!(
        (found["parts"][0]["examples"].as_u64(), found["classes"][2].as_str()),
        (Some(200), Some("2")),
        "{found}"
    );
    let lacks = ["E0201]: sounds lacks 500 of 500 recordings", "sounds", "install the package"];
    lab.check(&["data", "asterisk-en:sounds"], 4, lacks);
    lab.check(&["data", "nowhere"], 4, ["E0201]", "nowhere", "check"]);
}
