//! Licence expressions of SPDX, such as `(MIT OR Apache-2.0) AND Unicode-3.0`.

/// Whether the licences of `allowed` suffice for what `expression` asks. An expression that cannot be read does not.
pub(crate) fn satisfies(expression: &str, allowed: &[String]) -> bool {
    // Old manifests write `MIT/Apache-2.0` for a choice.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed };
    reader.choice() == Some(true) && reader.words.is_empty()
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl<'a> Reader<'a> {
    /// `a OR b OR ...`; it binds weaker than `AND`.
    fn choice(&mut self) -> Option<bool> {
        let mut any = self.all()?;
        while self.take("OR") {
            any |= self.all()?;
        }
        Some(any)
    }

    /// `a AND b AND ...`
    fn all(&mut self) -> Option<bool> {
        let mut all = self.single()?;
        while self.take("AND") {
            all &= self.single()?;
        }
        Some(all)
    }

    /// `MIT`, `Apache-2.0 WITH LLVM-exception`, or an expression in parentheses.
    fn single(&mut self) -> Option<bool> {
        if self.take("(") {
            let inner = self.choice()?;
            return self.take(")").then_some(inner);
        }
        let mut license = self.next()?.to_owned();
        if self.take("WITH") {
            license = format!("{license} WITH {}", self.next()?);
        }
        Some(self.allowed.contains(&license))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::satisfies;

    #[track_caller]
    fn check(expression: &str, expected: bool) {
        let allowed = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        assert_eq!(satisfies(expression, &allowed), expected, "{expression}");
    }

    #[test]
    fn one_of_a_choice_suffices() {
        check("MIT", true);
        check("GPL-3.0", false);
        check("GPL-3.0 OR MIT", true);
        check("Apache-2.0/MIT", true);
    }

    #[test]
    fn all_of_a_conjunction_are_needed_and_it_binds_stronger() {
        check("MIT AND Unicode-3.0", true);
        check("MIT AND GPL-3.0", false);
        check("MIT OR GPL-3.0 AND BSD-3-Clause", true);
        check("(MIT OR GPL-3.0) AND BSD-3-Clause", false);
        check("(GPL-3.0 OR MIT) AND Unicode-3.0", true);
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        check("Apache-2.0 WITH LLVM-exception", true);
        check("Apache-2.0", false);
        check("MIT WITH LLVM-exception", false);
    }

    #[test]
    fn what_cannot_be_read_is_not_satisfied() {
        for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT Unicode-3.0", "AND MIT", "Apache-2.0 WITH"] {
            check(broken, false);
        }
    }
}
