//! Every setting of the engine: name, unit, default, where it comes from.
//!
//! A plain struct; nothing here knows the command line. Thresholds of the page-scope rule
//! are constants of [`crate::repeats`], weights of the scorer are in [`crate::score`].

use crate::error::ConfigError;
use crate::fingerprint::FingerprintKey;
use crate::normalize::{fold_space_into, normalize_into};

/// Where a line's likelihood is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Threshold {
    /// The page's own cut: [`crate::score::Scorer::cut`].
    #[default]
    Auto,
    /// A line goes when its score is at or above this, in `[0,1]`.
    At(f32),
}

/// What is folded away before lines of a corpus are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CorpusNormalize {
    /// Nothing: equal bytes.
    None,
    /// White space.
    #[default]
    Space,
    /// All that [`crate::normalize`] folds: letter case, quotes, dashes, width.
    Full,
}

impl CorpusNormalize {
    const ALL: [CorpusNormalize; 3] = [
        CorpusNormalize::None,
        CorpusNormalize::Space,
        CorpusNormalize::Full,
    ];

    /// The word that stands for it in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            CorpusNormalize::None => "none",
            CorpusNormalize::Space => "space",
            CorpusNormalize::Full => "full",
        }
    }

    /// The bytes of a line that are compared. `folded` is memory to use; linear time.
    pub fn compared<'l>(self, line: &'l [u8], folded: &'l mut Vec<u8>) -> &'l [u8] {
        folded.clear();
        match self {
            CorpusNormalize::None => return line,
            CorpusNormalize::Space => fold_space_into(line, folded),
            CorpusNormalize::Full => {
                normalize_into(line, folded);
            }
        }
        folded
    }

    /// What [`CorpusNormalize::word`] stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        CorpusNormalize::ALL
            .into_iter()
            .find(|normalize| normalize.word() == word)
    }
}

/// Corpus scope: of a block that stands in several places of the corpus the first copy stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorpusRule {
    /// The block goes where it stands in more places than this; at least 1.
    pub more_than_places: u32,
    /// Least lines of a block.
    pub min_lines: usize,
    /// Least characters of a block, line ends not counted.
    pub min_chars: usize,
    /// What is folded away before lines are compared.
    pub normalize: CorpusNormalize,
}

impl Default for CorpusRule {
    fn default() -> Self {
        CorpusRule {
            more_than_places: 1,
            min_lines: 1,
            min_chars: 200,
            normalize: CorpusNormalize::Space,
        }
    }
}

impl CorpusRule {
    /// Lines in the runs that are counted besides single lines; 0 where single lines tell all.
    pub fn shingle_lines(&self) -> usize {
        if self.min_lines <= 1 && self.min_chars <= 1 {
            0
        } else {
            self.min_lines.max(2)
        }
    }
}

/// What is done with lines of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// As their boilerplate score says.
    #[default]
    Scored,
    /// They stay, whatever their score; what may be one goes the later.
    Keep,
    /// They go, whatever their score; what may be one goes the sooner.
    Drop,
}

/// What [`crate::Cleaner`] does. `Config::default()` is what the program does without flags.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Remove later copies of what stands twice on a page (page scope).
    pub page_repeats: bool,
    /// Remove what a site prints on page after page (site scope). Needs an index.
    pub site_templates: bool,
    /// Remove passages that stand elsewhere in the corpus (corpus scope). Needs an index.
    pub corpus_duplicates: Option<CorpusRule>,
    /// Remove pages that are duplicates of earlier ones. Needs an index.
    pub page_duplicates: bool,
    /// Remove lines by their boilerplate score. Without it no line is scored.
    pub score: bool,
    /// Where the score is cut.
    pub threshold: Threshold,
    /// What is done with readers' comments.
    pub comments: Treatment,
    /// What is done with the page's headline.
    pub headline: Treatment,
    /// Find out how likely every line is a comment or the headline, though nothing is decided by
    /// it: for showing.
    pub tell_kinds: bool,
    /// What fingerprints are made with.
    pub key: FingerprintKey,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            page_repeats: true,
            site_templates: true,
            corpus_duplicates: None,
            page_duplicates: false,
            score: true,
            threshold: Threshold::Auto,
            comments: Treatment::Scored,
            headline: Treatment::Scored,
            tell_kinds: false,
            key: FingerprintKey::default(),
        }
    }
}

impl Config {
    /// Whether lines are to be looked up among those of their site. Without the site scope the score
    /// has no such counts either.
    pub fn needs_site(&self) -> bool {
        self.site_templates
    }

    /// Whether near-duplicate pages are to be known: where lines are normalised anyway, or such
    /// pages go.
    pub fn needs_classes(&self) -> bool {
        let is_full = |rule: CorpusRule| rule.normalize == CorpusNormalize::Full;
        self.needs_site() || self.page_duplicates || self.corpus_duplicates.is_some_and(is_full)
    }

    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Threshold`] for a cut that is not a number in `[0,1]`,
    /// [`ConfigError::CorpusDuplicates`] for 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(CorpusRule {
            more_than_places: 0,
            ..
        }) = self.corpus_duplicates
        {
            return Err(ConfigError::CorpusDuplicates);
        }
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
