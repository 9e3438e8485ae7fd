use distill_chart::{escape, number, shortened};
use distill_train::Role;

use super::super::image::data_uri;
use super::super::numbers::probability;
use super::super::page::breakable;
use super::super::words::{answer, class_name, label_name};
use distill_lab::summary::label;
use distill_lab::view::data::{GalleryExample, Report};

/// Up to here, all classes of an example are shown.
const N_ALL: usize = 12;
/// How many are shown when there are more.
const N_TOP: usize = 10;

/// Of the name of a class beside its bars.
const N_LETTERS: usize = 40;

/// A word of more letters has no room beside its bars, and up to so few leave more room for them.
const N_BESIDE: usize = 7;
const N_SHORT: usize = 3;

/// A card for each example: the picture and the teacher's probabilities, plain and softened, as bars.
pub(super) fn soft_targets(report: &Report) -> String {
    cards(report, &report.gallery.dark_knowledge, |example| bars(report, example))
}

/// A card for each example: the picture and the answers of the models.
pub(super) fn disagreements(report: &Report) -> String {
    cards(report, &report.gallery.disagreements, |example| answers(report, example))
}

fn cards(report: &Report, examples: &[GalleryExample], content: impl Fn(&GalleryExample) -> String) -> String {
    let card = |example: &GalleryExample| {
        let name = escape(&label_name(report, example));
        let index = example.index;
        let uri = report.gallery.image.and_then(|shape| data_uri(&example.pixels, shape));
        let picture = uri.map_or(String::new(), |uri| {
            format!("<img src=\"{uri}\" alt=\"test example {index}, label {name}\" width=\"96\">")
        });
        format!(
            "<figure class=\"card\">\n<figcaption>{picture}<span>label <b>{}</b><small>test example {index}</small>\
             </span></figcaption>\n{}</figure>\n",
            breakable(&label_name(report, example)),
            content(example)
        )
    };
    format!("<div class=\"cards\">\n{}</div>\n", examples.iter().map(card).collect::<String>())
}

fn bars(report: &Report, example: &GalleryExample) -> String {
    let n_classes = example.teacher_soft.len();
    let classes = shown_classes(example);
    let is_label = |class: usize| u32::try_from(class) == Ok(example.label);
    let longest = largest_wrong(example);
    let cell = |p: f64| {
        let part = p / longest;
        let cut = if part > 1.0 { " class=\"cut\"" } else { "" };
        let width = number(100.0 * part.clamp(0.0, 1.0));
        format!("<td class=\"track\"><i{cut} style=\"width:{width}%\"></i></td><td>{}</td>", escape(&probability(p)))
    };
    let of = |probs: &[f64], class: usize| probs.get(class).copied().unwrap_or(0.0);
    let row = |&class: &usize| {
        let mark = if is_label(class) { " class=\"label\"" } else { "" };
        format!(
            "<tr{mark}><th scope=\"row\">{}</th>{}{}</tr>\n",
            breakable(&shortened(&class_name(report, class), N_LETTERS)),
            cell(of(&example.teacher, class)),
            cell(of(&example.teacher_soft, class))
        )
    };
    let mut rows: String = classes.iter().map(row).collect();
    if classes.len() < n_classes {
        let rest = |probs: &[f64]| {
            probs.iter().enumerate().filter(|(class, _)| !classes.contains(class)).map(|(_, p)| p).sum::<f64>()
        };
        rows += &format!(
            "<tr><th scope=\"row\">{} others</th>{}{}</tr>\n",
            n_classes - classes.len(),
            cell(rest(&example.teacher)),
            cell(rest(&example.teacher_soft))
        );
    }
    let letters = |&class: &usize| class_name(report, class).split(' ').map(|word| word.chars().count()).max();
    let shape = match classes.iter().filter_map(letters).max().unwrap_or_default() {
        ..=N_SHORT if classes.len() == n_classes => "soft short",
        ..=N_BESIDE => "soft",
        _ => "soft tall",
    };
    format!(
        "<table class=\"{shape}\">\n<colgroup><col><col class=\"track\"><col class=\"p\"><col class=\"track\"><col class=\"p\"></colgroup>\n<thead><tr><th scope=\"col\">class</th><th scope=\"col\" colspan=\"2\">T = 1</th><th \
         scope=\"col\" colspan=\"2\">T = {}</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n",
        report.gallery.temperature
    )
}

/// The largest probability of a wrong class, softened or not: what the teacher knows is in these. 1 where there is none.
fn largest_wrong(example: &GalleryExample) -> f64 {
    let is_wrong = |(class, _): &(usize, &f64)| u32::try_from(*class) != Ok(example.label);
    let wrong = [&example.teacher, &example.teacher_soft].into_iter().flat_map(|probs| probs.iter().enumerate());
    let largest = wrong.filter(is_wrong).map(|(_, p)| *p).fold(0.0, f64::max);
    if largest > 0.0 { largest } else { 1.0 }
}

/// All classes in their order; of many, the label and those that the soft targets favour, in that order.
fn shown_classes(example: &GalleryExample) -> Vec<usize> {
    let probs = &example.teacher_soft;
    let mut classes: Vec<usize> = (0..probs.len()).collect();
    if classes.len() > N_ALL {
        let is_label = |class: usize| u32::try_from(class) == Ok(example.label);
        classes.sort_by(|&a, &b| is_label(b).cmp(&is_label(a)).then(probs[b].total_cmp(&probs[a])));
        classes.truncate(N_TOP);
        classes.sort_by(|&a, &b| probs[b].total_cmp(&probs[a]));
    }
    classes
}

fn answers(report: &Report, example: &GalleryExample) -> String {
    let models = [
        (Role::Teacher, Some(&example.teacher)),
        (Role::Student, Some(&example.student)),
        (Role::Baseline, example.baseline.as_ref()),
    ];
    let row = |(role, probs): (Role, Option<&Vec<f64>>)| {
        let probs = probs?;
        let (class, p) = answer(probs)?;
        let right = u32::try_from(class) == Ok(example.label);
        let of_label = usize::try_from(example.label).ok().and_then(|class| probs.get(class)).copied();
        Some(format!(
            "<tr><th scope=\"row\">{}</th><td class=\"{}\">{}</td><td>{}</td><td>{}</td></tr>\n",
            label(role),
            if right { "right" } else { "wrong" },
            breakable(&class_name(report, class)),
            escape(&probability(p)),
            escape(&of_label.map_or("-".to_owned(), probability))
        ))
    };
    format!(
        "<table>\n<thead><tr><th scope=\"col\"></th><th scope=\"col\">answer</th><th scope=\"col\">probability</th>\
         <th scope=\"col\">of the label</th></tr></thead>\n<tbody>\n{}</tbody>\n</table>\n",
        models.into_iter().filter_map(row).collect::<String>()
    )
}
