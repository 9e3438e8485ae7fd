use std::fmt;

/// Bytes that a name may have.
const MAX_NAME: usize = 22;

/// A named part of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Term {
    name: Name,
    /// Its value before its weight, a mean over examples.
    pub value: f64,
    /// Whether it is a mean over the examples with labels alone: in a batch where some have none it is theirs.
    pub of_labelled: bool,
}

impl Term {
    /// A mean over all examples. Of the name the first 22 bytes count.
    pub fn new(name: &str, value: f64) -> Self {
        Self { name: Name::new(name), value, of_labelled: false }
    }

    /// A mean over the examples with labels.
    pub fn of_labelled(name: &str, value: f64) -> Self {
        Self { of_labelled: true, ..Self::new(name, value) }
    }

    /// The same with another value.
    #[must_use]
    pub fn with_value(self, value: f64) -> Self {
        Self { value, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

/// The named parts of a loss, at most [`Terms::MAX`], in the order in which they were set. They live on the stack.
///
/// # Examples
/// ```
/// use distill_losses::{Term, Terms};
/// let mut terms = Terms::default();
/// terms.set(Term::new("kl", 0.5));
/// terms.set(Term::new("kl", 0.25));
/// assert_eq!((terms.get("kl"), terms.get("hard"), terms.iter().count()), (Some(0.25), None, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Default)]
pub struct Terms {
    len: usize,
    list: [Term; Self::MAX],
}

impl Terms {
    /// How many there are at most. What is set beyond that is left out.
    pub const MAX: usize = 8;

    /// The value of a term, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.find(name).map(|term| term.value)
    }

    /// The term of this name.
    pub fn find(&self, name: &str) -> Option<&Term> {
        self.iter().find(|term| term.name() == name)
    }

    /// Adds a term, or replaces that of the same name.
    pub fn set(&mut self, term: Term) {
        let same = self.list[..self.len].iter().position(|other| other.name == term.name);
        if let Some(place) = self.list.get_mut(same.unwrap_or(self.len)) {
            *place = term;
            self.len = self.len.max(same.map_or(self.len + 1, |_| 0));
        }
    }

    /// All terms.
    pub fn iter(&self) -> std::slice::Iter<'_, Term> {
        self.list[..self.len].iter()
    }
}

impl<'a> IntoIterator for &'a Terms {
    type Item = &'a Term;
    type IntoIter = std::slice::Iter<'a, Term>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Term> for Terms {
    fn from_iter<I: IntoIterator<Item = Term>>(terms: I) -> Self {
        let mut all = Self::default();
        terms.into_iter().for_each(|term| all.set(term));
        all
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|term| (term.name(), term.value))).finish()
    }
}

/// Text that needs no memory of its own, so that a loss can be copied in every step.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Name {
    len: u8,
    bytes: [u8; MAX_NAME],
}

impl Name {
    fn new(name: &str) -> Self {
        let len = name.floor_char_boundary(MAX_NAME);
        let mut bytes = [0; MAX_NAME];
        bytes[..len].copy_from_slice(&name.as_bytes()[..len]);
        Self { len: len as u8, bytes }
    }

    fn as_str(&self) -> &str {
        // It was cut where a character ends.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let names: Vec<String> = (0..Terms::MAX + 2).map(|i| format!("term {i}")).collect();
        let terms: Terms = names.iter().map(|name| Term::new(name, 1.0)).collect();
        assert_eq!(terms.iter().map(Term::name).collect::<Vec<_>>(), names[..Terms::MAX]);
        // A full list still takes a new value.
        let mut terms = terms;
        terms.set(Term::new("term 7", 3.0));
        assert_eq!((terms.get("term 7"), terms.get("term 8"), terms.get("term 6")), (Some(3.0), None, Some(1.0)));
    }

    #[test]
    fn a_long_name_is_cut_where_a_character_ends() {
        assert_eq!(Term::new("a".repeat(21).as_str(), 0.0).name().len(), 21);
        let long = format!("{}ß and more", "a".repeat(21));
        assert_eq!(Term::new(&long, 0.0).name(), "a".repeat(21));
        assert_eq!(format!("{:?}", Terms::from_iter([Term::new("kl", 0.5)])), r#"{"kl": 0.5}"#);
    }
}
