//! The examples under `--help`. A test parses every line of them that starts with `distill`.

pub(crate) const SESSION: &str = "\
A typical session:
  distill new mnist-kd                  a recipe to look at and to change
  distill check mnist-kd.toml           is everything there and does it fit
  distill run mnist-kd.toml             teacher, student alone and distilled
  distill run --resume                  go on after an interruption
  distill run mnist-kd.toml kd.temperature=8
  distill eval runs/mnist-kd-001/weights/student-seed1.safetensors --data mnist
  distill explain E0104                 more about an error

Exit codes: 0 done, 1 a stated bound was missed, 2 usage, 3 recipe, 4 data,
5 model or run file, 6 numbers, 7 reading and writing, 8 a limit, 70 a bug";

pub(crate) const CHECK: &str = "\
Examples:
  distill check recipes/mnist.toml
  distill check recipes/mnist.toml teacher.weights=teacher.safetensors";

pub(crate) const TRAIN: &str = "\
Examples:
  distill train recipes/mnist.toml
  distill train recipes/mnist.toml --as baseline train.epochs=20";

pub(crate) const TEACH: &str = "\
Examples:
  distill teach my.toml teacher.weights=teacher.safetensors
  distill run my.toml teacher.weights=teacher.safetensors \\
      kd.cache=cache/my.soft.safetensors";

pub(crate) const RUN: &str = "\
Examples:
  distill run recipes/mnist.toml
  distill run recipes/mnist.toml kd.temperature=8 'seeds=[1, 2, 3]'
  distill run recipes/mnist.toml 'student.model.hidden=[30, 30]' --threads 1
  distill run recipes/mnist.toml teacher.weights=teacher.safetensors
  distill run --resume                  the run that was made last
  distill run --resume runs/mnist-001";

pub(crate) const EVAL: &str = "\
Examples:
  distill eval runs/mnist-001/weights/student-seed1.safetensors --data mnist
  distill eval student.safetensors --data my-data --min-accuracy 0.97
  distill eval student.safetensors --data my-data --teacher teacher.safetensors
  distill eval student.safetensors --data my-data --tables eval --json";

pub(crate) const REPORT: &str = "\
Examples:
  distill report
  distill report runs/mnist-001
  distill report runs/mnist-001 runs/mnist-002 -o all-seeds";

pub(crate) const NEW: &str = "\
Examples:
  distill new mnist-kd
  distill new fashion --data /usr/share/datasets/fashion-mnist
  distill new small --teacher runs/mnist-001/weights/teacher-seed1.safetensors";

pub(crate) const EXPLAIN: &str = "\
Examples:
  distill explain E0104
  distill explain";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  distill completions bash > ~/.local/share/bash-completion/completions/distill
  distill completions zsh > ~/.zfunc/_distill
  distill completions fish > ~/.config/fish/completions/distill.fish";

pub(crate) const MAN: &str = "\
Examples:
  distill man > distill.1
  distill man run > distill-run.1";

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    /// The words of an example as a shell gives them to the program.
    fn words(line: &str) -> Vec<String> {
        // What follows two spaces is a remark, and what follows `>` is for the shell.
        let command = line.trim().trim_end_matches('\\').split("  ").next().unwrap().split(" > ").next().unwrap();
        let quoted = command.split('\'').enumerate();
        quoted
            .flat_map(|(i, part)| match i % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }

    #[test]
    fn every_example_is_a_command() {
        let mut n_examples = 0;
        for text in [SESSION, REPORT, CHECK, TRAIN, TEACH, RUN, EVAL, NEW, EXPLAIN, COMPLETIONS, MAN] {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            for line in text.lines().filter(|line| line.starts_with("  distill ")) {
                let parsed = Cli::try_parse_from(words(line));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                n_examples += 1;
            }
        }
        assert!(n_examples >= 20, "{n_examples} examples");
        assert_eq!(
            words("  distill run r.toml 'seeds=[1, 2]' -q    twice"),
            ["distill", "run", "r.toml", "seeds=[1, 2]", "-q"]
        );
    }
}
