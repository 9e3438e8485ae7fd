use crate::plan::Plan;
use crate::rows::{mnist, specialists, speech};

/// Hinton, Vinyals, Dean, 2015, section 3 and what belongs to it.
static MNIST: Plan = Plan {
    name: "hinton-2015",
    page: "mnist",
    summary: "Hinton, Vinyals, Dean, \"Distilling the Knowledge in a Neural Network\", on MNIST",
    title: "The paper on MNIST",
    about: "Section 3 of the paper and what belongs to it. Errors are of the 10,000 test images; all models are trained on all \
            60,000 training images if nothing else is said.",
    rows: mnist::ROWS,
    recipes: &[
        ("teacher", include_str!("../../../recipes/hinton-2015/teacher.toml")),
        ("alone", include_str!("../../../recipes/hinton-2015/alone.toml")),
        ("distilled", include_str!("../../../recipes/hinton-2015/distilled.toml")),
        ("best", include_str!("../../../recipes/hinton-2015/best.toml")),
        ("temperature", include_str!("../../../recipes/hinton-2015/temperature.toml")),
        ("no-threes", include_str!("../../../recipes/hinton-2015/no-threes.toml")),
        ("sevens-and-eights", include_str!("../../../recipes/hinton-2015/sevens-and-eights.toml")),
        ("logit-matching", include_str!("../../../recipes/hinton-2015/logit-matching.toml")),
        ("fractions", include_str!("../../../recipes/hinton-2015/fractions.toml")),
        ("ensemble", include_str!("../../../recipes/hinton-2015/ensemble.toml")),
        ("frontier", include_str!("../../../recipes/hinton-2015/frontier.toml")),
    ],
};

/// Sections 4 and 6 on speech that anybody can get.
static SPEECH: Plan = Plan {
    name: "hinton-2015-speech",
    page: "speech",
    summary: "The same paper on speech",
    title: "The paper on speech",
    about: "Sections 4 and 6 of the paper on `asterisk-en`, 25 minutes of recorded English prompts by one speaker in place of \
            2000 hours. Accuracies are of the frames of held-out utterances, in 117 phone states. The phone error rate is that \
            of the Viterbi path through three-state phones and a bigram, silence not counted; its scale and penalty are chosen \
            on the validation utterances for each model.",
    rows: speech::ROWS,
    recipes: &[
        ("teacher", include_str!("../../../recipes/hinton-2015-speech/teacher.toml")),
        ("distilled", include_str!("../../../recipes/hinton-2015-speech/distilled.toml")),
        ("mixtures", include_str!("../../../recipes/hinton-2015-speech/mixtures.toml")),
        ("fractions", include_str!("../../../recipes/hinton-2015-speech/fractions.toml")),
    ],
};

/// Section 5 on text in 420 languages.
static SPECIALISTS: Plan = Plan {
    name: "hinton-2015-specialists",
    page: "specialists",
    summary: "The same paper's specialists, on text",
    title: "The paper's specialists on text",
    about: "Section 5 of the paper on snippets of 24 characters in 420 languages, in place of 100 million images of 15,000 classes. \
            Accuracies are top-1 of the test snippets: of 50,000 from paragraphs that nothing was trained on, those whose text does not \
            stand in a training paragraph as well.",
    rows: specialists::ROWS,
    recipes: &[
        ("teacher", include_str!("../../../recipes/hinton-2015-specialists/teacher.toml")),
        ("specialists", include_str!("../../../recipes/hinton-2015-specialists/specialists.toml")),
        ("distilled", include_str!("../../../recipes/hinton-2015-specialists/distilled.toml")),
    ],
};

/// All studies.
pub static PLANS: [&Plan; 3] = [&MNIST, &SPEECH, &SPECIALISTS];

impl Plan {
    /// The study of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PLANS.into_iter().find(|plan| plan.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::setup;

    #[test]
    fn all_recipes_of_a_study_name_one_teacher_and_one_set_of_data() {
        for plan in PLANS {
            let first = setup(plan, plan.recipes[0].0, &[]).unwrap().recipe.clone();
            for (name, _) in plan.recipes {
                let recipe = &setup(plan, name, &[]).unwrap().recipe;
                assert_eq!(recipe.teacher, first.teacher, "{} {name}", plan.name);
                assert_eq!((&recipe.data.source, recipe.data.text), (&first.data.source, first.data.text), "{name}");
                assert!(recipe.seeds.len() >= 5, "{} {name}", plan.name);
            }
        }
    }

    #[test]
    fn rows_have_names_of_their_own() {
        for plan in PLANS {
            let mut names: Vec<&str> = plan.rows.iter().map(|row| row.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), plan.rows.len(), "{}", plan.name);
        }
    }
}
