use distill_train::Role;

/// What people read for a role.
pub fn label(role: Role) -> &'static str {
    match role {
        Role::Teacher => "teacher",
        Role::Member => "one of them",
        Role::Baseline => "student alone",
        Role::Student => "student distilled",
    }
}

/// What stands before a line about one model: the words of the table, but for teachers of which there are several.
pub(crate) fn heading(role: Role) -> &'static str {
    if role == Role::Member { "member" } else { label(role) }
}
