//! Where lines stood in their page's markup in, their codes out: what a model that reads HTML
//! knows beside the text.
//!
//! The observations it rests on: furniture is mostly links (Kohlschütter 2010); it says what it
//! is in the names of its elements, classes and ids ("nav", "footer", "sidebar"), and pages name
//! alike what they build alike; and the blocks of the body are children of few elements, so what
//! is said of one line speaks of its siblings.

use ahash::AHashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::codes::{EVEN, count, distance, fraction, logit, share, whole};
use super::context::{Neighbourhood, ONE, Sink, Sums, Windows, carry};
use super::features::FeatureGroup;
use super::grams::spread;
use super::lexical::{LexicalTable, SPEAKS_OF};
use super::{PageFacts, line};
use crate::html::{BLOCKS, Inside, LineStructure, PageStructure, Structure, Tag, WORDS};

/// The features of the line alone, in the order of their columns.
pub const FEATURES: [&str; COUNT] = [
    "its element",
    "level of its heading",
    "share of links",
    "letters of links",
    "depth",
    "in nav",
    "in aside",
    "in header",
    "in footer",
    "in main",
    "in article",
    "in form",
    "in a list",
    "in a table",
    "in a quotation",
    "in preformatted text",
    "in figure",
    "in a control",
    "in section",
    "what its place says",
    "what its place says of lines behind",
    "what its place says of lines before",
    "what its place says of comments",
];

/// Number of features of the line alone.
pub const COUNT: usize = 5 + Inside::KINDS.len() + SPEAKS_OF;

/// Class and id words that make pairs with the next one, and with the line's element.
const PAIRED_WORDS: usize = 8;
const WORDS_OF_ELEMENT: usize = 4;

/// What a gram is of.
#[derive(Clone, Copy)]
enum Gram {
    Element = 1,
    Inside = 2,
    ElementInside = 3,
    Heading = 4,
    Word = 5,
    Pair = 6,
    WordOfElement = 7,
    PageWord = 8,
    PageWordOfSort = 9,
}

/// Gives the grams of a line's place: its elements and the words of their classes and ids; and
/// what the page says that it is, for itself and with the line's sort: its element, its length in
/// characters (under 20, under 80, more), and whether it is mostly links.
pub fn each_gram(place: &LineStructure, page: &PageStructure, mut give: impl FnMut(u32)) {
    let mut gram = |kind: Gram, first: u16, second: u16| {
        let value = (kind as u64) << 32 | u64::from(first) << 16 | u64::from(second);
        give(spread(value));
    };
    let element = place.block as u16;
    gram(Gram::Element, element, 0);
    gram(Gram::Inside, place.inside.bits(), 0);
    gram(Gram::ElementInside, place.inside.bits(), element);
    gram(Gram::Heading, u16::from(place.heading), 0);
    for (at, &word) in place.words.iter().enumerate() {
        if word == 0 {
            break;
        }
        gram(Gram::Word, word, 0);
        if at < PAIRED_WORDS {
            gram(Gram::Pair, word, place.words[at + 1]);
        }
        if at < WORDS_OF_ELEMENT {
            gram(Gram::WordOfElement, word, element);
        }
    }
    let sort = sort(place);
    for &word in page.words.iter().take_while(|&&word| word != 0) {
        gram(Gram::PageWord, word, 0);
        gram(Gram::PageWordOfSort, word, sort);
    }
}

/// Lines of one sort are body, or not, together on pages of one kind: by their element, their
/// length, and whether they are mostly links.
fn sort(place: &LineStructure) -> u16 {
    let length = match place.chars {
        0..20 => 0,
        20..80 => 1,
        _ => 2,
    };
    let is_link = 2 * u64::from(place.link_chars) > u64::from(place.chars);
    u16::from(element_code(place.block)) << 4 | length << 1 | u16::from(is_link)
}

/// What the place of a line says, one for each of [`super::lexical::Of`].
pub(super) type PlaceSays = [f32; SPEAKS_OF];

/// Looks up the places of a page's lines; a line whose grams are its neighbour's finds what they
/// say there.
fn look_up_all(table: &LexicalTable, structure: &Structure, says: &mut [Vec<f32>; SPEAKS_OF]) {
    says.iter_mut().for_each(Vec::clear);
    let mut last: Option<(&LineStructure, PlaceSays)> = None;
    let is_same = |left: &LineStructure, right: &LineStructure| {
        is_alike(left, right) && left.inside == right.inside && sort(left) == sort(right)
    };
    for place in &structure.lines {
        let said = match last {
            Some((like, said)) if is_same(like, place) => said,
            _ => table.look_up_grams(|give| each_gram(place, &structure.page, give)),
        };
        last = Some((place, said));
        for (says, said) in says.iter_mut().zip(said) {
            says.push(said);
        }
    }
}

/// Whether two lines stand in elements that are named alike.
fn is_alike(left: &LineStructure, right: &LineStructure) -> bool {
    left.block == right.block && left.heading == right.heading && left.words == right.words
}

/// Equal for places that are named alike; in practice only for those.
fn name_of(place: &LineStructure) -> u64 {
    let mut bytes = [0; 2 * WORDS + 2];
    for (to, word) in bytes.chunks_exact_mut(2).zip(place.words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes[2 * WORDS..].copy_from_slice(&[place.block as u8, place.heading]);
    xxh3_64(&bytes)
}

/// Elements in an order by which furniture and text part.
fn element_code(tag: Tag) -> u8 {
    const STEP: u8 = 20;
    let place = match tag {
        Tag::Nav | Tag::Menu => 1,
        Tag::Li | Tag::Ul | Tag::Ol | Tag::Dir => 2,
        Tag::Dl | Tag::Dt | Tag::Dd => 3,
        Tag::Table | Tag::Tbody | Tag::Thead | Tag::Tfoot | Tag::Tr | Tag::Td | Tag::Th => 4,
        Tag::Form | Tag::Fieldset | Tag::Legend | Tag::Search | Tag::Textarea | Tag::Button => 5,
        Tag::Aside | Tag::Footer | Tag::Header | Tag::Hgroup => 6,
        Tag::Div | Tag::Section | Tag::Body | Tag::Html | Tag::Center => 7,
        Tag::Address | Tag::Figcaption | Tag::Figure | Tag::Caption | Tag::Summary => 8,
        _ if tag.heading().is_some() => 9,
        Tag::Main | Tag::Article => 10,
        Tag::Blockquote | Tag::Pre | Tag::Listing | Tag::Xmp => 11,
        Tag::P => 12,
        _ => 0,
    };
    place * STEP
}

/// One code for each feature of the line alone.
pub(super) fn codes(place: &LineStructure, said: PlaceSays) -> [u8; COUNT] {
    let mut codes = [0; COUNT];
    let [ofs @ .., of_comments] = said.map(logit);
    codes[..5].copy_from_slice(&[
        element_code(place.block),
        place.heading,
        share(place.link_chars, place.chars),
        count(place.link_chars),
        count(u32::from(place.depth)),
    ]);
    let inside = &mut codes[5..5 + Inside::KINDS.len()];
    for (kind, code) in inside.iter_mut().enumerate() {
        *code = u8::from(place.inside.bits() >> kind & 1 != 0);
    }
    let says = 5 + Inside::KINDS.len();
    codes[says..COUNT - 1].copy_from_slice(&ofs);
    codes[COUNT - 1] = of_comments;
    codes
}

/// The lines inside one element, summed up.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    first: usize,
    last: usize,
    lines: u32,
    words: i64,
    body_words: i64,
    chars: u32,
    link_chars: u32,
}

/// The elements around the lines at one distance: whose child a line is.
#[derive(Debug, Default)]
struct Groups {
    groups: Vec<Group>,
    /// The group of each line.
    of: Vec<u32>,
    /// The group of each number.
    of_number: Vec<u32>,
}

impl Groups {
    /// Sums up the lines of each group; `number` tells groups apart, by small numbers.
    fn sum_up(
        &mut self,
        places: &[LineStructure],
        near: &Neighbourhood,
        numbers: usize,
        mut number: impl FnMut(&LineStructure) -> u32,
    ) {
        const NONE: u32 = u32::MAX;
        self.groups.clear();
        self.of.clear();
        self.of_number.clear();
        self.of_number.resize(numbers, NONE);
        for (line, place) in places.iter().enumerate() {
            let of = &mut self.of_number[number(place) as usize];
            if *of == NONE {
                *of = self.groups.len() as u32;
                self.groups.push(Group {
                    first: line,
                    ..Group::default()
                });
            }
            self.of.push(*of);
            let group = &mut self.groups[*of as usize];
            group.last = line;
            group.lines += 1;
            group.words += near.words.of(line, line + 1);
            group.body_words += near.body_words.of(line, line + 1);
            group.chars = group.chars.saturating_add(place.chars);
            group.link_chars = group.link_chars.saturating_add(place.link_chars);
        }
    }

    fn of(&self, line: usize) -> &Group {
        &self.groups[self.of[line] as usize]
    }
}

/// A page's places, summed up. Kept from page to page for its memory.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// What the place of each line says.
    says: [Vec<f32>; SPEAKS_OF],
    says_sums: Windows,
    said_before: Vec<f32>,
    said_behind: Vec<f32>,
    loudest: Vec<f32>,
    chars: Sums,
    link_chars: Sums,
    groups: [Groups; BLOCKS],
    /// All lines of the page whose places are named alike.
    alike: Groups,
    alike_numbers: AHashMap<u64, u32>,
    /// Lines in a row before a line whose place is named as its is.
    alike_before: Vec<u32>,
    alike_behind: Vec<u32>,
    /// The heading at or before a line; the line count is none.
    heading_before: Vec<usize>,
    /// Words of the page in each of [`WHOLE_PAGE`].
    words_in: [i64; WHOLE_PAGE.len()],
    body_depth: f32,
}

impl Surroundings {
    /// Looks up the places of a page's lines, and sums up what does not depend on what the lines
    /// come to: linear time, about 110 bytes a line.
    pub(super) fn stand(&mut self, facts: &PageFacts<'_>, table: &LexicalTable) {
        let places = &facts.evidence.structure.lines[..];
        let shapes = &facts.evidence.shapes;
        let lines = places.len();
        look_up_all(table, &facts.evidence.structure, &mut self.says);
        let [itself, of_behind, of_before, _] = &self.says;
        let whole = |value: f32| whole(value.clamp(-8.0, 8.0) * ONE as f32);
        self.says_sums
            .fill(0, itself.iter().map(|&said| whole(said)));
        carry(of_behind.iter(), &mut self.said_before, &mut self.loudest);
        carry(
            of_before.iter().rev(),
            &mut self.said_behind,
            &mut self.loudest,
        );
        self.said_behind.reverse();
        let chars = places.iter().map(|place| i64::from(place.chars));
        self.chars.fill(chars);
        let link_chars = places.iter().map(|place| i64::from(place.link_chars));
        self.link_chars.fill(link_chars);
        self.alike_before.clear();
        self.alike_behind.clear();
        self.alike_behind.resize(lines, 0);
        let alike_behind =
            |line: usize| line + 1 < lines && is_alike(&places[line], &places[line + 1]);
        let mut alike = 0;
        for line in 0..lines {
            self.alike_before.push(alike);
            alike = if alike_behind(line) { alike + 1 } else { 0 };
        }
        for line in (0..lines).rev() {
            if alike_behind(line) {
                self.alike_behind[line] = self.alike_behind[line + 1] + 1;
            }
        }
        self.heading_before.clear();
        let mut heading = lines;
        self.words_in = [0; WHOLE_PAGE.len()];
        for (line, (place, shape)) in places.iter().zip(shapes).enumerate() {
            if place.heading > 0 {
                heading = line;
            }
            self.heading_before.push(heading);
            for (words, (_, tag)) in self.words_in.iter_mut().zip(WHOLE_PAGE) {
                if place.inside.has(tag) || place.block == tag {
                    *words += i64::from(shape.words);
                }
            }
        }
    }

    /// What the place of a line says.
    pub(super) fn says(&self, line: usize) -> PlaceSays {
        self.says.each_ref().map(|says| says[line])
    }

    /// Sums up what the lines came to, by the elements that they stand in; the page
    /// [stands](Self::stand). Linear time, about 40 bytes a line and 12 for each of its elements.
    pub(super) fn sum_up(&mut self, facts: &PageFacts<'_>, near: &Neighbourhood) {
        let places = &facts.evidence.structure.lines[..];
        for (level, groups) in self.groups.iter_mut().enumerate() {
            let elements = places.iter().map(|place| place.blocks[level]).max();
            let numbers = elements.map_or(0, |last| last as usize + 1);
            groups.sum_up(places, near, numbers, |place| place.blocks[level]);
        }
        let numbers = &mut self.alike_numbers;
        numbers.clear();
        self.alike.sum_up(places, near, places.len(), |place| {
            let new = numbers.len() as u32;
            *numbers.entry(name_of(place)).or_insert(new)
        });
        let depths = places.iter().enumerate();
        let depths = depths.map(|(line, place)| {
            near.body_words.of(line, line + 1) as f32 * f32::from(place.depth)
        });
        let depths = depths.fold(0.0, |sum: f32, depth| sum + depth);
        self.body_depth = depths / near.body_words.all().max(1) as f32;
    }

    /// Gives the features of a page's lines to `sink`.
    pub(super) fn features(
        &self,
        facts: &PageFacts<'_>,
        near: &Neighbourhood,
        sink: &mut impl Sink,
    ) {
        sink.group(FeatureGroup::Markup);
        let places = &facts.evidence.structure.lines[..];
        let shapes = &facts.evidence.shapes;
        let lines = places.len();
        let clip = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let beside = |line: usize, offset: isize| {
            let line = line.checked_add_signed(offset)?;
            Some((line, places.get(line)?))
        };
        for (name, offset) in [
            ("what the place before says", -1),
            ("what the place behind says", 1),
        ] {
            sink.codes(
                name,
                (0..lines).map(|line| match beside(line, offset) {
                    Some((line, _)) => logit(self.says[0][line]).min(254),
                    None => 255,
                }),
            );
        }
        for (name, radius) in [
            ("what the places of 7 lines say", 3),
            ("what the places of 17 lines say", 8),
            ("what the places of 41 lines say", 20),
        ] {
            sink.codes(name, self.says_sums.around(radius).map(logit));
        }
        sink.codes(
            "said by places before of lines behind",
            (0..lines).map(|line| logit(self.said_before[line])),
        );
        sink.codes(
            "said by places behind of lines before",
            (0..lines).map(|line| logit(self.said_behind[line])),
        );
        let page = logit(self.says_sums.all as f32 / ONE as f32 / lines.max(1) as f32);
        sink.page("what the places of the page say", page);

        // Beyond the page's edges stand links.
        let links = |from: usize, to: usize| {
            let (from, to) = (from.min(lines), to.min(lines));
            let part = self.link_chars.of(from, to) as f32;
            match from == to {
                true => u8::MAX,
                false => fraction(part / self.chars.of(from, to).max(1) as f32),
            }
        };
        sink.codes(
            "links of 3 lines before",
            (0..lines).map(|line| links(line.saturating_sub(3), line)),
        );
        sink.codes(
            "links of 3 lines behind",
            (0..lines).map(|line| links(line + 1, line + 4)),
        );
        for (name, radius) in [("links of 7 lines", 3), ("links of 17 lines", 8)] {
            let around = |line: usize| links(line.saturating_sub(radius), line + radius + 1);
            sink.codes(name, (0..lines).map(around));
        }
        let page = links(0, lines);
        sink.page("links of the page", page);

        for (offset, element, depth, link) in [
            (
                -1,
                "element before",
                "depth against the line before",
                "links of the line before",
            ),
            (
                1,
                "element behind",
                "depth against the line behind",
                "links of the line behind",
            ),
        ] {
            sink.codes(
                element,
                (0..lines).map(|line| {
                    beside(line, offset).map_or(255, |(_, place)| element_code(place.block))
                }),
            );
            sink.codes(
                depth,
                (0..lines).map(|line| {
                    beside(line, offset).map_or(0, |(_, place)| {
                        distance(u32::from(places[line].depth), u32::from(place.depth))
                    })
                }),
            );
            sink.codes(
                link,
                (0..lines).map(|line| {
                    beside(line, offset)
                        .map_or(255, |(_, place)| share(place.link_chars, place.chars))
                }),
            );
        }
        sink.codes(
            "lines before in places alike",
            (0..lines).map(|line| count(self.alike_before[line])),
        );
        sink.codes(
            "lines behind in places alike",
            (0..lines).map(|line| count(self.alike_behind[line])),
        );
        sink.codes(
            "depth against the body",
            (0..lines).map(|line| {
                let deeper = f32::from(places[line].depth) - self.body_depth;
                distance(deeper.max(0.0) as u32, (-deeper).max(0.0) as u32)
            }),
        );

        let all_body = near.body_words.all().max(1) as f32;
        let groups = self.groups.iter().chain(std::iter::once(&self.alike));
        for (groups, names) in groups.zip(GROUP_NAMES) {
            let [
                lines_of,
                words_of,
                links_of,
                others_of,
                body_of,
                from_first,
                from_last,
            ] = names;
            sink.codes(
                lines_of,
                (0..lines).map(|line| count(groups.of(line).lines)),
            );
            sink.codes(
                words_of,
                (0..lines)
                    .map(|line| count(u32::try_from(groups.of(line).words).unwrap_or(u32::MAX))),
            );
            sink.codes(
                links_of,
                (0..lines).map(|line| {
                    let group = groups.of(line);
                    share(group.link_chars, group.chars)
                }),
            );
            sink.codes(
                others_of,
                (0..lines).map(|line| {
                    let group = groups.of(line);
                    let words = group.words - near.words.of(line, line + 1);
                    let body = group.body_words - near.body_words.of(line, line + 1);
                    match words {
                        0 => EVEN,
                        _ => fraction(1.0 - body as f32 / (words * ONE) as f32),
                    }
                }),
            );
            sink.codes(
                body_of,
                (0..lines).map(|line| fraction(groups.of(line).body_words as f32 / all_body)),
            );
            sink.codes(
                from_first,
                (0..lines).map(|line| count(clip(line - groups.of(line).first))),
            );
            sink.codes(
                from_last,
                (0..lines).map(|line| count(clip(groups.of(line).last - line))),
            );
        }

        let heading = |line: usize| Some(self.heading_before[line]).filter(|&at| at < lines);
        sink.codes(
            "lines since a heading",
            (0..lines).map(|line| heading(line).map_or(255, |at| count(clip(line - at)))),
        );
        sink.codes(
            "level of the heading before",
            (0..lines).map(|line| heading(line).map_or(0, |at| places[at].heading)),
        );
        sink.codes(
            "the heading before",
            (0..lines).map(|line| heading(line).map_or(255, |at| logit(near.log_odds[at]))),
        );
        sink.codes(
            "ending of the heading before",
            (0..lines)
                .map(|line| heading(line).map_or(255, |at| line::class_code(shapes[at].last))),
        );
        for ((name, _), &words) in WHOLE_PAGE.iter().zip(&self.words_in) {
            let page = fraction(words as f32 / near.words.all().max(1) as f32);
            sink.page(name, page);
        }
    }
}

/// Elements of which it is asked how much of the page stands in them.
const WHOLE_PAGE: [(&str, Tag); 3] = [
    ("words of the page in article", Tag::Article),
    ("words of the page in main", Tag::Main),
    ("words of the page in paragraphs", Tag::P),
];

/// The features of a group: for each of [`LineStructure::blocks`], and for places named alike.
const GROUP_NAMES: [[&str; 7]; BLOCKS + 1] = [
    [
        "lines of its element",
        "words of its element",
        "links of its element",
        "other lines of its element",
        "body words of its element",
        "lines from its element's first",
        "lines to its element's last",
    ],
    [
        "lines of the element around",
        "words of the element around",
        "links of the element around",
        "other lines of the element around",
        "body words of the element around",
        "lines from the first of the element around",
        "lines to the last of the element around",
    ],
    [
        "lines of the element beyond",
        "words of the element beyond",
        "links of the element beyond",
        "other lines of the element beyond",
        "body words of the element beyond",
        "lines from the first of the element beyond",
        "lines to the last of the element beyond",
    ],
    [
        "lines in places alike",
        "words in places alike",
        "links in places alike",
        "other lines in places alike",
        "body words in places alike",
        "lines from the first in a place alike",
        "lines to the last in a place alike",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::PAGE_WORDS;
    use crate::score::lexical::MAX_LANE_WEIGHTS;

    fn grams(place: &LineStructure, page: &PageStructure) -> Vec<u32> {
        let mut grams = Vec::new();
        each_gram(place, page, |gram| grams.push(gram));
        grams
    }

    #[test]
    fn grams_tell_places_apart() {
        let grams = |place: &LineStructure| grams(place, &PageStructure::default());
        let mut place = LineStructure::default();
        assert_eq!(grams(&place).len(), 4);
        place.words[..3].copy_from_slice(&[7, 8, 9]);
        let three = grams(&place);
        assert_eq!(three.len(), 4 + 3 + 3 + 3);
        place.block = Tag::P;
        let in_paragraph = grams(&place);
        let same = three.iter().filter(|gram| in_paragraph.contains(gram));
        assert_eq!(same.count(), 2 + 3 + 3);
        place.words = [1; WORDS];
        assert_eq!(grams(&place).len(), 4 + 16 + 8 + 4);
    }

    #[test]
    fn what_a_page_says_of_lines_depends_on_their_sort() {
        let mut page = PageStructure::default();
        page.words[..2].copy_from_slice(&[7, 8]);
        let place = LineStructure {
            chars: 30,
            ..LineStructure::default()
        };
        let said = |place: LineStructure| grams(&place, &page)[4..].to_vec();
        let of_place = said(place);
        assert_eq!(of_place.len(), 2 + 2);
        let longer = LineStructure { chars: 79, ..place };
        assert_eq!(said(longer), of_place);
        let link = LineStructure {
            link_chars: 16,
            ..place
        };
        let long = LineStructure { chars: 80, ..place };
        for other in [link, long] {
            let same = said(other);
            let same = same.iter().filter(|gram| of_place.contains(gram));
            assert_eq!(same.count(), 2);
        }
    }

    #[test]
    fn grams_of_a_place_are_no_more_than_a_block_holds() {
        let place = LineStructure {
            words: [1; WORDS],
            ..LineStructure::default()
        };
        let page = PageStructure {
            words: [1; PAGE_WORDS],
        };
        assert!(grams(&place, &page).len() <= MAX_LANE_WEIGHTS);
    }
}
