//! Links of Markdown files to files of the repository.

use super::Finding;
use super::tree::Tree;

pub(super) fn targets(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".md"]) {
        for (line, link) in links(text) {
            let file = link.split('#').next().unwrap_or(&link);
            if file.is_empty() || is_elsewhere(&link) {
                continue;
            }
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !joined(folder, file).is_some_and(|target| tree.contains(&target)) {
                let what = format!("the link to `{link}` leads nowhere");
                findings.push(Finding::at(path, line, what, "name a file by its path from the folder of this one"));
            }
        }
    }
    findings
}

/// The targets of `[text](target)` and of `[name]: target`, outside code, each with its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = content.split('`').step_by(2).collect();
        let reference = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
        let inline = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or(rest));
        // A target may be in angle brackets, and a title may follow it.
        let target =
            |link: &str| link.split_whitespace().next().map(|target| target.trim_matches(['<', '>']).to_owned());
        found.extend(reference.into_iter().chain(inline).filter_map(target).map(|target| (line, target)));
    }
    found
}

/// Whether a link leads to the web, or to an item of Rust that rustdoc will find.
fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:") || link.contains("::")
}

/// The path from the root of what `link` names in `folder`; None if it leaves the repository.
fn joined(folder: &str, link: &str) -> Option<String> {
    // From `/` on it is a path from the root.
    let start = if link.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(link.split('/')) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::places;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let files = [("docs/guide.md", text), ("docs/adr/0001-why.md", ""), ("LICENSE-MIT", "")];
        assert_eq!(places(targets, &files), expected);
    }

    #[test]
    fn links_to_files_and_folders_that_exist_pass() {
        check("[a](adr/0001-why.md) and [b](adr/0001-why.md#reason \"title\")\n[c](../LICENSE-MIT)\n", &[]);
        check("[a](adr/), [b](/docs/adr), [c](..), [d](#below)\n[e]: adr/0001-why.md\n", &[]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        check("fine\n[a](adr/0002.md)\n", &["docs/guide.md:2"]);
        check("[a](LICENSE-MIT) ![b](plot.svg)\n", &["docs/guide.md:1", "docs/guide.md:1"]);
        check("[`a`](../../outside)\n[b]: adr/0002.md\n", &["docs/guide.md:1", "docs/guide.md:2"]);
    }

    #[test]
    fn links_to_the_web_and_to_items_are_not_ours_to_check() {
        check("[a](https://example.org/x.md) [b](mailto:a@b.c) [c](crate::Loss) [d](<https://e.org>)\n", &[]);
    }

    #[test]
    fn code_holds_no_links() {
        check("```text\n[a](nowhere.md)\n```\n`[a](nowhere.md)` and `x[0](1)`\n", &[]);
        check("```\ncode\n```\n`code` [a](nowhere.md)\n", &["docs/guide.md:4"]);
    }
}
