//! The layers of `src/`: which module may name which, and what the middle may not touch.
//!
//! A token scan, not a compiler: comments, literals and `#[cfg(test)]` items are dropped, then
//! every path that begins with `crate`, `self`, `super`, `dechaff` or `std` is resolved.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One module (a file or a folder of `src/`) and the paths that it may name, from the bottom
/// up: a row may only name modules of the rows above it. A path allows everything below it.
const TABLE: &[(&str, &str)] = &[
    ("visible", ""),
    ("url", ""),
    ("step", ""),
    ("generate", ""),
    ("digest", ""),
    ("simd", ""),
    ("charset", ""),
    ("html", "charset"),
    ("normalize", "simd"),
    ("normalized", "normalize simd"),
    ("fingerprint", ""),
    ("shape", "normalize simd"),
    ("index", "fingerprint visible"),
    ("error", "index::IndexError visible"),
    ("config", "error fingerprint normalize"),
    ("page", "normalize simd"),
    ("shingle", "fingerprint"),
    ("blocks", "config fingerprint normalize page"),
    (
        "evidence",
        "config fingerprint html index normalize normalized page shape shingle simd step",
    ),
    ("repeats", "evidence shape shingle"),
    ("templates", "evidence"),
    ("duplicates", "config evidence index"),
    (
        "score",
        "error evidence fingerprint html normalize page repeats shape shingle simd",
    ),
    (
        "decide",
        "config duplicates evidence index repeats score templates",
    ),
    (
        "cleaner",
        "config decide duplicates error evidence html index page repeats score step templates",
    ),
    (
        "collect",
        "config evidence fingerprint index step templates",
    ),
    ("report", "cleaner decide::Reason decide::Verdict"),
    (
        "source",
        "charset config digest error html page simd url visible",
    ),
    (
        "sink",
        "cleaner::Cleaned cleaner::CleanedLine decide::Reason decide::Verdict digest error fingerprint index report simd source::archive source::packed source::rows::MAX_ID_BYTES source::table source::warc visible",
    ),
    (
        "eval",
        "cleaner collect config decide error evidence html index normalize page score url visible",
    ),
    ("record", "digest eval report"),
    (
        "pipeline",
        "blocks charset cleaner collect config decide digest error evidence fingerprint html index page record report score::model::Model score::model::MAX_BYTES sink source step visible",
    ),
    ("compare", "eval record report source visible"),
    ("bench", "digest record source visible"),
    (
        "train",
        "cleaner config decide duplicates eval evidence index normalize repeats score simd templates url",
    ),
    (
        "bin",
        "bench blocks charset cleaner collect compare config decide digest error eval evidence fingerprint generate html index page pipeline record report score sink source train visible",
    ),
];

/// Modules that may touch files, threads, the clock or the terminal. The rest is the middle.
const EDGES_OF_THE_ENGINE: &[&str] = &[
    "bin", "bench", "compare", "generate", "pipeline", "source", "sink", "eval", "train",
];

/// What the middle may not name.
const OUTSIDE_WORLD: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::process",
    "std::thread",
    "std::time",
];
const PRINTING_MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

#[test]
fn every_named_path_is_an_allowed_edge() {
    let reexports = root_reexports();
    let mut wrong = BTreeSet::new();
    for file in source_files() {
        if file.module() == "lib" {
            continue;
        }
        for path in file.paths() {
            let Some(target) = inside_crate(&file, &path, &reexports) else {
                continue;
            };
            if !is_allowed(file.module(), &target) {
                wrong.insert(format!("{}: {target}", file.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "edges that the table does not allow:\n{}",
        Vec::from_iter(wrong).join("\n")
    );
}

#[test]
fn every_module_has_a_row() {
    let files = source_files();
    let modules: BTreeSet<&str> = files.iter().map(SourceFile::module).collect();
    let without_row: Vec<_> = modules
        .into_iter()
        .filter(|&module| module != "lib" && may_use(module).is_none())
        .collect();
    assert_eq!(without_row, [""; 0], "modules without a row in the table");
}

#[test]
fn arrows_point_down_only() {
    for (place, (upper, may_use)) in TABLE.iter().enumerate() {
        for path in may_use.split_whitespace() {
            let module = path.split("::").next();
            let is_below = TABLE[..place]
                .iter()
                .any(|(lower, _)| Some(*lower) == module);
            assert!(is_below, "{upper} -> {path} points up or at no row");
        }
    }
}

#[test]
fn the_middle_touches_no_files_threads_clock_or_terminal() {
    let mut wrong = BTreeSet::new();
    for file in source_files() {
        if EDGES_OF_THE_ENGINE.contains(&file.module()) {
            continue;
        }
        for path in file.paths() {
            if OUTSIDE_WORLD
                .iter()
                .any(|world| is_at_or_below(&path.join("::"), world))
            {
                wrong.insert(format!("{}: {}", file.name, path.join("::")));
            }
        }
        for macro_name in file.macros() {
            if PRINTING_MACROS.contains(&macro_name.as_str()) {
                wrong.insert(format!("{}: {macro_name}!", file.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "the middle reaches outside:\n{}",
        Vec::from_iter(wrong).join("\n")
    );
}

/// The paths that a module may name; None for a module without a row.
fn may_use(module: &str) -> Option<&'static str> {
    TABLE
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, may_use)| *may_use)
}

fn is_allowed(from: &str, target: &str) -> bool {
    let module = target.split("::").next();
    let paths = may_use(from).unwrap_or_default();
    module == Some(from)
        || paths
            .split_whitespace()
            .any(|path| is_at_or_below(target, path))
}

/// Whether `path` is `above`, or a path below it.
fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The path without its root, if it names something of the library; re-exports of the crate
/// root are followed.
fn inside_crate(file: &SourceFile, path: &[String], reexports: &[Vec<String>]) -> Option<String> {
    let (root, rest) = path.split_first()?;
    let is_library = match file.module() {
        "bin" => root == "dechaff",
        _ => root == "crate",
    };
    if !is_library || rest.is_empty() {
        return None;
    }
    let name = &rest[0];
    let reexported = reexports
        .iter()
        .find(|reexport| reexport.last() == Some(name));
    Some(match reexported {
        Some(reexport) => [&reexport[..], &rest[1..]].concat().join("::"),
        None => rest.join("::"),
    })
}

/// What `src/lib.rs` re-exports, as paths from the crate root.
fn root_reexports() -> Vec<Vec<String>> {
    let files = source_files();
    let lib = files
        .iter()
        .find(|file| file.name == "lib.rs")
        .expect("src/lib.rs is there");
    let mut paths = Vec::new();
    for (at, token) in lib.tokens.iter().enumerate() {
        if token == "use" {
            paths.extend(path_tree(&lib.tokens, at + 1).0);
        }
    }
    paths
}

/// A file of `src/` as its tokens: words, `::`, and single characters.
struct SourceFile {
    /// Path below `src/`, with `/`.
    name: String,
    /// Tokens of the code, without comments, literals and `#[cfg(test)]` items.
    tokens: Vec<String>,
}

impl SourceFile {
    /// The top module that the file belongs to; `bin` for programs, `lib` for the crate root.
    fn module(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The file's place in the module tree, from the crate root.
    fn module_path(&self) -> Vec<String> {
        self.name
            .trim_end_matches(".rs")
            .split('/')
            .filter(|part| !matches!(*part, "lib" | "mod" | "main"))
            .map(str::to_owned)
            .collect()
    }

    /// Every path that begins at a root, absolute: `crate::..`, `dechaff::..`, `std::..`.
    fn paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut module = self.module_path();
        let mut inline_modules = Vec::new();
        let mut depth = 0;
        for (at, token) in self.tokens.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| self.tokens[before].as_str());
            match token.as_str() {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if inline_modules.last() == Some(&depth) {
                        inline_modules.pop();
                        module.pop();
                    }
                }
                name if before == Some("mod") && self.opens_brace(at + 1) => {
                    module.push(name.to_owned());
                    inline_modules.push(depth);
                }
                "crate" | "self" | "super" | "dechaff" | "std" | "core" if before != Some("::") => {
                    let paths = path_tree(&self.tokens, at).0;
                    found.extend(paths.iter().filter_map(|path| absolute(path, &module)));
                }
                _ => {}
            }
        }
        found
    }

    fn opens_brace(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token == "{")
    }

    /// The names of all macros that are called.
    fn macros(&self) -> impl Iterator<Item = &String> {
        self.tokens
            .windows(3)
            .filter(|window| window[1] == "!" && matches!(window[2].as_str(), "(" | "[" | "{"))
            .map(|window| &window[0])
    }
}

/// `self` and `super` resolved; None for a lone word that is no path.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    if path.len() < 2 {
        return None;
    }
    let ups = path.iter().take_while(|part| *part == "super").count();
    let is_relative = ups > 0 || path[0] == "self";
    if !is_relative {
        return Some(path.to_vec());
    }
    let rest = path
        .iter()
        .skip_while(|part| *part == "super" || *part == "self");
    let base = &module[..module.len().saturating_sub(ups)];
    Some(
        std::iter::once(&"crate".to_owned())
            .chain(base)
            .chain(rest)
            .cloned()
            .collect(),
    )
}

/// The paths of a use tree (or of one plain path) at `at`, and the place behind it.
fn path_tree(tokens: &[String], at: usize) -> (Vec<Vec<String>>, usize) {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    if token(at) == "{" {
        let mut paths = Vec::new();
        let mut at = at + 1;
        while !matches!(token(at), "}" | "") {
            let (branch, behind) = path_tree(tokens, at);
            paths.extend(branch);
            at = behind;
            while !matches!(token(at), "," | "}" | "") {
                at += 1;
            }
            at += usize::from(token(at) == ",");
        }
        return (paths, at + 1);
    }
    let name = token(at).to_owned();
    if token(at + 1) != "::" || !is_path_part(token(at + 2)) {
        return (vec![vec![name]], at + 1);
    }
    let (branches, behind) = path_tree(tokens, at + 2);
    let paths = branches
        .into_iter()
        .map(|branch| std::iter::once(name.clone()).chain(branch).collect())
        .collect();
    (paths, behind)
}

fn is_path_part(token: &str) -> bool {
    token == "{" || token == "*" || token.starts_with(is_word_char)
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn source_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect_rust_files(&root, &mut paths);
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let below = path.strip_prefix(&root).expect("the walk stays below src");
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let text = fs::read_to_string(path).expect("source is readable UTF-8");
            SourceFile {
                name: parts.join("/"),
                tokens: without_test_items(tokenize(&text)),
            }
        })
        .collect()
}

fn collect_rust_files(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            collect_rust_files(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Words, `::` and single characters; comments go, literals become one empty string token.
fn tokenize(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment_length(rest)
        } else if let Some(length) = literal_length(rest) {
            tokens.push(String::new());
            length
        } else if is_word_char(c) {
            let length = rest.find(|c| !is_word_char(c)).unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    tokens
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Length of the string, byte string, raw string or character literal that `text` begins
/// with, if it begins with one.
fn literal_length(text: &str) -> Option<usize> {
    let quoted = text.trim_start_matches(['b', 'c', 'r']);
    let prefix = text.len() - quoted.len();
    if prefix > 2 {
        return None;
    }
    let hashes = quoted.len() - quoted.trim_start_matches('#').len();
    if quoted[hashes..].starts_with('"') && text[..prefix].contains('r') {
        let open = prefix + hashes + 1;
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(open + text[open..].find(&close)? + close.len());
    }
    if quoted.starts_with('"') {
        return Some(prefix + escaped_length(quoted, '"')?);
    }
    let mut inside = quoted.strip_prefix('\'')?.chars();
    let (first, second) = (inside.next()?, inside.next()?);
    let is_lifetime = first != '\\' && second != '\'';
    if is_lifetime {
        return None;
    }
    Some(prefix + escaped_length(quoted, '\'')?)
}

/// Length of a literal up to and with its closing `quote`, backslash escapes passed over.
fn escaped_length(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if !is_escaped && c == quote {
            return Some(at + c.len_utf8());
        }
        is_escaped = !is_escaped && c == '\\';
    }
    None
}

/// Drops every item behind `#[cfg(test)]`.
fn without_test_items(tokens: Vec<String>) -> Vec<String> {
    const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().take(CFG_TEST.len()).eq(CFG_TEST.iter()) {
            at = item_end(&tokens, at + CFG_TEST.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The place behind an item: behind its `;`, or behind the brace that closes it.
fn item_end(tokens: &[String], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[test]
fn the_scan_sees_paths_and_passes_over_comments_literals_and_tests() {
    let file = SourceFile {
        name: "score/alone.rs".to_owned(),
        tokens: without_test_items(tokenize(
            r##"
            //! See [`crate::sink`].
            use std::{fs, io::{self, Read}};
            use super::{bins, super_bins as other};
            /* crate::a /* nested */ crate::b */
            const QUOTES: [char; 3] = ['"', '\'', '{'];
            const TEXT: &str = "crate::c \" // {";
            const RAW: &str = r#"crate::d " {"#;
            fn run<'a>(of: &'a crate::shape::LineShape) -> usize { crate::page::COUNT }
            mod inner { use super::*; use super::super::context; }
            #[cfg(test)]
            mod tests { use crate::cleaner::Cleaner; }
            #[cfg(test)]
            use crate::eval;
            use self::deep::Thing;
            "##,
        )),
    };
    let paths: Vec<String> = file.paths().iter().map(|path| path.join("::")).collect();
    let expected = [
        "std::fs",
        "std::io::self",
        "std::io::Read",
        "crate::score::bins",
        "crate::score::super_bins",
        "crate::shape::LineShape",
        "crate::page::COUNT",
        "crate::score::alone::*",
        "crate::score::context",
        "crate::score::alone::deep::Thing",
    ];
    assert_eq!(paths, expected);
}
