//! The memory that a run may hold in, what each thing in it may take out.
//!
//! Of all this only the largest page shows in what comes out, and that follows from the settings
//! alone: neither from the number of threads nor from what the machine has free.

use super::ordered::{Bounds, Turn};
use super::{BYTES_A_LINE, RunOptions};
use crate::cleaner::Cleaner;
use crate::error::RunError;

/// What the program takes for itself, its models with it.
const PROGRAM_BYTES: usize = 16 << 20;
/// What a thread takes for ordinary work: a stretch of rows or records, and what becomes of it.
const THREAD_BYTES: usize = 6 << 20;
/// What a page takes for each of its bytes: as it is read, unpacked, rendered, normalised and
/// written.
const BYTES_A_BYTE: usize = 4;
/// What a page takes for each of its lines while it is counted.
const BYTES_A_COUNTED_LINE: usize = 250;
/// What it takes to read a part, besides its block at hand.
const PART_BYTES: usize = 128 << 10;
/// What counting a record of a part takes for each of its bytes.
const BYTES_A_RECORD_BYTE: usize = 6;
/// The largest page where nothing else is said.
pub const LARGEST_PAGE_BYTES: usize = 64 << 20;
/// The smallest limit on pages: below it ordinary ones would be cut.
pub const LEAST_PAGE_BYTES: usize = 64 << 10;
/// Of a memory that is asked for, the largest page has one part in so many bytes.
const LARGEST_PAGE_PART: usize = 32;
/// A page that takes no more than this never waits for room.
const MAX_UNASKED_BYTES: usize = 32 << 20;

/// What the largest page may have that is cleaned in memory of a size that the user asked for.
pub fn largest_page_bytes(max_memory_bytes: usize) -> usize {
    (max_memory_bytes / LARGEST_PAGE_PART).clamp(LEAST_PAGE_BYTES, LARGEST_PAGE_BYTES)
}

/// What reading parts takes whose longest blocks are these, a page taken out of one with it.
fn of_parts(blocks: &[usize]) -> usize {
    let readers = blocks.iter().map(|block| block.saturating_add(PART_BYTES));
    let readers = readers.fold(PROGRAM_BYTES, usize::saturating_add);
    readers.saturating_add(longest(blocks))
}

fn longest(blocks: &[usize]) -> usize {
    blocks.iter().copied().max().unwrap_or_default()
}

/// The memory that merging parts takes whose longest blocks are these.
pub(super) fn of_merging(blocks: &[usize]) -> usize {
    of_parts(blocks).saturating_add(longest(blocks))
}

/// The memory that freezing parts takes whose longest blocks are these. Half of it is for what is
/// counted.
pub(super) fn of_freezing(blocks: &[usize]) -> usize {
    let counted = longest(blocks).saturating_mul(BYTES_A_RECORD_BYTE);
    of_parts(blocks).saturating_add(counted).saturating_mul(2)
}

/// What text takes while it is at work, for each byte and each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    line_bytes: usize,
}

impl Cost {
    /// Of text that is cleaned.
    pub fn of_cleaning(cleaner: &Cleaner) -> Cost {
        Cost {
            line_bytes: cleaner.bytes_a_line(),
        }
    }

    /// Of text that is counted.
    pub const COUNTED: Cost = Cost {
        line_bytes: BYTES_A_COUNTED_LINE,
    };

    /// Of so many bytes and lines.
    pub fn of(self, bytes: usize, lines: usize) -> usize {
        bytes
            .saturating_mul(BYTES_A_BYTE)
            .saturating_add(lines.saturating_mul(self.line_bytes))
    }
}

/// Who has what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shares {
    /// What text takes.
    pub cost: Cost,
    /// For the run of jobs.
    pub bounds: Bounds,
    /// What a job may take without being counted.
    pub unasked_bytes: usize,
    /// What of a job's output is held before it is written at the job's turn.
    pub ahead_bytes: usize,
    /// Keys that wait to be counted.
    pub pending_keys: usize,
}

impl Shares {
    /// Of a run, while it cleans.
    pub fn of_cleaning(options: &RunOptions, cleaner: &Cleaner) -> Shares {
        let of_index = cleaner.index().map_or(0, |_| options.max_memory_bytes / 4);
        Shares::of(options, Cost::of_cleaning(cleaner), of_index)
    }

    /// Of a run, while it counts.
    pub fn of_counting(options: &RunOptions) -> Shares {
        Shares::of(options, Cost::COUNTED, options.max_memory_bytes / 2)
    }

    /// What a page, or a part of one, takes; 0 where that needs no asking.
    pub fn cost_of_page(&self, page: &[u8]) -> usize {
        // Two bytes make the shortest line that is not blank.
        if self.cost.of(page.len(), page.len() / 2 + 1) <= self.unasked_bytes {
            return 0;
        }
        let lines = memchr::memchr2_iter(b'\n', b'\r', page).count() + 1;
        self.cost.of(page.len(), lines)
    }

    /// Waits at a job's turn until there is room for so many bytes, if they have to be asked for: then
    /// true.
    pub fn hold<R, S>(&self, turn: &Turn<'_, R, S>, bytes: usize) -> Result<bool, RunError> {
        let is_asked_for = bytes > self.unasked_bytes;
        if is_asked_for {
            turn.hold(bytes)?;
        }
        Ok(is_asked_for)
    }

    fn of(options: &RunOptions, cost: Cost, of_index_bytes: usize) -> Shares {
        let memory_bytes = options.max_memory_bytes;
        let largest = options.max_page_bytes;
        let largest_bytes = cost.of(largest, largest / BYTES_A_LINE);
        let waiting_bytes = (memory_bytes / 32).min(32 << 20);
        let rest_bytes = memory_bytes
            .saturating_sub(PROGRAM_BYTES)
            .saturating_sub(of_index_bytes)
            .saturating_sub(largest_bytes)
            .saturating_sub(waiting_bytes);
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            threads => threads,
        };
        let threads = threads.min(memory_bytes / 8 / THREAD_BYTES).max(1);
        let unasked_bytes = (rest_bytes / 2 / threads).min(MAX_UNASKED_BYTES);
        Shares {
            cost,
            bounds: Bounds {
                threads,
                waiting_bytes,
                held_bytes: rest_bytes - unasked_bytes * threads,
            },
            unasked_bytes,
            ahead_bytes: (memory_bytes / 64).min(8 << 20),
            pending_keys: (memory_bytes / 512).min(1 << 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What text takes with the models that take most.
    const CLEANED: Cost = Cost { line_bytes: 850 };

    #[test]
    fn the_largest_page_follows_from_the_memory_asked_for() {
        for (memory, page) in [
            (128 << 20, 4 << 20),
            (1 << 30, 32 << 20),
            (4 << 30, 64 << 20),
        ] {
            assert_eq!(largest_page_bytes(memory), page);
        }
        let library = RunOptions::default();
        assert_eq!(largest_page_bytes(usize::MAX), library.max_page_bytes);
    }

    #[test]
    fn shares_fit_into_the_memory() {
        for memory_bytes in [128_usize << 20, 256 << 20, 1 << 30, 4 << 30] {
            for threads in [1, 2, 8, 512] {
                let options = RunOptions {
                    max_memory_bytes: memory_bytes,
                    max_page_bytes: largest_page_bytes(memory_bytes),
                    threads,
                    ..RunOptions::default()
                };
                let shares = Shares::of(&options, CLEANED, memory_bytes / 4);
                let largest = options.max_page_bytes;
                let most = PROGRAM_BYTES
                    + memory_bytes / 4
                    + CLEANED.of(largest, largest / BYTES_A_LINE)
                    + shares.bounds.waiting_bytes
                    + shares.bounds.held_bytes
                    + shares.bounds.threads * shares.unasked_bytes;
                assert!(most <= memory_bytes, "{memory_bytes} {threads} {most}");
                assert!((1..=threads).contains(&shares.bounds.threads));
            }
        }
    }

    #[test]
    fn small_pages_cost_nothing_and_lines_cost_more_than_bytes() {
        let long = [b'a'; 100_000];
        let short = b"a\n".repeat(50_000);
        let mut shares = Shares::of(&RunOptions::default(), CLEANED, 0);
        assert_eq!(shares.unasked_bytes, MAX_UNASKED_BYTES);
        assert_eq!(shares.cost_of_page(&short[..1000]), 0);
        shares.unasked_bytes = 1 << 20;
        let [long_cost, short_cost] = [&long[..], &short].map(|page| shares.cost_of_page(page));
        assert!(short_cost > 50 * long_cost && long_cost > long.len());
    }
}
