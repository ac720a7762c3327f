//! Where a page comes from in, the name of its site out.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::FileEntry;
use crate::url::host;

/// What makes pages one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SiteBy {
    /// Records: as [`SiteBy::Host`]. Files: as [`SiteBy::Directory`].
    #[default]
    Auto,
    /// No page has a site.
    None,
    /// The host of the record's URL, lower case, without `www.`; a record without one, and a
    /// file, has no site.
    Host,
    /// As [`SiteBy::Host`], but the part of the host that somebody registered:
    /// `news.example.co.uk` is `example.co.uk`.
    Domain,
    /// The first directory below the input, for files and the records in them; files that lie
    /// in the input itself are one site.
    Directory,
}

impl SiteBy {
    /// The word that stands for it in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            SiteBy::Auto => "auto",
            SiteBy::None => "none",
            SiteBy::Host => "host",
            SiteBy::Domain => "domain",
            SiteBy::Directory => "dir",
        }
    }

    /// What a word stands for.
    pub fn of_word(word: &str) -> Option<SiteBy> {
        let all = [
            SiteBy::Auto,
            SiteBy::None,
            SiteBy::Host,
            SiteBy::Domain,
            SiteBy::Directory,
        ];
        all.into_iter().find(|by| by.word() == word)
    }
}

/// The site of a file that is one page.
pub fn of_file(file: &FileEntry, by: SiteBy) -> Option<Cow<'_, [u8]>> {
    match by {
        SiteBy::Auto | SiteBy::Directory => Some(directory(file)),
        SiteBy::None | SiteBy::Host | SiteBy::Domain => None,
    }
}

/// The site of a record.
pub fn of_record<'a>(file: &'a FileEntry, url: Option<&str>, by: SiteBy) -> Option<Cow<'a, [u8]>> {
    let own = |host: String| Some(Cow::Owned(host.into_bytes()));
    match by {
        SiteBy::None => None,
        SiteBy::Auto | SiteBy::Host => own(host(url?)?),
        SiteBy::Domain => {
            let host = host(url?)?;
            let domain = psl::domain_str(&host).map(str::to_owned);
            own(domain.unwrap_or(host))
        }
        SiteBy::Directory => Some(directory(file)),
    }
}

/// The first directory below the input, with what stands before it in the file's name.
fn directory(file: &FileEntry) -> Cow<'_, [u8]> {
    let parent = file.name.parent().unwrap_or(Path::new(""));
    let components = parent.components().take(file.root_components + 1);
    let directory: PathBuf = components.collect();
    Cow::Owned(directory.into_os_string().into_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, root_components: usize) -> FileEntry {
        FileEntry {
            root_components,
            ..FileEntry::new(PathBuf::from("in").join(name), PathBuf::from(name))
        }
    }

    #[test]
    fn the_first_directory_below_the_input_is_a_site() {
        for (name, root_components, expected) in [
            ("a.txt", 0, ""),
            ("news/a.txt", 0, "news"),
            ("news/2024/a.txt", 0, "news"),
            ("dump/a.txt", 1, "dump"),
            ("dump/news/a.txt", 1, "dump/news"),
            ("dump/news/2024/a.txt", 1, "dump/news"),
        ] {
            let file = file(name, root_components);
            let site = of_file(&file, SiteBy::Auto).expect("a site");
            assert_eq!(site, expected.as_bytes(), "{name}");
            assert_eq!(of_file(&file, SiteBy::Host), None);
        }
    }

    #[test]
    fn the_domain_is_what_somebody_registered() {
        let file = file("a.jsonl", 0);
        let site = |url, by| of_record(&file, url, by).map(|site| site.into_owned());
        let url = Some("https://news.example.co.uk/a");
        assert_eq!(site(url, SiteBy::Domain), Some(b"example.co.uk".to_vec()));
        assert_eq!(
            site(url, SiteBy::Auto),
            Some(b"news.example.co.uk".to_vec())
        );
        assert_eq!(site(url, SiteBy::Directory), Some(Vec::new()));
        assert_eq!(site(None, SiteBy::Auto), None);
        assert_eq!(site(url, SiteBy::None), None);
    }
}
