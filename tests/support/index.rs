//! Index files that no run wrote.

use dechaff::index::format::{self, BlockWriter, Kind};
use dechaff::index::settings::{CorpusSettings, Settings};

/// A file whose checksums are right, whatever its blocks hold.
pub fn forged(kind: Kind, settings: &Settings, blocks: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = format::header(kind, settings);
    let mut frames = BlockWriter::default();
    for (tag, body) in blocks.iter().chain([&(format::END, Vec::new())]) {
        bytes.extend(frames.frame(*tag, body));
        bytes.extend(body);
    }
    bytes
}

pub fn with_corpus() -> Settings {
    Settings {
        key: None,
        site: Some("auto".to_owned()),
        corpus: Some(CorpusSettings {
            normalize: "space".to_owned(),
            shingle_lines: 2,
        }),
        classes: true,
        copies_go: false,
        max_page_bytes: 64 << 20,
    }
}
