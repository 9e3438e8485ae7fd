/// Phones and the states of their hidden Markov models: what the classes of frames are.
///
/// The states of the first phone come first, then those of the next: phones in alphabetical order, states by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneSet {
    phones: Vec<String>,
    /// For each class the place of its phone and the number of the state.
    states: Vec<(u32, u32)>,
}

impl PhoneSet {
    /// Puts phones with the numbers of their states, each once, in order.
    pub(crate) fn new(mut states: Vec<(String, u32)>) -> Self {
        states.sort_unstable();
        let mut set = Self { phones: Vec::new(), states: Vec::with_capacity(states.len()) };
        for (phone, state) in states {
            if set.phones.last() != Some(&phone) {
                set.phones.push(phone);
            }
            set.states.push((set.phones.len() as u32 - 1, state));
        }
        set
    }

    /// The names of the phones.
    pub fn phones(&self) -> &[String] {
        &self.phones
    }

    /// The place of a phone in the list.
    pub fn position(&self, phone: &str) -> Option<u32> {
        self.phones.binary_search_by(|other| other.as_str().cmp(phone)).ok().map(|place| place as u32)
    }

    /// The number of classes: all states of all phones.
    pub fn n_states(&self) -> usize {
        self.states.len()
    }

    /// The place of the phone of a class and the number of its state.
    pub fn state(&self, class: u32) -> Option<(u32, u32)> {
        self.states.get(class as usize).copied()
    }

    /// A name for every class: `phone.state`, such as `AA.0`.
    pub fn class_names(&self) -> Vec<String> {
        self.states.iter().map(|&(phone, state)| format!("{}.{state}", self.phones[phone as usize])).collect()
    }

    /// The phones of a sequence of states: one begins wherever the phone changes or its states do not go up.
    pub fn phones_of(&self, classes: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut phones = Vec::new();
        let mut before = None;
        for state in classes.into_iter().filter_map(|class| self.state(class)) {
            if before.is_none_or(|(phone, number)| phone != state.0 || number >= state.1) {
                phones.push(state.0);
            }
            before = Some(state);
        }
        phones
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> PhoneSet {
        let state = |phone: &str, number| (phone.to_owned(), number);
        PhoneSet::new(vec![state("T", 1), state("AA", 0), state("T", 0), state("AA", 10), state("AA", 2)])
    }

    #[test]
    fn classes_are_sorted_by_phone_and_number() {
        let set = set();
        assert_eq!(set.class_names(), ["AA.0", "AA.2", "AA.10", "T.0", "T.1"]);
        assert_eq!((set.phones(), set.n_states()), (&["AA".to_owned(), "T".to_owned()][..], 5));
        assert_eq!((set.position("T"), set.position("B")), (Some(1), None));
        assert_eq!((set.state(2), set.state(5)), (Some((0, 10)), None));
    }

    #[test]
    fn phones_begin_where_states_do_not_go_up() {
        assert_eq!(set().phones_of([0, 1, 2, 0, 2, 3, 4, 3, 4, 0]), [0, 0, 1, 1, 0]);
        assert_eq!(set().phones_of([]), [0; 0]);
    }
}
