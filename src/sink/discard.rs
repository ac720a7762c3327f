//! A dry run: nothing is written.

use std::path::Path;

use super::{Output, Part, Sink};
use crate::error::RunError;

/// Takes everything and writes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Sink for Discard {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn create(&self, _name: &Path, _part: Part) -> Result<Box<dyn Output + '_>, RunError> {
        Ok(Box::new(Discard))
    }
}

impl Output for Discard {
    fn write(&mut self, _bytes: &[u8]) -> Result<(), RunError> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }
}
