//! What standard output is: a terminal or not, how wide, whether it wants colour. Knows no
//! command's content.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};

use anstyle::Style;
use clap::ColorChoice;
use unicode_width::UnicodeWidthChar;

/// Standard output as a place to show lines on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Whether lines are coloured.
    pub has_colour: bool,
    /// Columns from edge to edge; None in a pipe, a file, or where the terminal does not say.
    pub columns: Option<usize>,
}

impl Terminal {
    /// Looks at standard output, `NO_COLOR` and `TERM`.
    pub fn of_stdout(choice: ColorChoice) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let columns = terminal_size::terminal_size_of(&stdout)
            .map(|(width, _)| usize::from(width.0))
            .filter(|&columns| is_terminal && columns > 0);
        let has_colour = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let no_color = env::var_os("NO_COLOR");
                let term = env::var_os("TERM");
                is_terminal && wants_colour(no_color.as_deref(), term.as_deref())
            }
        };
        Terminal {
            has_colour,
            columns,
        }
    }

    /// One line, cut to the terminal's width and coloured, as far as it has either.
    pub fn show(&self, style: Style, line: &str) -> String {
        let line = match self.columns {
            Some(columns) => cut(line, columns),
            None => Cow::Borrowed(line),
        };
        if self.has_colour {
            format!("{style}{line}{style:#}")
        } else {
            line.into_owned()
        }
    }
}

/// What the environment says of colour: `NO_COLOR` counts unless it is empty (no-color.org),
/// a dumb terminal has none.
fn wants_colour(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

/// The text if it fits, else as much of it as fits with an ellipsis behind.
fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if text.chars().map(width).sum::<usize>() <= columns {
        return Cow::Borrowed(text);
    }
    let mut used = 1;
    let mut shown: String = text
        .chars()
        .take_while(|&c| {
            used += width(c);
            used <= columns
        })
        .collect();
    shown.push('…');
    Cow::Owned(shown)
}

/// Columns of a character; at least what terminals give it, whatever stands beside it.
fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstyle::AnsiColor;

    #[test]
    fn a_line_is_cut_by_columns_not_by_characters() {
        for (columns, expected) in [
            (8, "ab 서울"),
            (7, "ab 서울"),
            (6, "ab 서…"),
            (5, "ab …"),
            (1, "…"),
        ] {
            assert_eq!(cut("ab 서울", columns), expected, "{columns}");
        }
    }

    #[test]
    fn no_color_and_dumb_terminals_mean_no_colour() {
        let os = |text: Option<&'static str>| text.map(OsStr::new);
        for (no_color, term, expected) in [
            (None, Some("xterm"), true),
            (None, None, true),
            (Some(""), Some("xterm"), true),
            (Some("1"), Some("xterm"), false),
            (Some("0"), Some("xterm"), false),
            (None, Some("dumb"), false),
        ] {
            assert_eq!(
                wants_colour(os(no_color), os(term)),
                expected,
                "{no_color:?} {term:?}"
            );
        }
    }

    #[test]
    fn a_line_is_cut_before_it_is_coloured() {
        let terminal = Terminal {
            has_colour: true,
            columns: Some(3),
        };
        let red = AnsiColor::Red.on_default();
        assert_eq!(terminal.show(red, "abcdef"), "\x1b[31mab…\x1b[0m");
        assert_eq!(Terminal::default().show(red, "abcdef"), "abcdef");
    }
}
