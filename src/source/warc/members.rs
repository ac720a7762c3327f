//! The bytes of a gzip file in stretches in, what its members hold out; behind damage it goes
//! on with the next member in which a record begins.

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

use super::frame::{Framer, Item};
use crate::error::{PackedProblem, ProblemKind};

/// What a member begins with.
pub const MAGIC: &[u8] = b"\x1f\x8b\x08";
/// The window of gzip, as a power of two.
const WINDOW_LOG: u8 = 15;
/// Room that is made for what a step unpacks.
const STEP_BYTES: usize = 64 << 10;
/// Bytes of a member by which it is told whether a record begins in it.
const TRIAL_BYTES: usize = 1024;
/// Behind damage all bytes of the member are looked through for the next one, up to this many
/// times what was read.
const BACK_TIMES: usize = 4;

/// Unpacks members.
#[derive(Debug)]
pub struct Members {
    state: State,
    /// Packed bytes: those of the member at work, and what is not unpacked yet.
    packed: Vec<u8>,
    /// Offset of `packed` in the file.
    offset: u64,
    /// How far `packed` is unpacked.
    at: usize,
    /// Where the member at work begins in `packed`; None where that is let go.
    member: Option<usize>,
    max_bytes: usize,
    /// So many packed bytes may be gone back over behind damage: hostile bytes cannot make work
    /// grow faster than they do.
    may_go_back: usize,
}

enum State {
    Between,
    Inside(Box<Decompress>),
    /// Behind damage.
    Seeking,
    /// Nothing more is read.
    Ended,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            State::Between => "Between",
            State::Inside(_) => "Inside",
            State::Seeking => "Seeking",
            State::Ended => "Ended",
        })
    }
}

impl Members {
    /// Before the first member. Of a member that is damaged up to `max_bytes` are held.
    pub fn new(max_bytes: usize) -> Self {
        Members {
            state: State::Between,
            packed: Vec::new(),
            offset: 0,
            at: 0,
            member: None,
            max_bytes,
            may_go_back: 0,
        }
    }

    /// Nothing is held, and a member may begin.
    pub fn is_idle(&self) -> bool {
        self.packed.is_empty() && matches!(self.state, State::Between)
    }

    /// Adds a stretch of the file; the one before was unpacked to its end.
    pub fn add(&mut self, offset: u64, packed: Vec<u8>) {
        self.may_go_back += packed.len() * BACK_TIMES;
        if self.packed.is_empty() {
            self.packed = packed;
            self.offset = offset;
        } else {
            self.packed.extend_from_slice(&packed);
        }
    }

    /// Unpacks until the framer holds `limit_bytes` that are not framed, or everything is
    /// unpacked: then true. `is_last` says that no stretch comes behind.
    pub fn unpack(
        &mut self,
        framer: &mut Framer,
        limit_bytes: usize,
        is_last: bool,
        items: &mut Vec<Item>,
    ) -> bool {
        loop {
            if framer.buffer.len() - framer.at >= limit_bytes {
                return false;
            }
            let goes_on = match &mut self.state {
                State::Ended => {
                    self.at = self.packed.len();
                    false
                }
                State::Between => self.begin(framer),
                State::Seeking => self.seek(framer, is_last, items),
                State::Inside(_) => self.inflate(framer, is_last, items),
            };
            if !goes_on {
                self.let_go(framer);
                return true;
            }
        }
    }

    fn begin(&mut self, framer: &mut Framer) -> bool {
        let zeros = self.packed[self.at..].iter().take_while(|byte| **byte == 0);
        self.at += zeros.count();
        if self.at == self.packed.len() {
            return false;
        }
        self.member = Some(self.at);
        framer.begin_member();
        self.state = State::Inside(Box::new(Decompress::new_gzip(WINDOW_LOG)));
        true
    }

    fn inflate(&mut self, framer: &mut Framer, is_last: bool, items: &mut Vec<Item>) -> bool {
        let State::Inside(decoder) = &mut self.state else {
            return false;
        };
        let buffer = &mut framer.buffer;
        if buffer.capacity() - buffer.len() < STEP_BYTES {
            buffer.reserve(STEP_BYTES);
        }
        let before = decoder.total_in();
        let status = decoder.decompress_vec(&self.packed[self.at..], buffer, FlushDecompress::None);
        self.at += (decoder.total_in() - before) as usize;
        let has_room = buffer.len() < buffer.capacity();
        match status {
            Ok(Status::StreamEnd) => {
                framer.end_member();
                self.member = None;
                self.state = State::Between;
                true
            }
            Ok(_) if self.at < self.packed.len() || !has_room => true,
            Ok(_) if is_last => self.cut(framer, items),
            Ok(_) => false,
            Err(error) => {
                let why = error.message().unwrap_or("no gzip data").to_owned();
                self.damaged(framer, why, items)
            }
        }
    }

    /// The file ends inside a member.
    fn cut(&mut self, framer: &mut Framer, items: &mut Vec<Item>) -> bool {
        let has_next = self.member.is_some_and(|start| {
            framer.holds_member() && matches!(self.find(start + 1, true), Trial::Begins(_))
        });
        if has_next {
            return self.damaged(framer, "its end is missing".to_owned(), items);
        }
        let format = "gzip";
        let at = self.offset + self.packed.len() as u64;
        let end = Some(ProblemKind::Packed(PackedProblem::Cut { format, at }));
        framer.end(end, items);
        self.state = State::Ended;
        false
    }

    fn damaged(&mut self, framer: &mut Framer, why: String, items: &mut Vec<Item>) -> bool {
        let member = self
            .member
            .take()
            .filter(|_| framer.take_back_member(items));
        let Some(start) = member else {
            let (format, at) = ("gzip", self.offset + self.at as u64);
            let problem = ProblemKind::Packed(PackedProblem::Damaged { format, at, why });
            let offset = framer.end_offset();
            items.push(Item::Failed { offset, problem });
            self.state = State::Ended;
            return false;
        };
        let at = self.offset + start as u64;
        let problem = Some(ProblemKind::DamagedMember { at });
        if let Some(left) = self.may_go_back.checked_sub(self.at - start) {
            self.may_go_back = left;
            self.at = start + 1;
        }
        self.at = self.at.max(start + 1);
        self.reject(framer, start, self.at, problem, items);
        self.state = State::Seeking;
        true
    }

    /// Looks for the next member in which a record begins.
    fn seek(&mut self, framer: &mut Framer, is_last: bool, items: &mut Vec<Item>) -> bool {
        let (end, goes_on) = match self.find(self.at, is_last) {
            Trial::Begins(at) => (at, true),
            Trial::Unsure(at) => (at, false),
            Trial::None => (self.packed.len(), false),
        };
        self.reject(framer, self.at, end, None, items);
        self.at = end;
        if goes_on {
            self.state = State::Between;
        }
        goes_on
    }

    fn find(&self, from: usize, is_last: bool) -> Trial {
        let rest = &self.packed[from..];
        for at in memmem::find_iter(rest, MAGIC).map(|at| from + at) {
            match holds_record(&self.packed[at..]) {
                Some(true) => return Trial::Begins(at),
                None if !is_last => return Trial::Unsure(at),
                _ => {}
            }
        }
        let open = (1..MAGIC.len())
            .rev()
            .find(|&count| rest.ends_with(&MAGIC[..count]));
        match open {
            Some(count) if !is_last => Trial::Unsure(self.packed.len() - count),
            _ => Trial::None,
        }
    }

    fn reject(
        &self,
        framer: &Framer,
        from: usize,
        to: usize,
        problem: Option<ProblemKind>,
        items: &mut Vec<Item>,
    ) {
        if from < to || problem.is_some() {
            items.push(Item::Rejected {
                number: None,
                offset: framer.end_offset(),
                bytes: self.packed[from..to].to_vec(),
                problem,
            });
        }
    }

    /// Lets go of what is unpacked, but for a member that may have to be rejected.
    fn let_go(&mut self, framer: &Framer) {
        let held = self
            .member
            .filter(|&start| framer.holds_member() && self.packed.len() - start <= self.max_bytes);
        let from = held.unwrap_or(self.at);
        self.packed.drain(..from);
        self.offset += from as u64;
        self.at -= from;
        self.member = held.map(|_| 0);
    }
}

/// Where the next member begins.
enum Trial {
    Begins(usize),
    /// Here, if what comes bears it out.
    Unsure(usize),
    None,
}

/// Whether bytes begin a member in which a record begins; None where more are needed.
fn holds_record(packed: &[u8]) -> Option<bool> {
    const WORD: &[u8] = b"WARC/";
    let mut start = [0; WORD.len()];
    let mut decoder = Decompress::new_gzip(WINDOW_LOG);
    let trial = &packed[..packed.len().min(TRIAL_BYTES)];
    let status = decoder.decompress(trial, &mut start, FlushDecompress::None);
    let is_short = decoder.total_out() < WORD.len() as u64;
    match status {
        Ok(Status::Ok | Status::BufError) if is_short && packed.len() < TRIAL_BYTES => None,
        Ok(_) => Some(start == WORD),
        Err(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{WHOLE, gzip, record, shown};

    fn texts() -> [String; 3] {
        ["First", "Second", "Third"].map(|text| format!("{text}: a page of its own.\n"))
    }

    fn members() -> [Vec<u8>; 3] {
        texts().map(|text| gzip(&record(&text)))
    }

    fn both(bytes: &[u8]) -> Vec<String> {
        let whole = shown(bytes, WHOLE);
        assert_eq!(shown(bytes, 50), whole, "however the bytes come");
        whole
    }

    #[test]
    fn a_damaged_member_costs_its_record_and_no_other() {
        let [first, second, third] = members();
        let [_, _, last] = texts();
        let good = both(&[&first[..], &second, &third].concat());
        for at in 0..second.len() {
            let mut bad = second.clone();
            bad[at] ^= 0x40;
            let found = both(&[&first[..], &bad, &third].concat());
            assert!(found[0].starts_with("1@0 First"));
            assert!(
                found.last().is_some_and(|shown| shown.ends_with(&last)),
                "{at} {found:?}"
            );
            // Flags, time, level and system of the head, and the last bits before the checksum,
            // are of no account.
            let is_told = found.len() == 3 && found[1].contains("is damaged");
            assert!(is_told || found == good, "{at} {found:?}");
        }
    }

    #[test]
    fn every_cut_is_told_and_loses_nothing_before_it() {
        let [first, second, _] = members();
        let bytes = [&first[..], &second].concat();
        for end in first.len() + 1..bytes.len() {
            let found = both(&bytes[..end]);
            assert!(found[0].starts_with("1@0 First"));
            let problem = format!("gzip data is cut at byte {end}");
            assert!(
                found.iter().any(|shown| shown.contains(&problem)),
                "{end} {found:?}"
            );
            assert!(found.len() <= 3);
        }
        assert_eq!(
            both(&first).len(),
            1,
            "a cut between members cannot be told"
        );
    }

    #[test]
    fn padding_is_passed_over_and_other_bytes_are_told() {
        let [first, second, _] = members();
        let found = both(&[&first[..], &[0; 700], &second, &[0; 9]].concat());
        assert_eq!(found.len(), 2);
        let at = first.len();
        let found = both(&[&first[..], b"no gzip \x1f\x8b\x08", &second, b"\x1f"].concat());
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[1].contains(&format!("gzip member at byte {at} is damaged")));
        assert!(found[2].starts_with("2@"));
        assert!(found[3].contains("cut at byte"), "{found:?}");
    }

    #[test]
    fn damage_behind_records_of_one_member_costs_the_file() {
        let [first, second, third] = texts().map(|text| record(&text));
        let mut bytes = gzip(&[first, second, third].concat());
        let at = bytes.len() - 6;
        bytes[at] ^= 1;
        // Nothing was handed out before the damage showed.
        assert!(shown(&bytes, WHOLE)[0].contains("is damaged"));
        let long: String = (0..200_000_u32)
            .map(|number| char::from(b'a' + (number.wrapping_mul(2_654_435_761) >> 24) as u8 % 26))
            .collect();
        let records: Vec<u8> = (0..200).flat_map(|_| record(&long)).collect();
        let mut bytes = gzip(&records);
        let at = bytes.len() - 6;
        bytes[at] ^= 1;
        let found = shown(&bytes, 100_000);
        assert!(
            found
                .last()
                .is_some_and(|shown| shown.starts_with("failed"))
        );
    }

    #[test]
    fn hostile_members_cost_no_more_than_they_are() {
        // Each begins as a member with a record does, and goes wrong behind all the others.
        let start = &gzip(&record("x"))[..40];
        let bytes = start.repeat(2000);
        let found = shown(&bytes, WHOLE);
        assert!(
            found.iter().all(|shown| !shown.ends_with(" x")),
            "{:?}",
            &found[..2.min(found.len())]
        );
    }
}
