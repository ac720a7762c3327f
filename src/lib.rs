//! dechaff
pub mod cleaner;
pub mod config;
pub mod decide;
pub mod error;
#[cfg(feature = "eval")]
pub mod eval;
pub mod evidence;
pub mod fingerprint;
pub mod normalize;
pub mod page;
#[cfg(feature = "files")]
pub mod pipeline;
pub mod repeats;
pub mod report;
pub mod score;
pub mod shape;
pub mod shingle;
#[cfg(feature = "files")]
pub mod sink;
#[cfg(feature = "files")]
pub mod source;
pub mod visible;
pub use cleaner::{Cleaned, CleanedLine, Cleaner, Workspace};
pub use config::{Config, Threshold};
pub use decide::{Reason, Verdict};
