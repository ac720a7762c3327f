//! What is to be told of pages and records, in source order, until it is told.

use super::{Likeness, Progress};
use crate::charset::Charset;
use crate::error::Problem;

/// Something to tell of a page, by its name, or of a record.
#[derive(Debug)]
enum Note {
    Problem(Problem),
    Emptied(Vec<u8>),
    Charset(Vec<u8>, Option<Charset>),
    Likeness(Vec<u8>, Likeness),
}

/// What is to be told. A row of a few bytes may come to a note of a hundred, so its memory counts.
#[derive(Debug, Default)]
pub struct Notes {
    notes: Vec<Note>,
    /// What the names take.
    name_bytes: usize,
}

impl Notes {
    /// Something was not cleaned.
    pub fn problem(&mut self, problem: Problem) {
        self.name_bytes += problem.file.len();
        self.notes.push(Note::Problem(problem));
    }

    /// A page of which no line stays.
    pub fn emptied(&mut self, page: &[u8]) {
        self.named(page, Note::Emptied);
    }

    /// A page that was not in UTF-8, and what it was converted from.
    pub fn charset(&mut self, page: &[u8], charset: Option<Charset>) {
        self.named(page, |page| Note::Charset(page, charset));
    }

    /// A page of text that may have been meant as something else.
    pub fn likeness(&mut self, page: &[u8], likeness: Likeness) {
        self.named(page, |page| Note::Likeness(page, likeness));
    }

    fn named(&mut self, page: &[u8], note: impl FnOnce(Vec<u8>) -> Note) {
        self.name_bytes += page.len();
        self.notes.push(note(page.to_vec()));
    }

    /// Memory that they hold, in bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.notes[..]) + self.name_bytes
    }

    /// Tells them in order and forgets them; how many were problems.
    pub fn tell(&mut self, progress: &mut dyn Progress) -> u64 {
        self.name_bytes = 0;
        let mut problems = 0;
        for note in self.notes.drain(..) {
            match note {
                Note::Problem(problem) => {
                    problems += 1;
                    progress.problem(&problem);
                }
                Note::Emptied(page) => progress.emptied(&page),
                Note::Charset(page, charset) => progress.charset(&page, charset),
                Note::Likeness(page, likeness) => progress.likeness(&page, likeness),
            }
        }
        problems
    }
}
