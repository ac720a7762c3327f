//! Codes of a block of lines in, the sum of the leaves that each line falls into out.
//!
//! With AVX2, where the machine has it, a block is answered at once and its leaves are looked up
//! by byte shuffles, sixteen leaves at a time; with AVX-512, where a question is answered in masks and one
//! instruction chooses from 64 leaves, in a third of the instructions. Elsewhere a line at a time.

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

/// A byte of each of up to sixteen leaves of a tree.
type Part = [u8; PART_LEAVES];

/// Oblivious trees of one depth whose leaves are whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trees {
    depth: usize,
    splits: Vec<Split>,
    leaves: Vec<i16>,
    /// Of each tree the low bytes of its leaves, then as many parts of their high bytes.
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
        let mut parts = Vec::new();
        for leaves in each_tree() {
            for byte in [0, 1] {
                parts.extend(leaves.chunks(PART_LEAVES).map(|leaves| {
                    let mut part = Part::default();
                    for (part, leaf) in part.iter_mut().zip(leaves) {
                        *part = leaf.to_le_bytes()[byte];
                    }
                    part
                }));
            }
        }
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
            if wider::can_sum(self.depth) {
                // SAFETY: the machine has what it is compiled for; the function takes values and slices,
                // no pointers.
                return unsafe { wider::sums(self, block) };
            }
            // SAFETY: as above.
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
        let parts = 2 * (1 << trees.depth as u32).max(PART_LEAVES) / PART_LEAVES;
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
            let (lows, highs) = parts.split_at(parts.len() / 2);
            for (number, (low_part, high_part)) in lows.iter().zip(highs).enumerate() {
                let first = all_no ^ (number * PART_LEAVES) as u8;
                let at = _mm256_xor_si256(noes, _mm256_set1_epi8(first.cast_signed()));
                // Places of other parts get the highest bit, by which a shuffle gives zero.
                let at = _mm256_adds_epu8(at, _mm256_set1_epi8((0x80 - PART_LEAVES) as i8));
                low = _mm256_or_si256(low, _mm256_shuffle_epi8(twice(low_part), at));
                high = _mm256_or_si256(high, _mm256_shuffle_epi8(twice(high_part), at));
            }
            outer = _mm256_add_epi16(outer, _mm256_unpacklo_epi8(low, high));
            inner = _mm256_add_epi16(inner, _mm256_unpackhi_epi8(low, high));
        }
        together(outer, inner)
    }

    /// Unpacking goes by halves: lines 0 to 7 and 16 to 23, and those between.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn together(outer: __m256i, inner: __m256i) -> [i16; BLOCK_LINES] {
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
    pub(super) fn load(codes: &[u8; BLOCK_LINES]) -> __m256i {
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
    pub(super) fn load_half(bytes: &[u8; 16]) -> __m128i {
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

/// With masks, and shuffles of 32 and 64 bytes.
#[cfg(target_arch = "x86_64")]
mod wider {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi16, _mm256_cmpgt_epu8_mask, _mm256_mask_add_epi8,
        _mm256_permutex2var_epi8, _mm256_permutexvar_epi8, _mm256_set_m128i, _mm256_set1_epi8,
        _mm256_setzero_si256, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
    };

    use super::{BLOCK_LINES, PART_LEAVES, Part, Trees, wide};

    /// Whether the machine and this code can: they know trees of one table or two.
    #[inline]
    pub(super) fn can_sum(depth: usize) -> bool {
        (5..=6).contains(&depth)
            && std::arch::is_x86_feature_detected!("avx512vbmi")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vl")
    }

    #[target_feature(enable = "avx2,avx512bw,avx512vl,avx512vbmi")]
    pub(super) fn sums(trees: &Trees, block: &[[u8; BLOCK_LINES]]) -> [i16; BLOCK_LINES] {
        match trees.depth {
            5 => of_depth::<5>(trees, block),
            _ => of_depth::<6>(trees, block),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,avx512bw,avx512vl,avx512vbmi")]
    fn of_depth<const DEPTH: usize>(
        trees: &Trees,
        block: &[[u8; BLOCK_LINES]],
    ) -> [i16; BLOCK_LINES] {
        let mut outer = _mm256_setzero_si256();
        let mut inner = _mm256_setzero_si256();
        let splits = trees.splits.as_chunks::<DEPTH>().0;
        let parts = trees.parts.chunks_exact(2 * (1 << DEPTH) / PART_LEAVES);
        for (splits, parts) in splits.iter().zip(parts) {
            let mut at = _mm256_setzero_si256();
            for (bit, split) in splits.iter().enumerate() {
                let above = _mm256_set1_epi8(split.above.cast_signed());
                let codes = wide::load(&block[usize::from(split.feature)]);
                let yes = _mm256_cmpgt_epu8_mask(codes, above);
                at = _mm256_mask_add_epi8(at, yes, at, _mm256_set1_epi8(1 << bit));
            }
            let (lows, highs) = parts.split_at(parts.len() / 2);
            let (low, high) = (chosen(lows, at), chosen(highs, at));
            outer = _mm256_add_epi16(outer, _mm256_unpacklo_epi8(low, high));
            inner = _mm256_add_epi16(inner, _mm256_unpackhi_epi8(low, high));
        }
        wide::together(outer, inner)
    }

    /// Bytes of the leaves at these places.
    #[inline]
    #[target_feature(enable = "avx2,avx512bw,avx512vl,avx512vbmi")]
    fn chosen(parts: &[Part], at: __m256i) -> __m256i {
        match parts {
            [a, b] => _mm256_permutexvar_epi8(at, table(a, b)),
            [a, b, c, d] => _mm256_permutex2var_epi8(table(a, b), at, table(c, d)),
            _ => unreachable!("32 leaves or 64"),
        }
    }

    /// The leaves of two parts.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn table(low: &Part, high: &Part) -> __m256i {
        _mm256_set_m128i(wide::load_half(high), wide::load_half(low))
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
            let expected = trees.naive_sums(&block);
            assert_eq!(trees.sums(&block), expected, "{depth}");
            // What narrower machines do.
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: as in `sums`.
                assert_eq!(unsafe { wide::sums(&trees, &block) }, expected, "{depth}");
            }
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
