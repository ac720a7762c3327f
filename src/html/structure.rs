//! What a page's markup tells beside its text: what the page says it is, and the place of each line.

use super::tags::Tag;

/// What the markup of a page tells beside its text. For a model that reads HTML; rendering alone
/// makes none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Where each line stood; empty for plain text.
    pub lines: Vec<LineStructure>,
    /// What the page says that it is.
    pub page: PageStructure,
}

impl Structure {
    /// Forgets the page, and keeps its memory for another.
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.page = PageStructure::default();
    }
}

/// Words by which a page says what it is. A shop, a forum and a blog that one program wrote name
/// their pages alike, and what is furniture on one kind of page is body on another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageStructure {
    /// As numbers, each once, in the order in which they come: words of classes and ids of `html`
    /// and `body`, of `og:type`, of the canonical address' path, and of `itemtype`, told apart by
    /// which of these they stand in; 0 where there are no more.
    pub words: [u16; PAGE_WORDS],
}

/// Words that are known of a page.
pub const PAGE_WORDS: usize = 24;

/// Where a page says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(feature = "html")]
pub(super) enum PageWord {
    /// Classes and ids of `html` and `body`.
    Class,
    /// The kind of page, by Open Graph: `og:type`.
    Kind,
    /// The path of its address: `canonical`.
    Address,
    /// The kinds of things on it, by schema.org: `itemtype`.
    Item,
}

#[cfg(feature = "html")]
impl PageWord {
    /// Words of one value at most.
    fn most(self) -> usize {
        match self {
            PageWord::Class => 12,
            PageWord::Address => 6,
            PageWord::Kind => 3,
            PageWord::Item => 1,
        }
    }
}

#[cfg(feature = "html")]
impl PageStructure {
    /// Takes in the words of a value, as far as there is room.
    pub(super) fn add(&mut self, of: PageWord, value: &[u8]) {
        let value = match of {
            PageWord::Address => path_of(value),
            PageWord::Item => last_segment(value),
            _ => value,
        };
        for word in words_of(value).take(of.most()) {
            self.add_number(number(
                std::iter::once(of as u8).chain(word.iter().copied()),
            ));
        }
        // A site's front page has no path.
        if of == PageWord::Address {
            self.add_number(number([of as u8, u8::from(value.is_empty())].into_iter()));
        }
    }

    fn add_number(&mut self, number: u16) {
        let free = self
            .words
            .iter()
            .position(|&word| word == 0 || word == number);
        if let Some(free) = free {
            self.words[free] = number;
        }
    }
}

/// What stands behind the last slash of an address.
#[cfg(feature = "html")]
pub(super) fn last_segment(address: &[u8]) -> &[u8] {
    let segment = address.rsplit(|&byte| byte == b'/').next();
    segment.unwrap_or_default()
}

/// What stands behind the host of an address.
#[cfg(feature = "html")]
fn path_of(address: &[u8]) -> &[u8] {
    address
        .splitn(4, |&byte| byte == b'/')
        .nth(3)
        .unwrap_or_default()
}

/// The place of a line in the markup, as it was where the line begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineStructure {
    /// The innermost element around the line that is no inline element.
    pub block: Tag,
    /// Level of the heading that the line stands in, 1 to 6; 0 for none.
    pub heading: u8,
    /// What the line stands in.
    pub inside: Inside,
    /// Elements around the line.
    pub depth: u16,
    /// The elements around the line that are no inline elements, the innermost three, as numbers
    /// in the order in which they begin; the innermost is that of `block`. 0 where there is none.
    pub blocks: [u32; BLOCKS],
    /// Characters of the line, white space left out.
    pub chars: u32,
    /// Those of them that are text of links.
    pub link_chars: u32,
    /// Words of the classes and ids of the elements around the line as numbers
    /// ([`word_number`]), the innermost element's first; 0 where there are no more.
    pub words: [u16; WORDS],
}

/// Elements around a line that are told apart.
pub const BLOCKS: usize = 3;

/// Class and id words that are known of a line.
pub const WORDS: usize = 16;

/// Of one element at most this many words count.
#[cfg(feature = "html")]
const WORDS_OF_ELEMENT: usize = 8;

/// Kinds of element that a line stands in, at any distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inside(u16);

impl Inside {
    /// The kinds, in the order of their bits.
    pub const KINDS: [&'static [Tag]; 14] = [
        &[Tag::Nav, Tag::Menu],
        &[Tag::Aside],
        &[Tag::Header],
        &[Tag::Footer],
        &[Tag::Main],
        &[Tag::Article],
        &[Tag::Form],
        &[Tag::Li, Tag::Dd, Tag::Dt],
        &[Tag::Td, Tag::Th],
        &[Tag::Blockquote],
        &[Tag::Pre, Tag::Listing, Tag::Xmp, Tag::Plaintext],
        &[Tag::Figure],
        &[Tag::Button, Tag::Label, Tag::Textarea],
        &[Tag::Section],
    ];

    /// The same, inside an element more.
    #[must_use]
    pub fn and(self, tag: Tag) -> Inside {
        let kind = Self::KINDS.iter().position(|tags| tags.contains(&tag));
        Inside(self.0 | kind.map_or(0, |kind| 1 << kind))
    }

    /// Whether the line stands in an element of the kind of `tag`.
    pub fn has(self, tag: Tag) -> bool {
        let kind = Inside::default().and(tag);
        kind.0 != 0 && self.0 & kind.0 == kind.0
    }

    /// A bit for each of [`Inside::KINDS`].
    pub fn bits(self) -> u16 {
        self.0
    }
}

impl LineStructure {
    /// The place inside one element more, whose classes and id are `names`; `block` is its number
    /// unless it is an inline element.
    #[cfg(feature = "html")]
    #[must_use]
    pub(super) fn within(&self, tag: Tag, block: Option<u32>, names: &[u8]) -> LineStructure {
        let mut words = [0; WORDS];
        let mut own = 0;
        for word in words_of(names).take(WORDS_OF_ELEMENT) {
            words[own] = word_number(word);
            own += 1;
        }
        words[own..].copy_from_slice(&self.words[..WORDS - own]);
        let [inner, outer, _] = self.blocks;
        LineStructure {
            block: if block.is_some() { tag } else { self.block },
            blocks: block.map_or(self.blocks, |number| [number, inner, outer]),
            heading: tag.heading().unwrap_or(self.heading),
            inside: self.inside.and(tag),
            depth: self.depth.saturating_add(1),
            chars: 0,
            link_chars: 0,
            words,
        }
    }
}

/// The words in class names and ids: runs of two letters or more, cut where a capital follows a
/// small letter.
#[cfg(feature = "html")]
fn words_of(names: &[u8]) -> impl Iterator<Item = &[u8]> {
    names
        .split(|byte| !(byte.is_ascii_alphabetic() || *byte >= 0x80))
        .flat_map(|run| {
            run.chunk_by(|left, right| !(left.is_ascii_lowercase() && right.is_ascii_uppercase()))
        })
        .filter(|word| word.len() > 1)
}

/// The number of a class or id word, case folded; never 0. The same in every release: FNV-1a
/// of 32 bits, its halves folded together.
pub fn word_number(word: &[u8]) -> u16 {
    number(word.iter().copied())
}

fn number(bytes: impl Iterator<Item = u8>) -> u16 {
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    ((hash >> 16) as u16 ^ hash as u16).max(1)
}

#[cfg(test)]
#[cfg(feature = "html")]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        let numbers = |words: &[&str]| -> Vec<u16> {
            words
                .iter()
                .map(|word| word_number(word.as_bytes()))
                .collect()
        };
        for (names, words) in [
            (
                "siteFooter nav-bar_2",
                &["site", "footer", "nav", "bar"][..],
            ),
            ("HTMLBody", &["htmlbody"]),
            ("a 17 --", &[]),
        ] {
            let found: Vec<u16> = words_of(names.as_bytes()).map(word_number).collect();
            assert_eq!(found, numbers(words), "{names}");
        }
    }

    #[test]
    fn the_innermost_words_come_first_and_the_rest_fall_off() {
        let many = "one two three four five six seven eight nine ten";
        let outer = LineStructure::default().within(Tag::Div, Some(1), b"outer");
        let inner = outer.within(Tag::Nav, Some(2), many.as_bytes());
        assert_eq!(inner.words[0], word_number(b"one"));
        assert_eq!(inner.words[7], word_number(b"eight"));
        assert_eq!(inner.words[8], word_number(b"outer"));
        assert_eq!(inner.words[9], 0);
        let innermost = inner.within(Tag::A, None, many.as_bytes());
        assert_eq!(innermost.words[15], word_number(b"eight"));
        assert!(innermost.inside.has(Tag::Nav) && !innermost.inside.has(Tag::Aside));
        assert_eq!((innermost.block, innermost.depth), (Tag::Nav, 3));
        assert_eq!(innermost.blocks, [2, 1, 0]);
    }

    #[test]
    fn a_page_says_each_word_once_until_there_is_no_room() {
        let said = |values: &[(PageWord, &str)]| {
            let mut page = PageStructure::default();
            for (of, value) in values {
                page.add(*of, value.as_bytes());
            }
            let words = page.words.into_iter();
            words.take_while(|&word| word != 0).collect::<Vec<u16>>()
        };
        use PageWord::{Address, Class, Item, Kind};
        assert_eq!(said(&[(Class, "single post-12 single")]).len(), 2);
        // A kind and a class of one name are two words.
        assert_eq!(said(&[(Kind, "article"), (Class, "article")]).len(), 2);
        assert_eq!(
            said(&[(Item, "https://schema.org/Product")]),
            said(&[(Item, "Product")])
        );
        let front = said(&[(Address, "https://example.com/")]);
        assert_eq!(front.len(), 1);
        assert_eq!(said(&[(Address, "https://example.com")]), front);
        let thread = said(&[(Address, "https://example.com/forum/a-thread")]);
        assert_eq!(thread.len(), 3);
        assert!(!thread.contains(&front[0]));
        let many: Vec<String> = ('a'..='z')
            .map(|letter| format!("{letter}{letter}"))
            .collect();
        let many: Vec<(PageWord, &str)> = many.iter().map(|word| (Class, &**word)).collect();
        assert_eq!(said(&many).len(), PAGE_WORDS);
    }
}
