//! The parts of a page: one HTML file that needs nothing else, no script, no network, no second file.

use distill_chart::{Chart, STYLE, escape};

use super::facts::Facts;
use super::table::Table;

const PAGE_STYLE: &str = include_str!("page.css");

/// Of a page: its anchor, its heading and its body, which is markup.
pub(crate) type Section = (&'static str, &'static str, String);

/// The whole page. `lead` stands below the title and is markup.
pub(crate) fn page(title: &str, lead: &str, sections: &[Section]) -> String {
    let title = escape(title);
    let links: String =
        sections.iter().map(|(id, heading, _)| format!("<li><a href=\"#{id}\">{heading}</a></li>\n")).collect();
    let body: String = sections
        .iter()
        .map(|(id, heading, body)| {
            format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{body}</section>\n")
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n{lead}\
         <nav aria-label=\"Contents\">\n<ul>\n{links}</ul>\n</nav>\n</header>\n<main>\n{body}</main>\n</body>\n</html>\n",
    )
}

/// Escaped, as a paragraph.
pub(crate) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// What is missing, and why.
pub(crate) fn note(text: &str) -> String {
    format!("<p class=\"note\">{}</p>\n", escape(text))
}

/// Charts beside each other where there is room; nothing for none.
pub(crate) fn figures(charts: &[Chart], class: &str) -> String {
    let figures: String = charts.iter().map(|chart| format!("<figure>{}</figure>\n", chart.inline())).collect();
    if figures.is_empty() { figures } else { format!("<div class=\"figures {class}\">\n{figures}</div>\n") }
}

/// A table under its name; nothing for no rows.
pub(crate) fn captioned(name: &str, table: &Table, shape: &str) -> String {
    if table.rows.is_empty() { String::new() } else { paragraph(&format!("{name}:")) + &scrolling(table, name, shape) }
}

/// Names with what they are.
pub(crate) fn list(facts: &Facts) -> String {
    let items = facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value)));
    format!("<dl>\n{}</dl>\n", items.collect::<String>())
}

/// A table that scrolls by itself where it is wider than the page; nothing for no rows. On a phone one of the shape
/// `stack` has the name of a row above its cells, and one that is `narrow` has small cells, so that all can be seen.
pub(crate) fn scrolling(table: &Table, name: &str, shape: &str) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let cells = |cells: &[String], tag: &str| -> String {
        let cell = |cell: &String| format!("<{tag}>{}</{tag}>", breakable(cell));
        cells.iter().map(cell).collect()
    };
    let head: String = table.header.iter().map(|cell| format!("<th scope=\"col\">{}</th>", breakable(cell))).collect();
    let row = |row: &Vec<String>| {
        format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", breakable(&row[0]), cells(&row[1..], "td"))
    };
    let rows: String = table.rows.iter().map(row).collect();
    let n_cells = table.header.len().saturating_sub(1);
    format!(
        "<div class=\"scroll {shape}\" style=\"--n:{n_cells}\" role=\"region\" tabindex=\"0\" aria-label=\"{name}\">\n\
         <table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}

/// A text, escaped, in which a long word may be broken where its parts meet, and nowhere else.
pub(crate) fn breakable(text: &str) -> String {
    const LONG: usize = 10;
    let parts = |word: &str| -> String {
        let parts = word.split_inclusive(['-', '_', '/', '.', ',', ':']).map(escape);
        parts.collect::<Vec<_>>().join("<wbr>")
    };
    let word = |word: &str| if word.chars().count() > LONG { parts(word) } else { escape(word) };
    text.split_inclusive(char::is_whitespace).map(word).collect()
}

/// A program's text as it is, such as a command.
pub(crate) fn code(text: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(text))
}

/// A recipe that is shown when one asks for it.
pub(crate) fn recipe(text: &str) -> String {
    format!("<details>\n<summary>The whole recipe, with every default</summary>\n{}</details>\n", code(text))
}
