//! Pieces of text and the breaks between them in, lines out. Knows no elements.

use super::structure::LineStructure;

/// What stands between the text so far and the text to come; the strongest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Cell,
    Line,
    Row,
}

/// The cell of a table that is being read.
#[derive(Debug, Default)]
struct Cell {
    has_text: bool,
    /// It has lines of its own, so its row is not one line.
    has_lines: bool,
    /// The space before it, while it shares a line with the cell before.
    separator: Option<usize>,
}

/// Where in preformatted text we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pre {
    Outside,
    /// Nothing but blank lines so far.
    Fresh,
    Begun,
}

/// Builds lines.
///
/// Every line of the text ends in LF and has no white space at its end. Lines are not blank,
/// but for one between two lines of preformatted text.
#[derive(Debug)]
pub struct Lines {
    text: Vec<u8>,
    /// Where the line at hand begins; it is empty where the text ends there.
    line_start: usize,
    gap: Gap,
    cell: Cell,
    pre: Pre,
    has_blank: bool,
    /// White space at the start of a preformatted line.
    indent: Vec<u8>,
    structures: Option<Structures>,
}

/// The places of lines in the markup.
#[derive(Debug, Default)]
pub struct Structures {
    lines: Vec<LineStructure>,
    /// Of the line at hand.
    line: LineStructure,
    /// Of the line at hand without the cell that shares it, and of that cell alone.
    apart: (LineStructure, LineStructure),
    /// Of a line that begins now.
    pub here: LineStructure,
    /// Text to come is a link's.
    pub is_link: bool,
    /// There are too many lines to tell of.
    is_over: bool,
    max_lines: usize,
}

impl Structures {
    fn push(&mut self, line: LineStructure) {
        if self.lines.len() == self.max_lines {
            self.is_over = true;
            self.lines = Vec::new();
        }
        if !self.is_over {
            self.lines.push(line);
        }
    }
}

impl Lines {
    /// No lines yet. Places are kept of up to so many lines; of a page of more, none.
    pub fn new(max_places: usize) -> Self {
        Lines {
            text: Vec::new(),
            line_start: 0,
            gap: Gap::None,
            cell: Cell::default(),
            pre: Pre::Outside,
            has_blank: false,
            indent: Vec::new(),
            structures: (max_places > 0).then(|| Structures {
                max_lines: max_places,
                ..Structures::default()
            }),
        }
    }

    /// Where the place of lines is told, if it is kept.
    pub fn structures(&mut self) -> Option<&mut Structures> {
        self.structures.as_mut()
    }

    /// The text, and the place of every line of it, if they were kept.
    pub fn finish(mut self) -> (Vec<u8>, Vec<LineStructure>) {
        self.end_line();
        let structures = self.structures.map(|structures| structures.lines);
        (self.text, structures.unwrap_or_default())
    }

    /// Text whose white space is of no account.
    pub fn collapsed(&mut self, mut piece: &[u8]) {
        loop {
            let white = white_bytes(piece);
            if white > 0 {
                self.gap = self.gap.max(Gap::Space);
                piece = &piece[white..];
            }
            if piece.is_empty() {
                return;
            }
            let (run, rest) = piece.split_at(run_bytes(piece));
            self.begin();
            self.push(run);
            piece = rest;
        }
    }

    /// Text whose lines and white space stay.
    pub fn verbatim(&mut self, piece: &[u8]) {
        let lines = piece.split(|byte| matches!(byte, b'\n' | b'\r'));
        for (index, mut line) in lines.enumerate() {
            if index > 0 {
                self.verbatim_break();
            }
            if self.gap != Gap::None || self.text.len() == self.line_start {
                let white = white_bytes(line);
                self.indent.extend(spaces(&line[..white]));
                line = &line[white..];
                if line.is_empty() {
                    continue;
                }
                self.begin();
                self.text.append(&mut self.indent);
                self.pre = Pre::Begun;
            }
            while !line.is_empty() {
                let white = white_bytes(line);
                self.text.extend(spaces(&line[..white]));
                let (run, rest) = line[white..].split_at(run_bytes(&line[white..]));
                self.push(run);
                line = rest;
            }
        }
    }

    fn verbatim_break(&mut self) {
        self.indent.clear();
        self.has_blank |= self.gap >= Gap::Line && self.pre == Pre::Begun;
        self.gap = self.gap.max(Gap::Line);
    }

    /// What comes next stands on another line.
    pub fn block(&mut self) {
        let opens_cell = self.gap == Gap::Cell && !self.cell.has_text;
        if !opens_cell {
            self.gap = self.gap.max(Gap::Line);
        }
    }

    /// A row of a table, or a table, begins or ends.
    pub fn row(&mut self) {
        self.gap = Gap::Row;
        self.cell = Cell::default();
    }

    /// A cell begins.
    pub fn cell(&mut self) {
        self.end_cell();
        self.cell = Cell::default();
    }

    /// A cell ends. The last of its breaks is none where the cell is one line.
    pub fn end_cell(&mut self) {
        if self.cell.has_lines {
            self.gap = Gap::Row;
        } else if self.gap < Gap::Row {
            self.gap = Gap::Cell;
        }
    }

    /// Preformatted text begins.
    pub fn pre(&mut self) {
        self.block();
        self.pre = Pre::Fresh;
        self.has_blank = false;
        self.indent.clear();
    }

    /// Preformatted text ends.
    pub fn end_pre(&mut self) {
        self.pre();
        self.pre = Pre::Outside;
    }

    /// Closes the gap before text that comes now.
    fn begin(&mut self) {
        let is_first = self.text.len() == self.line_start;
        match std::mem::replace(&mut self.gap, Gap::None) {
            Gap::Space if !is_first => self.text.push(b' '),
            Gap::Cell if !is_first => {
                self.cell.separator = Some(self.text.len());
                self.text.push(b' ');
                if let Some(structures) = &mut self.structures {
                    structures.apart = (structures.line, structures.here);
                }
            }
            Gap::Line if !is_first => {
                if self.cell.has_text {
                    self.cell.has_lines = true;
                    self.part_cells();
                }
                self.end_line();
            }
            Gap::Row if !is_first => self.end_line(),
            _ => {}
        }
        if self.has_blank {
            self.has_blank = false;
            self.text.push(b'\n');
            self.line_start = self.text.len();
            if let Some(structures) = &mut self.structures {
                structures.push(structures.here);
            }
        }
        self.cell.has_text = true;
        if self.text.len() == self.line_start
            && let Some(structures) = &mut self.structures
        {
            structures.line = structures.here;
        }
    }

    /// Gives the cells before this one a line of their own: this one has several.
    fn part_cells(&mut self) {
        let Some(separator) = self.cell.separator.take() else {
            return;
        };
        self.text[separator] = b'\n';
        self.line_start = separator + 1;
        if let Some(structures) = &mut self.structures {
            let (before, here) = structures.apart;
            structures.push(before);
            structures.line = LineStructure {
                chars: structures.line.chars - before.chars,
                link_chars: structures.line.link_chars - before.link_chars,
                ..here
            };
        }
    }

    fn push(&mut self, run: &[u8]) {
        self.text.extend_from_slice(run);
        if let Some(structures) = &mut self.structures {
            let is_char = |byte: &&u8| **byte & 0xc0 != 0x80 && **byte != b' ';
            let chars = run.iter().filter(is_char).count() as u32;
            let line = &mut structures.line;
            line.chars = line.chars.saturating_add(chars);
            if structures.is_link {
                line.link_chars = line.link_chars.saturating_add(chars);
            }
        }
    }

    fn end_line(&mut self) {
        let line = &self.text[self.line_start..];
        let end = self.line_start + line.trim_ascii_end().len();
        self.text.truncate(end);
        if end == self.line_start {
            return;
        }
        self.text.push(b'\n');
        self.line_start = self.text.len();
        if let Some(structures) = &mut self.structures {
            structures.push(structures.line);
        }
    }
}

/// A no-break space, which is white space here.
const NBSP: &[u8] = b"\xc2\xa0";
const NBSP_LEAD: u8 = NBSP[0];

/// Bytes of white space that `piece` begins with; NULs, which no page shows, among them.
fn white_bytes(piece: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match piece.get(at) {
            Some(b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ') => at += 1,
            Some(&NBSP_LEAD) if piece[at..].starts_with(NBSP) => at += 2,
            _ => return at,
        }
    }
}

/// The columns that white space takes, tabs as they are.
fn spaces(white: &[u8]) -> impl Iterator<Item = u8> {
    white.iter().filter_map(|byte| match byte {
        b'\t' => Some(b'\t'),
        b' ' | &NBSP_LEAD => Some(b' '),
        _ => None,
    })
}

/// Bytes of a run that are looked at together.
const BLOCK_BYTES: usize = 32;

/// Whether a run goes on through all bytes but the first, which is looked at only for a space. Says
/// no for some through which it does.
fn is_plain(block: &[u8; BLOCK_BYTES + 1]) -> bool {
    let mut is_plain = true;
    for at in 1..block.len() {
        let byte = block[at];
        let is_second_space = (byte == b' ') & (block[at - 1] == b' ');
        is_plain &= (byte >= b' ') & (byte != NBSP_LEAD) & !is_second_space;
    }
    is_plain
}

/// Bytes up to the next white space that is not a lone space between two words. `piece` begins
/// with none.
fn run_bytes(piece: &[u8]) -> usize {
    let is_word = |byte: u8| byte > b' ' && byte != NBSP_LEAD;
    if piece.is_empty() {
        return 0;
    }
    let mut at = 1;
    while let Some(block) = piece[at - 1..].first_chunk()
        && is_plain(block)
    {
        // A space at its end is looked at with what comes next.
        at += BLOCK_BYTES - usize::from(block[BLOCK_BYTES] == b' ');
    }
    while let Some(&byte) = piece.get(at) {
        let goes_on = if is_word(byte) {
            true
        } else if byte == b' ' {
            piece.get(at + 1).is_some_and(|&next| is_word(next))
        } else {
            white_bytes(&piece[at..]) == 0
        };
        if !goes_on {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A byte after the other.
    fn naive_run_bytes(piece: &[u8]) -> usize {
        let is_word = |at: usize| {
            let byte = piece.get(at);
            byte.is_some_and(|&byte| byte > b' ' && byte != NBSP_LEAD)
        };
        let goes_on = |at: usize| match piece[at] {
            b' ' => is_word(at + 1),
            _ => is_word(at) || white_bytes(&piece[at..]) == 0,
        };
        let rest = 1..piece.len();
        let stop = rest.clone().find(|&at| !goes_on(at));
        stop.unwrap_or(piece.len())
    }

    proptest! {
        #[test]
        fn runs_end_where_a_byte_after_the_other_ends_them(
            words in proptest::collection::vec("[a-z\u{e9}\u{a9}\u{1}]{1,9}", 1..20),
            gaps in proptest::collection::vec(0..40_usize, 20),
        ) {
            let mut piece = String::new();
            for (word, gap) in words.iter().zip(gaps) {
                let others = ["  ", "\n", "\u{a0}", "\t", "\0", " \n"];
                piece += word;
                piece += others.get(gap).unwrap_or(&" ");
            }
            for from in 0..piece.len().min(40) {
                let piece = &piece.as_bytes()[from..];
                prop_assert_eq!(run_bytes(piece), naive_run_bytes(piece));
            }
        }
    }
}
