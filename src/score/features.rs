//! The names of all features and the columns they stand in.

use std::ops::Range;
use std::sync::LazyLock;

use super::context::{Names, Neighbourhood};
use super::lexical::{LexicalTable, SPEAKS_OF};
use super::place::Surroundings;
use super::vocabulary::Vocabulary;
use super::{PageFacts, Reads, hints, line, place};

/// What features tell of. A model may be fitted without some, to see what they add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeatureGroup {
    /// The line's own shape.
    Shape,
    /// What words say, of the line itself and of those around it.
    Words,
    /// Which words come back on the page.
    Vocabulary,
    /// The line so far, and those before and behind one by one.
    Neighbours,
    /// Sums over lines around.
    Windows,
    /// The best run of lines, how much body is before and behind, sure paragraphs.
    Runs,
    /// The page as a whole.
    Page,
    /// The line's place on the page.
    Position,
    /// What stands twice on the page.
    Repeats,
    /// What the site says again.
    Site,
    /// Comments. Only one set of labelled pages knows them, so these tell it from the others too:
    /// what is said of boilerplate does not rest on them.
    Comments,
    /// Where the line stood in the markup.
    Markup,
    /// What the line's words hint of where it stood, where that is not known.
    Hints,
}

/// Where the features of one kind of model stand.
///
/// Those of a text come first, in the same columns for both: the line alone, then its
/// neighbourhood, then the page's vocabulary. Behind them stand, of HTML, those of the place in the
/// markup, in the same order; of text, what words hint of that place.
#[derive(Debug)]
pub struct Features {
    /// Each has a name of its own; its number is the column.
    pub names: Vec<&'static str>,
    /// What each tells of.
    pub groups: Vec<FeatureGroup>,
    /// Those of the line's place alone.
    pub place: Range<usize>,
    /// What its words hint of its place.
    pub hints: Range<usize>,
}

impl Features {
    /// The features of a model that reads these pages.
    pub fn of(reads: Reads) -> &'static Features {
        static OF_TEXT: LazyLock<Features> = LazyLock::new(|| Features::list(Reads::Text));
        static OF_HTML: LazyLock<Features> = LazyLock::new(|| Features::list(Reads::Html));
        match reads {
            Reads::Text => &OF_TEXT,
            Reads::Html => &OF_HTML,
        }
    }

    fn list(reads: Reads) -> Features {
        let facts = PageFacts {
            page: b"",
            evidence: &crate::evidence::Evidence::default(),
            repeats: &crate::repeats::Repeats::default(),
        };
        let mut names = Names::new();
        names.of_line(&line::FEATURES[..line::LEXICAL], FeatureGroup::Shape);
        names.of_line(&line::FEATURES[line::LEXICAL..], FeatureGroup::Words);
        let mut neighbourhood = Neighbourhood::default();
        neighbourhood.sum_up(&facts, &Default::default(), [&[]; SPEAKS_OF], true);
        neighbourhood.features(&facts, &mut names);
        Vocabulary::default().features(&mut names);
        let behind = names.names.len();
        let (mut place, mut hinted) = (behind..behind, behind..behind);
        if reads == Reads::Text {
            names.of_line(&hints::FEATURES, FeatureGroup::Hints);
            hinted.end += hints::HINTS;
        } else {
            place.end += place::COUNT;
            names.of_line(&place::FEATURES, FeatureGroup::Markup);
            let mut surroundings = Surroundings::default();
            surroundings.stand(&facts, &LexicalTable::default());
            surroundings.sum_up(&facts, &neighbourhood);
            surroundings.features(&facts, &neighbourhood, &mut names);
        }
        let Names { names, groups, .. } = names;
        Features {
            place,
            hints: hinted,
            names,
            groups,
        }
    }

    /// The number of features.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether a feature is known of a line alone.
    pub fn is_of_line(&self, feature: usize) -> bool {
        feature < line::COUNT || self.place.contains(&feature) || self.hints.contains(&feature)
    }

    /// The first column of the line's neighbourhood.
    pub(super) const NEIGHBOURHOOD: usize = line::COUNT;
}

/// The features that somebody asks about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    features: Vec<bool>,
    comments: bool,
    vocabulary: bool,
}

impl Asked {
    /// These features.
    pub(crate) fn about(reads: Reads, features: impl Iterator<Item = usize>) -> Self {
        let known = Features::of(reads);
        let mut asked = Asked {
            features: vec![false; known.count()],
            comments: false,
            vocabulary: false,
        };
        for feature in features {
            asked.features[feature] = true;
            asked.comments |= known.groups[feature] == FeatureGroup::Comments;
            asked.vocabulary |= known.groups[feature] == FeatureGroup::Vocabulary;
        }
        asked
    }

    /// Every feature.
    #[cfg(feature = "train")]
    pub(crate) fn all(reads: Reads) -> Self {
        Asked::about(reads, 0..Features::of(reads).count())
    }

    #[inline]
    pub(crate) fn has(&self, feature: usize) -> bool {
        self.features[feature]
    }

    /// Whether a feature of what other lines with its words come to is among them.
    pub(crate) fn vocabulary(&self) -> bool {
        self.vocabulary
    }

    /// Whether a feature that tells of comments is among them.
    pub(crate) fn comments(&self) -> bool {
        self.comments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_a_name_of_its_own() {
        for reads in [Reads::Text, Reads::Html] {
            let features = Features::of(reads);
            let different: std::collections::HashSet<_> = features.names.iter().collect();
            assert_eq!(different.len(), features.count());
            assert!(
                features.count() <= 256,
                "a question names its feature in a byte"
            );
            assert_eq!(features.names[..line::COUNT], line::FEATURES);
        }
        let (text, html) = (Features::of(Reads::Text), Features::of(Reads::Html));
        let of_both = ..text.hints.start;
        assert_eq!(html.names[of_both], text.names[of_both]);
        assert_eq!(text.names[text.hints.clone()], hints::FEATURES);
        assert!(html.hints.is_empty() && text.is_of_line(text.hints.start));
        assert_eq!(html.names[html.place.clone()], place::FEATURES);
        assert!(text.place.is_empty());
        assert!(html.is_of_line(html.place.start) && !html.is_of_line(html.place.end));
        assert!(html.is_of_line(0) && !html.is_of_line(Features::NEIGHBOURHOOD));
    }
}
