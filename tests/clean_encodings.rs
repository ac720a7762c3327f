//! `dechaff clean` on texts that are not UTF-8: told by their bytes or by `--encoding`.
#![cfg(feature = "cli")]

mod support;

use std::collections::BTreeMap;
use std::io::Read;

use assert_cmd::cargo::cargo_bin_cmd;
use dechaff::source::packed::{Packing, Unpacker};
use encoding_rs::Encoding;
use serde_json::Value;
use support::{FERRY, FERRY_BODY, Numbers, PLAIN, Place, count_from, rebuild};

const KOREAN: &str = "나루 신문\n\n항구 연락선이 겨울 수리를 마치고 다시 다닌다\n\
    항구 연락선이 겨울 수리를 마치고 다시 다닌다\n\n연락선은 월요일 아침 동쪽 부두를 떠나 \
    첫 손님을 태웠다. 기술자들은 넉 달 동안 배의 밑바닥을 고쳤다고 한다.\n";
const JAPANESE: &str = "港の渡し船は冬の修理を終えて運航を再開した。\n\n技術者たちは四か月かけて\
    船底を直したという。次の検査は三年後の予定である。\n";
const CHINESE: &str = "港口的渡船经过一个冬天的修理之后重新开航。\n\n工程师用了四个月的时间修好了船底，\
    下一次检查定在三年之后。\n";
const TAIWANESE: &str = "港口的渡船經過一個冬天的修理之後重新開航。\n\n工程師用了四個月的時間修好了船底，\
    下一次檢查定在三年之後。\n";
const RUSSIAN: &str = "Паром вернулся на линию после зимнего ремонта.\n\nИнженеры четыре месяца чинили \
    днище, которое было старше большинства из них.\n";
const GREEK: &str = "Το πορθμείο επέστρεψε στη γραμμή μετά τη χειμερινή επισκευή.\n\nΟι μηχανικοί \
    δούλεψαν τέσσερις μήνες στο κύτος του πλοίου.\n";
const FRENCH: &str = "Le bac a été remis en service après un hiver entier de réparations à quai. Les \
    ingénieurs ont passé quatre mois à réparer la coque, déjà très âgée, où l’eau pénétrait. \
    La prochaine inspection est prévue d’ici à trois ans ; le conseil décidera alors s’il faut \
    remplacer le bateau par un modèle plus récent, peut-être dès l’été. Les élèves du collège ont \
    fêté le départ à l’embarcadère, près de l’église, avec un goûter préparé par les aînés.\n";

/// Texts, and sets that they are told in.
const TOLD: &[(&str, &str)] = &[
    (KOREAN, "euc-kr"),
    (KOREAN, "utf-16le"),
    (KOREAN, "utf-16be"),
    (JAPANESE, "shift_jis"),
    (JAPANESE, "euc-jp"),
    (CHINESE, "gbk"),
    (CHINESE, "gb18030"),
    (TAIWANESE, "big5"),
    (RUSSIAN, "windows-1251"),
    (RUSSIAN, "koi8-r"),
    (GREEK, "windows-1253"),
    (FRENCH, "windows-1252"),
];

fn encoded(text: &str, name: &str) -> Vec<u8> {
    match name {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => {
            let encoding = Encoding::for_label(name.as_bytes()).expect("a label");
            let (bytes, _, has_unmappable) = encoding.encode(text);
            assert!(!has_unmappable, "{text} in {name}");
            bytes.into_owned()
        }
    }
}

/// Runs the program without scores.
fn clean(place: &Place, arguments: &[&str], code: i32) -> support::Outcome {
    let options = [
        "--no-score",
        "--removed",
        "ledger",
        "--stats",
        "stats",
        "--overwrite",
    ];
    place.clean(arguments.iter().chain(&options)).expect(code)
}

/// Runs another command; what it says, which is JSON.
fn json_of(place: &Place, arguments: &[&str]) -> Value {
    let output = cargo_bin_cmd!("dechaff")
        .current_dir(place.path(""))
        .args(arguments)
        .output()
        .expect("the program runs");
    let outcome = support::Outcome::new(output).expect(0);
    serde_json::from_slice(&outcome.stdout).expect("JSON")
}

/// What packed bytes hold; others as they are.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let Some(packing) = Packing::told(bytes) else {
        return bytes.to_vec();
    };
    let mut text = Vec::new();
    Unpacker::new(packing, Box::new(std::io::Cursor::new(bytes.to_vec())))
        .read_to_end(&mut text)
        .expect("whole");
    text
}

#[test]
fn every_text_comes_out_as_its_utf8_does() {
    for (text, name) in TOLD {
        let place = Place::with([
            ("in/a/page.txt", encoded(text, name)),
            ("same/a/page.txt", text.as_bytes().to_vec()),
        ]);
        let outcome = clean(&place, &["in", "-o", "out"], 0);
        outcome.mentions("a/page.txt: note: charset converted from ");
        let counts = place.counts("stats");
        let ledger = place.read_text("ledger");
        clean(&place, &["same", "-o", "out-same", "-q"], 0).says(&[]);
        assert_eq!(place.files("out"), place.files("out-same"), "{name}");
        assert_eq!(ledger, place.read_text("ledger"), "{name}");
        assert_eq!(counts["converted"], 1, "{name}");
        assert_eq!(counts["bytes_in"], text.len(), "{name}");
        assert_eq!(counts["bytes_read"], encoded(text, name).len(), "{name}");
        let output = place.read("out/a/page.txt");
        assert_eq!(rebuild(&output, &place.ledger("ledger")), text.as_bytes());
    }
}

#[test]
fn what_the_user_says_needs_no_certainty_and_a_mark_goes_before_it() {
    let short = "가나다";
    let place = Place::with([
        ("in/korean.txt", encoded(short, "euc-kr")),
        ("in/ascii.txt", PLAIN.as_bytes().to_vec()),
        (
            "in/marked.txt",
            [&b"\xff\xfe"[..], &encoded(short, "utf-16le")].concat(),
        ),
        (
            "in/utf8.txt",
            [&b"\xef\xbb\xbf"[..], short.as_bytes()].concat(),
        ),
        (
            "in/page.html",
            encoded("<meta charset=windows-1252><p>가나다", "euc-kr"),
        ),
    ]);
    clean(&place, &["in", "-o", "out", "-q", "--encoding", "CP949"], 0).says(&[]);
    assert_eq!(place.read_text("out/korean.txt"), short);
    assert_eq!(place.read_text("out/ascii.txt"), PLAIN);
    assert_eq!(place.read_text("out/marked.txt"), short);
    assert_eq!(place.read_text("out/utf8.txt"), format!("\u{feff}{short}"));
    assert_eq!(place.read_text("out/page.html.txt"), format!("{short}\n"));
    assert_eq!(place.counts("stats")["converted"], 3);
    // Rows are UTF-8, whatever the rest is in.
    let row = "{\"text\":\"가나다\"}\n";
    let place = Place::with([("rows.jsonl", row)]);
    clean(
        &place,
        &["rows.jsonl", "-o", "out", "-q", "--encoding", "euc-kr"],
        0,
    );
    assert_eq!(place.read_text("out"), row);
    for name in ["no such", "iso-2022-kr", ""] {
        let outcome = clean(&place, &["rows.jsonl", "-o", "out", "--encoding", name], 2);
        outcome.mentions("no character set that is read");
    }
}

#[test]
fn what_cannot_be_told_stays_byte_for_byte_with_a_note() {
    let one_bad_byte = [FRENCH.as_bytes(), b"caf\xe9\n"].concat();
    let cut = FRENCH.find('é').expect("a letter") + 1;
    let cut = FRENCH.as_bytes()[..cut].to_vec();
    let two_sets = [FRENCH.as_bytes(), &encoded(FRENCH, "windows-1252")].concat();
    for (page, is_noted) in [
        (b"A caf\xe9 by the harbour.\n".to_vec(), true),
        (encoded("가나다라", "euc-kr"), true),
        (b"One \xff byte.\n".to_vec(), true),
        (two_sets, true),
        (one_bad_byte, false),
        (cut, true),
    ] {
        let place = Place::with([("in/page.txt", &page)]);
        let outcome = clean(&place, &["in", "-o", "out"], 0);
        assert_eq!(place.read("out/page.txt"), page);
        let counts = place.counts("stats");
        assert_eq!(counts["charset_unknown"], u32::from(is_noted));
        assert_eq!(
            (&counts["converted"], &counts["problems"]),
            (&0.into(), &0.into())
        );
        if is_noted {
            outcome.mentions("page.txt: note: not UTF-8, in no charset that can be told");
        }
    }
}

#[test]
fn large_packed_and_piped_texts_are_converted_in_every_pass() {
    let mut numbers = Numbers::new(5);
    let words = ["연락선", "부두", "겨울", "아침", "수리", "손님"];
    let mut page = String::new();
    while page.len() < 400_000 {
        let line: Vec<&str> = (0..3 + numbers.below(9))
            .map(|_| numbers.pick(&words))
            .collect();
        page += &format!("{} {}\n", line.join(" "), page.len());
    }
    for name in ["euc-kr", "utf-16le", "gb18030"] {
        let bytes = encoded(&page, name);
        let packed = Packing::Zstd.pack(&bytes).expect("memory");
        let place = Place::with([
            ("in/large.txt", bytes.clone()),
            ("in/large.txt.zst", packed.clone()),
            ("same/large.txt", page.clone().into_bytes()),
            (
                "same/large.txt.zst",
                Packing::Zstd.pack(page.as_bytes()).expect("memory"),
            ),
        ]);
        for limit in ["64KiB", "64MiB"] {
            let same = ["same", "-o", "out-same", "-q", "--max-page-bytes", limit];
            clean(&place, &same, 0);
            let (expected, ledger) = (place.files("out-same"), place.read_text("ledger"));
            for threads in ["1", "3"] {
                let options = ["-q", "--max-page-bytes", limit, "--threads", threads];
                let options = [&options[..], &["--encoding", name]].concat();
                clean(&place, &[&["in", "-o", "out"], &options[..]].concat(), 0).says(&[]);
                let texts = |files: &BTreeMap<_, Vec<u8>>| {
                    let texts = files.values().map(|bytes| unpacked(bytes));
                    texts.collect::<Vec<_>>()
                };
                assert!(
                    texts(&place.files("out")) == texts(&expected),
                    "{name} {limit}"
                );
                assert_eq!(place.read_text("ledger"), ledger);
                let counts = place.counts("stats");
                assert_eq!(counts["bytes_read"], 2 * bytes.len());
                assert_eq!(counts["bytes_in"], 2 * page.len());
                assert_eq!(counts["converted"], 2);
            }
            for input in [&bytes, &packed] {
                let arguments = ["-", "-q", "--no-score", "--max-page-bytes", limit];
                let told = place.clean_with_input(arguments, input).expect(0).stdout;
                assert!(
                    unpacked(&told) == place.read("out/large.txt"),
                    "{name} {limit}"
                );
            }
        }
    }
}

#[test]
fn a_fault_far_into_a_large_text_stays_and_is_told_once() {
    let page = encoded(&KOREAN.repeat(2000), "euc-kr");
    let mut faulty = page.clone();
    let at = page.len() - 2;
    assert!(page.len() > 256 << 10, "beyond what is looked at");
    faulty.splice(at..at, [0xff]);
    let place = Place::with([("page.txt", &faulty)]);
    for limit in ["64KiB", "64MiB"] {
        let arguments = ["page.txt", "-o", "out", "-q", "--max-page-bytes", limit];
        clean(&place, &arguments, 3).says(&[&format!(
            "page.txt:{at}: bytes that are not valid EUC-KR; kept as they are, the rest converted"
        )]);
        let output = place.read("out");
        assert_eq!(output.iter().filter(|byte| **byte == 0xff).count(), 1);
        let text = rebuild(&output, &place.ledger("ledger"));
        let text: Vec<u8> = text.into_iter().filter(|byte| *byte != 0xff).collect();
        assert!(text == KOREAN.repeat(2000).as_bytes());
    }
}

#[test]
fn explain_and_repeats_read_the_same_text() {
    let place = Place::with([("page.txt", encoded(KOREAN, "euc-kr"))]);
    let report = json_of(&place, &["explain", "page.txt", "--json"]);
    assert_eq!(report["lines"][0]["text"], "나루 신문");
    let repeats = ["repeats", "page.txt", "--json", "--scope", "page"];
    let report = json_of(&place, &[&repeats[..], &["--min-chars", "5"]].concat());
    let headline = KOREAN.lines().nth(2).expect("a headline");
    assert_eq!(report["blocks"][0]["text"], headline);
}

/// Changed bytes of texts in all sets: no crash, nothing lost, the account adds up.
/// `DECHAFF_MUTANTS` sets how many.
#[test]
fn mutants_are_read_without_harm() {
    let count = count_from("DECHAFF_MUTANTS", 300);
    let mut numbers = Numbers::new(11);
    let mut place = Place::new();
    let flush = |place: &Place| {
        let outcome = place.clean(["in", "-o", "out", "-q", "--no-score", "--stats", "stats"]);
        assert!(matches!(outcome.code, Some(0 | 3)), "{outcome:?}");
        let counts = place.counts("stats");
        let sum = |name: &str| counts[name].as_u64().expect("a count");
        let pages = place.files("in").len() as u64;
        let read = sum("pages") + sum("other_files") + sum("copied_unchanged");
        assert_eq!(read, pages);
    };
    for number in 0..count {
        let (text, name) = TOLD[number % TOLD.len()];
        let mut bytes = encoded(text, name);
        for _ in 0..1 + numbers.below(6) {
            let at = numbers.below(bytes.len());
            match numbers.below(3) {
                0 => bytes[at] = numbers.below(256) as u8,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, numbers.below(256) as u8),
            }
        }
        place.file(format!("in/{number}.txt"), bytes);
        if (number + 1).is_multiple_of(500) {
            flush(&place);
            place = Place::new();
        }
    }
    if !count.is_multiple_of(500) {
        flush(&place);
    }
}

#[test]
fn utf8_and_ascii_are_left_as_they_are() {
    let place = Place::with([("in/a.txt", FERRY), ("in/b.txt", FRENCH)]);
    clean(&place, &["in", "-o", "out", "-q"], 0).says(&[]);
    assert_eq!(place.read_text("out/a.txt"), FERRY_BODY);
    assert_eq!(place.read_text("out/b.txt"), FRENCH);
    let counts = place.counts("stats");
    assert_eq!(
        (&counts["converted"], &counts["charset_unknown"]),
        (&0.into(), &0.into())
    );
}
