use std::time::Duration;

use super::{Found, Preflight};
use distill_recipe::Diagnostic;
use distill_recipe::teacher_file::{PretrainedTeacher, TeacherMember};
use distill_recipe::words::thousands;

/// Who waits for longer wants to know how to wait less.
const PATIENCE: Duration = Duration::from_secs(120);

impl Preflight<'_> {
    /// What files leave open, and what they were taken for, which the accuracy of the teacher proves or disproves.
    pub(super) fn assumed(found: &mut Found, pretrained: &PretrainedTeacher) {
        for TeacherMember { loaded, path } in &pretrained.members {
            for assumed in &loaded.assumed {
                found.ok("teacher file", format!("{assumed}; its accuracy confirms it ({})", path.display()));
            }
        }
    }

    /// How long a teacher takes that tract computes, where that is long.
    pub(super) fn speed(&self, found: &mut Found, pretrained: &PretrainedTeacher, asked: usize, took: Duration) {
        if !self.trains_student() || !pretrained.members.iter().any(|member| member.loaded.is_by_tract()) {
            return;
        }
        let Some(what) = slow(asked, took, self.experiment.transfer_set().len()) else { return };
        found.warn(
            "teacher speed",
            what,
            "tract computes it, as distill's own operations do not; ONNX Runtime takes about a fifth of the time where there are convolutions",
            "set `teacher.onnx.library` to ONNX Runtime's, in a program with the feature `onnxruntime`; or ask once for all runs: `distill teach`",
        );
    }
}

/// How long `n` answers take of a teacher that took so long for those it was asked for, in words if it is long.
fn slow(asked: usize, took: Duration, n: usize) -> Option<String> {
    let each = took.as_secs_f64() / asked.max(1) as f64;
    let needed = each * n as f64;
    let n = thousands(n as u64);
    (needed >= PATIENCE.as_secs_f64()).then(|| {
        format!("it takes {:.1} ms for an example, and {:.0} min for the {n} to learn from", 1e3 * each, needed / 60.0)
    })
}

/// The same with what was assumed of the files of a teacher that knows too little.
pub(super) fn explained(diagnostic: Diagnostic, pretrained: &PretrainedTeacher) -> Diagnostic {
    let assumed = pretrained.members.iter().flat_map(|member| &member.loaded.assumed);
    let names_none = pretrained.members.iter().any(|member| member.loaded.unsaid.classes);
    let diagnostic = assumed.fold(diagnostic, |diagnostic, assumed| diagnostic.note(format!("assumed: {assumed}")));
    match names_none {
        true => diagnostic.better_help(
            "name the classes in the order of the outputs, `teacher.onnx.classes`; or use a better teacher; \
             to go on all the same, set `teacher.min_accuracy = 0.0`",
        ),
        false => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_would_wait_for_minutes_is_told() {
        assert_eq!(slow(2000, Duration::from_secs(4), 55_000), None);
        let words = slow(2000, Duration::from_secs(16), 50_000).unwrap();
        assert_eq!(words, "it takes 8.0 ms for an example, and 7 min for the 50,000 to learn from");
    }
}
