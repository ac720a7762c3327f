//! A labelled page in, what is learned from each of its lines out.

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64;

use super::{FOLDS, SPOKEN_OF};
use crate::eval::{GoldPage, Label};
use crate::evidence::{Evidence, Needs};
use crate::index::CorpusIndex;
use crate::normalize::normalize_into;
use crate::repeats::Repeats;
use crate::score::hints::{HINTS, is_named_comment, truths};
use crate::score::lexical::SPEAKS_OF;
use crate::score::{KINDS, Kind, PageFacts};
use crate::url;

/// Words above this add no weight to a line.
const MAX_WORDS: u32 = 60;
/// Of the pages whose site has several one in this many learns with its site's evidence.
const WITH_SITE: u64 = 2;
/// Percent of the pages that are learned from once more without their words, so that trees know what
/// to do then; and what such a page counts.
const WITHOUT_WORDS: u64 = 30;
const WEIGHT_WITHOUT_WORDS: f32 = 0.5;
/// Lines of fewer words are not looked for among comments: others may say the same.
const LEAST_COMMENT_WORDS: u32 = 3;
/// Among what is named a comment's, lines of fewer words may be buttons, names and dates.
const LEAST_NAMED_WORDS: u32 = 8;
/// Where so many percent of the body's lines are named a comment's, the names mean something else.
const MAX_NAMED_BODY: usize = 30;

/// A labelled page with all that is known of it.
pub(super) struct TrainingPage<'g> {
    gold: &'g GoldPage,
    text: String,
    pub evidence: Evidence,
    repeats: Repeats,
    /// For each line that is not blank how much of each [`Kind`] it is, from 0 to 1; None where
    /// that is not learned.
    pub targets: Vec<[Option<f32>; KINDS]>,
    /// What a line counts.
    pub weights: Vec<f32>,
    pub fold: usize,
    /// Else it is learned from as though its words were unknown, and nothing of them.
    pub knows_words: bool,
    /// Log-odds so far, by fits on other pages.
    pub log_odds: [Vec<f32>; KINDS],
}

impl<'g> TrainingPage<'g> {
    /// The page, and for some pages the same without its words.
    ///
    /// `knows_comments` says whether the page's source tells which lines are comments.
    pub fn of(
        gold: &'g GoldPage,
        index: &CorpusIndex,
        knows_comments: bool,
        seed: u64,
    ) -> (Self, Option<Self>) {
        let page = TrainingPage::new(gold, index, knows_comments, seed);
        let is_drawn = draw(gold, "words", 100, seed) < WITHOUT_WORDS;
        let without = is_drawn.then(|| {
            let mut without = TrainingPage::new(gold, index, knows_comments, seed);
            without.knows_words = false;
            let weights = without.weights.iter_mut();
            weights.for_each(|weight| *weight *= WEIGHT_WITHOUT_WORDS);
            without
        });
        (page, without)
    }

    fn new(gold: &'g GoldPage, index: &CorpusIndex, knows_comments: bool, seed: u64) -> Self {
        let text = gold.text();
        let knows_site = draw(gold, "site", WITH_SITE, seed) == 0;
        let mut evidence = Evidence::default();
        let needs = Needs {
            site: knows_site,
            ..Needs::PAGE
        };
        evidence.gather(text.as_bytes(), needs);
        evidence.stand(Some(&gold.structure));
        if knows_site {
            evidence.look_up(index, &gold.address(), 0);
        }
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        let page_weight = 1.0 / (evidence.lines.len().max(1) as f32).sqrt();
        let weight = |words: u32| words.clamp(1, MAX_WORDS) as f32 * page_weight;
        TrainingPage {
            fold: (xxh3_64(site_of(gold).as_bytes()) % FOLDS as u64) as usize,
            knows_words: true,
            weights: evidence
                .shapes
                .iter()
                .map(|shape| weight(shape.words))
                .collect(),
            targets: targets(gold, &evidence, &repeats, knows_comments),
            gold,
            text,
            evidence,
            repeats,
            log_odds: Default::default(),
        }
    }

    pub fn facts(&self) -> PageFacts<'_> {
        PageFacts {
            page: self.text.as_bytes(),
            evidence: &self.evidence,
            repeats: &self.repeats,
        }
    }

    /// For each of [`crate::score::lexical::Of`] what the words of a line should say; None where it is
    /// not known what the line is.
    pub fn words_say(&self, line: usize) -> Option<[Option<f32>; SPEAKS_OF]> {
        let of = |kind: Kind| move |targets: &[Option<f32>; KINDS]| targets[kind as usize];
        let is_chaff = of(Kind::Boilerplate);
        let behind = self.targets[line + 1..].iter().take(SPOKEN_OF);
        let before = self.targets[..line].iter().rev().take(SPOKEN_OF);
        let itself = is_chaff(&self.targets[line])?;
        Some([
            Some(itself),
            mean(behind.map(is_chaff)),
            mean(before.map(is_chaff)),
            of(Kind::Comment)(&self.targets[line]),
        ])
    }

    /// What is true of a line's place in the markup; None where nothing is known of it.
    pub fn hints(&self, line: usize) -> Option<[Option<f32>; HINTS]> {
        let place = self.gold.places.get(self.evidence.lines[line].number - 1)?;
        let truths = truths(place.as_ref(), self.gold.page_type.as_deref());
        truths.iter().any(Option::is_some).then_some(truths)
    }
}

fn draw(gold: &GoldPage, what: &str, sides: u64, seed: u64) -> u64 {
    xxh3_64(format!("{seed} {what} {}", gold.id).as_bytes()) % sides
}

/// By what pages are kept together.
pub(super) fn site_of(gold: &GoldPage) -> String {
    let domain = gold.domain.as_deref();
    let host = domain.and_then(|domain| url::host(&format!("//{domain}")));
    host.unwrap_or_else(|| gold.id.clone())
}

/// The mean of what is known; beyond the page's edges stands boilerplate.
fn mean(values: impl Iterator<Item = Option<f32>>) -> Option<f32> {
    let (mut lines, mut known, mut sum) = (0, 0, 0.0);
    for value in values {
        lines += 1;
        known += u32::from(value.is_some());
        sum += value.unwrap_or_default();
    }
    match (lines, known) {
        (0, _) => Some(1.0),
        (_, 0) => None,
        _ => Some(sum / known as f32),
    }
}

fn targets(
    gold: &GoldPage,
    evidence: &Evidence,
    repeats: &Repeats,
    knows_comments: bool,
) -> Vec<[Option<f32>; KINDS]> {
    let lines = &evidence.lines;
    let label = |line: usize| gold.labels[lines[line].number - 1];
    let knows_headline = !gold.headline.is_empty();
    let is_forum = gold.page_type.as_deref() == Some("forum");
    let mut targets: Vec<[Option<f32>; KINDS]> = (0..lines.len())
        .map(|line| {
            let is_boilerplate = match label(line) {
                Label::Body => Some(0.0),
                Label::Boilerplate => Some(1.0),
                Label::Either => None,
            };
            let is_no_comment = knows_comments || is_forum && label(line) == Label::Body;
            [
                is_boilerplate,
                is_no_comment.then_some(0.0),
                knows_headline.then_some(0.0),
            ]
        })
        .collect();
    let kind = |kind: Kind| kind as usize;
    mark_comments(gold, evidence, |line, target| {
        if label(line) == Label::Boilerplate {
            targets[line][kind(Kind::Comment)] = target;
        }
    });
    if !knows_comments && !is_forum {
        mark_named_comments(gold, evidence, |line, target| {
            targets[line][kind(Kind::Comment)] = target;
        });
    }
    // The line that stays for its copies is body where any of them is.
    for line in 0..lines.len() {
        if let Some(of) = repeats.of(line) {
            if label(line) == Label::Body {
                targets[of][kind(Kind::Boilerplate)] = Some(0.0);
            }
            targets[line] = [None; KINDS];
        }
    }
    // Golds disagree on headlines; to us the first copy is body.
    for &headline in &gold.headline {
        let at = lines.iter().position(|line| line.number == headline + 1);
        if let Some(line) = at {
            let line = repeats.of(line).unwrap_or(line);
            targets[line][kind(Kind::Boilerplate)] = Some(0.0);
            targets[line][kind(Kind::Headline)] = Some(1.0);
        }
    }
    targets
}

/// Finds the page's lines among the comments that the gold tells of. Of a few lines between
/// them nothing is known.
fn mark_comments(gold: &GoldPage, evidence: &Evidence, mut set: impl FnMut(usize, Option<f32>)) {
    let Some(comments) = &gold.comments else {
        return;
    };
    let mut text = Vec::new();
    for line in comments.lines() {
        normalize_into(line.as_bytes(), &mut text);
        text.push(b' ');
    }
    let mut last = None;
    for (line, shape) in evidence.shapes.iter().enumerate() {
        let is_comment = shape.words >= LEAST_COMMENT_WORDS
            && memmem::find(&text, evidence.normalized(line)).is_some();
        if is_comment {
            if let Some(last) = last {
                let between = (last + 1..line).filter(|_| line - last <= SPOKEN_OF);
                between.for_each(|line| set(line, None));
            }
            set(line, Some(1.0));
            last = Some(line);
        }
    }
}

/// Tells comments by the names of the elements that they stand in, where a page's markup is known:
/// lines of the body that are not named so are none, nor is furniture on a page that has some.
fn mark_named_comments(
    gold: &GoldPage,
    evidence: &Evidence,
    mut set: impl FnMut(usize, Option<f32>),
) {
    let lines = 0..evidence.lines.len();
    let label = |line: usize| gold.labels[evidence.lines[line].number - 1];
    let place = |line: usize| match gold.structure.lines.is_empty() {
        true => gold.places.get(evidence.lines[line].number - 1)?.as_ref(),
        false => evidence.structure.lines.get(line),
    };
    let is_named = |line: usize| place(line).map(is_named_comment);
    let named: Vec<Option<bool>> = lines.clone().map(is_named).collect();
    let body = lines.clone().filter(|&line| label(line) == Label::Body);
    let of_body = body.clone().count();
    let named_of_body = body.filter(|&line| named[line] == Some(true)).count();
    if named_of_body * 100 > of_body * MAX_NAMED_BODY {
        return;
    }
    let is_comment = |line: usize| {
        named[line] == Some(true)
            && label(line) == Label::Boilerplate
            && evidence.shapes[line].words >= LEAST_NAMED_WORDS
    };
    let has_comments = lines.clone().any(is_comment);
    for line in lines {
        match (named[line], label(line)) {
            (Some(true), _) => set(line, is_comment(line).then_some(1.0)),
            (Some(false), Label::Body) => set(line, Some(0.0)),
            (Some(false), Label::Boilerplate) if has_comments => set(line, Some(0.0)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{LineStructure, word_number};

    const PAGE: [(&str, Label, bool); 5] = [
        ("Menu of the site", Label::Boilerplate, false),
        (
            "The tide came in at noon, and nobody saw it come.",
            Label::Body,
            false,
        ),
        (
            "A reader says that it was late again, as on Monday.",
            Label::Boilerplate,
            true,
        ),
        ("Reply", Label::Boilerplate, true),
        ("Imprint and contact", Label::Boilerplate, false),
    ];

    /// What is learned of each line as a comment; `named` says which are named so.
    fn told(page_type: Option<&str>, named: impl Fn(bool) -> Option<bool>) -> Vec<Option<f32>> {
        let place = |is_named: bool| {
            let mut place = LineStructure::default();
            if is_named {
                place.words[0] = word_number(b"comments");
            }
            place
        };
        let gold = GoldPage {
            id: "1".to_owned(),
            source: "s".to_owned(),
            domain: None,
            lang: None,
            tier: None,
            page_type: page_type.map(str::to_owned),
            url: None,
            found: None,
            omitted: None,
            lines: PAGE.map(|(line, ..)| line.to_owned()).into(),
            labels: PAGE.map(|(_, label, _)| label).into(),
            headline: Vec::new(),
            gold: String::new(),
            comments: None,
            structure: Default::default(),
            places: PAGE.map(|(.., is_named)| named(is_named).map(place)).into(),
        };
        let index = crate::eval::index_pages([&gold], &crate::config::Config::default());
        let page = TrainingPage::new(&gold, &index, false, 1);
        let of_comment = |target: &[Option<f32>; KINDS]| target[Kind::Comment as usize];
        page.targets.iter().map(of_comment).collect()
    }

    #[test]
    fn comments_are_told_by_what_the_markup_calls_them() {
        let (no, yes) = (Some(0.0), Some(1.0));
        assert_eq!(told(None, Some), [no, no, yes, None, no]);
        // Where nothing is named so, or not known, furniture may be comments.
        assert_eq!(told(None, |_| Some(false)), [None, no, None, None, None]);
        assert_eq!(told(None, |_| None), [None; 5]);
        // A name that the body has too means nothing.
        assert_eq!(told(None, |_| Some(true)), [None; 5]);
        // Posts are no comments, and so are named.
        assert_eq!(told(Some("forum"), Some), [None, no, None, None, None]);
    }
}
