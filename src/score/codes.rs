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
    fraction(part as f32 / whole.max(1) as f32)
}

/// A number in `[0,1]`; what lies outside is moved to its edge.
#[inline(always)]
pub(crate) fn fraction(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

/// Log-odds from -6.4 to 6.35.
#[inline(always)]
pub(crate) fn logit(log_odds: f32) -> u8 {
    (log_odds * LOGIT_STEPS + f32::from(EVEN) + 0.5) as u8
}

/// How far behind something a line is, or before it, on a logarithmic scale.
#[inline(always)]
pub(crate) fn distance(line: u32, from: u32) -> u8 {
    let far = count(line.abs_diff(from)) / 2;
    if line < from { EVEN - far } else { EVEN + far }
}

/// The likelihood that belongs to log-odds: the logistic function.
///
/// `libm` computes it the same way on every machine.
#[inline(always)]
pub(crate) fn likelihood(log_odds: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-log_odds))
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
        assert!((0..9000).map(|line| distance(line, 5000)).is_sorted());
        let far = [(0, u32::MAX), (7, 7), (u32::MAX, 0)];
        assert_eq!(far.map(|(line, from)| distance(line, from)), [1, 128, 255]);
    }

    #[test]
    fn likelihoods_lie_in_zero_to_one() {
        assert_eq!(likelihood(0.0), 0.5);
        assert!(likelihood(50.0) <= 1.0 && likelihood(-50.0) >= 0.0);
        assert!(likelihood(f32::MAX) == 1.0 && likelihood(f32::MIN) == 0.0);
    }
}
