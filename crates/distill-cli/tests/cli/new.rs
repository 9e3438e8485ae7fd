use crate::lab::Lab;

#[test]
fn the_recipe_runs_as_it_is() {
    let lab = Lab::new();
    let model = lab.model();
    for (name, file) in [("a", "a.toml"), ("b.toml", "b.toml"), ("made/c.v2", "made/c.v2.toml")] {
        let ran = lab.ok(&["new", name, "--data", "data", "--teacher", &model]);
        assert_eq!(ran.stdout, "");
        let next = format!("wrote  {file}\nnext   distill check {file}\n       distill run {file}\n");
        assert_eq!(ran.stderr, next);
    }
    // Two epochs on tiny data in place of a minute on MNIST.
    lab.ok(&["run", "a.toml", "-q", "train.epochs=2"]);
    let sha256 = lab.json("made/tiny-001/result.json")["models"][2]["weights_sha256"].clone();
    assert_eq!(lab.json("runs/a-001/result.json")["models"][0]["weights_sha256"], sha256);
    lab.ok(&["new", "trained", "--data", "data", "-q"]);
    let short = ["teacher.train.epochs=1", "train.epochs=1", "teacher.min_accuracy=0.0"];
    lab.ok(&[&["run", "trained.toml", "-q"][..], &short].concat());
    assert_eq!(lab.json("runs/trained-001/result.json")["models"].as_array().unwrap().len(), 8);
    let events = lab.ok(&["new", "told", "--json"]).events();
    assert_eq!((&events[0]["event"], &events[0]["path"]), (&"new".into(), &"told.toml".into()));
}

#[test]
fn nothing_is_overwritten() {
    let lab = Lab::new();
    let before = lab.read("r.toml");
    for name in ["r", "r.toml"] {
        lab.check(&["new", name], 7, ["E0504]: the file already exists", "r.toml", "choose another name"]);
    }
    assert_eq!(lab.read("r.toml"), before);
    std::fs::create_dir(lab.path("folder.toml")).unwrap();
    lab.check(&["new", "folder"], 7, ["E0504]", "folder.toml", "choose another name"]);
    lab.check(&["new", "none/a"], 7, ["E0501]: cannot write the file", "none/a.toml", "check the folder"]);
}

#[test]
fn names_that_no_run_can_have() {
    let lab = Lab::new();
    let n_files = || std::fs::read_dir(lab.path("")).unwrap().count();
    let before = n_files();
    for name in ["", ".hidden", "..", "data/"] {
        lab.check(&["new", name], 3, ["E0104]: name may hold", ".toml", "choose another name"]);
    }
    assert_eq!(n_files(), before);
}

#[test]
fn what_is_not_there_yet_is_a_warning() {
    let lab = Lab::new();
    let ran = lab.ok(&["new", "a", "--data", "none", "--teacher", "t.safetensors"]);
    for what in
        ["warning: the data `none` is not there yet\n", "warning: the teacher `t.safetensors` is not there yet\n"]
    {
        assert!(ran.stderr.contains(what), "{}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches("\n   = note: ").count(), 2);
    assert_eq!(ran.stderr.matches("\n   = help: ").count(), 2);
    let ran = lab.ok(&["new", "b", "--data", "none", "--json", "-q"]);
    assert_eq!((ran.stderr.as_str(), &ran.events()[0]["event"]), ("", &"warning".into()));
    assert_eq!(ran.events()[0]["message"], "the data `none` is not there yet");
}
