//! The page-scope rule on small pages: what a scraper doubled goes, what is said twice on
//! purpose stays. Scores are off; only repeats are looked at.

use dechaff::repeats::{
    DOUBLED_PAGE_PART, MAX_COPIES, MAX_COPY_LINES, MAX_HEAD_COPIES, MAX_HEADLINES_TO_TEXT,
    MAX_LINES_BETWEEN, MAX_LINES_DIFFERENT, MAX_LINES_TO_TEXT, MAX_STUCK_COLUMNS,
    MIN_CAPTION_COLUMNS, MIN_DOUBLED_COLUMNS, MIN_HEADLINE_COLUMNS, MIN_SHARED_COLUMNS,
    MIN_WIDE_HEADLINE_COLUMNS, PARAGRAPH_COLUMNS,
};
use dechaff::{Cleaner, Config, Reason};

/// Each line that goes as a repeat, with the line that it repeats; numbers from 1.
fn repeats<L: AsRef<str>>(lines: &[L]) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    let page = lines.join("\n");
    let config = Config {
        score: false,
        ..Config::default()
    };
    let cleaner = Cleaner::new(config).expect("the config is good");
    cleaner
        .clean_page(page.as_bytes())
        .each_line()
        .filter_map(|line| match line.verdict.reason {
            Reason::Repeat { of } => Some((line.number, of)),
            _ => None,
        })
        .collect()
}

/// What the case shows, the page's lines, and what [`repeats`] gives.
type Case<'a> = (&'a str, &'a [&'a str], &'a [(usize, usize)]);

fn assert_repeats(cases: &[Case<'_>]) {
    for (name, lines, expected) in cases {
        assert_eq!(repeats(lines), *expected, "{name}");
    }
}

fn assert_all_stay(cases: &[(&str, &[&str])]) {
    for (name, lines) in cases {
        assert_eq!(repeats(lines), [], "{name}");
    }
}

const PARAGRAPH: &str = "The old cable ferry at Birk Sound went back into the water on Monday, \
     five months after a log tore a hole into its hull.";
const SECOND_PARAGRAPH: &str = "Forty people stood on the landing when it crossed for the first \
     time, and the baker handed out rolls in the shape of a boat.";
const THIRD_PARAGRAPH: &str = "The repair cost less than the council had feared, since two of the \
     shipwrights worked on Sundays and asked for nothing but soup.";
const KOREAN_PARAGRAPH: &str = "밧줄로 끄는 낡은 나룻배가 다섯 달 만에 월요일 아침 다시 물에 \
     떴고, 마을 사람들은 나루터에 모여 손뼉을 치며 첫 손님을 태워 보냈다.";
const CHINESE_PARAGRAPH: &str = "停了五个月的老渡船星期一早上重新下水，四十多个村民站在码头上看它\
     第一次过河，面包铺的老板还给大家分了船形的小面包。";
const CAPTION: &str = "The ferry on its first crossing, with the church of Birk in the background";

#[test]
fn a_doubled_headline_goes() {
    let title = "Birk ferry is back in the water after five months";
    assert_repeats(&[
        (
            "a headline that asks inside quotes",
            &[
                "Mayor of Birk: “Who is going to pay for the ferry?”",
                "Menu",
                "Mayor of Birk: “Who is going to pay for the ferry?”",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "a headline that exclaims inside brackets",
            &[
                "The ferry of Birk runs again (and for free!)",
                "Menu",
                "The ferry of Birk runs again (and for free!)",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "a headline that asks in Arabic",
            &[
                "متى تعود العبارة القديمة إلى الماء من جديد؟",
                "القائمة",
                "متى تعود العبارة القديمة إلى الماء من جديد؟",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "exact",
            &[title, "Menu", "News", title, PARAGRAPH, SECOND_PARAGRAPH],
            &[(4, 1)],
        ),
        (
            "blank lines between",
            &[title, "", "\u{a0}", title, "", PARAGRAPH],
            &[(4, 1)],
        ),
        (
            "three times",
            &[title, "Menu", title, "Share", title, PARAGRAPH],
            &[(3, 1), (5, 1)],
        ),
        (
            "site name behind the first",
            &[
                "Birk ferry is back in the water after five months | Sound Post",
                "Menu",
                title,
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "site name behind the second",
            &[
                title,
                "Menu",
                "Birk ferry is back in the water after five months - Sound Post",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "site name in front",
            &[
                "Sound Post: Birk ferry is back in the water after five months",
                "Menu",
                title,
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "cut with an ellipsis first",
            &["Birk ferry is back in the water…", "Menu", title, PARAGRAPH],
            &[(3, 1)],
        ),
        (
            "cut with three dots later",
            &[
                title,
                "Menu",
                "Birk ferry is back in the water after ...",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "other case, quotes, dashes and spaces",
            &[
                "Mayor calls the ferry \"a gift\" - and pays",
                "Menu",
                "MAYOR CALLS  THE FERRY “A GIFT” – AND PAYS",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "Korean",
            &[
                "버크 나룻배, 다섯 달 만에 다시 강을 건너다",
                "메뉴",
                "버크 나룻배, 다섯 달 만에 다시 강을 건너다",
                KOREAN_PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "Korean, cut and with the site's name",
            &[
                "버크 나룻배, 다섯 달 만에 다시 강을 건너다 | 나루신문",
                "버크 나룻배, 다섯 달 만에 다시…",
                KOREAN_PARAGRAPH,
            ],
            &[(2, 1)],
        ),
        (
            "Chinese",
            &[
                "停航五个月的老渡船今天重新下水",
                "首页",
                "停航五个月的老渡船今天重新下水",
                CHINESE_PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "Chinese, with the site's name and fullwidth marks",
            &[
                "停航五个月的老渡船今天重新下水！（水乡报）",
                "首页",
                "停航五个月的老渡船今天重新下水!",
                CHINESE_PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "Chinese, of six characters",
            &["渡船重新开航", "首页", "渡船重新开航", CHINESE_PARAGRAPH],
            &[(3, 1)],
        ),
        (
            "asks",
            &[
                "Who pays for the ferry of Birk?",
                "Menu",
                "Who pays for the ferry of Birk?",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "exclaims",
            &[
                "The ferry of Birk runs again!",
                "Menu",
                "The ferry of Birk runs again!",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "asks with a fullwidth mark",
            &[
                "停航的老渡船今天能下水吗？",
                "首页",
                "停航的老渡船今天能下水吗？",
                CHINESE_PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "ends with an ellipsis",
            &[
                "And then the ferry came back…",
                "Menu",
                "And then the ferry came back…",
                PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "with its byline",
            &[
                title,
                "By Ida Holm",
                "Menu",
                title,
                "By Ida Holm",
                PARAGRAPH,
            ],
            &[(4, 1), (5, 2)],
        ),
        (
            "below its breadcrumb",
            &[
                "Home > News > Birk ferry is back in the water after five months",
                title,
                "Menu",
                title,
                PARAGRAPH,
            ],
            &[(4, 2)],
        ),
    ]);
}

#[test]
fn a_doubled_caption_goes() {
    let credited = "The ferry on its first crossing, with the church of Birk in the background \
         [Photo: Ida Holm]";
    assert_repeats(&[
        (
            "exact",
            &[PARAGRAPH, CAPTION, CAPTION, SECOND_PARAGRAPH],
            &[(3, 2)],
        ),
        (
            "a button between",
            &[PARAGRAPH, CAPTION, "Enlarge", CAPTION, SECOND_PARAGRAPH],
            &[(4, 2)],
        ),
        (
            "credit on the second",
            &[PARAGRAPH, CAPTION, credited, SECOND_PARAGRAPH],
            &[(3, 2)],
        ),
        (
            "credit on the first",
            &[PARAGRAPH, credited, CAPTION, SECOND_PARAGRAPH],
            &[(3, 2)],
        ),
        (
            "of two lines",
            &[
                PARAGRAPH,
                CAPTION,
                "Photo: Ida Holm",
                CAPTION,
                "Photo: Ida Holm",
                SECOND_PARAGRAPH,
            ],
            &[(4, 2), (5, 3)],
        ),
        (
            "Korean",
            &[
                KOREAN_PARAGRAPH,
                "월요일 아침 첫 손님을 태운 나룻배가 교회를 뒤로하고 강 한가운데를 지나고 있다.",
                "월요일 아침 첫 손님을 태운 나룻배가 교회를 뒤로하고 강 한가운데를 지나고 있다. [사진=홍이다]",
                "강 건너편 학교는 이날 하루 문을 닫았다.",
            ],
            &[(3, 2)],
        ),
        (
            "Chinese",
            &[
                CHINESE_PARAGRAPH,
                "星期一早上，载着第一批乘客的渡船正经过河心，背后是村里的老教堂和钟楼。（何伊达摄）",
                "星期一早上，载着第一批乘客的渡船正经过河心，背后是村里的老教堂和钟楼。",
                "对岸的小学这一天放假。",
            ],
            &[(3, 2)],
        ),
    ]);
}

#[test]
fn the_second_copy_of_a_doubled_article_goes() {
    let title = "Birk ferry is back in the water after five months";
    let body = [title, PARAGRAPH, CAPTION, SECOND_PARAGRAPH, THIRD_PARAGRAPH];
    let twice = [
        &["Menu"][..],
        &body,
        &["Share", "Print"],
        &body,
        &["Imprint"],
    ]
    .concat();
    let expected: Vec<(usize, usize)> = (2..7).map(|of| (of + 7, of)).collect();
    assert_eq!(repeats(&twice), expected);
}

#[test]
fn a_line_changed_in_the_second_copy_stays() {
    let copy = |changed| {
        [
            PARAGRAPH,
            changed,
            SECOND_PARAGRAPH,
            CAPTION,
            THIRD_PARAGRAPH,
        ]
    };
    let page = [
        &copy("Updated at noon")[..],
        &["Share"],
        &copy("Updated at three"),
    ]
    .concat();
    assert_eq!(repeats(&page), [(7, 1), (9, 3), (10, 4), (11, 5)]);
}

#[test]
fn songs_dialogue_and_verse_stay() {
    assert_all_stay(&[
        (
            "a song with its refrain",
            &[
                "Song of the Birk ferry",
                "The rope is wet, the rope is long",
                "And no one knows the whole of the song",
                "Pull me over, pull me home",
                "Over the water, under the dome",
                "The baker pays with yesterday's bread",
                "The priest with a blessing upon your head",
                "Pull me over, pull me home",
                "Over the water, under the dome",
                "And I, who have nothing, pay with a tune",
                "From the first of April to the end of June",
                "Pull me over, pull me home",
                "Over the water, under the dome",
            ],
        ),
        (
            "a song with its refrain above a paragraph on it",
            &[
                "Pull me over, pull me home, my dear",
                "Over the water and under the dome",
                "The rope is wet and the rope is long",
                "And no one here knows the whole of the song",
                "Pull me over, pull me home, my dear",
                "Over the water and under the dome",
                "The baker pays with yesterday's bread",
                "Pull me over, pull me home, my dear",
                "Over the water and under the dome",
                "And I, who have nothing, pay with a tune",
                "Pull me over, pull me home, my dear",
                "Over the water and under the dome",
                PARAGRAPH,
            ],
        ),
        (
            "dialogue before the first long paragraph",
            &[
                "“Is the ferry running today?” she asked.",
                "“Not before Monday, I am told.”",
                "“You said the same thing a week ago.”",
                "“Is the ferry running today?” she asked.",
                "“Not before Monday, I am told.”",
                PARAGRAPH,
            ],
        ),
        (
            "dialogue with dashes",
            &[
                "- Is the ferry running again today?",
                "- Ask me when the fog has gone.",
                "- Is the ferry running again today?",
                "- Ask me when the fog has gone.",
                PARAGRAPH,
            ],
        ),
        (
            "Chinese dialogue",
            &[
                "“今天渡船开不开呀，老人家？”",
                "“不开。”",
                "“今天渡船开不开呀，老人家？”",
                CHINESE_PARAGRAPH,
            ],
        ),
        (
            "short answers in an interview",
            &[
                PARAGRAPH,
                "Yes.",
                "And in winter?",
                "Yes.",
                "And at night?",
                "Yes.",
                SECOND_PARAGRAPH,
            ],
        ),
        (
            "a long sentence said again by another",
            &[
                PARAGRAPH,
                "“I have told you that the ferry does not run before the Monday after Easter.”",
                "“I have told you that the ferry does not run before the Monday after Easter.”",
                "“Yes, so you have.”",
            ],
        ),
        (
            "a long exclamation, repeated",
            &[
                PARAGRAPH,
                "- I have told you that the ferry does not run before the Monday after Easter!",
                "- I have told you that the ferry does not run before the Monday after Easter!",
                SECOND_PARAGRAPH,
            ],
        ),
        (
            "a chorus of four long lines",
            &[
                "The ice went out on Friday night, and nobody had seen it go",
                "Pull me over, pull me home, the rope is wet, the rope is long, and no one knows the song",
                "Over the water, under the dome, with a blessing on your head and bread from yesterday",
                "The bell rings twice, the fog comes down, and all the geese fly over town today",
                "The winter ice will hold no man, so pull the rope as best you can, my dear",
                "The baker came with all his bread, the priest in black, the bride in red",
                "Pull me over, pull me home, the rope is wet, the rope is long, and no one knows the song",
                "Over the water, under the dome, with a blessing on your head and bread from yesterday",
                "The bell rings twice, the fog comes down, and all the geese fly over town today",
                "The winter ice will hold no man, so pull the rope as best you can, my dear",
            ],
        ),
    ]);
}

#[test]
fn code_tables_lists_and_logs_stay() {
    assert_all_stay(&[
        (
            "code above the first paragraph",
            &[
                "let ferry = Ferry::open(\"birk\")?;",
                "ferry.load(&passengers)?;",
                "let ferry = Ferry::open(\"birk\")?;",
                "ferry.load(&goods)?;",
                PARAGRAPH,
            ],
        ),
        (
            "two code samples that share their lines",
            &[
                PARAGRAPH,
                "use ferry::{Rope, Winch, Landing};",
                "let winch = Winch::new(Rope::steel(120), Landing::North)?;",
                "winch.pull();",
                SECOND_PARAGRAPH,
                "use ferry::{Rope, Winch, Landing};",
                "let winch = Winch::new(Rope::steel(120), Landing::North)?;",
                "winch.slacken();",
            ],
        ),
        (
            "rows of a timetable",
            &[
                "| 06:00 | North landing | 12 persons | 2 cars |",
                "| 06:20 | South landing | 12 persons | 2 cars |",
                "| 06:00 | North landing | 12 persons | 2 cars |",
                PARAGRAPH,
            ],
        ),
        (
            "cells, one a line",
            &[
                PARAGRAPH,
                "Monday",
                "Open",
                "Tuesday",
                "Open",
                "Wednesday",
                "Closed",
                "Thursday",
                "Open",
                SECOND_PARAGRAPH,
            ],
        ),
        (
            "items that every list has",
            &[
                "For the summer crossing you need:",
                "one life jacket for each of the passengers",
                "two oars in case the rope breaks",
                "a thermos of coffee for the ferryman",
                "For the winter crossing you need:",
                "one life jacket for each of the passengers",
                "a thermos of coffee for the ferryman",
                "an axe for the ice along the landing",
                "For the night crossing you need:",
                "one life jacket for each of the passengers",
                "a thermos of coffee for the ferryman",
                "a lamp with enough oil until the morning",
                "For a funeral you need:",
                "one life jacket for each of the passengers",
                "a thermos of coffee for the ferryman",
                PARAGRAPH,
            ],
        ),
        (
            "a log",
            &[
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:02 INFO winch stopped by the ferryman on duty today",
            ],
        ),
        (
            "three log lines said twice in a row",
            &[
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:02 INFO winch stopped by the ferryman on duty today",
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:02 INFO winch stopped by the ferryman on duty today",
            ],
        ),
        (
            "three log lines said twice in a row between paragraphs",
            &[
                PARAGRAPH,
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:02 INFO winch stopped by the ferryman on duty today",
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:02 INFO winch stopped by the ferryman on duty today",
                SECOND_PARAGRAPH,
            ],
        ),
    ]);
}

#[test]
fn headings_quotes_and_far_paragraphs_stay() {
    let log_of_days: Vec<String> = (1..40)
        .map(|day| format!("On day {day} of the repair {}", text(120, day)))
        .collect();
    let mut far_apart = vec![PARAGRAPH.to_owned()];
    far_apart.extend(log_of_days);
    far_apart.push(PARAGRAPH.to_owned());
    assert_eq!(repeats(&far_apart), [], "a paragraph that returns far away");

    assert_all_stay(&[
        (
            "contents whose entries come back as headings",
            &[
                "How to cross on the ferry",
                "Before you come to the landing",
                "What the crossing will cost you",
                "When the ferry does not run",
                "Before you come to the landing",
                PARAGRAPH,
                "What the crossing will cost you",
                SECOND_PARAGRAPH,
                "When the ferry does not run",
                THIRD_PARAGRAPH,
            ],
        ),
        (
            "a heading over two sections",
            &[
                PARAGRAPH,
                "Where to buy a ticket for the ferry",
                SECOND_PARAGRAPH,
                "Where to buy a ticket for the ferry",
                THIRD_PARAGRAPH,
            ],
        ),
        (
            "a post quoted in an answer",
            &[
                PARAGRAPH,
                "ida_h wrote on Tuesday:",
                "The rope slips on the drum as soon as the evening dew has settled on it.",
                "Oskar answered:",
                "Did you try rosin?",
                "ida_h wrote on Tuesday:",
                "The rope slips on the drum as soon as the evening dew has settled on it.",
                SECOND_PARAGRAPH,
            ],
        ),
        (
            "a line that begins like the one before",
            &[
                PARAGRAPH,
                "The ferry takes twelve persons and two cars when the water is at its usual height.",
                "The ferry takes twelve persons and two cars when the water is at its usual height and no ice is seen.",
                SECOND_PARAGRAPH,
            ],
        ),
    ]);
}

#[test]
fn sentences_above_the_text_stay() {
    assert_all_stay(&[
        (
            "one that could be a headline",
            &[
                "Birk ferry is back in the water after five months.",
                "Menu",
                "Birk ferry is back in the water after five months.",
                PARAGRAPH,
            ],
        ),
        (
            "one that could be a Chinese headline",
            &[
                "停航五个月的老渡船今天重新下水。",
                "首页",
                "停航五个月的老渡船今天重新下水。",
                CHINESE_PARAGRAPH,
            ],
        ),
        (
            "the same answer from two people",
            &[
                "ida_h",
                "Thanks, that fixed it for me as well.",
                "oskar",
                "Which rosin did you take?",
                "jon_b",
                "Thanks, that fixed it for me as well.",
                "rope_man",
                PARAGRAPH,
            ],
        ),
        (
            "the same answer to two questions",
            &[
                "Can I take my dog along?",
                "Yes, on a lead and for free.",
                "Can I take my goat along?",
                "Yes, on a lead and for free.",
                PARAGRAPH,
            ],
        ),
    ]);
}

#[test]
fn a_breadcrumb_and_its_headline_stay() {
    let title = "Birk ferry is back in the water after five months";
    for separator in [">", "/", "»", "›"] {
        let breadcrumb = format!("Home {separator} News {separator} {title}");
        assert_eq!(repeats(&[&breadcrumb, title, PARAGRAPH]), [], "{separator}");
        assert_eq!(repeats(&[title, &breadcrumb, PARAGRAPH]), [], "{separator}");
    }
}

#[test]
fn known_limit_lines_said_twice_on_purpose_go() {
    assert_repeats(&[
        (
            "the same terms under two offers",
            &[
                "Table, oak, 80 by 120, picked up by you",
                "Price on request, no shipping please",
                "Chair, beech, without its cushion",
                "Price on request, no shipping please",
                "Lamp, brass, rewired last summer",
                PARAGRAPH,
            ],
            &[(4, 2)],
        ),
        (
            "the same change in two versions",
            &[
                "Version 2.1",
                "Fixed a crash when the rope file is empty",
                "New winch",
                "Version 2.0",
                "Fixed a crash when the rope file is empty",
                "Older versions",
                PARAGRAPH,
            ],
            &[(5, 2)],
        ),
        (
            "the same step in two parts of a recipe",
            &[
                "For the dough",
                "Mix well and leave to rest for an hour",
                "For the filling",
                "Chop the onions",
                "Mix well and leave to rest for an hour",
                PARAGRAPH,
            ],
            &[(5, 2)],
        ),
        (
            "sizes of one article",
            &[
                "Rope for ferries, steel, twelve strands",
                "4.50",
                "Rope for ferries, steel, twelve strands (120 m)",
                "9.00",
                "Rope for ferries, steel, twelve strands (240 m)",
                "18.00",
                PARAGRAPH,
            ],
            &[(3, 1), (5, 1)],
        ),
        (
            "headings after short sections, below their contents",
            &[
                "Before you come to the landing",
                "What the crossing will cost you",
                "When the ferry does not run",
                "Before you come to the landing",
                "Ring the bell twice.",
                "What the crossing will cost you",
                "A coin or a story.",
                "When the ferry does not run",
                PARAGRAPH,
            ],
            &[(6, 2), (8, 3)],
        ),
        (
            "headings below contents of two entries",
            &[
                "Before you come to the landing",
                "What the crossing will cost you",
                "Before you come to the landing",
                PARAGRAPH,
                "What the crossing will cost you",
                SECOND_PARAGRAPH,
            ],
            &[(3, 1)],
        ),
        (
            "one review by two people",
            &[
                PARAGRAPH,
                "Good rope, came quickly, was packed well, and I would order it again.",
                "Oskar",
                "Good rope, came quickly, was packed well, and I would order it again.",
                "Ida",
                SECOND_PARAGRAPH,
            ],
            &[(4, 2)],
        ),
        (
            "a long line of a song, sung twice",
            &[
                "O pull me over the water, ferryman, and pull me home before the night",
                "O pull me over the water, ferryman, and pull me home before the night",
                "The rope is wet, the rope is long",
                "The priest pays with a blessing",
            ],
            &[(2, 1)],
        ),
        (
            "a long answer whose attribution stands inside",
            &[
                PARAGRAPH,
                "“I told you that the ferry does not run before Monday,” said the old man, “and not then”",
                "“I told you that the ferry does not run before Monday,” said the old man, “and not then”",
                SECOND_PARAGRAPH,
            ],
            &[(3, 2)],
        ),
        (
            "the same thanks from two people",
            &[
                "oskar",
                "Thank you for all your help!",
                "ida_h",
                "Thank you for all your help!",
                PARAGRAPH,
            ],
            &[(4, 2)],
        ),
        (
            "two log lines said twice in a row",
            &[
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
            ],
            &[(3, 1), (4, 2)],
        ),
        (
            "log lines each said twice",
            &[
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:00 INFO winch started by the ferryman on duty today",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
                "2031-04-01 06:00:01 WARN rope tension is above the limit set for spring",
            ],
            &[(2, 1), (4, 3)],
        ),
        (
            "the headline below a breadcrumb with colons",
            &[
                "Home :: News :: Birk ferry is back in the water after five months",
                "Birk ferry is back in the water after five months",
                PARAGRAPH,
            ],
            &[(2, 1)],
        ),
        (
            "a chorus of five long lines",
            &[
                "The ice went out on Friday night, and nobody had seen it go",
                "Pull me over, pull me home, the rope is wet, the rope is long, and no one knows the song",
                "Over the water, under the dome, with a blessing on your head and bread from yesterday",
                "The bell rings twice, the fog comes down, and all the geese fly over town today",
                "The winter ice will hold no man, so pull the rope as best you can, my dear",
                "And where the church of Birk looks down, the ferryman shall wear a crown",
                "The baker came with all his bread, the priest in black, the bride in red",
                "Pull me over, pull me home, the rope is wet, the rope is long, and no one knows the song",
                "Over the water, under the dome, with a blessing on your head and bread from yesterday",
                "The bell rings twice, the fog comes down, and all the geese fly over town today",
                "The winter ice will hold no man, so pull the rope as best you can, my dear",
                "And where the church of Birk looks down, the ferryman shall wear a crown",
            ],
            &[(8, 2), (9, 3), (10, 4), (11, 5), (12, 6)],
        ),
    ]);
}

#[test]
fn known_limit_doubled_text_that_stays() {
    assert_all_stay(&[
        (
            "a Chinese headline of four characters",
            &["渡船开航", "首页", "渡船开航", CHINESE_PARAGRAPH],
        ),
        (
            "a Chinese headline of six characters, with the site's name",
            &[
                "渡船重新开航 | 水乡报",
                "首页",
                "渡船重新开航",
                CHINESE_PARAGRAPH,
            ],
        ),
        (
            "a headline that ends with an abbreviation",
            &[
                "Birk ferry is sold to Sound Lines of Delaware, U.S.",
                "Menu",
                "Birk ferry is sold to Sound Lines of Delaware, U.S.",
                PARAGRAPH,
            ],
        ),
        (
            "a headline with its byline and its date",
            &[
                "Birk ferry is back in the water after five months",
                "By Ida Holm",
                "1 April 2031",
                "Birk ferry is back in the water after five months",
                "By Ida Holm",
                "1 April 2031",
                PARAGRAPH,
            ],
        ),
        (
            "a caption with its credit and its button",
            &[
                PARAGRAPH,
                CAPTION,
                "Photo: Ida Holm",
                "Enlarge",
                CAPTION,
                "Photo: Ida Holm",
                "Enlarge",
                SECOND_PARAGRAPH,
            ],
        ),
        (
            "a headline above short paragraphs",
            &[
                "Birk ferry is back in the water after five months",
                "Menu",
                "Birk ferry is back in the water after five months",
                "It was lifted out in November, before the ice.",
                "Now it runs again, at first without cars.",
            ],
        ),
        (
            "a caption with two buttons between its copies",
            &[
                PARAGRAPH,
                CAPTION,
                "Enlarge",
                "Share",
                CAPTION,
                SECOND_PARAGRAPH,
            ],
        ),
        (
            "a brief of two paragraphs, doubled far down",
            &[
                "News in brief from around the sound, by our own staff, with the weather for the days to come and the tides",
                PARAGRAPH,
                SECOND_PARAGRAPH,
                "Share",
                "Print",
                PARAGRAPH,
                SECOND_PARAGRAPH,
            ],
        ),
    ]);
}

#[test]
fn a_headline_goes_where_every_line_is_doubled() {
    let title = "Birk ferry is back in the water after five months";
    let page = [
        title,
        title,
        PARAGRAPH,
        PARAGRAPH,
        SECOND_PARAGRAPH,
        SECOND_PARAGRAPH,
    ];
    assert_eq!(repeats(&page), [(2, 1), (4, 3), (6, 5)]);
}

/// Words of exactly this many columns, of lower-case letters; another text for every seed.
fn text(columns: usize, seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut text = String::new();
    while text.len() < columns {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let letter = char::from(b'a' + (state >> 33) as u8 % 26);
        let is_word_end = text.len() % 7 == 5 && text.len() + 1 < columns;
        text.push(if is_word_end { ' ' } else { letter });
    }
    text
}

/// Hangul of exactly this many columns, with one Latin letter where they are odd; another text
/// for every seed.
fn wide_text(columns: usize, seed: usize) -> String {
    let hangul = text(columns / 2, seed).replace(' ', "x").into_bytes();
    let hangul = hangul
        .into_iter()
        .map(|letter| char::from_u32('가' as u32 + u32::from(letter - b'a')).expect("a syllable"));
    let last = (columns % 2 == 1).then_some('x');
    hangul.chain(last).collect()
}

/// One word of exactly this many letters; another for every seed.
fn letters(columns: usize, seed: usize) -> String {
    text(columns, seed).replace(' ', "x")
}

/// Something short that is no headline, caption or paragraph.
fn short(seed: usize) -> String {
    text(8, 10_000 + seed)
}

fn paragraph(seed: usize) -> String {
    text(2 * PARAGRAPH_COLUMNS as usize, 20_000 + seed)
}

/// A page's lines: texts and the lists of texts among them, in order.
fn page(parts: &[&[String]]) -> Vec<String> {
    parts.concat()
}

fn shorts(count: usize) -> Vec<String> {
    (0..count).map(short).collect()
}

#[test]
fn texts_of_the_tests_have_the_columns_they_say() {
    for columns in [1, 19, 20, 60, 100, 300] {
        let text = text(columns, columns);
        assert_eq!(
            dechaff::shape::measure(text.as_bytes()).columns as usize,
            columns
        );
        assert_eq!(text.trim().len(), columns);
    }
    assert_eq!(
        dechaff::shape::measure(letters(300, 1).as_bytes()).letter_columns,
        300
    );
    for columns in [11, 12, 19] {
        let shape = dechaff::shape::measure(wide_text(columns, columns).as_bytes());
        assert_eq!(shape.columns as usize, columns);
        assert!(shape.is_wide());
    }
}

#[test]
fn a_line_may_stand_max_copies_times() {
    let headline_copies = |copies: u32| {
        let mut lines = Vec::new();
        for copy in 0..copies as usize {
            lines.extend([text(40, 1), short(copy)]);
        }
        lines.push(paragraph(1));
        repeats(&lines).len()
    };
    assert_eq!(headline_copies(MAX_COPIES), MAX_COPIES as usize - 1);
    assert_eq!(headline_copies(MAX_COPIES + 1), 0);
}

#[test]
fn running_text_begins_at_paragraph_columns() {
    let over = |columns: u32| {
        let title = text(40, 1);
        repeats(&[title.clone(), short(1), title, text(columns as usize, 2)])
    };
    assert_eq!(over(PARAGRAPH_COLUMNS), [(3, 1)]);
    assert_eq!(over(PARAGRAPH_COLUMNS - 1), []);
}

#[test]
fn a_headline_has_min_headline_columns() {
    let of_columns = |columns: u32| {
        let title = text(columns as usize, 1);
        repeats(&[title.clone(), short(1), title, paragraph(1)])
    };
    assert_eq!(of_columns(MIN_HEADLINE_COLUMNS), [(3, 1)]);
    assert_eq!(of_columns(MIN_HEADLINE_COLUMNS - 1), []);
}

#[test]
fn a_headline_in_a_wide_script_has_min_wide_headline_columns() {
    let stands_twice = |title: &str| repeats(&[title, "Menu", title, PARAGRAPH]);
    let of_columns = |columns: u32| stands_twice(&wide_text(columns as usize, 1));
    assert_eq!(of_columns(MIN_WIDE_HEADLINE_COLUMNS), [(3, 1)]);
    assert_eq!(of_columns(MIN_WIDE_HEADLINE_COLUMNS - 1), []);

    // Half of the letters wide: no wide script yet.
    let half = MIN_WIDE_HEADLINE_COLUMNS as usize / 3;
    let mixed = wide_text(2 * half, 1) + &letters(half, 1);
    assert_eq!(stands_twice(&mixed), []);
    assert_eq!(stands_twice(&(mixed + "가")), [(3, 1)]);
}

#[test]
fn a_copy_of_headlines_has_max_copy_lines() {
    let of_lines = |lines: usize| {
        let head: Vec<String> = (0..lines).map(|line| text(40, line)).collect();
        let between = shorts(MAX_LINES_BETWEEN + 1);
        repeats(&page(&[&head, &between, &head, &[paragraph(1)]]))
    };
    let at_most: Vec<(usize, usize)> = (1..=MAX_COPY_LINES)
        .map(|of| (of + MAX_COPY_LINES + MAX_LINES_BETWEEN + 1, of))
        .collect();
    assert_eq!(of_lines(MAX_COPY_LINES), at_most);
    assert_eq!(of_lines(MAX_COPY_LINES + 1), []);
}

#[test]
fn headlines_between_a_headline_and_the_text_are_max_headlines() {
    let headlines_below = |headlines: usize| {
        let title = [text(40, 1)];
        let others: Vec<String> = (0..headlines).map(|line| text(40, 10 + line)).collect();
        repeats(&page(&[
            &title,
            &[short(1)],
            &title,
            &others,
            &[paragraph(1)],
        ]))
    };
    assert_eq!(headlines_below(MAX_HEADLINES_TO_TEXT), [(3, 1)]);
    assert_eq!(headlines_below(MAX_HEADLINES_TO_TEXT + 1), []);
}

#[test]
fn running_text_twice_within_max_lines_does_not_end_the_head() {
    let apart = |lines: usize| {
        let title = [text(40, 1)];
        let teaser = [paragraph(1)];
        repeats(&page(&[
            &title,
            &teaser,
            &shorts(lines),
            &teaser,
            &title,
            &[paragraph(2)],
        ]))
    };
    let next = MAX_LINES_BETWEEN;
    assert_eq!(apart(next), [(next + 3, 2), (next + 4, 1)]);
    assert_eq!(apart(next + 1), []);
    let once = [text(40, 1), paragraph(1), text(40, 1), paragraph(2)];
    assert_eq!(repeats(&once), [], "running text that stands once");
}

#[test]
fn running_text_follows_a_headline_within_max_lines() {
    let lines_below = |lines: usize| {
        let title = [text(40, 1)];
        repeats(&page(&[
            &title,
            &[short(99)],
            &title,
            &shorts(lines - 1),
            &[paragraph(1)],
        ]))
    };
    assert_eq!(lines_below(MAX_LINES_TO_TEXT), [(3, 1)]);
    assert_eq!(lines_below(MAX_LINES_TO_TEXT + 1), []);
}

#[test]
fn a_head_has_max_head_copies_at_most() {
    let copies = |copies: usize| {
        let mut lines = Vec::new();
        for copy in 0..copies {
            lines.extend([text(40, copy), short(copy), text(40, copy)]);
        }
        lines.push(paragraph(1));
        repeats(&lines).len()
    };
    assert_eq!(copies(MAX_HEAD_COPIES), MAX_HEAD_COPIES);
    assert_eq!(copies(MAX_HEAD_COPIES + 1), 0);
}

#[test]
fn a_caption_has_min_caption_columns() {
    let of_columns = |columns: u32| {
        let caption = text(columns as usize, 1);
        repeats(&[paragraph(1), caption.clone(), caption, paragraph(2)])
    };
    assert_eq!(of_columns(MIN_CAPTION_COLUMNS), [(3, 2)]);
    assert_eq!(of_columns(MIN_CAPTION_COLUMNS - 1), []);
}

#[test]
fn a_copy_of_captions_has_max_copy_lines() {
    let of_lines = |lines: usize| {
        let captions: Vec<String> = (0..lines).map(|line| text(80, line)).collect();
        let (before, behind) = ([paragraph(1)], [paragraph(2)]);
        repeats(&page(&[&before, &captions, &captions, &behind]))
    };
    let at_most: Vec<(usize, usize)> = (2..2 + MAX_COPY_LINES)
        .map(|of| (of + MAX_COPY_LINES, of))
        .collect();
    assert_eq!(of_lines(MAX_COPY_LINES), at_most);
    assert_eq!(of_lines(MAX_COPY_LINES + 1), []);
}

#[test]
fn captions_stand_max_lines_apart() {
    let apart = |lines: usize| {
        let caption = [text(80, 1)];
        repeats(&page(&[
            &[paragraph(1)],
            &caption,
            &shorts(lines),
            &caption,
            &[paragraph(2)],
        ]))
    };
    assert_eq!(apart(MAX_LINES_BETWEEN), [(MAX_LINES_BETWEEN + 3, 2)]);
    assert_eq!(apart(MAX_LINES_BETWEEN + 1), []);
}

#[test]
fn a_doubled_stretch_holds_its_part_of_the_page() {
    let between = |letters_between: usize| {
        let stretch: Vec<String> = (0..4).map(|line| letters(200, line)).collect();
        let others: Vec<String> = (0..4)
            .map(|line| letters(letters_between / 4, 10 + line))
            .collect();
        let rest = letters(letters_between % 4 + 1, 20);
        repeats(&page(&[&stretch, &others, &[rest], &stretch])).len()
    };
    // Two copies and what stands between make DOUBLED_PAGE_PART times one copy.
    let most = 800 * (DOUBLED_PAGE_PART as usize - 2) - 1;
    assert_eq!(between(most), 4);
    assert_eq!(between(most + 1), 0);
}

#[test]
fn a_doubled_stretch_has_min_doubled_columns() {
    let stretch_of = |columns: usize| {
        let stretch = [letters(columns - 150, 1), letters(150, 2)];
        let others = [letters(120, 3), letters(80, 4)];
        repeats(&page(&[&stretch, &others, &stretch])).len()
    };
    assert_eq!(stretch_of(MIN_DOUBLED_COLUMNS as usize), 2);
    assert_eq!(stretch_of(MIN_DOUBLED_COLUMNS as usize - 1), 0);
}

#[test]
fn a_doubled_stretch_goes_on_behind_max_lines_different() {
    let with_different = |lines: usize| {
        let copy = |number: usize| {
            let changed = (0..lines).map(|line| letters(8, 10 * number + line));
            let (head, tail) = (letters(200, 1), letters(200, 2));
            std::iter::once(head)
                .chain(changed)
                .chain([tail])
                .collect::<Vec<_>>()
        };
        let others = [letters(120, 3), letters(80, 4)];
        repeats(&page(&[&copy(1), &others, &copy(2)])).len()
    };
    assert_eq!(with_different(MAX_LINES_DIFFERENT), 2);
    assert_eq!(with_different(MAX_LINES_DIFFERENT + 1), 0);
}

#[test]
fn near_equal_lines_share_min_shared_columns() {
    let stuck_on = |columns: usize| {
        let title = text(columns, 1);
        repeats(&[
            title.clone(),
            short(1),
            format!("{title} | Sound Post"),
            paragraph(1),
        ])
    };
    assert_eq!(stuck_on(MIN_SHARED_COLUMNS), [(3, 1)]);
    assert_eq!(stuck_on(MIN_SHARED_COLUMNS - 1), []);

    let cut_behind = |columns: usize| {
        let title = letters(40, 1);
        let cut = format!("{}…", &title[..columns]);
        repeats(&[title, short(1), cut, paragraph(1)])
    };
    assert_eq!(cut_behind(MIN_SHARED_COLUMNS), [(3, 1)]);
    assert_eq!(cut_behind(MIN_SHARED_COLUMNS - 1), []);
}

#[test]
fn near_equal_lines_have_max_stuck_columns_more() {
    let stuck_behind = |columns: usize| {
        let title = text(40, 1);
        let longer = format!("{title} | {}", text(columns - 3, 2));
        repeats(&[title, short(1), longer, paragraph(1)])
    };
    assert_eq!(stuck_behind(MAX_STUCK_COLUMNS), [(3, 1)]);
    assert_eq!(stuck_behind(MAX_STUCK_COLUMNS + 1), []);

    let cut_off = |columns: usize| {
        let title = letters(30 + columns, 1);
        let cut = format!("{}...", &title[..30]);
        repeats(&[title, short(1), cut, paragraph(1)])
    };
    assert_eq!(cut_off(MAX_STUCK_COLUMNS), [(3, 1)]);
    assert_eq!(cut_off(MAX_STUCK_COLUMNS + 1), []);
}
