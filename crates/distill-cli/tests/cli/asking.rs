//! Models that take their time: how far they are is shown, and a signal is heard while they are asked.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::events::Events;
use crate::lab::{Lab, RECIPE, Ran};

/// A teacher that takes seconds for the test set, and its file.
fn slow() -> (Lab, String) {
    let lab = Lab::new();
    lab.dataset("data", 4, 200, 30_000);
    lab.write(
        "slow.toml",
        RECIPE.replace("hidden = [8]", "hidden = [4000, 4000]").replacen("epochs = 2", "epochs = 1", 1),
    );
    // The test set is not what it is trained on, so it may be a small one while it is trained.
    lab.dataset("small", 4, 200, 60);
    lab.ok(&["train", "slow.toml", "-q", "data.source=small", "name=slow"]);
    (lab, "runs/slow-001/weights/teacher-seed1.safetensors".to_owned())
}

/// Ends a process with SIGINT while it asks the teacher. Returns the event that said so, all events after it, and what it printed.
#[cfg(unix)]
fn interrupted_while_asking(lab: &Lab, args: &[&str]) -> (serde_json::Value, String, Ran) {
    let mut child = lab.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The events say when it is being asked.
    let mut events = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // On a busy machine the checks before a run say so too, and until the run is there nothing catches signals.
    let mut has_begun = args[0] != "run";
    while !(has_begun && line.contains("\"event\":\"asking\"") && line.contains("the teacher")) {
        line.clear();
        assert!(events.read_line(&mut line).unwrap() > 0, "it was over before it was asked");
        has_begun |= line.contains("\"event\":\"run_start\"");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert!(!ran.stderr.contains("error["), "{}", ran.stderr);
    (serde_json::from_str(&line).unwrap(), rest, ran)
}

#[cfg(unix)]
#[test]
fn a_signal_is_heard_while_a_teacher_is_asked() {
    let (lab, weights) = slow();
    let teacher = format!("teacher.weights={weights}");
    let args = ["run", "r.toml", &teacher, "--json", "kd.targets=cached"];
    let (asking, rest, ran) = interrupted_while_asking(&lab, &args);
    assert_eq!((&asking["model"], &asking["total"]), (&"the teacher".into(), &30_000.into()));
    assert_eq!(Events::new(&lab).fault(&asking), None);
    assert!(asking["seconds_left"].as_f64().unwrap() > 0.0 && asking["done"].as_u64() < Some(30_000), "{asking}");
    assert!(ran.stderr.contains("resume  distill run --resume runs/tiny-001\n"), "{}", ran.stderr);
    assert!(rest.lines().last().unwrap().contains("\"status\":\"interrupted\""), "{rest}");
    assert!(!lab.path("runs/tiny-001/result.json").exists(), "the teacher was asked to the end");
}

/// A study whose teacher is asked for 81 views of each example, which takes seconds.
const STUDY: [&str; 14] = [
    "reproduce",
    "hinton-2015",
    "distilled",
    "data.source=ten",
    "data.validation=40",
    "seeds=[1]",
    "teacher.model.hidden=[4000,4000]",
    "teacher.train.epochs=1",
    "train.epochs=1",
    "train.augment.shift=4",
    "kd.targets=cached",
    "teacher.train.batch=32",
    "train.batch=32",
    "student.model.hidden=[8]",
];

#[cfg(unix)]
#[test]
fn a_study_hears_a_signal_while_a_teacher_is_asked() {
    let lab = crate::reproduce::lab();
    let (asking, _, ran) = interrupted_while_asking(&lab, &[&STUDY[..], &["--json"]].concat());
    assert!(asking["total"] == 460 * 81 && asking["seconds_left"].as_f64().unwrap() > 0.0, "{asking}");
    assert!(ran.stderr.contains("\nresume  distill reproduce hinton-2015 distilled "), "{}", ran.stderr);
    assert!(!lab.path("runs/hinton-2015/targets").exists(), "the teacher was asked to the end");
}

/// On a terminal, which `script` makes, there is a bar with the time left.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_shows_how_far_a_model_is() {
    let (lab, weights) = slow();
    let seen = |arguments: &str| {
        let command = format!("{} {arguments} --color never", env!("CARGO_BIN_EXE_distill"));
        let script = Command::new("script").args(["-qec", &command, "/dev/null"]).current_dir(lab.path("")).output();
        script.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // Not every machine has it.
    let Some(shown) = seen(&format!("eval {weights} --data data")) else { return };
    assert!(shown.contains("the model  ") && shown.contains(" left") && shown.contains("/30,000"), "{shown}");
    assert!(shown.contains("accuracy  "), "{shown}");
    let shown = seen(&format!("predict {weights} data/t10k-images-idx3-ubyte > answers.csv")).unwrap_or_default();
    assert!(shown.contains(" answered  ") && shown.contains(" left"), "{shown}");
    let shown = seen("run r.toml seeds=[1,2] train.epochs=20").unwrap_or_default();
    assert!(shown.contains("model 2 of 6"), "{shown}");
    let ten = crate::reproduce::lab();
    std::fs::rename(ten.path("ten"), lab.path("ten")).unwrap();
    let shown = seen(&STUDY.join(" ")).unwrap_or_default();
    assert!(shown.contains("the teacher  ") && shown.contains("/37,260") && shown.contains(" left"), "{shown}");
}
