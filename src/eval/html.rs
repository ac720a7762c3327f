//! Labelled pages and their HTML in, the same pages as our own lines out: each with its place in
//! the markup, and with the label that its text has among the labelled lines.
//!
//! Labels are given to lines of another renderer, so they are carried over by the characters:
//! both say the same text in the same order, for the most part. Stretches that stand once in
//! both hold the texts together, as many as keep their order (the longest
//! increasing subsequence; patience diff, Cohen 2003); from each the texts are gone along as far
//! as they agree. A line takes the label that most of its characters have.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use ahash::AHashMap;
use serde::Deserialize;

use super::gold::Rows;
use super::{GoldError, GoldPage, Label};
use crate::html::{self, LineStructure, Rendered, Structure};
use crate::normalize::normalize_into;

/// Lengths in characters of the stretches that are looked for, the longer first.
const ANCHORS: [usize; 2] = [20, 8];
/// Of a line's characters this share must be found among the labelled lines.
const LEAST_FOUND: f32 = 0.5;
/// Where less than this share of them has one label the line may have either.
const LEAST_AGREED: f32 = 0.75;

/// A row of a file of HTML.
#[derive(Deserialize)]
struct Row {
    id: String,
    html: String,
}

/// Where the HTML of the pages of a file lies: `html/NAME.jsonl.zst` beside `NAME.jsonl.gz`.
pub fn beside(gold: &Path) -> PathBuf {
    let name = gold.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    gold.with_file_name("html")
        .join(format!("{stem}.jsonl.zst"))
}

/// Turns pages into lines of their HTML, see [`relined`]; pages without HTML are left out.
///
/// `path` holds JSON lines with `id` and `html`, packed by zstd. Memory: a row of them, and the
/// pages.
///
/// # Errors
///
/// The file cannot be read, or a row is none.
pub fn read(pages: Vec<GoldPage>, path: &Path) -> Result<Vec<GoldPage>, GoldError> {
    let mut found: Vec<Option<GoldPage>> = pages.iter().map(|_| None).collect();
    each_html(&pages, path, |at, html| {
        found[at] = Some(relined(&pages[at], html));
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Finds out where in its HTML the text of each line of the pages stood: [`GoldPage::places`]. Lines
/// and labels stay; pages without HTML stay as they are.
///
/// `path` holds what [`read`] reads. Memory: a row of them, and 64 bytes a line.
///
/// # Errors
///
/// As [`read`].
pub fn find_places(mut pages: Vec<GoldPage>, path: &Path) -> Result<Vec<GoldPage>, GoldError> {
    let mut found: Vec<Vec<Option<LineStructure>>> = vec![Vec::new(); pages.len()];
    each_html(&pages, path, |at, html| {
        let (lines, structure) = rendered(html);
        found[at] = Alignment::of(&pages[at].lines, &lines).places(&structure.lines);
    })?;
    for (page, places) in pages.iter_mut().zip(found) {
        page.places = places;
    }
    Ok(pages)
}

/// Gives the HTML of each of the pages that a file has, with the page's number.
fn each_html(
    pages: &[GoldPage],
    path: &Path,
    mut give: impl FnMut(usize, &str),
) -> Result<(), GoldError> {
    let file = path.display().to_string();
    let opened = File::open(path).and_then(zstd::stream::read::Decoder::new);
    let input = opened.map_err(|source| GoldError::Open {
        file: file.clone(),
        source,
    })?;
    let mut rows = Rows::new(file, BufReader::with_capacity(1 << 20, input));
    let numbers = pages.iter().enumerate();
    let numbers: HashMap<&str, usize> = numbers.map(|(at, page)| (&*page.id, at)).collect();
    while rows.read()? {
        let row = serde_json::from_slice(&rows.bytes);
        let row: Row = row.map_err(|source| rows.no_row(source, "id (text) and html (text)"))?;
        if let Some(&at) = numbers.get(&*row.id) {
            give(at, &row.html);
        }
    }
    Ok(())
}

/// The page with the lines of its HTML in place of its own, and their places in the markup.
/// `gold` and all else stays.
pub fn relined(page: &GoldPage, html: &str) -> GoldPage {
    let (lines, structure) = rendered(html);
    let headlines: Vec<Vec<u8>> = page
        .headline
        .iter()
        .map(|&at| key(&page.lines[at]))
        .collect();
    let is_headline = |line: &&String| headlines.contains(&key(line));
    let headline = lines.iter().enumerate();
    let headline = headline.filter(|(_, line)| is_headline(line));
    GoldPage {
        headline: headline.map(|(at, _)| at).collect(),
        labels: Alignment::of(&lines, &page.lines).labels(&page.labels),
        lines,
        structure,
        ..page.clone()
    }
}

/// The lines of an HTML page, and what its markup tells beside them.
pub(crate) fn rendered(html: &str) -> (Vec<String>, Structure) {
    let Rendered { text, structure } = html::render_with_structure(html.as_bytes());
    let text = String::from_utf8_lossy(&text);
    let lines = text.split_terminator('\n').map(str::to_owned).collect();
    (lines, structure)
}

fn key(line: &str) -> Vec<u8> {
    let mut key = Vec::new();
    normalize_into(line.as_bytes(), &mut key);
    key
}

/// The letters and digits of lines, and for each the line it is of.
fn characters(lines: &[String]) -> (Vec<char>, Vec<u32>) {
    let mut characters = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        for character in line.chars().filter(|character| character.is_alphanumeric()) {
            characters.0.push(character);
            characters.1.push(at as u32);
        }
    }
    characters
}

/// Where the letters and digits of a line are found in another rendering.
#[derive(Clone, Default)]
struct Found {
    /// Lines, and how many of them in each, in their order.
    lines: Vec<(usize, u32)>,
    /// How many the line has.
    characters: u32,
}

impl Found {
    /// Whether enough of the characters were found.
    fn is_enough(&self) -> bool {
        let found: u32 = self.lines.iter().map(|(_, count)| count).sum();
        found > 0 && found as f32 >= LEAST_FOUND * self.characters as f32
    }
}

/// The lines of two renderings of a page, and which of one are found in which of the other.
pub(crate) struct Alignment<'l> {
    known_lines: &'l [String],
    lines: &'l [String],
    /// For each of `lines` those of `known_lines`.
    found: Vec<Found>,
}

impl<'l> Alignment<'l> {
    /// Looks for `lines` among `known_lines`.
    pub(crate) fn of(lines: &'l [String], known_lines: &'l [String]) -> Self {
        let (known, line_of) = characters(known_lines);
        let (own, own_line) = characters(lines);
        let mut places = vec![None; own.len()];
        for anchor in ANCHORS {
            align(&own, &known, anchor, &mut places);
        }
        let mut found = vec![Found::default(); lines.len()];
        for (&line, place) in own_line.iter().zip(&places) {
            let line = &mut found[line as usize];
            line.characters += 1;
            let Some(place) = place else {
                continue;
            };
            let at = line_of[*place as usize] as usize;
            match line.lines.last_mut() {
                Some((last, count)) if *last == at => *count += 1,
                _ => line.lines.push((at, 1)),
            }
        }
        Alignment {
            known_lines,
            lines,
            found,
        }
    }

    /// Where each line stood: the place of the known line that most of its characters are found in,
    /// else of the first equal line. Empty where no places are known.
    pub(crate) fn places(&self, places: &[LineStructure]) -> Vec<Option<LineStructure>> {
        if places.is_empty() {
            return Vec::new();
        }
        let mut first_of = AHashMap::<Vec<u8>, usize>::new();
        for (at, line) in self.known_lines.iter().enumerate() {
            first_of.entry(key(line)).or_insert(at);
        }
        let place = |(line, found): (&String, &Found)| {
            let most = found.lines.iter().rev().max_by_key(|(_, count)| *count);
            let at = most.filter(|_| found.is_enough()).map(|(at, _)| *at);
            Some(places[at.or_else(|| first_of.get(&key(line)).copied())?])
        };
        self.lines.iter().zip(&self.found).map(place).collect()
    }

    /// The label of each line, by those of the known lines.
    pub(crate) fn labels(&self, labels: &[Label]) -> Vec<Label> {
        // What stands elsewhere than expected: equal lines that all have one label.
        let mut labels_of = AHashMap::<Vec<u8>, Option<Label>>::new();
        for (line, &label) in self.known_lines.iter().zip(labels) {
            let known = labels_of.entry(key(line)).or_insert(Some(label));
            *known = known.filter(|known| *known == label);
        }
        let label = |(line, found): (&String, &Found)| {
            if !found.is_enough() {
                let known = labels_of.get(&key(line)).copied().flatten();
                return known.unwrap_or(Label::Either);
            }
            let count = |label: Label| -> u32 {
                let of = found.lines.iter().filter(|(at, _)| labels[*at] == label);
                of.map(|(_, count)| count).sum()
            };
            let [body, boilerplate, either] =
                [Label::Body, Label::Boilerplate, Label::Either].map(|label| count(label) as f32);
            let found = body + boilerplate + either;
            match [body, boilerplate].map(|count| count / found) {
                [share, _] if share >= LEAST_AGREED => Label::Body,
                [_, share] if share >= LEAST_AGREED => Label::Boilerplate,
                _ => Label::Either,
            }
        };
        self.lines.iter().zip(&self.found).map(label).collect()
    }
}

/// Finds characters of `own` among `known`, in the stretches in which none is found yet; the
/// places found rise. Time is near linear: a stretch is looked at once.
fn align(own: &[char], known: &[char], anchor: usize, found: &mut [Option<u32>]) {
    let mut gaps = Vec::new();
    let (mut from, mut known_from) = (0, 0);
    for at in 0..=own.len() {
        let place = match found.get(at) {
            None => known.len(),
            Some(Some(place)) => *place as usize,
            Some(None) => continue,
        };
        gaps.push((from..at, known_from..place));
        (from, known_from) = (at + 1, place + 1);
    }
    for (gap, known_gap) in gaps {
        if gap.len() >= anchor && known_gap.len() >= anchor {
            let placed = align_gap(&own[gap.clone()], &known[known_gap.clone()], anchor);
            for (at, place) in placed {
                found[gap.start + at] = Some((known_gap.start + place) as u32);
            }
        }
    }
}

fn align_gap(own: &[char], known: &[char], anchor: usize) -> Vec<(usize, usize)> {
    // Where a stretch stands in either text; None where it stands twice.
    let mut places = AHashMap::<&[char], (Option<usize>, Option<usize>)>::new();
    for (at, stretch) in own.windows(anchor).enumerate() {
        let place = places.entry(stretch).or_insert((Some(at), None));
        place.0 = place.0.filter(|&first| first == at);
    }
    let mut met = AHashMap::<&[char], usize>::new();
    for (at, stretch) in known.windows(anchor).enumerate() {
        if let Some(place) = places.get_mut(stretch) {
            let times = met.entry(stretch).or_default();
            *times += 1;
            place.1 = (*times == 1).then_some(at);
        }
    }
    let pairs = places.into_values();
    let pairs = pairs.filter_map(|(own, known)| Some((own?, known?)));
    let mut pairs: Vec<(usize, usize)> = pairs.collect();
    pairs.sort_unstable();
    let mut placed = Vec::new();
    let rising = rising(&pairs);
    let (mut to_own, mut to_known) = (0, 0);
    for (number, &(at, place)) in rising.iter().enumerate() {
        if at < to_own || place < to_known {
            continue;
        }
        let back = own[to_own..at]
            .iter()
            .rev()
            .zip(known[to_known..place].iter().rev());
        let back = back.take_while(|(left, right)| left == right).count();
        // What the next anchor begins with is its own.
        let next = rising[number + 1..]
            .iter()
            .find(|next| next.0 >= at + anchor && next.1 >= place + anchor);
        let (end, known_end) = next.map_or((own.len(), known.len()), |&next| next);
        let on = own[at..end].iter().zip(&known[place..known_end]);
        let on = on.take_while(|(left, right)| left == right).count();
        placed.extend((0..back + on).map(|step| (at - back + step, place - back + step)));
        (to_own, to_known) = (at + on, place + on);
    }
    placed
}

/// The longest subsequence of pairs, which are in order of the first, in which the second rises
/// too.
fn rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair that the best run of each length ends in, and the pair before each.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = Vec::with_capacity(pairs.len());
    for (number, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < pair.1);
        before.push(length.checked_sub(1).map(|last| ends[last]));
        if length == ends.len() {
            ends.push(number);
        } else {
            ends[length] = number;
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(number) = at {
        run.push(pairs[number]);
        at = before[number];
    }
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lines: &[(&str, Label)]) -> GoldPage {
        let row = format!(
            r#"{{"id":"1","lines":{:?},"labels":{:?}}}"#,
            lines.iter().map(|(line, _)| line).collect::<Vec<_>>(),
            lines
                .iter()
                .map(|(_, label)| match label {
                    Label::Body => 1,
                    Label::Boilerplate => 0,
                    Label::Either => -1,
                })
                .collect::<Vec<_>>()
        );
        let reader = super::super::GoldReader::new("a", std::io::Cursor::new(row));
        reader.unwrap().next().unwrap().unwrap()
    }

    #[test]
    fn labels_follow_their_text() {
        use Label::{Body, Boilerplate, Either};
        let page = page(&[
            ("* Home", Boilerplate),
            ("* News", Boilerplate),
            ("The tide came in at noon, and", Body),
            ("nobody saw it.", Body),
            ("Share this page with a friend", Boilerplate),
            ("The harbour was empty again by one o'clock.", Body),
        ]);
        let html = "<ul><li>Home<li>News</ul><p>The tide came in at noon, and nobody saw it.</p>\
                    <p>Something that no one has labelled.</p>\
                    <p>Share this page with a friend</p>\
                    <p>The harbour was empty again by one o'clock.<br>Home</p>";
        let relined = relined(&page, html);
        assert_eq!(
            relined.lines[2],
            "The tide came in at noon, and nobody saw it."
        );
        assert_eq!(
            relined.labels,
            [
                Boilerplate,
                Boilerplate,
                Body,
                Either,
                Boilerplate,
                Body,
                Either
            ]
        );
        assert_eq!(relined.structure.lines.len(), 7);
        assert_eq!(relined.gold, page.gold);
    }

    #[test]
    fn lines_stand_where_most_of_their_text_does() {
        let html = "<ul><li>Home<li>News</ul><p>The tide came in at noon, and nobody saw it.</p>\
                    <h2>A headline of its own</h2>";
        let (known, structure) = rendered(html);
        let lines: Vec<String> = [
            "* Home",
            "The tide came in at noon, and",
            "nobody saw it. A",
            "A HEADLINE of its own",
            "What is not there at all, anywhere.",
            "news",
        ]
        .map(str::to_owned)
        .into();
        let places = Alignment::of(&lines, &known).places(&structure.lines);
        let blocks = places.iter().map(|place| place.map(|place| place.block));
        use crate::html::Tag;
        assert_eq!(
            blocks.collect::<Vec<_>>(),
            [
                None,
                Some(Tag::P),
                Some(Tag::P),
                Some(Tag::H2),
                None,
                Some(Tag::Li)
            ]
        );
        assert!(Alignment::of(&lines, &[]).places(&[]).is_empty());
    }

    #[test]
    fn runs_that_rise_are_as_long_as_can_be() {
        let pairs = [3, 1, 2, 9, 4, 5, 0].iter().copied().enumerate();
        let found = rising(&pairs.collect::<Vec<_>>());
        assert_eq!(found, [(1, 1), (2, 2), (4, 4), (5, 5)]);
        assert_eq!(rising(&[]), []);
    }
}
