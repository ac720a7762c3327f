//! Made-up pages for measurements, the same bytes for the same seed everywhere.
//!
//! A page is a pure function of `(seed, shape, index)`, or of `(seed, shape, bytes)` for one
//! page of a chosen size, so a corpus can be made in any order, by any number of threads.
//! Only integer arithmetic is used: no clock, no floats, no hash order. Outputs are *pinned*:
//! a test holds a checksum of every shape, since figures measured on a seed are only worth
//! comparing while the seed means the same bytes. Whoever changes a page on purpose changes
//! the checksums with it, and figures from before no longer compare.
//!
//! No word is taken from a real page but for the stock phrases of page furniture ("Share",
//! "All rights reserved"); the rest is coined from syllables and drawn by Zipf's law, so it
//! repeats and compresses about as text does.
//!
//! [`corpus`] writes them to files.

pub mod corpus;

use std::collections::HashSet;

/// What kind of page to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A scraped news page: menu, headline, body text, comments, footer. Defeats nothing;
    /// this is the ordinary load, and the one to quote figures for.
    Typical,
    /// No line ever repeats, on the page or on another. Defeats caches of lines: every line
    /// is a new entry and no lookup ever pays.
    AllUnique,
    /// One line, over and over. Defeats lists of a line's places, and every search that
    /// compares each place with each other place (quadratic).
    AllEqual,
    /// Two lines by turns, `abab…`. Defeats run-length short cuts for equal neighbours, and
    /// block search: every even offset matches to the end of the page.
    Alternating,
    /// One block of unique lines, said twice. Defeats windows (the copy is half a page
    /// away) and makes one match as long as it can be.
    DoubledBlock,
    /// Lines that share a long prefix and differ at their end only; about a million of them
    /// in 100 MB. Defeats prefix tables, sampled hashes and early-out comparison.
    NearEqual,
    /// Only blank lines, some with invisible characters. Defeats storage per line.
    Blank,
    /// One-byte lines. Defeats costs per line: nothing is spread over the line's bytes.
    Short,
}

impl Shape {
    /// Every shape, in the order of the declaration.
    pub const ALL: [Shape; 8] = [
        Shape::Typical,
        Shape::AllUnique,
        Shape::AllEqual,
        Shape::Alternating,
        Shape::DoubledBlock,
        Shape::NearEqual,
        Shape::Blank,
        Shape::Short,
    ];

    /// The shape's name on the command line and in bench reports: `all-unique`.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Typical => "typical",
            Shape::AllUnique => "all-unique",
            Shape::AllEqual => "all-equal",
            Shape::Alternating => "alternating",
            Shape::DoubledBlock => "doubled-block",
            Shape::NearEqual => "near-equal",
            Shape::Blank => "blank",
            Shape::Short => "short",
        }
    }

    /// The shape called `name`, if there is one.
    pub fn named(name: &str) -> Option<Shape> {
        Shape::ALL.into_iter().find(|shape| shape.name() == name)
    }
}

/// Page `index` of the corpus `seed`; see [`Generator::page`].
///
/// Coins the vocabularies anew at each call (some 10 ms): for many pages keep a
/// [`Generator`].
pub fn page(shape: Shape, seed: u64, index: u64) -> Vec<u8> {
    Generator::new(seed).page(shape, index)
}

/// One page of about `bytes` bytes; see [`Generator::page_of_bytes`].
///
/// Coins the vocabularies anew at each call (some 10 ms).
pub fn page_of_bytes(shape: Shape, seed: u64, bytes: usize) -> Vec<u8> {
    Generator::new(seed).page_of_bytes(shape, bytes)
}

/// A page's text as HTML: long lines as paragraphs with links in them, short ones as a list of
/// links, in nested blocks with classes, below a head with style and script. Rendered, it is the
/// lines again, blank ones left out and white space collapsed.
pub fn html(text: &str) -> Vec<u8> {
    const PARAGRAPH_BYTES: usize = 80;
    const WORDS_A_LINK: usize = 25;
    let mut html = String::from(
        "<!DOCTYPE html>\n<html>\n<head>\n  <meta charset=\"utf-8\">\n  <title>A page</title>\n  \
         <style>.menu > li { display: inline-block; }</style>\n  \
         <script>if (1 < 2) { window.page = '<p>'; }</script>\n</head>\n\
         <body class=\"page page--article\">\n",
    );
    let mut is_in_list = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let is_paragraph = line.len() >= PARAGRAPH_BYTES;
        if is_paragraph == is_in_list {
            html.push_str(if is_in_list {
                "    </ul>\n  </div>\n"
            } else {
                "  <div class=\"block block--menu\">\n    <ul class=\"menu menu--main\">\n"
            });
            is_in_list = !is_in_list;
        }
        if is_paragraph {
            html.push_str("  <p class=\"body-text\">");
            for (index, word) in line.split_whitespace().enumerate() {
                if index > 0 {
                    html.push(' ');
                }
                let word = escaped(word);
                if index % WORDS_A_LINK == WORDS_A_LINK - 1 {
                    html.push_str(&format!(
                        "<a href=\"/tag/{index}\" class=\"link\">{word}</a>"
                    ));
                } else {
                    html.push_str(&word);
                }
            }
            html.push_str("</p>\n");
        } else {
            let line = escaped(line);
            html.push_str(&format!(
                "      <li class=\"menu__item\"><a class=\"menu__link\" href=\"/section/\" \
                 data-track=\"menu\"><span>{line}</span></a></li>\n"
            ));
        }
    }
    html.push_str(if is_in_list {
        "    </ul>\n  </div>\n</body>\n</html>\n"
    } else {
        "</body>\n</html>\n"
    });
    html.into_bytes()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The address of page `index`: `https://www.SITE.example/YYYY/MM/slug-N`, N counted from 1.
///
/// Unique within a seed, and the same for every shape.
pub fn url(seed: u64, index: u64) -> String {
    let site = site(seed, index);
    let Date { year, month, .. } = Date::of(seed, index);
    let mut rng = Rng::stream(seed, Stream::Slug, index);
    let words = rng.between(2, 6);
    let slug: Vec<String> = (0..words).map(|_| ascii_word(&mut rng)).collect();
    let (slug, n) = (slug.join("-"), index + 1);
    format!("https://www.{site}.example/{year}/{month:02}/{slug}-{n}")
}

/// The site of page `index`, a name fit for a directory: ASCII letters, then its number.
///
/// Each 1,000 pages in a row are spread over five sites of their own, in unequal shares
/// (360, 280, 200, 120 and 40 pages on average).
pub fn site(seed: u64, index: u64) -> String {
    site_name(seed, site_number(seed, index))
}

/// The language tag that page `index` would be served with: `en`, `ko`, `ru` or `zh`.
///
/// Told by the script, since the words are made up; the stock phrases are of the language.
pub fn lang(seed: u64, index: u64) -> &'static str {
    Script::of_site(seed, site_number(seed, index))
        .phrases()
        .lang
}

/// Makes pages of one seed; holds that seed's vocabularies.
///
/// Immutable once made: share it between threads by reference.
#[derive(Clone, Debug)]
pub struct Generator {
    seed: u64,
    /// In the order of [`Script`].
    tongues: [Tongue; 4],
}

impl Generator {
    /// Coins the vocabularies of `seed`, about 20,000 words for each of the four scripts.
    pub fn new(seed: u64) -> Self {
        let tongues = Script::ALL.map(|script| Tongue::new(script, seed));
        Generator { seed, tongues }
    }

    /// Page `index`, in UTF-8, lines ended by LF.
    ///
    /// Its size is drawn as the web's page sizes are: median about 6 KB, mean about 11 KB, at
    /// most about 200 KB.
    pub fn page(&self, shape: Shape, index: u64) -> Vec<u8> {
        let bytes = page_size(&mut Rng::stream(self.seed, Stream::Size, index));
        self.sized_page(shape, index, bytes)
    }

    /// One page of about `bytes` bytes that ends on a line end; `index` 0 of
    /// [`Generator::sized_page`].
    pub fn page_of_bytes(&self, shape: Shape, bytes: usize) -> Vec<u8> {
        self.sized_page(shape, 0, bytes)
    }

    /// Page `index` made about `bytes` bytes long, ending on a line end.
    ///
    /// Never empty. At most a line too long; a [`Shape::Typical`] page is within some 3 KB of
    /// `bytes`, as it has its menu and footer however small it should be, and
    /// a [`Shape::DoubledBlock`] within two lines.
    pub fn sized_page(&self, shape: Shape, index: u64, bytes: usize) -> Vec<u8> {
        if shape == Shape::Typical {
            return self.typical(index, bytes);
        }
        let mut text = Writer::new(
            &self.tongues[Script::Latin as usize],
            Rng::stream(self.seed, Stream::Lines, index),
        );
        text.out.reserve(bytes + 256);
        text.shaped(shape, index, bytes);
        text.out
    }

    fn typical(&self, index: u64, bytes: usize) -> Vec<u8> {
        let site = Site::new(self, site_number(self.seed, index));
        let rng = Rng::stream(self.seed, Stream::Page, index);
        let mut text = Writer::new(site.tongue, rng);
        text.out.reserve(bytes + 4096);
        text.whole_page(&site, &Date::of(self.seed, index), bytes);
        text.out
    }
}

// ---------------------------------------------------------------------------------------
// Chance
// ---------------------------------------------------------------------------------------

/// What a run of random numbers is for, so that no two uses share one.
#[derive(Clone, Copy)]
enum Stream {
    Words = 1,
    Scripts,
    SiteOfPage,
    SiteName,
    Site,
    Size,
    Date,
    Slug,
    Page,
    Lines,
}

/// `SplitMix64` (Steele, Lea, Flood 2014): small, fast, and the same on every machine.
#[derive(Clone, Debug)]
struct Rng(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// `SplitMix64`'s finaliser: one-to-one, so distinct numbers stay distinct.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Rng {
    fn stream(seed: u64, stream: Stream, number: u64) -> Self {
        let start = mix(seed.wrapping_add(GOLDEN)) ^ (stream as u64).wrapping_mul(GOLDEN);
        Rng(mix(mix(start).wrapping_add(number)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number in `0..n`.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A number in `low..=high`.
    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True once in `n` times on average.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A rank in `0..n`, rank r about 1/(r+1) as likely as rank 0 (Zipf's law): an octave of
    /// ranks by one even draw, then a rank within it by another.
    fn zipf(&mut self, n: usize) -> usize {
        let draw = self.next();
        let octaves = u64::from(usize::BITS - n.leading_zeros());
        let octave = ((draw >> 32) * octaves) >> 32;
        let rank = ((1 << octave) | (draw & ((1 << octave) - 1))) as usize - 1;
        if rank < n { rank } else { rank / 2 }
    }
}

/// Bytes of a page at the given parts per 10,000 of all pages, smallest first.
const PAGE_SIZES: [(usize, usize); 10] = [
    (0, 1_000),
    (500, 1_500),
    (2_500, 3_000),
    (5_000, 6_000),
    (7_500, 12_000),
    (9_000, 23_000),
    (9_700, 43_000),
    (9_900, 70_000),
    (9_990, 140_000),
    (10_000, 200_000),
];

fn page_size(rng: &mut Rng) -> usize {
    let part = rng.below(10_000);
    let above = PAGE_SIZES.partition_point(|&(start, _)| start <= part);
    let ((from, small), (to, large)) = (PAGE_SIZES[above - 1], PAGE_SIZES[above]);
    small
        + rng.below((large - small) / (to - from) + 1)
        + (large - small) * (part - from) / (to - from)
}

// ---------------------------------------------------------------------------------------
// Sites and dates
// ---------------------------------------------------------------------------------------

const SITES_A_GROUP: u64 = 5;
const PAGES_A_GROUP: u64 = 1_000;

fn site_number(seed: u64, index: u64) -> u64 {
    let mut rng = Rng::stream(seed, Stream::SiteOfPage, index);
    let sites = SITES_A_GROUP as usize;
    let within = rng.below(sites).min(rng.below(sites)) as u64;
    index / PAGES_A_GROUP * SITES_A_GROUP + within
}

fn site_name(seed: u64, number: u64) -> String {
    let mut rng = Rng::stream(seed, Stream::SiteName, number);
    let mut name = ascii_word(&mut rng);
    name += &ascii_word(&mut rng);
    format!("{name}{number}")
}

fn ascii_word(rng: &mut Rng) -> String {
    let syllables = rng.between(1, 3);
    let mut word = String::new();
    (0..syllables).for_each(|_| Script::Latin.syllable(rng, &mut word));
    word
}

/// When a page was published.
struct Date {
    year: usize,
    month: usize,
    day: usize,
    minute: usize,
}

impl Date {
    fn of(seed: u64, index: u64) -> Self {
        let mut rng = Rng::stream(seed, Stream::Date, index);
        Date {
            year: rng.between(2009, 2025),
            month: rng.between(1, 12),
            day: rng.between(1, 28),
            minute: rng.below(24 * 60),
        }
    }

    fn written(&self, form: usize) -> String {
        let Date {
            year,
            month,
            day,
            minute,
        } = self;
        let (hour, minute) = (minute / 60, minute % 60);
        match form {
            0 => format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}"),
            1 => format!("{day:02}.{month:02}.{year}, {hour:02}:{minute:02}"),
            2 => format!("{year}.{month:02}.{day:02} {hour:02}:{minute:02}"),
            _ => format!("{month}/{day}/{year}"),
        }
    }
}

// ---------------------------------------------------------------------------------------
// Scripts, words, phrases
// ---------------------------------------------------------------------------------------

/// A script; of 25 sites in a row 18 are Latin, 3 Hangul, 2 Cyrillic and 2 Han.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin,
    Hangul,
    Cyrillic,
    Han,
}

/// How a script joins words. Nothing but Latin and Cyrillic has capitals.
#[derive(Debug)]
struct Grammar {
    space: &'static str,
    comma: &'static str,
    /// On the last word of a statement.
    ending: &'static str,
    stops: [&'static str; 3],
    after_stop: &'static str,
    quotes: [&'static str; 2],
    /// Words of a sentence, fewest and most.
    words: (usize, usize),
}

impl Script {
    const ALL: [Script; 4] = [Script::Latin, Script::Hangul, Script::Cyrillic, Script::Han];

    fn of_site(seed: u64, number: u64) -> Self {
        let mut rng = Rng::stream(seed, Stream::Scripts, number / 25);
        let step = rng.pick(&[1, 2, 3, 4, 6, 7, 8, 9, 11, 12]);
        match ((number % 25) as usize * step + rng.below(25)) % 25 {
            0..18 => Script::Latin,
            18..21 => Script::Hangul,
            21..23 => Script::Cyrillic,
            _ => Script::Han,
        }
    }

    fn phrases(self) -> &'static Phrases {
        match self {
            Script::Latin => &ENGLISH,
            Script::Hangul => &KOREAN,
            Script::Cyrillic => &RUSSIAN,
            Script::Han => &CHINESE,
        }
    }

    fn grammar(self) -> &'static Grammar {
        match self {
            Script::Latin => &LATIN,
            Script::Hangul => &HANGUL,
            Script::Cyrillic => &CYRILLIC,
            Script::Han => &HAN,
        }
    }

    fn syllable(self, rng: &mut Rng, word: &mut String) {
        match self {
            Script::Latin => spoken(rng, "bcdfghlmnprstvwtsnrl", "aeiouaeioe", "nrslt", word),
            Script::Cyrillic => spoken(rng, "бвгдзклмнпрстхчштснв", "аеиоуыяоае", "нрслтй", word),
            Script::Hangul => word.push(hangul_syllable(rng)),
            Script::Han => word.push(han_character(rng)),
        }
    }

    /// Syllables of the word at `rank`: the frequent words are short.
    fn syllables(self, rng: &mut Rng, rank: usize) -> usize {
        let (fewest, most) = match (self, rank) {
            (Script::Han, 0..64) => (1, 1),
            (Script::Han, _) => (2, 2 + rank / 8192),
            (_, 0..32) => (1, 1),
            (_, 32..256) => (1, 2),
            (_, 256..4096) => (2, 3),
            _ => (2, 4),
        };
        rng.between(fewest, most)
    }
}

/// A syllable of a script with letters: mostly consonant and vowel, sometimes a coda.
fn spoken(rng: &mut Rng, onsets: &str, vowels: &str, codas: &str, word: &mut String) {
    let mut letter = |letters: &str| {
        let nth = rng.below(letters.chars().count());
        word.extend(letters.chars().nth(nth));
        rng.one_in(3)
    };
    letter(onsets);
    if letter(vowels) {
        letter(codas);
    }
}

fn hangul_syllable(rng: &mut Rng) -> char {
    let lead = rng.pick(&[0, 2, 3, 5, 6, 7, 9, 11, 11, 12, 14, 16, 18_u32]);
    let vowel = rng.pick(&[0, 0, 4, 5, 6, 8, 13, 18, 20, 20_u32]);
    let tail = rng.pick(&[0, 0, 0, 0, 0, 1, 4, 4, 8, 16, 21_u32]);
    char::from_u32(0xAC00 + (lead * 21 + vowel) * 28 + tail).expect("a syllable of the block")
}

/// One of 3,000 characters, spread over the block of common ideographs.
fn han_character(rng: &mut Rng) -> char {
    let rank = rng.below(3_000).min(rng.below(3_000)) as u32;
    char::from_u32(0x4E00 + rank * 6).expect("an ideograph of the block")
}

/// Words of one script, the most frequent first, stored end to end.
#[derive(Clone, Debug)]
struct Vocabulary {
    text: Vec<u8>,
    /// Where each word ends in `text`, after a leading 0.
    ends: Vec<u32>,
}

impl Vocabulary {
    const WORDS: usize = 20_000;

    fn new(script: Script, seed: u64) -> Self {
        let mut rng = Rng::stream(seed, Stream::Words, script as u64);
        let mut seen = HashSet::new();
        let (mut text, mut ends) = (Vec::new(), vec![0]);
        while seen.len() < Self::WORDS {
            let mut word = String::new();
            let syllables = script.syllables(&mut rng, seen.len());
            (0..syllables).for_each(|_| script.syllable(&mut rng, &mut word));
            if !seen.contains(&word) {
                text.extend_from_slice(word.as_bytes());
                ends.push(text.len() as u32);
                seen.insert(word);
            }
        }
        Vocabulary { text, ends }
    }

    fn word(&self, rank: usize) -> &[u8] {
        &self.text[self.ends[rank] as usize..self.ends[rank + 1] as usize]
    }
}

/// A script with its words and ways.
#[derive(Clone, Debug)]
struct Tongue {
    grammar: &'static Grammar,
    phrases: &'static Phrases,
    words: Vocabulary,
}

impl Tongue {
    fn new(script: Script, seed: u64) -> Self {
        Tongue {
            grammar: script.grammar(),
            phrases: script.phrases(),
            words: Vocabulary::new(script, seed),
        }
    }
}

// ---------------------------------------------------------------------------------------
// Writing text
// ---------------------------------------------------------------------------------------

/// Appends words, sentences and lines to a page.
struct Writer<'g> {
    out: Vec<u8>,
    rng: Rng,
    tongue: &'g Tongue,
    /// Of the last word written.
    last_rank: usize,
}

impl<'g> Writer<'g> {
    fn new(tongue: &'g Tongue, rng: Rng) -> Self {
        Writer {
            out: Vec::new(),
            rng,
            tongue,
            last_rank: 0,
        }
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn line(&mut self, text: &str) {
        self.put(text);
        self.out.push(b'\n');
    }

    fn blank(&mut self) {
        self.out.push(b'\n');
    }

    fn pick_line(&mut self, choices: &[&str]) {
        let choice = self.rng.pick(choices);
        self.line(choice);
    }

    /// Any word, or, after a word that is not among the commonest, in four of five cases the
    /// one that mostly follows it: so phrases come about, and come again.
    fn word(&mut self) {
        let bound = self.last_rank >= 8 && !self.rng.one_in(5);
        let rank = if bound {
            Rng(self.last_rank as u64).zipf(Vocabulary::WORDS)
        } else {
            self.rng.zipf(Vocabulary::WORDS)
        };
        self.out.extend_from_slice(self.tongue.words.word(rank));
        self.last_rank = rank;
    }

    /// A word beyond the few that bind others, its first letter a capital where the script
    /// has any.
    fn capital_word(&mut self) {
        let rank = 64 + self.rng.zipf(Vocabulary::WORDS - 64);
        let word = self.tongue.words.word(rank);
        self.last_rank = rank;
        let word = std::str::from_utf8(word).expect("words are UTF-8");
        let mut letters = word.chars();
        let capital: String = letters
            .by_ref()
            .take(1)
            .flat_map(char::to_uppercase)
            .collect();
        self.put(&capital);
        self.put(letters.as_str());
    }

    fn number(&mut self) {
        let text = match self.rng.below(5) {
            0 => self.rng.between(1950, 2030).to_string(),
            1 => format!("{},{:03}", self.rng.between(1, 99), self.rng.below(1000)),
            2 => format!("{}.{}%", self.rng.below(100), self.rng.below(10)),
            _ => self.rng.between(2, 60).to_string(),
        };
        self.put(&text);
    }

    fn join(&mut self) {
        let Grammar { space, comma, .. } = self.tongue.grammar;
        let joint = if self.rng.one_in(11) { comma } else { space };
        self.put(joint);
    }

    fn clause(&mut self) {
        let (fewest, most) = self.tongue.grammar.words;
        self.capital_word();
        for _ in 1..self.rng.between(fewest, most) {
            self.join();
            match self.rng.below(64) {
                0..2 => self.number(),
                2..6 => self.capital_word(),
                _ => self.word(),
            }
        }
        self.put(self.tongue.grammar.ending);
    }

    fn sentence(&mut self) {
        let Grammar {
            stops,
            quotes: [open, close],
            ..
        } = self.tongue.grammar;
        let quoted = self.rng.one_in(9);
        if quoted {
            self.put(open);
        }
        self.clause();
        let stop = if self.rng.one_in(16) {
            self.rng.pick(stops)
        } else {
            stops[0]
        };
        self.put(stop);
        if quoted {
            self.put(close);
        }
    }

    /// `count` sentences on one line; returns the offset where the first one ends.
    fn sentences(&mut self, count: usize) -> usize {
        self.sentence();
        let first_end = self.out.len();
        for _ in 1..count {
            self.put(self.tongue.grammar.after_stop);
            self.sentence();
        }
        self.blank();
        first_end
    }

    /// `fewest` to `most` words with a capital in front and no stop: a headline, a label.
    fn title(&mut self, fewest: usize, most: usize) {
        self.capital_word();
        for _ in 1..self.rng.between(fewest, most) {
            self.put(self.tongue.grammar.space);
            if self.rng.one_in(6) {
                self.capital_word();
            } else {
                self.word();
            }
        }
    }

    /// What `write` appends, taken off the page again.
    fn drafted(&mut self, write: impl FnOnce(&mut Self)) -> String {
        let start = self.out.len();
        write(self);
        String::from_utf8(self.out.split_off(start)).expect("words are UTF-8")
    }

    fn label(&mut self) -> String {
        self.drafted(|text| text.title(1, 2))
    }

    fn name(&mut self) -> String {
        self.drafted(|text| {
            text.capital_word();
            text.put(text.tongue.grammar.space);
            text.capital_word();
        })
    }
}

// ---------------------------------------------------------------------------------------
// Pages that defeat something
// ---------------------------------------------------------------------------------------

impl Writer<'_> {
    fn shaped(&mut self, shape: Shape, index: u64, bytes: usize) {
        match shape {
            Shape::Typical => unreachable!("made by Generator::typical"),
            Shape::AllUnique => self.unique_lines(index, bytes),
            Shape::AllEqual => self.cycled_lines(1, bytes),
            Shape::Alternating => self.cycled_lines(2, bytes),
            Shape::DoubledBlock => {
                self.unique_lines(index, bytes / 2);
                self.out.extend_from_within(..);
            }
            Shape::NearEqual => self.near_equal_lines(index, bytes),
            Shape::Blank => self.until(bytes, |text, _| {
                let choices = ["", "", "", "", "", "", " ", "\t", "\u{A0}", "\u{3000}"];
                text.pick_line(&choices);
            }),
            Shape::Short => self.until(bytes, |text, _| {
                let letter = b'a' + text.rng.below(26) as u8;
                text.out.extend([letter, b'\n']);
            }),
        }
    }

    /// Writes line after line, told its number from 0, until the page is `bytes` long.
    fn until(&mut self, bytes: usize, mut line: impl FnMut(&mut Self, u64)) {
        for number in 0.. {
            line(self, number);
            if self.out.len() >= bytes {
                break;
            }
        }
    }

    fn unique_lines(&mut self, index: u64, bytes: usize) {
        self.until(bytes, |text, number| {
            text.title(2, 16);
            text.put(" ");
            text.serial(index, number);
            text.blank();
        });
    }

    fn near_equal_lines(&mut self, index: u64, bytes: usize) {
        let mut prefix = self.drafted(|text| text.title(40, 40));
        prefix.truncate(80);
        self.until(bytes, |text, number| {
            text.put(&prefix);
            text.put(" ");
            text.serial(index, number);
            text.blank();
        });
    }

    /// `count` different lines by turns.
    fn cycled_lines(&mut self, count: u64, bytes: usize) {
        let lines: Vec<String> = (0..count)
            .map(|number| {
                self.drafted(|text| {
                    text.title(6, 8);
                    text.put(" ");
                    text.serial(0, number);
                })
            })
            .collect();
        self.until(bytes, |text, number| {
            text.line(&lines[(number % count) as usize])
        });
    }

    /// Sixteen letters that no other line of the corpus has; letters and not digits, which an
    /// engine may well take for all the same.
    fn serial(&mut self, index: u64, number: u64) {
        let serial = mix(index.rotate_left(32) ^ number);
        let letters = (0..16).map(|nibble| b'a' + (serial >> (4 * nibble) & 15) as u8);
        self.out.extend(letters);
    }
}

// ---------------------------------------------------------------------------------------
// Typical pages
// ---------------------------------------------------------------------------------------

/// What all pages of a site have in common; made anew for each page, from the site's number.
struct Site<'g> {
    tongue: &'g Tongue,
    title: String,
    domain: String,
    sections: Vec<String>,
    /// Ready lines: menu and sign-in, share words, comment box, "most read" to footer.
    head: Vec<u8>,
    share: Vec<u8>,
    comment_box: Vec<u8>,
    foot: Vec<u8>,
    home: &'static str,
    published: &'static str,
    related: &'static str,
    reply: &'static str,
    crumb_mark: &'static str,
    /// What stands between two paragraphs.
    gap: &'static str,
    date_form: usize,
    headline_twice: bool,
    share_twice: bool,
    captions: Captions,
}

/// How a site's pages show a caption.
#[derive(Clone, Copy)]
enum Captions {
    None,
    Once,
    Twice,
    /// The second time with the credit stuck on.
    TwiceWithCredit,
}

impl<'g> Site<'g> {
    fn new(generator: &'g Generator, number: u64) -> Self {
        let seed = generator.seed;
        let tongue = &generator.tongues[Script::of_site(seed, number) as usize];
        let phrases = tongue.phrases;
        let mut text = Writer::new(tongue, Rng::stream(seed, Stream::Site, number));
        let sections: Vec<String> = (0..text.rng.between(6, 14)).map(|_| text.label()).collect();
        let title = text.label() + text.rng.pick(phrases.papers);
        Site {
            head: text.block(|text| text.site_head(&title, &sections)),
            share: text.block(Writer::site_share),
            comment_box: text.block(Writer::site_comment_box),
            foot: text.block(|text| text.site_foot(&title, &sections)),
            home: text.rng.pick(phrases.home),
            published: text.rng.pick(phrases.published),
            related: text.rng.pick(phrases.related),
            reply: text.rng.pick(phrases.reply),
            crumb_mark: text.rng.pick(&[" > ", " / ", " » ", " › "]),
            gap: text
                .rng
                .pick(&["\n", "\n", "\n", " \n", "\u{A0}\n", "\n\n", ""]),
            date_form: text.rng.below(4),
            headline_twice: !text.rng.one_in(4),
            share_twice: text.rng.one_in(2),
            captions: text.rng.pick(&[
                Captions::None,
                Captions::Once,
                Captions::Twice,
                Captions::Twice,
                Captions::TwiceWithCredit,
            ]),
            domain: site_name(seed, number) + ".example",
            tongue,
            title,
            sections,
        }
    }
}

/// The lines of a site's template.
impl Writer<'_> {
    fn block(&mut self, write: impl FnOnce(&mut Self)) -> Vec<u8> {
        self.drafted(write).into_bytes()
    }

    fn site_head(&mut self, title: &str, sections: &[String]) {
        self.line(title);
        self.listed(sections);
        self.pick_line(self.tongue.phrases.sign_in);
        if self.rng.one_in(2) {
            self.pick_line(self.tongue.phrases.search);
        }
        self.blank();
    }

    fn site_share(&mut self) {
        let words = self.tongue.phrases.share;
        let first = self.rng.below(words.len() - 2);
        self.listed(&words[first..]);
        self.blank();
    }

    fn site_comment_box(&mut self) {
        let phrases = self.tongue.phrases;
        self.pick_line(phrases.comment_box);
        let most = self.rng.pick(&[200, 250, 300, 500, 1000]);
        self.line(&format!("0/{most}"));
        self.pick_line(phrases.send);
        self.blank();
    }

    fn site_foot(&mut self, title: &str, sections: &[String]) {
        let phrases = self.tongue.phrases;
        self.popular();
        if self.rng.one_in(2) {
            self.pick_line(phrases.subscribe);
            self.blank();
        }
        if self.rng.one_in(2) {
            self.listed(sections);
        }
        self.listed(phrases.footer);
        let (mark, rights) = (
            self.rng.pick(&["©", "© 2009–2025", "Copyright © 2025"]),
            phrases.rights,
        );
        let rights = self.rng.pick(rights);
        self.line(&format!("{mark} {title}. {rights}"));
        if self.rng.one_in(2) {
            self.pick_line(phrases.cookies);
        }
    }

    /// The most-read list: the same headlines on every page of the site.
    fn popular(&mut self) {
        self.pick_line(self.tongue.phrases.popular);
        let numbered = self.rng.one_in(2);
        for place in 1..=self.rng.between(5, 10) {
            if numbered {
                self.put(&format!("{place} "));
            }
            self.title(5, 11);
            self.blank();
        }
        self.blank();
    }

    /// Short items, each on its line or, on some sites, all on one.
    fn listed<T: AsRef<str>>(&mut self, items: &[T]) {
        let mark = self.rng.pick(&["\n", "\n", " | ", " · ", " "]);
        for (place, item) in items.iter().enumerate() {
            self.put(if place == 0 { "" } else { mark });
            self.put(item.as_ref());
        }
        self.blank();
    }
}

/// The lines of one page.
impl Writer<'_> {
    fn whole_page(&mut self, site: &Site, date: &Date, bytes: usize) {
        let end = bytes.saturating_sub(site.foot.len() + site.comment_box.len());
        self.out.extend_from_slice(&site.head);
        loop {
            self.story(site, date, end);
            self.comments(site, date, end);
            if self.out.len() >= end {
                break;
            }
        }
        self.out.extend_from_slice(&site.foot);
    }

    fn story(&mut self, site: &Site, date: &Date, end: usize) {
        let section = &site.sections[self.rng.below(site.sections.len())];
        let topic = self.label();
        let mark = site.crumb_mark;
        self.line(&format!("{}{mark}{section}{mark}{topic}", site.home));
        self.blank();
        let author = self.name();
        self.headline(site, date, &author);
        self.caption(site);
        let related = self.block(|text| text.related(site));
        self.paragraphs(site, end.saturating_sub(related.len()));
        self.sign_off(site, &author);
        if self.out.len() < end {
            self.out.extend_from_slice(&related);
        }
    }

    fn headline(&mut self, site: &Site, date: &Date, author: &str) {
        let headline = self.drafted(|text| text.title(5, 13));
        let (before, after) = self.tongue.phrases.by;
        self.line(&headline);
        self.blank();
        if site.headline_twice {
            self.out.extend_from_slice(&site.share);
            self.line(&headline);
        }
        self.line(&format!("{before}{author}{after}"));
        self.line(&format!(
            "{} {}",
            site.published,
            date.written(site.date_form)
        ));
        self.blank();
    }

    fn caption(&mut self, site: &Site) {
        let caption = self.drafted(Self::sentence);
        let (photo, close) = self.tongue.phrases.photo;
        let credit = format!("{photo}{}{close}", site.title);
        match site.captions {
            Captions::None => return,
            Captions::Once => self.line(&caption),
            Captions::Twice => self.line(&format!("{caption}\n{caption}\n{credit}")),
            Captions::TwiceWithCredit => self.line(&format!("{caption}\n\n{caption} {credit}")),
        }
        self.blank();
    }

    /// Five to 25 paragraphs, fewer where the page ends before; one in twelve bodies says a
    /// sentence of its own again as a pull quote.
    fn paragraphs(&mut self, site: &Site, end: usize) {
        let (count, pull_at) = (self.rng.between(5, 25), self.rng.below(180));
        for place in 0..count {
            let start = self.out.len();
            let sentences = self.rng.between(1, 6);
            let first_end = self.sentences(sentences);
            self.put(site.gap);
            if place == pull_at {
                self.out.extend_from_within(start..first_end);
                self.blank();
                self.put(site.gap);
            }
            if self.out.len() >= end {
                break;
            }
        }
    }

    fn sign_off(&mut self, site: &Site, author: &str) {
        let user = ascii_word(&mut self.rng);
        self.line(&format!("{author} [{user}@{}]", site.domain));
        self.blank();
        if site.share_twice {
            self.out.extend_from_slice(&site.share);
        }
    }

    fn related(&mut self, site: &Site) {
        self.line(site.related);
        for _ in 0..self.rng.between(3, 8) {
            self.title(5, 12);
            self.blank();
        }
        self.blank();
    }

    /// The comment box, and comments while the page has room for them.
    fn comments(&mut self, site: &Site, date: &Date, end: usize) {
        let (before, after) = self.tongue.phrases.comments;
        let count = self.rng.below(40);
        self.line(&format!("{before}{count}{after}"));
        self.out.extend_from_slice(&site.comment_box);
        for _ in 0..count {
            if self.out.len() >= end {
                break;
            }
            self.comment(site, date);
        }
    }

    fn comment(&mut self, site: &Site, date: &Date) {
        let user = ascii_word(&mut self.rng);
        let minute = self.rng.below(24 * 60);
        let date = Date { minute, ..*date };
        self.line(&format!("{user} {}", date.written(site.date_form)));
        let sentences = self.rng.between(1, 4);
        self.sentences(sentences);
        let votes = self.rng.zipf(200);
        self.line(&format!("{} {votes}", site.reply));
        self.blank();
    }
}

// ---------------------------------------------------------------------------------------
// Tables
// ---------------------------------------------------------------------------------------

/// Stock phrases of page furniture, some ways of saying each.
#[derive(Debug)]
struct Phrases {
    lang: &'static str,
    /// Ends of a paper's name.
    papers: &'static [&'static str],
    home: &'static [&'static str],
    search: &'static [&'static str],
    sign_in: &'static [&'static str],
    share: &'static [&'static str],
    /// Around the author's name.
    by: (&'static str, &'static str),
    published: &'static [&'static str],
    /// Around the photographer's name.
    photo: (&'static str, &'static str),
    related: &'static [&'static str],
    popular: &'static [&'static str],
    /// Around the number of comments.
    comments: (&'static str, &'static str),
    comment_box: &'static [&'static str],
    send: &'static [&'static str],
    reply: &'static [&'static str],
    subscribe: &'static [&'static str],
    footer: &'static [&'static str],
    rights: &'static [&'static str],
    cookies: &'static [&'static str],
}

static LATIN: Grammar = Grammar {
    space: " ",
    comma: ", ",
    ending: "",
    stops: [".", "?", "!"],
    after_stop: " ",
    quotes: ["“", "”"],
    words: (6, 26),
};

static HANGUL: Grammar = Grammar {
    space: " ",
    comma: ", ",
    ending: "다",
    stops: [".", "?", "!"],
    after_stop: " ",
    quotes: ["“", "”"],
    words: (5, 16),
};

static CYRILLIC: Grammar = Grammar {
    space: " ",
    comma: ", ",
    ending: "",
    stops: [".", "?", "!"],
    after_stop: " ",
    quotes: ["«", "»"],
    words: (5, 20),
};

static HAN: Grammar = Grammar {
    space: "",
    comma: "，",
    ending: "",
    stops: ["。", "？", "！"],
    after_stop: "",
    quotes: ["“", "”"],
    words: (6, 24),
};

#[rustfmt::skip]
static ENGLISH: Phrases = Phrases {
    lang: "en",
    papers: &[" News", " Courier", " Herald", " Daily", " Online"],
    home: &["Home", "Start", "Front page"],
    search: &["Search", "Search this site", "Search…"],
    sign_in: &["Sign in", "Log in | Register", "Sign in or create an account", "My account"],
    share: &["Print", "Save", "Listen", "Facebook", "Email", "Copy link", "Share"],
    by: ("By ", ""),
    published: &["Published", "Updated", "Last updated:", "Posted on"],
    photo: ("Photo: ", ""),
    related: &["Related stories", "Read next", "More on this", "You may also like"],
    popular: &["Most read", "Popular now", "Trending", "Editor's picks"],
    comments: ("Comments (", ")"),
    comment_box: &[
        "Sign in to leave a comment.", "You must be logged in to post a comment.",
        "Join the conversation",
    ],
    send: &["Post", "Submit", "Send comment"],
    reply: &["Reply", "Reply Report", "Like Reply"],
    subscribe: &[
        "Get the day's stories in your inbox every morning.\nEnter your email\nSign up",
        "Subscribe to our newsletter\nSubscribe",
    ],
    footer: &["About us", "Contact", "Advertise", "Careers", "Terms of use", "Privacy policy"],
    rights: &["All rights reserved.", "No part may be reproduced without permission."],
    cookies: &[
        "We use cookies to improve your experience. By continuing you agree to our policy.\nAccept",
        "Cookie settings",
    ],
};

#[rustfmt::skip]
static KOREAN: Phrases = Phrases {
    lang: "ko",
    papers: &["일보", "신문", "뉴스", "타임스"],
    home: &["홈", "첫화면"],
    search: &["검색", "기사 검색"],
    sign_in: &["로그인", "로그인 | 회원가입", "소셜 계정으로 로그인하세요"],
    share: &["인쇄", "스크랩", "글자크기", "카카오톡", "메일", "링크 복사", "공유하기"],
    by: ("", " 기자"),
    published: &["입력", "수정", "기사입력", "최종 업데이트"],
    photo: ("[사진=", "]"),
    related: &["관련기사", "이 기사도 읽어보세요", "함께 보면 좋은 기사"],
    popular: &["많이 본 뉴스", "실시간 인기 기사", "오늘의 추천"],
    comments: ("댓글 ", "개"),
    comment_box: &["댓글을 작성하려면 로그인이 필요합니다.", "로그인 후 댓글을 남겨 주세요"],
    send: &["등록", "댓글 등록"],
    reply: &["답글", "답글 신고"],
    subscribe: &["아침마다 뉴스레터를 받아보세요\n이메일 주소 입력\n구독하기", "구독하기"],
    footer: &["회사소개", "기사제보", "광고문의", "이용약관", "개인정보처리방침", "청소년보호정책"],
    rights: &["무단전재 및 재배포 금지", "All rights reserved."],
    cookies: &["이 사이트는 쿠키를 사용합니다.\n동의", "맨 위로"],
};

#[rustfmt::skip]
static RUSSIAN: Phrases = Phrases {
    lang: "ru",
    papers: &[" вестник", " новости", " газета", " сегодня"],
    home: &["Главная", "На главную"],
    search: &["Поиск", "Поиск по сайту"],
    sign_in: &["Войти", "Вход | Регистрация", "Войдите через социальные сети"],
    share: &["Печать", "Сохранить", "Слушать", "ВКонтакте", "Почта", "Ссылка", "Поделиться"],
    by: ("Автор: ", ""),
    published: &["Опубликовано", "Обновлено", "Дата:"],
    photo: ("Фото: ", ""),
    related: &["Читайте также", "По теме", "Другие материалы"],
    popular: &["Самое читаемое", "Популярное", "Выбор редакции"],
    comments: ("Комментарии (", ")"),
    comment_box: &[
        "Чтобы оставить комментарий, войдите на сайт.",
        "Комментировать могут только зарегистрированные пользователи",
    ],
    send: &["Отправить", "Опубликовать"],
    reply: &["Ответить", "Ответить Пожаловаться"],
    subscribe: &["Подпишитесь на рассылку\nВаш адрес\nПодписаться", "Подписаться"],
    footer: &["О нас", "Контакты", "Реклама", "Вакансии", "Правила", "Конфиденциальность"],
    rights: &["Все права защищены.", "Перепечатка только с разрешения редакции."],
    cookies: &["Мы используем файлы cookie.\nПонятно", "Наверх"],
};

#[rustfmt::skip]
static CHINESE: Phrases = Phrases {
    lang: "zh",
    papers: &["日报", "新闻", "周刊", "在线"],
    home: &["首页", "主页"],
    search: &["搜索", "站内搜索"],
    sign_in: &["登录", "登录 | 注册", "请登录您的账号"],
    share: &["打印", "收藏", "字号", "微信", "邮件", "复制链接", "分享"],
    by: ("记者 ", ""),
    published: &["发布时间：", "更新于", "来源"],
    photo: ("（图：", "）"),
    related: &["相关文章", "延伸阅读", "猜你喜欢"],
    popular: &["热门文章", "阅读排行", "编辑推荐"],
    comments: ("评论（", "）"),
    comment_box: &["登录后才能发表评论。", "请文明发言"],
    send: &["发布", "提交"],
    reply: &["回复", "回复 举报"],
    subscribe: &["订阅更新\n输入邮箱地址\n订阅", "订阅"],
    footer: &["关于我们", "联系我们", "广告服务", "招聘", "使用条款", "隐私政策"],
    rights: &["版权所有", "未经许可请勿转载"],
    cookies: &["本站使用 Cookie 记录阅读偏好。\n知道了", "返回顶部"],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(page: &[u8]) -> Vec<&[u8]> {
        let body = page.strip_suffix(b"\n").expect("ends on a line end");
        body.split(|&byte| byte == b'\n').collect()
    }

    fn distinct(page: &[u8]) -> usize {
        lines(page).into_iter().collect::<HashSet<_>>().len()
    }

    /// FNV-1a.
    fn checksum(page: &[u8]) -> u64 {
        page.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
    }

    #[test]
    fn generator_is_splitmix64() {
        let mut rng = Rng(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        let reference = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(drawn, reference);
    }

    #[test]
    fn outputs_are_pinned() {
        let generator = Generator::new(1);
        let sums = Shape::ALL.map(|shape| {
            let pages: Vec<u8> = (0..40)
                .flat_map(|n| generator.page(shape, n * 777))
                .collect();
            checksum(&pages)
        });
        assert_eq!(sums, PINNED);
    }

    /// FNV-1a of forty pages of each shape, in the order of [`Shape::ALL`].
    const PINNED: [u64; 8] = [
        0x160D_8F79_A467_8A08,
        0x5398_A08F_B391_28D4,
        0x1EBA_8F01_CD0B_6B02,
        0xE3B4_59CC_7EC2_D545,
        0xB446_889F_31D1_68E5,
        0xD4DB_F73B_F522_1D7D,
        0x5190_5FD3_80A3_29A4,
        0x643F_111E_9ABE_BD2F,
    ];

    #[test]
    fn same_seed_same_bytes() {
        for shape in Shape::ALL {
            let generator = Generator::new(7);
            assert_eq!(generator.page(shape, 3), page(shape, 7, 3), "{shape:?}");
            let sized = generator.page_of_bytes(shape, 5_000);
            assert_eq!(sized, page_of_bytes(shape, 7, 5_000), "{shape:?}");
        }
    }

    #[test]
    fn index_and_seed_make_a_difference() {
        let (one, two) = (Generator::new(1), Generator::new(2));
        for shape in Shape::ALL {
            assert_ne!(one.page(shape, 1), one.page(shape, 2), "{shape:?}");
            assert_ne!(one.page(shape, 1), two.page(shape, 1), "{shape:?}");
        }
    }

    #[test]
    fn sizes_are_near_the_target() {
        let generator = Generator::new(3);
        for shape in Shape::ALL {
            let slack = if shape == Shape::Typical { 3_000 } else { 300 };
            for bytes in [1_000, 10_000, 333_333, 5_000_000] {
                let made = generator.page_of_bytes(shape, bytes);
                assert!(
                    made.len().abs_diff(bytes) <= slack,
                    "{shape:?} {bytes} {}",
                    made.len()
                );
                assert_eq!(made.last(), Some(&b'\n'));
            }
        }
    }

    #[test]
    fn no_page_is_empty() {
        let generator = Generator::new(3);
        for shape in Shape::ALL {
            assert!(!generator.page_of_bytes(shape, 0).is_empty(), "{shape:?}");
        }
    }

    #[test]
    fn typical_sizes_are_the_webs() {
        let generator = Generator::new(4);
        let page = |n| generator.page(Shape::Typical, n).len();
        let mut sizes: Vec<usize> = (0..3_000).map(page).collect();
        sizes.sort_unstable();
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((10_000..12_500).contains(&mean), "mean {mean}");
        let median = sizes[sizes.len() / 2];
        assert!((5_000..7_000).contains(&median), "median {median}");
        assert!(sizes.last() < Some(&204_000));
    }

    #[test]
    fn typical_pages_are_utf8_and_share_templates() {
        let generator = Generator::new(5);
        for index in 0..200 {
            let page = generator.page(Shape::Typical, index);
            assert!(std::str::from_utf8(&page).is_ok());
            let site = Site::new(&generator, site_number(5, index));
            assert!(page.starts_with(&site.head) && page.ends_with(&site.foot));
        }
    }

    #[test]
    fn scripts_have_their_shares() {
        for cycle in 0..8 {
            let sites = (cycle * 25..cycle * 25 + 25).map(|n| Script::of_site(9, n));
            let sites: Vec<Script> = sites.collect();
            let shares = Script::ALL.map(|script| sites.iter().filter(|&&s| s == script).count());
            assert_eq!(shares, [18, 3, 2, 2]);
        }
    }

    #[test]
    fn all_unique_has_no_line_twice() {
        let page = page_of_bytes(Shape::AllUnique, 1, 1_000_000);
        assert_eq!(distinct(&page), lines(&page).len());
    }

    #[test]
    fn few_lines_cycle() {
        assert_eq!(distinct(&page_of_bytes(Shape::AllEqual, 1, 10_000)), 1);
        let page = page_of_bytes(Shape::Alternating, 1, 10_000);
        assert_eq!(distinct(&page), 2);
        let lines = lines(&page);
        assert!(lines.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn doubled_block_is_two_equal_halves() {
        let page = page_of_bytes(Shape::DoubledBlock, 1, 100_000);
        let (first, second) = page.split_at(page.len() / 2);
        assert_eq!(first, second);
        assert_eq!(distinct(first), lines(first).len());
    }

    #[test]
    fn near_equal_lines_differ_late() {
        let page = page_of_bytes(Shape::NearEqual, 1, 100_000);
        let lines = lines(&page);
        assert_eq!(distinct(&page), lines.len());
        assert!(lines.iter().all(|line| line[..80] == lines[0][..80]));
    }

    #[test]
    fn blank_and_short_are_what_they_say() {
        let blank = String::from_utf8(page_of_bytes(Shape::Blank, 1, 10_000));
        assert!(blank.expect("UTF-8").trim().is_empty());
        let short = page_of_bytes(Shape::Short, 1, 10_000);
        assert!(lines(&short).iter().all(|line| line.len() == 1));
    }

    #[test]
    fn addresses_are_unique_and_of_their_site() {
        let urls: HashSet<String> = (0..2_000).map(|index| url(1, index)).collect();
        assert_eq!(urls.len(), 2_000);
        assert!(url(1, 5).starts_with(&format!("https://www.{}.example/20", site(1, 5))));
        assert!(url(1, 5).ends_with("-6"));
    }
}
