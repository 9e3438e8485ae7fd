use toml::Value;

/// A recipe for MNIST. A line with `#` right before a key is a setting to take up, `# ` is prose.
pub(super) const TEMPLATE: &str = include_str!("template.toml");

/// What a line of the template becomes: `table`, `key`, and the value as TOML, or nothing where the key is to be left out.
pub(super) struct Setting {
    table: &'static str,
    key: &'static str,
    value: Option<String>,
}

impl Setting {
    /// A key with a value as it is written in TOML.
    pub(super) fn new(table: &'static str, key: &'static str, value: impl ToString) -> Self {
        Self { table, key, value: Some(value.to_string()) }
    }

    /// A key with text.
    pub(super) fn text(table: &'static str, key: &'static str, text: &str) -> Self {
        Self::new(table, key, quoted(text))
    }

    /// A key that is left out, and shown as a choice.
    pub(super) fn none(table: &'static str, key: &'static str) -> Self {
        Self { table, key, value: None }
    }
}

/// Text as it stands in TOML.
pub(super) fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// The template with some of its settings replaced. Later ones count where a key is named twice.
pub(super) fn with(settings: &[Setting]) -> String {
    let mut text = String::with_capacity(TEMPLATE.len());
    let mut table = "";
    for line in TEMPLATE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = name;
        }
        let key = line.split(" =").next().unwrap_or_default();
        let (key, is_choice) = key.strip_prefix('#').map_or((key, false), |key| (key, true));
        let setting = settings.iter().rev().find(|setting| (setting.table, setting.key) == (table, key));
        text += &match setting.map(|setting| &setting.value) {
            Some(Some(value)) => format!("{key} = {value}"),
            Some(None) if !is_choice => format!("#{line}"),
            _ => line.to_owned(),
        };
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_where_the_template_has_them() {
        assert_eq!(with(&[]), TEMPLATE);
        let text = with(&[
            Setting::text("data", "source", "a \"b\""),
            Setting::new("train", "epochs", 3),
            Setting::new("data", "standardize", true),
            Setting::none("kd", "alpha"),
            Setting::none("kd", "targets"),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        for line in [
            r#"source = 'a "b"'"#,
            "epochs = 3",
            "epochs = 10",
            "standardize = true",
            "#alpha = 0.9",
            "#targets = \"auto\"",
        ] {
            assert_eq!(lines.iter().filter(|found| **found == line).count(), 1, "{line}\n{text}");
        }
        assert_eq!(lines.len(), TEMPLATE.lines().count());
    }
}
