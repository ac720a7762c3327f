//! The memory that a run may hold in, what each thing in it may take out.
//!
//! Of all this only the largest page shows in what comes out, and that follows from the settings
//! alone: neither from the number of threads nor from what the machine has free.

use super::ordered::Bounds;
use super::{BYTES_A_LINE, RunOptions};

/// What the program takes for itself, its models with it.
const PROGRAM_BYTES: usize = 24 << 20;
/// What a thread takes for ordinary work: a stretch of rows or records, and what becomes of it.
const THREAD_BYTES: usize = 6 << 20;
/// What a page takes for each of its bytes: as it is read, unpacked, converted, normalised and
/// written.
const BYTES_A_BYTE: usize = 5;
/// What a page takes for each of its lines while it is cleaned, with the models that take most.
const BYTES_A_CLEANED_LINE: usize = 800;
/// The same while it is counted.
const BYTES_A_COUNTED_LINE: usize = 250;
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

/// What text takes while it is at work, for each byte and each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    line_bytes: usize,
}

impl Cost {
    /// Of text that is cleaned.
    pub const CLEANED: Cost = Cost {
        line_bytes: BYTES_A_CLEANED_LINE,
    };
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

    /// Of a page, or a part of one; a part in so many lines may end at the end of one.
    pub fn of_page(self, page: &[u8], unasked_bytes: usize) -> usize {
        // Two bytes make the shortest line that is not blank.
        if self.of(page.len(), page.len() / 2 + 1) <= unasked_bytes {
            return 0;
        }
        let lines = memchr::memchr2_iter(b'\n', b'\r', page).count() + 1;
        self.of(page.len(), lines)
    }
}

/// Who has what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shares {
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
    pub fn of_cleaning(options: &RunOptions) -> Shares {
        Shares::of(options, Cost::CLEANED, options.max_memory_bytes / 4)
    }

    /// Of a run, while it counts.
    pub fn of_counting(options: &RunOptions) -> Shares {
        Shares::of(options, Cost::COUNTED, options.max_memory_bytes / 2)
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
        let held_bytes = rest_bytes / 2;
        Shares {
            bounds: Bounds {
                threads,
                waiting_bytes,
                held_bytes,
            },
            unasked_bytes: (held_bytes / threads).min(MAX_UNASKED_BYTES),
            ahead_bytes: (memory_bytes / 64).min(8 << 20),
            pending_keys: (memory_bytes / 512).min(1 << 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let shares = Shares::of_cleaning(&options);
                let largest = options.max_page_bytes;
                let most = PROGRAM_BYTES
                    + memory_bytes / 4
                    + Cost::CLEANED.of(largest, largest / BYTES_A_LINE)
                    + shares.bounds.waiting_bytes
                    + shares.bounds.held_bytes
                    + shares.bounds.threads * shares.unasked_bytes;
                assert!(
                    most <= memory_bytes / 20 * 23,
                    "{memory_bytes} {threads} {most}"
                );
                assert!((1..=threads).contains(&shares.bounds.threads));
            }
        }
    }

    #[test]
    fn small_pages_cost_nothing_and_lines_cost_more_than_bytes() {
        let long = [b'a'; 100_000];
        let short = b"a\n".repeat(50_000);
        assert_eq!(Cost::CLEANED.of_page(&long, usize::MAX), 0);
        let cost = |page: &[u8]| Cost::CLEANED.of_page(page, 1 << 20);
        assert!(cost(&short) > 50 * cost(&long) && cost(&long) > long.len());
        assert_eq!(cost(b"a\nb\n"), 0);
    }
}
