use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use distill_recipe::Diagnostic;

use crate::wrong::bad_row;

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 16 << 20;

/// How much is read ahead, in bytes.
const BUFFER: usize = 1 << 16;

/// The lines of an input that are not blank, with their numbers.
pub(crate) struct Lines {
    reader: BufReader<Box<dyn Read>>,
    name: String,
    /// Whether more may come later, as from a pipe.
    live: bool,
    number: u64,
    line: Vec<u8>,
    /// Whether the present line is to be read once more.
    again: bool,
    /// Bytes that were read, and those that there are, where that is known.
    n_read: u64,
    n_bytes: Option<u64>,
}

impl Lines {
    pub(crate) fn new(reader: Box<dyn Read>, name: String, live: bool) -> Self {
        let reader = BufReader::with_capacity(BUFFER, reader);
        Self { reader, name, live, number: 0, line: vec![], again: false, n_read: 0, n_bytes: None }
    }

    /// The same of an input of so many bytes.
    pub(crate) fn of_size(self, n_bytes: u64) -> Self {
        Self { n_bytes: Some(n_bytes).filter(|_| !self.live), ..self }
    }

    /// How many bytes of how many are read, where that is known.
    pub(crate) fn part(&self) -> Option<(u64, u64)> {
        Some((self.n_read, self.n_bytes?))
    }

    /// The first bytes, which are not taken; of a pipe those that are there.
    pub(crate) fn start(&mut self) -> Result<&[u8], Diagnostic> {
        let name = &self.name;
        self.reader.fill_buf().map_err(|error| unreadable(name, error))
    }

    /// The first line that is not blank, which is not taken.
    pub(crate) fn peek(&mut self) -> Result<Option<&[u8]>, Diagnostic> {
        let found = self.read()?;
        self.again = found;
        Ok(found.then_some(self.line.as_slice()))
    }

    /// The next line that is not blank, without its end and without a byte order mark.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Diagnostic> {
        Ok(self.read()?.then_some(self.line.as_slice()))
    }

    fn read(&mut self) -> Result<bool, Diagnostic> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        loop {
            self.line.clear();
            let mut limited = self.reader.by_ref().take(MAX_LINE as u64 + 1);
            let n = limited.read_until(b'\n', &mut self.line).map_err(|error| unreadable(&self.name, error))?;
            if n == 0 {
                return Ok(false);
            }
            self.number += 1;
            self.n_read += n as u64;
            if n > MAX_LINE {
                return Err(bad_row(self.place(), format!("the line is longer than {MAX_LINE} bytes"))
                    .help("write one example a line"));
            }
            if self.number == 1 && self.line.starts_with("\u{feff}".as_bytes()) {
                self.line.drain(..3);
            }
            let n_kept = self.line.trim_ascii_end().len();
            self.line.truncate(n_kept);
            if n_kept > 0 {
                return Ok(true);
            }
        }
    }

    /// Where the present line is.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.name, self.number)
    }

    /// Whether the next line is there already, so that nobody waits for it.
    pub(crate) fn is_ready(&self) -> bool {
        !self.live || self.reader.buffer().contains(&b'\n')
    }
}

fn unreadable(name: &str, error: std::io::Error) -> Diagnostic {
    Diagnostic::io("cannot read the input", Some(Path::new(name)), error).help("check the path and its permissions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static [u8], live: bool) -> Lines {
        Lines::new(Box::new(text), "f".to_owned(), live)
    }

    #[test]
    fn blank_lines_are_counted_and_left_out() {
        let mut lines = lines(b"\xef\xbb\xbfa\r\n\n \t\n b \n\nlast", false);
        assert_eq!(lines.peek().unwrap(), Some(&b"a"[..]));
        for (line, place) in [("a", "f:1"), (" b", "f:4"), ("last", "f:6")] {
            assert_eq!(lines.next().unwrap(), Some(line.as_bytes()));
            assert_eq!(lines.place(), place);
        }
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!(lines.peek().unwrap(), None);
    }

    #[test]
    fn a_line_has_a_largest_length() {
        for (n, fits) in [(MAX_LINE - 1, true), (MAX_LINE, true), (MAX_LINE + 1, false)] {
            let mut lines = Lines::new(Box::new(std::io::repeat(b'x').take(n as u64)), "f".to_owned(), false);
            assert_eq!(lines.next().is_ok(), fits, "{n}");
        }
        let mut endless = Lines::new(Box::new(std::io::repeat(b'1')), "f".to_owned(), true);
        let error = endless.next().unwrap_err().to_string();
        assert!(error.starts_with("error[E0206]: the line is longer than 16777216 bytes\n  --> f:1"), "{error}");
    }

    #[test]
    fn a_pipe_is_ready_while_whole_lines_are_there() {
        let mut live = lines(b"a\nb\nc", true);
        for ready in [true, false, false] {
            live.next().unwrap();
            assert_eq!(live.is_ready(), ready);
        }
        let mut file = lines(b"a\nb", false).of_size(3);
        file.next().unwrap();
        assert!(file.is_ready());
        assert_eq!((file.part(), live.of_size(5).part()), (Some((2, 3)), None));
    }
}
