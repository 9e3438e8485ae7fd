//! What `--json` prints, against its schema.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::lab::Lab;

/// The schema, and the events that were seen.
pub(crate) struct Events {
    schema: Value,
    seen: BTreeSet<String>,
}

impl Events {
    pub(crate) fn new(lab: &Lab) -> Self {
        Self { schema: serde_json::from_str(&lab.ok(&["schema", "--events"]).stdout).unwrap(), seen: BTreeSet::new() }
    }

    /// Runs a command, which has to end with this exit code, and checks each line that it prints.
    fn check(&mut self, lab: &Lab, exit: i32, args: &[&str]) {
        let ran = lab.distill(&[args, &["--json"]].concat());
        assert_eq!(ran.code, Some(exit), "{args:?}: {}", ran.stderr);
        let events = ran.events();
        assert!(!events.is_empty(), "{args:?}");
        for event in events {
            let fault = self.fault(&event);
            assert_eq!(fault, None, "{args:?}: {event}");
            self.seen.insert(event["event"].as_str().unwrap().to_owned());
        }
    }

    /// What in an event is not as its schema says.
    pub(crate) fn fault(&self, event: &Value) -> Option<String> {
        let name = event["event"].as_str().unwrap_or_default();
        let Some(schema) = self.schema["$defs"].get(name) else { return Some(format!("there is no event `{name}`")) };
        let missing =
            schema["required"].as_array().unwrap().iter().find(|key| event.get(key.as_str().unwrap()).is_none());
        if let Some(key) = missing {
            return Some(format!("{key} is missing"));
        }
        event.as_object().unwrap().iter().find_map(|(key, value)| {
            let Some(property) = schema["properties"].get(key) else {
                return (schema["additionalProperties"] != true).then(|| format!("`{key}` is not in the schema"));
            };
            if property.get("const").is_some_and(|only| only != value) {
                return Some(format!("`{key}` is {value}"));
            }
            let types = match &property["type"] {
                Value::Array(types) => types.clone(),
                Value::Null => return None,
                one => vec![one.clone()],
            };
            let fits = types.iter().any(|kind| has_type(value, kind.as_str().unwrap()));
            (!fits).then(|| format!("`{key}` is {value}, none of {types:?}"))
        })
    }
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is no type of JSON"),
    }
}

#[test]
fn every_event_is_as_its_schema_says() {
    let lab = Lab::new();
    let mut events = Events::new(&lab);
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    let teacher = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    let early = ["run", "r.toml", teacher, "train.early_stopping=1", "train.epochs=100"];
    let halving = ["sweep", "r.toml", "train.epochs=4", "--set", "kd.temperature=1..8", "--random", "3", "--halving=2"];
    for args in [
        &["run", "r.toml", "seeds=[1,2]", "checkpoint.every_steps=10"][..],
        &early,
        &["run", "r.toml", "teacher.seeds=[1,2]"],
        &["run", "--from", "runs/tiny-001"],
        &["run", "--resume", "runs/tiny-001"],
        &["train", "r.toml", "--as", "baseline"],
        &["check", "r.toml", teacher],
        &["teach", "r.toml", teacher, "--store", "top-2"],
        &["eval", student, "--data", "data", "--teacher", student],
        &["predict", student, "data/t10k-images-idx3-ubyte", "--top", "2", "--probs"],
        &["export", student, "--to", "s.onnx"],
        &["export", student, "--to", "s.npz"],
        &["inspect", student, "runs/tiny-001", "r.toml", "data"],
        &["data"],
        &["data", "data"],
        &halving,
        &["report", "runs/tiny-001"],
        &["runs"],
        &["compare", "runs/tiny-001", "runs/tiny-002"],
        &["rm", "runs/tiny-003", "--yes"],
        &["reproduce", "hinton-2015", "--list"],
        &["explain"],
        &["explain", "--markdown"],
        &["schema"],
        &["schema", "--events"],
        &["env"],
        &["completions", "fish"],
        &["man"],
        &["man", "run"],
        &["new", "fresh"],
    ] {
        events.check(&lab, 0, args);
    }
    events.check(&lab, 3, &["run", "r.toml", "kd.alpha=2"]);
    events.check(&lab, 7, &["new", "fresh"]);
    events.check(&lab, 7, &["check", "r.toml", "teacher.weights=none.safetensors"]);
    // Those that take long have tests of their own: `asking`, and the rows of a study.
    let all: BTreeSet<String> = events.schema["$defs"].as_object().unwrap().keys().cloned().collect();
    let unseen: Vec<_> = all.difference(&events.seen).map(String::as_str).collect();
    assert_eq!(unseen, ["asking", "reproduce_end", "row_end"]);
}

/// A field that is missing, of another type or unknown is a fault, or the test above would find none.
#[test]
fn faults_are_found() {
    let lab = Lab::new();
    let events = Events::new(&lab);
    let event = |text: &str| events.fault(&serde_json::from_str(text).unwrap()).unwrap_or_default();
    let good = r#"{"v":1,"event":"removed","path":"x","bytes":3}"#;
    assert_eq!(event(good), "");
    assert_eq!(event(&good.replace("removed", "remove")), "there is no event `remove`");
    assert_eq!(event(&good.replace(r#","bytes":3"#, "")), "\"bytes\" is missing");
    assert_eq!(event(&good.replace("\"v\":1", "\"v\":2")), "`v` is 2");
    assert!(event(&good.replace(":3", ":3.5")).starts_with("`bytes` is 3.5, none of"));
    assert_eq!(event(&good.replace(":3", ":3,\"more\":1")), "`more` is not in the schema");
}

/// No event is left out of the schema, and each is described.
#[test]
fn every_event_of_the_source_is_in_the_schema() {
    fn collect(folder: &Path, found: &mut BTreeSet<String>) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let calls = text.split("output.event(").skip(1);
                found.extend(
                    calls.filter_map(|call| Some(call.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned())),
                );
            }
        }
    }
    let schema = Events::new(&Lab::new()).schema;
    let mut found = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    // Those of a lab are made in one place, a name in each arm of a match.
    let lab = include_str!("../../../distill-lab/src/event/json.rs");
    let arms = lab.split("=> (").skip(1).chain(lab.split("            (\"").skip(1));
    let name = |arm: &str| arm.trim_start().trim_start_matches('"').split_once('"').map(|(name, _)| name.to_owned());
    found.extend(arms.filter_map(name).filter(|name| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')));
    for name in ["run_start", "step", "asking", "trial_end", "warning", "run_end", "row_end", "model_end"] {
        assert!(found.contains(name), "`{name}` was not found in {found:?}");
    }
    for name in &found {
        assert!(schema["$defs"].get(name).is_some(), "`{name}` is not in the schema");
    }
    let listed: Vec<_> =
        schema["oneOf"].as_array().unwrap().iter().map(|event| event["$ref"].as_str().unwrap()).collect();
    for (name, event) in schema["$defs"].as_object().unwrap() {
        assert!(listed.contains(&format!("#/$defs/{name}").as_str()), "{name}");
        assert_eq!(event["properties"]["event"]["const"], name.as_str());
        for (key, property) in event["properties"].as_object().unwrap() {
            assert!(property["description"].is_string() || property.get("const").is_some(), "{name}.{key}");
        }
    }
}

#[test]
fn the_page_of_the_events_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let page = Lab::new().ok(&["schema", "--events", "--markdown"]).stdout;
    let refresh = "cargo run -p distill-cli -- schema --events --markdown > docs/events.md";
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "docs/events.md is out of date; refresh it: {refresh}");
}
