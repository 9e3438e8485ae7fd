use crate::lab::Lab;

#[test]
fn values_are_toml_or_a_word() {
    let lab = Lab::new();
    let args = [
        "kd.temperature=2.5",
        "kd.method=logit-matching",
        "name=\"quoted\"",
        "student.model.hidden=[3, 3]",
        "train.epochs = 1",
        "data.transfer.without=['2']",
        "train.clip_grad_norm=1",
    ];
    lab.ok(&[&["run", "r.toml"], &args[..]].concat());
    let resolved = String::from_utf8(lab.read("runs/quoted-001/recipe.resolved.toml")).unwrap();
    let resolved: Vec<_> = resolved.lines().collect();
    for line in [
        "temperature = 2.5",
        "method = \"logit-matching\"",
        "name = \"quoted\"",
        "without = [\"2\"]",
        "epochs = 1",
        "clip_grad_norm = 1.0",
    ] {
        assert!(resolved.contains(&line), "{line}: {resolved:?}");
    }
    assert_eq!(lab.json("runs/quoted-001/result.json")["models"][2]["architecture"], "16-3-3-3");
}

#[test]
fn the_last_of_two_wins() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "name=one", "name=two", "-q"]);
    assert!(lab.path("runs/two-001").is_dir());
}

#[test]
fn what_cannot_be_read_is_refused() {
    let lab = Lab::new();
    let deep = format!("{}=1", vec!["a"; 50_000].join("."));
    for (argument, message) in [
        ("novalue", "a setting needs a `=`"),
        ("=3", "a setting needs a key"),
        ("a..b=3", "a setting needs a key"),
        (".=3", "a setting needs a key"),
        ("seeds=", "the value of a setting is not TOML"),
        ("seeds=[1,2", "the value of a setting is not TOML"),
        ("name=\"x", "the value of a setting is not TOML"),
        (deep.as_str(), "the key of a setting has too many parts"),
    ] {
        let place = format!("command line: {argument}");
        lab.check(&["run", "r.toml", argument], 3, [&format!("E0105]: {message}"), &place, "kd.temperature=4"]);
    }
    let expected = ["E0105]: `name` is a value", "command line: name.b=1", "replace the whole of `name`"];
    lab.check(&["run", "r.toml", "name.b=1"], 3, expected);
    // What is read but means nothing is shown where it was written.
    for (argument, message) in [
        ("kd.temprature=3", "E0101]: unknown key `temprature` in [kd]"),
        ("train.epochs=many", "E0103]: train.epochs: invalid type: string \"many\", expected u32"),
        ("train=3", "E0103]: train: invalid type"),
        ("seeds=[1,-1]", "E0103]: seeds[1]: invalid value"),
        ("kd.temperature=-4", "E0104]: kd.temperature must be"),
    ] {
        lab.check(&["run", "r.toml", argument], 3, [message, &format!("command line: {argument}"), ""]);
    }
}

#[test]
fn slips_get_help_that_fits() {
    let lab = Lab::new();
    lab.ok(&["check", "r.toml", "data.source = data", "-q"]);
    let first = "the recipe comes first, and settings after it";
    lab.check(&["run", "kd.temperature=4", "r.toml"], 7, ["E0501]: cannot read the recipe", "kd.temperature=4", first]);
    lab.check(&["run", "r"], 7, ["E0501]: cannot read the recipe", "r", "did you mean `r.toml`?"]);
    for (setting, wants) in [
        ("seeds=1", "seeds wants a list, such as `'seeds=[1]'`"),
        ("train.epochs=1e1", "train.epochs wants a whole number from 0 up, such as `train.epochs=10`"),
        ("kd.alpha=high", "kd.alpha wants a number, such as `kd.alpha=0.9`"),
        ("baseline.enabled=True", "baseline.enabled wants `true` or `false`, such as `baseline.enabled=true`"),
        ("kd=4", "kd wants a table, such as `'kd={ alpha = 0.9 }'`"),
        ("kd.method=4", "kd.method wants a word in quotes, such as `'kd.method=\"kd\"'`"),
        ("teacher.weights=3", "teacher.weights wants a value such as `'teacher.weights=\"teacher.safetensors\"'`"),
        (
            "train.optimizer.betas=0.9",
            "train.optimizer.betas wants a list, such as `'train.optimizer.betas=[0.9, 0.999]'`",
        ),
        ("data.memory=5", "data.memory wants text in quotes, such as `'data.memory=\"512 MiB\"'`"),
    ] {
        lab.check(&["run", "r.toml", setting], 3, ["E0103]", &format!("command line: {setting}"), wants]);
    }
    // A setting of the other model does nothing, which nobody means.
    let ran = lab.ok(&["train", "r.toml", "train.epochs=1"]);
    assert!(ran.stderr.contains("warning: `train.epochs` has no effect here"), "{}", ran.stderr);
    let ran = lab.ok(&["train", "r.toml", "teacher.train.epochs=1"]);
    assert!(!ran.stderr.contains("no part in this"), "{}", ran.stderr);
}

/// A key that stands in another table, or is written as a flag.
#[test]
fn keys_of_other_tables_are_suggested_in_full() {
    let lab = Lab::new();
    for (setting, suggested) in [
        ("epochs=3", "did you mean `train.epochs=3` or `teacher.train.epochs=3`? valid keys here: version, name"),
        ("lr=0.3", "did you mean `train.optimizer.lr=0.3` or `teacher.train.optimizer.lr=0.3`?"),
        ("optimizer.lr=0.3", "did you mean `train.optimizer.lr=0.3` or `teacher.train.optimizer.lr=0.3`?"),
        ("train.lr=0.3", "did you mean `train.optimizer.lr=0.3`?"),
        ("temperature=8", "did you mean `kd.temperature=8`?"),
        ("batch_size=8", "did you mean `train.batch=8` or `teacher.train.batch=8`?"),
        ("hidden=[30,30]", "did you mean `'student.model.hidden=[30,30]'` or `'teacher.model.hidden=[30,30]'`?"),
        ("kd.temprature=8", "did you mean `temperature`?"),
    ] {
        lab.check(
            &["run", "r.toml", setting],
            3,
            ["E0101]: unknown key", &format!("command line: {setting}"), suggested],
        );
    }
    lab.write("bad.toml", crate::lab::RECIPE.replace("[train]\n", "[train]\nlr = 0.1\n"));
    lab.check(
        &["check", "bad.toml"],
        3,
        ["E0101]: unknown key `lr` in [train]", "bad.toml:18:1", "`train.optimizer.lr`?"],
    );

    for (args, tip) in [
        (&["run", "r.toml", "--epochs", "3"][..], "`train.epochs=3` or `teacher.train.epochs=3`"),
        (&["run", "r.toml", "--epochs=3"], "`train.epochs=3` or `teacher.train.epochs=3`"),
        (&["train", "r.toml", "--lr", "0.3"], "`train.optimizer.lr=0.3` or `teacher.train.optimizer.lr=0.3`"),
        (&["check", "r.toml", "--kd.alpha", "0.5"], "`kd.alpha=0.5`"),
        (&["run", "r.toml", "--seeds", "1,2"], "`'seeds=[1,2]'` or `'teacher.seeds=[1,2]'`"),
        (&["run", "r.toml", "--batch-size", "8"], "`train.batch=8` or `teacher.train.batch=8`"),
    ] {
        let ran = lab.distill(args);
        let tip = format!("tip: settings have no dashes: {tip}\n");
        assert!(ran.code == Some(2) && ran.stderr.contains(&tip), "{args:?}: {}", ran.stderr);
    }
    // A model has no settings.
    assert!(!lab.distill(&["eval", "m.safetensors", "--epochs", "3"]).stderr.contains("settings"));
}
