//! Tags and text in, lines out: the stack of open elements.

use std::borrow::Cow;

use bstr::ByteSlice;
use htmlize::Context;
use memchr::memchr;

use super::lines::Lines;
use super::structure::{LineStructure, PageStructure, PageWord, Structure, last_segment};
use super::tags::{self, Layout, Name, Tag};
use super::tokenizer::{Content, Sink};

/// Elements inside one another; deeper ones are read as if they stood side by side, as
/// browsers do.
const MAX_DEPTH: usize = 512;
/// Of the name of a tag as much is looked at.
const MAX_NAME_BYTES: usize = 32;
/// Of an attribute's value as much is looked at.
const MAX_VALUE_BYTES: usize = 1024;

/// Ids that begin so are of elements that come hidden and that a script (React's) then moves
/// into the page.
const STREAMED: &[u8] = b"S:";

/// An element that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    name: Name,
    tag: Tag,
    layout: Layout,
    /// It, or an element around it, is not on the page.
    is_hidden: bool,
    /// It, or an element around it, is preformatted.
    is_pre: bool,
    is_link: bool,
}

/// A page that is being read.
///
/// Time: linear; each tag looks at no more than [`MAX_DEPTH`] elements. Memory: the lines, and
/// [`MAX_DEPTH`] elements.
#[derive(Debug)]
pub struct Page {
    lines: Lines,
    open: Vec<Open>,
    /// The place in the markup inside each open element, where wanted.
    places: Option<Vec<LineStructure>>,
    /// What the page says that it is, where places are wanted.
    says: PageStructure,
    /// Elements so far that are no inline elements, where places are wanted.
    blocks: u32,
    /// Open elements by tag.
    counts: [u16; Tag::COUNT],
    links: usize,
    /// Elements beyond [`MAX_DEPTH`] that have not ended.
    flattened: usize,
    is_hidden: bool,
    is_pre: bool,
    tag: CurrentTag,
}

/// The tag that is being read.
#[derive(Debug, Default)]
struct CurrentTag {
    name: Name,
    tag: Tag,
    is_end: bool,
    /// Classes, ids, roles and kinds of things, where wanted.
    names: Vec<u8>,
    /// What a `meta` or `link` tells of, and what it tells, where wanted.
    about: Vec<u8>,
    told: Vec<u8>,
    /// What kind of thing the element is, where wanted.
    item: Vec<u8>,
    is_hidden: bool,
    is_streamed: bool,
    is_open: bool,
    has_href: bool,
}

impl CurrentTag {
    fn begin(&mut self, name: Name, is_end: bool) {
        self.name = name;
        self.tag = Tag::of(name);
        self.is_end = is_end;
        self.names.clear();
        self.about.clear();
        self.told.clear();
        self.item.clear();
        self.is_hidden = false;
        self.is_streamed = false;
        self.is_open = false;
        self.has_href = false;
    }

    /// Takes in an attribute; what it tells of the page and the place of lines, if that is wanted.
    fn attribute(&mut self, name: &[u8], value: &[u8], wants_places: bool) {
        macro_rules! names {
            ($($name:ident $bytes:literal,)*) => { $(const $name: Name = tags::name($bytes);)* };
        }
        names! {
            HIDDEN b"hidden", OPEN b"open", HREF b"href", STYLE b"style", ID b"id", CLASS b"class",
            ITEMPROP b"itemprop", ITEMTYPE b"itemtype", ROLE b"role", PROPERTY b"property",
            NAME b"name", CONTENT b"content", REL b"rel",
        }
        // All that are wanted are as short as a number holds.
        if name.len() > size_of::<Name>() {
            return;
        }
        let name = tags::name(name);
        match name {
            HIDDEN => self.is_hidden = true,
            OPEN => self.is_open = true,
            HREF => self.has_href = true,
            STYLE => self.is_hidden |= is_display_none(&decoded(value)),
            ID => self.is_streamed |= decoded(value).starts_with(STREAMED),
            _ => {}
        }
        if !wants_places {
            return;
        }
        match (name, self.tag) {
            (CLASS | ID | ITEMPROP | ROLE, _) => self.add_name(&decoded(value)),
            (ITEMTYPE, _) => {
                let kind = decoded(value);
                let kind = last_segment(&kind);
                self.add_name(kind);
                self.item.clear();
                self.item.extend_from_slice(kind);
            }
            (PROPERTY | NAME, Tag::Meta) | (REL, Tag::Link) => put(&mut self.about, value),
            (CONTENT, Tag::Meta) | (HREF, Tag::Link) => put(&mut self.told, value),
            _ => {}
        }
    }

    fn add_name(&mut self, name: &[u8]) {
        self.names.push(b' ');
        self.names.extend_from_slice(name);
    }
}

fn put(to: &mut Vec<u8>, value: &[u8]) {
    to.clear();
    to.extend_from_slice(&decoded(value));
}

/// The front of an attribute's value, its character references decoded.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    let front = &value[..value.len().min(MAX_VALUE_BYTES)];
    match memchr(b'&', front) {
        None => Cow::Borrowed(front),
        Some(_) => htmlize::unescape_bytes_in(front, Context::Attribute),
    }
}

/// Whether a style attribute takes its element off the page.
fn is_display_none(style: &[u8]) -> bool {
    style.split(|byte| *byte == b';').any(|declaration| {
        let colon = declaration.iter().position(|byte| *byte == b':');
        colon.is_some_and(|colon| {
            let value = declaration[colon + 1..].trim_ascii();
            let value = value.split(|byte| matches!(byte, b' ' | b'!')).next();
            declaration[..colon]
                .trim_ascii()
                .eq_ignore_ascii_case(b"display")
                && value.is_some_and(|value| value.eq_ignore_ascii_case(b"none"))
        })
    })
}

impl Page {
    /// Nothing read yet. Places of lines are kept if wanted.
    pub fn new(max_places: usize) -> Self {
        Page {
            lines: Lines::new(max_places),
            open: Vec::new(),
            places: (max_places > 0).then(Vec::new),
            says: PageStructure::default(),
            blocks: 0,
            counts: [0; Tag::COUNT],
            links: 0,
            flattened: 0,
            is_hidden: false,
            is_pre: false,
            tag: CurrentTag::default(),
        }
    }

    /// The text, and what the markup tells beside it, if that was kept.
    pub fn finish(self) -> (Vec<u8>, Structure) {
        let (text, lines) = self.lines.finish();
        let page = self.says;
        (text, Structure { lines, page })
    }

    /// Takes in what a tag says of the whole page.
    fn hear(&mut self) {
        let CurrentTag {
            names,
            about,
            told,
            item,
            ..
        } = &self.tag;
        if !item.is_empty() {
            self.says.add(PageWord::Item, item);
        }
        let is_about = |name: &[u8]| about.eq_ignore_ascii_case(name);
        match self.tag.tag {
            Tag::Html | Tag::Body => self.says.add(PageWord::Class, names),
            Tag::Meta if is_about(b"og:type") => self.says.add(PageWord::Kind, told),
            Tag::Link if is_about(b"canonical") => self.says.add(PageWord::Address, told),
            _ => {}
        }
    }

    fn has(&self, tag: Tag) -> bool {
        self.counts[tag as usize] > 0
    }

    fn is_in_drawing(&self) -> bool {
        (self.has(Tag::Svg) || self.has(Tag::Math)) && !self.has(Tag::Foreignobject)
    }

    fn start(&mut self, is_self_closing: bool) -> Content {
        let CurrentTag { name, tag, .. } = self.tag;
        let layout = tag.layout();
        if self.places.is_some() {
            self.hear();
        }
        self.close_implied(tag, layout);
        match layout {
            Layout::Void => return Content::Markup,
            Layout::Break => {
                if !self.is_hidden {
                    self.lines.block();
                }
                return Content::Markup;
            }
            _ if is_self_closing && (self.is_in_drawing() || is_empty_xml(tag)) => {
                return Content::Markup;
            }
            _ => {}
        }
        let is_whole_page = matches!(tag, Tag::Html | Tag::Body);
        if (is_whole_page || tag == Tag::Head) && self.has(tag) {
            return Content::Markup;
        }
        let is_hidden = self.is_hidden
            || layout == Layout::Hidden
            || (self.tag.is_hidden && !self.tag.is_streamed && !is_whole_page)
            || (tag == Tag::Dialog && !self.tag.is_open);
        if !is_hidden {
            self.begin_layout(layout, tag);
        }
        let content = if self.is_in_drawing() {
            Content::Markup
        } else {
            content_of(tag)
        };
        self.push(Open {
            name,
            tag,
            layout,
            is_hidden,
            is_pre: self.is_pre || layout == Layout::Pre,
            is_link: tag == Tag::A && self.tag.has_href,
        });
        content
    }

    fn push(&mut self, open: Open) {
        if self.open.len() == MAX_DEPTH {
            self.flattened += 1;
            return;
        }
        self.open.push(open);
        self.counts[open.tag as usize] += 1;
        self.links += usize::from(open.is_link);
        if let Some(places) = &mut self.places {
            let around = places.last().copied().unwrap_or_default();
            let is_block = !matches!(open.layout, Layout::Inline | Layout::Hidden);
            self.blocks = self.blocks.saturating_add(u32::from(is_block));
            let block = is_block.then_some(self.blocks);
            places.push(around.within(open.tag, block, &self.tag.names));
        }
        self.stand_here();
    }

    /// Brings up to date what depends on the elements that are open.
    fn stand_here(&mut self) {
        let innermost = self.open.last();
        self.is_hidden = innermost.is_some_and(|open| open.is_hidden);
        self.is_pre = innermost.is_some_and(|open| open.is_pre);
        if let (Some(places), Some(structures)) = (&self.places, self.lines.structures()) {
            structures.here = places.last().copied().unwrap_or_default();
            structures.is_link = self.links > 0;
        }
    }

    fn end(&mut self) {
        let CurrentTag { name, tag, .. } = self.tag;
        if matches!(tag, Tag::Br | Tag::P) && !self.has(tag) {
            if !self.is_hidden {
                self.lines.block();
            }
            return;
        }
        let layout = tag.layout();
        if self.flattened > 0 && !matches!(layout, Layout::Void | Layout::Break) {
            self.flattened -= 1;
            if !self.is_hidden {
                self.end_layout(layout, tag);
            }
            return;
        }
        if !self.has(tag) {
            return;
        }
        let is_own = |open: &Open| open.name == name;
        if tag.is_of_table() {
            let is_table = tag == Tag::Table;
            self.close(is_own, |open| open.tag == Tag::Table && !is_table);
        } else if layout == Layout::Inline {
            self.close_inline(is_own);
        } else {
            self.close(is_own, |open| open.tag.is_wall());
        }
    }

    /// Ends the elements that the start of another ends.
    fn close_implied(&mut self, tag: Tag, layout: Layout) {
        if self.has(Tag::Head) && !tag.is_of_head() && tag != Tag::Head {
            self.close(|open| open.tag == Tag::Head, |_| false);
        }
        if self.is_in_drawing() && !matches!(layout, Layout::Inline | Layout::Hidden) {
            self.close(|open| matches!(open.tag, Tag::Svg | Tag::Math), |_| false);
        }
        let is_block = matches!(layout, Layout::Block | Layout::Pre) && tag != Tag::Textarea;
        if self.has(Tag::P) && (is_block || tag == Tag::Hr) {
            self.close(
                |open| open.tag == Tag::P,
                |open| open.tag.is_wall() || open.tag == Tag::Button,
            );
        }
        let is_table = |open: &Open| open.tag == Tag::Table;
        match tag {
            Tag::A if self.has(Tag::A) => self.close_inline(|open| open.tag == Tag::A),
            Tag::Li if self.has(Tag::Li) => self.close(
                |open| open.tag == Tag::Li,
                |open| {
                    open.tag.is_wall()
                        || matches!(open.tag, Tag::Ul | Tag::Ol | Tag::Menu | Tag::Dir)
                },
            ),
            Tag::Dd | Tag::Dt if self.has(Tag::Dd) || self.has(Tag::Dt) => self.close(
                |open| matches!(open.tag, Tag::Dd | Tag::Dt),
                |open| open.tag.is_wall() || open.tag == Tag::Dl,
            ),
            Tag::Td | Tag::Th if self.has(Tag::Td) || self.has(Tag::Th) => {
                self.close(|open| matches!(open.tag, Tag::Td | Tag::Th), is_table);
            }
            Tag::Tr if self.has(Tag::Tr) => self.close(|open| open.tag == Tag::Tr, is_table),
            Tag::Tbody | Tag::Thead | Tag::Tfoot => self.close(
                |open| matches!(open.tag, Tag::Tbody | Tag::Thead | Tag::Tfoot),
                is_table,
            ),
            _ if tag.heading().is_some() => {
                let innermost = self.open.last();
                if innermost.is_some_and(|open| open.tag.heading().is_some()) {
                    self.close(|_| true, |_| false);
                }
            }
            _ => {}
        }
    }

    /// Ends the innermost element that is wanted, and all inside it, unless one that is a wall
    /// lies between.
    fn close(&mut self, is_wanted: impl Fn(&Open) -> bool, is_wall: impl Fn(&Open) -> bool) {
        let found = self
            .open
            .iter()
            .rposition(|open| is_wanted(open) || is_wall(open));
        let Some(at) = found.filter(|&at| is_wanted(&self.open[at])) else {
            return;
        };
        while self.open.len() > at {
            self.remove(self.open.len() - 1);
        }
        self.stand_here();
    }

    /// Ends the innermost inline element that is wanted; blocks inside it go on.
    fn close_inline(&mut self, is_wanted: impl Fn(&Open) -> bool) {
        let found = self
            .open
            .iter()
            .rposition(|open| is_wanted(open) || open.tag.is_wall());
        let Some(at) = found.filter(|&at| is_wanted(&self.open[at])) else {
            return;
        };
        let holds_block = self.open[at + 1..]
            .iter()
            .any(|open| open.layout != Layout::Inline);
        if holds_block {
            self.remove(at);
        } else {
            while self.open.len() > at {
                self.remove(self.open.len() - 1);
            }
        }
        self.stand_here();
    }

    fn remove(&mut self, at: usize) {
        let open = self.open.remove(at);
        if let Some(places) = &mut self.places {
            places.remove(at);
        }
        self.counts[open.tag as usize] -= 1;
        self.links -= usize::from(open.is_link);
        if !open.is_hidden {
            self.end_layout(open.layout, open.tag);
        }
    }

    fn begin_layout(&mut self, layout: Layout, tag: Tag) {
        match layout {
            Layout::Block if tag == Tag::Table => self.lines.row(),
            Layout::Block => self.lines.block(),
            Layout::Pre => self.lines.pre(),
            Layout::Row => self.lines.row(),
            Layout::Cell => self.lines.cell(),
            _ => {}
        }
    }

    fn end_layout(&mut self, layout: Layout, tag: Tag) {
        match layout {
            Layout::Pre => self.lines.end_pre(),
            Layout::Row => self.lines.row(),
            Layout::Cell => self.lines.end_cell(),
            Layout::Block if tag == Tag::Table => self.lines.row(),
            Layout::Block => self.lines.block(),
            _ => {}
        }
    }
}

/// How the content of an element is read.
fn content_of(tag: Tag) -> Content {
    match tag {
        Tag::Script => Content::Script,
        Tag::Style | Tag::Iframe | Tag::Xmp | Tag::Noembed | Tag::Noframes | Tag::Noscript => {
            Content::RawText
        }
        Tag::Title | Tag::Textarea => Content::RcData,
        Tag::Plaintext => Content::PlainText,
        _ => Content::Markup,
    }
}

/// Whether `/>` ends the element at once. Browsers heed it nowhere in HTML; but where the rest
/// of a page would be lost, it was written by something that writes XML.
fn is_empty_xml(tag: Tag) -> bool {
    content_of(tag) != Content::Markup || tag.layout() == Layout::Hidden
}

impl Sink for Page {
    fn text(&mut self, text: &[u8], has_references: bool) {
        if self.is_hidden {
            let is_in_head = self.open.last().is_some_and(|open| open.tag == Tag::Head);
            if !is_in_head || text.trim_ascii().is_empty() {
                return;
            }
            self.close(|open| open.tag == Tag::Head, |_| false);
        }
        // CR LF is one line break.
        let text = match self.is_pre && memchr(b'\r', text).is_some() {
            true => Cow::Owned(text.replace("\r\n", "\n")),
            false => Cow::Borrowed(text),
        };
        let text = match has_references {
            true => Cow::Owned(htmlize::unescape_bytes_in(&*text, Context::General).into_owned()),
            false => text,
        };
        if self.is_pre {
            self.lines.verbatim(&text);
        } else {
            self.lines.collapsed(&text);
        }
    }

    fn begin_tag(&mut self, name: &[u8], is_end: bool) {
        let name = tags::name(&name[..name.len().min(MAX_NAME_BYTES)]);
        self.tag.begin(name, is_end);
    }

    fn attribute(&mut self, name: &[u8], value: &[u8]) {
        if self.tag.is_end {
            return;
        }
        self.tag.attribute(name, value, self.places.is_some());
    }

    fn end_tag(&mut self, is_self_closing: bool) -> Content {
        if self.tag.is_end {
            self.end();
            Content::Markup
        } else {
            self.start(is_self_closing)
        }
    }
}
