//! `dechaff train` as a user meets it: labelled pages in, a model file out that `clean`, `eval`
//! and `explain` take.
#![cfg(feature = "cli")]

mod support;

use std::collections::BTreeSet;
use std::fs;

use dechaff::score::{FeatureGroup, Features, Kind, Model, Reads};
use serde_json::{Value, json};
use support::letters::letters;
use support::{Outcome, Place};

/// Words that only furniture has on these pages, and words that only body has.
const CHAFF: [&str; 4] = ["grumble", "snort", "bellow", "wheeze"];
const BODY: [&str; 4] = ["marmalade", "lantern", "puddle", "walnut"];

/// Labelled pages whose lines tell by their words alone.
fn gold(pages: usize) -> String {
    gold_in(pages, str::to_owned)
}

/// The same with other words in their places.
fn gold_in(pages: usize, translated: impl Fn(&str) -> String) -> String {
    let page = |page: usize| {
        let line = |line: usize| {
            let is_body = !(page + line / 3).is_multiple_of(2);
            let words = if is_body { BODY } else { CHAFF };
            let word = |at: usize| translated(words[(page + line * 3 + at) % 4]);
            let text = format!(
                "{} {} {} {}",
                word(0),
                word(1),
                word(3),
                letters(page * 9 + line)
            );
            (text, i32::from(is_body))
        };
        let (lines, labels): (Vec<String>, Vec<i32>) = (0..9).map(line).unzip();
        let row = json!({
            "id": format!("page{page}"), "source": (if page.is_multiple_of(2) { "odd" } else { "even" }),
            "domain": format!("site{}.example", page % 12), "lines": lines, "labels": labels,
        });
        format!("{row}\n")
    };
    (0..pages).map(page).collect()
}

fn place() -> Place {
    Place::with([
        ("gold.jsonl", gold(120)),
        ("fresh.jsonl", gold(160)[gold(120).len()..].to_owned()),
    ])
}

/// `dechaff ARGUMENTS`, on so many threads.
fn run(place: &Place, arguments: &[&str], threads: &str) -> Outcome {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("dechaff");
    command
        .current_dir(place.path("."))
        .env("RAYON_NUM_THREADS", threads)
        .args(arguments);
    Outcome::new(command.output().expect("the program runs"))
}

/// `dechaff train gold.jsonl -o OUTPUT --trees 6 -q OPTIONS`.
fn trained(place: &Place, output: &str, options: &[&str]) -> Outcome {
    let always = ["train", "gold.jsonl", "-o", output, "--trees", "6", "-q"];
    run(place, &[&always[..], options].concat(), "2")
}

#[test]
fn a_model_learns_the_users_own_labels() {
    let place = place();
    trained(&place, "own.model", &[]).expect(0);
    let arguments = [
        "eval",
        "--model",
        "own.model",
        "--beside",
        "fast",
        "--json",
        "--scopes",
        "page",
    ];
    let outcome = run(&place, &[&arguments[..], &["fresh.jsonl"]].concat(), "2").expect(0);
    let shown: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
    let f1 = |table: usize| {
        shown["tables"][table]["mean"]["line_f1"]
            .as_f64()
            .expect("a figure")
    };
    let names = shown["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .map(|table| &table["name"]);
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["model", "terminal-punctuation", "best-run", "fast"]
    );
    assert!(f1(0) > 0.95, "{}", f1(0));
    assert!(f1(0) > f1(3) + 0.1, "{} {}", f1(0), f1(3));

    let fresh = place.read_text("fresh.jsonl");
    let page: Value = serde_json::from_str(fresh.lines().next().expect("a row")).expect("JSON");
    let lines = page["lines"].as_array().expect("lines").iter();
    let labelled = lines.zip(page["labels"].as_array().expect("labels"));
    let text = |labels: &[i32]| -> String {
        let wanted = labelled
            .clone()
            .filter(|(_, label)| labels.iter().any(|of| *label == of));
        wanted
            .map(|(line, _)| format!("{}\n", line.as_str().expect("text")))
            .collect()
    };
    place.file("in.txt", text(&[0, 1]));
    let model = ["--model", "own.model", "--threshold", "0.5"];
    let options = [&model[..], &["-q", "--stats", "stats"]].concat();
    place
        .clean([&["in.txt", "-o", "out.txt"], &options[..]].concat())
        .expect(0);
    assert_eq!(place.read_text("out.txt"), text(&[1]));
    let record = place.read_json("stats");
    let model = record["settings"]["model"].as_str().expect("text");
    assert!(model.starts_with("file "), "{model}");
}

/// The line F1 that `eval` says.
fn line_f1(place: &Place, arguments: &[&str]) -> f64 {
    let always = ["eval", "--json", "--scopes", "none", "--scorer", "model"];
    let outcome = run(place, &[&always[..], arguments].concat(), "2").expect(0);
    let evaluation: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
    let figure = &evaluation["tables"][0]["rows"][0]["line_f1"];
    figure.as_f64().expect("a figure")
}

/// A word of a language that no labelled page is in.
fn foreign(word: &str) -> String {
    format!("{}ova", word.chars().rev().collect::<String>())
}

#[test]
fn a_model_of_text_is_taught_by_markup() {
    let place = Place::new();
    let (markup, html) = gold_of_html(120);
    place.directory("html");
    place
        .file("gold.jsonl", markup)
        .file("html/gold.jsonl.zst", html);
    trained(&place, "html.model", &["--html"]).expect(0);
    // Pages whose words the labelled ones do not have, and whose markup is theirs.
    let fresh = gold_in(160, foreign);
    let in_markup = |row: &str| {
        let row: Value = serde_json::from_str(row).expect("JSON");
        let lines = row["lines"].as_array().expect("lines").iter();
        let labelled = lines.zip(row["labels"].as_array().expect("labels"));
        let block =
            |(line, label): (&Value, &Value)| block(line.as_str().expect("text"), label == 1);
        let html: String = labelled.map(block).collect();
        format!(
            "{}\n",
            json!({"id": row["id"], "html": html, "lines": row["lines"]})
        )
    };
    place
        .file("gold.jsonl", gold(120))
        .file(
            "pages.jsonl",
            fresh.lines().map(in_markup).collect::<String>(),
        )
        .file("foreign.jsonl", gold_in(60, foreign));
    let taught = [
        "--unlabelled",
        "pages.jsonl",
        "--html-teacher",
        "html.model",
    ];
    trained(&place, "taught", &taught).expect(0);
    let taught = line_f1(&place, &["foreign.jsonl", "--model", "taught"]);
    assert!(taught > 0.95, "{taught}");
}

#[test]
fn unlabelled_pages_that_are_none_are_refused() {
    let place = place();
    for (row, why) in [
        (
            r#"{"id":"1"}"#,
            "pages.jsonl:2: neither lines nor html; expected",
        ),
        (r#"{"lines":["a"]}"#, "pages.jsonl:2: missing field `id`"),
        ("\u{1b}[2J", "pages.jsonl:2: "),
        (r#"{"id":"1","lines":"a"}"#, "pages.jsonl:2: "),
    ] {
        place.file(
            "pages.jsonl",
            format!("{{\"id\":\"0\",\"lines\":[]}}\n{row}"),
        );
        let outcome = trained(&place, "none", &["--unlabelled", "pages.jsonl"]).expect(1);
        outcome.mentions(why);
        assert!(!outcome.stderr.contains('\u{1b}'));
    }
    trained(&place, "none", &["--unlabelled", "nowhere"])
        .expect(1)
        .mentions("nowhere: cannot be opened");
    trained(&place, "none", &["--teacher", "fast"])
        .expect(2)
        .mentions("--unlabelled");
    assert!(!place.path("none").exists());
    place.file("pages.jsonl", "");
    trained(&place, "same", &["--unlabelled", "pages.jsonl"]).expect(0);
    trained(&place, "plain", &[]).expect(0);
    assert!(place.read("same") == place.read("plain"));
}

#[test]
fn the_same_pages_and_seed_give_the_same_bytes() {
    let place = place();
    trained(&place, "one", &[]).expect(0);
    let arguments = ["train", "gold.jsonl", "-o", "two", "--trees", "6", "-q"];
    run(&place, &arguments, "1").expect(0);
    assert!(place.read("one") == place.read("two"));
    trained(&place, "three", &["--seed", "2"]).expect(0);
    assert!(place.read("one") != place.read("three"));
    trained(&place, "half", &["--leave-out", "odd"]).expect(0);
    assert!(place.read("one") != place.read("half"));
    trained(&place, "few", &["--pages", "40"]).expect(0);
    assert!(place.read("one") != place.read("few"));
    trained(&place, "all", &["--pages", "1000"]).expect(0);
    assert!(place.read("one") == place.read("all"));
}

#[test]
fn a_model_goes_without_the_parts_that_are_left_out() {
    let place = place();
    let fitted = |output: &str, options: &[&str]| {
        trained(&place, output, options).expect(0);
        Model::read(&place.read(output)).expect("a model")
    };
    let asked = |model: &Model| -> BTreeSet<usize> {
        let forests = model.steps.iter().flatten();
        let trees = forests.flat_map(|forest| forest.each_tree());
        trees
            .flat_map(|(splits, _)| splits.iter().map(|split| split.feature.into()))
            .collect()
    };
    let group = |feature: &usize| Features::of(Reads::Text).groups[*feature];
    let whole = fitted("whole", &[]);
    assert!(
        asked(&whole)
            .iter()
            .any(|feature| group(feature) == FeatureGroup::Words)
    );
    let part = fitted("part", &["--without", "words,neighbours,cut,networks"]);
    let left_out = [FeatureGroup::Words, FeatureGroup::Neighbours];
    assert!(!asked(&part).is_empty());
    assert!(
        asked(&part)
            .iter()
            .all(|feature| !left_out.contains(&group(feature)))
    );
    let alone = fitted("alone", &["--steps", "1"]);
    assert_eq!((whole.steps.len(), alone.steps.len()), (2, 1));
    let headline = &alone.steps[0][Kind::Headline as usize];
    assert!(headline.trees() > 0);
    trained(&place, "more", &["--steps", "3"])
        .expect(2)
        .mentions("this preset has 2");
}

#[test]
fn what_is_no_model_is_refused() {
    let place = place();
    trained(&place, "good", &[]).expect(0);
    place.file("in.txt", "A line.\n");
    let good = place.read("good");
    let refused = |bytes: &[u8]| {
        fs::write(place.path("bad"), bytes).expect("it can be written");
        let outcome = place
            .clean(["in.txt", "-o", "out.txt", "--model", "bad"])
            .expect(1);
        assert!(!place.path("out.txt").exists());
        outcome.stderr.clone()
    };
    assert!(refused(b"").contains("no model of dechaff"));
    assert!(refused(b"\x1b[2J").contains("no model of dechaff"));
    let mut other = good.clone();
    other[8] = 9;
    assert!(refused(&other).contains("model version 9; this dechaff reads version 6"));
    other = good.clone();
    other[12] ^= 1;
    assert!(refused(&other).contains("fitted on features "));
    for at in (20..good.len()).step_by(good.len() / 40) {
        other = good.clone();
        other[at] ^= 4;
        assert!(refused(&other).contains("damaged or cut"), "{at}");
        assert!(refused(&good[..at]).contains("damaged or cut"), "{at}");
    }
    let outcome = place
        .clean(["in.txt", "-o", "out.txt", "--model", "nowhere"])
        .expect(1);
    outcome.mentions("nowhere: ");
    trained(&place, "good", &[]).expect(2).mentions("good");
    trained(&place, "good", &["--overwrite"]).expect(0);
    assert!(place.read("good") == good);
}

#[test]
fn what_nothing_can_be_learned_from_is_refused() {
    let place = Place::with([("gold.jsonl", "")]);
    trained(&place, "none", &[])
        .expect(2)
        .mentions("nothing to learn from");
    place.file("gold.jsonl", r#"{"id":"1","lines":["a"],"labels":[-1]}"#);
    trained(&place, "none", &[])
        .expect(2)
        .mentions("nothing to learn from");
    place.file("gold.jsonl", gold(12));
    trained(&place, "none", &["--leave-out", "odd,even"]).expect(2);
    let outcome = trained(&place, "none", &["--leave-out", "odd,\u{1b}evenn"]).expect(2);
    outcome.mentions("no page is of this source");
    assert!(!outcome.stderr.contains('\u{1b}'));
    assert!(!place.path("none").exists());
    // One kind of label is a model, if a dull one.
    place.file("gold.jsonl", r#"{"id":"1","lines":["a b c"],"labels":[1]}"#);
    trained(&place, "dull", &[]).expect(0);
    place.file("in.txt", "A line that anybody might keep.\n\nAnother.\n");
    place
        .clean(["in.txt", "-o", "out.txt", "-q", "--model", "dull"])
        .expect(0);
    assert_eq!(place.read("out.txt"), place.read("in.txt"));
}

/// A block of HTML that tells by its class what it is.
fn block(text: &str, is_body: bool) -> String {
    let class = if is_body { "story text" } else { "site-menu" };
    format!("<div class='{class}'>{text}</div>")
}

/// Labelled pages whose lines say nothing by their words, and their HTML, which tells all.
fn gold_of_html(pages: usize) -> (String, Vec<u8>) {
    let (mut gold, mut html) = (String::new(), String::new());
    for page in 0..pages {
        let text = |line: usize| format!("{} {}", letters(page * 9 + line), letters(page + line));
        let place = |line: usize| {
            let is_body = (page + line / 3).is_multiple_of(2);
            (block(&text(line), is_body), i32::from(is_body))
        };
        let (blocks, labels): (Vec<String>, Vec<i32>) = (0..9).map(place).unzip();
        let id = format!("page{page}");
        let lines: Vec<String> = (0..9).map(text).collect();
        let row = json!({
            "id": id, "source": "markup", "domain": format!("site{}.example", page % 12),
            "lines": lines, "labels": labels,
        });
        gold += &format!("{row}\n");
        html += &format!("{}\n", json!({"id": id, "html": blocks.concat()}));
    }
    (
        gold,
        zstd::encode_all(html.as_bytes(), 3).expect("it is packed"),
    )
}

#[test]
fn a_model_learns_where_lines_stand() {
    let place = Place::new();
    let (gold, html) = gold_of_html(120);
    place.directory("html");
    place
        .file("gold.jsonl", gold)
        .file("html/gold.jsonl.zst", html);
    trained(&place, "html.model", &["--html"]).expect(0);
    let line_f1 = |model| line_f1(&place, &["gold.jsonl", "--html", "--html-model", model]);
    let with_markup = line_f1("html.model");
    assert!(with_markup > 0.95, "{with_markup}");
    let without = line_f1("none");
    assert!(without < 0.8, "{without}");
    run(
        &place,
        &["explain", "gold.jsonl", "--html-model", "html.model"],
        "1",
    )
    .expect(0);
    // What stands beside is measured on HTML too.
    let beside = [
        "eval",
        "gold.jsonl",
        "--html",
        "--beside",
        "html.model",
        "--json",
    ];
    let beside = [&beside[..], &["--html-model", "none", "--scopes", "none"]].concat();
    let outcome = run(&place, &beside, "2").expect(0);
    let evaluation: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
    let tables = evaluation["tables"].as_array().expect("tables");
    let beside = tables.last().expect("one");
    assert_eq!(beside["name"], "html.model");
    assert_eq!(beside["rows"][0]["line_f1"], with_markup);
}

#[test]
fn words_of_text_hint_of_markup_where_it_is_known() {
    let place = Place::new();
    let (gold, html) = gold_of_html(120);
    place.directory("html");
    place.file("gold.jsonl", gold);
    let fitted = |output: &str, options: &[&str]| {
        let always = ["--preset", "accurate", "--without", "networks"];
        trained(&place, output, &[&always[..], options].concat()).expect(0);
        Model::read(&place.read(output)).expect("a model")
    };
    let plain = fitted("plain", &[]);
    assert!(plain.hints.is_none());
    place.file("html/gold.jsonl.zst", html);
    let hinted = fitted("hinted", &[]);
    assert_eq!(hinted.reads(), Reads::Text);
    assert!(hinted.hints.is_some());
    assert!(Model::read(&hinted.to_bytes()) == Ok(hinted));
    // Which lines are no comments the HTML tells all the same.
    let without = fitted("without", &["--without", "hints"]);
    assert!(without.hints.is_none() && without != plain);
    let explained = ["explain", "gold.jsonl", "--model", "hinted"];
    run(&place, &explained, "1").expect(0);
    place.file("html/gold.jsonl.zst", "no zstd");
    trained(&place, "none", &["--preset", "accurate"])
        .expect(1)
        .mentions("html/gold.jsonl.zst");
    assert!(!place.path("none").exists());
}

/// Nobody tells of comments, and forums only of what is none: there is nothing to ask about.
#[test]
fn a_kind_without_examples_leaves_a_model_that_can_be_read() {
    let place = place();
    let forum = gold(120).replace("{\"domain\"", "{\"page_type\":\"forum\",\"domain\"");
    assert!(forum.contains("\"page_type\""));
    place.file("gold.jsonl", forum);
    for seed in ["1", "2", "3"] {
        trained(&place, "own.model", &["--seed", seed, "--overwrite"]).expect(0);
        let explained = ["explain", "fresh.jsonl", "--model", "own.model"];
        run(&place, &explained, "1").expect(0);
    }
}

#[test]
fn sites_set_aside_say_whether_the_model_got_better() {
    let place = place();
    let outcome = trained(&place, "own.model", &["--aside", "30"]).expect(0);
    let said = String::from_utf8(outcome.stdout).expect("text");
    assert!(said.contains(" pages set aside\n"), "{said}");
    assert!(said.contains("less fast"), "{said}");
    assert!(said.ends_with("word F1: better\n"), "{said}");
    trained(&place, "same.model", &[]).expect(0);
    assert_eq!(place.read("own.model"), place.read("same.model"));
    place.file(
        "gold.jsonl",
        gold(120)
            .replace(r#"site"#, r#"a"#)
            .lines()
            .next()
            .unwrap_or_default(),
    );
    trained(&place, "one.model", &["--aside", "50"])
        .expect(2)
        .mentions("each site stays whole");
}

#[test]
fn pages_without_their_html_are_said_to_be_missing() {
    let place = place();
    trained(&place, "html.model", &["--html"])
        .expect(1)
        .mentions("html/gold.jsonl.zst: cannot be opened");
}
