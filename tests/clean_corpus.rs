//! `dechaff clean` with more than one page in mind: what a site prints on every page, what
//! stands elsewhere in the corpus, pages that are copies.
#![cfg(feature = "cli")]

mod support;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::letters::letters;
use support::{FERRY, LedgerRow, MARK, Numbers, Outcome, PLAIN, Place, rebuild, rows_of, text_of};

/// Lines that no other page has.
fn own_lines(page: usize) -> String {
    let line = |line: usize| {
        format!(
            "Of {} and {} only this page tells.\n",
            letters(page),
            letters(line)
        )
    };
    (0..4).map(line).collect()
}

const TOP: &str = "The Wells Gazette\nNews\nSport\n\n";
const END: &str = "\nImprint\nAbout us\n";

/// A page of a site that frames all its pages.
fn framed(page: usize) -> String {
    [TOP, &own_lines(page), END].concat()
}

/// The rows of a ledger as they are, of one reason.
fn rows_for(place: &Place, reason: &str) -> Vec<Value> {
    let ledger = place.read_text("ledger");
    let rows = ledger
        .lines()
        .map(|row| serde_json::from_str(row).expect("a row"));
    rows.filter(|row: &Value| row["reason"] == reason).collect()
}

fn texts_of(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["text"].as_str().expect("a text"))
        .collect()
}

/// The ledger rows of a run that removes whole pages too: those name a page and no line.
fn ledger(place: &Place) -> Vec<LedgerRow> {
    let ledger = place.read_text("ledger");
    let rows = ledger.lines().map(|row| {
        let mut row: Value = serde_json::from_str(row).expect("a row");
        if let Some(of) = row.get_mut("of").and_then(Value::as_object_mut) {
            of.entry("line").or_insert(json!(0));
        }
        LedgerRow::parse(&row.to_string())
    });
    rows.collect()
}

/// JSON rows, each with its text and, if there is one, its URL.
fn json_rows<'t>(rows: impl IntoIterator<Item = (&'t str, String)>) -> String {
    let row = |(url, text): (&str, String)| match url {
        "" => json!({ "text": text }).to_string() + "\n",
        url => json!({ "url": url, "text": text }).to_string() + "\n",
    };
    rows.into_iter().map(row).collect()
}

/// The texts of JSON rows.
fn json_texts(rows: &str) -> Vec<String> {
    let text = |row: &str| {
        let row: Value = serde_json::from_str(row).expect("a row");
        row["text"].as_str().expect("a text").to_owned()
    };
    rows.lines().map(text).collect()
}

/// Two sites: one frames its pages, the other has nothing in common but one lone line.
fn two_sites() -> Place {
    let place = Place::new();
    for page in 0..6 {
        place.file(format!("in/gazette/2031/page{page}.txt"), framed(page));
        let lines = own_lines(10 + page);
        let (two, others) = lines.split_at(lines.len() / 2);
        let lines = [
            two,
            "See also
",
            others,
        ]
        .concat();
        place.file(format!("in/letters/page{page}.txt"), lines);
    }
    place
}

/// Cleans `in` into `out` without scores, with a ledger.
fn clean_repeats(place: &Place, options: &[&str]) -> Outcome {
    let always = ["in", "-o", "out", "--no-score", "-q", "--removed", "ledger"];
    place.clean([&always[..], options].concat())
}

#[test]
fn what_a_site_prints_on_every_page_goes_with_its_pages_and_share() {
    let place = two_sites();
    clean_repeats(&place, &["--stats", "stats"]).expect(0);
    for page in 0..6 {
        let gazette = place.read_text(format!("out/gazette/2031/page{page}.txt"));
        assert_eq!(gazette, own_lines(page));
        let letter = format!("letters/page{page}.txt");
        let is_as_it_was =
            place.read(Path::new("out").join(&letter)) == place.read(Path::new("in").join(&letter));
        assert!(is_as_it_was, "{letter}");
    }
    let rows = rows_for(&place, "template");
    let expected = [
        "The Wells Gazette\n",
        "News\n",
        "Sport\n",
        "Imprint\n",
        "About us\n",
    ];
    assert_eq!(texts_of(&rows), expected.repeat(6));
    for row in &rows {
        assert_eq!(row["pages"], 6, "{row}");
        assert_eq!(row["share"], 1.0, "{row}");
        assert_eq!(row.get("of"), None, "{row}");
        assert!(
            row["page"]
                .as_str()
                .expect("a page")
                .starts_with("gazette/")
        );
    }
    let counts = place.counts("stats");
    assert_eq!(counts["template"]["lines"], 30);
    assert_eq!(counts["duplicate"]["lines"], 0);
    assert_eq!(place.read_json("stats")["settings"]["site_templates"], true);
}

#[test]
fn the_share_is_that_of_the_sites_pages() {
    let place = Place::new();
    for page in 0..8 {
        let text = if page < 4 {
            framed(page)
        } else {
            own_lines(page)
        };
        place.file(format!("in/gazette/page{page}.txt"), text);
    }
    // A copy counts as no page of its own, but loses the template too.
    place.file("in/gazette/page9.txt", framed(0));
    clean_repeats(&place, &[]).expect(0);
    let rows = rows_for(&place, "template");
    assert_eq!(rows.len(), 25);
    assert!(
        rows.iter()
            .all(|row| row["pages"] == 4 && row["share"] == 0.5),
        "{rows:?}"
    );
}

#[test]
fn templates_stay_where_no_site_is_looked_at() {
    let place = two_sites();
    for options in [
        &["--scopes", "page"][..],
        &["--scopes", "none"],
        &["--scopes", "corpus"],
        &["--site", "none"],
        &["--site", "host"],
        &["--site", "domain"],
    ] {
        clean_repeats(&place, &[options, &["--overwrite"]].concat()).expect(0);
        assert_eq!(place.files("out"), place.files("in"), "{options:?}");
        assert!(place.read("ledger").is_empty(), "{options:?}");
    }
    clean_repeats(
        &place,
        &["--site", "dir", "--scopes", "site", "--overwrite"],
    )
    .expect(0);
    assert_eq!(rows_for(&place, "template").len(), 30);
}

#[test]
fn files_in_the_input_itself_are_one_site_and_each_input_has_its_own() {
    let place = Place::new();
    for page in 0..4 {
        place.file(format!("one/page{page}.txt"), framed(page));
        let site = if page < 2 { "two/a" } else { "two/b" };
        place.file(format!("{site}/page{page}.txt"), framed(10 + page));
    }
    let side = ["--no-score", "-q", "--removed", "ledger"];
    place
        .clean([&["one", "two", "-o", "out"], &side[..]].concat())
        .expect(0);
    for page in 0..4 {
        assert_eq!(
            place.read_text(format!("out/one/page{page}.txt")),
            own_lines(page)
        );
    }
    // Two pages are no site that tells its template.
    assert_eq!(place.files("out/two"), place.files("two"));
    let options = ["--site", "dir", "--overwrite"];
    place
        .clean([&["one", "two/a", "two/b", "-o", "out"], &side[..], &options].concat())
        .expect(0);
    assert_eq!(place.files("out/a"), place.files("two/a"));
}

/// The texts that come out of rows with these URLs, each framed like the others.
fn cleaned_rows(urls: &[&str], options: &[&str]) -> Vec<bool> {
    let rows = (0..).zip(urls).map(|(page, url)| (*url, framed(page)));
    let place = Place::with([("in/news/rows.jsonl", json_rows(rows))]);
    clean_repeats(&place, options).expect(0);
    let texts = json_texts(&place.read_text("out/news/rows.jsonl"));
    assert_eq!(texts.len(), urls.len());
    let is_cleaned = |(page, text): (usize, &String)| match text {
        text if *text == framed(page) => false,
        text => {
            assert_eq!(*text, own_lines(page));
            true
        }
    };
    texts.iter().enumerate().map(is_cleaned).collect()
}

#[test]
fn the_host_of_a_rows_url_is_its_site() {
    let one_host = [
        "https://gazette.example/a",
        "http://www.gazette.example/b",
        "https://GAZETTE.Example:8080/c?d",
        "//user@gazette.example./#e",
    ];
    for options in [
        &[][..],
        &["--site", "auto"],
        &["--site", "host"],
        &["--site", "domain"],
    ] {
        assert_eq!(cleaned_rows(&one_host, options), [true; 4], "{options:?}");
    }
    assert_eq!(cleaned_rows(&one_host, &["--site", "none"]), [false; 4]);
    assert_eq!(
        cleaned_rows(&one_host, &["--scopes", "page,corpus"]),
        [false; 4]
    );
    assert_eq!(
        cleaned_rows(&one_host, &["--url-field", "address"]),
        [false; 4]
    );
    let mut urls = one_host.to_vec();
    urls.extend([
        "",
        "gazette.example/no-scheme",
        "https://news.gazette.example/",
    ]);
    let expected = [true, true, true, true, false, false, false];
    assert_eq!(cleaned_rows(&urls, &[]), expected);
    // By directory all rows are of one site.
    assert_eq!(cleaned_rows(&urls, &["--site", "dir"]), [true; 7]);
}

#[test]
fn the_domain_joins_hosts_that_one_owner_registered() {
    let urls = [
        "https://a.gazette.co.uk/1",
        "https://b.gazette.co.uk/2",
        "https://www.gazette.co.uk/3",
        "https://herald.co.uk/4",
        "https://a.herald.co.uk/5",
        "https://192.0.2.7/6",
    ];
    let expected = [true, true, true, false, false, false];
    assert_eq!(cleaned_rows(&urls, &["--site", "domain"]), expected);
    assert_eq!(cleaned_rows(&urls, &["--site", "host"]), [false; 6]);
}

#[test]
fn one_site_may_come_from_several_files_of_rows() {
    let row = |page: usize| json_rows([("https://gazette.example/", framed(page))]);
    let place = Place::new();
    for page in 0..3 {
        place.file(format!("in/dir{page}/rows.jsonl"), row(page));
    }
    clean_repeats(&place, &[]).expect(0);
    for page in 0..3 {
        let texts = json_texts(&place.read_text(format!("out/dir{page}/rows.jsonl")));
        assert_eq!(texts, [own_lines(page)]);
    }
    assert_eq!(rows_for(&place, "template")[0]["page"], "dir0/rows.jsonl#1");
}

/// What `awk 'NR == FNR { count[$0]++; next } count[$0] <= N || !seen[$0]++'` does to lines,
/// page by page.
struct Awk<'t> {
    most_places: usize,
    count: HashMap<&'t str, usize>,
    seen: HashSet<&'t str>,
}

impl<'t> Awk<'t> {
    fn new(most_places: usize, pages: impl IntoIterator<Item = &'t str>) -> Self {
        let mut count = HashMap::new();
        for line in pages.into_iter().flat_map(str::lines) {
            *count.entry(line).or_default() += 1;
        }
        Awk {
            most_places,
            count,
            seen: HashSet::new(),
        }
    }

    fn page(&mut self, page: &'t str) -> String {
        let mut stays =
            |line: &&'t str| self.count[line] <= self.most_places || self.seen.insert(line);
        let lines = page.lines().filter(|line| stays(line));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

/// Pages of lines that come back, here and elsewhere; no blank lines.
fn drawn_pages(numbers: &mut Numbers, count: usize) -> Vec<String> {
    let pool: Vec<String> = (0..120)
        .map(|number| {
            let word = numbers.pick(&["ferry", "Ferry", "heron ", "  weir", "\tтуман", "雨", "x"]);
            format!("{word} {}", number / 2)
        })
        .collect();
    let page = |_| {
        let lines = (0..numbers.below(25)).map(|_| match numbers.below(3) {
            0 => format!("only here {}\n", numbers.below(1 << 40)),
            _ => format!("{}\n", pool[numbers.below(pool.len())]),
        });
        lines.collect()
    };
    (0..count).map(page).collect()
}

const AS_AWK: [&str; 9] = [
    "--scopes",
    "corpus",
    "--no-score",
    "--corpus-min-lines",
    "1",
    "--corpus-min-chars",
    "1",
    "--corpus-normalize",
    "none",
];

#[test]
fn single_lines_of_a_tree_go_as_awk_lets_them() {
    let mut numbers = Numbers::new(11);
    let place = Place::new();
    let names = [
        "a/b.txt",
        "a.txt",
        "a-b.txt",
        "B.txt",
        "a/b/c.txt",
        "z0",
        "ä.txt",
        "~",
    ];
    let mut pages: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for (number, page) in drawn_pages(&mut numbers, 150).into_iter().enumerate() {
        let name = match number.checked_sub(names.len()) {
            None => names[number].to_owned(),
            Some(number) => format!("d{}/page{number}.txt", number % 7),
        };
        if name != "a/b/c.txt" {
            pages.insert(name.into_bytes(), page);
        }
    }
    // One page comes in parts.
    let long = drawn_pages(&mut numbers, 700).concat();
    assert!(long.len() > 100_000);
    pages.insert(b"d3/long.txt".to_vec(), long);
    for (name, page) in &pages {
        let name = std::str::from_utf8(name).expect("names are text");
        place.file(Path::new("in").join(name), page);
    }
    for (n, threads) in [("1", "1"), ("2", "3"), ("3", "2")] {
        let options = [
            "in",
            "-o",
            "out",
            "--overwrite",
            "-q",
            "--removed",
            "ledger",
        ];
        let limits = [
            "--corpus-duplicates",
            n,
            "--threads",
            threads,
            "--max-page-bytes",
            "64KiB",
        ];
        place
            .clean([&options[..], &AS_AWK, &limits].concat())
            .expect(0);
        let mut awk = Awk::new(
            n.parse().expect("a number"),
            pages.values().map(String::as_str),
        );
        for (name, page) in &pages {
            let name = std::str::from_utf8(name).expect("names are text");
            let output = place.read_text(Path::new("out").join(name));
            assert!(output == awk.page(page), "{name}, N is {n}");
        }
        check_first_copies(&pages, &place.ledger("ledger"));
    }
}

/// Checks that every duplicate names the first place of its line in the whole corpus.
fn check_first_copies(pages: &BTreeMap<Vec<u8>, String>, ledger: &[LedgerRow]) {
    let mut first = HashMap::new();
    for (name, page) in pages {
        for (number, line) in (1..).zip(page.split_inclusive('\n')) {
            let name = String::from_utf8_lossy(name).into_owned();
            first.entry(line.as_bytes()).or_insert((name, number));
        }
    }
    assert!(ledger.len() > 100);
    for row in ledger {
        assert_eq!(row.reason, "duplicate");
        assert_eq!(row.of.as_ref(), first.get(&row.bytes[..]), "{row:?}");
    }
}

#[test]
fn single_lines_of_rows_go_as_awk_lets_them() {
    let mut numbers = Numbers::new(12);
    let texts = drawn_pages(&mut numbers, 300);
    let mut rows = String::new();
    for (number, text) in texts.iter().enumerate() {
        rows += &json!({ "id": number, "text": text }).to_string();
        rows.push('\n');
        // What is no page keeps its row number.
        match number % 50 {
            7 => rows += "\n",
            8 => rows += "{\"id\":\"no text\"}\n",
            9 => rows += "{\"text\": \"not closed\n",
            _ => {}
        }
    }
    let place = Place::with([("rows.jsonl", &rows)]);
    for (n, threads) in [("1", "2"), ("2", "1"), ("3", "4")] {
        let options = [
            "rows.jsonl",
            "-o",
            "out.jsonl",
            "--overwrite",
            "-q",
            "--removed",
            "ledger",
        ];
        let limits = ["--corpus-duplicates", n, "--threads", threads];
        place
            .clean([&options[..], &AS_AWK, &limits].concat())
            .expect(3);
        let mut awk = Awk::new(
            n.parse().expect("a number"),
            texts.iter().map(String::as_str),
        );
        let output = place.read_text("out.jsonl");
        let mut cleaned = output.lines().filter(|row| row.contains("\"text\":"));
        for text in &texts {
            let row: Value = serde_json::from_str(cleaned.next().expect("a row")).expect("a row");
            assert_eq!(
                row["text"].as_str(),
                Some(&*awk.page(text)),
                "N is {n}: {row}"
            );
        }
        assert_eq!(cleaned.next(), None);
        for row in place.ledger("ledger") {
            let (page, line) = row.of.expect("every row names a first copy");
            let (file, record) = page.split_once('#').expect("a record");
            assert_eq!(file, "rows.jsonl");
            let record: usize = record.parse().expect("a number");
            let first = rows.lines().nth(record - 1).expect("the row is there");
            let first = json_texts(first).concat();
            let first = first
                .split_inclusive('\n')
                .nth(line - 1)
                .expect("the line is there");
            assert_eq!(first.as_bytes(), row.bytes);
        }
    }
}

#[test]
fn the_first_copy_is_that_of_the_first_input() {
    let place = Place::with([
        ("a/page.txt", PLAIN),
        ("b/page.txt", PLAIN),
        ("c.txt", PLAIN),
    ]);
    for inputs in [
        ["a", "b", "c.txt"],
        ["c.txt", "b", "a"],
        ["b", "c.txt", "a"],
    ] {
        let options = ["-o", "out", "--overwrite", "-q"];
        place
            .clean([&inputs[..], &options, &AS_AWK].concat())
            .expect(0);
        for (at, name) in inputs.iter().enumerate() {
            let name = if *name == "c.txt" {
                "c.txt".into()
            } else {
                format!("{name}/page.txt")
            };
            let expected = if at == 0 { PLAIN } else { "" };
            assert_eq!(
                place.read_text(format!("out/{name}")),
                expected,
                "{inputs:?}"
            );
        }
    }
}

#[test]
fn corpus_scope_alone_means_more_than_one_place_and_two_hundred_characters() {
    let passage = |chars: usize| "é".repeat(chars) + "\n";
    let page = |own: &str| format!("{own}\n{}{own} too\n{}", passage(200), passage(199));
    let place = Place::with([("in/a.txt", page("one")), ("in/b.txt", page("two"))]);
    clean_repeats(&place, &["--scopes", "corpus", "--stats", "stats"]).expect(0);
    let rows = place.ledger("ledger");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].bytes, passage(200).into_bytes());
    assert_eq!(rows[0].of, Some(("a.txt".to_owned(), 2)));
    assert_eq!((rows[0].page.as_str(), rows[0].line), ("b.txt", 2));
    let rule = &place.read_json("stats")["settings"]["corpus_duplicates"];
    let expected =
        json!({"more_than_places": 1, "min_lines": 1, "min_chars": 200, "normalize": "space"});
    assert_eq!(*rule, expected);
    // Not asked for, nothing of it goes.
    clean_repeats(&place, &["--overwrite"]).expect(0);
    assert_eq!(place.files("out"), place.files("in"));
}

#[test]
fn blocks_of_some_lines_go_together() {
    let block = "one line of three\n\nanother line of three\nthe last of them\n";
    let place = Place::with([
        ("in/a.txt", format!("first\n{block}")),
        (
            "in/b.txt",
            format!("the last of them\nsecond\n{block}third\n"),
        ),
        (
            "in/c.txt",
            "another line of three\nthe last of them\nfourth\n".to_owned(),
        ),
    ]);
    let options = [
        "--corpus-duplicates",
        "1",
        "--corpus-min-lines",
        "3",
        "--corpus-min-chars",
        "1",
    ];
    clean_repeats(&place, &[&options[..], &["--scopes", "none"]].concat()).expect(0);
    assert_eq!(
        place.read_text("out/b.txt"),
        "the last of them\nsecond\n\nthird\n"
    );
    assert_eq!(place.read("out/a.txt"), place.read("in/a.txt"));
    assert_eq!(place.read("out/c.txt"), place.read("in/c.txt"));
    let of: Vec<_> = place
        .ledger("ledger")
        .into_iter()
        .filter_map(|row| row.of)
        .collect();
    assert_eq!(of, [2, 4, 5].map(|line| ("a.txt".to_owned(), line)));
}

/// A mixed corpus: framed sites, drawn lines, copies, rows, marks, other line ends.
fn mixed_corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let mut numbers = Numbers::new(21);
    let paragraphs: Vec<String> = (0..500)
        .map(|number| {
            let again =
                " and told it once more to whoever had come too late".repeat(numbers.below(5));
            format!("In {} she saw the boat{again}.", letters(number))
        })
        .collect();
    let mut pages: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut rows = String::new();
    for number in 0..180 {
        let site = numbers.below(6);
        let (top, end) = match site {
            0 => ("", ""),
            _ => (TOP, END),
        };
        let end_of_line = numbers.pick(&["\n", "\n", "\n", "\r\n", "\r"]);
        let mut page = format!("{top}Page {number} of {} March\n", letters(site));
        if numbers.below(3) == 0 {
            let headline = format!(
                "In {} the ferry returns after a winter of repairs\n",
                letters(number)
            );
            page += &headline.repeat(2);
        }
        for _ in 0..numbers.below(12) {
            page += &paragraphs[numbers.below(paragraphs.len())];
            page += numbers.pick(&["\n", "\n", "\n\n", "\n \n"]);
        }
        page += end;
        let mut page = page.replace('\n', end_of_line).into_bytes();
        match numbers.below(12) {
            0 => page.splice(..0, MARK.iter().copied()).for_each(drop),
            1 => page.extend_from_slice(b"no text \xff\xfe\n"),
            2 => page = pages.last().map_or(page, |(_, last)| last.clone()),
            3 => page.clear(),
            _ => {}
        }
        if numbers.below(4) == 0 {
            let host = letters(site);
            let text = String::from_utf8_lossy(&page);
            rows += &json!({ "url": format!("https://{host}.example/{number}"), "text": text })
                .to_string();
            rows.push('\n');
        }
        pages.push((
            format!("site{site}/{}/page{number}.txt", number % 3).into(),
            page,
        ));
    }
    pages.push(("rows.jsonl".into(), rows.clone().into_bytes()));
    pages.push(("site2/more.jsonl".into(), rows.into_bytes()));
    pages.push(("site2/empty.jsonl".into(), Vec::new()));
    pages
}

const EVERYTHING: [&str; 10] = [
    "--scopes",
    "page,site,corpus",
    "--corpus-duplicates",
    "1",
    "--corpus-min-chars",
    "60",
    "--page-duplicates",
    "remove",
    "--removed",
    "ledger",
];

#[test]
fn threads_creation_order_and_memory_change_no_byte() {
    let mut pages = mixed_corpus();
    let mut expected = None;
    for (seed, options) in [
        (1, &["--threads", "1"][..]),
        (2, &["--threads", "2"]),
        (3, &["--threads", "5"]),
        (4, &["--threads", "5", "--max-memory", "128MiB"]),
    ] {
        Numbers::new(seed).shuffle(&mut pages);
        let files = pages
            .iter()
            .map(|(name, page)| (Path::new("in").join(name), page));
        let place = Place::with(files);
        let arguments = ["in", "-o", "out", "--stats", "stats", "-q"];
        place
            .clean([&arguments[..], &EVERYTHING, options].concat())
            .expect(0);
        let got = (
            place.tree("out"),
            place.read("ledger"),
            place.counts("stats"),
        );
        match &expected {
            None => expected = Some(got),
            Some(expected) => assert!(got == *expected, "{options:?}, seed {seed}"),
        }
    }
    let (.., counts) = expected.expect("there were runs");
    for reason in ["template", "repeat", "duplicate", "boilerplate", "blank"] {
        assert!(
            counts[reason]["lines"].as_u64() > Some(10),
            "{reason}: {counts:#}"
        );
    }
}

#[test]
fn ledger_and_output_rebuild_every_page() {
    let pages: BTreeMap<PathBuf, Vec<u8>> = mixed_corpus().into_iter().collect();
    let place = Place::with(
        pages
            .iter()
            .map(|(name, page)| (Path::new("in").join(name), page)),
    );
    for page_duplicates in ["report", "remove"] {
        let arguments = ["in", "-o", "out", "--stats", "stats", "-q", "--overwrite"];
        let mut command = [&arguments[..], &EVERYTHING].concat();
        let at = command.iter().position(|&word| word == "remove");
        command[at.expect("it is there")] = page_duplicates;
        place.clean(command).expect(0);
        let ledger = ledger(&place);
        let mut rows_seen = 0;
        let mut check = |name: &str, text: &[u8], output: &[u8]| {
            let rows = rows_of(&ledger, name);
            rows_seen += rows.len();
            assert!(
                rebuild(output, rows.iter().copied()) == text,
                "{name} is not rebuilt"
            );
        };
        for (name, page) in &pages {
            let output = place.read(Path::new("out").join(name));
            let name = name.to_str().expect("names are text");
            if !name.ends_with(".jsonl") {
                assert_eq!(output.starts_with(MARK), page.starts_with(MARK), "{name}");
                check(name, text_of(page), text_of(&output));
                continue;
            }
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("rows are text");
            let (rows, outputs) = (json_texts(&text(page)), json_texts(&text(&output)));
            assert_eq!(rows.len(), outputs.len());
            for (number, (row, output)) in (1..).zip(rows.iter().zip(&outputs)) {
                check(
                    &format!("{name}#{number}"),
                    row.as_bytes(),
                    output.as_bytes(),
                );
            }
        }
        assert_eq!(rows_seen, ledger.len(), "every row belongs to a page");
        let is_page = |row: &LedgerRow| row.of.as_ref().is_some_and(|(_, line)| *line == 0);
        let whole_pages = ledger.iter().filter(|row| is_page(row)).count();
        assert_eq!(whole_pages > 0, page_duplicates == "remove");
        place.counts("stats");
    }
}

/// Four lines that are long enough to tell a page by, under a menu.
fn article(menu: &str) -> String {
    let paragraph = |number: usize| {
        format!(
            "The {} otter was seen below the weir, and nobody believed it.\n",
            letters(number)
        )
    };
    let paragraphs: String = (0..12).map(paragraph).collect();
    format!("{menu}\n\n{paragraphs}")
}

/// Pages of which some say the same: an article, its copy, two that are nearly it, a copy of
/// one of those, another page.
fn copies() -> Place {
    Place::with([
        ("in/a/original.txt", article("Menu of a")),
        ("in/b/copy.txt", article("Menu of a")),
        ("in/b/near.txt", article("Another menu")),
        ("in/b/other.txt", own_lines(3)),
        ("in/c/near.txt", article("A third menu")),
        (
            "in/c/rows.jsonl",
            json_rows([("", article("Menu of a")), ("", PLAIN.to_owned())]),
        ),
    ])
}

#[test]
fn page_copies_are_counted() {
    let place = copies();
    clean_repeats(&place, &["--stats", "stats", "--scopes", "page,site"]).expect(0);
    let counts = place.counts("stats");
    assert_eq!(counts["pages"], 7);
    assert_eq!(counts["pages_copied"], 2);
    assert_eq!(counts["pages_nearly_copied"], 2);
    assert_eq!(counts["duplicate"]["lines"], 0);
    let (mut inputs, mut outputs) = (place.files("in"), place.files("out"));
    inputs.remove(Path::new("c/rows.jsonl"));
    outputs.remove(Path::new("c/rows.jsonl"));
    assert_eq!(inputs, outputs);
    assert_eq!(
        place.read_json("stats")["settings"]["page_duplicates"],
        "report"
    );
}

#[test]
fn page_copies_go_whole_and_name_the_first_page() {
    let place = copies();
    let options = [
        "--page-duplicates",
        "remove",
        "--stats",
        "stats",
        "--scopes",
        "site",
    ];
    let outcome = place.clean(
        [
            &["in", "-o", "out", "--no-score", "--removed", "ledger"],
            &options[..],
        ]
        .concat(),
    );
    let outcome = outcome.expect(0);
    let counts = place.counts("stats");
    assert_eq!(counts["pages_copied"], 2);
    assert_eq!(counts["pages_nearly_copied"], 2);
    assert_eq!(counts["pages_emptied"], 4);
    for stays in ["a/original.txt", "b/other.txt"] {
        assert_eq!(
            place.read(Path::new("out").join(stays)),
            place.read(Path::new("in").join(stays))
        );
    }
    for goes in ["b/copy.txt", "b/near.txt", "c/near.txt"] {
        assert_eq!(place.read_text(Path::new("out").join(goes)), "", "{goes}");
        outcome.mentions(&format!("{goes}: note: no line of it stays"));
    }
    let rows = json_texts(&place.read_text("out/c/rows.jsonl"));
    assert_eq!(rows, ["", PLAIN]);
    let rows = rows_for(&place, "duplicate");
    assert_eq!(rows.len(), 4 * 13);
    for row in &rows {
        assert_eq!(row["of"], json!({ "page": "a/original.txt" }), "{row}");
    }
    assert_eq!(
        place.read_json("stats")["settings"]["page_duplicates"],
        "remove"
    );
}

/// Shop pages: under what each says in short lines all say the same, at length.
fn shop() -> Place {
    let place = Place::new();
    for page in 0..24 {
        let own: String = (0..30)
            .map(|line| {
                format!(
                    "Item {} costs {}\n",
                    letters(page * 30 + line),
                    letters(line)
                )
            })
            .collect();
        let terms: String = (0..4)
            .map(|term| {
                let term = letters(term);
                format!(
                    "Term {term}: what was bought is brought back to the ferry within a month.\n"
                )
            })
            .collect();
        place.file(format!("in/page{page:02}.txt"), own + &terms);
    }
    place
}

#[test]
fn unlike_pages_stay_though_they_share_their_longest_lines() {
    let place = shop();
    let options = [
        "--scopes",
        "page",
        "--page-duplicates",
        "remove",
        "--stats",
        "stats",
    ];
    clean_repeats(&place, &options).expect(0);
    assert!(place.files("in") == place.files("out"));
    assert_eq!(place.counts("stats")["pages_nearly_copied"], 0);
}

#[test]
fn what_many_unlike_pages_share_is_their_template_though_it_is_all_their_long_lines() {
    let place = shop();
    clean_repeats(&place, &["--scopes", "site"]).expect(0);
    let rows = rows_for(&place, "template");
    assert_eq!(rows.len(), 24 * 4);
    assert!(texts_of(&rows).iter().all(|text| text.starts_with("Term ")));
    assert_eq!(
        rows[0]["pages"], 3,
        "the first, and of unlike ones one in ten"
    );
}

#[test]
fn pages_of_numbers_keep_them() {
    let place = Place::new();
    for page in 0..4 {
        let row = |row: usize| format!("{row}, {page}.5, 2031-0{page}-{}\n", 10 + row);
        let rows: String = (0..30).map(row).collect();
        place.file(format!("in/table{page}.txt"), rows);
    }
    clean_repeats(&place, &[]).expect(0);
    assert!(place.files("in") == place.files("out"));
}

#[test]
fn a_page_that_is_not_read_is_not_counted() {
    let place = Place::new();
    let long = "n".repeat(244);
    place
        .file(format!("in/a/{long}"), PLAIN)
        .file("in/b.txt", PLAIN);
    let options = [
        "--mode",
        "spans",
        "--scopes",
        "corpus",
        "--corpus-duplicates",
        "1",
    ];
    clean_repeats(
        &place,
        &[&options[..], &["--corpus-min-chars", "1"]].concat(),
    )
    .expect(3);
    assert_eq!(place.read_text("out/b.txt"), PLAIN);
    assert_eq!(place.read_text("ledger"), "");
}

#[test]
fn pages_without_visible_lines_are_no_copies() {
    let blank = [
        ("in/a.txt", "\n \n"),
        ("in/b.txt", "\n \n"),
        ("in/c.txt", ""),
        ("in/d.txt", ""),
    ];
    let place = Place::with(blank);
    clean_repeats(&place, &["--page-duplicates", "remove", "--stats", "stats"]).expect(0);
    let counts = place.counts("stats");
    assert_eq!(counts["pages_copied"], 0);
    assert_eq!(counts["pages_nearly_copied"], 0);
    assert_eq!(counts["duplicate"]["lines"], 0);
}

#[test]
fn near_copies_are_told_whatever_the_scopes() {
    for scopes in ["page,site", "page", "site", "corpus", "none"] {
        let place = copies();
        let options = [
            "--page-duplicates",
            "remove",
            "--stats",
            "stats",
            "--scopes",
            scopes,
        ];
        clean_repeats(&place, &options).expect(0);
        let counts = place.counts("stats");
        assert_eq!(counts["pages_copied"], 2, "{scopes}");
        assert_eq!(counts["pages_nearly_copied"], 2, "{scopes}");
    }
}

#[test]
fn a_line_whose_first_copy_goes_with_its_page_stays_elsewhere() {
    let told = "This line stands on a near copy and on a page of its own.\n";
    let place = Place::with([
        ("in/a.txt", article("Menu")),
        ("in/b.txt", article("Another menu") + told),
        ("in/c.txt", own_lines(1) + told),
    ]);
    let options = [
        "--page-duplicates",
        "remove",
        "--corpus-duplicates",
        "1",
        "--corpus-min-chars",
        "1",
    ];
    clean_repeats(&place, &options).expect(0);
    let outputs: Vec<u8> = place.files("out").into_values().flatten().collect();
    let outputs = String::from_utf8(outputs).expect("pages are text");
    assert!(outputs.contains(told), "no copy is left");
}

#[test]
fn a_page_that_goes_names_a_page_that_stays() {
    let place = copies();
    place.file("in/b/near2.txt", article("Another menu"));
    clean_repeats(&place, &["--page-duplicates", "remove"]).expect(0);
    for row in rows_for(&place, "duplicate") {
        assert_eq!(row["of"]["page"], "a/original.txt", "{row}");
    }
}

#[test]
fn a_page_that_is_all_template_is_emptied_with_a_note() {
    let place = two_sites();
    place.file(
        "in/gazette/empty.txt",
        [TOP, "One line of its own\n", END].concat(),
    );
    place.file("in/gazette/all.txt", [TOP, END].concat());
    let options = ["in", "-o", "out", "--no-score", "--stats", "stats"];
    let outcome = place.clean(options).expect(0);
    outcome.mentions("gazette/all.txt: note: no line of it stays");
    assert!(
        !outcome.stderr.contains("gazette/empty.txt"),
        "{}",
        outcome.stderr
    );
    assert_eq!(place.read_text("out/gazette/all.txt"), "");
    assert_eq!(
        place.read_text("out/gazette/empty.txt"),
        "One line of its own\n"
    );
    let counts = place.counts("stats");
    assert_eq!(counts["pages_emptied"], 1);
    assert_eq!(counts["problems"], 0);
}

#[test]
fn a_page_alone_is_cleaned_as_from_standard_input() {
    let page = [TOP, FERRY, END, &article("Menu")].concat();
    let place = Place::with([("page.txt", &page)]);
    for options in [
        &[][..],
        &["--no-score"],
        &["--mode", "tag"],
        &["--site", "host"],
    ] {
        let from_file = place
            .clean([&["page.txt", "-o", "-", "-q"], options].concat())
            .expect(0);
        let from_input = place
            .clean_with_input([&["-", "-q"], options].concat(), &page)
            .expect(0);
        assert!(!from_file.stdout.is_empty());
        assert_eq!(from_file.stdout, from_input.stdout, "{options:?}");
    }
    // In a directory it has a site, but no other page of it is there.
    place.file("in/site/page.txt", &page);
    place.clean(["in", "-o", "out", "-q"]).expect(0);
    let alone = place.clean(["page.txt", "-o", "-", "-q"]).expect(0);
    assert_eq!(place.read("out/site/page.txt"), alone.stdout);
}

#[test]
fn a_page_alone_may_repeat_itself_across_the_corpus() {
    let place = Place::with([("page.txt", "one\ntwo\none\n")]);
    let outcome = place
        .clean([&["page.txt", "-o", "-", "-q"], &AS_AWK[..]].concat())
        .expect(0);
    assert_eq!(outcome.stdout, b"one\ntwo\n");
}

#[test]
fn modes_tell_what_the_corpus_says_of_a_line() {
    let place = two_sites();
    place.file("in/letters/zz.txt", own_lines(10));
    let rule = ["--corpus-duplicates", "1", "--corpus-min-chars", "1"];
    let options = ["in", "-o", "out", "--no-score", "-q", "--overwrite"];
    place
        .clean([&options[..], &rule, &["--mode", "tag"]].concat())
        .expect(0);
    let tagged = place.read_text("out/gazette/2031/page1.txt");
    assert!(
        tagged.starts_with("remove\t0.0000\ttemplate\tThe Wells Gazette\n"),
        "{tagged}"
    );
    let tagged = place.read_text("out/letters/zz.txt");
    assert!(
        tagged
            .lines()
            .all(|line| line.starts_with("remove\t0.0000\tduplicate\t")),
        "{tagged}"
    );
    let spans = ["--mode", "spans", "--removed", "ledger"];
    place
        .clean([&options[..], &rule, &spans].concat())
        .expect(0);
    assert_eq!(
        place.read("out/letters/zz.txt"),
        place.read("in/letters/zz.txt")
    );
    let mut gathered = Vec::new();
    for (name, bytes) in place.files("out") {
        if name.to_string_lossy().ends_with(".spans.jsonl") {
            gathered.extend(bytes);
        }
    }
    assert_eq!(gathered, place.read("ledger"));

    let url = "https://gazette.example/";
    let rows = (0..3).map(|page| {
        let shared = own_lines(50 + page / 2);
        (url, [TOP, &own_lines(page), &shared, END].concat())
    });
    place.file("rows.jsonl", json_rows(rows));
    for mode in ["tag", "spans"] {
        let options = ["rows.jsonl", "-o", mode, "--mode", mode, "--no-score", "-q"];
        place.clean([&options[..], &rule].concat()).expect(0);
    }
    let field = |name: &str| {
        let rows = place.read_text(name);
        let second = rows.lines().nth(1).expect("a row");
        let row: Value = serde_json::from_str(second).expect("a row");
        row["dechaff"].clone()
    };
    let tags = field("tag");
    assert_eq!(tags[0]["reason"], "template");
    assert_eq!(
        (&tags[0]["pages"], &tags[0]["share"]),
        (&json!(3), &json!(1.0))
    );
    assert_eq!(tags[8]["reason"], "duplicate", "{tags}");
    assert_eq!(tags[8]["of"], json!({ "page": "rows.jsonl#1", "line": 9 }));
    let spans = field("spans");
    assert_eq!(spans["template"].as_array().map(Vec::len), Some(5));
    assert_eq!(spans["duplicate"].as_array().map(Vec::len), Some(4));
}

/// Runs a command that must be refused; what it says.
#[track_caller]
fn refused(place: &Place, arguments: &[&str]) -> String {
    let before = place.tree("");
    let outcome = place.clean_with_input(arguments, "{\"text\":\"a\"}\n");
    assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
    assert!(
        place.tree("") == before,
        "{arguments:?}: something was written"
    );
    assert!(outcome.stdout.is_empty(), "{arguments:?}");
    outcome.stderr
}

#[test]
fn standard_input_cannot_be_read_twice() {
    let place = Place::new();
    for asks in [
        &["--corpus-duplicates", "1"][..],
        &["--scopes", "corpus"],
        &["--scopes", "page,site,corpus"],
        &["--page-duplicates", "remove"],
    ] {
        for format in [&["-", "--format", "jsonl"][..], &["-"]] {
            let reason = refused(&place, &[format, asks].concat());
            assert!(reason.contains("--index"), "{reason}");
        }
    }
    let rows = json_rows((0..3).map(|page| ("https://gazette.example/", framed(page))));
    let options = ["-", "--format", "jsonl", "--no-score", "-q"];
    let outcome = place.clean_with_input(options, &rows).expect(0);
    assert_eq!(outcome.stdout, rows.into_bytes(), "sites are not looked at");
}

#[test]
fn values_that_mean_nothing_are_refused() {
    let place = two_sites();
    for (option, values) in [
        (
            "--corpus-duplicates",
            &["0", "-1", "", "many", "4294967296"][..],
        ),
        ("--corpus-min-lines", &["0", "1001", "-1", ""]),
        ("--corpus-min-chars", &["-1", "", "few"]),
        ("--corpus-normalize", &["", "all", "None", "space,full"]),
        ("--page-duplicates", &["", "keep"]),
        ("--site", &["", "url", "Host", "host,dir"]),
        (
            "--max-memory",
            &["1MiB", "127MiB", "134217727", "0", "", "1.5G", "64kb"],
        ),
    ] {
        for value in values {
            refused(&place, &["in", "-o", "out", &format!("{option}={value}")]);
        }
    }
    let reason = refused(&place, &["in", "-o", "out", "--max-memory", "1MiB"]);
    assert!(reason.contains("128MiB"), "{reason}");
}
