//! The one way out: standard output carries data, standard error carries talk.
//!
//! Invariants:
//! - No other module writes to either stream.
//! - Under `--json` standard output has nothing but JSON, and an error is one JSON object on standard
//!   error.
//! - Colour only on a terminal, never with `NO_COLOR`; what is untrusted is escaped before it gets here
//!   through [`escape`] or inside [`table::layout`].
//! - A reader that went away (`| head`) ends the output quietly.

pub(crate) mod escape;
mod progress;
pub(crate) mod table;

pub(crate) use progress::{Progress, Spinner};

use crate::errors::Failure;
use owo_colors::{OwoColorize, Style};
use serde::Serialize;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use table::Column;

/// Width of a table when standard output is no terminal, characters.
const PIPE_WIDTH_CHARS: u16 = 100;
/// A terminal narrower than this gets tables of this width all the same, characters.
const WIDTH_CHARS_MIN: u16 = 60;
/// A terminal wider than this does not stretch a table, characters.
const WIDTH_CHARS_MAX: u16 = 160;

/// The output of one process.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    colour_out: bool,
    colour_err: bool,
    width: u16,
    mute: bool,
    gone: Arc<AtomicBool>,
}

impl Printer {
    /// The printer that the environment and the flags ask for.
    pub(crate) fn new(json: bool, quiet: bool, no_colour: bool) -> Self {
        let colour = !no_colour && !json;
        Self {
            json,
            quiet,
            colour_out: colour && std::io::stdout().is_terminal(),
            colour_err: colour && std::io::stderr().is_terminal(),
            width: width(),
            mute: false,
            gone: Arc::new(AtomicBool::new(false)),
        }
    }

    /// A printer for people that says nothing: for a command whose output is part of a larger one.
    pub(crate) fn muted(&self) -> Self {
        Self {
            json: false,
            quiet: true,
            mute: true,
            ..self.clone()
        }
    }

    /// Whether nothing is said at all.
    pub(crate) fn is_muted(&self) -> bool {
        self.mute
    }

    /// Whether data is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a program that works for a command may say its own words on standard error.
    pub(crate) fn shows_children(&self) -> bool {
        !self.json && !self.quiet && !self.mute
    }

    /// One JSON value, pretty. Does nothing unless `--json`.
    pub(crate) fn json(&self, value: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string_pretty(value)
        {
            self.out(&format!("{}\n", escape::json(&text)));
        }
    }

    /// One JSON value on a line of its own: for streams. Does nothing unless `--json`.
    pub(crate) fn json_line(&self, value: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string(value)
        {
            self.out(&format!("{}\n", escape::json(&text)));
        }
    }

    /// One line of data for people. Does nothing under `--json`.
    pub(crate) fn line(&self, text: impl Display) {
        if !self.json {
            self.out(&format!("{text}\n"));
        }
    }

    /// Clap's own help or version, coloured where the terminal takes it.
    pub(crate) fn styled(&self, text: &clap::builder::StyledStr) -> String {
        if self.colour_out {
            text.ansi().to_string()
        } else {
            text.to_string()
        }
    }

    /// Data as it is, in either mode: completion scripts and help.
    pub(crate) fn raw(&self, text: &str) {
        self.out(text);
    }

    /// A table for people, every cell escaped. Does nothing under `--json`.
    pub(crate) fn table(&self, columns: &[Column], rows: &[Vec<String>]) {
        if self.json {
            return;
        }
        let laid_out = table::layout(columns, rows, self.width);
        match laid_out.split_once('\n') {
            Some((head, rest)) => self.out(&format!("{}\n{rest}", self.dim(head))),
            None => self.out(&laid_out),
        }
    }

    /// One line of talk. Nothing under `--json`, where standard error is for errors.
    pub(crate) fn talk(&self, text: impl Display) {
        if !self.quiet && !self.json {
            self.err(&format!("{text}\n"));
        }
    }

    /// A warning; said even when quiet.
    pub(crate) fn warn(&self, text: impl Display) {
        if self.json {
            return;
        }
        let word = self.paint_err("warning", Style::new().yellow().bold());
        self.err(&format!("{word}: {text}\n"));
    }

    /// An error, whole: for people as lines, under `--json` as one object.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            if let Ok(text) = serde_json::to_string(&failure.to_json()) {
                self.err(&format!("{}\n", escape::json(&text)));
            }
            return;
        }
        self.err(&self.failure_text(failure));
    }

    fn failure_text(&self, failure: &Failure) -> String {
        let word = self.paint_err("error", Style::new().red().bold());
        let mut text = format!("{word}: {}\n", escape::text(&failure.to_string()));
        if let Some(rule) = failure.rule() {
            text.push_str(&format!("  rule: {}\n", escape::text(&rule)));
        }
        if let Some(remedy) = failure.remedy() {
            let remedy = escape::text(&remedy);
            let remedy = self.paint_err(&remedy, Style::new().bold());
            text.push_str(&format!("  try:  {remedy}\n"));
        }
        text
    }

    /// Something that takes a while; shown once it has taken a second.
    pub(crate) fn progress(&self, what: &str) -> Progress {
        Progress::start(
            what,
            !self.quiet && !self.json && std::io::stderr().is_terminal(),
        )
    }

    /// A heading in data for people.
    pub(crate) fn heading(&self, text: &str) -> String {
        self.paint_out(text, Style::new().bold())
    }

    /// Less important data.
    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint_out(text, Style::new().dimmed())
    }

    /// Good news in data.
    pub(crate) fn good(&self, text: &str) -> String {
        self.paint_out(text, Style::new().green())
    }

    /// Bad news in data.
    pub(crate) fn bad(&self, text: &str) -> String {
        self.paint_out(text, Style::new().red())
    }

    fn paint_out(&self, text: &str, style: Style) -> String {
        paint(self.colour_out, text, style)
    }

    fn paint_err(&self, text: &str, style: Style) -> String {
        paint(self.colour_err, text, style)
    }

    fn out(&self, text: &str) {
        if self.mute || self.gone.load(Ordering::Relaxed) {
            return;
        }
        let mut stream = std::io::stdout().lock();
        if stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
            .is_err()
        {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    fn err(&self, text: &str) {
        if self.mute {
            return;
        }
        // Where standard error is gone nobody is left to be told.
        let mut stream = std::io::stderr().lock();
        drop(stream.write_all(text.as_bytes()));
    }
}

fn paint(colour: bool, text: &str, style: Style) -> String {
    if colour {
        text.style(style).to_string()
    } else {
        text.to_owned()
    }
}

fn width() -> u16 {
    let terminal = rustix::termios::tcgetwinsize(std::io::stdout())
        .map(|size| size.ws_col)
        .unwrap_or(0);
    if terminal == 0 {
        PIPE_WIDTH_CHARS
    } else {
        terminal.clamp(WIDTH_CHARS_MIN, WIDTH_CHARS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Refused;

    #[test]
    fn an_error_says_what_by_which_rule_and_what_to_type() {
        let printer = Printer::new(false, false, true);
        let failures = [
            Failure::NoLogin {
                command: "agent list".into(),
            },
            Failure::input("argument \"path\" has no `=`"),
            Failure::NotFound {
                kind: "session",
                name: "a\u{1b}[2J".into(),
                remedy: "tollgate agent list".into(),
            },
            Failure::Transition {
                session: "agent_docs".into(),
                state: "running".into(),
                what: "restart is refused".into(),
                remedy: Some("tollgate agent stop agent_docs".into()),
            },
            Failure::Denied(Box::new(Refused {
                plugin: "files".into(),
                kind: "fs.create".into(),
                target: "/project/NOTES.md".into(),
                reason: "access_too_low".into(),
                receipt: Some("0198c5de-7a3e-7b1c-9f1c-0d7a3d1e2f30".into()),
                remedy: Some("tollgate grant add files 'fs.create . at /project'".into()),
            })),
            Failure::Budget {
                session: "agent_docs".into(),
                run: "run_1".into(),
                reason: "max_iterations".into(),
                remedy: None,
            },
            Failure::failed(
                "the store cannot be opened",
                anyhow::anyhow!("no space left"),
            ),
        ];
        let shown: Vec<String> = failures
            .iter()
            .map(|failure| {
                let json = escape::json(&failure.to_json().to_string());
                format!("{}{json}\n", printer.failure_text(failure))
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
