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

/// Numbers that look random: Knuth's MMIX generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn mutate(text: &mut Vec<u8>, random: &mut Random) {
    const VALUES: [&str; 12] = [
        "-1",
        "nan",
        "inf",
        "\"\"",
        "[]",
        "{}",
        "1e400",
        "18446744073709551616",
        "[[[[1]]]]",
        "1979-05-27",
        "true",
        "'x'",
    ];
    let at = random.below(text.len());
    match random.below(6) {
        0 => text.truncate(at),
        1 => text.insert(at, b"\"'[]{}=.\n#\\\x00\xff"[random.below(13)]),
        // A line twice, or a line at another place.
        2 | 3 => {
            let mut lines: Vec<Vec<u8>> = text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
            let (from, to) = (random.below(lines.len()), random.below(lines.len()));
            if let Some(line) = lines.get(from).cloned() {
                lines.insert(to, line);
            }
            *text = lines.concat();
        }
        4 => {
            let equals: Vec<usize> = (0..text.len()).filter(|&i| text[i] == b'=').collect();
            if !equals.is_empty() {
                let start = equals[random.below(equals.len())] + 1;
                let end =
                    text[start..].iter().position(|byte| b",}\n".contains(byte)).map_or(text.len(), |n| start + n);
                text.splice(start..end, VALUES[random.below(VALUES.len())].bytes());
            }
        }
        _ => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

#[test]
fn no_mutation_of_a_recipe_makes_the_loader_panic() {
    let load = |text: &[u8]| from_bytes(Path::new("r.toml"), text.to_vec(), &[]);
    load(RECIPE.as_bytes()).unwrap();

    let random = &mut Random(1);
    let mut accepted = 0;
    for _ in 0..4000 {
        let mut text = RECIPE.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            mutate(&mut text, random);
        }
        match load(&text) {
            Ok(_) => accepted += 1,
            Err(diagnostic) => {
                let text = diagnostic.to_string();
                assert_eq!(diagnostic.exit_code(), 3, "{text}");
                assert!(text.contains("\n  --> ") && text.contains("\n   = help: "), "{text}");
            }
        }
    }
    assert!((100..3000).contains(&accepted), "{accepted}");
}

#[test]
fn deep_nesting_does_not_use_up_the_stack() {
    let load = |text: &str, argument: &str| {
        let loaded = from_bytes(Path::new("r.toml"), text.into(), &[argument.to_owned()]);
        loaded.unwrap_err().to_string()
    };
    let n = 200_000;
    for text in [format!("a={}", "[".repeat(n)), format!("{}=1", vec!["a"; n].join(".")), "a={b=".repeat(n)] {
        assert!(load(&text, "a=1").starts_with("error[E0102]: "));
    }
    assert!(load(RECIPE, &format!("{}=1", vec!["a"; n].join("."))).starts_with("error[E0105]: "));
    assert!(load(RECIPE, &format!("a={}", "[".repeat(n))).starts_with("error[E0105]: "));
}
