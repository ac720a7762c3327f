//! Tags and text in, lines out: the stack of open elements, and html5gum's way to fill it.

use std::convert::Infallible;

use html5gum::{Emitter, Error, State};

use super::lines::{Lines, NBSP};
use super::structure::LineStructure;
use super::tags::{self, Layout, Name, Tag};

/// Elements inside one another; deeper ones are read as if they stood side by side, as
/// browsers do.
const MAX_DEPTH: usize = 512;
/// Of the name of a tag or attribute as much is looked at.
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
    /// Elements so far that are no inline elements, where places are wanted.
    blocks: u32,
    /// Open elements by tag.
    counts: [u16; Tag::COUNT],
    links: usize,
    /// Elements beyond [`MAX_DEPTH`] that have not ended.
    flattened: usize,
    is_hidden: bool,
    is_pre: bool,
    /// The text so far ends in the first byte of what may be a no-break space.
    holds_lead: bool,
    tag: CurrentTag,
    last_start: Name,
}

/// The tag that is being read.
#[derive(Debug, Default)]
struct CurrentTag {
    name: Vec<u8>,
    is_end: bool,
    is_self_closing: bool,
    attribute: Vec<u8>,
    value: Vec<u8>,
    is_value_wanted: bool,
    /// Classes and ids, where wanted.
    names: Vec<u8>,
    is_hidden: bool,
    is_streamed: bool,
    is_open: bool,
    has_href: bool,
}

impl CurrentTag {
    fn begin(&mut self, is_end: bool) {
        self.name.clear();
        self.attribute.clear();
        self.value.clear();
        self.names.clear();
        self.is_end = is_end;
        self.is_self_closing = false;
        self.is_hidden = false;
        self.is_streamed = false;
        self.is_open = false;
        self.has_href = false;
    }

    fn end_attribute(&mut self) {
        match self.attribute.as_slice() {
            b"hidden" => self.is_hidden = true,
            b"id" if self.value.starts_with(STREAMED) => self.is_streamed = true,
            b"open" => self.is_open = true,
            b"href" => self.has_href = true,
            b"style" => self.is_hidden |= is_display_none(&self.value),
            _ => {}
        }
        if matches!(
            self.attribute.as_slice(),
            b"class" | b"id" | b"itemprop" | b"role"
        ) {
            self.names.push(b' ');
            self.names.extend_from_slice(&self.value);
        }
        self.attribute.clear();
        self.value.clear();
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
            blocks: 0,
            counts: [0; Tag::COUNT],
            links: 0,
            flattened: 0,
            is_hidden: false,
            is_pre: false,
            holds_lead: false,
            tag: CurrentTag::default(),
            last_start: 0,
        }
    }

    /// The text, and the place of every line of it, if they were kept.
    pub fn finish(mut self) -> (Vec<u8>, Vec<LineStructure>) {
        self.let_go();
        self.lines.finish()
    }

    fn has(&self, tag: Tag) -> bool {
        self.counts[tag as usize] > 0
    }

    fn is_in_drawing(&self) -> bool {
        (self.has(Tag::Svg) || self.has(Tag::Math)) && !self.has(Tag::Foreignobject)
    }

    /// Text in any pieces: the tokenizer may cut inside a character.
    fn text(&mut self, mut piece: &[u8]) {
        if self.holds_lead {
            match piece.strip_prefix(&NBSP[1..]) {
                Some(rest) => {
                    self.holds_lead = false;
                    self.whole_text(b" ");
                    piece = rest;
                }
                None => self.let_go(),
            }
        }
        if let Some(whole) = piece.strip_suffix(&NBSP[..1]) {
            self.holds_lead = true;
            piece = whole;
        }
        self.whole_text(piece);
    }

    /// Text comes no more that could make the held byte a no-break space.
    fn let_go(&mut self) {
        if std::mem::take(&mut self.holds_lead) {
            self.whole_text(&NBSP[..1]);
        }
    }

    fn whole_text(&mut self, piece: &[u8]) {
        if self.is_hidden {
            let is_in_head = self.open.last().is_some_and(|open| open.tag == Tag::Head);
            if !is_in_head || piece.trim_ascii().is_empty() {
                return;
            }
            self.close(|open| open.tag == Tag::Head, |_| false);
        }
        if self.is_pre {
            self.lines.verbatim(piece);
        } else {
            self.lines.collapsed(piece);
        }
    }

    fn start(&mut self) -> Option<State> {
        let name = tags::name(&self.tag.name);
        let tag = Tag::of(name);
        let layout = tag.layout();
        self.last_start = name;
        self.close_implied(tag, layout);
        match layout {
            Layout::Void => return None,
            Layout::Break => {
                if !self.is_hidden {
                    self.lines.block();
                }
                return None;
            }
            _ if self.tag.is_self_closing && (self.is_in_drawing() || is_empty_xml(tag)) => {
                return None;
            }
            _ => {}
        }
        let is_whole_page = matches!(tag, Tag::Html | Tag::Body);
        if (is_whole_page || tag == Tag::Head) && self.has(tag) {
            return None;
        }
        let is_hidden = self.is_hidden
            || layout == Layout::Hidden
            || (self.tag.is_hidden && !self.tag.is_streamed && !is_whole_page)
            || (tag == Tag::Dialog && !self.tag.is_open);
        if !is_hidden {
            self.begin_layout(layout, tag);
        }
        let next_state = if self.is_in_drawing() {
            None
        } else {
            content_state(tag)
        };
        self.push(Open {
            name,
            tag,
            layout,
            is_hidden,
            is_pre: self.is_pre || layout == Layout::Pre,
            is_link: tag == Tag::A && self.tag.has_href,
        });
        next_state
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
        let name = tags::name(&self.tag.name);
        let tag = Tag::of(name);
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

/// How the content of an element is read where it is no markup.
fn content_state(tag: Tag) -> Option<State> {
    match tag {
        Tag::Script => Some(State::ScriptData),
        Tag::Style | Tag::Iframe | Tag::Xmp | Tag::Noembed | Tag::Noframes | Tag::Noscript => {
            Some(State::RawText)
        }
        Tag::Title | Tag::Textarea => Some(State::RcData),
        Tag::Plaintext => Some(State::PlainText),
        _ => None,
    }
}

/// Whether `/>` ends the element at once. Browsers heed it nowhere in HTML; but where the rest
/// of a page would be lost, it was written by something that writes XML.
fn is_empty_xml(tag: Tag) -> bool {
    content_state(tag).is_some() || tag.layout() == Layout::Hidden
}

fn push_up_to(limit: usize, to: &mut Vec<u8>, bytes: &[u8]) {
    let room = limit.saturating_sub(to.len());
    to.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

impl Emitter for &mut Page {
    type Token = Infallible;

    fn set_last_start_tag(&mut self, name: Option<&[u8]>) {
        self.last_start = name.map_or(0, tags::name);
    }

    fn emit_eof(&mut self) {}

    fn emit_error(&mut self, _: Error) {}

    #[inline]
    fn should_emit_errors(&mut self) -> bool {
        false
    }

    #[inline]
    fn pop_token(&mut self) -> Option<Infallible> {
        None
    }

    fn emit_string(&mut self, piece: &[u8]) {
        self.text(piece);
    }

    fn init_start_tag(&mut self) {
        self.tag.begin(false);
    }

    fn init_end_tag(&mut self) {
        self.tag.begin(true);
    }

    fn init_comment(&mut self) {}

    fn emit_current_tag(&mut self) -> Option<State> {
        self.let_go();
        self.tag.end_attribute();
        if self.tag.is_end {
            self.last_start = 0;
            self.end();
            None
        } else {
            self.start()
        }
    }

    fn emit_current_comment(&mut self) {}

    fn emit_current_doctype(&mut self) {}

    fn set_self_closing(&mut self) {
        self.tag.is_self_closing = true;
    }

    fn set_force_quirks(&mut self) {}

    fn push_tag_name(&mut self, name: &[u8]) {
        push_up_to(MAX_NAME_BYTES, &mut self.tag.name, name);
    }

    fn push_comment(&mut self, _: &[u8]) {}

    fn push_doctype_name(&mut self, _: &[u8]) {}

    fn init_doctype(&mut self) {}

    fn init_attribute(&mut self) {
        self.tag.end_attribute();
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        push_up_to(MAX_NAME_BYTES, &mut self.tag.attribute, name);
    }

    fn init_attribute_value(&mut self) {
        self.tag.is_value_wanted = match self.tag.attribute.as_slice() {
            b"style" | b"id" => true,
            b"class" => self.places.is_some(),
            _ => false,
        };
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        if self.tag.is_value_wanted {
            push_up_to(MAX_VALUE_BYTES, &mut self.tag.value, value);
        }
    }

    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag.is_end && self.last_start != 0 && tags::name(&self.tag.name) == self.last_start
    }
}
