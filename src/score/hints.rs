//! A normalised line in, what its words and letters hint of markup out: where such a line stands
//! on pages whose HTML is known, and on what kind of page.
//!
//! Lines of text have lost their places, but "Share this on", "3 min read" or "Posted by" stand in
//! places that are named alike everywhere. So weights for each of [`FEATURES`] are learned from
//! training pages of which there is HTML, and read where there is none (learning with privileged
//! information, Vapnik 2009; several answers of one representation, Caruana 1997). The words
//! that tell are others than those that furniture is known by, and say more of sites that
//! training did not meet.

use std::sync::LazyLock;

use super::codes::{EVEN, logit};
use super::letters::LetterTable;
use super::lexical::{Front, Grams, Scale, Slot, each_log_odds};
use crate::html::{LineStructure, Tag, word_number};

/// Hints of a line.
pub const HINTS: usize = 32;
/// Slots of letters.
pub const LETTER_SLOTS: usize = 1 << 14;

/// The features, in the order of their columns.
pub const FEATURES: [&str; HINTS] = {
    let mut names = [""; HINTS];
    let mut at = 0;
    while at < HINTS {
        names[at] = match at {
            0 => "hint: share of links",
            1 => "hint: in a list",
            2 => "hint: in a heading",
            3 => "hint: in nav or aside",
            4 => "hint: in header or footer",
            5 => "hint: in article",
            6 => "hint: a paragraph",
            FIRST_NAMED.. => NAMED[at - FIRST_NAMED].0,
            _ => PAGE_TYPES[at - FIRST_PAGE_TYPE].0,
        };
        at += 1;
    }
    names
};

const FIRST_PAGE_TYPE: usize = 7;
/// Kinds of pages, as labelled sets call them.
const PAGE_TYPES: [(&str, &str); 7] = [
    ("hint: on an article's page", "article"),
    ("hint: on a forum's page", "forum"),
    ("hint: on a product's page", "product"),
    ("hint: on a listing", "listing"),
    ("hint: on a collection", "collection"),
    ("hint: in documentation", "documentation"),
    ("hint: on a service's page", "service"),
];

const FIRST_NAMED: usize = FIRST_PAGE_TYPE + PAGE_TYPES.len();
/// Words of classes and ids of the elements that a line stands in.
const NAMED: [(&str, &[&str]); HINTS - FIRST_NAMED] = [
    (
        "hint: named nav",
        &["nav", "menu", "navigation", "navbar", "topnav"],
    ),
    ("hint: named footer", &["footer", "foot", "bottom"]),
    ("hint: named header", &["header", "masthead", "head", "top"]),
    (
        "hint: named share",
        &[
            "share", "social", "sharing", "follow", "facebook", "twitter", "addthis",
        ],
    ),
    (
        "hint: named author",
        &["author", "byline", "by", "bio", "contributor", "about"],
    ),
    (
        "hint: named date",
        &["date", "time", "published", "timestamp", "pubdate"],
    ),
    ("hint: named meta", &["meta", "info", "details"]),
    ("hint: named title", &["title", "headline", "heading"]),
    ("hint: named entry", &["entry", "post", "hentry"]),
    (
        "hint: named login",
        &[
            "login", "signin", "register", "user", "account", "profile", "member",
        ],
    ),
    ("hint: named search", &["search", "form", "input"]),
    (
        "hint: named breadcrumb",
        &["breadcrumb", "breadcrumbs", "crumb"],
    ),
    (
        "hint: named product",
        &["product", "price", "cart", "shop", "buy", "store"],
    ),
    (
        "hint: named review",
        &["review", "reviews", "rating", "stars"],
    ),
    (
        "hint: named legal",
        &[
            "copyright",
            "legal",
            "terms",
            "privacy",
            "cookie",
            "cookies",
            "disclaimer",
        ],
    ),
    (
        "hint: named comment",
        &[
            "comment",
            "comments",
            "reply",
            "commentlist",
            "disqus",
            "respond",
        ],
    ),
    ("hint: named link", &["link", "links", "external"]),
    (
        "hint: named intro",
        &[
            "intro",
            "lead",
            "summary",
            "excerpt",
            "description",
            "desc",
            "dek",
            "subtitle",
        ],
    ),
];

/// Which of these comments have.
#[cfg(feature = "train")]
const NAMED_COMMENT: usize = 15;

/// What words and letters weigh for each of [`FEATURES`].
#[derive(Clone, Debug, PartialEq)]
pub struct HintTable {
    /// One for each hint.
    pub scales: [Scale; HINTS],
    /// A slot for the grams of a hash; a power of two of them.
    pub weights: Vec<Slot<HINTS>>,
    /// What the line's letters weigh besides.
    pub letters: LetterTable<HINTS, LETTER_SLOTS>,
}

/// The codes of a line of which nothing is known.
pub(super) const NO_HINTS: [u8; HINTS] = [EVEN; HINTS];

impl HintTable {
    /// Gives the codes of each of some normalised lines.
    #[inline(always)]
    pub(crate) fn each<'l>(
        &self,
        lines: impl Iterator<Item = Front<'l>> + Clone,
        grams: &mut Grams,
        mut give: impl FnMut([u8; HINTS]),
    ) {
        let weights = (&self.scales, &*self.weights);
        each_log_odds(
            lines,
            grams,
            weights,
            &self.letters,
            #[inline(always)]
            |log_odds| give(log_odds.map(logit)),
        );
    }
}

/// What is true of a line that stood in this place of a page of that type: for each of
/// [`FEATURES`] how far, from 0 to 1; None where it is not known.
pub fn truths(place: Option<&LineStructure>, page_type: Option<&str>) -> [Option<f32>; HINTS] {
    let mut truths = [None; HINTS];
    let is = |is: bool| Some(f32::from(u8::from(is)));
    if let Some(page_type) = page_type.filter(|name| PAGE_TYPES.iter().any(|(_, of)| of == name)) {
        for (truth, (_, name)) in truths[FIRST_PAGE_TYPE..].iter_mut().zip(PAGE_TYPES) {
            *truth = is(name == page_type);
        }
    }
    let Some(place) = place else {
        return truths;
    };
    let inside = |tags: &[Tag]| is(tags.iter().any(|&tag| place.inside.has(tag)));
    truths[..FIRST_PAGE_TYPE].copy_from_slice(&[
        Some(place.link_chars as f32 / place.chars.max(1) as f32),
        inside(&[Tag::Li]),
        is(place.heading > 0),
        inside(&[Tag::Nav, Tag::Aside]),
        inside(&[Tag::Header, Tag::Footer]),
        inside(&[Tag::Article]),
        is(place.block == Tag::P),
    ]);
    for (group, truth) in truths[FIRST_NAMED..].iter_mut().enumerate() {
        *truth = is(is_named(place, group));
    }
    truths
}

/// Whether an element that a line stood in has a name of this group of [`NAMED`].
fn is_named(place: &LineStructure, group: usize) -> bool {
    static NUMBERS: LazyLock<[Vec<u16>; NAMED.len()]> = LazyLock::new(|| {
        NAMED.map(|(_, words)| {
            let words = words.iter();
            words.map(|word| word_number(word.as_bytes())).collect()
        })
    });
    let numbers = &NUMBERS[group];
    place.words.iter().any(|word| numbers.contains(word))
}

/// Whether a line that stood in this place is named a comment's, or what stands around comments.
#[cfg(feature = "train")]
pub(crate) fn is_named_comment(place: &LineStructure) -> bool {
    is_named(place, NAMED_COMMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::Inside;

    #[test]
    fn what_is_not_known_is_not_said() {
        let nothing = truths(None, None);
        assert_eq!(nothing, [None; HINTS]);
        assert_eq!(truths(None, Some("zine")), nothing);
        let typed = truths(None, Some("forum"));
        assert_eq!(typed.iter().flatten().sum::<f32>(), 1.0);
        assert_eq!(typed[FIRST_PAGE_TYPE + 1], Some(1.0));
        assert_eq!(typed.iter().flatten().count(), PAGE_TYPES.len());
    }

    #[cfg(feature = "train")]
    #[test]
    fn comments_are_told_by_their_names() {
        assert_eq!(NAMED[NAMED_COMMENT].0, "hint: named comment");
        let mut place = LineStructure::default();
        assert!(!is_named_comment(&place));
        place.words[2] = word_number(b"commentlist");
        assert!(is_named_comment(&place));
    }

    #[test]
    fn a_place_is_told_by_elements_and_names() {
        let place = LineStructure {
            block: Tag::Li,
            inside: Inside::default().and(Tag::Li).and(Tag::Nav),
            chars: 8,
            link_chars: 6,
            words: {
                let mut words = LineStructure::default().words;
                words[1] = word_number(b"Sharing");
                words
            },
            ..LineStructure::default()
        };
        let truths = truths(Some(&place), None);
        let said = |name: &str| {
            let at = FEATURES.iter().position(|feature| *feature == name);
            truths[at.expect(name)]
        };
        assert_eq!(said("hint: share of links"), Some(0.75));
        assert_eq!(said("hint: in nav or aside"), Some(1.0));
        assert_eq!(said("hint: a paragraph"), Some(0.0));
        assert_eq!(said("hint: named share"), Some(1.0));
        assert_eq!(said("hint: named comment"), Some(0.0));
        assert_eq!(said("hint: on a listing"), None);
    }
}
