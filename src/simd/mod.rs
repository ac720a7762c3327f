//! What takes many bytes at a time, with the instructions of x86-64: [`masks`] and [`trees`].
//!
//! The one place with `unsafe` in it (ADR 6, ADR 9). Every function has a naive twin beside it,
//! which other machines use and a test holds it to.
#![allow(unsafe_code)]

pub(crate) mod masks;
pub(crate) mod trees;
