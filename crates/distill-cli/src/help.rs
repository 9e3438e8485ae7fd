//! The examples under `--help`. A test parses every line of them that starts with `distill`.

pub(crate) const SESSION: &str = "\
A typical session:
  distill new mnist-kd                  a recipe to look at and to change
  distill check mnist-kd.toml           check recipe, data and teacher
  distill run mnist-kd.toml             teacher, student alone and distilled
  distill run --resume                  resume after an interruption
  distill run mnist-kd.toml kd.temperature=8
  distill eval runs/mnist-kd-001/weights/student-seed1.safetensors --data mnist
  distill explain E0104                 more about an error

Exit codes: 0 done, 1 a stated bound was missed, 2 usage, 3 recipe, 4 data,
5 model or run file, 6 numbers, 7 reading and writing, 8 a limit, 70 a bug,
130 and 143 stopped by Ctrl-C or SIGTERM, with all saved";

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
  distill teach my.toml teacher.weights=teacher.safetensors --store top-10
  distill run my.toml teacher.weights=teacher.safetensors \\
      kd.cache=cache/my.soft.safetensors";

pub(crate) const RUN: &str = "\
Examples:
  distill run recipes/mnist.toml
  distill run recipes/mnist.toml kd.temperature=8 'seeds=[1, 2, 3]'
  distill run recipes/mnist.toml 'student.model.hidden=[30, 30]' --threads 1
  distill run recipes/mnist.toml teacher.weights=teacher.safetensors
  distill run --resume                  the run that was made last
  distill run --resume runs/mnist-001
  distill run --from runs/mnist-001 train.epochs=5    five epochs more";

pub(crate) const SWEEP: &str = "\
Examples:
  distill sweep recipes/mnist.toml --set kd.temperature=1,2,4,8 --seeds 1,2,3
  distill sweep recipes/mnist.toml --set 'student.model.hidden=[30],[100,50]'
  distill sweep r.toml --set train.optimizer.lr=0.01..0.5 --random 20 --halving
  distill sweep --resume

A range is drawn on a logarithmic scale where it spans a factor of 10 or more.
Trials are compared on the validation set; the test set is not used.";

pub(crate) const DATA: &str = "\
Examples:
  distill data                      what there is
  distill data mnist
  distill data people.csv data.columns.label=income
  distill data asterisk-en          what to install, or whether all is there
  distill data asterisk-en:sounds   the same with the recordings in a folder
  distill data cifar-10             where to fetch it, or whether all is there";

pub(crate) const REPRODUCE: &str = "\
Examples:
  distill reproduce hinton-2015 --list
  distill reproduce hinton-2015                    all rows, in some hours
  distill reproduce hinton-2015 teacher distilled
  distill reproduce hinton-2015 temperature 'seeds=[41, 42]' train.epochs=5
  distill reproduce hinton-2015 --write docs/results
  distill reproduce hinton-2015 --write docs/results --pages
  distill reproduce hinton-2015-speech

Models are kept in runs/hinton-2015, or the like, and trained once: rows
share them, and a repeated command continues where the last one stopped.";

pub(crate) const EVAL: &str = "\
Examples:
  distill eval runs/mnist-001/weights/student-seed1.safetensors --data mnist
  distill eval student.safetensors --data my-data --min-accuracy 0.97
  distill eval student.safetensors --data my-data --teacher teacher.safetensors
  distill eval student.safetensors --data my-data --tables eval --json
  distill eval student.safetensors --data questions --out-of-scope other.csv
  distill eval teacher.onnx --data my-data --onnx classes=names.txt
  distill eval forest.onnx --data people.csv data.columns.label=income";

pub(crate) const PREDICT: &str = "\
Inputs:
  png    PNG or JPEG images, and folders of them; they are converted to the
         channels and the size of the model's input
  idx    images as bytes, plain or gzip; they are divided by 255
  csv    one example a line, numbers in the order of the model's input; a
         first line without numbers is a header; if that calls the first
         column `id`, the column is passed on. A model that was trained on a
         table finds its columns by their names, and takes words
  jsonl  one example a line: [0, 0.5, …] or {\"id\": …, \"features\": [0, 0.5, …]}
Pixels are from 0 to 1, as in training. Rows are counted from 0.

Examples:
  distill predict student.safetensors t10k-images-idx3-ubyte.gz --top 3
  distill predict student.safetensors photos scan.png --invert
  distill predict student.safetensors --format jsonl < rows.csv";

pub(crate) const EXPORT: &str = "\
Examples:
  distill export student.safetensors --to student.onnx
  distill export student.safetensors --to student.onnx --flat --probabilities
  distill export student.safetensors --to student.npz --force

The file is read back, and its outputs are compared with the model's.";

pub(crate) const INSPECT: &str = "\
Examples:
  distill inspect runs/mnist-001
  distill inspect runs/mnist-001/weights/student-seed1.safetensors
  distill inspect my.toml data --json";

pub(crate) const REPORT: &str = "\
Examples:
  distill report
  distill report runs/mnist-001
  distill report runs/mnist-001 runs/mnist-002 -o all-seeds
  distill report runs/mnist-sweep-001";

pub(crate) const RUNS: &str = "\
Examples:
  distill runs
  distill runs status=completed --sort distilled
  distill runs kd.temperature=4 --sort train.epochs --reverse
  distill runs --json

Columns are run, status, started, time, size, teacher, alone, distilled and
verdict. Teacher, alone and distilled are error rates on the test set.";

pub(crate) const COMPARE: &str = "\
Examples:
  distill compare runs/mnist-001 runs/mnist-002
  distill compare mnist-001 latest
  distill compare runs/mnist-001/eval/student-seed1 tables

Models of the same role and seed are compared example by example: Student's t
over the seeds from three on, else a paired bootstrap and McNemar's test.";

pub(crate) const RM: &str = "\
Examples:
  distill rm runs/mnist-001
  distill rm mnist-001 mnist-002 --yes

A run that is still in progress is not removed.";

pub(crate) const NEW: &str = "\
Examples:
  distill new mnist-kd
  distill new fashion --data /usr/share/datasets/fashion-mnist
  distill new pets --data photos         pictures get networks with convolutions
  distill new small --teacher runs/mnist-001/weights/teacher-seed1.safetensors";

pub(crate) const EXPLAIN: &str = "\
Examples:
  distill explain E0104
  distill explain";

pub(crate) const SCHEMA: &str = "\
Examples:
  distill schema > distill.schema.json
  distill schema --events               of what `--json` prints

Editors that know TOML, such as those with Taplo, then check recipes as they are
written, if their first line is:
  #:schema ./distill.schema.json";

pub(crate) const ENV: &str = "\
Examples:
  distill env
  distill env --json";

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
    use clap::error::ErrorKind as Kind;

    use super::*;
    use crate::args::Cli;

    /// The words of an example as a shell gives them to the program.
    fn words(line: &str) -> Vec<String> {
        // What follows two spaces is a remark, and what follows `>` is for the shell.
        let command = line
            .trim()
            .trim_end_matches('\\')
            .split("  ")
            .next()
            .unwrap()
            .split(" > ")
            .next()
            .unwrap()
            .split(" < ")
            .next()
            .unwrap();
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
        for text in [
            SESSION,
            PREDICT,
            EXPORT,
            INSPECT,
            REPORT,
            RUNS,
            COMPARE,
            RM,
            CHECK,
            TRAIN,
            TEACH,
            SWEEP,
            RUN,
            EVAL,
            NEW,
            EXPLAIN,
            DATA,
            REPRODUCE,
            SCHEMA,
            ENV,
            COMPLETIONS,
            MAN,
        ] {
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

    /// Commands in backquotes in the sources and the explanations, and in the shell examples of the pages.
    fn commands_in(path: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
            let kind = entry.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_owned();
            if entry.is_dir() {
                commands_in(&entry, found);
            } else if ["rs", "md"].contains(&kind.as_str()) {
                let text = std::fs::read_to_string(&entry).unwrap();
                let name = entry.display().to_string();
                let quoted = text.split('`').skip(1).step_by(2).filter(|part| part.starts_with("distill "));
                let lines = text.lines().map(str::trim).filter(|line| kind == "md" && line.starts_with("distill "));
                let lines = lines.filter(|line| !line.starts_with("distill-") && !line.contains('|'));
                found.extend(quoted.chain(lines).map(|command| (name.clone(), command.to_owned())));
            }
        }
    }

    #[test]
    fn every_command_that_a_text_names_exists() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = vec![];
        for folder in ["src", "../../docs"] {
            commands_in(&root.join(folder), &mut found);
        }
        let readme = std::fs::read_to_string(root.join("../../README.md")).unwrap();
        let shell = readme.split("```sh").skip(1).filter_map(|block| block.split("```").next());
        let shell = shell.flat_map(str::lines).filter_map(|line| line.split(" # ").next());
        found.extend(
            shell.filter(|line| line.starts_with("distill ")).map(|line| ("README".to_owned(), line.to_owned())),
        );
        let mut n_commands = 0;
        for (place, command) in found {
            let command = command.split(" # ").next().unwrap_or_default();
            // What is filled in later, or stands for something, is a word all the same. Patterns are not commands.
            if command.contains(['[', '|', '\n']) && !command.contains('\'') {
                continue;
            }
            let words: Vec<String> = words(command).into_iter().filter(|word| word != "...").collect();
            let words = words.iter().map(|word| match word.as_str() {
                "SHELL" => "bash",
                "CODE" => "E0104",
                word => word,
            });
            match Cli::try_parse_from(words).map_err(|error| (error.kind(), error.to_string())) {
                Ok(_) => n_commands += 1,
                // A command that is named alone, as in a sentence about it.
                Err((Kind::MissingRequiredArgument, _)) if command.split_whitespace().count() == 2 => {}
                Err((Kind::DisplayHelp | Kind::DisplayVersion, _)) => {}
                Err((_, error)) => panic!("{place}: {command}: {error}"),
            }
        }
        assert!(n_commands > 40, "{n_commands}");
    }
}
