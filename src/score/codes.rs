//! Numbers in, one byte each out: the codes that trees compare.
//!
//! Every feature of a line is a byte from birth, by integer arithmetic or single IEEE
//! operations, so that training and use see the same values, on every machine.

/// Log-odds are coded in steps of this many to one.
const LOGIT_STEPS: f32 = 20.0;
/// The code of log-odds 0.
pub(crate) const EVEN: u8 = 128;

/// A count on a logarithmic scale: 16 steps a doubling, exact up to 16, 255 from 2^15.9 on.
#[inline]
pub(crate) fn count(count: u32) -> u8 {
    let value = count.saturating_add(1);
    let octave = value.ilog2();
    let step = (u64::from(value) << 4 >> octave) as u32 & 15;
    (octave * 16 + step).min(255) as u8
}

/// A share in `[0,1]`; 0 of nothing.
#[inline]
pub(crate) fn share(part: u32, whole: u32) -> u8 {
    fraction(part as f32 / whole.max(1) as f32)
}

/// A number in `[0,1]`; what lies outside is moved to its edge.
#[inline]
pub(crate) fn fraction(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

/// Log-odds from -6.4 to 6.35.
#[inline]
pub(crate) fn logit(log_odds: f32) -> u8 {
    (log_odds * LOGIT_STEPS + f32::from(EVEN) + 0.5) as u8
}

/// How far behind (positive) or before a line something is, on a logarithmic scale.
#[inline]
pub(crate) fn distance(lines: i64) -> u8 {
    let far = count(u32::try_from(lines.unsigned_abs()).unwrap_or(u32::MAX)) / 2;
    if lines < 0 {
        EVEN - far
    } else {
        EVEN + far.min(127)
    }
}

/// The likelihood that belongs to log-odds: the logistic function.
///
/// `libm` computes it the same way on every machine.
#[inline]
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
        assert_eq!(
            [(0, 0), (0, 7), (7, 7), (9, 7)].map(|(a, b)| share(a, b)),
            [0, 0, 255, 255]
        );
        assert_eq!(
            [-9.0, -6.4, 0.0, 6.35, 9.0].map(logit),
            [0, 0, 128, 255, 255]
        );
        assert_eq!(logit(f32::NAN), 0);
        assert!((-5000..5000).map(distance).is_sorted());
        assert_eq!([i64::MIN, 0, i64::MAX].map(distance), [1, 128, 255]);
    }

    #[test]
    fn likelihoods_lie_in_zero_to_one() {
        assert_eq!(likelihood(0.0), 0.5);
        assert!(likelihood(50.0) <= 1.0 && likelihood(-50.0) >= 0.0);
        assert!(likelihood(f32::MAX) == 1.0 && likelihood(f32::MIN) == 0.0);
    }
}
