use std::fmt::Write as _;

use super::numbers::table;
use super::plans::Plan;
use super::section::Section;

/// Around the text that people write, which stays when the page is written again.
const BEGIN: &str = "<!-- by hand: what stands below is kept -->";
const END: &str = "<!-- end of what is kept -->";

/// The paper's numbers beside ours, and what each row found. `old` is the page that it replaces.
pub(crate) fn page(plan: &Plan, sections: &[Section], old: &str) -> String {
    let Plan { title, about, .. } = plan;
    let mut page = format!(
        "# {title}\n\n\
        Hinton, Vinyals, Dean, \"Distilling the Knowledge in a Neural Network\", 2015. {about}\n\n\
        Written by `{}`; only what stands between the marks is written by hand. `66.4 ± 3.2` is the mean \
        with the standard deviation over the seeds, `-63 (-71 to -55)` a mean with its 95 % interval by Student's t.\n\n",
        command(plan, ""),
    );
    page += "## The paper and ours\n\n";
    let lines: Vec<Vec<String>> = (sections.iter())
        .flat_map(|section| &section.compared)
        .map(|compared| {
            let (goal, reached) = match &compared.goal {
                None => ("", ""),
                Some((goal, reached)) => (goal.as_str(), if *reached { "yes" } else { "no" }),
            };
            [&compared.what, &compared.paper, &compared.ours, goal, reached].map(str::to_owned).into()
        })
        .collect();
    page += &table(&["what", "paper", "ours", "goal", "reached"], &lines);
    let kept = kept(old);
    let _ = write!(page, "\n{BEGIN}\n{kept}{}{END}\n\n", if kept.is_empty() { "" } else { "\n" });
    page += "## Commands and times\n\n";
    let lines: Vec<Vec<String>> = sections.iter().map(|section| cost(plan, section)).collect();
    page += &table(&["row", "command", "seeds", "alone, minutes"], &lines);
    let mut machines: Vec<&str> = sections.iter().map(|section| section.machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    let _ = write!(
        page,
        "\nA row alone also trains what other rows use; together they take less, as every model is trained once. \
         Times are of training and of asking teachers on {}.\n",
        machines.join("; "),
    );
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

/// What does all rows of a study, or some.
fn command(plan: &Plan, rest: &str) -> String {
    format!("distill reproduce {}{rest}", plan.name)
}

fn cost(plan: &Plan, section: &Section) -> Vec<String> {
    let settings: String = section.settings.iter().map(|setting| format!(" {setting}")).collect();
    let seeds = section.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let minutes = section.core_seconds / section.threads as f64 / 60.0;
    vec![
        section.row.clone(),
        format!("`{}`", command(plan, &format!(" {}{settings}", section.row))),
        seeds,
        format!("{minutes:.1}"),
    ]
}

/// What stands between the marks of a page, with one line end after its last line.
fn kept(page: &str) -> String {
    let after = page.split_once(BEGIN).map_or("", |(_, after)| after);
    match after.split_once(END).map_or("", |(text, _)| text).trim_matches('\n') {
        "" => String::new(),
        text => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::section::at_most;
    use super::*;
    use crate::args::StudyName;

    #[test]
    fn a_page_has_what_was_found_and_keeps_what_people_wrote() {
        let mut section = Section::new("teacher", "The teacher", &[1, 2]);
        section.compare("errors", "67", "70.0 ± 1.0".to_owned(), at_most(67.0, 70.0));
        section.add("Some words.\n");
        (section.core_seconds, section.threads) = (600.0, 2);
        section.settings = vec!["seeds=[1, 2]".to_owned()];
        section.machine = "a processor, 2 threads, distill 1.2.3".to_owned();
        let plan = StudyName::Hinton2015.plan();
        let first = page(plan, std::slice::from_ref(&section), "");
        for part in [
            "| errors | 67 | 70.0 ± 1.0 | at most 67 | no |\n",
            "| teacher | `distill reproduce hinton-2015 teacher seeds=[1, 2]` | 1, 2 | 5.0 |\n",
            "on a processor, 2 threads, distill 1.2.3.",
            "Not run: `distilled`, `best`,",
            "## The teacher\n\nSome words.\n",
        ] {
            assert!(first.contains(part), "no {part} in {first}");
        }
        let edited = first.replace(END, "Why it is so.\n\nTwice.\n\n<!-- end of what is kept -->");
        let second = page(plan, std::slice::from_ref(&section), &edited);
        assert!(second.contains(&format!("{BEGIN}\nWhy it is so.\n\nTwice.\n\n{END}")), "{second}");
        assert_eq!(page(plan, std::slice::from_ref(&section), &second), second);
    }
}
