//! What takes many bytes at a time, with the instructions of x86-64: [`masks`] and [`trees`].
//!
//! The one place with `unsafe` in it (ADR 6, ADR 9). Every function has a naive twin beside it,
//! which other machines use and a test holds it to.
#![allow(unsafe_code)]

pub(crate) mod masks;
pub(crate) mod trees;

/// Does some work in code for the widest vectors that the machine has, as far as it is inlined.
///
/// The work has two callers, so the compiler makes one plain function of it unless the closure is
/// marked `#[inline(always)]`, and each function that it calls; so with a closure that is given to
/// `Vec::extend`, which is never inlined as a whole.
///
/// The compiler fuses no product with a sum and keeps the order of sums, so the result is the
/// same to the last bit.
#[inline]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("lzcnt")
        && std::arch::is_x86_feature_detected!("popcnt")
    {
        // SAFETY: the machine has what it is compiled for; the function calls what it is given.
        return unsafe { with_avx2(work) };
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
