use std::fmt::Write as _;

use crate::numbers::table;
use crate::plan::Plan;
use crate::section::Section;
use distill_lab::jobs::Training;
use distill_recipe::words::shell;

/// Around the text that people write, which stays when the page is written again.
pub const BEGIN: &str = "<!-- by hand: what stands below is kept -->";
/// What stands after it; see [`BEGIN`].
pub const END: &str = "<!-- end of what is kept -->";

/// The paper's numbers beside ours, and what each row found. `kept` is what people wrote on the page that it replaces.
pub fn page(plan: &Plan, sections: &[Section], kept: &str) -> String {
    let Plan { title, about, beside, .. } = plan;
    let mut page = format!(
        "# {title}\n\n\
        {about}\n\n\
        Written by `{}`; only what stands between the marks is written by hand. `66.4 ± 3.2` is the mean \
        with the standard deviation over the seeds, `-63 (-71 to -55)` a mean with its 95 % interval by Student's t over the \
        seeds. Intervals of a part of a gain are a bootstrap over test examples and seeds, if they do not say `seeds \
        alone`. A goal is reached, `yes`, if all of the interval meets it, those of goals on a mean by Student's t over the \
        seeds; `no` is one that the number itself misses; what is neither is `not shown`.\n\n",
        command(plan, &[]),
    );
    let _ = write!(page, "## {}\n\n", beside.heading);
    let lines: Vec<Vec<String>> = (sections.iter())
        .flat_map(|section| &section.compared)
        .map(|compared| {
            let (goal, reached) = match &compared.goal {
                None => ("", ""),
                Some(goal) => (goal.text.as_str(), goal.reached.word()),
            };
            [&compared.what, &compared.paper, &compared.ours, goal, reached].map(str::to_owned).into()
        })
        .collect();
    page += &table(&["what", beside.column, "ours", "goal", "reached"], &lines);
    let _ = write!(page, "\n{BEGIN}\n{kept}{}{END}\n\n", if kept.is_empty() { "" } else { "\n" });
    page += "## Commands and times\n\n";
    let lines: Vec<Vec<String>> = sections.iter().map(|section| cost(plan, section)).collect();
    page += &table(&["row", "command", "seeds", "epochs", "alone, minutes"], &lines);
    let mut machines: Vec<&str> = sections.iter().map(|section| section.machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    let _ = write!(
        page,
        "\nA row alone also trains what other rows use; together they take less, as every model is trained once. \
         Times are of training and of asking teachers on {}. Views are the shifts of an input that a training may see.\n",
        machines.join("; "),
    );
    // Teachers draw what they always drew. The oldest rows do not say what they trained.
    let has_students = |section: &Section| {
        section.trainings.is_empty() || section.trainings.iter().any(|training| training.role != "teacher")
    };
    let old: Vec<String> = (sections.iter())
        .filter(|section| section.streams == 0 && has_students(section))
        .map(|section| format!("`{}`", section.row))
        .collect();
    if !old.is_empty() {
        let _ = write!(
            page,
            "\nMade before teacher and student drew from different streams of random numbers: {}. There a student began with \
             the weights of the teacher of its seed, as far as they have the same shape, and saw its batches in the same order.\n",
            old.join(", "),
        );
    }
    let missing: Vec<String> = (plan.rows.iter())
        .filter(|row| sections.iter().all(|section| section.row != row.name))
        .map(|row| format!("`{}`", row.name))
        .collect();
    if !missing.is_empty() {
        let _ = write!(page, "\nNot run: {}.\n", missing.join(", "));
    }
    for section in sections {
        let _ = write!(page, "\n## {}\n\n{}\n", section.title, section.body.trim_end());
        for chart in &section.charts {
            let _ = write!(page, "\n![{}]({}/{})\n", chart.title, plan.page, chart.file);
        }
    }
    page
}

/// What does all rows of a study, or some, as one types it.
fn command(plan: &Plan, rest: &[&str]) -> String {
    shell(["distill", "reproduce", plan.name].iter().chain(rest).copied())
}

fn cost(plan: &Plan, section: &Section) -> Vec<String> {
    let words: Vec<&str> = [&section.row].into_iter().chain(&section.settings).map(String::as_str).collect();
    let seeds = section.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let minutes = section.core_seconds / section.threads as f64 / 60.0;
    let trainings: Vec<String> = section.trainings.iter().map(training).collect();
    let command = format!("`{}`", command(plan, &words));
    vec![section.row.clone(), command, seeds, trainings.join(", "), format!("{minutes:.1}")]
}

fn training(training: &Training) -> String {
    let Training { role, epochs, views } = training;
    let views = match views {
        0 => " (augmented)".to_owned(),
        1 => String::new(),
        views => format!(" ({views} views)"),
    };
    format!("{role} {epochs}{views}")
}

/// What stands between the marks of a page, with one line end after its last line: nothing where it has no marks, and
/// `None` where they are not one of each in their order, so that it cannot be told.
pub fn kept(page: &str) -> Option<String> {
    let has_mark = |text: &str| text.contains(BEGIN) || text.contains(END);
    if !has_mark(page) {
        return Some(String::new());
    }
    let (before, after) = page.split_once(BEGIN)?;
    let (text, rest) = after.split_once(END)?;
    if [before, text, rest].into_iter().any(has_mark) {
        return None;
    }
    Some(match text.trim_matches('\n') {
        "" => String::new(),
        text => format!("{text}\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal::Goal;
    use crate::plans::PLANS;

    #[test]
    fn a_page_has_what_was_found_and_keeps_what_people_wrote() {
        let mut section = Section::new("teacher", "The teacher", &[1, 2]);
        section.compare("errors", "67", "70.0 ± 1.0".to_owned(), Goal::at_most(67.0, "", &[69.0, 71.0]));
        section.trainings = vec![Training { role: "teacher".to_owned(), epochs: 80, views: 25 }];
        section.streams = 0;
        section.add("Some words.\n");
        (section.core_seconds, section.threads) = (600.0, 2);
        section.settings = vec!["seeds=[1, 2]".to_owned()];
        section.machine = "a processor, 2 threads, distill 1.2.3".to_owned();
        let plan = PLANS[0];
        let first = page(plan, std::slice::from_ref(&section), "");
        for part in [
            "| errors | 67 | 70.0 ± 1.0 | at most 67 | no |\n",
            "| teacher | `distill reproduce hinton-2015 teacher 'seeds=[1, 2]'` | 1, 2 | teacher 80 (25 views) | 5.0 |\n",
            "on a processor, 2 threads, distill 1.2.3.",
            "Not run: `distilled`, `best`,",
            "## The teacher\n\nSome words.\n",
        ] {
            assert!(first.contains(part), "no {part} in {first}");
        }
        assert!(!first.contains("different streams"), "{first}");
        let mut of_students = section.clone();
        of_students.trainings.push(Training { role: "taught".to_owned(), epochs: 9, views: 1 });
        let said = page(plan, std::slice::from_ref(&of_students), "");
        assert!(said.contains("from different streams of random numbers: `teacher`."), "{said}");
        of_students.streams = 1;
        let apart = page(plan, std::slice::from_ref(&of_students), "");
        assert!(!apart.contains("different streams"), "{apart}");
        let edited = first.replace(END, "Why it is so.\n\nTwice.\n\n<!-- end of what is kept -->");
        let second = page(plan, std::slice::from_ref(&section), &kept(&edited).unwrap());
        assert!(second.contains(&format!("{BEGIN}\nWhy it is so.\n\nTwice.\n\n{END}")), "{second}");
        assert_eq!(page(plan, std::slice::from_ref(&section), &kept(&second).unwrap()), second);
        // Nobody knows what to keep where a mark is missing, or there twice.
        let twice = edited.replace(BEGIN, &format!("{BEGIN}\n{BEGIN}"));
        let turned = format!("{END}\nBy hand.\n{BEGIN}\n");
        for page in [edited.replace(END, ""), edited.replace(BEGIN, ""), twice, edited.clone() + &edited, turned] {
            assert_eq!(kept(&page), None, "{page}");
        }
        assert_eq!((kept(""), kept("Notes of mine.\n")), (Some(String::new()), Some(String::new())));
    }
}
