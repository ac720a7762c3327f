//! How lines are scored and decided on.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use dechaff::config::Treatment;
use dechaff::error::RunError;
use dechaff::fingerprint::FingerprintKey;
use dechaff::{Cleaner, Config, Threshold};

use super::models::{cleaner, is_model_file, model_name};

/// What is removed; the same for every command.
#[derive(Args, Clone, Debug)]
pub struct EngineArgs {
    /// Remove lines whose boilerplate score is at or above P, in `[0,1]`; `auto` is a cut for
    /// each page, that which promises the best F1, from 0.02 to 0.75
    #[arg(long, value_name = "auto|P", default_value = "auto", value_parser = threshold)]
    pub threshold: Threshold,

    /// What lines are scored with: `fast`, `accurate` (slower), or a model file that `dechaff
    /// train` wrote without --html
    #[arg(long, value_name = "NAME|FILE", default_value = "fast")]
    pub model: PathBuf,

    /// What the lines of HTML pages are scored with: `fast`, `accurate`, a file that `dechaff
    /// train --html` wrote, or `none`: as other lines, without their place in the markup. As
    /// --model names unless given; `none` where that is a file of a user's
    #[arg(long, value_name = "NAME|FILE|none")]
    pub html_model: Option<PathBuf>,

    /// What counts as body: `general` goes by the score alone, `article` drops comments and
    /// headline, `forum` keeps comments
    #[arg(long, value_name = "NAME", default_value = "general")]
    pub profile: Profile,

    /// Keep lines of these kinds whatever their score: `comments`, `headline`; what may be of them goes
    /// the later
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    pub keep: Vec<Kind>,

    /// Remove lines of these kinds whatever their score; what may be of them goes the sooner
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    pub drop: Vec<Kind>,

    /// Do not score lines: remove repeats only
    #[arg(long)]
    pub no_score: bool,

    /// Where to look for repeats: `page` (said twice on a page), `site` (on page after page of
    /// a site), `corpus` (see --corpus-duplicates) or `none`
    #[arg(long, value_delimiter = ',', default_value = "page,site")]
    pub scopes: Vec<Scope>,
}

impl EngineArgs {
    /// The model, for run records: the name of one that comes with the program, the digest of a
    /// file, whose path is the user's own.
    pub fn model_name(&self) -> String {
        model_name(&self.model)
    }

    /// The model for HTML, in the same way.
    pub fn html_model_name(&self) -> Option<String> {
        self.html_model.as_deref().map(model_name)
    }

    /// A cleaner with the model that is asked for.
    pub fn cleaner(&self, config: Config) -> Result<Cleaner, RunError> {
        cleaner(config, &self.model, self.html_model.as_deref())
    }

    /// The files of models that are read.
    pub fn model_files(&self) -> impl Iterator<Item = &Path> {
        let named = std::iter::once(&*self.model).chain(self.html_model.as_deref());
        named.filter(|name| is_model_file(name))
    }

    pub fn config(&self) -> Config {
        Config {
            page_repeats: self.scopes.contains(&Scope::Page),
            site_templates: self.scopes.contains(&Scope::Site),
            corpus_duplicates: None,
            page_duplicates: false,
            score: !self.no_score,
            threshold: self.threshold,
            comments: self.treatment(Kind::Comments),
            headline: self.treatment(Kind::Headline),
            tell_kinds: false,
            key: FingerprintKey::default(),
        }
    }

    fn treatment(&self, kind: Kind) -> Treatment {
        match (self.profile, kind) {
            _ if self.keep.contains(&kind) => Treatment::Keep,
            _ if self.drop.contains(&kind) => Treatment::Drop,
            (Profile::Article, _) => Treatment::Drop,
            (Profile::Forum, Kind::Comments) => Treatment::Keep,
            _ => Treatment::Scored,
        }
    }

    /// Why these arguments contradict each other, if they do.
    pub fn contradiction(&self) -> Option<String> {
        let both = self.keep.iter().find(|kind| self.drop.contains(kind));
        both.map(|kind| {
            let kind = kind
                .to_possible_value()
                .map(|kind| kind.get_name().to_owned());
            format!("--keep and --drop both name {}", kind.unwrap_or_default())
        })
    }
}

/// What users want from pages of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Lines go by their score alone
    General,
    /// The text of the article: comments and headline go
    Article,
    /// Posts are the body: comments stay
    Forum,
}

/// Kinds of lines that some keep and others drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// What readers wrote under a text, their names and dates with it
    Comments,
    /// The page's title
    Headline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// The same block again on this page: the later copy goes
    Page,
    /// The same block on page after page of a site: every copy goes
    Site,
    /// The same block anywhere in the corpus: the first copy stays
    Corpus,
    /// No repeats are removed
    None,
}

pub(super) fn threshold(text: &str) -> Result<Threshold, String> {
    if text == "auto" {
        return Ok(Threshold::Auto);
    }
    match text.parse::<f32>() {
        Ok(cut) if (0.0..=1.0).contains(&cut) => Ok(Threshold::At(cut)),
        _ => Err("expected auto or a number from 0 to 1".to_owned()),
    }
}
