/// What sets the random numbers of students apart from those of teachers with the same seed: `student`, in ASCII.
const STUDENT: u64 = 0x73_7475_6465_6e74;

/// What a model is for in an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Gives the soft targets.
    Teacher,
    /// One of several that give them together.
    Member,
    /// The student on labels alone.
    Baseline,
    /// The student on labels and soft targets.
    Student,
}

impl Role {
    /// All of them, teachers first.
    pub const ALL: [Self; 4] = [Self::Member, Self::Teacher, Self::Baseline, Self::Student];

    /// `teacher`, `member`, `baseline` or `student`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Member => "member",
            Self::Baseline => "baseline",
            Self::Student => "student",
        }
    }

    /// Whether it is a student, with or without a teacher.
    pub fn is_student(self) -> bool {
        matches!(self, Self::Baseline | Self::Student)
    }

    /// The seed of the random numbers that a model of this role is made with, in a recipe whose seed is `seed`.
    ///
    /// Teachers draw from the seed itself. Students draw from another one, so that no student begins with the weights of
    /// its teacher, or sees its batches: they would agree more than two trainings do. Both kinds of students draw from
    /// the same, so that they differ by the soft targets alone.
    ///
    /// # Examples
    /// ```
    /// use distill_train::Role;
    /// assert_eq!(Role::Teacher.draws_from(3), 3);
    /// assert_ne!(Role::Student.draws_from(3), 3);
    /// assert_eq!(Role::Student.draws_from(3), Role::Baseline.draws_from(3));
    /// ```
    pub fn draws_from(self, seed: u64) -> u64 {
        if self.is_student() { seed ^ STUDENT } else { seed }
    }
}
