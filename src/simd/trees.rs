//! Codes of a block of lines in, the sum of the leaves that each line falls into out.
//!
//! With AVX2, where the machine has it, a block is answered at once and its leaves are looked up
//! by byte shuffles, sixteen leaves at a time; elsewhere a line at a time.

/// Lines that are scored side by side.
pub const BLOCK_LINES: usize = 32;
/// Leaves that one shuffle chooses from.
const PART_LEAVES: usize = 16;

/// A question: whether a feature's code is above a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The feature.
    pub feature: u8,
    /// Codes above this one answer yes.
    pub above: u8,
}

/// Up to sixteen leaves of a tree, low bytes apart from high ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Part {
    low: [u8; PART_LEAVES],
    high: [u8; PART_LEAVES],
}

/// Oblivious trees of one depth whose leaves are whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trees {
    depth: usize,
    splits: Vec<Split>,
    leaves: Vec<i16>,
    parts: Vec<Part>,
}

impl Trees {
    /// Trees of `depth` questions, the answer to the first being the lowest bit of the leaf, and
    /// `2^depth` leaves each. None where the leaves of a line may add up to more than 16 bits.
    ///
    /// # Panics
    ///
    /// The depth is 0 or above 8, or the numbers of questions and leaves do not go together.
    pub(crate) fn new(depth: usize, splits: Vec<Split>, leaves: Vec<i16>) -> Option<Self> {
        assert!((1..=8).contains(&depth), "a leaf's number is a byte");
        assert_eq!(splits.len() << depth, leaves.len() * depth, "whole trees");
        let each_tree = || leaves.chunks_exact(1 << depth);
        let largest = |leaves: &[i16]| leaves.iter().map(|leaf| leaf.unsigned_abs()).max();
        let most: u64 = each_tree().filter_map(largest).map(u64::from).sum();
        let parts = each_tree().flat_map(|leaves| leaves.chunks(PART_LEAVES));
        let part = |leaves: &[i16]| {
            let mut part = Part::default();
            for (at, leaf) in leaves.iter().enumerate() {
                [part.low[at], part.high[at]] = leaf.to_le_bytes();
            }
            part
        };
        let parts = parts.map(part).collect();
        (most <= i16::MAX.unsigned_abs().into()).then_some(Trees {
            depth,
            splits,
            leaves,
            parts,
        })
    }

    /// Questions of a tree.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The questions of all trees.
    pub(crate) fn splits(&self) -> &[Split] {
        &self.splits
    }

    /// The questions and leaves of each tree.
    pub(crate) fn each(&self) -> impl ExactSizeIterator<Item = (&[Split], &[i16])> {
        let splits = self.splits.chunks_exact(self.depth);
        splits.zip(self.leaves.chunks_exact(1 << self.depth))
    }

    /// For each line of a block the sum of its leaves; `block` holds a row of codes for each
    /// feature.
    #[inline]
    pub(crate) fn sums(&self, block: &[[u8; BLOCK_LINES]]) -> [i16; BLOCK_LINES] {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the machine has AVX2; the function takes values and slices, no pointers.
            return unsafe { wide::sums(self, block) };
        }
        self.naive_sums(block)
    }

    fn naive_sums(&self, block: &[[u8; BLOCK_LINES]]) -> [i16; BLOCK_LINES] {
        let mut sums = [0; BLOCK_LINES];
        for (splits, leaves) in self.each() {
            let mut at = [0_u8; BLOCK_LINES];
            for (bit, split) in splits.iter().enumerate() {
                for (at, &code) in at.iter_mut().zip(&block[usize::from(split.feature)]) {
                    *at |= u8::from(code > split.above) << bit;
                }
            }
            for (sum, &at) in sums.iter_mut().zip(&at) {
                *sum += leaves[usize::from(at)];
            }
        }
        sums
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_set_epi64x, _mm256_add_epi8, _mm256_add_epi16, _mm256_adds_epu8,
        _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_max_epu8, _mm256_or_si256,
        _mm256_permute2x128_si256, _mm256_set_m128i, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_shuffle_epi8, _mm256_sub_epi8, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
        _mm256_xor_si256,
    };

    use super::{BLOCK_LINES, PART_LEAVES, Trees};

    #[target_feature(enable = "avx2")]
    pub(super) fn sums(trees: &Trees, block: &[[u8; BLOCK_LINES]]) -> [i16; BLOCK_LINES] {
        let parts = (1 << trees.depth as u32).max(PART_LEAVES) / PART_LEAVES;
        let all_no = ((1_u32 << trees.depth) - 1) as u8;
        let mut outer = _mm256_setzero_si256();
        let mut inner = _mm256_setzero_si256();
        let splits = trees.splits.chunks_exact(trees.depth);
        for (splits, parts) in splits.zip(trees.parts.chunks_exact(parts)) {
            // One bit for each "no", so the leaf is the complement.
            let mut noes = _mm256_setzero_si256();
            for split in splits.iter().rev() {
                let above = _mm256_set1_epi8(split.above.cast_signed());
                let codes = load(&block[usize::from(split.feature)]);
                let no = _mm256_cmpeq_epi8(_mm256_max_epu8(codes, above), above);
                noes = _mm256_sub_epi8(_mm256_add_epi8(noes, noes), no);
            }
            let mut low = _mm256_setzero_si256();
            let mut high = _mm256_setzero_si256();
            for (number, part) in parts.iter().enumerate() {
                let first = all_no ^ (number * PART_LEAVES) as u8;
                let at = _mm256_xor_si256(noes, _mm256_set1_epi8(first.cast_signed()));
                // Places of other parts get the highest bit, by which a shuffle gives zero.
                let at = _mm256_adds_epu8(at, _mm256_set1_epi8((0x80 - PART_LEAVES) as i8));
                low = _mm256_or_si256(low, _mm256_shuffle_epi8(twice(&part.low), at));
                high = _mm256_or_si256(high, _mm256_shuffle_epi8(twice(&part.high), at));
            }
            outer = _mm256_add_epi16(outer, _mm256_unpacklo_epi8(low, high));
            inner = _mm256_add_epi16(inner, _mm256_unpackhi_epi8(low, high));
        }
        // Unpacking went by halves: lines 0 to 7 and 16 to 23, and those between.
        let front = _mm256_permute2x128_si256::<0x20>(outer, inner);
        let behind = _mm256_permute2x128_si256::<0x31>(outer, inner);
        let mut sums = [0; BLOCK_LINES];
        let (left, right) = sums.split_at_mut(BLOCK_LINES / 2);
        left.copy_from_slice(&store(front));
        right.copy_from_slice(&store(behind));
        sums
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(codes: &[u8; BLOCK_LINES]) -> __m256i {
        let [front, behind] = codes.as_chunks::<16>().0 else {
            unreachable!("twice 16 bytes");
        };
        _mm256_set_m128i(load_half(behind), load_half(front))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn twice(bytes: &[u8; PART_LEAVES]) -> __m256i {
        _mm256_broadcastsi128_si256(load_half(bytes))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_half(bytes: &[u8; 16]) -> __m128i {
        let value = u128::from_le_bytes(*bytes);
        _mm_set_epi64x((value >> 64) as i64, value as i64)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(sums: __m256i) -> [i16; BLOCK_LINES / 2] {
        // SAFETY: both are 32 bytes, of which any mean something.
        unsafe { std::mem::transmute(sums) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudo-random bytes (an MMIX generator's high bits).
    fn bytes(seed: u64) -> impl FnMut() -> u8 {
        let mut state = seed;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        }
    }

    #[test]
    fn wide_and_naive_agree_at_every_depth() {
        for depth in 1..=8 {
            let mut byte = bytes(depth as u64);
            let mut code = || byte() & 15;
            let block: Vec<[u8; BLOCK_LINES]> = (0..9)
                .map(|_| std::array::from_fn(|_| code() * 17))
                .collect();
            let splits = (0..30 * depth)
                .map(|_| Split {
                    feature: code() % 9,
                    above: code() * 17,
                })
                .collect();
            let mut byte = bytes(!depth as u64);
            let leaves = (0..30 << depth)
                .map(|_| i16::from_le_bytes([byte(), byte()]) / 32)
                .collect();
            let trees = Trees::new(depth, splits, leaves).expect("sums of 30 times 1024");
            assert_eq!(trees.sums(&block), trees.naive_sums(&block), "{depth}");
        }
    }

    #[test]
    fn sums_that_may_leave_16_bits_are_refused() {
        let split = Split::default();
        let trees = |leaves: [i16; 4]| Trees::new(1, vec![split; 2], leaves.into());
        assert!(trees([-32_766, 0, 1, -1]).is_some());
        assert!(trees([-32_766, 0, 2, -1]).is_none());
        assert!(trees([i16::MIN, 0, 0, 0]).is_none());
    }
}
