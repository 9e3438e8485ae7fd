//! A command line of cargo: shown, run, or become.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use crate::Result;

/// The folder that holds the workspace.
///
/// `cargo run` sets the variable anew for each run. What was compiled in may name another clone when two share one
/// target folder.
pub(crate) fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let xtask = Path::new(&xtask);
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// One command line of cargo with the environment it needs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    env: Vec<(&'static str, OsString)>,
    args: Vec<OsString>,
}

impl Call {
    pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Self {
        Self { env: Vec::new(), args: args.into_iter().map(OsString::from).collect() }
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    pub(crate) fn envs<V: Into<OsString>>(self, pairs: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        pairs.into_iter().fold(self, |call, (name, value)| call.env(name, value))
    }

    pub(crate) fn args<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Runs it in the workspace's root with no input, and waits for it.
    pub(crate) fn status(&self) -> Result<ExitStatus> {
        let status = self.command().current_dir(root()).stdin(Stdio::null()).status();
        status.map_err(|error| format!("cannot start `{self}`: {error}").into())
    }

    /// Runs it in the workspace's root with no input, and returns what it printed.
    pub(crate) fn output(&self) -> Result<String> {
        let output = self.command().current_dir(root()).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("cannot start `{self}`: {error}"))?;
        if !output.status.success() {
            return Err(format!("`{self}` failed, {}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it in the workspace's root with no input, and returns whether it succeeded and all that it printed.
    pub(crate) fn outcome(&self) -> Result<(bool, String)> {
        let output = self.command().current_dir(root()).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("cannot start `{self}`: {error}"))?;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Ok((output.status.success(), text))
    }

    /// Puts it in the place of this process, in the user's own folder.
    ///
    /// So a Ctrl-C reaches the program alone, which may save its work before it ends, and its exit code is ours.
    #[cfg(unix)]
    pub(crate) fn become_it(&self) -> Result<ExitCode> {
        use std::os::unix::process::CommandExt;
        Err(format!("cannot start `{self}`: {}", self.command().exec()).into())
    }

    /// Runs it in the user's own folder; its exit code is ours.
    #[cfg(not(unix))]
    pub(crate) fn become_it(&self) -> Result<ExitCode> {
        let status = self.command().status().map_err(|error| format!("cannot start `{self}`: {error}"))?;
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        Ok(ExitCode::from(code))
    }

    fn command(&self) -> Command {
        // Cargo names itself to what it runs, so the toolchain stays the same.
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// As one would type it into a shell.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(&value.to_string_lossy()))?;
        }
        f.write_str("cargo")?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(&arg.to_string_lossy())))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// The optional tools that this machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tools {
    pub(crate) nextest: bool,
    pub(crate) deny: bool,
}

impl Tools {
    pub(crate) fn find() -> Self {
        Self { nextest: has("nextest"), deny: has("deny") }
    }

    /// The call that runs all tests but the doc tests.
    pub(crate) fn test(self) -> Call {
        if self.nextest {
            Call::cargo(["nextest", "run", "--workspace", "--all-features"])
        } else {
            Call::cargo(["test", "--workspace", "--all-features", "--lib", "--bins", "--tests"])
        }
    }
}

fn has(subcommand: &str) -> bool {
    let probe = Call::cargo([subcommand, "--version"]).command().stdin(Stdio::null()).output();
    probe.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reads_as_it_would_be_typed() {
        let call = Call::cargo(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").args(["*"]);
        assert_eq!(call.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps '*'");
    }

    #[test]
    fn a_call_that_fails_is_an_error_with_its_name() {
        let error = Call::cargo(["no-such-subcommand"]).output().expect_err("cargo has no such subcommand");
        assert!(error.to_string().starts_with("`cargo no-such-subcommand` failed"), "{error}");
    }

    #[test]
    fn the_root_holds_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the root has a manifest");
        assert!(manifest.starts_with("[workspace]"));
    }

    #[test]
    fn without_nextest_cargo_runs_the_same_tests() {
        let without = Tools { nextest: false, deny: false }.test().to_string();
        assert_eq!(without, "cargo test --workspace --all-features --lib --bins --tests");
        let with = Tools { nextest: true, deny: false }.test().to_string();
        assert_eq!(with, "cargo nextest run --workspace --all-features");
    }
}
