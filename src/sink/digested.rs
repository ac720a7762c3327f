//! A sink in, the same sink with the digest of what it was given out.

use std::path::Path;
use std::sync::Mutex;

use xxhash_rust::xxh3::Xxh3;

use super::atomic::Partial;
use super::single::LineEnd;
use super::{Output, Part, Sink, lock};
use crate::digest::DigestSum;
use crate::error::RunError;

/// What an output is, and so when two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Files with names.
    Tree,
    /// One file; its name does not count, nor does what is begun and not finished.
    File,
    /// A stream: everything that is written counts.
    Stream,
}

/// Passes everything on to a sink and keeps the digest of it: equal for equal outputs, whatever
/// the number of threads.
pub struct Digested<'s> {
    sink: &'s dyn Sink,
    kind: Kind,
    sum: Mutex<DigestSum>,
    /// What [`Kind::File`] and [`Kind::Stream`] hold: the pages, and what stands beside them.
    single: Mutex<[Joined; 2]>,
}

/// Pages one behind the other, as [`super::single::Single`] joins them.
#[derive(Clone, Default)]
struct Joined {
    hasher: Xxh3,
    bytes: u64,
    line_end: LineEnd,
}

impl Joined {
    fn push(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.line_end.note(bytes);
    }
}

fn number(part: Part) -> u32 {
    match part {
        Part::Text => 0,
        Part::Spans => 1,
    }
}

impl<'s> Digested<'s> {
    /// Nothing was written yet.
    pub fn new(sink: &'s dyn Sink, kind: Kind) -> Self {
        Digested {
            sink,
            kind,
            sum: Mutex::default(),
            single: Mutex::default(),
        }
    }

    /// The digest of what was written.
    pub fn sum(&self) -> DigestSum {
        let mut sum = *lock(&self.sum);
        for (part, joined) in lock(&self.single).iter().enumerate() {
            if joined.bytes > 0 {
                sum.add_hashed(b"", part as u32, joined.hasher.digest128(), joined.bytes);
            }
        }
        sum
    }
}

impl Sink for Digested<'_> {
    fn takes_any_order(&self) -> bool {
        self.sink.takes_any_order()
    }

    fn sync(&self) -> Result<(), RunError> {
        self.sink.sync()
    }

    fn put(&self, name: &Path, part: Part, content: &[u8]) -> Result<(), RunError> {
        if self.kind != Kind::Tree {
            let mut output = self.create(name, part)?;
            output.write(content)?;
            return output.finish();
        }
        self.sink.put(name, part, content)?;
        let mut own = DigestSum::default();
        own.add(name.as_os_str().as_encoded_bytes(), number(part), content);
        lock(&self.sum).merge(&own);
        Ok(())
    }

    fn create(&self, name: &Path, part: Part) -> Result<Box<dyn Output + '_>, RunError> {
        let output = self.sink.create(name, part)?;
        let mut joined = match self.kind {
            Kind::Tree => Joined::default(),
            Kind::File | Kind::Stream => lock(&self.single)[number(part) as usize].clone(),
        };
        if joined.line_end.is_due() {
            joined.push(b"\n");
        }
        Ok(Box::new(DigestedOutput {
            output: Some(output),
            of: self,
            name: name.as_os_str().as_encoded_bytes().to_vec(),
            part,
            joined: Box::new(joined),
        }))
    }
}

struct DigestedOutput<'d> {
    /// None once it is finished.
    output: Option<Box<dyn Output + 'd>>,
    of: &'d Digested<'d>,
    name: Vec<u8>,
    part: Part,
    joined: Box<Joined>,
}

impl DigestedOutput<'_> {
    fn commit(&self) {
        let (of, joined) = (self.of, &self.joined);
        match of.kind {
            Kind::Tree => lock(&of.sum).add_hashed(
                &self.name,
                number(self.part),
                joined.hasher.digest128(),
                joined.bytes,
            ),
            Kind::File | Kind::Stream => {
                lock(&of.single)[number(self.part) as usize] = (**joined).clone();
            }
        }
    }
}

impl Output for DigestedOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        if let Some(output) = &mut self.output {
            output.write(bytes)?;
            self.joined.push(bytes);
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Option<Partial>, RunError> {
        match &mut self.output {
            Some(output) => output.checkpoint(),
            None => Ok(None),
        }
    }

    fn discard(mut self: Box<Self>) -> Result<(), RunError> {
        match self.output.take() {
            Some(output) => output.discard(),
            None => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), RunError> {
        if let Some(output) = self.output.take() {
            output.finish()?;
            self.commit();
        }
        Ok(())
    }
}

impl Drop for DigestedOutput<'_> {
    fn drop(&mut self) {
        if self.output.is_some() && self.of.kind == Kind::Stream {
            self.commit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::discard::Discard;
    use super::*;

    fn digest(kind: Kind, write: impl Fn(&dyn Sink)) -> String {
        let digested = Digested::new(&Discard, kind);
        write(&digested);
        digested.sum().hex()
    }

    fn put(sink: &dyn Sink, name: &str, part: Part, content: &str) {
        let put = sink.put(Path::new(name), part, content.as_bytes());
        put.expect("nothing is written");
    }

    fn stretches(sink: &dyn Sink, name: &str, contents: &[&str], is_finished: bool) {
        let mut output = sink.create(Path::new(name), Part::Text).expect("an output");
        for content in contents {
            output
                .write(content.as_bytes())
                .expect("nothing is written");
        }
        if is_finished {
            output.finish().expect("nothing is written");
        }
    }

    #[test]
    fn stretches_are_one_file() {
        for kind in [Kind::Tree, Kind::File, Kind::Stream] {
            assert_eq!(
                digest(kind, |sink| put(sink, "a", Part::Text, "one\ntwo\n")),
                digest(kind, |sink| stretches(
                    sink,
                    "a",
                    &["one\n", "", "two\n"],
                    true
                )),
            );
        }
    }

    #[test]
    fn names_and_parts_count_in_a_tree_only() {
        let one = |kind, name, part| digest(kind, |sink| put(sink, name, part, "x\n"));
        assert_ne!(
            one(Kind::Tree, "a", Part::Text),
            one(Kind::Tree, "b", Part::Text)
        );
        assert_ne!(
            one(Kind::Tree, "a", Part::Text),
            one(Kind::Tree, "a", Part::Spans)
        );
        assert_eq!(
            one(Kind::File, "a", Part::Text),
            one(Kind::File, "b", Part::Text)
        );
    }

    #[test]
    fn a_stream_holds_what_was_not_finished_and_a_file_does_not() {
        let cut = |kind| digest(kind, |sink| stretches(sink, "a", &["x"], false));
        let none = |kind| digest(kind, |_| ());
        assert_eq!(cut(Kind::File), none(Kind::File));
        assert_eq!(cut(Kind::Tree), none(Kind::Tree));
        assert_eq!(
            cut(Kind::Stream),
            digest(Kind::Stream, |sink| put(sink, "a", Part::Text, "x"))
        );
    }

    #[test]
    fn pages_of_a_stream_are_joined_by_lines() {
        let pages = |contents: &'static [&str]| {
            digest(Kind::Stream, |sink| {
                for content in contents {
                    put(sink, "a", Part::Text, content);
                }
            })
        };
        assert_eq!(pages(&["x", "y"]), pages(&["x\n", "y"]));
        assert_ne!(pages(&["x", "y"]), pages(&["xy"]));
    }
}
