//! Names of models in, models out.

use std::path::Path;
use std::sync::Arc;

use dechaff::error::{ModelError, RunError};
use dechaff::pipeline::model_file;
use dechaff::score::{LearnedScorer, Model, Reads};
use dechaff::{Cleaner, Config};

/// What is given in place of a model for HTML where HTML is scored as text.
pub(super) const NO_MODEL: &str = "none";

/// A cleaner with a model for text and one for HTML, each one that comes with the program or one
/// from a file.
pub fn cleaner(config: Config, model: &Path, of_html: Option<&Path>) -> Result<Cleaner, RunError> {
    let html = match of_html {
        None => built_in(model, Reads::Html),
        Some(none) if none == Path::new(NO_MODEL) => None,
        Some(path) => Some(model_that(path, Reads::Html)?),
    };
    let mut scorer = LearnedScorer::new(model_that(model, Reads::Text)?);
    if let Some(html) = html {
        scorer = scorer.with_html(html);
    }
    Ok(Cleaner::with_scorer(config, Box::new(scorer))?)
}

/// Whether a model's name is that of a file.
pub fn is_model_file(name: &Path) -> bool {
    name != Path::new(NO_MODEL) && built_in(name, Reads::Text).is_none()
}

pub(super) fn built_in(model: &Path, reads: Reads) -> Option<Arc<Model>> {
    model.to_str().and_then(|name| Model::built_in(name, reads))
}

/// The model of this name, or in this file, if it is one that reads this.
pub(super) fn model_that(path: &Path, reads: Reads) -> Result<Arc<Model>, RunError> {
    if let Some(model) = built_in(path, reads) {
        return Ok(model);
    }
    let model = model_file::read(path)?;
    let error = match (model.reads(), reads) {
        (Reads::Html, Reads::Text) => ModelError::OfHtml,
        (Reads::Text, Reads::Html) => ModelError::OfText,
        _ => return Ok(Arc::new(model)),
    };
    let path = path.to_owned();
    Err(RunError::Model { path, error })
}

/// What a run record calls a model.
pub(super) fn model_name(model: &Path) -> String {
    let named = model
        .to_str()
        .filter(|name| *name == NO_MODEL || Model::built_in(name, Reads::Text).is_some());
    named.map_or_else(
        || {
            let bytes = std::fs::read(model).unwrap_or_default();
            format!("file {}", dechaff::digest::hex(&bytes))
        },
        str::to_owned,
    )
}
