//! Element names in, how each lies on the page out: the block table.

/// The name of an element as a number: equal for equal names, in practice only for those.
pub type Name = u64;

/// The number of a name, whatever its case. Names of up to eight bytes are their own bytes.
pub const fn name(bytes: &[u8]) -> Name {
    let mut name: u64 = 0;
    let mut at = 0;
    while at < bytes.len() {
        if at >= 8 {
            name = name.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        name = name.rotate_left(8) ^ bytes[at].to_ascii_lowercase() as u64;
        at += 1;
    }
    name
}

/// How an element lies on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Part of a line.
    Inline,
    /// Lines of its own.
    Block,
    /// Lines of its own, which end where the source's end.
    Pre,
    /// A row of a table: one line if its cells are.
    Row,
    /// A cell of a table.
    Cell,
    /// Ends a line; has no content.
    Break,
    /// Part of a line, and has no content.
    Void,
    /// Not on the page, with all that it holds.
    Hidden,
}

macro_rules! tags {
    ($($(#[$doc:meta])* $tag:ident $name:literal $layout:ident,)*) => {
        /// An element that is told apart; all others are [`Tag::Other`], and inline.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each is the element of its name")]
        pub enum Tag {
            #[default]
            Other,
            $($tag,)*
        }

        impl Tag {
            /// The tag of a name.
            #[allow(non_upper_case_globals, reason = "the macro has one name for each")]
            pub fn of(name: Name) -> Tag {
                $(const $tag: Name = self::name($name.as_bytes());)*
                match name {
                    $($tag => Tag::$tag,)*
                    _ => Tag::Other,
                }
            }

            /// How the element lies on the page.
            pub fn layout(self) -> Layout {
                match self {
                    Tag::Other => Layout::Inline,
                    $(Tag::$tag => Layout::$layout,)*
                }
            }

            /// The element's name; empty for [`Tag::Other`].
            pub fn as_str(self) -> &'static str {
                match self {
                    Tag::Other => "",
                    $(Tag::$tag => $name,)*
                }
            }
        }
    };
}

tags! {
    A "a" Inline,
    Button "button" Inline,
    Label "label" Inline,
    Math "math" Inline,

    Address "address" Block,
    Article "article" Block,
    Aside "aside" Block,
    Blockquote "blockquote" Block,
    Body "body" Block,
    Caption "caption" Block,
    Center "center" Block,
    Dd "dd" Block,
    Details "details" Block,
    Dialog "dialog" Block,
    Dir "dir" Block,
    Div "div" Block,
    Dl "dl" Block,
    Dt "dt" Block,
    Fieldset "fieldset" Block,
    Figcaption "figcaption" Block,
    Figure "figure" Block,
    Footer "footer" Block,
    Form "form" Block,
    Frameset "frameset" Block,
    H1 "h1" Block,
    H2 "h2" Block,
    H3 "h3" Block,
    H4 "h4" Block,
    H5 "h5" Block,
    H6 "h6" Block,
    Header "header" Block,
    Hgroup "hgroup" Block,
    Html "html" Block,
    Legend "legend" Block,
    Li "li" Block,
    Main "main" Block,
    Menu "menu" Block,
    Nav "nav" Block,
    Ol "ol" Block,
    P "p" Block,
    Search "search" Block,
    Section "section" Block,
    Summary "summary" Block,
    Table "table" Block,
    Tbody "tbody" Block,
    Tfoot "tfoot" Block,
    Thead "thead" Block,
    Ul "ul" Block,

    Listing "listing" Pre,
    Plaintext "plaintext" Pre,
    Pre "pre" Pre,
    Textarea "textarea" Pre,
    Xmp "xmp" Pre,

    Tr "tr" Row,
    Td "td" Cell,
    Th "th" Cell,

    Br "br" Break,
    Hr "hr" Break,

    Area "area" Void,
    Base "base" Void,
    Basefont "basefont" Void,
    Bgsound "bgsound" Void,
    Col "col" Void,
    Embed "embed" Void,
    Frame "frame" Void,
    Img "img" Void,
    Input "input" Void,
    Keygen "keygen" Void,
    Link "link" Void,
    Meta "meta" Void,
    Param "param" Void,
    Source "source" Void,
    Track "track" Void,
    Wbr "wbr" Void,

    Annotation "annotation" Hidden,
    AnnotationXml "annotation-xml" Hidden,
    Audio "audio" Hidden,
    Canvas "canvas" Hidden,
    Datalist "datalist" Hidden,
    Foreignobject "foreignobject" Hidden,
    Head "head" Hidden,
    Iframe "iframe" Hidden,
    Noembed "noembed" Hidden,
    Noframes "noframes" Hidden,
    Noscript "noscript" Hidden,
    Script "script" Hidden,
    Select "select" Hidden,
    Style "style" Hidden,
    Svg "svg" Hidden,
    Template "template" Hidden,
    Title "title" Hidden,
    Video "video" Hidden,
}

impl Tag {
    /// Numbers of tags are below this.
    pub const COUNT: usize = Tag::Video as usize + 1;

    /// The tag of a name in any case.
    pub fn named(name: &str) -> Tag {
        Tag::of(self::name(name.to_ascii_lowercase().as_bytes()))
    }

    /// Whether the element has lines of its own.
    pub fn is_block(self) -> bool {
        matches!(self.layout(), Layout::Block | Layout::Pre)
    }

    /// The level of a heading.
    pub fn heading(self) -> Option<u8> {
        match self {
            Tag::H1 => Some(1),
            Tag::H2 => Some(2),
            Tag::H3 => Some(3),
            Tag::H4 => Some(4),
            Tag::H5 => Some(5),
            Tag::H6 => Some(6),
            _ => None,
        }
    }

    /// Whether the element may stand in `head`; any other ends it.
    pub fn is_of_head(self) -> bool {
        matches!(
            self,
            Tag::Base
                | Tag::Basefont
                | Tag::Bgsound
                | Tag::Link
                | Tag::Meta
                | Tag::Noframes
                | Tag::Noscript
                | Tag::Script
                | Tag::Style
                | Tag::Template
                | Tag::Title
        )
    }

    /// Whether the element is part of a table.
    pub fn is_of_table(self) -> bool {
        matches!(
            self,
            Tag::Caption
                | Tag::Table
                | Tag::Tbody
                | Tag::Td
                | Tag::Tfoot
                | Tag::Th
                | Tag::Thead
                | Tag::Tr
        )
    }

    /// Whether an end tag reaches no further up than this element, unless it is the element's
    /// own or one of a table's.
    pub fn is_wall(self) -> bool {
        matches!(
            self,
            Tag::Table | Tag::Td | Tag::Th | Tag::Caption | Tag::Template
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_tags() {
        for (bytes, tag) in [
            (&b"p"[..], Tag::P),
            (b"blockQuote", Tag::Blockquote),
            (b"annotation-xml", Tag::AnnotationXml),
            (b"x-app", Tag::Other),
            (b"", Tag::Other),
        ] {
            assert_eq!(Tag::of(name(bytes)), tag, "{}", bytes.escape_ascii());
        }
        assert_eq!(Tag::Figcaption.as_str(), "figcaption");
    }
}
