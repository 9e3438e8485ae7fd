use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Everything in it is small: a run takes milliseconds.
pub(crate) const RECIPE: &str = r#"name = "tiny"

[data]
source = "data"
validation = 20

[teacher]
model = { hidden = [8] }

[teacher.train]
epochs = 2
batch = 16

[student]
model = { hidden = [4] }

[train]
epochs = 2
batch = 16
"#;

/// A folder with a dataset, `data`, and a recipe, `r.toml`.
pub(crate) struct Lab {
    dir: TempDir,
}

/// What a run of the program printed and returned.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self { dir: tempfile::tempdir().unwrap() };
        lab.dataset("data", 4, 200, 60);
        lab.write("r.toml", RECIPE);
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// Square images of three classes: a bright row, and a little that looks like noise.
    pub(crate) fn dataset(&self, folder: &str, side: usize, n_train: usize, n_test: usize) {
        fs::create_dir_all(self.path(folder)).unwrap();
        for (stem, n) in [("train", n_train), ("t10k", n_test)] {
            let pixel = |i: usize, j: usize| if j / side == i % 3 { 200 } else { (i * 37 + j * 101) % 60 };
            let pixels: Vec<u8> =
                (0..n * side * side).map(|at| pixel(at / (side * side), at % (side * side)) as u8).collect();
            let labels: Vec<u8> = (0..n).map(|i| (i % 3) as u8).collect();
            self.write(&format!("{folder}/{stem}-images-idx3-ubyte"), idx(&[n, side, side], &pixels));
            self.write(&format!("{folder}/{stem}-labels-idx1-ubyte"), idx(&[n], &labels));
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distill"));
        command.args(args).current_dir(self.dir.path()).env_remove("RUST_BACKTRACE");
        command
    }

    pub(crate) fn distill(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Waits until a process has written the first files of its run. From then on signals are caught.
    pub(crate) fn wait_until_begun(&self, child: &mut Child, run: &str) {
        loop {
            let is_over = child.try_wait().unwrap().is_some();
            if self.path(run).join("metrics.jsonl").exists() {
                return;
            }
            assert!(!is_over, "it ended before it wrote anything");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A run that has to succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.distill(args);
        assert_eq!(ran.code, Some(0), "{args:?}\n{}", ran.stderr);
        ran
    }

    /// A run that has to fail with this exit code, and to say so in these words: the parts are
    /// the code with the start of the message, the place and the help.
    #[track_caller]
    pub(crate) fn check(&self, args: &[&str], exit: i32, [message, place, help]: [&str; 3]) -> Ran {
        let ran = self.distill(args);
        let error = ran.stderr.split_once("error[").map_or(String::new(), |(_, error)| format!("error[{error}"));
        let has = |start: &str, part: &str| error.lines().any(|line| line.starts_with(start) && line.contains(part));
        assert!(
            ran.code == Some(exit)
                && error.starts_with(&format!("error[{message}"))
                && has("  --> ", place)
                && has("   = help: ", help)
                && !ran.stderr.contains("panicked")
                && !ran.stderr.contains('\u{1b}'),
            "{args:?}: expected {exit}, {message}, {place}, {help}; got {:?}\n{}",
            ran.code,
            ran.stderr
        );
        ran
    }

    /// [`Lab::check`] of `run` with a recipe that differs from [`RECIPE`].
    #[track_caller]
    pub(crate) fn check_recipe(&self, from: &str, to: &str, exit: i32, expected: [&str; 3]) {
        assert!(RECIPE.contains(from), "{from}");
        self.write("bad.toml", RECIPE.replacen(from, to, 1));
        self.check(&["run", "bad.toml", "--runs-dir", "bad-runs"], exit, expected);
        assert!(!self.path("bad-runs").exists(), "a run directory was made for {to}");
    }

    /// The file of a trained student of seed 1.
    pub(crate) fn model(&self) -> String {
        self.ok(&["run", "r.toml", "-q", "--runs-dir", "made"]);
        "made/tiny-001/weights/student-seed1.safetensors".to_owned()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Standard output as JSON Lines.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// As `numpy.save` writes it.
pub(crate) fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// A picture of one colour, with a little noise.
pub(crate) fn png(width: u32, height: u32, color: [u8; 3], noise: usize) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = (0..(width * height) as usize)
        .flat_map(|i| color.map(|c| c.saturating_add(((i * 31 + noise * 17) % 40) as u8)));
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels.collect::<Vec<u8>>()).unwrap();
    writer.finish().unwrap();
    bytes
}

/// An IDX file of bytes.
pub(crate) fn idx(shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|&side| (side as u32).to_be_bytes()));
    bytes.extend_from_slice(data);
    bytes
}

/// The hash of the weights of every model of a run.
pub(crate) fn hashes(lab: &Lab, run: impl AsRef<Path>) -> Vec<String> {
    let result = lab.json(&run.as_ref().join("result.json").to_string_lossy());
    let models = result["models"].as_array().unwrap();
    models.iter().map(|model| model["weights_sha256"].as_str().unwrap().to_owned()).collect()
}
