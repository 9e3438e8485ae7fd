//! What is measured: the rows of the table.

use distill_models::Activation;
use serde::{Deserialize, Serialize};

use crate::contender::{Contender, Who};
use crate::net::Net;
use crate::request::{Inputs, Lesson, Precision, Request, Work};
use crate::stats::Better;

/// Widths of both hidden layers, and batches, of the rows that show how the speed grows.
pub(crate) const WIDTHS: [usize; 3] = [100, 400, 1600];
pub(crate) const BATCHES: [usize; 3] = [32, 128, 512];

/// The row of a training in which no factor of a product is zero.
pub(crate) const NO_ZEROS: &str = "dense-tanh";
/// The rows that show what the lead over PyTorch rests on, with the zeros that there are in each.
pub(crate) const ZEROS: [(&str, &str); 6] = [
    ("student", "of pixels and of silent units: images, ReLU"),
    ("dense", "of silent units: noise on every pixel, ReLU"),
    ("tanh", "of pixels: images, tanh"),
    ("gelu", "of pixels: images, GELU"),
    (NO_ZEROS, "none: noise on every pixel, tanh"),
    ("product", "none: one product of full matrices"),
];

/// Networks with convolutions, and the ratios that we want: in f32, and in bf16 where it pays.
const NETS: [(Net, f64, Option<f64>); 5] = [
    (Net::Cnn, 3.0, None),
    (Net::ResNet8, 2.0, Some(1.5)),
    (Net::Wrn16x1, 1.5, Some(1.5)),
    (Net::Wrn16x2, 1.5, Some(1.5)),
    (Net::DsCnn, 3.0, None),
];

/// The side of the big product.
const SIDE: usize = 2048;
const STUDENT: [usize; 4] = [784, 800, 800, 10];
/// Buckets of n-grams, hidden units and languages.
const TEXT: [usize; 3] = [16_384, 256, 420];

/// What the numbers of a row are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    #[serde(rename = "examples/s")]
    ExamplesPerSecond,
    #[serde(rename = "µs")]
    Microseconds,
    #[serde(rename = "GFLOPS")]
    Gflops,
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "MB")]
    Megabytes,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ExamplesPerSecond => "examples/s",
            Self::Microseconds => "µs",
            Self::Gflops => "GFLOPS",
            Self::Seconds => "s",
            Self::Megabytes => "MB",
        }
    }

    pub(crate) fn better(self) -> Better {
        match self {
            Self::ExamplesPerSecond | Self::Gflops => Better::Higher,
            Self::Microseconds | Self::Seconds | Self::Megabytes => Better::Lower,
        }
    }
}

/// Two contenders of a row that are compared, by position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) ours: usize,
    pub(crate) other: usize,
    /// The ratio that we want.
    pub(crate) goal: Option<f64>,
}

/// Work that several contenders do in turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) request: Request,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) pairs: Vec<Pair>,
}

impl Row {
    fn new(name: &str, title: &str, request: Request) -> Self {
        Self { name: name.into(), title: title.into(), request, contenders: vec![], pairs: vec![] }
    }

    pub(crate) fn unit(&self) -> Unit {
        match self.request.work {
            Work::Train | Work::Throughput => Unit::ExamplesPerSecond,
            Work::Latency => Unit::Microseconds,
            Work::Product => Unit::Gflops,
        }
    }

    /// The position of a contender, which joins if it is not there yet.
    fn place(&mut self, contender: Contender) -> usize {
        self.contenders.iter().position(|other| *other == contender).unwrap_or_else(|| {
            self.contenders.push(contender);
            self.contenders.len() - 1
        })
    }

    /// Compares two; nothing is compared with itself, as on a machine with one core.
    fn versus(mut self, ours: Contender, other: Contender, goal: Option<f64>) -> Self {
        let (ours, other) = (self.place(ours), self.place(other));
        if ours != other {
            self.pairs.push(Pair { ours, other, goal });
        }
        self
    }
}

/// All rows, for contenders that use up to so many threads.
pub(crate) fn all(threads: usize) -> Vec<Row> {
    let f32 = |who, threads| Contender { who, threads, precision: Precision::F32 };
    let bf16 = |who, threads| Contender { who, threads, precision: Precision::Bf16 };
    let (ours, ours_one) = (f32(Who::Ours, threads), f32(Who::Ours, 1));
    let (torch, torch_one) = (f32(Who::PyTorch, threads), f32(Who::PyTorch, 1));
    let (burn, candle) = (f32(Who::Burn, threads), f32(Who::Candle, threads));
    let onnx = |threads| f32(Who::OnnxRuntime, threads);

    let mut rows = vec![
        Row::new("product", "a product of two square matrices of 2048, f32", Request::other(Work::Product, &[SIDE], 1))
            .versus(ours, torch, None)
            .versus(ours_one, torch_one, None),
        Row::new("student", "student 784-800-800-10, distilled, batch 128, f32", Request::train(&STUDENT, 128))
            .versus(ours, torch, Some(2.2))
            .versus(ours, burn, None)
            .versus(ours, candle, None)
            .versus(ours_one, torch_one, Some(2.5))
            .versus(ours, ours_one, None)
            .versus(torch, torch_one, None),
        student("dense", "noise on every pixel, ReLU", Inputs::Dense, Activation::Relu).versus(ours, torch, None),
        student("tanh", "images, tanh", Inputs::Images, Activation::Tanh)
            .versus(ours, torch, None)
            .versus(ours, burn, None)
            .versus(ours, candle, None),
        student("gelu", "images, GELU", Inputs::Images, Activation::Gelu).versus(ours, torch, None),
        student(NO_ZEROS, "noise on every pixel, tanh: no zeros", Inputs::Dense, Activation::Tanh)
            .versus(ours, torch, None)
            .versus(ours, burn, None)
            .versus(ours, candle, None),
        Row::new("bf16", "student 784-800-800-10, distilled, batch 128, bf16", Request::train(&STUDENT, 128))
            .versus(bf16(Who::Ours, threads), bf16(Who::PyTorch, threads), Some(1.5))
            .versus(bf16(Who::Ours, threads), ours, None)
            .versus(bf16(Who::PyTorch, threads), torch, None),
        Row::new(
            "teacher",
            "teacher 784-1200-1200-10, dropout, max norm and jitter, batch 128",
            Request { lesson: Lesson::Teacher, ..Request::train(&[784, 1200, 1200, 10], 128) },
        )
        .versus(ours, torch, Some(3.0))
        .versus(ours, burn, None)
        .versus(ours, candle, None)
        .versus(ours, ours_one, None),
        Row::new("small", "student 784-30-30-10, distilled, batch 128", Request::train(&[784, 30, 30, 10], 128))
            .versus(ours, torch, Some(5.0))
            .versus(ours, burn, Some(2.5))
            .versus(ours, candle, None),
        Row::new(
            "text",
            "text 16384-256-420 with a sparse first layer, AdamW, batch 128",
            Request { lesson: Lesson::Text, ..Request::train(&TEXT, 128) },
        )
        .versus(ours, torch, None)
        .versus(ours_one, torch_one, None)
        .versus(ours, ours_one, None),
        Row::new("latency", "784-800-800-10 answers one image", Request::other(Work::Latency, &STUDENT, 1))
            .versus(ours, onnx(threads), None)
            .versus(ours, onnx(1), None)
            .versus(ours, torch, None)
            .versus(ours, burn, None)
            .versus(ours, candle, None),
        Row::new(
            "latency-dense",
            "784-800-800-10 answers one image with noise on every pixel",
            Request { inputs: Inputs::Dense, ..Request::other(Work::Latency, &STUDENT, 1) },
        )
        .versus(ours, onnx(threads), None)
        .versus(ours, onnx(1), None),
        Row::new("throughput", "784-800-800-10 answers 256 images", Request::other(Work::Throughput, &STUDENT, 256))
            .versus(ours, onnx(threads), None)
            .versus(ours, torch, None)
            .versus(ours, burn, None)
            .versus(ours, candle, None),
    ];
    for (network, goal, goal_of_bf16) in NETS {
        let (name, title) = (net_name(network), network.name());
        rows.push(
            Row::new(&name, &format!("{title}, on labels, batch 128, f32"), Request::train_net(network, 128))
                .versus(ours, torch, Some(goal))
                .versus(ours, ours_one, None)
                .versus(torch, torch_one, None),
        );
        let Some(goal) = goal_of_bf16 else { continue };
        rows.push(
            Row::new(
                &format!("{name}-bf16"),
                &format!("{title}, on labels, batch 128, bf16"),
                Request::train_net(network, 128),
            )
            .versus(bf16(Who::Ours, threads), bf16(Who::PyTorch, threads), Some(goal))
            .versus(bf16(Who::Ours, threads), ours, None)
            .versus(bf16(Who::PyTorch, threads), torch, None),
        );
    }
    for network in [Net::ResNet8, Net::DsCnn] {
        for (work, batch, what) in [(Work::Latency, 1, "one map"), (Work::Throughput, 256, "256 maps")] {
            let name = format!("{}-answers-{batch}", net_name(network));
            let title = format!("{} answers {what}", network.name());
            rows.push(
                Row::new(&name, &title, Request::other_net(work, network, batch))
                    .versus(ours, onnx(threads), Some(1.0))
                    .versus(ours_one, onnx(1), Some(1.0)),
            );
        }
    }
    for width in WIDTHS {
        for batch in BATCHES {
            let title = format!("784-{width}-{width}-10, distilled, batch {batch}");
            let request = Request::train(&[784, width, width, 10], batch);
            rows.push(Row::new(&growth(width, batch), &title, request).versus(ours, torch, None));
        }
    }
    rows
}

/// The student with other inputs or other units than those of its own row.
fn student(name: &str, what: &str, inputs: Inputs, activation: Activation) -> Row {
    let title = format!("student 784-800-800-10, distilled, batch 128, f32; {what}");
    Row::new(name, &title, Request { inputs, activation, ..Request::train(&STUDENT, 128) })
}

/// The name of a network's row.
fn net_name(network: Net) -> String {
    network.name().to_lowercase().replace(' ', "-")
}

/// The name of a row that shows how the speed grows.
pub(crate) fn growth(width: usize, batch: usize) -> String {
    format!("growth-{width}-{batch}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own_and_pairs_with_ours_first() {
        let rows = all(2);
        let names: HashSet<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), rows.len());
        for row in &rows {
            assert!(!row.pairs.is_empty(), "{}", row.name);
            for pair in &row.pairs {
                let (ours, other) = (row.contenders[pair.ours], row.contenders[pair.other]);
                assert!(ours.who == Who::Ours || ours.who == other.who, "{}: {ours} and {other}", row.name);
            }
        }
    }

    #[test]
    fn one_core_compares_nothing_with_itself() {
        for row in all(1) {
            assert!(row.pairs.iter().all(|pair| row.contenders[pair.ours] != row.contenders[pair.other]));
        }
    }

    #[test]
    fn the_goals_are_those_of_the_project() {
        let goal = |row: &str, who, threads| {
            let rows = all(2);
            let row = rows.iter().find(|found| found.name == row).unwrap();
            row.pairs
                .iter()
                .find(|pair| (row.contenders[pair.other].who, row.contenders[pair.other].threads) == (who, threads))
                .and_then(|pair| pair.goal)
        };
        assert_eq!(goal("student", Who::PyTorch, 2), Some(2.2));
        assert_eq!(goal("student", Who::PyTorch, 1), Some(2.5));
        assert_eq!(goal("teacher", Who::PyTorch, 2), Some(3.0));
        assert_eq!(goal("small", Who::PyTorch, 2), Some(5.0));
        assert_eq!(goal("small", Who::Burn, 2), Some(2.5));
        assert_eq!(goal("bf16", Who::PyTorch, 2), Some(1.5));
    }

    #[test]
    fn rows_that_show_what_zeros_give_differ_in_nothing_else() {
        let rows = all(2);
        let find = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
        let student = &find("student").request;
        for (name, _) in ZEROS {
            let row = find(name);
            let first = row.pairs[0];
            assert_eq!((row.contenders[first.ours].who, row.contenders[first.other].who), (Who::Ours, Who::PyTorch));
            if name != "product" {
                let Request { inputs, activation, .. } = *student;
                assert_eq!(Request { inputs, activation, ..row.request.clone() }, *student);
            }
        }
        assert_eq!(find(NO_ZEROS).request.inputs, Inputs::Dense);
        assert_ne!(find(NO_ZEROS).request.activation, Activation::Relu);
    }
}
