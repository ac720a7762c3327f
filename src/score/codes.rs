//! Numbers in, one byte each out: the codes that trees compare.
//!
//! Every feature of a line is a byte from birth, by integer arithmetic or single IEEE
//! operations, so that training and use see the same values, on every machine.

/// Log-odds are coded in steps of this many to one.
const LOGIT_STEPS: f32 = 20.0;
/// The code of log-odds 0.
pub(crate) const EVEN: u8 = 128;

/// A count on a logarithmic scale: 16 steps a doubling, exact up to 16, 255 from 2^15.9 on.
#[inline(always)]
pub(crate) fn count(count: u32) -> u8 {
    const MANTISSA_BITS: u32 = 23;
    const EXPONENT_OF_ONE: u32 = 127;
    // The exponent of a number, and the first four bits behind its first: no loop, no table.
    let value = count.min(u16::MAX.into()) as f32 + 1.0;
    let steps = value.to_bits() >> (MANTISSA_BITS - 4);
    (steps - (EXPONENT_OF_ONE << 4)).min(255) as u8
}

/// A share in `[0,1]`; 0 of nothing.
#[inline(always)]
pub(crate) fn share(part: u32, whole: u32) -> u8 {
    fraction(ratio(part, whole))
}

/// What one number is of another, or of one if that is none. Both below 2^31, which vectors turn into
/// floats at once.
#[inline(always)]
pub(crate) fn ratio(part: u32, whole: u32) -> f32 {
    let float = |number: u32| number.min(i32::MAX.cast_unsigned()) as f32;
    float(part) / float(whole.max(1))
}

/// A number in `[0,1]`; what lies outside is moved to its edge.
#[inline(always)]
pub(crate) fn fraction(value: f32) -> u8 {
    byte(value * 255.0 + 0.5)
}

/// Log-odds from -6.4 to 6.35.
#[inline(always)]
pub(crate) fn logit(log_odds: f32) -> u8 {
    byte(log_odds * LOGIT_STEPS + f32::from(EVEN) + 0.5)
}

/// What `as u8` makes of a number: no fraction, and what lies outside is moved to its edge.
#[inline(always)]
fn byte(value: f32) -> u8 {
    // In this order, and not by `clamp`, no number comes to 0.
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    floor(value) as u8
}

/// What `as i32` makes of a number up to 2^22 either way; of others anything.
#[inline(always)]
pub(crate) fn whole(value: f32) -> i32 {
    let whole = floor(value.abs()).cast_signed();
    if value < 0.0 {
        whole.wrapping_neg()
    } else {
        whole
    }
}

/// A number from 0 to 2^22 without its fraction; of others anything.
///
/// Of a cast, which keeps to the edges of its type, the compiler makes a branch or two for each
/// number; of this, vectors.
#[inline(always)]
fn floor(value: f32) -> u32 {
    /// From here on to twice this a float has no fraction.
    const WHOLE: f32 = (1 << 23) as f32;
    let nearest = value + WHOLE;
    let is_above = nearest - WHOLE > value;
    let nearest = nearest.to_bits().wrapping_sub(WHOLE.to_bits());
    nearest.wrapping_sub(u32::from(is_above))
}

/// How far behind something a line is, or before it, on a logarithmic scale.
#[inline(always)]
pub(crate) fn distance(line: u32, from: u32) -> u8 {
    let far = count(line.abs_diff(from)) / 2;
    if line < from { EVEN - far } else { EVEN + far }
}

/// The likelihood that belongs to log-odds: the logistic function.
///
/// To the last bit what `libm::expf` makes of it, on every machine, but without branches, so that loops
/// take several at a time.
#[inline(always)]
pub(crate) fn likelihood(log_odds: f32) -> f32 {
    1.0 / (1.0 + exp(-log_odds))
}

/// The exponential function, 0 or infinite beyond what a number holds. Its steps and constants are
/// those of FreeBSD's `e_expf.c`, which `libm` follows: x is k ln 2 and a rest r, of which the
/// exponential is 1 + 2r / (R - r), R by Remez in two terms.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = f32::from_bits(0x3f31_7200);
    const LN2_LOW: f32 = f32::from_bits(0x35bf_be8e);
    const PER_LN2: f32 = f32::from_bits(0x3fb8_aa3b);
    const HALF_LN2: f32 = f32::from_bits(0x3eb1_7218);
    const R1: f32 = f32::from_bits(0x3e2a_aa8f);
    const R2: f32 = f32::from_bits(0xbb35_5215);
    /// Up to here it is 1 + x.
    const TINY: f32 = 1.0 / 8192.0;
    /// Beyond these nothing changes.
    const RANGE: [f32; 2] = [-104.0, 89.0];
    const EXPONENT_OF_ONE: i32 = 127;
    const MANTISSA_BITS: u32 = 23;
    let x = x.clamp(RANGE[0], RANGE[1]);
    let nearest = whole(PER_LN2 * x + 0.5_f32.copysign(x));
    let turns = if x.abs() > HALF_LN2 { nearest } else { 0 };
    let high = x - turns as f32 * LN2_HIGH;
    let low = turns as f32 * LN2_LOW;
    let rest = high - low;
    let square = rest * rest;
    let c = rest - square * (R1 + square * R2);
    let exp = 1.0 + (rest * c / (2.0 - c) - low + high);
    // Twice half the turns: the factor of all of them may be none.
    let half = turns / 2;
    let factor =
        |turns: i32| f32::from_bits(((turns + EXPONENT_OF_ONE) << MANTISSA_BITS).cast_unsigned());
    let exp = exp * factor(half) * factor(turns - half);
    if x.abs() > TINY { exp } else { 1.0 + x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_the_order_of_what_they_code() {
        assert_eq!([0, 1, 2, 3, 4].map(count), [0, 16, 24, 32, 36]);
        assert_eq!(count(u32::MAX), 255);
        assert!((0..70_000).map(count).is_sorted());
        for number in 0..70_000_u32 {
            let octave = (number + 1).ilog2();
            let step = (u64::from(number + 1) << 4 >> octave) as u32 & 15;
            assert_eq!(u32::from(count(number)), (octave * 16 + step).min(255));
        }
        assert_eq!(
            [(0, 0), (0, 7), (7, 7), (9, 7)].map(|(a, b)| share(a, b)),
            [0, 0, 255, 255]
        );
        assert_eq!(
            [-9.0, -6.4, 0.0, 6.35, 9.0].map(logit),
            [0, 0, 128, 255, 255]
        );
        assert_eq!(logit(f32::NAN), 0);
        let numbers = (0..=u32::MAX).step_by(991).map(f32::from_bits);
        for number in numbers.chain((-9000..9000).map(|half| half as f32 / 2.0)) {
            assert_eq!(byte(number), number as u8, "{number}");
            if number.abs() <= (1 << 22) as f32 {
                assert_eq!(whole(number), number as i32, "{number}");
            }
        }
        assert!((0..9000).map(|line| distance(line, 5000)).is_sorted());
        let far = [(0, u32::MAX), (7, 7), (u32::MAX, 0)];
        assert_eq!(far.map(|(line, from)| distance(line, from)), [1, 128, 255]);
    }

    #[test]
    fn likelihoods_are_those_of_the_library() {
        let by_library = |log_odds: f32| 1.0 / (1.0 + libm::expf(-log_odds));
        // Every so many numbers, and all around where the library branches.
        let strided = (0..=u32::MAX).step_by(997);
        let edges = [
            0x3880_0000,
            0x3900_0000,
            0x3eb1_7218,
            0x3f85_1592,
            0x42ae_ac50,
            0x42b1_7218,
            0x42cf_f1b5,
        ];
        let around = edges.into_iter().flat_map(|edge| edge - 3000..edge + 3000);
        let both_signs = around.flat_map(|bits| [bits, bits | 1 << 31]);
        for bits in strided.chain(both_signs) {
            let log_odds = f32::from_bits(bits);
            let (got, expected) = (likelihood(log_odds), by_library(log_odds));
            let is_same = got == expected || got.is_nan() && expected.is_nan();
            assert!(is_same, "{log_odds}: {got} {expected}");
        }
    }

    #[test]
    fn likelihoods_lie_in_zero_to_one() {
        assert_eq!(likelihood(0.0), 0.5);
        assert!(likelihood(50.0) <= 1.0 && likelihood(-50.0) >= 0.0);
        assert!(likelihood(f32::MAX) == 1.0 && likelihood(f32::MIN) == 0.0);
    }
}
