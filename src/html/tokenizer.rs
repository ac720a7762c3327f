//! A page's bytes in, its tags and its text out, as the HTML standard parts them (WHATWG, 13.2.5
//! Tokenization): whatever the bytes, something comes out.
//!
//! Nothing is copied: names, values and text are given as they stand in the page, letter case and
//! character references with them. What is given to nobody is not told apart: comments,
//! declarations and processing instructions are gone over. NULs stay.

use memchr::{memchr, memchr2};

/// How the content of an element is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Tags and text.
    Markup,
    /// Text with character references, up to the element's end tag.
    RcData,
    /// Text as it stands, up to the element's end tag.
    RawText,
    /// The same, but for end tags inside what looks like a comment with a script.
    Script,
    /// Text as it stands, up to the page's end.
    PlainText,
}

/// Takes in what a page is made of.
pub trait Sink {
    /// Text; where it `has_references`, ampersands in it may begin character references.
    fn text(&mut self, text: &[u8], has_references: bool);

    /// A tag begins; of one that the page ends in nothing more is heard than its attributes.
    fn begin_tag(&mut self, name: &[u8], is_end: bool);

    /// An attribute of the tag, whose value may hold character references; empty where it has none.
    fn attribute(&mut self, name: &[u8], value: &[u8]);

    /// The tag ends. Says how what comes next is read; of an end tag's answer nothing is made.
    fn end_tag(&mut self, is_self_closing: bool) -> Content;
}

/// Reads a page. Time: linear. Memory: none.
pub fn read(html: &[u8], sink: &mut impl Sink) {
    let mut content = Content::Markup;
    let mut name = &html[..0];
    let mut at = 0;
    loop {
        let tag = match content {
            Content::Markup => markup(html, at, sink),
            _ => raw(html, at, name, content, sink),
        };
        let Some(tag) = tag.and_then(|tag| read_tag(html, tag, sink)) else {
            return;
        };
        (name, content, at) = (tag.name, tag.content, tag.behind);
    }
}

/// Where the name of a tag begins, and of which kind the tag is.
#[derive(Clone, Copy)]
struct TagStart {
    name_at: usize,
    is_end: bool,
}

/// Text and all that is no tag, up to the next tag.
fn markup(html: &[u8], mut at: usize, sink: &mut impl Sink) -> Option<TagStart> {
    let mut seen = at;
    let mut has_references = false;
    loop {
        let rest = &html[seen..];
        let found = match has_references {
            true => memchr(b'<', rest),
            false => memchr2(b'<', b'&', rest),
        };
        let Some(open) = found.map(|offset| seen + offset) else {
            break;
        };
        if html[open] == b'&' {
            has_references = true;
            seen = open + 1;
            continue;
        }
        let (name_at, is_end) = match html[open + 1..] {
            [b'/', ..] => (open + 2, true),
            _ => (open + 1, false),
        };
        let behind = match html[name_at..] {
            [first, ..] if first.is_ascii_alphabetic() => {
                text(&html[at..open], has_references, sink);
                return Some(TagStart { name_at, is_end });
            }
            [_, ..] if is_end => end_of_comment(html, name_at),
            [b'!', b'-', b'-', ..] => end_of_full_comment(html, name_at + 3),
            [b'!' | b'?', ..] => end_of_comment(html, name_at),
            // No markup: a less-than sign, or the end of the page.
            _ => {
                seen = name_at;
                continue;
            }
        };
        text(&html[at..open], has_references, sink);
        (at, seen, has_references) = (behind, behind, false);
    }
    text(&html[at..], has_references, sink);
    None
}

fn text(text: &[u8], has_references: bool, sink: &mut impl Sink) {
    if !text.is_empty() {
        sink.text(text, has_references);
    }
}

/// The content of an element that is no markup: up to its end tag, or all that is left.
fn raw(
    html: &[u8],
    at: usize,
    name: &[u8],
    content: Content,
    sink: &mut impl Sink,
) -> Option<TagStart> {
    let end = match content {
        Content::RcData | Content::RawText => end_of_element(html, at, name),
        Content::Script => end_of_script(html, at, name),
        Content::PlainText | Content::Markup => None,
    };
    let all = &html[at..end.unwrap_or(html.len())];
    text(all, content == Content::RcData, sink);
    let name_at = end? + "</".len();
    let is_end = true;
    Some(TagStart { name_at, is_end })
}

/// What stands behind a comment of the kind that ends at the next `>`: declarations, instructions,
/// and what is none of these.
fn end_of_comment(html: &[u8], at: usize) -> usize {
    memchr(b'>', &html[at..]).map_or(html.len(), |offset| at + offset + 1)
}

/// What stands behind a comment, which begins behind its `<!--`: that ends at `-->` or `--!>`, and
/// as `<!-->` or `<!--->`.
fn end_of_full_comment(html: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(offset) = memchr(b'>', &html[at..]) {
        let close = at + offset;
        match &html[start..close] {
            [] | [b'-'] | [.., b'-', b'-'] | [.., b'-', b'-', b'!'] => return close + 1,
            _ => at = close + 1,
        }
    }
    html.len()
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

fn ends_name(byte: u8) -> bool {
    is_white(byte) || matches!(byte, b'/' | b'>')
}

/// Whether a name stands here, whatever its case, and ends.
fn has_name(html: &[u8], name: &[u8]) -> bool {
    html.split_at_checked(name.len())
        .is_some_and(|(own, rest)| {
            own.eq_ignore_ascii_case(name) && rest.first().is_some_and(|&byte| ends_name(byte))
        })
}

/// Whether an end tag of this name stands here.
fn is_end_tag(html: &[u8], name: &[u8]) -> bool {
    let rest = html.strip_prefix(b"</");
    rest.is_some_and(|rest| has_name(rest, name))
}

/// Where the end tag of an element that holds no markup stands.
fn end_of_element(html: &[u8], mut at: usize, name: &[u8]) -> Option<usize> {
    loop {
        at += memchr(b'<', &html[at..])?;
        if is_end_tag(&html[at..], name) {
            return Some(at);
        }
        at += 1;
    }
}

/// Where the end tag of a script stands: inside `<!--` and `-->` one that ends another `<script`
/// is none.
fn end_of_script(html: &[u8], mut at: usize, name: &[u8]) -> Option<usize> {
    const OPEN: &[u8] = b"<!--";
    // Where the dashes begin that the script's comment begins with, and whether a script inside it
    // is open.
    let mut comment: Option<(usize, bool)> = None;
    loop {
        at += match comment {
            None => memchr(b'<', &html[at..])?,
            Some(_) => memchr2(b'<', b'>', &html[at..])?,
        };
        let here = &html[at..];
        comment = match comment {
            None if here.starts_with(OPEN) => {
                at += OPEN.len() - 1;
                Some((at - 1, false))
            }
            Some((from, _)) if here[0] == b'>' && html[from..at].ends_with(b"--") => None,
            Some((from, true)) => Some((from, !is_end_tag(here, name))),
            _ if is_end_tag(here, name) => return Some(at),
            Some((from, false)) => Some((from, here[0] == b'<' && has_name(&here[1..], name))),
            None => None,
        };
        at += 1;
    }
}

/// A tag that was read.
struct Tag<'h> {
    name: &'h [u8],
    content: Content,
    behind: usize,
}

/// Reads a tag; None where the page ends in it.
fn read_tag<'h>(html: &'h [u8], start: TagStart, sink: &mut impl Sink) -> Option<Tag<'h>> {
    let TagStart { name_at, is_end } = start;
    let mut at = name_at + html[name_at..].iter().position(|&byte| ends_name(byte))?;
    let name = &html[name_at..at];
    sink.begin_tag(name, is_end);
    let is_self_closing = loop {
        at += white_bytes(&html[at..]);
        match html[at..] {
            [] => return None,
            [b'>', ..] => break false,
            [b'/', b'>', ..] => {
                at += 1;
                break true;
            }
            [b'/', ..] => at += 1,
            _ => at = attribute(html, at, sink)?,
        }
    };
    let answer = sink.end_tag(is_self_closing);
    Some(Tag {
        name,
        content: if is_end { Content::Markup } else { answer },
        behind: at + 1,
    })
}

fn white_bytes(html: &[u8]) -> usize {
    let is_other = |&byte: &u8| !is_white(byte);
    html.iter().position(is_other).unwrap_or(html.len())
}

/// Reads an attribute; what stands behind it, or None where the page ends in it.
fn attribute(html: &[u8], name_at: usize, sink: &mut impl Sink) -> Option<usize> {
    let ends = |&byte: &u8| ends_name(byte) || byte == b'=';
    // It has one byte at least, be it `=`.
    let name_end = name_at + 1 + html[name_at + 1..].iter().position(ends)?;
    let name = &html[name_at..name_end];
    let equals = name_end + white_bytes(&html[name_end..]);
    if html.get(equals) != Some(&b'=') {
        sink.attribute(name, b"");
        return Some(name_end);
    }
    let value_at = equals + 1 + white_bytes(&html[equals + 1..]);
    let (value, behind) = match *html.get(value_at)? {
        quote @ (b'"' | b'\'') => {
            let value = &html[value_at + 1..];
            let value = &value[..memchr(quote, value)?];
            (value, value_at + value.len() + 2)
        }
        _ => {
            let ends = |&byte: &u8| is_white(byte) || byte == b'>';
            let value = &html[value_at..];
            let value = &value[..value.iter().position(ends)?];
            (value, value_at + value.len())
        }
    };
    sink.attribute(name, value);
    Some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;
    use html5gum::{DefaultEmitter, Token, Tokenizer};
    use htmlize::Context;
    use proptest::prelude::*;

    /// What a page is made of, in one line: tags as `<name a=b/>`, text between bars.
    #[derive(Default)]
    struct Record {
        all: String,
        text: Vec<u8>,
        tag: String,
        attributes: Vec<(String, String)>,
        /// Their names as they stand there, but for case.
        names: Vec<Vec<u8>>,
        is_end: bool,
    }

    impl Record {
        fn end_text(&mut self) {
            let text = std::mem::take(&mut self.text);
            if !text.is_empty() {
                self.all += &format!("|{}|", shown(&text));
            }
        }

        fn push_tag(
            &mut self,
            is_end: bool,
            name: &str,
            attributes: &[(String, String)],
            end: &str,
        ) {
            self.end_text();
            let slash = if is_end { "/" } else { "" };
            let attributes: Vec<String> = attributes
                .iter()
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            self.all += &format!("<{slash}{name}{}{end}>", attributes.concat());
        }
    }

    /// What the standard makes of bytes before they are told apart: CR LF and CR are LF. The other
    /// tokenizer says NUL as U+FFFD outside ordinary text.
    fn shown(bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        text.replace('\0', "\u{fffd}")
    }

    fn naive_content(name: &[u8]) -> Content {
        match &*name.to_ascii_lowercase() {
            b"textarea" | b"title" => Content::RcData,
            b"plaintext" => Content::PlainText,
            b"script" => Content::Script,
            b"style" | b"iframe" | b"xmp" | b"noembed" | b"noframe" | b"noscript" => {
                Content::RawText
            }
            _ => Content::Markup,
        }
    }

    impl Sink for Record {
        fn text(&mut self, text: &[u8], has_references: bool) {
            match has_references {
                true => {
                    let text = shown(text);
                    let decoded = htmlize::unescape_bytes_in(text.as_bytes(), Context::General);
                    self.text.extend_from_slice(&decoded);
                }
                // A CR and an LF with markup between them are two ends of lines.
                false => {
                    let text = text.replace("\r\n", "\n").replace("\r", "\n");
                    self.text.extend_from_slice(&text);
                }
            }
        }

        fn begin_tag(&mut self, name: &[u8], is_end: bool) {
            self.tag = shown(name).to_ascii_lowercase();
            self.attributes.clear();
            self.names.clear();
            self.is_end = is_end;
        }

        fn attribute(&mut self, name: &[u8], value: &[u8]) {
            // Names that are no UTF-8 may be shown alike and be others.
            let bytes = name.replace("\0", "\u{fffd}").to_ascii_lowercase();
            if !self.names.contains(&bytes) {
                let name = shown(name).to_ascii_lowercase();
                let value = htmlize::unescape_in(shown(value), Context::Attribute).into_owned();
                self.attributes.push((name, value));
                self.names.push(bytes);
            }
        }

        fn end_tag(&mut self, is_self_closing: bool) -> Content {
            let (tag, mut attributes) = (self.tag.clone(), self.attributes.clone());
            attributes.sort();
            match self.is_end {
                true => self.push_tag(true, &tag, &[], ""),
                false => {
                    let end = if is_self_closing { "/" } else { "" };
                    self.push_tag(false, &tag, &attributes, end);
                }
            }
            naive_content(tag.as_bytes())
        }
    }

    fn told(html: &[u8]) -> String {
        let mut record = Record::default();
        read(html, &mut record);
        record.end_text();
        record.all
    }

    /// The same by a tokenizer that goes through the standard's states one by one.
    fn told_by_states(html: &[u8]) -> String {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut record = Record::default();
        for token in Tokenizer::new_with_emitter(html, emitter) {
            match token.expect("no reader that fails") {
                Token::String(text) => record.text.extend_from_slice(&text.value.0),
                Token::StartTag(tag) => {
                    let attributes = tag.attributes.iter();
                    let attributes = attributes.map(|(name, value)| (shown(name), shown(value)));
                    let mut attributes: Vec<_> = attributes.collect();
                    attributes.sort();
                    let end = if tag.self_closing { "/" } else { "" };
                    record.push_tag(false, &shown(&tag.name), &attributes, end);
                }
                Token::EndTag(tag) => record.push_tag(true, &shown(&tag.name), &[], ""),
                _ => {}
            }
        }
        record.end_text();
        record.all
    }

    #[test]
    fn tags_and_text_are_told_apart() {
        for (html, expected) in [
            ("a<b>c</b >d", "|a|<b>|c|</b>|d|"),
            (
                "<A HREF=x CLASS='p q' id=\"&amp;\">",
                "<a class=p q href=x id=&>",
            ),
            ("<p a=1 a=2 b c = d/>", "<p a=1 b= c=d/>"),
            ("<p a='1'b/=2 =x>", "<p =2=x a=1 b=>"),
            ("<br/><hr / ><p/a>", "<br/><hr><p a=>"),
            ("a < b & c&lt;d <3 </", "|a < b & c<d <3 </|"),
            ("a</>b</ p>c<?x?>d<!y>e", "|abcde|"),
            ("a<!-- > -- x -->b<!-->c<!--->d<!--x--!>e<!--", "|abcde|"),
            ("a\r<!-- -->\nb", "|a\n\nb|"),
            ("<!DOCTYPE html \"a>b", "|b|"),
            (
                "<title>a&amp;<b></p></TITLE\n>c",
                "<title>|a&<b></p>|</title>|c|",
            ),
            (
                "<style>a&amp;</styles></style/>",
                "<style>|a&amp;</styles>|</style>",
            ),
            ("<script>a</script>b", "<script>|a|</script>|b|"),
            (
                "<script><!-- <script> </script> --></script>b",
                "<script>|<!-- <script> </script> -->|</script>|b|",
            ),
            ("<script><!--></script>b", "<script>|<!-->|</script>|b|"),
            ("<script><!--</script>b", "<script>|<!--|</script>|b|"),
            ("<plaintext>a</plaintext>", "<plaintext>|a</plaintext>|"),
            ("a<b", "|a|"),
            ("a<b c='d>", "|a|"),
        ] {
            assert_eq!(told(html.as_bytes()), expected, "{html}");
            assert_eq!(told_by_states(html.as_bytes()), expected, "{html}");
        }
    }

    #[test]
    fn names_of_other_bytes_are_other_names() {
        let html = b"<a \x80\x80 \x80\x81 \x80\x80=b>";
        let expected = "<a \u{fffd}\u{fffd}= \u{fffd}\u{fffd}=>";
        assert_eq!(told(html), expected);
        assert_eq!(told_by_states(html), expected);
    }

    /// Pieces of what pages are made of, and of what ends or opens something in some state.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let pieces = [
            "<",
            ">",
            "</",
            "/>",
            "=",
            "\"",
            "'",
            "&",
            ";",
            "-",
            "--",
            "!",
            "<!--",
            "-->",
            "--!>",
            "<![CDATA[",
            "]]>",
            "<!doctype",
            "<?",
            " ",
            "\n",
            "\r\n",
            "\r",
            "\0",
            "\t",
            "a",
            "B",
            "p",
            "x y",
            "&amp",
            "&lt;",
            "&#65;",
            "&#x0;",
            "&notit;",
            "&amp=",
            "\u{a0}",
            "é",
            "<script",
            "</script",
            "<title",
            "</title",
            "<style>",
            "</style>",
            "</STYLE ",
            "<textarea>",
            "</textarea>",
            "<plaintext>",
            "<div class='a b'>",
            "<a href=x>",
        ];
        let piece = proptest::sample::select(pieces.to_vec());
        let pieces = proptest::collection::vec(piece, 0..40);
        pieces.prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn states_one_by_one_tell_the_same(html in pieces()) {
            prop_assert_eq!(told(&html), told_by_states(&html));
        }

        #[test]
        fn any_bytes_are_told_apart_alike(html in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(told(&html), told_by_states(&html));
        }
    }
}
