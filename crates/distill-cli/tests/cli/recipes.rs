use std::fs;

use crate::lab::Lab;

#[test]
fn keys_types_and_tables() {
    let lab = Lab::new();
    let bad = |from: &str, to: &str, expected: [&str; 3]| lab.check_recipe(from, to, 3, expected);
    bad(
        "validation",
        "validaton",
        ["E0101]: unknown key `validaton` in [data]", "bad.toml:5:1", "did you mean `validation`?"],
    );
    bad("[student]", "[pupil]", ["E0101]: unknown key `pupil` in the recipe", "bad.toml:14:2", "valid keys: version"]);
    bad(
        "{ hidden = [4] }",
        "{ hiden = [4] }",
        ["E0101]: unknown key `hiden` in [student.model]", "bad.toml:15:11", "did you mean `hidden`?"],
    );
    bad(
        "validation = 20",
        "validation = \"x\"",
        ["E0103]: data.validation: invalid type", "bad.toml:5:14", "data.validation wants a whole number"],
    );
    bad(
        "hidden = [4]",
        "hidden = [4, -1]",
        [
            "E0103]: student.model.hidden[1]: invalid value",
            "bad.toml:15:20",
            "student.model.hidden[1] wants a whole number",
        ],
    );
    bad(
        "hidden = [4]",
        "",
        [
            "E0103]: student.model: missing field `hidden`",
            "bad.toml:15:9",
            "set `student.model.hidden = [200]`; `distill new NAME`",
        ],
    );
    bad(
        "[student]\nmodel = { hidden = [4] }\n",
        "",
        ["E0103]: the recipe: missing field `student`", "bad.toml", "distill new NAME"],
    );
    bad(
        "[4] }",
        "[4], activation = \"rely\" }",
        ["E0103]: student.model.activation: unknown variant", "bad.toml:15:38", "did you mean `relu`?"],
    );
    bad("[8]", "[8", ["E0102]: the recipe is not TOML: ", "bad.toml:8:", "https://toml.io"]);
    bad(
        "[train]",
        "[train]\nepochs = 3",
        ["E0102]: the recipe is not TOML: duplicate key", "bad.toml:19:1", "https://toml.io"],
    );

    let ran = lab.distill(&["run", "bad.toml"]);
    assert!(ran.stderr.contains("\n   | epochs = 2\n   | ^^^^^^\n"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_no_recipe() {
    let lab = Lab::new();
    fs::create_dir(lab.path("folder.toml")).unwrap();
    lab.write("latin.toml", b"name = \"\xe9\"\n");
    lab.write("large.toml", vec![b'#'; (1 << 20) + 1]);
    lab.write("tabs.toml", "\tname = \u{1b}[31m");
    let check = |name, exit, message, place, help| lab.check(&["run", name], exit, [message, place, help]);
    check("none.toml", 7, "E0501]: cannot read the recipe", "none.toml", "recipes/mnist.toml");
    check("folder.toml", 7, "E0501]: cannot read the recipe", "folder.toml", "recipes/mnist.toml");
    check("latin.toml", 3, "E0102]: the recipe is not text: byte 8 is not UTF-8", "latin.toml", "name a TOML file");
    check("large.toml", 3, "E0102]: the recipe is larger than 131072 bytes", "large.toml", "name a TOML file");
    check("tabs.toml", 3, "E0102]: the recipe is not TOML", "tabs.toml:1:", "https://toml.io");
}

#[test]
fn values_without_a_meaning() {
    let lab = Lab::new();
    let bad = |from: &str, to: &str, expected: [&str; 3]| lab.check_recipe(from, to, 3, expected);
    let value = |line: &str, place, help| {
        let key = line.split('=').next().unwrap_or_default().trim();
        bad("[train]\n", &format!("[kd]\n{line}\n[train]\n"), [&format!("E0104]: kd.{key} must be"), place, help]);
    };
    for temperature in ["0", "-1.0", "nan", "inf", "1e300", "1e-9"] {
        value(&format!("temperature = {temperature}"), "bad.toml:18:15", "set `temperature = 4.0`");
    }
    for alpha in ["-0.1", "1.5", "nan"] {
        value(&format!("alpha = {alpha}"), "bad.toml:18:9", "set `alpha = 0.9`");
    }
    bad(
        "epochs = 2",
        "epochs = 0",
        ["E0104]: teacher.train.epochs must be at least 1", "bad.toml:11:10", "set `epochs = 10`"],
    );
    bad(
        "batch = 16",
        "batch = 0",
        ["E0104]: teacher.train.batch must be at least 1", "bad.toml:12:9", "set `batch = 128`"],
    );
    let optimizer = "batch = 16\noptimizer = { lr = 0 }";
    bad("batch = 16", optimizer, ["E0104]: teacher.train.optimizer.lr must be", "bad.toml:13:20", "set `lr = 0.05`"]);
    bad("[4]", "[4, 0]", ["E0104]: student.model.hidden has 0 units in layer 1", "bad.toml:15:20", "change `hidden`"]);
    bad("[4] }", "[4], dropout = 1.0 }", ["E0104]: student.model.dropout", "bad.toml:15:", "change `dropout`"]);
    for name in ["../x", "a/b", ".hidden", "a b", "a\\\\b"] {
        bad("\"tiny\"", &format!("\"{name}\""), ["E0104]: name may hold", "bad.toml:1:8", "set `name = "]);
    }
    bad(
        "name = \"tiny\"",
        "seeds = [3, 1, 3]",
        ["E0104]: seeds lists seed 3 twice", "bad.toml:1:9", "list every seed once"],
    );
    bad("name = \"tiny\"", "seeds = []", ["E0104]: seeds must name at least one", "bad.toml:1:9", "set `seeds = [1]`"]);
    bad("name = \"tiny\"", "version = 2", ["E0104]: version must be 1", "bad.toml:1:11", "set `version = 1`"]);
    bad("model = { hidden = [8] }", "", ["E0104]: teacher.model or `weights` is needed", "bad.toml:7:2", "weights = "]);
}

#[test]
fn models_that_no_memory_holds() {
    let lab = Lab::new();
    for hidden in
        ["[1000000000, 1000000000]", "[10000000000]", "[9223372036854775807, 9223372036854775807]", "[60000000]"]
    {
        let (teacher, student) =
            (["E0104]: ", "bad.toml:8:20", "fewer units"], ["E0104]: ", "bad.toml:15:20", "fewer units"]);
        lab.check_recipe("[8]", hidden, 3, teacher);
        lab.check_recipe("[4]", hidden, 3, student);
    }
    // A batch is never larger than the data.
    lab.ok(&["run", "r.toml", "-q", "train.batch=1000000000000000000"]);
}

#[test]
fn selections_of_the_data() {
    let lab = Lab::new();
    let line = |line: &str, exit, expected| lab.check_recipe("validation = 20", line, exit, expected);
    let classes = "use the names of the data's classes";
    line("transfer = { without = [\"3\"] }", 4, ["E0205]: there is no class `3`", "bad.toml:5:24", classes]);
    line("transfer = { only = [\"x\"] }", 4, ["E0205]: there is no class `x`", "bad.toml:5:21", classes]);
    line("select.without = [\"x\"]", 4, ["E0205]: there is no class `x`", "bad.toml:5:18", classes]);
    let left = "so that examples are left";
    line("validation = 200", 4, ["E0205]: cannot hold out 200 of 200", "bad.toml:5:14", left]);
    line("validation = 999999999999", 4, ["E0205]: cannot hold out", "bad.toml:5:14", left]);
    line(
        "select.without = [\"0\", \"1\", \"2\"]",
        4,
        ["E0205]: the selection leaves no example", "bad.toml:5:1", left],
    );
    line(
        "transfer.without = [\"0\", \"1\", \"2\"]",
        4,
        ["E0205]: the selection leaves no example", "bad.toml:5:1", left],
    );
    for fraction in ["0", "-1", "1.5", "nan"] {
        let expected = ["E0104]: data.transfer.fraction must be", "bad.toml:5:21", "set `fraction = 1.0`"];
        line(
            &format!("transfer.fraction  = {fraction}").replace("  ", "   "),
            3,
            [expected[0], "bad.toml:5:", expected[2]],
        );
    }
    line("classes = [\"a\", \"a\", \"b\"]", 4, ["E0203]: the class list is not usable", "bad.toml:5:11", "once"]);
    let shift = "[train]\naugment = { shift = 4 }";
    lab.check_recipe("[train]", shift, 4, ["E0205]: a shift of 4 pixels", "bad.toml:18:21", "at most 3"]);
    let shift = "[teacher.train]\naugment = { shift = 99 }";
    lab.check_recipe("[teacher.train]", shift, 4, ["E0205]: a shift of 99 pixels", "bad.toml:11:21", "at most 3"]);
}

#[test]
fn speech_says_what_it_lacks_and_what_it_has_already() {
    let lab = Lab::new();
    fs::create_dir(lab.path("sounds")).unwrap();
    let speech = |settings: &[&str], exit, expected| {
        lab.check(&[&["run", "r.toml", "data.source=asterisk-en:sounds"], settings].concat(), exit, expected);
        assert!(!lab.path("runs").exists());
    };
    let lacks = "E0201]: sounds lacks 500 of 500 recordings, the first is activated.wav; `apt-get install";
    speech(&[], 4, [lacks, "sounds", "asterisk-en:FOLDER"]);
    let classes = "E0104]: `data.classes` has no meaning for `asterisk-en`";
    speech(&["data.classes=['a']"], 3, [classes, "command line: data.classes", "leave it out"]);
    let memory = "E0104]: `data.memory` has no meaning for `asterisk-en`";
    speech(&["data.memory=1 MiB"], 3, [memory, "command line: data.memory", "leave it out"]);
}

#[test]
fn text_is_read_by_a_model_with_a_table_and_by_no_other() {
    let lab = Lab::new();
    let small = "data.text={ train = 900, validation = 50, test = 60 }";
    let text = |settings: &[&'static str]| {
        let given = ["run", "r.toml", "data.source=udhr", "data.validation=0", small];
        [&given[..], settings].concat()
    };
    let check = |settings: &[&'static str], exit, expected| {
        lab.check(&text(settings), exit, expected);
        assert!(!lab.path("runs").exists());
    };
    let table = "set `embedding = { buckets = 16384 }` in the model";
    check(&[], 3, ["E0104]: the inputs of `udhr` are bucket indices", "r.toml", table]);
    let teacher = "teacher.model={ hidden = [16], embedding = { buckets = 16384 } }";
    let student = "student.model={ hidden = [8], embedding = { buckets = 16384 } }";
    let few = "student.model.embedding.buckets=99";
    check(&[teacher, student, few], 3, ["E0104]: an embedding of 99 buckets for inputs of 16384", "buckets", table]);
    let zero = ["E0104]: data.text.train must be at least 1", "data.text.train", "set `train = 125000`"];
    check(&[teacher, student, "data.text.train=0"], 3, zero);
    let long = ["E0104]: 420 languages have no train paragraph of 99999 characters", "data.text", "change `data.text`"];
    check(&[teacher, student, "data.text.characters=99999"], 3, long);
    let held_out =
        ["E0104]: data.validation is set, but the data brings its own", "data.validation", "leave `validation` out"];
    check(&[teacher, student, "data.validation=9"], 3, held_out);
    let seen = ["E0104]: each of the 60 test snippets of 1 characters", "data.text", "change `data.text`"];
    check(&[teacher, student, "data.text.characters=1"], 3, seen);
    let memory = ["E0104]: `data.memory` has no meaning for `udhr`", "command line: data.memory", "leave it out"];
    check(&[teacher, student, "data.memory=1 MiB"], 3, memory);
    let elsewhere = ["E0104]: `data.text` has no meaning for `data`", "data.text", "leave it out"];
    lab.check(&["run", "r.toml", small], 3, elsewhere);

    let both =
        ["E0104]: data.unlabelled is set, and `text.unlabelled` too", "data.unlabelled", "leave one of them out"];
    check(&[teacher, student, "data.unlabelled=more.npy", "data.text.unlabelled=9"], 3, both);

    // Of the 900 and more snippets to learn from none is a test snippet: those that could be are left out.
    let args = ["check", "r.toml", "data.source=udhr", "data.validation=0", teacher, student];
    let more = "data.text={ train = 90000, unlabelled = 60000, validation = 50, test = 9000 }";
    let seen = lab.ok(&[&args[..], &[more]].concat()).stdout;
    assert!(seen.contains(" test (") && seen.contains(" more are in training paragraphs too and left out)"), "{seen}");
    assert!(seen.contains("no test example is in the training set") && !seen.contains("among the inputs"), "{seen}");

    lab.ok(&text(&[teacher, student, "teacher.min_accuracy=0"]));
    let result = lab.json("runs/tiny-001/result.json");
    assert_eq!(result["data"]["validation"], 50, "{result}");
    lab.ok(&text(&[teacher, student, "teacher.min_accuracy=0", "data.text.unlabelled=100"]));
    let more = lab.json("runs/tiny-002/result.json");
    assert_eq!((&more["data"]["train"], &more["data"]["transfer"]), (&900.into(), &1000.into()), "{more}");
    let models = |result: &serde_json::Value| [0, 1, 2].map(|at| result["models"][at]["test_nll"].clone());
    let (models, more) = (models(&result), models(&more));
    assert_eq!(models[..2], more[..2], "teacher and baseline learn from labels alone");
    assert_ne!(models[2], more[2]);
    let eval = ["eval", "runs/tiny-001/weights/student-seed1.safetensors", "--data", "udhr"];
    let found = lab.ok(&eval).stdout;
    assert!(found.contains("48,800 test examples"), "{found}");
}
