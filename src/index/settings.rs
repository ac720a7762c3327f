//! What an index was made with: two that differ cannot be used for one another.

use crate::fingerprint::is_key_name;

use super::keys::{CELLS, COUNTED_PLACES, MIN_SKETCH_LINE_BYTES, SKETCH_LINES};

/// What stands for the public key.
pub const PUBLIC: &str = "public";

/// Raised when normalisation, fingerprints or keys change.
const KEYS_VERSION: u32 = 2;

/// What an index was made with, as text that is compared byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The name of the key that fingerprints are made with; None for the public one.
    pub key: Option<String>,
    /// What makes pages one site; None where lines are not counted by site.
    pub site: Option<String>,
    /// What is folded away before lines of the corpus are compared; None where no line of the
    /// corpus is counted.
    pub corpus: Option<CorpusSettings>,
    /// Whether pages have classes, by which near-duplicates are known.
    pub classes: bool,
    /// Whether lines of pages that are copies of earlier ones are left out of the corpus's,
    /// because such pages go.
    pub copies_go: bool,
    /// Longer pages are counted in parts; so are shorter ones where the memory was less than that
    /// asks for.
    pub max_page_bytes: u64,
}

/// How lines of the corpus are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusSettings {
    /// What is folded away.
    pub normalize: String,
    /// Lines in the runs that are counted besides single lines; 0 for none.
    pub shingle_lines: u32,
}

/// How every index of this version is made, whatever its settings.
pub fn scheme() -> String {
    format!(
        "keys={KEYS_VERSION} places={COUNTED_PLACES} \
         sketch={SKETCH_LINES}x{MIN_SKETCH_LINE_BYTES}+{CELLS}"
    )
}

impl Settings {
    /// The settings as they stand in a file.
    pub fn to_text(&self) -> String {
        let corpus = match &self.corpus {
            Some(corpus) => format!("{}/{}", corpus.normalize, corpus.shingle_lines),
            None => "no".to_owned(),
        };
        format!(
            "{} key={} site={} corpus={corpus} classes={} copies={} page={}",
            scheme(),
            self.key.as_deref().unwrap_or(PUBLIC),
            self.site.as_deref().unwrap_or("no"),
            if self.classes { "yes" } else { "no" },
            if self.copies_go { "go" } else { "stay" },
            self.max_page_bytes
        )
    }

    /// Reads what [`Settings::to_text`] wrote; None where it says something else.
    pub fn parse(text: &str) -> Option<Settings> {
        let value = |name: &str| {
            let mut words = text.split(' ');
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let corpus = match value("corpus")? {
            "no" => None,
            corpus => {
                let (normalize, lines) = corpus.split_once('/')?;
                Some(CorpusSettings {
                    normalize: normalize.to_owned(),
                    shingle_lines: lines.parse().ok()?,
                })
            }
        };
        let key = Some(value("key")?).filter(|key| *key != PUBLIC);
        if key.is_some_and(|key| !is_key_name(key)) {
            return None;
        }
        let settings = Settings {
            key: key.map(str::to_owned),
            site: Some(value("site")?)
                .filter(|site| *site != "no")
                .map(str::to_owned),
            corpus,
            classes: value("classes")? == "yes",
            copies_go: value("copies")? == "go",
            max_page_bytes: value("page")?.parse().ok()?,
        };
        (settings.to_text() == text).then_some(settings)
    }

    /// Whether an index made with these settings serves a run that asks for `wanted`: all is
    /// the same, but for lines of sites or of the corpus that the run does not ask for.
    pub fn serves(&self, wanted: &Settings) -> bool {
        let site = wanted.site.as_ref().or(self.site.as_ref());
        let corpus = wanted.corpus.as_ref().or(self.corpus.as_ref());
        let needs_corpus = wanted.corpus.is_some();
        self.key == wanted.key
            && self.site.as_ref() == site
            && self.corpus.as_ref() == corpus
            && (self.classes || !wanted.classes)
            && (self.copies_go == wanted.copies_go || !needs_corpus)
            && self.max_page_bytes == wanted.max_page_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_back() {
        let mut settings = Settings {
            key: None,
            site: Some("auto".to_owned()),
            corpus: None,
            classes: true,
            copies_go: false,
            max_page_bytes: 64 << 20,
        };
        assert_eq!(Settings::parse(&settings.to_text()), Some(settings.clone()));
        let plain = settings.clone();
        settings.corpus = Some(CorpusSettings {
            normalize: "space".to_owned(),
            shingle_lines: 2,
        });
        assert_eq!(Settings::parse(&settings.to_text()), Some(settings.clone()));
        assert!(settings.serves(&plain) && !plain.serves(&settings));
        let keyed = Settings {
            key: Some("0123456789abcdef".repeat(2)),
            ..settings.clone()
        };
        assert_eq!(Settings::parse(&keyed.to_text()), Some(keyed.clone()));
        assert!(!keyed.serves(&settings) && !settings.serves(&keyed));
        assert!(keyed.serves(&Settings {
            key: keyed.key.clone(),
            ..plain
        }));
        for name in ["", "PUBLIC", "0123", &"0123456789ABCDEF".repeat(2)] {
            let other = settings.to_text();
            let other = other.replace("key=public", &format!("key={name}"));
            assert_eq!(Settings::parse(&other), None, "{name}");
        }
        let other = settings.to_text().replace("keys=2", "keys=3");
        assert_eq!(Settings::parse(&other), None);
        assert_eq!(Settings::parse(""), None);
    }
}
