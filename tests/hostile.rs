//! Pages made to cost much or to be cut wrongly: each finishes, with the decisions expected.
//!
//! No clock is asked: quadratic work on pages of this size would not finish.

use std::fmt::Write;

use dechaff::report::Counts;
use dechaff::{Cleaner, Config, Reason};

const LINES: usize = 200_000;

/// Lines that went as repeats and lines that stayed, with the score turned off.
#[derive(Debug, PartialEq)]
struct Outcome {
    repeats: u64,
    kept: u64,
}

fn repeats_only(page: &str) -> Outcome {
    let config = Config {
        score: false,
        ..Config::default()
    };
    let counts = counts(page, config);
    assert_eq!(counts.boilerplate.lines, 0);
    Outcome {
        repeats: counts.repeat.lines,
        kept: counts.lines - counts.repeat.lines - counts.blank.lines,
    }
}

fn counts(page: &str, config: Config) -> Counts {
    let cleaner = Cleaner::new(config).expect("the config is good");
    let cleaned = cleaner.clean_page(page.as_bytes());
    let mut counts = Counts::default();
    counts.add(&cleaned);
    assert!(counts.adds_up());
    counts
}

const NOTHING_GOES: Outcome = Outcome {
    repeats: 0,
    kept: LINES as u64,
};

fn page_of(lines: usize, line: impl Fn(usize) -> String) -> String {
    let mut page = String::new();
    for number in 0..lines {
        writeln!(page, "{}", line(number)).expect("a string takes any text");
    }
    page
}

#[test]
fn equal_lines_all_stay() {
    let page = "The same sentence over and over, nothing else on this page.\n".repeat(LINES);
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn two_lines_in_turn_all_stay() {
    let pair =
        "A first sentence that is quite long and returns.\nA second one, said in answer to it.\n";
    assert_eq!(repeats_only(&pair.repeat(LINES / 2)), NOTHING_GOES);
}

#[test]
fn a_block_said_twice_goes_once() {
    let block = page_of(LINES / 2, |number| {
        format!("Sentence number {number} of a report.")
    });
    let page = block.repeat(2);
    let expected = Outcome {
        repeats: LINES as u64 / 2,
        kept: LINES as u64 / 2,
    };
    assert_eq!(repeats_only(&page), expected);

    let cleaner = Cleaner::new(Config::default()).expect("the config is good");
    let cleaned = cleaner.clean_page(page.as_bytes());
    let first_copy = LINES / 2;
    let lines: Vec<_> = cleaned.each_line().collect();
    let mut stay = 0;
    for (first, copy) in lines.iter().zip(&lines[first_copy..]) {
        if first.verdict.is_kept {
            let of = first.number;
            assert_eq!(copy.verdict.reason, Reason::Repeat { of });
            stay += 1;
        }
    }
    assert!(stay > first_copy / 2, "{stay}");
}

#[test]
fn lines_in_fibonacci_order_all_stay() {
    let (mut shorter, mut order) = ("b".to_owned(), "a".to_owned());
    while order.len() < LINES {
        (shorter, order) = (order.clone(), order + &shorter);
    }
    let page = page_of(LINES, |number| {
        format!(
            "A line of the kind that is called {}",
            &order[number..=number]
        )
    });
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn returning_lines_of_a_log_all_stay() {
    let page = page_of(LINES, |number| {
        format!("Sentence number {} of a report.", number % 1_000)
    });
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn lines_with_one_prefix_all_stay() {
    let prefix = "A long beginning that every line of this page has in common with all others";
    let page = page_of(LINES, |number| format!("{prefix}: {number}"));
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn lines_with_one_suffix_all_stay() {
    let suffix = "is how each and every line of this page comes to its common end";
    let page = page_of(LINES, |number| format!("{number} - {suffix}"));
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn lines_with_one_prefix_and_one_suffix_all_stay() {
    let page = page_of(LINES, |number| {
        format!("The item in the shop with number {number} can be ordered from the store house")
    });
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn of_lines_that_stick_something_on_the_first_only_its_neighbours_go() {
    let first = "A first line, long enough for a caption, that all others begin with";
    let page = page_of(LINES, |number| match number {
        0 => first.to_owned(),
        number => format!("{first} | {number}"),
    });
    let expected = Outcome {
        repeats: 2,
        kept: LINES as u64 - 2,
    };
    assert_eq!(repeats_only(&page), expected);
}

#[test]
fn lines_cut_ever_longer_all_stay() {
    let text = "x y ".repeat(50);
    let page = page_of(LINES, |number| format!("{}...", &text[..20 + number % 180]));
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn one_byte_lines_all_stay() {
    let page = page_of(LINES, |number| {
        char::from(b'!' + (number * 7 % 94) as u8).to_string()
    });
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn a_page_of_blank_lines_comes_out_empty() {
    let page = page_of(LINES, |number| {
        ["", " ", "\u{a0}", "\t\r"][number % 4].to_owned()
    });
    let counts = counts(&page, Config::default());
    assert_eq!(counts.bytes_kept, 0);
    assert_eq!(counts.blank.bytes, page.len() as u64);
    assert_eq!(counts.blank.lines, counts.lines);
}

#[test]
fn lines_of_zero_bytes_are_lines() {
    let page = "\0\n".repeat(LINES);
    assert_eq!(repeats_only(&page), NOTHING_GOES);
}

#[test]
fn one_line_of_20_mb_is_one_decision() {
    let page = "A sentence without any end to it, ".repeat(20_000_000 / 34 + 1);
    let expected = Outcome {
        repeats: 0,
        kept: 1,
    };
    assert_eq!(repeats_only(&page), expected);
}

#[test]
fn one_line_of_20_mb_outside_utf8_is_one_decision() {
    let page = vec![0xff; 20_000_000];
    let cleaner = Cleaner::new(Config::default()).expect("the config is good");
    let cleaned = cleaner.clean_page(&page);
    assert_eq!(cleaned.verdicts().len(), 1);
}
