//! The part of the page that people write.

/// Around the text that is kept.
pub(super) const BEGIN: &str = "<!-- by hand: what stands below is kept -->";
pub(super) const END: &str = "<!-- end of what is kept -->";

/// What stands between the marks of a page, without the empty lines around it.
pub(super) fn text(page: &str) -> &str {
    let after = page.split_once(BEGIN).map_or("", |(_, after)| after);
    after.split_once(END).map_or("", |(text, _)| text).trim_matches('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_kept() {
        let page = format!("# Title\n\n{BEGIN}\n\nTwo\n\n  lines.\n\n{END}\nmore\n");
        assert_eq!(text(&page), "Two\n\n  lines.");
    }

    #[test]
    fn without_marks_nothing_is_kept() {
        for page in ["", "# Title\n", BEGIN, &format!("{END}\n{BEGIN}\nno end\n")] {
            assert_eq!(text(page), "", "{page}");
        }
    }
}
