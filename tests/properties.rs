//! What holds for every page, whatever bytes it is made of.

use std::fmt;
use std::ops::Deref;

use dechaff::config::Treatment;
use dechaff::evidence::{Evidence, Needs};
use dechaff::normalize::is_blank;
use dechaff::repeats::{Repeats, Rule};
use dechaff::report::Counts;
use dechaff::score::Score;
use dechaff::score::cut::MAY_BE_HEADLINE;
use dechaff::visible::visible;
use dechaff::{Cleaned, CleanedLine, Cleaner, Config, Reason, Threshold, Verdict, Workspace};
use proptest::prelude::*;

/// Paragraphs, headings, furniture, near-equal variants and scripts; what pages are made of.
const TEXTS: &[&str] = &[
    "Ferry line reopens after the long winter repair",
    "Ferry line reopens after the long winter repair | Bay Tidings",
    "Ferry line reopens after the long…",
    "FERRY LINE REOPENS AFTER THE LONG WINTER REPAIR",
    "The crew paints the hull in the dry dock below the old rope works on the north bank.",
    "The crew paints the hull in the dry dock below the old rope works on the north bank. [J. Ro]",
    "The ferry was taken out of the water in November, and nobody in the village had expected to \
     see it again before the ice was gone from the upper lake.",
    "“We had the engine apart on the kitchen table for a month,” said the mate, “and when it was \
     together again there were two screws left, which we keep in a jar.”",
    "Menu",
    "Home > News > Water",
    "Share",
    "Sign in to comment",
    "© 2031 Bay Tidings. All rights reserved.",
    "- Yes.",
    "\"No,\" she said.",
    "\treturn Ok(());",
    "| 12 | 30 kg | 4.50 |",
    "2031-04-01 12:00:01 INFO worker ready",
    "강을 건너는 배가 다섯 달 만에 다시 다닌다",
    "배는 지난해 늦가을에 뭍으로 올라와 밑바닥을 모두 뜯어냈고, 마을 사람들은 겨우내 얼음이 언 강을 걸어서 건너다녔다고 한다.",
    "渡船停了一冬，今天终于重新开航",
    "渡船去年十一月上岸大修，村里人一冬都踩着冰过河，谁也没想到它能在化冰之前回到水里，更没想到船老大会亲自掌舵。",
    "フェリーが五か月ぶりに運航を再開した。",
    "Паром снова ходит через реку, и очередь стоит с шести утра.",
    "عادت العبارة إلى العمل بعد شتاء طويل.",
    "เรือข้ามฟากกลับมาวิ่งอีกครั้งหลังฤดูหนาวอันยาวนาน",
];

const BLANKS: &[&str] = &[
    "",
    " ",
    "\t \u{c}",
    "\u{a0}",
    "\u{3000}\u{2003}",
    "\u{feff}\u{200b}",
];

const TERMINATORS: &[&str] = &["\n", "\r\n", "\r"];

/// Bytes that a failing case shows as text.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", visible(&self.0))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A line without its terminator: no CR, no LF.
fn line() -> impl Strategy<Value = Bytes> {
    let ending = prop::sample::select(vec![
        "",
        "…",
        "...",
        " | Bay Tidings",
        " [Photo: A. Ro]",
        " ",
    ]);
    prop_oneof![
        6 => prop::sample::select(TEXTS).prop_map(|text| text.as_bytes().to_vec()),
        3 => prop::sample::select(BLANKS).prop_map(|text| text.as_bytes().to_vec()),
        2 => (prop::sample::select(TEXTS), ending)
            .prop_map(|(text, ending)| [text, ending].concat().into_bytes()),
        1 => "\\PC{0,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..24).prop_map(without_terminators),
        1 => (prop::sample::select(TEXTS), any::<prop::sample::Index>(), any::<u8>())
            .prop_map(|(text, at, byte)| damaged(text, at, byte)),
    ]
    .prop_map(Bytes)
}

fn without_terminators(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.retain(|byte| !matches!(byte, b'\n' | b'\r'));
    bytes
}

/// A text with one byte replaced; mostly no UTF-8 any more.
fn damaged(text: &str, at: prop::sample::Index, byte: u8) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] = byte;
    without_terminators(bytes)
}

/// Lines drawn from a small pool, so that they come back.
fn drawn_lines() -> impl Strategy<Value = Vec<Bytes>> {
    prop::collection::vec(line(), 1..24)
        .prop_flat_map(|pool| prop::collection::vec(prop::sample::select(pool), 0..40))
}

/// An article as sites print it: headline and caption up to three times and not quite the
/// same, furniture between them, then paragraphs of its own.
fn article() -> impl Strategy<Value = Vec<Bytes>> {
    let some_of =
        |texts: &[&'static str]| prop::collection::vec(prop::sample::select(texts.to_vec()), 0..4);
    let paragraph = "[a-z]{2,9}( [a-z]{2,9}){12,24}\\.";
    (
        some_of(&TEXTS[..4]),
        some_of(&TEXTS[8..13]),
        some_of(&TEXTS[..4]),
        some_of(&TEXTS[4..6]),
        prop::collection::vec(paragraph, 0..6),
    )
        .prop_map(|(titles, menu, headlines, captions, paragraphs)| {
            [titles, menu, headlines, captions]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .chain(paragraphs)
                .map(|text| Bytes(text.into_bytes()))
                .collect()
        })
}

/// Lines of a page; often a stretch of it, or all of it, is said again at the end.
fn lines() -> impl Strategy<Value = Vec<Bytes>> {
    let once = prop_oneof![
        prop::collection::vec(line(), 0..40),
        drawn_lines(),
        article()
    ]
    .boxed();
    let index = any::<prop::sample::Index>;
    let stretch_again = (once.clone(), index(), index()).prop_map(|(mut lines, from, to)| {
        if !lines.is_empty() {
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            lines.extend_from_within(from.min(to)..from.max(to));
        }
        lines
    });
    let all_again = once.clone().prop_map(|lines| [&lines[..], &lines].concat());
    prop_oneof![once, stretch_again, all_again]
}

fn join(lines: &[Bytes], terminator: &str) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| [&line[..], terminator.as_bytes()])
        .collect::<Vec<_>>()
        .concat()
}

/// A page with all three terminators mixed, with or without one at its end.
fn page() -> impl Strategy<Value = Bytes> {
    let terminator = prop::sample::select(TERMINATORS);
    let mixed = lines().prop_flat_map(move |lines| {
        let count = lines.len();
        (
            Just(lines),
            prop::collection::vec(terminator.clone(), count),
            any::<bool>(),
        )
    });
    mixed.prop_map(|(lines, terminators, ends_open)| {
        let mut page = Vec::new();
        for (at, (line, terminator)) in lines.iter().zip(&terminators).enumerate() {
            page.extend_from_slice(line);
            if !(ends_open && at + 1 == lines.len()) {
                page.extend_from_slice(terminator.as_bytes());
            }
        }
        Bytes(page)
    })
}

fn config() -> impl Strategy<Value = Config> {
    let threshold = prop_oneof![
        Just(Threshold::Auto),
        (0.0_f32..=1.0).prop_map(Threshold::At)
    ];
    let treatment = || {
        prop_oneof![
            3 => Just(Treatment::Scored),
            1 => Just(Treatment::Keep),
            1 => Just(Treatment::Drop)
        ]
    };
    let switches = (any::<bool>(), any::<bool>());
    (switches, threshold, treatment(), treatment()).prop_map(
        |((page_repeats, score), threshold, comments, headline)| Config {
            page_repeats,
            score,
            threshold,
            comments,
            headline,
            ..Config::default()
        },
    )
}

/// What is done with a line of each kind, and how likely it is of it.
fn kinds(config: &Config, score: &Score) -> [(Treatment, f32); 2] {
    [
        (config.headline, score.headline),
        (config.comments, score.comment),
    ]
}

/// Whether a line goes or stays for what it is, the headline first.
fn goes_surely(config: &Config, score: &Score) -> Option<bool> {
    for (treatment, likelihood) in kinds(config, score) {
        if likelihood >= 0.5 && treatment != Treatment::Scored {
            return Some(treatment == Treatment::Drop);
        }
    }
    None
}

/// How likely a line goes that does not surely.
fn likelihood_of_going(config: &Config, score: &Score) -> f32 {
    let mut goes = score.context;
    for (treatment, likelihood) in kinds(config, score) {
        if treatment == Treatment::Keep {
            goes *= 1.0 - likelihood;
        }
    }
    for (treatment, likelihood) in kinds(config, score) {
        if treatment == Treatment::Drop {
            goes = 1.0 - (1.0 - goes) * (1.0 - likelihood);
        }
    }
    goes
}

fn cleaner(config: Config) -> Cleaner {
    Cleaner::new(config).expect("the config is good")
}

fn all_lines<'p>(cleaned: &Cleaned<'p>) -> Vec<CleanedLine<'p>> {
    cleaned.each_line().collect()
}

/// Lines with their terminators, by the one line rule, byte by byte.
fn naive_lines(page: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut start = 0;
    for at in 0..page.len() {
        let ends_line = page[at] == b'\n' || page[at] == b'\r' && page.get(at + 1) != Some(&b'\n');
        if ends_line {
            lines.push(&page[start..=at]);
            start = at + 1;
        }
    }
    if start < page.len() {
        lines.push(&page[start..]);
    }
    lines
}

fn without_terminator(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

proptest! {
    #[test]
    fn lines_tile_the_page_and_each_is_yielded_once(page in page(), config in config()) {
        let cleaned = cleaner(config).clean_page(&page);
        let lines = all_lines(&cleaned);
        let bytes: Vec<&[u8]> = lines.iter().map(|line| line.bytes).collect();
        prop_assert_eq!(&bytes, &naive_lines(&page));
        prop_assert_eq!(cleaned.line_count(), lines.len());
        let mut at = 0;
        for (index, line) in lines.iter().enumerate() {
            prop_assert_eq!(line.number, index + 1);
            prop_assert_eq!(line.start, at);
            prop_assert_eq!(line.bytes, &page[line.start..line.end]);
            let terminator = &line.bytes[line.text.len()..];
            prop_assert!(line.bytes.starts_with(line.text));
            prop_assert!(matches!(terminator, b"" | b"\n" | b"\r\n" | b"\r"));
            prop_assert!(!line.text.contains(&b'\n') && !line.text.contains(&b'\r'));
            at = line.end;
        }
        prop_assert_eq!(at, page.len());
    }

    #[test]
    fn every_line_that_is_not_blank_has_its_verdict(page in page(), config in config()) {
        let cleaned = cleaner(config).clean_page(&page);
        let from_each_line: Vec<_> = cleaned
            .each_line()
            .filter(|line| line.verdict.reason != Reason::Blank)
            .map(|line| (line.number, line.start, line.verdict))
            .collect();
        let from_lists: Vec<_> = cleaned
            .lines()
            .iter()
            .zip(cleaned.verdicts())
            .map(|(line, verdict)| (line.number, line.start, *verdict))
            .collect();
        prop_assert_eq!(from_each_line, from_lists);
        prop_assert_eq!(cleaned.lines().len(), cleaned.verdicts().len());
    }

    #[test]
    fn kept_and_removed_bytes_add_up_to_the_page(page in page(), config in config()) {
        let cleaned = cleaner(config).clean_page(&page);
        let mut counts = Counts::default();
        counts.add(&cleaned);
        prop_assert!(counts.adds_up());
        prop_assert_eq!(counts.bytes_in, page.len() as u64);
        prop_assert_eq!(counts.bytes_kept, cleaned.body().len() as u64);
        prop_assert_eq!(counts.bytes_kept + counts.bytes_removed(), page.len() as u64);
        let removed_lines: u64 = counts.removed().iter().map(|(_, removed)| removed.lines).sum();
        let kept_lines = cleaned.each_line().filter(|line| line.verdict.is_kept).count() as u64;
        prop_assert_eq!(kept_lines + removed_lines, counts.lines);
    }

    #[test]
    fn body_and_removed_lines_rebuild_the_page(page in page(), config in config()) {
        let cleaned = cleaner(config).clean_page(&page);
        let body = cleaned.body();
        let mut rest = &body[..];
        let mut rebuilt = Vec::new();
        for line in cleaned.each_line() {
            if line.verdict.is_kept {
                let (kept, behind) = rest.split_at(line.end - line.start);
                rebuilt.extend_from_slice(kept);
                rest = behind;
            } else {
                rebuilt.extend_from_slice(line.bytes);
            }
        }
        prop_assert_eq!(&rebuilt[..], &page[..]);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn lines_of_the_body_are_a_byte_identical_subsequence(page in page(), config in config()) {
        let body = cleaner(config).clean_page(&page).body();
        let mut of_page = naive_lines(&page).into_iter().map(without_terminator);
        for line in naive_lines(&body).into_iter().map(without_terminator) {
            let is_of_page = is_blank(line) || of_page.any(|other| other == line);
            prop_assert!(is_of_page, "not in order: {}", visible(line));
        }
    }

    #[test]
    fn blank_lines_of_the_body_stand_alone_and_between_lines(page in page(), config in config()) {
        let cleaned = cleaner(config).clean_page(&page);
        let are_blank: Vec<bool> = cleaned
            .each_line()
            .filter(|line| line.verdict.is_kept)
            .map(|line| line.verdict.reason == Reason::Blank)
            .collect();
        prop_assert!(are_blank.windows(2).all(|pair| pair != [true, true]));
        prop_assert_ne!(are_blank.first(), Some(&true));
        prop_assert_ne!(are_blank.last(), Some(&true));
    }

    #[test]
    fn blank_lines_between_kept_neighbours_leave_one(page in page(), config in config()) {
        let cleaned = cleaner(config).clean_page(&page);
        let lines = all_lines(&cleaned);
        let is_blank_line = |line: &CleanedLine<'_>| line.verdict.reason == Reason::Blank;
        for blanks in lines.split(|line| !is_blank_line(line)).filter(|run| !run.is_empty()) {
            let (first, last) = (blanks[0].number, blanks[blanks.len() - 1].number);
            let is_kept = |number: Option<usize>| {
                number.and_then(|at| lines.get(at)).is_some_and(|line| line.verdict.is_kept)
            };
            if is_kept(first.checked_sub(2)) && is_kept(Some(last)) {
                let kept: Vec<_> = blanks.iter().filter(|line| line.verdict.is_kept).collect();
                prop_assert_eq!(kept.len(), 1);
                prop_assert_eq!(kept[0].number, first);
            }
        }
    }

    #[test]
    fn a_repeat_points_at_an_earlier_line_that_is_no_repeat(page in page(), config in config()) {
        let cleaned = cleaner(config).clean_page(&page);
        let lines = all_lines(&cleaned);
        for line in &lines {
            if let Reason::Repeat { of } = line.verdict.reason {
                prop_assert!(of < line.number);
                let reason = lines[of - 1].verdict.reason;
                prop_assert!(
                    matches!(reason, Reason::Body | Reason::Boilerplate),
                    "line {} repeats {of}, which is {reason:?}", line.number
                );
            }
        }
    }

    #[test]
    fn scores_lie_in_zero_to_one(page in page()) {
        for line in cleaner(Config::default()).clean_page(&page).each_line() {
            let score = line.verdict.score;
            prop_assert!((0.0..=1.0).contains(&score.alone), "{score:?}");
            prop_assert!((0.0..=1.0).contains(&score.context), "{score:?}");
        }
    }

    #[test]
    fn a_line_goes_exactly_for_a_reason_to_go(page in page(), config in config()) {
        let cleaned = cleaner(config.clone()).clean_page(&page);
        let going = |verdict: &Verdict| likelihood_of_going(&config, &verdict.score);
        let is_unsure = |verdict: &&Verdict| goes_surely(&config, &verdict.score).is_none();
        let for_score = |verdict: &&Verdict| {
            let reasons = [Reason::Boilerplate, Reason::Comment, Reason::Headline];
            reasons.contains(&verdict.reason)
        };
        let gone = cleaned.verdicts().iter().filter(is_unsure).filter(for_score);
        let least = gone.map(going).fold(2.0, f32::min);
        let cut = match config.threshold {
            Threshold::At(cut) => cut,
            // The page's own: all lines that go for their score are above all that stay, but for what
            // may be the headline.
            Threshold::Auto => least,
        };
        let mut evidence = Evidence::default();
        evidence.gather(&page, Needs::PAGE);
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        for (line, verdict) in cleaned.verdicts().iter().enumerate() {
            let score = &verdict.score;
            // Sums are made in another order here.
            let is_over_cut = going(verdict) >= cut - 1e-6;
            let is_under_cut = going(verdict) < cut + 1e-6;
            let is_like_headline = score.headline >= MAY_BE_HEADLINE
                || repeats.copied_by(line) == Some(Rule::Headline);
            let may_be_headline = config.threshold == Threshold::Auto
                && config.headline != Treatment::Drop
                && is_like_headline;
            let goes_as = |treatment, likelihood: f32| {
                let is_of_kind = likelihood >= 0.5 && goes_surely(&config, score) == Some(true);
                let is_tipped = is_over_cut && (score.context < cut || likelihood >= 0.5);
                treatment == Treatment::Drop && (is_of_kind || is_tipped)
            };
            prop_assert_eq!(verdict.is_kept, verdict.reason == Reason::Body);
            match verdict.reason {
                Reason::Body => {
                    let stays = goes_surely(&config, score).map(|goes| !goes);
                    let stays = stays.unwrap_or(is_under_cut || may_be_headline);
                    prop_assert!(stays || !config.score);
                }
                Reason::Boilerplate => {
                    prop_assert!(config.score && is_over_cut);
                }
                Reason::Repeat { .. } => prop_assert!(config.page_repeats),
                Reason::Blank => prop_assert!(false, "a blank line among the others"),
                Reason::Template { .. } | Reason::Duplicate { .. } => {
                    prop_assert!(false, "a page alone has neither");
                }
                Reason::Comment => prop_assert!(goes_as(config.comments, score.comment)),
                Reason::Headline => prop_assert!(goes_as(config.headline, score.headline)),
            }
        }
    }

    #[test]
    fn a_dirty_workspace_changes_nothing(
        pages in prop::collection::vec(page(), 2..5),
        config in config(),
        reclaims in any::<bool>(),
    ) {
        let cleaner = cleaner(config);
        let mut workspace = Workspace::default();
        for page in &pages {
            let cleaned = cleaner.clean_page_with(page, &mut workspace);
            prop_assert_eq!(all_lines(&cleaned), all_lines(&cleaner.clean_page(page)));
            if reclaims {
                workspace.reclaim(cleaned);
            }
        }
    }

    #[test]
    fn the_same_page_gives_the_same_decisions(page in page(), config in config()) {
        let cleaned = cleaner(config.clone()).clean_page(&page);
        let again = cleaner(config).clean_page(&page);
        prop_assert_eq!(all_lines(&cleaned), all_lines(&again));
    }

    #[test]
    fn with_every_scope_off_only_blank_lines_go(page in page()) {
        let config = Config { page_repeats: false, score: false, ..Config::default() };
        let cleaned = cleaner(config).clean_page(&page);
        for line in cleaned.each_line().filter(|line| !line.verdict.is_kept) {
            prop_assert_eq!(line.verdict.reason, Reason::Blank);
        }
    }

    #[test]
    fn terminators_do_not_change_decisions(lines in lines(), config in config()) {
        let cleaner = cleaner(config);
        let verdicts = |terminator: &str| {
            let page = join(&lines, terminator);
            let cleaned = cleaner.clean_page(&page);
            cleaned.each_line().map(|line| line.verdict).collect::<Vec<_>>()
        };
        let with_lf = verdicts("\n");
        prop_assert_eq!(&with_lf, &verdicts("\r\n"));
        prop_assert_eq!(&with_lf, &verdicts("\r"));
    }

    #[test]
    fn a_higher_cut_never_removes_more_by_score(page in page(), one in 0.0_f32..=1.0, other in 0.0_f32..=1.0) {
        let removed_at = |cut: f32| {
            let config = Config { threshold: Threshold::At(cut), page_repeats: false, ..Config::default() };
            let cleaned = cleaner(config).clean_page(&page);
            cleaned.verdicts().iter().map(|verdict| !verdict.is_kept).collect::<Vec<_>>()
        };
        let low = removed_at(one.min(other));
        let high = removed_at(one.max(other));
        prop_assert!(low.iter().zip(&high).all(|(low, high)| low >= high));
    }
}
