use std::env;
use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use distill_recipe::Paint;

/// The colours of messages. Colour only repeats what the words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Palette {
    error: Style,
    warning: Style,
    frame: Style,
    help: Style,
}

impl Palette {
    /// No colours at all.
    pub(crate) const PLAIN: Self =
        Self { error: Style::new(), warning: Style::new(), frame: Style::new(), help: Style::new() };

    const COLOURED: Self = Self {
        error: AnsiColor::Red.on_default().bold(),
        warning: AnsiColor::Yellow.on_default().bold(),
        frame: AnsiColor::Blue.on_default().bold(),
        help: AnsiColor::Green.on_default(),
    };

    /// The colours of standard error.
    pub(crate) fn for_stderr(choice: ColorChoice) -> Self {
        let coloured = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // https://no-color.org: set and not empty.
            ColorChoice::Auto => {
                let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !no_color && !is_dumb() && io::stderr().is_terminal()
            }
        };
        if coloured { Self::COLOURED } else { Self::PLAIN }
    }

    pub(crate) fn is_coloured(&self) -> bool {
        *self != Self::PLAIN
    }

    pub(crate) fn warning(&self, text: &str) -> String {
        paint(self.warning, text)
    }
}

impl Paint for Palette {
    fn error(&self, text: &str) -> String {
        paint(self.error, text)
    }

    fn frame(&self, text: &str) -> String {
        paint(self.frame, text)
    }

    fn help(&self, text: &str) -> String {
        paint(self.help, text)
    }
}

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Whether the terminal understands no escapes.
pub(crate) fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}
