//! The look of an element, as the style sheets of the charts give it on a light page.

/// The rules of the style sheets in their order. Only what these files use is understood.
pub(crate) struct Sheet<'s> {
    variables: Vec<(&'s str, &'s str)>,
    rules: Vec<Rule<'s>>,
}

/// The declarations for elements of a tag and a class, of any where they are empty.
struct Rule<'s> {
    tag: &'s str,
    class: &'s str,
    declarations: Vec<(&'s str, &'s str)>,
}

pub(crate) type Colour = [u8; 3];

/// How an element is painted. Lengths are in pixels.
#[derive(Debug, PartialEq)]
pub(crate) struct Look {
    pub(crate) fill: Option<Colour>,
    pub(crate) stroke: Option<Colour>,
    pub(crate) stroke_width: f32,
    /// On and off in turn; nothing for a whole line.
    pub(crate) dashes: Vec<f32>,
    pub(crate) is_round: bool,
    /// The stroke is below the fill.
    pub(crate) stroke_first: bool,
    pub(crate) opacity: f32,
    pub(crate) font_size: f32,
    pub(crate) is_bold: bool,
}

impl<'s> Sheet<'s> {
    pub(crate) fn parse(styles: &[&'s str]) -> Self {
        let mut sheet = Self { variables: Vec::new(), rules: Vec::new() };
        for (selectors, body) in styles.iter().flat_map(|style| blocks(style)) {
            let declarations = || body.split(';').filter_map(|pair| pair.split_once(':'));
            match selectors {
                ":root" => sheet.variables.extend(declarations()),
                // Dark pages and printers.
                _ if selectors.starts_with('@') => {}
                _ => sheet.rules.extend(selectors.split(',').map(|selector| {
                    let target = selector.strip_prefix(".chart").unwrap_or(selector).trim_start();
                    let (tag, class) = target.split_once('.').unwrap_or((target, ""));
                    Rule { tag, class, declarations: declarations().collect() }
                })),
            }
        }
        sheet
    }

    /// What applies to an element with these classes, which are separated by spaces.
    pub(crate) fn look(&self, tag: &str, classes: &str) -> Look {
        let fits = |rule: &&Rule<'_>| {
            (rule.tag.is_empty() || rule.tag == tag)
                && (rule.class.is_empty() || classes.split(' ').any(|class| class == rule.class))
        };
        let mut rules: Vec<&Rule<'_>> = self.rules.iter().filter(fits).collect();
        // The more exact rule wins, and of two alike the later one.
        rules.sort_by_key(|rule| (!rule.class.is_empty(), !rule.tag.is_empty()));
        let own = || rules.iter().rev().flat_map(|rule| rule.declarations.iter().rev());
        let variable =
            |name: &str| own().chain(self.variables.iter().rev()).find(|(other, _)| *other == name).map(|(_, v)| *v);
        let value = |names: &[&str]| -> Option<&str> {
            let mut value = own().find(|(name, _)| names.contains(name))?.1;
            while let Some(name) = value.strip_prefix("var(").and_then(|rest| rest.strip_suffix(')')) {
                value = variable(name)?;
            }
            Some(value)
        };
        let number = |names: &[&str]| {
            let first = value(names)?.split(' ').next()?;
            first.trim_end_matches("px").parse::<f32>().ok()
        };
        let dashes = value(&["stroke-dasharray"]).unwrap_or_default();
        Look {
            // As in SVG, what no rule names is black.
            fill: value(&["fill"]).map_or(Some([0; 3]), colour),
            stroke: value(&["stroke"]).and_then(colour),
            stroke_width: number(&["stroke-width"]).unwrap_or(1.0),
            dashes: dashes.split(' ').filter_map(|length| length.parse().ok()).collect(),
            is_round: value(&["stroke-linecap"]) == Some("round"),
            stroke_first: value(&["paint-order"]) == Some("stroke"),
            opacity: number(&["opacity"]).unwrap_or(1.0),
            font_size: number(&["font-size", "font"]).unwrap_or(16.0),
            is_bold: number(&["font-weight"]).is_some_and(|weight| weight >= 600.0),
        }
    }
}

/// What stands before each brace, and in it up to the one that closes it.
fn blocks(style: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = style;
    while let Some((before, after)) = rest.split_once('{') {
        let mut depth = 1;
        let end = after.find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        let end = end.unwrap_or(after.len());
        blocks.push((before.trim(), &after[..end]));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    blocks
}

/// `#rrggbb` or `#rgb`; nothing for `none`.
fn colour(text: &str) -> Option<Colour> {
    let hex = text.strip_prefix('#')?;
    let n = hex.len() / 3;
    let channel = |i: usize| u8::from_str_radix(&hex.get(i * n..(i + 1) * n)?.repeat(3 - n), 16).ok();
    if n == 1 || n == 2 { Some([channel(0)?, channel(1)?, channel(2)?]) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STYLE;

    fn sheet() -> Sheet<'static> {
        Sheet::parse(&[STYLE, include_str!("series.css")])
    }

    #[test]
    fn classes_have_the_colours_of_the_sheet() {
        let teacher = sheet().look("path", "mean teacher");
        assert_eq!((teacher.fill, teacher.stroke), (None, Some([0x09, 0x69, 0xb0])));
        assert_eq!((teacher.stroke_width, teacher.dashes, teacher.is_round), (2.6, vec![0.1, 5.0], true));
        assert_eq!(sheet().look("path", "mean student").dashes, []);
        let bar = sheet().look("rect", "bar baseline");
        assert_eq!((bar.fill, bar.stroke, bar.opacity), (Some([0xb3, 0x4f, 0]), None, 1.0));
        assert_eq!(sheet().look("rect", "pale baseline").opacity, 0.25);
        assert_eq!(sheet().look("path", "curve c9").stroke, Some([0xdb, 0x0c, 0x14]));
    }

    #[test]
    fn the_more_exact_rule_wins() {
        // `.chart path` has no fill, `.chart .right` has one, and `.chart path.right` no stroke.
        let right = sheet().look("path", "right");
        assert_eq!((right.fill, right.stroke), (Some([0x09, 0x69, 0xb0]), None));
        let (title, tick) = (sheet().look("text", "title"), sheet().look("text", "tick"));
        assert_eq!((title.font_size, title.is_bold, tick.font_size, tick.is_bold), (16.0, true, 14.0, false));
        assert_eq!(Sheet::parse(&[STYLE]).look("text", "tick").font_size, 12.0);
        let note = sheet().look("text", "note");
        assert_eq!((note.stroke, note.stroke_width, note.stroke_first), (Some([255; 3]), 4.0, true));
        assert_eq!(note.fill, Some([0x1b, 0x1f, 0x24]));
    }

    #[test]
    fn all_of_the_sheets_is_understood() {
        const PROPERTIES: [&str; 14] = [
            "fill",
            "stroke",
            "stroke-width",
            "stroke-dasharray",
            "stroke-linecap",
            "stroke-linejoin",
            "paint-order",
            "opacity",
            "font",
            "font-size",
            "font-weight",
            "font-variant-numeric",
            "--of",
            "--dash",
        ];
        let sheet = sheet();
        assert!(sheet.rules.len() > 30 && sheet.variables.len() > 15);
        for Rule { tag, class, declarations } in &sheet.rules {
            assert!(["", "text", "path"].contains(tag), "{tag}.{class}");
            assert!(class.chars().all(|c| c.is_ascii_alphanumeric()), "{class}");
            for (name, value) in declarations {
                assert!(PROPERTIES.contains(name), "{name}");
                let variable = value.strip_prefix("var(").map(|rest| rest.trim_end_matches(')'));
                let is_own = |name: &str| ["--of", "--dash"].contains(&name);
                let is_known = |name: &str| is_own(name) || sheet.variables.iter().any(|(other, _)| *other == name);
                assert!(variable.is_none_or(is_known), "{value}");
                let is_paint = variable.is_none() && ["fill", "stroke"].contains(name);
                assert!(!is_paint || *value == "none" || colour(value).is_some(), "{name}:{value}");
            }
        }
        assert!(sheet.variables.iter().all(|(_, value)| colour(value).is_some()));
    }
}
