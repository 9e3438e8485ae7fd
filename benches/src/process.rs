//! A worker process: started, asked, ended.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;
use crate::request::{Answer, Hello, Reply, Request};

/// Who answers requests.
pub(crate) trait Worker {
    /// # Errors
    /// Why there is no answer.
    fn ask(&mut self, request: &Request) -> Result<Answer>;
}

/// A process that answers on its standard output. It ends when this is dropped.
pub(crate) struct Process {
    child: Child,
    /// Taken when its end is told to the process.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it writes to standard error.
    log: PathBuf,
    pub(crate) hello: Hello,
}

impl Process {
    /// Starts a worker and waits until it is ready.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let program = PathBuf::from(command.get_program());
        let stderr = File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = child.map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the worker has no pipes".into());
        };
        let hello = Hello { name: String::new(), version: String::new(), threads: 0, features: vec![] };
        let mut process =
            Self { child, input: Some(input), output: BufReader::new(output), log: log.to_owned(), hello };
        process.hello = serde_json::from_str(&process.line()?)?;
        Ok(process)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(n) if n > 0 => Ok(line),
            _ => Err(self.last_words().into()),
        }
    }

    /// Why it ended, as well as it can be told.
    fn last_words(&mut self) -> String {
        let how = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        match log.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) => format!("{line} ({how}, more in {})", self.log.display()),
            None => format!("it ended without a word ({how})"),
        }
    }
}

impl Worker for Process {
    fn ask(&mut self, request: &Request) -> Result<Answer> {
        let line = serde_json::to_string(request)?;
        let sent =
            self.input.as_mut().is_some_and(|input| writeln!(input, "{line}").and_then(|()| input.flush()).is_ok());
        if !sent {
            return Err(self.last_words().into());
        }
        match serde_json::from_str(&self.line()?)? {
            Reply::Done(answer) => Ok(answer),
            Reply::Refused { error } => Err(error.into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input is the end of a worker.
        self.input = None;
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn start(script: &str) -> Result<(tempfile::TempDir, Process)> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let process = Process::start(command, &dir.path().join("log"))?;
        Ok((dir, process))
    }

    const HELLO: &str = r#"echo '{"name":"x","version":"1","threads":2,"features":["y"]}'"#;

    #[test]
    fn a_worker_answers_or_refuses_and_is_asked_again() {
        let script = format!(r#"{HELLO}; read r; echo '{{"value":3}}'; read r; echo '{{"error":"too hard"}}'"#);
        let (_dir, mut process) = start(&script).unwrap();
        assert_eq!((process.hello.name.as_str(), process.hello.threads), ("x", 2));
        let request = Request::train(&[784, 10], 32);
        assert_eq!(process.ask(&request).unwrap().value, 3.0);
        assert_eq!(process.ask(&request).unwrap_err().to_string(), "too hard");
        assert!(process.ask(&request).is_err(), "it has ended");
    }

    #[test]
    fn a_worker_that_fails_gives_its_last_words() {
        let error = start("echo 'No module named torch' >&2; exit 3").err().unwrap().to_string();
        assert!(error.starts_with("No module named torch (exit status: 3, more in "), "{error}");
        let error = start("exit 0").err().unwrap().to_string();
        assert_eq!(error, "it ended without a word (exit status: 0)");
        let missing = Process::start(Command::new("/no/such/program"), Path::new("/dev/null")).err().unwrap();
        assert!(missing.to_string().starts_with("cannot start /no/such/program"), "{missing}");
    }
}
