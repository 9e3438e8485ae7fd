use alloc::string::String;
use alloc::vec::Vec;

use crate::Error;

/// How deep lists and objects may be nested.
const MAX_DEPTH: usize = 32;

/// A place in a text of JSON. Values are read one after the other into what the caller expects there.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Json<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Calls `field` with each name, which has to read the value.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(String, &mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.items(b'{', b'}', |json| {
            let name = json.string()?;
            json.expect(b':', "a colon is missing")?;
            field(name, json)
        })
    }

    pub(crate) fn array<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        self.items(b'[', b']', |json| {
            items.push(item(json)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// Whether an object is next.
    pub(crate) fn is_object(&mut self) -> bool {
        self.space();
        self.peek() == Some(b'{')
    }

    pub(crate) fn string(&mut self) -> Result<String, Error> {
        self.expect(b'"', "a text is missing")?;
        let mut bytes = Vec::new();
        loop {
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut bytes)?,
                Some(byte @ 0x20..) => bytes.push(byte),
                _ => return Err(self.error("a text has no end")),
            }
        }
        String::from_utf8(bytes).map_err(|_| self.error("a text is not UTF-8"))
    }

    /// A whole number without sign.
    pub(crate) fn usize(&mut self) -> Result<usize, Error> {
        self.space();
        let start = self.at;
        let mut value = 0_usize;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            let next = value.checked_mul(10).and_then(|value| value.checked_add(usize::from(digit - b'0')));
            value = next.ok_or_else(|| self.error("a number is too large"))?;
        }
        let more = matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        let padded = self.at > start + 1 && self.text[start] == b'0';
        if self.at == start || more || padded { Err(self.error("a whole number is missing")) } else { Ok(value) }
    }

    /// Reads a value of any kind and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        self.space();
        match self.peek() {
            Some(b'{') => self.object(|_, json| json.skip()),
            Some(b'[') => self.array(Self::skip).map(drop),
            Some(b'"') => self.string().map(drop),
            _ => {
                let start = self.at;
                while let Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E') = self.peek() {
                    self.at += 1;
                }
                let word = &self.text[start..self.at];
                let number =
                    || core::str::from_utf8(word).is_ok_and(|word| word.parse::<f64>().is_ok_and(f64::is_finite));
                let known = matches!(word, b"true" | b"false" | b"null") || number();
                if known { Ok(()) } else { Err(self.error("a value is missing")) }
            }
        }
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error("something follows the text")) }
    }

    pub(crate) fn error(&self, reason: &'static str) -> Error {
        Error::File { reason, at: self.at }
    }

    fn items(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.expect(open, if open == b'{' { "an object is missing" } else { "a list is missing" })?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("lists are nested too deep"));
        }
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
        } else {
            loop {
                item(self)?;
                self.space();
                match self.next() {
                    Some(b',') => {}
                    Some(byte) if byte == close => break,
                    _ => return Err(self.error("a list has no end")),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let plain = match self.next() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let mut code = self.hex()?;
                if (0xd800..0xdc00).contains(&code)
                    && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u"))
                {
                    self.at += 2;
                    // A half without the other one is not a character.
                    let low = self.hex()?.checked_sub(0xdc00).filter(|low| *low < 0x400).unwrap_or(u32::MAX >> 1);
                    code = 0x1_0000 + ((code - 0xd800) << 10) + low;
                }
                let char = char::from_u32(code).ok_or_else(|| self.error("an escape is no character"))?;
                bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.error("an escape is unknown")),
        };
        bytes.push(plain);
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, Error> {
        (0..4).try_fold(0, |code, _| {
            let digit = self.next().and_then(|byte| char::from(byte).to_digit(16));
            digit.map(|digit| code << 4 | digit).ok_or_else(|| self.error("an escape is cut"))
        })
    }

    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), Error> {
        self.space();
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.error(reason))
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;

    #[test]
    fn values_are_read() {
        let text = r#" { "a" : [ 1 , 20 ] , "b\né\u00e9\ud834\udd1e\/": "x", "c": {"d": [null, true, -1.5e3, {}, []]}, "e": 0 } "#;
        let mut json = Json::new(text.as_bytes());
        let (mut names, mut numbers) = (vec![], vec![]);
        json.object(|name, json| {
            match name.as_str() {
                "a" => numbers = json.array(Json::usize)?,
                _ => json.skip()?,
            }
            names.push(name);
            Ok(())
        })
        .unwrap();
        json.end().unwrap();
        assert_eq!((numbers, names), (vec![1, 20], vec!["a".into(), "b\néé𝄞/".to_string(), "c".into(), "e".into()]));
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for text in [
            "",
            "{",
            "}",
            "{}x",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[1",
            "[1,]",
            "[1 2]",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "nul",
            "1.2.3",
            "inf",
            "nan",
            "-",
            "\"\u{1}\"",
        ] {
            let mut json = Json::new(text.as_bytes());
            assert!(json.skip().and_then(|()| json.end()).is_err(), "{text}");
        }
        for text in ["-1", "1.0", "1e3", "01", "18446744073709551616", "", "x"] {
            assert!(Json::new(text.as_bytes()).usize().is_err(), "{text}");
        }
        assert!(Json::new(b"\"\xff\"").string().is_err());
        let deep = "[".repeat(100_000);
        let error = Json::new(deep.as_bytes()).skip().unwrap_err();
        assert_eq!(error, Error::File { reason: "lists are nested too deep", at: 33 });
    }
}
