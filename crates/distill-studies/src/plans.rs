use crate::beside::Beside;
use crate::plan::Plan;
use crate::rows::{adult, california, cifar, clinc, forest, mnist, specialists, speech};

/// Hinton, Vinyals, Dean, 2015, section 3 and what belongs to it.
static MNIST: Plan = Plan {
    name: "hinton-2015",
    page: "mnist",
    summary: "Hinton, Vinyals, Dean, \"Distilling the Knowledge in a Neural Network\", on MNIST",
    title: "The paper on MNIST",
    about: "Hinton, Vinyals, Dean, \"Distilling the Knowledge in a Neural Network\", 2015. Section 3 of the paper and what belongs to it. Errors are of the 10,000 test images; all models are trained on all \
            60,000 training images if nothing else is said.",
    beside: PAPER,
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
    about: "Hinton, Vinyals, Dean, \"Distilling the Knowledge in a Neural Network\", 2015. Sections 4 and 6 of the paper on `asterisk-en`, 25 minutes of recorded English prompts by one speaker in place of \
            2000 hours. Accuracies are of the frames of held-out utterances, in 117 phone states. The phone error rate is that \
            of the Viterbi path through three-state phones and a bigram, silence not counted; its scale and penalty are chosen \
            on the validation utterances for each model.",
    beside: PAPER,
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
    about: "Hinton, Vinyals, Dean, \"Distilling the Knowledge in a Neural Network\", 2015. Section 5 of the paper on snippets of 24 characters in 420 languages, in place of 100 million images of 15,000 classes. \
            Accuracies are top-1 of the test snippets: of 50,000 from paragraphs that nothing was trained on, those whose text does not \
            stand in a training paragraph as well.",
    beside: PAPER,
    rows: specialists::ROWS,
    recipes: &[
        ("teacher", include_str!("../../../recipes/hinton-2015-specialists/teacher.toml")),
        ("specialists", include_str!("../../../recipes/hinton-2015-specialists/specialists.toml")),
        ("distilled", include_str!("../../../recipes/hinton-2015-specialists/distilled.toml")),
    ],
};

/// Small convolutional networks beside those of others.
static CIFAR: Plan = Plan {
    name: "cifar-10",
    page: "cifar-10",
    summary: "Small convolutional networks on CIFAR-10, beside those of MLPerf Tiny",
    title: "CIFAR-10",
    about: "Students with convolutions on the 50,000 training images of CIFAR-10, on labels alone and taught by one WRN-16-2. \
            Accuracies and errors are of the 10,000 test images. The reference models are those of MLPerf Tiny (Banbury and \
            others, 2021), of the same shape, on labels alone.",
    beside: Beside { heading: "Others and ours", column: "others" },
    rows: cifar::ROWS,
    recipes: &[
        ("teacher", include_str!("../../../recipes/cifar-10/teacher.toml")),
        ("distilled", include_str!("../../../recipes/cifar-10/distilled.toml")),
        ("frontier", include_str!("../../../recipes/cifar-10/frontier.toml")),
    ],
};

/// A table, and trees that others have trained.
static ADULT: Plan = Plan {
    name: "adult",
    page: "adult",
    summary: "Boosted trees of LightGBM to a perceptron, on the census rows of UCI Adult",
    title: "Adult",
    about: "UCI Adult (Becker and Kohavi, 1996): whether a person earns more than 50,000 dollars a year, from 14 columns of \
            numbers and words. 32,561 rows to train on and 16,281 to test, as they are published. The teacher is LightGBM, read from \
            ONNX.",
    beside: Beside { heading: "Teacher and students", column: "others" },
    rows: adult::ROWS,
    recipes: &[
        ("distilled", include_str!("../../../recipes/adult/distilled.toml")),
        ("alone", include_str!("../../../recipes/adult/alone.toml")),
        ("munge", include_str!("../../../recipes/adult/munge.toml")),
    ],
};

/// The same table, and a teacher as large as they were.
static BUCILA: Plan = Plan {
    name: "bucila-2006",
    page: "bucila-2006",
    summary: "A random forest of 1,000 trees to a perceptron, in the spirit of Bucila and others, \"Model Compression\"",
    title: "Compression of a forest",
    about: "Bucila, Caruana, Niculescu-Mizil, \"Model Compression\", 2006, taught perceptrons by large ensembles on rows that MUNGE \
            makes. UCI Adult (Becker and Kohavi, 1996) was one of their tables: 32,561 rows to train on and 16,281 to test, as they \
            are published. The teacher here is a random forest of 1,000 trees of scikit-learn, read from ONNX.",
    beside: Beside { heading: "Forest and students", column: "others" },
    rows: forest::ROWS,
    recipes: &[
        ("distilled", include_str!("../../../recipes/bucila-2006/distilled.toml")),
        ("alone", include_str!("../../../recipes/bucila-2006/alone.toml")),
        ("munge", include_str!("../../../recipes/bucila-2006/munge.toml")),
    ],
};

/// The same with a number to predict.
static CALIFORNIA: Plan = Plan {
    name: "california",
    page: "california",
    summary: "Boosted trees of LightGBM to a perceptron that predicts prices of houses",
    title: "California housing",
    about: "The median price of a house, in dollars, of 20,640 districts of California in 1990 (Pace and Barry, 1997), from eight \
            numbers. 16,512 rows to train on and 4,128 to test, split at random. The teacher is LightGBM, read from ONNX.",
    beside: Beside { heading: "Teacher and students", column: "others" },
    rows: california::ROWS,
    recipes: &[
        ("distilled", include_str!("../../../recipes/california/distilled.toml")),
        ("alone", include_str!("../../../recipes/california/alone.toml")),
        ("munge", include_str!("../../../recipes/california/munge.toml")),
    ],
};

/// Sentences, and answers of a transformer that others have trained.
static CLINC150: Plan = Plan {
    name: "clinc150",
    page: "clinc150",
    summary: "A sentence transformer to a perceptron of 1 MB, on questions of 150 intents",
    title: "CLINC150",
    about: "Questions to an assistant with 150 intents, a hundred of each to train on (Larson and others, 2019). Accuracies are of the \
            4,500 test questions. The teacher is all-MiniLM-L6-v2 with 22 million parameters, fine-tuned. The student learns from its \
            answers to the training questions, and to others that are made of these.",
    beside: Beside { heading: "Teacher and students", column: "others" },
    rows: clinc::ALL,
    recipes: &[
        ("distilled", include_str!("../../../recipes/clinc150/distilled.toml")),
        ("alone", include_str!("../../../recipes/clinc150/alone.toml")),
    ],
};

/// The same with a tenth of the labels.
static CLINC150_TENTH: Plan = Plan {
    name: "clinc150-tenth",
    page: "clinc150-tenth",
    summary: "The same with ten questions of each intent, and others without",
    title: "CLINC150 with a tenth of the labels",
    about: "The questions of CLINC150, of which ten of each intent have it, 1,500 in all. Teacher and students have seen no other labels. \
            The student learns from the teacher's answers to all training questions, and to others that are made of these.",
    beside: Beside { heading: "Teacher and students", column: "others" },
    rows: clinc::TENTH,
    recipes: &[
        ("distilled", include_str!("../../../recipes/clinc150-tenth/distilled.toml")),
        ("alone", include_str!("../../../recipes/clinc150-tenth/alone.toml")),
    ],
};

/// All studies.
pub static PLANS: [&Plan; 9] =
    [&MNIST, &SPEECH, &SPECIALISTS, &CIFAR, &ADULT, &BUCILA, &CALIFORNIA, &CLINC150, &CLINC150_TENTH];

/// Opens the page of each study of the paper.
const PAPER: Beside = Beside { heading: "The paper and ours", column: "paper" };

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
