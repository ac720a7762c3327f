//! Every setting of the engine: name, unit, default, where it comes from.
//!
//! A plain struct; nothing here knows the command line. Thresholds of the page-scope rule
//! are constants of [`crate::repeats`], weights of the scorer are in [`crate::score`].

use crate::error::ConfigError;

/// Where a line's likelihood is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Threshold {
    /// The program's own cut: [`UNCALIBRATED_CUT`] until the likelihood is calibrated.
    #[default]
    Auto,
    /// A line goes when its score is at or above this, in `[0,1]`.
    At(f32),
}

/// The cut that [`Threshold::Auto`] means for a likelihood that is not calibrated yet.
pub const UNCALIBRATED_CUT: f32 = 0.5;

/// What [`crate::Cleaner`] does. `Config::default()` is what the program does without flags.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Remove later copies of what stands twice on a page (page scope).
    pub page_repeats: bool,
    /// Remove lines by their boilerplate score. Without it no line is scored.
    pub score: bool,
    /// Where the score is cut.
    pub threshold: Threshold,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            page_repeats: true,
            score: true,
            threshold: Threshold::Auto,
        }
    }
}

impl Config {
    /// The score from which a line goes, in `[0,1]`.
    pub fn cut(&self) -> f32 {
        match self.threshold {
            Threshold::Auto => UNCALIBRATED_CUT,
            Threshold::At(cut) => cut,
        }
    }

    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Threshold`] for a cut that is not a number in `[0,1]`.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.threshold {
            Threshold::At(cut) if !(0.0..=1.0).contains(&cut) => Err(ConfigError::Threshold(cut)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_lies_in_zero_to_one() {
        for (cut, is_good) in [
            (0.0, true),
            (1.0, true),
            (0.5, true),
            (1.01, false),
            (-0.1, false),
            (f32::NAN, false),
        ] {
            let config = Config {
                threshold: Threshold::At(cut),
                ..Config::default()
            };
            assert_eq!(config.check().is_ok(), is_good, "{cut}");
        }
    }
}
