use std::fmt::Write as _;

use super::numbers::table;
use super::rows::HINTON_2015;
use super::section::Section;

/// Around the text that people write, which stays when the page is written again.
const BEGIN: &str = "<!-- by hand: what stands below is kept -->";
const END: &str = "<!-- end of what is kept -->";

/// On what the numbers of a page were found.
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) version: String,
}

/// `mnist.md`: the paper's numbers beside ours, and what each row found. `old` is the page that it replaces.
pub(crate) fn page(sections: &[Section], machine: &Machine, old: &str) -> String {
    let mut page = "# The paper on MNIST\n\n\
        Hinton, Vinyals, Dean, \"Distilling the Knowledge in a Neural Network\", 2015, section 3 and what belongs to it, on MNIST. \
        Written by `distill reproduce hinton-2015`; only what stands between the marks is written by hand. `66.4 ± 3.2` is the mean \
        with the standard deviation over the seeds, `-63 (-71 to -55)` a mean with its 95 % interval by Student's t. Errors \
        are of the 10,000 test images. All models are trained on all 60,000 training images if nothing else is said.\n\n"
        .to_owned();
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
    let lines: Vec<Vec<String>> = sections.iter().map(cost).collect();
    page += &table(&["row", "command", "seeds", "alone, minutes"], &lines);
    let _ = write!(
        page,
        "\nA row alone also trains what other rows use; together they take less, as every model is trained once. \
         Times are of training and of asking teachers on {}, {} threads, with distill {}.\n",
        machine.processor,
        sections.iter().map(|section| section.threads).max().unwrap_or(1),
        machine.version,
    );
    let missing: Vec<String> = (HINTON_2015.iter())
        .filter(|row| sections.iter().all(|section| section.row != row.name))
        .map(|row| format!("`{}`", row.name))
        .collect();
    if !missing.is_empty() {
        let _ = write!(page, "\nNot run: {}.\n", missing.join(", "));
    }
    for section in sections {
        let _ = write!(page, "\n## {}\n\n{}\n", section.title, section.body.trim_end());
        for chart in &section.charts {
            let _ = write!(page, "\n![{}](mnist/{})\n", chart.title, chart.file);
        }
    }
    page
}

fn cost(section: &Section) -> Vec<String> {
    let settings: String = section.settings.iter().map(|setting| format!(" {setting}")).collect();
    let seeds = section.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let minutes = section.core_seconds / section.threads as f64 / 60.0;
    vec![
        section.row.clone(),
        format!("`distill reproduce hinton-2015 {}{settings}`", section.row),
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

    #[test]
    fn a_page_has_what_was_found_and_keeps_what_people_wrote() {
        let mut section = Section::new("teacher", "The teacher", &[1, 2]);
        section.compare("errors", "67", "70.0 ± 1.0".to_owned(), at_most(67.0, 70.0));
        section.add("Some words.\n");
        (section.core_seconds, section.threads) = (600.0, 2);
        section.settings = vec!["seeds=[1, 2]".to_owned()];
        let machine = Machine { processor: "a processor".to_owned(), version: "1.2.3".to_owned() };
        let first = page(std::slice::from_ref(&section), &machine, "");
        for part in [
            "| errors | 67 | 70.0 ± 1.0 | at most 67 | no |\n",
            "| teacher | `distill reproduce hinton-2015 teacher seeds=[1, 2]` | 1, 2 | 5.0 |\n",
            "on a processor, 2 threads, with distill 1.2.3.",
            "Not run: `distilled`, `best`,",
            "## The teacher\n\nSome words.\n",
        ] {
            assert!(first.contains(part), "no {part} in {first}");
        }
        let edited = first.replace(END, "Why it is so.\n\nTwice.\n\n<!-- end of what is kept -->");
        let second = page(std::slice::from_ref(&section), &machine, &edited);
        assert!(second.contains(&format!("{BEGIN}\nWhy it is so.\n\nTwice.\n\n{END}")), "{second}");
        assert_eq!(page(std::slice::from_ref(&section), &machine, &second), second);
    }
}
