//! The rule of the module, word for word and slow, beside the one in use; and examples.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use proptest::prelude::*;

/// Lines of one letter each; a letter is as many bytes and characters long as it is far in
/// the alphabet. A space is a blank line.
fn lines(page: &str) -> Vec<PageLine> {
    let letters = page.chars().zip(1..).filter(|(letter, _)| *letter != ' ');
    letters
        .map(|(letter, number)| PageLine {
            fingerprint: Fingerprint::of(letter.to_string().as_bytes()),
            chars: size(letter) as u32,
            bytes: size(letter) as u32,
            number,
        })
        .collect()
}

fn size(letter: char) -> u64 {
    u64::from(u32::from(letter) - u32::from('a')) + 1
}

/// Pages with the names of their sites.
type Pages<'p> = [(Option<&'p str>, &'p str)];

fn finder(pages: &Pages<'_>, scope: Scope) -> BlockFinder {
    let mut finder = BlockFinder::new(scope);
    for (site, page) in pages {
        let site = site.map(|site| Fingerprint::of(site.as_bytes()));
        finder.begin_page(site).expect("room");
        finder.add_lines(&lines(page), 0).expect("room");
    }
    finder
}

fn find(pages: &Pages<'_>, scope: Scope, rule: &BlockRule) -> Repeats {
    finder(pages, scope).find(rule)
}

/// A place of a block: number of the page, and of the line among those that are not blank.
type Spot = (usize, usize);
/// The pages whose lines count together: numbers and texts.
type Group = Vec<(usize, Vec<char>)>;

#[derive(Clone, Debug)]
struct NaiveBlock {
    run: String,
    spots: Vec<Spot>,
}

impl NaiveBlock {
    /// The lines of a place with their bytes.
    fn lines(&self, (page, at): Spot) -> impl Iterator<Item = (Spot, u64)> + '_ {
        let letters = self.run.chars().enumerate();
        letters.map(move |(step, letter)| ((page, at + step), size(letter)))
    }

    /// The same without those that are covered.
    fn free(&self, spot: Spot, covered: &BTreeSet<Spot>) -> Vec<(Spot, u64)> {
        let lines = self.lines(spot);
        lines.filter(|(line, _)| !covered.contains(line)).collect()
    }
}

/// What a block is, word for word: all blocks of a group with all their places.
fn naive_blocks(group: &Group, rule: &BlockRule) -> Vec<NaiveBlock> {
    let mut places: BTreeMap<String, Vec<Spot>> = BTreeMap::new();
    for (page, text) in group {
        for start in 0..text.len() {
            for end in start + 1..=text.len() {
                let run = text[start..end].iter().collect();
                places.entry(run).or_default().push((*page, start));
            }
        }
    }
    let letter = |page: usize, at: Option<usize>| {
        let text = group.iter().find(|(other, _)| *other == page);
        text.and_then(|(_, text)| text.get(at?).copied())
    };
    let differ =
        |neighbours: BTreeSet<Option<char>>| neighbours.len() > 1 || neighbours.contains(&None);
    let blocks = places.into_iter().filter_map(|(run, all)| {
        let length = run.len();
        let before = all
            .iter()
            .map(|&(page, at)| letter(page, at.checked_sub(1)));
        let behind = all
            .iter()
            .map(|&(page, at)| letter(page, Some(at + length)));
        let is_maximal = differ(before.collect()) && differ(behind.collect());
        let overlaps = all
            .windows(2)
            .any(|pair| pair[0].0 == pair[1].0 && 2 * (pair[1].1 - pair[0].1) <= length);
        let mut spots: Vec<Spot> = Vec::new();
        for &(page, at) in &all {
            let last = spots.last();
            if last.is_none_or(|&(other, before)| other != page || before + length <= at) {
                spots.push((page, at));
            }
        }
        let pages: BTreeSet<_> = all.iter().map(|spot| spot.0).collect();
        let chars: u64 = run.chars().map(size).sum();
        let is_block = is_maximal
            && !overlaps
            && spots.len() > 1
            && pages.len() >= rule.min_pages
            && length >= rule.min_lines as usize
            && chars >= rule.min_chars;
        is_block.then_some(NaiveBlock { run, spots })
    });
    blocks.collect()
}

/// How blocks are chosen, word for word: each with the bytes it saves, and the lines that are
/// gone then.
fn naive_choice(blocks: &[NaiveBlock]) -> (Vec<(u64, NaiveBlock)>, BTreeSet<Spot>) {
    let (mut covered, mut gone) = (BTreeSet::new(), BTreeSet::new());
    let mut whole_copies: Vec<(Spot, usize)> = Vec::new();
    let mut chosen = Vec::new();
    loop {
        let looked = blocks.iter().map(|block| {
            let bytes = |&spot: &Spot| -> u64 {
                let free = block.free(spot, &covered).into_iter();
                free.map(|line| line.1).sum()
            };
            let has_copy = block.spots.iter().any(|&(page, at)| {
                whole_copies.iter().any(|&((other, start), length)| {
                    other == page && start <= at && at + block.run.len() <= start + length
                })
            });
            let sum: u64 = block.spots.iter().map(bytes).sum();
            let most = block.spots.iter().map(bytes).max().unwrap_or(0);
            match has_copy {
                true => (sum, block, None),
                false => {
                    let stays = block.spots.iter().find(|spot| bytes(spot) == most);
                    (sum - most, block, stays.copied())
                }
            }
        });
        let rank = |looked: &(u64, &NaiveBlock, Option<Spot>)| {
            let (saved, block, _) = looked;
            (*saved, block.run.len(), Reverse(block.spots[0]))
        };
        let best = looked.max_by_key(rank).filter(|best| best.0 > 0);
        let Some((saved, block, stays)) = best else {
            return (chosen, gone);
        };
        for &spot in &block.spots {
            let free = block.free(spot, &covered);
            if stays != Some(spot) {
                gone.extend(free.iter().map(|line| line.0));
            } else if free.len() == block.run.len() {
                whole_copies.push((spot, free.len()));
            }
        }
        for &spot in &block.spots {
            covered.extend(block.lines(spot).map(|line| line.0));
        }
        chosen.push((saved, block.clone()));
    }
}

fn check(pages: &Pages<'_>, scope: Scope, rule: &BlockRule) {
    let texts: Vec<Vec<char>> = pages
        .iter()
        .map(|(_, page)| page.chars().filter(|letter| *letter != ' ').collect())
        .collect();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (number, text) in texts.iter().enumerate() {
        let group = match (scope, pages[number].0) {
            (Scope::Corpus, _) => String::new(),
            (Scope::Site, Some(site)) => site.to_owned(),
            _ => format!("page {number}"),
        };
        groups
            .entry(group)
            .or_default()
            .push((number, text.clone()));
    }
    let groups = groups.values();
    let blocks: Vec<NaiveBlock> = groups.flat_map(|group| naive_blocks(group, rule)).collect();
    let (chosen, gone) = naive_choice(&blocks);

    let found = find(pages, scope, rule);
    assert!(found.is_complete);
    assert_eq!(found.found, blocks.len() as u64);
    assert_eq!(found.saving, chosen.len() as u64);
    assert_eq!(found.blocks.len(), chosen.len());
    let number = |page: usize, at: usize| lines(pages[page].1)[at].number;
    for (block, (saved, NaiveBlock { run, spots })) in found.blocks.iter().zip(&chosen) {
        let distinct: BTreeSet<_> = spots.iter().map(|spot| spot.0).collect();
        let bytes: u64 = run.chars().map(size).sum();
        let first = spots.iter().take(rule.places);
        let expected = RepeatedBlock {
            lines: run.len() as u32,
            chars: bytes,
            bytes,
            places: spots.len() as u32,
            pages: distinct.len() as u32,
            saved_bytes: *saved,
            first: first
                .map(|&(page, at)| Extent {
                    page: page as u32,
                    first_line: number(page, at),
                    last_line: number(page, at + run.len() - 1),
                })
                .collect(),
        };
        assert_eq!(block, &expected, "{run}");
    }

    let size_of = |&(page, at): &Spot| size(texts[page][at]);
    assert_eq!(found.saved_bytes, gone.iter().map(size_of).sum::<u64>());
    let spots = texts.iter().enumerate();
    let spots = spots.flat_map(|(page, text)| (0..text.len()).map(move |at| (page, at)));
    let stays: BTreeSet<char> = spots
        .filter(|spot| !gone.contains(spot))
        .map(|(page, at)| texts[page][at])
        .collect();
    assert!(
        gone.iter()
            .all(|&(page, at)| stays.contains(&texts[page][at]))
    );
}

proptest! {
    #[test]
    fn blocks_are_those_of_the_naive_rule(
        pages in prop::collection::vec(("[ab]{0,12}", 0..3_usize), 0..4),
        more in prop::collection::vec(("[a-d ]{0,16}", 0..3_usize), 0..4),
        menu in "[e-h]{2,5}",
        min_lines in 1_u32..4,
        min_chars in 0_u64..12,
        min_pages in 0_usize..4,
    ) {
        let more = more.into_iter().map(|(page, site)| (format!("{menu}{page}{menu}"), site));
        let pages: Vec<(String, usize)> = pages.into_iter().chain(more).collect();
        let sites = [None, Some("one"), Some("two")];
        let pages: Vec<_> = pages.iter().map(|(page, site)| (sites[*site], &page[..])).collect();
        let rule = BlockRule { min_lines, min_chars, min_pages, ..BlockRule::default() };
        for scope in [Scope::Page, Scope::Site, Scope::Corpus] {
            check(&pages, scope, &BlockRule::default());
            check(&pages, scope, &rule);
        }
    }
}

fn told(pages: &[&str], rule: &BlockRule) -> Vec<(u32, u32, u64)> {
    let pages: Vec<_> = pages.iter().map(|&page| (None, page)).collect();
    let found = find(&pages, Scope::Corpus, rule);
    let blocks = found.blocks.iter();
    blocks
        .map(|block| (block.lines, block.places, block.saved_bytes))
        .collect()
}

#[test]
fn of_periodic_text_one_period_is_told_of() {
    let rule = BlockRule::default();
    assert_eq!(told(&[&"a".repeat(1000)], &rule), [(1, 1000, 999)]);
    assert_eq!(told(&[&"ab".repeat(500)], &rule), [(2, 500, 499 * 3)]);
    assert_eq!(told(&[&"abc".repeat(2)], &rule), [(3, 2, 6)]);
}

#[test]
fn blocks_do_not_run_over_the_ends_of_pages() {
    let rule = BlockRule::default();
    assert_eq!(told(&["ab", "ab"], &rule), [(2, 2, 3)]);
    assert_eq!(told(&["a", "b", "a", "b"], &rule), [(1, 2, 2), (1, 2, 1)]);
    assert_eq!(told(&["", "a", "", "a", ""], &rule), [(1, 2, 1)]);
    assert_eq!(told(&[], &rule), []);
    assert_eq!(told(&["", ""], &rule), []);
}

#[test]
fn a_block_in_a_block_is_told_of_only_where_it_saves_more() {
    let rule = BlockRule::default();
    let menus = ["xabcd", "yabcd", "abcdz"];
    assert_eq!(told(&menus, &rule), [(4, 3, 20)]);
    // On a page of its own, "b" is the fourth and goes too.
    let more = [&menus[..], &["b"]].concat();
    assert_eq!(told(&more, &rule), [(4, 3, 20), (1, 4, 2)]);
    // The longer of two that save the same.
    assert_eq!(told(&["cxab", "cyab"], &rule), [(2, 2, 3), (1, 2, 3)]);
}

#[test]
fn the_top_is_cut_off_and_the_rest_still_counts() {
    let pages = [(None, "abxcd"), (None, "abycd")];
    let rule = BlockRule {
        top: 1,
        places: 1,
        ..BlockRule::default()
    };
    let found = find(&pages, Scope::Corpus, &rule);
    assert_eq!((found.found, found.saving, found.saved_bytes), (2, 2, 10));
    assert_eq!(found.blocks.len(), 1);
    assert_eq!(found.blocks[0].saved_bytes, 7);
    assert_eq!(found.blocks[0].first.len(), 1);
}

#[test]
fn copies_of_different_length_save_what_each_one_has() {
    let mut finder = BlockFinder::new(Scope::Corpus);
    let mut reader = LineReader::new(CorpusNormalize::Space);
    for page in ["a  line\r\n", "a line", "a    line\n"] {
        let mut lines = Vec::new();
        assert_eq!(reader.read(page.as_bytes(), &mut lines), 1);
        finder.begin_page(None).expect("room");
        finder.add_lines(&lines, 0).expect("room");
    }
    let found = finder.find(&BlockRule::default());
    // The first copy stays.
    assert_eq!(found.saved_bytes, 6 + 10);
    assert_eq!((found.blocks[0].bytes, found.blocks[0].chars), (9, 6));
}

#[test]
fn lines_are_compared_as_they_are_folded() {
    let text = "\u{feff}\n A\u{a0} b\t\n\n\u{201c}Q\u{201d}\r\n";
    for (normalize, folded) in [
        (CorpusNormalize::None, [" A\u{a0} b\t", "\u{201c}Q\u{201d}"]),
        (CorpusNormalize::Space, ["A b", "\u{201c}Q\u{201d}"]),
        (CorpusNormalize::Full, ["a b", "'q'"]),
    ] {
        let mut lines = Vec::new();
        assert_eq!(
            LineReader::new(normalize).read(text.as_bytes(), &mut lines),
            4
        );
        let expected =
            [(folded[0], 8, 2), (folded[1], 9, 4)].map(|(folded, bytes, number)| PageLine {
                fingerprint: Fingerprint::of(folded.as_bytes()),
                chars: folded.chars().count() as u32,
                bytes,
                number,
            });
        assert_eq!(lines, expected, "{normalize:?}");
    }
}

#[test]
fn a_page_in_stretches_is_one_page() {
    let mut finder = BlockFinder::new(Scope::Page);
    finder.begin_page(None).expect("room");
    for lines_before in [0, 10, 20] {
        finder
            .add_lines(&lines("x ab"), lines_before)
            .expect("room");
    }
    let found = finder.find(&BlockRule::default());
    let places = found.blocks[0].first.iter();
    let places: Vec<_> = places
        .map(|place| (place.first_line, place.last_line))
        .collect();
    assert_eq!(places, [(1, 4), (11, 14), (21, 24)]);
}

#[test]
fn a_search_that_is_cut_short_still_adds_up() {
    let letters = "abcdefghijklmnopqrstuvwxyz";
    let pages: Vec<_> = (0..26)
        .flat_map(|at| [&letters[..at], &letters[at..]])
        .map(|page| (None, page))
        .collect();
    let rule = BlockRule::default();
    let bytes = |text: &str| text.chars().map(size).sum::<u64>();
    let all_but_one_copy = pages.iter().map(|(_, page)| bytes(page)).sum::<u64>() - bytes(letters);
    let whole = find(&pages, Scope::Corpus, &rule);
    assert!(whole.is_complete && whole.saving > 10);
    assert!(whole.saved_bytes <= all_but_one_copy);
    for steps in [|_| 0, |_| 300, |_| 3000] {
        let cut = finder(&pages, Scope::Corpus).find_within(&rule, steps);
        let sum: u64 = cut.blocks.iter().map(|block| block.saved_bytes).sum();
        assert!(!cut.is_complete && cut.found < whole.found);
        assert!(sum > 0 || steps(0) == 0);
        assert_eq!(sum, cut.saved_bytes);
        assert!(sum <= all_but_one_copy);
    }
}
