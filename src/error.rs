//! What can go wrong: an error stops the run, a problem rejects one record and the run goes on.
//!
//! The library returns these and never prints or exits.

use thiserror::Error;

/// A [`crate::Config`] that cannot be worked with.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ConfigError {
    /// The cut is not in [0,1].
    #[error("threshold is {0}; expected a number from 0 to 1")]
    Threshold(f32),
}
