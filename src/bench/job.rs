//! What is measured: settings of this program, or a command.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The inputs, in a command.
pub const IN: &str = "{in}";
/// Where the output goes, in a command.
pub const OUT: &str = "{out}";
/// Where the run record goes, in a command.
pub const STATS: &str = "{stats}";

/// A job: text that begins with `-`, or is empty, is options of `dechaff clean`; other text is a
/// command, split into words as a shell does, without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Options of `dechaff clean`.
    Settings(Vec<String>),
    /// A program and its arguments.
    Command(Vec<String>),
}

impl FromStr for Job {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = shlex::split(text);
        let words = words.ok_or_else(|| format!("a quotation mark is left open in: {text}"))?;
        Ok(match words.first() {
            Some(first) if !first.starts_with('-') => Job::Command(words),
            _ => Job::Settings(words),
        })
    }
}

impl Job {
    /// Whether it reads the inputs, as far as that can be told.
    pub fn reads_inputs(&self) -> bool {
        match self {
            Job::Settings(_) => true,
            Job::Command(words) => words.iter().any(|word| word.contains(IN)),
        }
    }

    /// The name of its program, without the path.
    pub(super) fn program_name(&self) -> Option<String> {
        let Job::Command(words) = self else {
            return None;
        };
        let name = Path::new(words.first()?).file_name()?;
        Some(name.to_string_lossy().into_owned())
    }

    /// The words of one run. `own` is this program.
    pub(super) fn words(
        &self,
        own: &Path,
        inputs: &[PathBuf],
        out: &Path,
        stats: &Path,
    ) -> Vec<std::ffi::OsString> {
        match self {
            Job::Settings(options) => {
                let head = [own.as_os_str(), "clean".as_ref()];
                let mut all: Vec<_> = head.map(Into::into).into();
                all.extend(options.iter().map(Into::into));
                all.extend(["-o".into(), out.into(), "--stats".into(), stats.into()]);
                all.extend(["--quiet".into(), "--".into()]);
                all.extend(inputs.iter().map(Into::into));
                all
            }
            Job::Command(words) => {
                let mut all = Vec::new();
                for word in words {
                    if word == IN {
                        all.extend(inputs.iter().map(Into::into));
                        continue;
                    }
                    let joined = || {
                        let inputs = inputs.iter().map(|path| path.display().to_string());
                        inputs.collect::<Vec<_>>().join(" ")
                    };
                    let word = match word.contains(IN) {
                        true => word.replace(IN, &joined()),
                        false => word.clone(),
                    };
                    let word = word.replace(OUT, &out.display().to_string());
                    all.push(word.replace(STATS, &stats.display().to_string()).into());
                }
                all
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_makes_settings_and_a_word_a_command() {
        let job = |text: &str| text.parse::<Job>();
        let words = |all: &[&str]| all.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(job(""), Ok(Job::Settings(Vec::new())));
        let settings = words(&["--threshold", "0.5"]);
        assert_eq!(job(" --threshold 0.5"), Ok(Job::Settings(settings)));
        let command = words(&["sort", "-u", "a b", "-o", OUT]);
        assert_eq!(job("sort -u 'a b' -o {out}"), Ok(Job::Command(command)));
        assert!(job("sort 'a").is_err());
    }

    #[test]
    fn places_in_a_command_are_filled_in() {
        let job: Job = "p x={in} {in} > {out} --stats={stats}"
            .parse()
            .expect("a job");
        assert!(job.reads_inputs());
        let inputs = ["a".into(), "b c".into()];
        let words = job.words("own".as_ref(), &inputs, "o".as_ref(), "s".as_ref());
        assert_eq!(words, ["p", "x=a b c", "a", "b c", ">", "o", "--stats=s"]);
        assert_eq!(job.program_name().as_deref(), Some("p"));
        let path: Job = "bin/wc -w".parse().expect("a job");
        assert_eq!(path.program_name().as_deref(), Some("wc"));
        assert!(!path.reads_inputs());
    }

    #[test]
    fn settings_are_a_run_of_this_program() {
        let job: Job = "--no-score".parse().expect("a job");
        let inputs = ["-in".into()];
        let words = job.words("own".as_ref(), &inputs, "o".as_ref(), "s".as_ref());
        let expected = "own clean --no-score -o o --stats s --quiet -- -in";
        assert_eq!(words, expected.split(' ').collect::<Vec<_>>());
    }
}
