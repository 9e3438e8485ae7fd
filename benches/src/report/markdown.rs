//! The page as Markdown.

use super::charts::NamedChart;
use super::kept::{BEGIN, END};
use super::{goals, tables, zeros};
use crate::result::{Bench, RowResult};
use crate::rows;
use crate::{job, shares};

const INTRODUCTION: &str = "\
Written by `cargo xtask bench --write`; only what stands between the marks at the end is written by hand. All numbers
are of one run on one machine, of one commit, and say little about another: run it on yours. `2.31 (2.25 to 2.40)` is
the median of all rounds with the quartiles: half of the rounds are between them. A ratio is the median of the ratios
of neighbours in time; above 1 the first is better. A goal is reached where both quartiles are at it or above, and
missed where both are below. The same network in two tables has speeds that differ by more than their quartiles, as
the machine does not stay the same for minutes: compare ratios, not speeds.
";

const METHOD: &str = "\
Each contender is a process of its own, asked in turn: ours, a peer, the next peer, ours again. Before its first
number counts it has been warmed up by the same number of training steps as the others, and answered once more.

All train on the 60,000 images of MNIST in a new order for each epoch, from He's initialisation (before tanh Glorot's,
but for burn and candle), by SGD with a learning rate of 0.05 and a momentum of 0.9. A student minimises `0.1 CE + 0.9
T² KL` at `T = 4` with soft targets of a trained network 784-200-10 that were computed before. A teacher minimises
cross entropy, with dropout (0.2 of the inputs, 0.5 of the hidden units), weights of norm 3 at most for each unit, and
images shifted by up to 2 pixels. Real images matter: in a trained network many activations are zero, and our kernels
make use of it. What a peer learned in its warm-up must be within 30 % of our loss there, and a network that answers
must make the same errors on the test set; else it is said under the table.

Noise on every pixel is 1 to 32 of 255, the same for all, so that no input is zero; an evaluation of such images is by
the network that was trained without noise. In bf16 ours is `train.precision = \"bf16\"`, PyTorch's is autocast. A
processor without the instructions has no such row.

The network for text names the language, one of 420, of 20,000 snippets of 24 characters. The numbers of the buckets
of their n-grams are in memory. Its first layer takes the mean of about a hundred rows of a table for each snippet. It
learns by AdamW without decay at a rate of 0.01, in PyTorch by `EmbeddingBag` with sparse gradients, `SparseAdam` for
the table and AdamW for the rest.

PyTorch runs eager and with `torch.compile`, and the faster one counts; SGD is fused, images are numbers in memory
already. Where it answers, it is called from Python; ours, burn, candle and onnxruntime are called from Rust, so its
time of one image has the call from Python in it. burn (its backend flex) and candle are built for this very
processor, with link-time optimisation, candle with MKL where the Python environment has it (packages mkl-static,
mkl-include and intel-openmp), as its own build fetches MKL from outside the registry; ours is built as everybody gets
it. The wheel of PyTorch with CUDA, the only one for Linux on PyPI, takes more time to load and more memory than the
one for processors alone: where it was measured, the table says so, and what the import takes by itself. The programs
are in [benches/peers](../benches/peers).
";

const ROOFLINE: &str = "\
Operations are counted as if no factor were zero: `4 Σ w + 2 Σ w` over the weights of all layers, and of all but the
first. The peak is the fastest product of two matrices of 2048 x 2048 that anybody made on the same number of threads.
Products with zeros are skipped and counted all the same, so these numbers are no arithmetic that was done, and may be
above the peak. A part of the peak is given where nothing is skipped.
";

/// The whole page. `by_hand` is what people wrote into the last one.
pub(super) fn page(bench: &Bench, charts: &[NamedChart], by_hand: &str) -> String {
    let picture = |file: &str| {
        let chart = charts.iter().find(|chart| chart.file == file);
        chart.map_or(String::new(), |chart| format!("![{}](performance/{})\n\n", chart.caption, chart.file))
    };
    let row = |row: &RowResult| format!("### {}\n\n{}\n", heading(&row.title), tables::row(row));
    let is_growth = |row: &&RowResult| row.name.starts_with("growth");
    let rows: String = bench.rows.iter().filter(|row| !is_growth(row)).map(row).collect();
    let machine = tables::machine(bench) + &left_out(bench);
    let sections = [
        format!("# Performance\n\n{INTRODUCTION}"),
        format!("## Goals\n\n{}", goals::table(bench)),
        format!("## What the lead rests on\n\n{}", zeros::section(bench)),
        format!("## The machine\n\n{machine}\n{}", tables::versions(&bench.found)),
        format!("## Measurements\n\n{}", rows.trim_end().to_owned() + "\n"),
        format!(
            "## Width and batch\n\n{}{}Students with two hidden layers, f32, all threads, in examples a second.\n\n{}",
            picture("growth.svg"),
            picture("ratio.svg"),
            tables::growth(bench)
        ),
        format!("## Roofline\n\n{}{ROOFLINE}\n{}", picture("roofline.svg"), tables::roofline(bench)),
        format!(
            "## What else an epoch does\n\nParts of an epoch of 55,000 images with an evaluation of 5,000. Reading gathers the \
             images\nof a batch and turns their bytes into numbers; it and jitter are parts of the training steps.\n\n{}",
            tables::shares(bench)
        ),
        format!("## How it is measured\n\n{METHOD}"),
        format!(
            "## What stands in the way\n\n{BEGIN}\n\n{by_hand}{}{END}\n",
            if by_hand.is_empty() { "" } else { "\n\n" }
        ),
    ];
    sections.join("\n")
}

/// Says which rows the run left out, so that nobody takes the page for the whole.
fn left_out(bench: &Bench) -> String {
    let is_there = |name: &str| bench.rows.iter().any(|row| row.name == name);
    let mut names: Vec<String> = rows::all(1).into_iter().map(|row| row.name).filter(|name| !is_there(name)).collect();
    names.extend((!is_there(job::TIME)).then(|| job::NAME.to_owned()));
    names.extend(bench.shares.is_empty().then(|| shares::NAME.to_owned()));
    if names.is_empty() { String::new() } else { format!("| not measured in this run | {} |\n", names.join(", ")) }
}

/// With a capital, as titles begin with a word.
fn heading(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{charts, kept};
    use super::*;
    use crate::contender::{Contender, Who};
    use crate::machine::Machine;
    use crate::request::{Precision, Request, Work};
    use crate::result::{Outcome, PairResult};
    use crate::rows::Unit;
    use crate::shares::Share;

    fn row(name: &str, request: Request, unit: Unit, values: [f64; 2]) -> RowResult {
        let contender = |who| Contender { who, threads: 2, precision: Precision::F32 };
        let outcome = |who, value| Outcome::of(contender(who), vec![value]);
        let outcomes = vec![outcome(Who::Ours, values[0]), outcome(Who::PyTorch, values[1])];
        let ratios = vec![values[0] / values[1]];
        let pair = PairResult { ours: contender(Who::Ours), other: contender(Who::PyTorch), goal: None, ratios };
        RowResult { name: name.into(), title: name.into(), unit, request: Some(request), outcomes, pairs: vec![pair] }
    }

    fn bench() -> Bench {
        Bench {
            date: "2026-01-31".into(),
            commit: "0123456789".into(),
            command: "cargo xtask bench --write".into(),
            machine: Machine {
                model: "Some CPU".into(),
                cores: 2,
                simd: vec!["avx2".into()],
                memory: Some(16_000_000_000),
                system: "linux x86_64".into(),
            },
            rounds: 5,
            seconds: 1.5,
            found: vec![],
            rows: vec![
                row("product", Request::other(Work::Product, &[2048], 1), Unit::Gflops, [80.0, 100.0]),
                // 2 * (4 * 784 * 100 ... ) is checked in `request`; here 20 GFLOPS are asked for.
                row(
                    "dense-tanh",
                    Request::train(&[784, 100, 100, 10], 32),
                    Unit::ExamplesPerSecond,
                    [20e9 / crate::request::train_flops(&[784, 100, 100, 10]), 10_000.0],
                ),
                row(
                    "growth-100-32",
                    Request::train(&[784, 100, 100, 10], 32),
                    Unit::ExamplesPerSecond,
                    [20e9 / crate::request::train_flops(&[784, 100, 100, 10]), 10_000.0],
                ),
            ],
            shares: vec![Share { title: "student".into(), training: 3.0, evaluation: 1.0, reading: 0.5, jitter: 0.0 }],
        }
    }

    #[test]
    fn the_page_has_what_was_found_and_what_was_written_by_hand() {
        let bench = bench();
        let charts = charts::all(&bench);
        let text = page(&bench, &charts, "Memory is slow.");
        for part in [
            "| processor | Some CPU, 2 cores, avx2 |",
            "| memory | 16.0 GB |",
            "![examples a second over the width](performance/growth.svg)",
            "| growth-100-32 | 2 | 20.0 | skips |",
            "| dense-tanh | 2 | 20.0 | 20 % |",
            "| commit | 0123456789 |",
            "| not measured in this run | student, dense,",
            "| none: one product of full matrices | 0.80 (0.80 to 0.80) |",
            "| the main job, largest memory in use | ours / PyTorch | - | 3 | not judged: it needs the CPU wheel |",
            "| the main job, from its start to the end of its first step | ours | - | at most 0.1 s | not measured |",
            "| student | 4.00 | 25.0 % | 12.5 % | 0.0 % |",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(kept::text(&text), "Memory is slow.");
        assert_eq!(page(&bench, &charts, kept::text(&text)), text, "writing it again changes nothing");
    }

    #[test]
    fn charts_without_points_are_left_out() {
        let with: Vec<_> = charts::all(&bench()).iter().map(|chart| chart.file).collect();
        assert_eq!(with, ["growth.svg", "ratio.svg", "roofline.svg"]);
        let empty = Bench { rows: vec![], ..bench() };
        assert!(charts::all(&empty).is_empty());
        assert!(!page(&empty, &[], "").contains("!["));
    }
}
