//! Fingerprints of lines in, small numbers out: equal lines, equal numbers.

use ahash::RandomState;

use crate::fingerprint::Fingerprint;

/// The number of a distinct line, from 0, in order of first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(pub u32);

/// A slot of the table without a name.
const FREE: u32 = u32::MAX;
/// Marks the lines that stand more than once.
const REPEATED: u32 = 1 << 31;

/// What is known of the lines that stand more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatedLine {
    /// Characters, as it is compared.
    pub chars: u32,
    /// Bytes of its longest copy, terminator included.
    pub max_bytes: u32,
}

/// All distinct lines.
///
/// Memory: about 28 bytes for each, and 8 more for those that stand more than once.
#[derive(Debug)]
pub struct Names {
    /// Names, each in the slot of its fingerprint's hash or behind it.
    slots: Vec<u32>,
    /// By name.
    fingerprints: Vec<Fingerprint>,
    /// By name: [`REPEATED`] and a place in `repeated`; or the bytes of the only copy.
    figures: Vec<u32>,
    repeated: Vec<RepeatedLine>,
    /// Seeded by chance, so that nobody can write lines that meet in a slot; no result
    /// depends on it.
    state: RandomState,
}

impl Names {
    pub fn new() -> Self {
        Names {
            slots: vec![FREE; 16],
            fingerprints: Vec::new(),
            figures: Vec::new(),
            repeated: Vec::new(),
            state: RandomState::new(),
        }
    }

    /// The name of a line, which is noted as standing once more.
    pub fn note(&mut self, fingerprint: Fingerprint, chars: u32, bytes: u32) -> Name {
        let bytes = bytes.min(REPEATED - 1);
        if self.fingerprints.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let mut slot = self.slot(fingerprint);
        loop {
            let name = self.slots[slot];
            if name == FREE {
                let name = self.fingerprints.len() as u32;
                self.slots[slot] = name;
                self.fingerprints.push(fingerprint);
                self.figures.push(bytes);
                return Name(name);
            }
            if self.fingerprints[name as usize] == fingerprint {
                self.note_again(name, chars, bytes);
                return Name(name);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn note_again(&mut self, name: u32, chars: u32, bytes: u32) {
        let figures = &mut self.figures[name as usize];
        if *figures & REPEATED != 0 {
            let line = &mut self.repeated[(*figures & !REPEATED) as usize];
            line.max_bytes = line.max_bytes.max(bytes);
        } else {
            let max_bytes = bytes.max(*figures);
            *figures = REPEATED | self.repeated.len() as u32;
            self.repeated.push(RepeatedLine { chars, max_bytes });
        }
    }

    fn slot(&self, fingerprint: Fingerprint) -> usize {
        self.state.hash_one(fingerprint.0) as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        let length = self.slots.len() * 2;
        self.slots = Vec::new();
        self.slots = vec![FREE; length];
        for name in 0..self.fingerprints.len() {
            let mut slot = self.slot(self.fingerprints[name]);
            while self.slots[slot] != FREE {
                slot = (slot + 1) & (length - 1);
            }
            self.slots[slot] = name as u32;
        }
    }

    /// Forgets the fingerprints; no more lines can be noted.
    pub fn close(self) -> ClosedNames {
        ClosedNames {
            figures: self.figures,
            repeated: self.repeated,
        }
    }
}

/// The lines that stand more than once.
#[derive(Debug)]
pub struct ClosedNames {
    figures: Vec<u32>,
    /// By number.
    pub repeated: Vec<RepeatedLine>,
}

impl ClosedNames {
    /// The number of a line among those that stand more than once; None for one that does not.
    pub fn repeated(&self, name: Name) -> Option<u32> {
        let figures = self.figures[name.0 as usize];
        (figures & REPEATED != 0).then_some(figures & !REPEATED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_have_one_name_and_the_most_bytes_of_any() {
        let mut names = Names::new();
        let line = |at: u32| Fingerprint::of(&at.to_le_bytes());
        for round in 0..3 {
            for at in 0..1000 {
                if at % 3 >= round {
                    assert_eq!(names.note(line(at), at, 10 - round), Name(at));
                }
            }
        }
        let names = names.close();
        for at in 0..1000 {
            let repeated = names.repeated(Name(at));
            assert_eq!(repeated.is_some(), at % 3 > 0, "{at}");
            if let Some(number) = repeated {
                let expected = RepeatedLine {
                    chars: at,
                    max_bytes: 10,
                };
                assert_eq!(names.repeated[number as usize], expected);
            }
        }
    }
}
