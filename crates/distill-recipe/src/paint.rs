/// How the parts of a message are told apart where it is printed. Without colours they are what they are.
pub trait Paint {
    /// What is wrong.
    fn error(&self, text: &str) -> String {
        text.to_owned()
    }

    /// What frames the message: arrows and bars.
    fn frame(&self, text: &str) -> String {
        text.to_owned()
    }

    /// The word before what to do.
    fn help(&self, text: &str) -> String {
        text.to_owned()
    }

    /// The line of a message that says why, with the line break before it.
    fn note_line(&self, note: &str) -> String {
        format!("\n   {} {note}", self.frame("= note:"))
    }

    /// The line of a message that says what to do, with the line break before it.
    fn help_line(&self, help: &str) -> String {
        format!("\n   {} {} {help}", self.frame("="), self.help("help:"))
    }
}

/// No colours.
pub struct Plain;

impl Paint for Plain {}
