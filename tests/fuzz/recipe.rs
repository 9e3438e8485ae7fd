use std::path::Path;

use distill_cli::check_recipe;

use crate::random::Random;
use crate::run::{Parser, run};
use crate::{mutate, tokens};

/// Between the text of a recipe and each of the settings of the command line.
const SEPARATOR: u8 = 0x1e;

const RECIPE: &str = r#"version = 1
name = "tiny"
seeds = [1, 2]

[data]
source = "é" # not ASCII
validation = 20
classes = ["0", "1"]
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

const SHORT: &str = r#"data.source = "mnist"
teacher = { weights = "t.safetensors", min_accuracy = 0.5 }
student.model.hidden = []
[checkpoint]
keep_last = 2
"#;

struct RecipeText;

#[test]
fn recipe() {
    run(&RecipeText);
}

fn check(text: &[u8], overrides: &[String]) -> Result<String, String> {
    check_recipe(Path::new("r.toml"), text.to_vec(), overrides)
}

impl Parser for RecipeText {
    const NAME: &str = "recipe";

    /// The recipe as a run keeps it.
    type Parsed = String;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let with = |text: &str, overrides: &[&str]| [&[text], overrides].concat().join("\u{1e}").into_bytes();
        vec![
            with(RECIPE, &[]),
            with(SHORT, &[]),
            with(
                RECIPE,
                &["kd.temperature=2", "student.model.hidden=[3, 3]", "name=word", "train.optimizer.kind=adamw"],
            ),
        ]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(4) { mutate::bytes(bytes, other, random) } else { tokens::text(bytes, random) }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        // Each is about as long as a recipe may be, or longer.
        [100 << 10, 126 << 10, 1 << 20].into_iter().flat_map(large).collect()
    }

    fn parse(&self, bytes: &[u8]) -> Result<String, String> {
        let mut parts = bytes.split(|&byte| byte == SEPARATOR);
        let text = parts.next().unwrap_or_default();
        let overrides: Vec<_> = parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        check(text, &overrides)
    }

    fn check(&self, parsed: &String) {
        assert_eq!(check(parsed.as_bytes(), &[]).as_ref(), Ok(parsed));
    }

    /// One diagnostic with all its parts, and nothing that moves the cursor but the ends of its lines.
    fn check_message(&self, message: &str) {
        assert!(message.starts_with("error[E"));
        assert_eq!(message.matches("\n  --> ").count(), 1);
        assert_eq!(message.matches("\n   = help: ").count(), 1);
        assert!(!message.contains("\nerror"));
        assert!(message.chars().all(|c| c == '\n' || !c.is_control()));
    }
}

/// Texts of about this length that take much to read.
fn large(len: usize) -> Vec<Vec<u8>> {
    let repeat = |unit: &str| unit.repeat(len / unit.len());
    let many = |start: &str, unit: &dyn Fn(usize) -> String, end: &str| {
        let mut text = start.to_owned();
        for i in 0.. {
            if text.len() >= len {
                break;
            }
            text += &unit(i);
        }
        text + end
    };
    let texts = [
        many(&format!("{RECIPE}\na = ["), &|_| "1,".into(), "]"),
        many(&format!("{RECIPE}\na = ["), &|_| "[],".into(), "]"),
        many(&format!("{RECIPE}\na = ["), &|_| "{},".into(), "]"),
        many(&RECIPE.replace("seeds = [1, 2]", ""), &|i| format!("[a{i}]\n"), ""),
        many("seeds = [", &|i| format!("{},", i + 3), &format!("1]\n{}", RECIPE.replace("seeds = [1, 2]", ""))),
        many(RECIPE, &|i| format!("a{i}=1\n"), ""),
        many(RECIPE, &|_| "a={b=".into(), ""),
        many("data.classes = [", &|_| "'',".into(), &format!("]\n{SHORT}")),
        many(&format!("{RECIPE}\n["), &|_| "a.".into(), "b]"),
        many(RECIPE, &|_| "x".into(), " = 1"),
        many(RECIPE, &|_| "\"é\" \"".into(), " = 1"),
        many(&RECIPE.replace("name = \"tiny\"", "name = \""), &|_| "\\u001b".into(), "\""),
        many("[data]\n", &|_| "[[x]]\n".into(), ""),
        repeat("\n"),
        repeat("#\u{1b}"),
        repeat("["),
        repeat("'"),
        format!("{RECIPE}\u{1e}{}=1", repeat("a.")),
        format!("{RECIPE}\u{1e}a=[{}]", repeat("1,")),
        format!("{RECIPE}\u{1e}{}", repeat("\u{1b}")),
        format!("{RECIPE}\u{1e}kd.{}=1", repeat("x")),
        format!("{RECIPE}{}", repeat("\u{1e}kd.alpha=0.5")),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}
