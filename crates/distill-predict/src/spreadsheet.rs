//! Tables for programs that compute what begins like a formula.

use std::borrow::Cow;

/// A cell that a spreadsheet shows and does not compute: text that begins with `=`, `+`, `-`, `@`, a tab or a carriage
/// return gets an apostrophe in front. Numbers stay numbers.
pub fn safe_cell(cell: &str) -> Cow<'_, str> {
    let is_number = || cell.parse::<f64>().is_ok_and(f64::is_finite);
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number() {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_nothing_else_changes() {
        for formula in ["=HYPERLINK(1)", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "-inf", "=1"] {
            assert_eq!(safe_cell(formula), format!("'{formula}"));
        }
        for other in ["", "cat", "a=b", "-5", "+0.25", "-1e-7", "0.5", "'=1", " =1"] {
            assert_eq!(safe_cell(other), other);
        }
    }
}
