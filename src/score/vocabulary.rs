//! Scores so far in, what the page's other lines with a line's words come to: a headline's words
//! come back in the body, a menu's do not.
//!
//! A word weighs more the fewer of the page's lines hold it (Spärck Jones 1972). Words share the
//! slots of a small table, so a page costs two passes over its words, whatever they are.

use super::PageFacts;
use super::codes::{count, share, whole};
use super::context::{self, Codes, Sink};
use super::features::FeatureGroup;
use crate::simd::widest;

/// One in sums of likelihoods.
const ONE: u32 = context::ONE as u32;
/// Words of a line that are looked at: what they weigh times [`ONE`] fits into 32 bits.
const MAX_LINE_WORDS: usize = 256;
/// Most slots of a page's table; the fewest.
const MAX_SLOTS: usize = 1 << 16;
const LEAST_SLOTS: usize = 1 << 10;

/// Words on more of a page's lines weigh as if they were on so many.
const MAX_HELD: usize = u16::MAX as usize;

/// All bits if one number lies below another, else none; both below 2^63. Words come as they please:
/// a branch would be guessed wrong, and of a comparison the compiler makes one.
#[inline(always)]
fn lies_below(one: u64, other: u64) -> u64 {
    (one.wrapping_sub(other).cast_signed() >> 63).cast_unsigned()
}

/// What the lines come to that hold a word of a slot.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The last line that was counted, by its stamp: none of this page, and the slot is empty.
    last: u64,
    sums: Sums,
}

impl Slot {
    /// Counts a line, by its stamp, once, however often it holds the word; what was counted up to the
    /// stamp `before` is gone.
    #[inline(always)]
    fn count(&mut self, line: Sums, stamp: u64, before: u64) {
        let sums = self.sums.0 & lies_below(before, self.last);
        let more = line.0 & lies_below(self.last, stamp);
        self.sums = Sums(sums.wrapping_add(more));
        self.last = stamp;
    }
}

/// Lines, and how much of them is body, in one number: both are added at once.
#[derive(Clone, Copy, Debug, Default)]
struct Sums(u64);

impl Sums {
    /// Body, in parts of [`ONE`], below this bit; lines from it on. A page of more lines than
    /// there is room for wraps around, and its rarest words weigh too little.
    const LINES: u32 = 40;

    #[inline(always)]
    fn of_line(likelihood: f32) -> Self {
        let body = whole((1.0 - likelihood) * ONE as f32).cast_unsigned();
        Sums(1 << Self::LINES | u64::from(body))
    }

    /// Without a line that is among them.
    #[inline(always)]
    fn less(self, line: Sums) -> Self {
        Sums(self.0.wrapping_sub(line.0))
    }

    fn lines(self) -> u64 {
        self.0 >> Self::LINES
    }

    fn body(self) -> u64 {
        self.0 & ((1 << Self::LINES) - 1)
    }
}

/// What the words of a line come to.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    /// What its words weigh.
    weight: u32,
    /// The same times how much of the other lines with a word is body, or is not: one at most.
    body: u32,
    chaff: u32,
}

/// Words of fewer than 2^16 lines.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Its first word, and the line that its lines are counted from.
    from: usize,
    first_line: u32,
}

/// A page's words. Kept from page to page for its memory.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    /// Slots of the words of all lines, and the line of each, counted from the first of its stretch.
    words: Vec<u16>,
    lines: Vec<u16>,
    stretches: Vec<Stretch>,
    slots: Vec<Slot>,
    /// Lines that were counted, of all pages: no slot need be emptied for the next page.
    stamp: u64,
    /// What each line counts, a copy nothing: it does not speak for its first.
    own: Vec<Sums>,
    /// What a word weighs by how many lines hold it.
    weights: Vec<u32>,
    /// Of each line, what its words and those of all lines before it come to; then its words alone.
    said: Vec<Said>,
    /// Of each line the share of its words, by what they weigh, that other lines hold which are
    /// body.
    in_body: Codes,
}

impl Vocabulary {
    /// Another page comes.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.lines.clear();
        self.stretches.clear();
    }

    /// Words, by their hashes, and their lines: these come in order, and a line's words may come in
    /// parts of [`MAX_LINE_WORDS`] at most.
    #[inline]
    pub(super) fn add(&mut self, words: &[u16], lines: &[u32]) {
        let open = self.lines.last().zip(self.stretches.last());
        let open = open.map(|(&line, stretch)| (line, stretch.first_line + u32::from(line)));
        let goes_on = open.filter(|(_, line)| lines.first() == Some(line));
        let Some((own, line)) = goes_on else {
            self.append(words, lines);
            return;
        };
        // What is too much of a line is left out.
        let before = self.lines.iter().rev().take_while(|line| **line == own);
        let room = MAX_LINE_WORDS.saturating_sub(before.count());
        let here = lines.iter().take_while(|of| **of == line).count();
        let taken = here.min(room);
        self.append(&words[..taken], &lines[..taken]);
        self.append(&words[here..], &lines[here..]);
    }

    fn append(&mut self, words: &[u16], lines: &[u32]) {
        let (Some(&first), Some(&last)) = (lines.first(), lines.last()) else {
            return;
        };
        let fits = |stretch: &&Stretch| last - stretch.first_line <= u16::MAX.into();
        let stretch = self.stretches.last().filter(fits).copied();
        let stretch = stretch.unwrap_or_else(|| {
            let stretch = Stretch {
                from: self.words.len(),
                first_line: first,
            };
            self.stretches.push(stretch);
            stretch
        });
        self.words.extend_from_slice(words);
        let lines = lines.iter().map(|line| (line - stretch.first_line) as u16);
        self.lines.extend(lines);
    }

    /// Sums up what lines come to, by their likelihoods of boilerplate so far.
    pub(super) fn sum_up(&mut self, facts: &PageFacts<'_>, likelihoods: &[f32]) {
        widest(
            #[inline(always)]
            || self.sum_up_wide(facts, likelihoods),
        );
    }

    /// No loop goes through the words of one line: lines are short, and where one ends would be guessed
    /// wrong.
    #[inline(always)]
    fn sum_up_wide(&mut self, facts: &PageFacts<'_>, likelihoods: &[f32]) {
        let slots = (2 * self.words.len()).next_power_of_two();
        let bits = slots.clamp(LEAST_SLOTS, MAX_SLOTS).ilog2();
        let slot_of = |word: u16| usize::from(word >> (MAX_SLOTS.ilog2() - bits));
        if self.slots.len() < 1 << bits {
            self.slots.resize(1 << bits, Slot::default());
        }
        let slots = &mut self.slots[..1 << bits];
        // What was counted for another page, or for this one before, is no longer there.
        let before = self.stamp;
        self.stamp += likelihoods.len() as u64;
        self.own.clear();
        let own = likelihoods
            .iter()
            .map(|&likelihood| Sums::of_line(likelihood));
        self.own.extend(own);
        for copy in facts.repeats.copies() {
            self.own[copy] = Sums::default();
        }
        let stretches = || {
            let ends = self.stretches.iter().skip(1).map(|stretch| stretch.from);
            let ends = ends.chain([self.words.len()]);
            self.stretches.iter().zip(ends).map(|(stretch, to)| {
                let words = &self.words[stretch.from..to];
                let lines = &self.lines[stretch.from..to];
                (words.iter().zip(lines), stretch.first_line)
            })
        };
        for (words, first_line) in stretches() {
            for (&word, &line) in words {
                let line = first_line + u32::from(line);
                let stamp = before + 1 + u64::from(line);
                slots[slot_of(word)].count(self.own[line as usize], stamp, before);
            }
        }
        let all_lines = count(likelihoods.len() as u32);
        let weight = |held| 1 + u32::from(all_lines.saturating_sub(count(held as u32)));
        self.weights.clear();
        self.weights
            .extend((0..=likelihoods.len().min(MAX_HELD)).map(weight));
        self.said.clear();
        self.said.resize(likelihoods.len(), Said::default());
        let mut all = Said::default();
        for (words, first_line) in stretches() {
            for (&word, &line) in words {
                let line = first_line as usize + usize::from(line);
                let sums = slots[slot_of(word)].sums;
                let others = sums.less(self.own[line]);
                let others_chaff = (others.lines() * u64::from(ONE)).wrapping_sub(others.body());
                let weight = self.weights[(sums.lines() as usize).min(self.weights.len() - 1)];
                let body = weight * others.body().min(ONE.into()) as u32;
                let chaff = weight * others_chaff.min(ONE.into()) as u32;
                all.weight = all.weight.wrapping_add(weight);
                all.body = all.body.wrapping_add(body);
                all.chaff = all.chaff.wrapping_add(chaff);
                self.said[line] = all;
            }
        }
        let mut before = Said::default();
        for said in &mut self.said {
            // A line without words was never reached.
            let all = if said.weight == 0 { before } else { *said };
            said.weight = all.weight.wrapping_sub(before.weight);
            said.body = all.body.wrapping_sub(before.body);
            said.chaff = all.chaff.wrapping_sub(before.chaff);
            before = all;
        }
        let in_body = self
            .said
            .iter()
            .map(|said| share(said.body, said.weight * ONE));
        self.in_body.fill(0, in_body);
    }

    /// Gives the features of a page's lines to `sink`.
    pub(super) fn features(&self, sink: &mut impl Sink) {
        sink.group(FeatureGroup::Vocabulary);
        let said = || self.said.iter();
        sink.codes("its words in the body", self.in_body.at(0));
        sink.codes(
            "its words in boilerplate",
            said().map(|said| share(said.chaff, said.weight * ONE)),
        );
        sink.codes(
            "its words in the body, counted",
            said().map(|said| count(said.body / (8 * ONE))),
        );
        let at = |offset| self.in_body.at(offset).map(u16::from);
        let around = at(-2).zip(at(-1)).zip(at(0)).zip(at(1)).zip(at(2));
        let around = around.map(|((((a, b), c), d), e)| ((a + b + c + d + e) / 5) as u8);
        sink.codes("words of 5 lines in the body", around);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::evidence::{Evidence, Needs};
    use crate::repeats::Repeats;
    use crate::score::context::Names;
    use crate::score::lexical;

    const MENU: [&str; 3] = ["Home", "Ferries and harbours", "Contact us"];
    const BODY: [&str; 3] = [
        "The ferry left the yard on Monday, five months late, and the people of the island stood on \
         the quay and cheered as it came in.",
        "Its crew had waited for the engine since the winter storm in Birk, which took the roof off the \
         old boat house as well.",
        "Passengers may board the ferry at Birk again from Friday on, four times a day, and pay what they \
         paid before the storm.",
    ];

    impl Vocabulary {
        fn in_body(&self) -> Vec<u8> {
            self.in_body.at(0).collect()
        }

        fn in_chaff(&self) -> Vec<u8> {
            let said = self.said.iter();
            said.map(|said| share(said.chaff, said.weight * ONE))
                .collect()
        }

        fn body_words(&self) -> Vec<u8> {
            let said = self.said.iter();
            said.map(|said| count(said.body / (8 * ONE))).collect()
        }
    }

    struct Page {
        text: String,
        evidence: Evidence,
        repeats: Repeats,
        likelihoods: Vec<f32>,
    }

    /// A page of lines, each with its likelihood of boilerplate.
    fn page(lines: &[(&str, f32)]) -> Page {
        let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
        let mut evidence = Evidence::default();
        evidence.gather(text.as_bytes(), Needs::PAGE);
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        Page {
            text,
            evidence,
            repeats,
            likelihoods: lines.iter().map(|&(_, likelihood)| likelihood).collect(),
        }
    }

    fn read(page: &Page) -> Vocabulary {
        let facts = PageFacts {
            page: page.text.as_bytes(),
            evidence: &page.evidence,
            repeats: &page.repeats,
        };
        let mut vocabulary = Vocabulary::default();
        for line in 0..facts.line_count() {
            let words = lexical::long_words(page.evidence.normalized(line));
            for words in words.chunks(MAX_LINE_WORDS) {
                vocabulary.add(words, &vec![line as u32; words.len()]);
            }
        }
        vocabulary.sum_up(&facts, &page.likelihoods);
        vocabulary
    }

    fn lines_with(headline: &'static str) -> Vec<(&'static str, f32)> {
        let menu = MENU.iter().map(|&line| (line, 1.0));
        let body = BODY.iter().map(|&line| (line, 0.0));
        menu.chain([(headline, 0.5)]).chain(body).collect()
    }

    #[test]
    fn words_of_a_headline_come_back_in_the_body() {
        let headline = read(&page(&lines_with("Birk ferry is back after the winter")));
        let entry = read(&page(&lines_with("Our harbours and how to contact us")));
        let at = MENU.len();
        assert!(headline.in_body()[at] > 2 * headline.in_chaff()[at]);
        assert!(entry.in_chaff()[at] > 2 * entry.in_body()[at]);
        assert!(headline.body_words()[at] > entry.body_words()[at]);
        // What nobody else says.
        let foreign = read(&page(&lines_with("Zwiebelkuchen")));
        assert_eq!((foreign.in_body()[at], foreign.in_chaff()[at]), (0, 0));
    }

    #[test]
    fn a_line_does_not_speak_for_itself_and_a_copy_not_for_its_first() {
        let headline = "Birk ferry is back after a winter in the yard";
        let mut lines = lines_with(headline);
        let once = page(&lines);
        lines.insert(MENU.len() + 1, (headline, 0.0));
        let twice = page(&lines);
        let copy = MENU.len() + 1;
        assert_eq!(twice.repeats.of(copy), Some(copy - 1));
        let (once, twice) = (read(&once), read(&twice));
        let close = |left: u8, right: u8| left.abs_diff(right) < 20;
        assert!(close(
            once.in_body()[MENU.len()],
            twice.in_body()[MENU.len()]
        ));
        let alone = read(&page(&[(BODY[0], 0.0)]));
        assert_eq!(alone.in_body(), [0]);
    }

    /// What one table for all words makes, made with a set of slots a line.
    #[test]
    fn slots_make_what_sets_of_words_make() {
        let lines = lines_with("Birk ferry is back after the winter, the winter of storms");
        let page = page(&lines);
        let words = |line: usize| -> Vec<u16> {
            let words = lexical::long_words(page.evidence.normalized(line));
            let slots = words.into_iter();
            slots
                .map(|word| word >> (16 - LEAST_SLOTS.ilog2()))
                .collect()
        };
        let sets: Vec<HashSet<u16>> = (0..lines.len())
            .map(|line| words(line).into_iter().collect())
            .collect();
        let got = read(&page);
        for (line, _) in lines.iter().enumerate() {
            let (mut all, mut in_body) = (0, 0);
            for word in words(line) {
                let held = sets.iter().filter(|set| set.contains(&word)).count();
                let weight =
                    u32::from(count(lines.len() as u32)) + 1 - u32::from(count(held as u32));
                let others = sets.iter().zip(&page.likelihoods).enumerate();
                let others =
                    others.filter(|(other, (set, _))| *other != line && set.contains(&word));
                let body: f32 = others.map(|(_, (_, likelihood))| 1.0 - likelihood).sum();
                all += weight * 2;
                in_body += weight * (body.min(1.0) * 2.0) as u32;
            }
            assert_eq!(got.in_body()[line], share(in_body, all), "{line}");
        }
    }

    #[test]
    fn every_feature_has_a_code_for_each_line() {
        struct Lengths(Vec<usize>);
        impl Sink for Lengths {
            fn codes(&mut self, _: &'static str, codes: impl Iterator<Item = u8>) {
                self.0.push(codes.count());
            }
            fn page(&mut self, _: &'static str, _: u8) {}
        }
        let mut names = Names::new();
        Vocabulary::default().features(&mut names);
        for lines in [0, 1, 2, 7] {
            let text = vec![("a line like others", 0.5); lines];
            let mut lengths = Lengths(Vec::new());
            read(&page(&text)).features(&mut lengths);
            assert_eq!(lengths.0, vec![lines; names.names.len()]);
        }
    }

    #[test]
    fn words_far_apart_keep_their_lines() {
        let between = usize::from(u16::MAX) + 9;
        let mut lines = vec![("a", 0.5); between];
        lines.insert(0, ("Birk ferry harbour", 0.0));
        lines.push(("Birk ferry harbour again", 0.0));
        let page = page(&lines);
        let vocabulary = read(&page);
        assert_eq!(vocabulary.stretches.len(), 2);
        let says = |(line, code): (usize, u8)| (code > 0).then_some(line);
        let said: Vec<usize> = vocabulary
            .in_body()
            .into_iter()
            .enumerate()
            .filter_map(says)
            .collect();
        assert_eq!(said, [0, between + 1]);
    }

    #[test]
    fn long_lines_and_many_words_are_bounded() {
        let long = "word ".repeat(10 * MAX_LINE_WORDS);
        let many: String = (0..200_000).map(|number| format!("w{number:x} ")).collect();
        let other: Vec<&str> = many
            .as_bytes()
            .chunks(60)
            .map(|chunk| std::str::from_utf8(chunk).expect("letters and digits"))
            .collect();
        let lines: Vec<(&str, f32)> = std::iter::once((&*long, 0.5))
            .chain(other.into_iter().map(|line| (line, 0.5)))
            .collect();
        let vocabulary = read(&page(&lines));
        let of_first = vocabulary.lines.iter().take_while(|line| **line == 0);
        assert_eq!(of_first.count(), MAX_LINE_WORDS);
        assert_eq!(vocabulary.slots.len(), MAX_SLOTS);
    }
}
