//! A page's lines in, the normalised forms of all out.
//!
//! The page's bytes of ASCII are folded at once, a block at a time; blocks tell besides where there may
//! be more to do. Most lines end there: their forms are parts of the folded page. In the others single
//! characters are folded where they stand, and the rest moves up.

use std::ops::Range;

use crate::normalize::{fold_char, normalize_into, trim_spaces};
use crate::simd::masks::{BLOCK_BYTES, MORE_BYTES, block_in, fold_block};
use crate::simd::widest;

/// What is known of a block of the folded page; bit i is byte i.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    digit: u64,
    /// Spaces behind a space.
    run: u64,
    /// First bytes of characters outside ASCII that may have to be folded.
    may_change: u64,
}

/// The normalised forms of a page's lines. Filled anew for each page.
#[derive(Debug, Default)]
pub(crate) struct NormalizedLines {
    /// The page, folded, and zeros up to a block's end; behind it lines whose forms are too long to
    /// stand where they stood.
    bytes: Vec<u8>,
    marks: Vec<Marks>,
    lines: Vec<Range<usize>>,
    has_digit: Vec<bool>,
}

impl NormalizedLines {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.lines.clear();
        self.has_digit.clear();
    }

    /// Normalises lines of a page, none of which overlap; `each` sees the form of one after the
    /// other.
    ///
    /// Linear time; memory up to twice the page's bytes.
    #[inline(always)]
    pub(crate) fn fill(
        &mut self,
        page: &[u8],
        lines: impl ExactSizeIterator<Item = Range<usize>>,
        mut each: impl FnMut(&[u8]),
    ) {
        self.clear();
        self.lines.reserve(lines.len());
        self.has_digit.reserve(lines.len());
        widest(
            #[inline(always)]
            || {
                self.fold(page);
                for line in lines {
                    let (form, has_digit) = self.normalize(page, line);
                    each(&self.bytes[form.clone()]);
                    self.lines.push(form);
                    self.has_digit.push(has_digit);
                }
            },
        );
    }

    /// Folds the page's bytes of ASCII.
    #[inline(always)]
    fn fold(&mut self, page: &[u8]) {
        let blocks = page.len().div_ceil(BLOCK_BYTES);
        self.bytes.reserve(blocks * BLOCK_BYTES);
        self.marks.reserve(blocks);
        let mut room = [0; MORE_BYTES];
        let mut is_behind_space = 0;
        for at in (0..page.len()).step_by(BLOCK_BYTES) {
            let folded = fold_block(block_in(&mut room, &page[at..]));
            let run = folded.space & (folded.space << 1 | is_behind_space);
            is_behind_space = folded.space >> (BLOCK_BYTES - 1);
            self.bytes.extend_from_slice(&folded.bytes);
            self.marks.push(Marks {
                digit: folded.digit,
                run,
                may_change: folded.may_change,
            });
        }
    }

    /// Where the form of a line stands, and whether it has a digit.
    #[inline(always)]
    fn normalize(&mut self, page: &[u8], line: Range<usize>) -> (Range<usize>, bool) {
        let Range { mut start, mut end } = line;
        while start < end && self.bytes[start] == b' ' {
            start += 1;
        }
        while start < end && self.bytes[end - 1] == b' ' {
            end -= 1;
        }
        let mut all = Marks::default();
        for (_, marks) in blocks_of(&self.marks, start..end) {
            all.digit |= marks.digit;
            all.run |= marks.run;
            all.may_change |= marks.may_change;
        }
        if all.run | all.may_change == 0 {
            return (start..end, all.digit != 0);
        }
        let line = start..end;
        match fold_chars(&mut self.bytes, &self.marks, page, line.clone()) {
            Some(folded) => {
                let mut length = folded.length;
                if folded.may_join_spaces || all.run != 0 {
                    length = trim_spaces(&mut self.bytes[start..start + length]);
                }
                (start..start + length, folded.has_digit | (all.digit != 0))
            }
            None => {
                let from = self.bytes.len();
                let has_digit = normalize_into(&page[line], &mut self.bytes);
                (from..self.bytes.len(), has_digit)
            }
        }
    }

    /// The form of a line, and all bytes behind it.
    #[inline]
    pub(crate) fn front(&self, line: usize) -> (&[u8], usize) {
        let form = &self.lines[line];
        (&self.bytes[form.start..], form.len())
    }

    /// The form of each line, and whether [`mask_digits_into`] would change it.
    ///
    /// [`mask_digits_into`]: crate::normalize::mask_digits_into
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], bool)> + Clone {
        let forms = self.lines.iter().map(|form| &self.bytes[form.clone()]);
        forms.zip(self.has_digit.iter().copied())
    }
}

/// The blocks that a stretch of the page lies in, each with its place and what is known of the
/// stretch's bytes.
#[inline(always)]
fn blocks_of(marks: &[Marks], stretch: Range<usize>) -> impl Iterator<Item = (usize, Marks)> {
    let first = stretch.start / BLOCK_BYTES;
    let blocks = &marks[first..stretch.end.div_ceil(BLOCK_BYTES).max(first)];
    blocks.iter().zip(first..).map(move |(marks, number)| {
        let at = number * BLOCK_BYTES;
        let before = stretch.start.saturating_sub(at);
        let behind = (at + BLOCK_BYTES).saturating_sub(stretch.end);
        let own = u64::MAX << before & u64::MAX >> behind;
        let marks = Marks {
            digit: marks.digit & own,
            run: marks.run & own,
            may_change: marks.may_change & own,
        };
        (at, marks)
    })
}

/// What a line came to when its characters were folded.
struct FoldedLine {
    /// In bytes.
    length: usize,
    /// A digit is new in it.
    has_digit: bool,
    /// A space is new in it, or something is gone that may have stood between two, or at an end.
    may_join_spaces: bool,
}

/// Folds the characters of a line of the folded page that are not ASCII; its spaces stay as they are.
/// None if there is no room for what it comes to.
fn fold_chars(
    bytes: &mut [u8],
    marks: &[Marks],
    page: &[u8],
    line: Range<usize>,
) -> Option<FoldedLine> {
    // What stands from here on is read, and written up to there.
    let (mut from, mut to) = (line.start, line.start);
    let (mut has_digit, mut may_join_spaces) = (false, false);
    for (at, marks) in blocks_of(marks, line.clone()) {
        let mut left = marks.may_change;
        while left != 0 {
            let place = at + left.trailing_zeros() as usize;
            left &= left - 1;
            let (folded, length_bytes) = fold_char(&page[place..line.end]);
            let Some(folded) = folded.as_bytes() else {
                continue;
            };
            has_digit |= folded.iter().any(u8::is_ascii_digit);
            may_join_spaces |= folded.is_empty() || folded.contains(&b' ');
            if folded.len() == length_bytes {
                bytes[place..place + length_bytes].copy_from_slice(folded);
                continue;
            }
            if from != to {
                bytes.copy_within(from..place, to);
            }
            to += place - from;
            from = place + length_bytes;
            let room = bytes[to..from].get_mut(..folded.len())?;
            room.copy_from_slice(folded);
            to += folded.len();
        }
    }
    if from != to {
        bytes.copy_within(from..line.end, to);
    }
    to += line.end - from;
    Some(FoldedLine {
        length: to - line.start,
        has_digit,
        may_join_spaces,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::normalize_into;

    /// The forms of lines at these places, and whether they have digits; as one by one, in turn.
    fn check(page: &[u8], lines: &[Range<usize>]) {
        let mut all = NormalizedLines::default();
        // What stood there before changes nothing.
        all.fill(&[b'7'; 200], [0..9, 9..200].into_iter(), |_| ());
        let mut seen = Vec::new();
        all.fill(page, lines.iter().cloned(), |form| seen.push(form.to_vec()));
        assert_eq!(seen.len(), lines.len());
        for (number, (line, (form, has_digit))) in lines.iter().zip(all.iter()).enumerate() {
            let mut expected = Vec::new();
            let expects_digit = normalize_into(&page[line.clone()], &mut expected);
            assert_eq!(form, expected, "{line:?}");
            assert_eq!(has_digit, expects_digit, "{line:?}");
            assert_eq!(seen[number], expected);
            let (front, length) = all.front(number);
            assert_eq!(front[..length], expected);
        }
    }

    #[test]
    fn each_part_of_a_page_is_normalised_as_it_is_alone() {
        let text = "Dr. \"No\",  12\t\u{a0}ÄÖ \u{3000}x, y\r\n Привет… A東京 B \u{200b} 블링컨 '9 \nİ１Ⱥ — The END. "
            .repeat(2);
        let text = text.as_bytes();
        for from in 0..text.len() {
            for to in from..=text.len() {
                check(text, &[0..from, from..to, to..text.len()]);
            }
        }
    }

    #[test]
    fn any_character_is_folded_as_it_is_alone() {
        let characters = ('\u{80}'..'\u{3000}').chain('\u{fe00}'..'\u{10600}');
        let page: String = characters.map(|c| format!("{c}X {c} {c}{c}")).collect();
        let ends = page.match_indices('X').map(|(at, _)| at);
        let mut start = 0;
        let lines = ends.map(|end| std::mem::replace(&mut start, end)..end);
        let lines: Vec<Range<usize>> = lines.collect();
        check(page.as_bytes(), &lines);
    }

    #[test]
    fn blocks_may_end_anywhere() {
        for bytes in ["a ", "A1", "  ", "\"q\u{e9}", " 7 "] {
            for length in 0..200 {
                let page = bytes.repeat(length);
                let page = &page.as_bytes()[..length];
                let middle = length / 2;
                check(page, &[0..middle, middle..length]);
                check(page, std::slice::from_ref(&(0..length)));
            }
        }
    }
}
