//! HTML in, the lines that a careful reader would see out: a block a line.
//!
//! [`render`] gives the text; [`render_with_structure`] also says of every line where in the
//! markup it stood, and what the page says that it is, for models that read HTML. [`decode`] comes
//! before, where the bytes are a file's. What counts as a line, and what is not on the page, is
//! decided by the block table in `tags.rs`; docs/adr/0010-html-lines.md says why.
//!
//! Knows nothing of files, nor of what a line means. No tree is made: time is linear in the
//! page and memory bounded by it, whatever the markup.

#[cfg(feature = "html")]
mod encoding;
#[cfg(feature = "html")]
mod lines;
#[cfg(feature = "html")]
mod page;
mod structure;
mod tags;
#[cfg(feature = "html")]
mod tokenizer;

#[cfg(feature = "html")]
pub use encoding::{Decoded, Undecodable, decode, decode_in};
pub use structure::{
    BLOCKS, Inside, LineStructure, PAGE_WORDS, PageStructure, Structure, WORDS, word_number,
};
pub use tags::Tag;

/// Of pages of more lines no places are told: they would take more memory than the text.
pub const MAX_PLACES: usize = 1 << 20;

/// A page's lines, and what its markup tells beside them. [`crate::Cleaner`] takes both, see
/// [`crate::cleaner::PageText`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The lines, each with an LF.
    pub text: Vec<u8>,
    /// Where each line of `text` stood; no places where there are more than [`MAX_PLACES`].
    pub structure: Structure,
}

/// The lines of a page, each with an LF.
///
/// White space is collapsed outside preformatted text, entities are decoded. Bytes that are
/// not UTF-8 stay as they are. Markup may be broken in any way.
///
/// ```
/// let page = b"<body><h1>The tide</h1><p>It came in\n  at <b>noon</b>.<script>x()</script></body>";
/// assert_eq!(dechaff::html::render(page), b"The tide\nIt came in at noon.\n");
/// ```
#[cfg(feature = "html")]
pub fn render(html: &[u8]) -> Vec<u8> {
    read(html, 0).0
}

/// As [`render`], with the place of every line.
#[cfg(feature = "html")]
pub fn render_with_structure(html: &[u8]) -> Rendered {
    render_for(html, MAX_PLACES)
}

/// As [`render`], with the place of every line of a page of up to `max_places` lines.
#[cfg(feature = "html")]
pub(crate) fn render_for(html: &[u8], max_places: usize) -> Rendered {
    let (text, structure) = read(html, max_places);
    Rendered { text, structure }
}

#[cfg(feature = "html")]
fn read(html: &[u8], max_places: usize) -> (Vec<u8>, Structure) {
    let mut page = page::Page::new(max_places);
    tokenizer::read(html, &mut page);
    page.finish()
}

#[cfg(test)]
#[cfg(feature = "html")]
mod tests {
    use super::structure::PageWord;
    use super::*;
    use proptest::prelude::*;

    fn lines(html: &str) -> Vec<String> {
        let rendered = render_with_structure(html.as_bytes());
        assert_eq!(rendered.text, render(html.as_bytes()));
        let text = String::from_utf8(rendered.text).expect("UTF-8");
        let lines: Vec<String> = text.split_terminator('\n').map(str::to_owned).collect();
        assert_eq!(lines.len(), rendered.structure.lines.len(), "{html}");
        lines
    }

    fn table(rows: &[(&str, &[&str])]) {
        for (html, expected) in rows {
            assert_eq!(lines(html), *expected, "{html}");
        }
    }

    #[test]
    fn blocks_end_lines_and_inline_elements_do_not() {
        table(&[
            ("", &[]),
            (" \n ", &[]),
            ("a<b>b</b> <i> c</i>d", &["ab cd"]),
            ("<p>a<p>b<div>c</div>d", &["a", "b", "c", "d"]),
            ("a<br>b<br/><br>c<hr>d", &["a", "b", "c", "d"]),
            ("<ul><li>a<li>b</ul>", &["a", "b"]),
            ("<dl><dt>a<dd>b</dl>", &["a", "b"]),
            ("<h1>a</h1><h2>b</h2>", &["a", "b"]),
            ("<a href=x>a</a><a href=y>b</a>", &["ab"]),
            ("<x-app>a</x-app><x-app>b</x-app>", &["ab"]),
            ("a</p>b</div>c", &["a", "bc"]),
            ("<img alt='no'>a<input value='no'>", &["a"]),
            ("<label>Name</label> <button>Send</button>", &["Name Send"]),
        ]);
    }

    #[test]
    fn of_too_many_lines_no_places_are_told() {
        for (lines, told) in [(1 << 20, 1 << 20), ((1 << 20) + 1, 0)] {
            let rendered = render_with_structure(&b"<p>a".repeat(lines));
            assert_eq!(rendered.text.len(), 2 * lines);
            assert_eq!(rendered.structure.lines.len(), told);
        }
    }

    #[test]
    fn white_space_collapses_and_entities_are_decoded() {
        table(&[
            ("a \t\n b&nbsp;&nbsp;\u{a0}c\r\nd", &["a b c d"]),
            ("a<b> </b><i> </i>b", &["a b"]),
            (
                "caf&eacute; &amp;amp; &#x1F600; &lt;b&gt;",
                &["café &amp; 😀 <b>"],
            ),
            ("a&#10;b&#13;c", &["a b c"]),
            ("a&shy;b\u{a9}\u{3000}c", &["a\u{ad}b\u{a9}\u{3000}c"]),
            ("a &notanentity; b", &["a \u{ac}anentity; b"]),
        ]);
    }

    #[test]
    fn preformatted_text_keeps_its_lines() {
        table(&[
            (
                "<pre>\n  a\n\n\n    b  \n</pre>c",
                &["  a", "", "    b", "c"],
            ),
            ("x<pre> a <b>b\n\tc</b></pre>", &["x", " a b", "\tc"]),
            ("<pre><code>a\r\nb</code></pre>", &["a", "b"]),
            ("<textarea> a\n b</textarea>", &[" a", " b"]),
            ("<code>a\n b</code>", &["a b"]),
            ("<pre>a\n\n</pre><pre>\n\nb</pre>", &["a", "b"]),
        ]);
    }

    #[test]
    fn a_row_is_a_line_unless_a_cell_has_several() {
        table(&[
            (
                "<table><tr><th>a<th>b<tr><td> c <td><p>d</p></td></table>e",
                &["a b", "c d", "e"],
            ),
            (
                "<table><tr><td>a</td><td></td><td>b</td></tr></table>",
                &["a b"],
            ),
            (
                "<table><tr><td>a<td>b<td><p>c<p>d<td>e</table>",
                &["a b", "c", "d", "e"],
            ),
            (
                "<table><tr><td>a<td><table><tr><td>b<td>c</table><td>d</table>",
                &["a", "b c", "d"],
            ),
            ("<td>a</td><td>b</td>", &["a b"]),
        ]);
    }

    #[test]
    fn what_is_not_on_the_page_is_left_out() {
        table(&[
            (
                "<head><title>t</title><style>p{}</style></head><body>a",
                &["a"],
            ),
            ("<head><title>t</title><p>a", &["a"]),
            ("<head>a", &["a"]),
            ("<title>t</title>a", &["a"]),
            ("a<script>'</div>'+1<2</script>b", &["ab"]),
            ("a<!-- x --><![CDATA[y]]><?php z ?>b", &["ab"]),
            (
                "<p hidden>x</p><p style='color:red; DISPLAY : none !important'>x</p>a",
                &["a"],
            ),
            ("<p style='display:block;x-display:none'>a</p>", &["a"]),
            ("<li hidden>x<li>a", &["a"]),
            ("<body style=display:none hidden>a", &["a"]),
            ("<p aria-hidden=true>a</p>", &["a"]),
            ("<div hidden id='S:1'>a</div>", &["a"]),
            ("<dialog>x</dialog><dialog open>a</dialog>", &["a"]),
            ("<details><summary>a</summary>b</details>", &["a", "b"]),
            ("<svg><title>x</title><path/><script/></svg>a", &["a"]),
            ("<div><svg><g>x</div>a", &["a"]),
            ("<svg><g>x<p>a", &["a"]),
            (
                "<svg><foreignObject><p>x</p></foreignObject></svg>a",
                &["a"],
            ),
            ("<select><option>x<option>y</select>a", &["a"]),
            (
                "<template><p>x</p></template><noscript>x</noscript>a",
                &["a"],
            ),
            ("<iframe src=x/>a", &[]),
            ("<iframe src=x />a<script src=y />b", &["ab"]),
            ("<math><mi>x</mi><annotation>y</annotation></math>", &["x"]),
        ]);
    }

    #[test]
    fn mis_nested_markup_does_no_harm() {
        table(&[
            ("<b><p>a</b>b</p>c", &["ab", "c"]),
            ("<a href=x><div hidden>x</a>y</div>b", &["b"]),
            (
                "<table><tr><td hidden></div></b>x</td><td>a</table>",
                &["a"],
            ),
            ("<div></span></table></td>a</div></div>b", &["a", "b"]),
            ("<p hidden>x<div>a", &["a"]),
            ("a <", &["a <"]),
            ("a <b", &["a"]),
            ("a <!-- b", &["a"]),
            ("a</>b</ p>c", &["abc"]),
        ]);
        let deep = "<div>".repeat(600) + "a" + &"</div>".repeat(600) + "b";
        assert_eq!(lines(&deep), ["a", "b"]);
        let hidden = format!(
            "<p hidden>{}x{}y</p>a",
            "<b>".repeat(600),
            "</b>".repeat(600)
        );
        assert_eq!(lines(&hidden), ["a"]);
    }

    #[test]
    fn bytes_that_are_not_utf8_stay() {
        assert_eq!(render(b"<p>caf\xe9 \xc2</p>\0b"), b"caf\xe9 \xc2\nb\n");
    }

    #[test]
    fn structure_says_where_a_line_stood() {
        let html = "<body class='page'><nav id=siteMenu><ul><li><a href=x>Home</a> now</ul></nav>\
                    <article><h2><a name=y>Tide</a></h2><pre>a\n\nb</pre></article>";
        let rendered = render_with_structure(html.as_bytes());
        let [home, tide, a, blank, b] = rendered.structure.lines[..] else {
            panic!("{:?}", rendered.structure.lines);
        };
        assert_eq!((home.block, home.chars, home.link_chars), (Tag::Li, 7, 4));
        assert_eq!((home.depth, home.heading), (5, 0));
        assert!(home.inside.has(Tag::Nav) && home.inside.has(Tag::Li));
        let words = ["site", "menu", "page"].map(|word| word_number(word.as_bytes()));
        assert_eq!(home.words[..4], [words[0], words[1], words[2], 0]);
        assert_eq!((tide.block, tide.heading), (Tag::H2, 2));
        assert_eq!((tide.chars, tide.link_chars), (4, 0));
        assert!(tide.inside.has(Tag::Article) && !tide.inside.has(Tag::Nav));
        assert_eq!((a.block, a.chars), (Tag::Pre, 1));
        assert_eq!((blank.chars, b.chars), (0, 1));
    }

    #[test]
    fn roles_and_properties_are_names_and_what_a_page_is_stands_in_its_head() {
        let html = "<html class=js><head><meta content=product property='og:type'>\
                    <meta name=description content=nothing>\
                    <link rel=canonical href='https://example.com/lamps/7'></head>\
                    <body id=shop><div role=navigation>a</div>\
                    <p itemprop=articleBody itemscope itemtype='https://schema.org/Product'>b</p>";
        let structure = render_with_structure(html.as_bytes()).structure;
        let words = |line: &LineStructure| line.words[..2].to_vec();
        let number = |word: &str| word_number(word.as_bytes());
        assert_eq!(
            words(&structure.lines[0]),
            ["navigation", "shop"].map(number)
        );
        assert_eq!(words(&structure.lines[1]), ["article", "body"].map(number));
        let mut said = PageStructure::default();
        said.add(PageWord::Class, b"js");
        said.add(PageWord::Kind, b"product");
        said.add(PageWord::Address, b"https://example.com/lamps/7");
        said.add(PageWord::Class, b"shop");
        said.add(PageWord::Item, b"Product");
        assert_eq!(structure.page, said);
    }

    #[test]
    fn cells_that_part_share_out_their_characters() {
        let html = b"<table><tr><td>ab<td><a href=x>c</a><br>d</table>";
        let rendered = render_with_structure(html);
        assert_eq!(rendered.text, b"ab\nc\nd\n");
        let chars = |line: &LineStructure| (line.chars, line.link_chars);
        let chars: Vec<_> = rendered.structure.lines.iter().map(chars).collect();
        assert_eq!(chars, [(2, 0), (1, 1), (1, 0)]);
    }

    #[test]
    fn a_head_inside_a_head_is_none() {
        table(&[
            ("<head> <head> &amp; a", &["& a"]),
            ("<head>\n\t<head>\n\t&amp;\n\ta", &["& a"]),
            ("<head><title>t</title><head><body>a", &["a"]),
        ]);
    }

    /// Pieces that pages are made of, well or badly.
    fn pieces() -> impl Strategy<Value = Vec<String>> {
        let tags = [
            "div", "p", "b", "a", "table", "tr", "td", "li", "ul", "svg", "head", "h2", "span",
            "select", "template", "button", "dd",
        ];
        let tag = proptest::sample::select(tags.to_vec());
        let piece = prop_oneof![
            tag.clone().prop_map(|tag| format!("<{tag}>")),
            tag.prop_map(|tag| format!("</{tag}>")),
            "[a-c]{1,3}".prop_map(|word| word),
            Just(" ".to_owned()),
            Just("<br>".to_owned()),
            Just("<p hidden class=x>".to_owned()),
            Just("&amp;".to_owned()),
        ];
        proptest::collection::vec(piece, 0..60)
    }

    proptest! {
        #[test]
        fn any_bytes_give_whole_trimmed_lines(
            bytes in proptest::collection::vec(any::<u8>(), 0..300)
        ) {
            check(&bytes)?;
        }

        #[test]
        fn any_markup_gives_whole_trimmed_lines(pieces in pieces()) {
            check(pieces.concat().as_bytes())?;
        }

        #[test]
        fn indentation_changes_nothing(pieces in pieces(), indents in "[ \t\n]{1,4}") {
            let plain = pieces.join(" ");
            let indented = pieces.join(&format!("\n{indents}"));
            prop_assert_eq!(render(plain.as_bytes()), render(indented.as_bytes()));
        }
    }

    fn check(html: &[u8]) -> Result<(), TestCaseError> {
        let rendered = render_with_structure(html);
        prop_assert_eq!(&rendered.text, &render(html));
        let lines: Vec<&[u8]> = rendered
            .text
            .split_inclusive(|byte| *byte == b'\n')
            .collect();
        prop_assert_eq!(lines.len(), rendered.structure.lines.len());
        for line in lines {
            let line = line.strip_suffix(b"\n");
            prop_assert!(line.is_some_and(|line| line.trim_ascii_end().len() == line.len()));
        }
        Ok(())
    }

    #[test]
    fn hostile_markup_makes_no_more_text_than_it_is() {
        for piece in [
            "<div>",
            "</div>",
            "<b>",
            "</b>x",
            "<x-a></x-b>",
            "<li><b>",
            "<a href=x>",
            "<!--",
            "<table><tr><td>",
            "<p><button>",
            "<svg>",
            "&#",
            "&am",
            "<p a b c d e ",
            "<i></p>",
            "<pre>\n \n",
            "<td>a<td><br>",
            "\u{a0}",
            "<![CDATA[",
            "<textarea>",
            "<ul><li></b>",
            "<script><!--<script>",
            "<title></titl",
            "<a b='",
            "<a b=",
            "&",
            "<!-",
            "-->",
        ] {
            // With work that grew with the square this would not end.
            let html = piece.repeat(80_000);
            let text = render(html.as_bytes());
            assert!(text.len() <= html.len() + 1, "{piece}");
        }
    }
}
