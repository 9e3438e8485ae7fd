use super::*;

const RECIPE: &str = r#"version = 1
name = "tiny"
seeds = [1, 2]

[data]
source = "é" # not ASCII
validation = 20
select = { only = ["0", "1"], fraction = 0.5 }

[teacher]
model = { kind = "mlp", hidden = [8, 8], dropout = 0.2, max_norm = 3.0 }

[teacher.train]
epochs = 3
augment = { shift = 1 }
optimizer = { kind = "adamw", lr = 1e-3, betas = [0.9, 0.999] }

[student]
model = { hidden = [4], activation = "tanh" }

[kd]
method = "logit-matching"
temperature = 4.0

[train]
clip_grad_norm = 1.0
schedule = { kind = "one-cycle" }
"#;

fn load(text: &str, overrides: &[String]) -> Result<Recipe, String> {
    let loaded = from_bytes(Path::new("r.toml"), text.into(), overrides);
    loaded.map(|(_, recipe)| recipe).map_err(|diagnostic| diagnostic.to_string())
}

#[test]
fn deep_nesting_does_not_use_up_the_stack() {
    load(RECIPE, &[]).unwrap();
    let deep = |unit: &str| unit.repeat((MAX_BYTES as usize - 10) / unit.len());
    for text in [format!("a={}", deep("[")), format!("{}a=1", deep("a.")), deep("a={b=")] {
        let error = load(&text, &[]).unwrap_err();
        assert!(error.starts_with("error[E0102]: the recipe is not TOML: "), "{error:.200}");
    }
    for argument in [format!("{}a=1", deep("a.")), format!("a={}", deep("["))] {
        let error = load(RECIPE, &[argument]).unwrap_err();
        assert!(error.starts_with("error[E0105]: ") && !error.contains("are longer"), "{error:.200}");
    }
}

#[test]
fn a_name_in_the_recipe_cannot_write_on_the_terminal() {
    let text = RECIPE.replace("[kd]\n", "[kd]\n\"\\u001b[2J\\nerror[E0001]: x\" = 1\n");
    let error = load(&text, &[]).unwrap_err();
    assert!(error.starts_with("error[E0101]: unknown key `\u{fffd}[2J error[E0001]: x` in [kd]\n  --> "), "{error}");
    assert!(error.chars().all(|c| c == '\n' || !c.is_control()), "{error:?}");
}

/// Similar words are looked for in time and memory of the lengths' product.
#[test]
fn nothing_is_suggested_for_a_word_that_is_far_too_long() {
    let error = load(RECIPE, &[format!("kd.{}=1", "temperature".repeat(10_000))]).unwrap_err();
    assert!(error.contains("\n   = help: valid keys: method, "), "{error:.200}");
}

#[test]
fn what_is_accepted_can_be_kept_and_read_again() {
    let n = MAX_BYTES as usize;
    let error = load(RECIPE, &[format!("name={}", "x".repeat(n))]).unwrap_err();
    assert!(error.starts_with("error[E0105]: the settings are longer than 131072 bytes\n"), "{error:.200}");
    // A run writes a space after each comma.
    let classes = "'',".repeat(n / 3 - 1000);
    let error = load(&RECIPE.replace("validation = 20", &format!("classes = [{classes}]")), &[]).unwrap_err();
    let expected = "error[E0102]: the recipe with all its settings is larger than 131072 bytes\n  --> r.toml\n";
    assert!(error.starts_with(expected), "{error:.200}");
}

#[test]
fn every_file_name_makes_a_name_of_runs() {
    for (stem, name) in [
        ("mnist", "mnist"),
        ("my recipe (1)", "my-recipe-1"),
        ("été à la mer", "été-à-la-mer"),
        ("a:b--c", "a-b-c"),
        ("a-b_c.d", "a-b_c.d"),
        // An accent that follows its letter, as macOS has it.
        ("e\u{301}te\u{301}", "ete"),
    ] {
        assert_eq!(run_name(stem), name);
    }
}

/// The former names of keys in a recipe, and the present ones.
fn both_names() -> [String; 2] {
    let of = |[mixtures, ratio, start]: [&str; 3]| {
        let text = RECIPE.replace("validation = 20", &format!("{mixtures} = 2"));
        text.replace("\"one-cycle\" }", &format!("\"one-cycle\", {ratio} = 0.1, {start} = 0.2 }}"))
    };
    [of(["mixup", "min_factor", "peak"]), of(["mixtures", "min_lr_ratio", "pct_start"])]
}

/// Models and runs are known by hashes of this text, so that no key of it may ever get another name.
#[test]
fn a_renamed_key_changes_no_hash() {
    let [old, new] = both_names();
    let recipe = load(&old, &[]).unwrap();
    assert_eq!(recipe, load(&new, &[]).unwrap());
    let hashed = hashed_text(&recipe).unwrap();
    for line in ["mixup = 2", "min_factor = 0.1", "peak = 0.2"] {
        assert!(hashed.lines().any(|of| of == line), "{line}: {hashed}");
    }
    for name in ["mixtures", "min_lr_ratio", "pct_start"] {
        assert!(!hashed.contains(name), "{name}: {hashed}");
    }
    let schedule = serde_json::json!({
        "kind": "one-cycle", "warmup_epochs": 0.0, "min_factor": 0.1, "peak": 0.2, "every_epochs": 10, "gamma": 0.1,
    });
    assert_eq!(serde_json::to_value(&recipe.train.schedule).unwrap(), schedule);
    // What people read has the present names, in the same order.
    let text = recipe_text(&recipe).unwrap();
    assert_eq!(text.lines().count(), hashed.lines().count());
    let (file, again) = from_bytes(Path::new("r.toml"), text.into(), &[]).unwrap();
    assert_eq!((file.former_keys().count(), again), (0, recipe.clone()));
    // Serde reads what it has written.
    assert_eq!(toml::from_str::<Recipe>(&hashed).unwrap(), recipe);
    assert_eq!(crate::renamed::recipe_json(&recipe)["data"]["mixtures"], 2);
}

#[test]
fn former_names_have_their_places() {
    let [old, _] = both_names();
    let (file, _) =
        from_bytes(Path::new("r.toml"), old.clone().into(), &["teacher.train.schedule.peak=0.2".into()]).unwrap();
    let found: Vec<_> = file.former_keys().map(|key| (key.former.as_str(), key.place.as_str())).collect();
    let expected = [
        ("data.mixup", "r.toml:7"),
        ("train.schedule.min_factor", "r.toml:27"),
        ("train.schedule.peak", "r.toml:27"),
        ("teacher.train.schedule.peak", "command line: teacher.train.schedule.peak=0.2"),
    ];
    assert_eq!(found, expected);
    assert_eq!(file.kept().former_keys().count(), 1);
    // An error has the present name, and the place of the former one.
    let error = load(&old.replace("mixup = 2", "mixup = 200"), &[]).unwrap_err();
    assert!(
        error.starts_with("error[E0104]: data.mixtures must be at most 100, got 200\n  --> r.toml:7:9\n"),
        "{error}"
    );
    // No former name is offered.
    let error = load(&old.replace("gamma", "x").replace("clip_grad_norm", "schedule.gama"), &[]).unwrap_err();
    assert!(!error.contains("min_factor,"), "{error}");
}
