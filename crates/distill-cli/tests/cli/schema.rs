use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::lab::{Lab, RECIPE};

/// What of JSON Schema the schema of recipes uses. It says where a value breaks it.
struct Schema {
    root: Value,
}

impl Schema {
    fn printed() -> Self {
        Self { root: serde_json::from_str(&Lab::new().ok(&["schema"]).stdout).unwrap() }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => self.root.pointer(path.strip_prefix('#').unwrap()).unwrap(),
            None => schema,
        }
    }

    /// The faults of a recipe in TOML.
    fn faults(&self, recipe: &str) -> Vec<String> {
        let value = serde_json::to_value(recipe.parse::<toml::Table>().unwrap()).unwrap();
        let mut faults = Vec::new();
        self.check(&self.root, &value, "recipe", &mut faults);
        faults
    }

    fn check(&self, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
        let here = faults.len();
        let mut require = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{path}: {what}"));
            }
        };
        for (keyword, rule) in schema.as_object().unwrap() {
            let bound = rule.as_f64().unwrap_or_default();
            let number = |holds: fn(f64, f64) -> bool| value.as_f64().is_none_or(|value| holds(value, bound));
            let length = value.as_array().map(Vec::len);
            match keyword.as_str() {
                "type" => require(has_type(value, rule.as_str().unwrap()), "type"),
                "const" => require(value == rule, "const"),
                "enum" => require(rule.as_array().unwrap().contains(value), "enum"),
                "minimum" => require(number(|value, bound| value >= bound), "minimum"),
                "maximum" => require(number(|value, bound| value <= bound), "maximum"),
                "exclusiveMinimum" => require(number(|value, bound| value > bound), "exclusiveMinimum"),
                "exclusiveMaximum" => require(number(|value, bound| value < bound), "exclusiveMaximum"),
                "minItems" => require(length.is_none_or(|n| n as u64 >= rule.as_u64().unwrap()), "minItems"),
                "maxItems" => require(length.is_none_or(|n| n as u64 <= rule.as_u64().unwrap()), "maxItems"),
                "uniqueItems" => {
                    let texts: Option<BTreeSet<_>> =
                        value.as_array().map(|items| items.iter().map(Value::to_string).collect());
                    require(texts.is_none_or(|texts| Some(texts.len()) == length), "uniqueItems");
                }
                "pattern" => {
                    assert_eq!(rule, r"^[0-9]+ *([kMG]?B|[KMG]iB)$");
                    require(value.as_str().is_none_or(is_size), "pattern");
                }
                "required" => {
                    for key in rule.as_array().unwrap() {
                        require(value.get(key.as_str().unwrap()).is_some(), &format!("required {key}"));
                    }
                }
                "additionalProperties" if rule == &json!(false) => {
                    for key in value.as_object().into_iter().flat_map(|table| table.keys()) {
                        require(schema["properties"].get(key).is_some(), &format!("unknown {key}"));
                    }
                }
                // Keys that people choose.
                "additionalProperties" => {
                    for value in value.as_object().into_iter().flat_map(|table| table.values()) {
                        require(self.n_fitting(std::slice::from_ref(rule), value, path) == 1, "additionalProperties");
                    }
                }
                "$ref" | "oneOf" | "anyOf" | "properties" | "items" => {}
                "$schema" | "$defs" | "title" | "description" | "default" | "format" | "examples" => {}
                other => panic!("the check does not know `{other}`"),
            }
        }
        if schema.get("$ref").is_some() {
            self.check(self.resolve(schema), value, path, faults);
        }
        if let Some(choices) = schema["oneOf"].as_array()
            && self.n_fitting(choices, value, path) != 1
        {
            faults.push(format!("{path}: oneOf"));
        }
        if let Some(choices) = schema["anyOf"].as_array()
            && self.n_fitting(choices, value, path) == 0
        {
            // Of a table and something else, a table is what was meant.
            let is_table = |choice: &&Value| value.is_object() && self.resolve(choice)["type"] == "object";
            match choices.iter().filter(is_table).collect::<Vec<_>>()[..] {
                [table] => self.check(table, value, path, faults),
                _ => faults.push(format!("{path}: anyOf")),
            }
        }
        if faults.len() > here {
            return;
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            if let Some(schema) = schema["properties"].get(key) {
                self.check(schema, value, &format!("{path}.{key}"), faults);
            }
        }
        if let Some(items) = schema.get("items") {
            for item in value.as_array().into_iter().flatten() {
                self.check(items, item, path, faults);
            }
        }
    }

    fn n_fitting(&self, choices: &[Value], value: &Value, path: &str) -> usize {
        let fits = |choice: &&Value| {
            let mut faults = Vec::new();
            self.check(choice, value, path, &mut faults);
            faults.is_empty()
        };
        choices.iter().filter(fits).count()
    }

    /// The tables of a recipe: their names in the schema, and their keys.
    fn tables(&self) -> Vec<(&str, &Value)> {
        let named = self.root["$defs"].as_object().unwrap().iter().map(|(name, schema)| (name.as_str(), schema));
        named.chain([("Recipe", &self.root)]).filter(|(_, schema)| schema.get("properties").is_some()).collect()
    }
}

/// Whether a text is of the only pattern in the schema.
fn is_size(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let units = ["B", "kB", "MB", "GB", "KiB", "MiB", "GiB"];
    unit.len() < text.len() && units.contains(&unit.trim_start_matches(' '))
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("`{other}` is no type of TOML"),
    }
}

#[test]
fn every_recipe_is_valid() {
    let schema = Schema::printed();
    assert_eq!(schema.root["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let lab = Lab::new();
    lab.ok(&["new", "a", "-q"]);
    lab.ok(&["new", "b", "-q", "--teacher", "t.safetensors", "--data", "d"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let files = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let (folders, mut paths): (Vec<_>, Vec<_>) = files(&folder).into_iter().partition(|path| path.is_dir());
    paths.extend(folders.iter().flat_map(|folder| files(folder)));
    // A recipe may stand beside the file that it names.
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(paths.len() > 10, "{paths:?}");
    paths.extend([lab.path("a.toml"), lab.path("b.toml"), lab.path("r.toml")]);
    for path in paths {
        assert_eq!(schema.faults(&fs::read_to_string(&path).unwrap()), [""; 0], "{}", path.display());
    }
}

#[test]
fn what_the_program_refuses_the_schema_refuses() {
    let schema = Schema::printed();
    let lab = Lab::new();
    let cases = [
        ("validation", "validaton", "recipe.data: unknown validaton"),
        ("validation = 20", "memory = \"1 TB\"", "recipe.data.memory: pattern"),
        ("validation = 20", "memory = \" MiB\"", "recipe.data.memory: pattern"),
        ("validation = 20", "memory = 1000", "recipe.data.memory: type"),
        ("[student]", "[pupil]", "recipe: required \"student\""),
        ("source = \"data\"", "", "recipe.data: required \"source\""),
        ("validation = 20", "validation = \"x\"", "recipe.data.validation: type"),
        ("validation = 20", "validation = -1", "recipe.data.validation: minimum"),
        ("hidden = [4]", "hidden = [4, 0]", "recipe.student.model.hidden: minimum"),
        ("hidden = [4]", "hidden = 4", "recipe.student.model.hidden: type"),
        ("[4] }", "[4], activation = \"rely\" }", "recipe.student.model.activation: oneOf"),
        ("[4] }", "[4], dropout = 1.0 }", "recipe.student.model.dropout: exclusiveMaximum"),
        ("[4] }", "[4], max_norm = 0 }", "recipe.student.model.max_norm: exclusiveMinimum"),
        ("name = \"tiny\"", "seeds = []", "recipe.seeds: minItems"),
        ("name = \"tiny\"", "seeds = [1, 1]", "recipe.seeds: uniqueItems"),
        ("name = \"tiny\"", "version = 2", "recipe.version: maximum"),
        ("name = \"tiny\"", "kd.alpha = 1.5", "recipe.kd.alpha: maximum"),
        ("name = \"tiny\"", "kd.temperature = 0", "recipe.kd.temperature: minimum"),
        ("name = \"tiny\"", "kd.method = \"kdd\"", "recipe.kd.method: oneOf"),
        ("epochs = 2", "epochs = 0", "recipe.teacher.train.epochs: minimum"),
        ("batch = 16", "optimizer.betas = [0.9]", "recipe.teacher.train.optimizer.betas: minItems"),
    ];
    assert_eq!(schema.faults(RECIPE), [""; 0]);
    for (from, to, fault) in cases {
        assert!(RECIPE.contains(from), "{from}");
        let bad = RECIPE.replacen(from, to, 1);
        assert!(schema.faults(&bad).contains(&fault.to_owned()), "{to}: {:?}", schema.faults(&bad));
        lab.write("bad.toml", bad);
        assert_eq!(lab.distill(&["run", "bad.toml"]).code, Some(3), "{to}");
    }
}

#[test]
fn keys_are_described_and_have_the_defaults_of_the_program() {
    let schema = Schema::printed();
    for (table, keys) in schema.tables() {
        assert_eq!(keys["additionalProperties"], false, "{table}");
        for (key, property) in keys["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{table}.{key} has no description");
        }
    }
    // A resolved recipe shows what the program takes for keys that are left out.
    let lab = Lab::new();
    lab.write("least.toml", "data.source = \"data\"\nteacher.model.hidden = [4]\nstudent.model.hidden = [4]\n");
    lab.ok(&["run", "least.toml", "-q", "train.epochs=1", "teacher.train.epochs=1"]);
    let resolved = String::from_utf8(lab.read("runs/least-001/recipe.resolved.toml")).unwrap();
    let resolved = serde_json::to_value(resolved.parse::<toml::Table>().unwrap()).unwrap();
    let mut n_compared = 0;
    for (table, path) in [
        ("KdConfig", "/kd"),
        ("TrainConfig", "/train"),
        ("OptimizerConfig", "/train/optimizer"),
        ("ScheduleConfig", "/train/schedule"),
        ("AugmentConfig", "/train/augment"),
        ("ModelConfig", "/student/model"),
        ("SelectConfig", "/data/select"),
        ("BaselineConfig", "/baseline"),
    ] {
        for (key, property) in schema.root["$defs"][table]["properties"].as_object().unwrap() {
            let Some(default) = property.get("default").filter(|_| key != "epochs") else { continue };
            assert_eq!(Some(default), resolved.pointer(&format!("{path}/{key}")), "{table}.{key}");
            n_compared += 1;
        }
    }
    assert!(n_compared >= 22, "{n_compared} defaults");
}

#[test]
fn a_new_recipe_shows_every_key() {
    let schema = Schema::printed();
    let lab = Lab::new();
    lab.ok(&["new", "a", "-q"]);
    let text = String::from_utf8(lab.read("a.toml")).unwrap();
    let taken_up: String = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| rest.starts_with(char::is_alphabetic)).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut shown = BTreeSet::new();
    let value = serde_json::to_value(taken_up.parse::<toml::Table>().unwrap()).unwrap();
    collect(&schema, &schema.root, &value, &mut shown);
    for (table_name, table) in schema.tables() {
        for (key, property) in table["properties"].as_object().unwrap() {
            // Keys of other kinds of networks stand in a comment, as no model has them all, and so do those of a list that is empty, and
            // of text beside columns.
            let in_comments = ["ModelConfig", "FeatureConfig", "ColumnConfig"].contains(&table_name);
            let is_named = in_comments && text.contains(&format!("{key} = "));
            assert!(
                is_named || shown.contains(&property["description"].to_string()),
                "{key} is not in the recipe of `distill new`"
            );
        }
    }
}

/// The descriptions of all keys that stand in a recipe: a table is shown once, wherever it is used.
fn collect(schema: &Schema, table: &Value, value: &Value, shown: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let property = &schema.resolve(table)["properties"][key];
        shown.insert(property["description"].to_string());
        // A model is a table, or the name of a file.
        let choices = property["anyOf"].as_array().map_or(std::slice::from_ref(property), Vec::as_slice);
        choices.iter().for_each(|choice| collect(schema, choice, value, shown));
    }
}

#[test]
fn with_json_it_is_an_event() {
    let lab = Lab::new();
    let events = lab.ok(&["schema", "--json"]).events();
    assert_eq!((events.len(), &events[0]["event"]), (1, &"schema".into()));
    assert_eq!(events[0]["schema"], Schema::printed().root);
}
