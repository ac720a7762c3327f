//! Counts that add up, over one page or a whole run.

use crate::cleaner::{Cleaned, CleanedLine};
use crate::decide::Reason;

/// Lines and bytes that went for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "files", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "files", serde(default))]
pub struct Removed {
    /// Lines.
    pub lines: u64,
    /// Bytes of text, terminators included.
    pub bytes: u64,
}

/// What a run read and did. Sums, so that partial counts merge in any order.
///
/// Invariant at the end of a run: `bytes_in = bytes_kept + removed + bytes_rejected`, over
/// the pages' text: decoded fields, without byte-order marks and containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "files", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "files", serde(default))]
pub struct Counts {
    /// Pages cleaned.
    pub pages: u64,
    /// Pages of which no line stays.
    pub pages_emptied: u64,
    /// Pages that are byte for byte an earlier page of the corpus, whether they go or not.
    pub pages_copied: u64,
    /// Pages that are nearly an earlier page of the corpus, whether they go or not.
    pub pages_nearly_copied: u64,
    /// Lines of the pages cleaned, blank ones included.
    pub lines: u64,
    /// Bytes read from files and standard input, containers included; unpacked ones of what is
    /// packed.
    pub bytes_read: u64,
    /// Bytes of text.
    pub bytes_in: u64,
    /// Bytes of text that stay.
    pub bytes_kept: u64,
    /// Blank lines that go.
    pub blank: Removed,
    /// Later copies that go.
    pub repeat: Removed,
    /// Lines of a site's template that go.
    pub template: Removed,
    /// Lines that go because they stand earlier in the corpus.
    pub duplicate: Removed,
    /// Readers' comments that go because these are dropped.
    pub comment: Removed,
    /// Headlines that go because these are dropped.
    pub headline: Removed,
    /// Lines that go by their score.
    pub boilerplate: Removed,
    /// Bytes of rows, records and pages that could not be read safely.
    pub bytes_rejected: u64,
    /// Rows and records that could not be read safely.
    pub rows_rejected: u64,
    /// Rows without text in the text field, copied unchanged.
    pub rows_without_text: u64,
    /// Pages, parts and rows copied through unchanged because of a problem.
    pub copied_unchanged: u64,
    /// Pages that were converted to UTF-8.
    pub converted: u64,
    /// Pages of text that are not UTF-8, in a character set that cannot be told: their bytes
    /// stay.
    pub charset_unknown: u64,
    /// Pages of HTML.
    pub html_pages: u64,
    /// Bytes of HTML, markup included, that text was made of.
    pub html_bytes: u64,
    /// Files that are not pages: images, styles, scripts, binaries. Not copied.
    pub other_files: u64,
    /// Bytes of the files that are not pages.
    pub other_bytes: u64,
    /// Records of WARC that are not pages: requests, metadata, images, answers without success.
    pub other_records: u64,
    /// Symbolic links met in directories; not followed.
    pub links: u64,
    /// Problem lines.
    pub problems: u64,
}

impl Counts {
    /// Adds the lines and bytes of a cleaned text: a page, or a part of one.
    pub fn add(&mut self, cleaned: &Cleaned<'_>) {
        self.add_page(cleaned);
        cleaned.each_line().for_each(|line| self.add_line(&line));
    }

    /// Adds what is known of a cleaned text as a whole.
    pub fn add_page(&mut self, cleaned: &Cleaned<'_>) {
        let copy_of = cleaned.copy_of();
        self.pages_copied += u64::from(copy_of.is_some_and(|copy| copy.is_exact));
        self.pages_nearly_copied += u64::from(copy_of.is_some_and(|copy| !copy.is_exact));
    }

    /// Adds one line of a cleaned text.
    #[inline]
    pub fn add_line(&mut self, line: &CleanedLine<'_>) {
        let bytes = line.bytes.len() as u64;
        self.lines += 1;
        self.bytes_in += bytes;
        if line.verdict.is_kept {
            self.bytes_kept += bytes;
            return;
        }
        let removed = match line.verdict.reason {
            Reason::Blank => &mut self.blank,
            Reason::Repeat { .. } => &mut self.repeat,
            Reason::Template { .. } => &mut self.template,
            Reason::Duplicate { .. } => &mut self.duplicate,
            Reason::Comment => &mut self.comment,
            Reason::Headline => &mut self.headline,
            Reason::Boilerplate | Reason::Body => &mut self.boilerplate,
        };
        removed.lines += 1;
        removed.bytes += bytes;
    }

    /// Adds the counts of another part of the run.
    pub fn merge(&mut self, other: &Counts) {
        let Counts {
            pages,
            pages_emptied,
            pages_copied,
            pages_nearly_copied,
            lines,
            bytes_read,
            bytes_in,
            bytes_kept,
            blank,
            repeat,
            template,
            duplicate,
            comment,
            headline,
            boilerplate,
            bytes_rejected,
            rows_rejected,
            rows_without_text,
            copied_unchanged,
            converted,
            charset_unknown,
            html_pages,
            html_bytes,
            other_files,
            other_bytes,
            other_records,
            links,
            problems,
        } = other;
        self.pages += pages;
        self.pages_emptied += pages_emptied;
        self.pages_copied += pages_copied;
        self.pages_nearly_copied += pages_nearly_copied;
        self.lines += lines;
        self.bytes_read += bytes_read;
        self.bytes_in += bytes_in;
        self.bytes_kept += bytes_kept;
        for (sum, part) in [
            (&mut self.blank, blank),
            (&mut self.repeat, repeat),
            (&mut self.template, template),
            (&mut self.duplicate, duplicate),
            (&mut self.comment, comment),
            (&mut self.headline, headline),
            (&mut self.boilerplate, boilerplate),
        ] {
            sum.lines += part.lines;
            sum.bytes += part.bytes;
        }
        self.bytes_rejected += bytes_rejected;
        self.rows_rejected += rows_rejected;
        self.rows_without_text += rows_without_text;
        self.copied_unchanged += copied_unchanged;
        self.converted += converted;
        self.charset_unknown += charset_unknown;
        self.html_pages += html_pages;
        self.html_bytes += html_bytes;
        self.other_files += other_files;
        self.other_bytes += other_bytes;
        self.other_records += other_records;
        self.links += links;
        self.problems += problems;
    }

    /// What goes, by the word for its reason.
    pub fn removed(&self) -> [(&'static str, Removed); 7] {
        [
            ("template", self.template),
            ("repeat", self.repeat),
            ("duplicate", self.duplicate),
            ("comment", self.comment),
            ("headline", self.headline),
            ("boilerplate", self.boilerplate),
            ("blank", self.blank),
        ]
    }

    /// Bytes of text that go, for whatever reason.
    pub fn bytes_removed(&self) -> u64 {
        self.removed()
            .iter()
            .map(|(_, removed)| removed.bytes)
            .sum()
    }

    /// Whether every byte of text is accounted for.
    pub fn adds_up(&self) -> bool {
        self.bytes_in == self.bytes_kept + self.bytes_removed() + self.bytes_rejected
    }
}
