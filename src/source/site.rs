//! Where a page comes from in, the name of its site out.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::FileEntry;

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

/// The host of a URL in lower case, without user, port, `www.` and the root's dot. None where
/// there is none.
pub fn host(url: &str) -> Option<String> {
    let url = url.trim();
    let (_, behind) = url.split_once("//")?;
    let authority = behind.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => host.split(':').next()?,
    };
    let host = host.trim_end_matches('.').to_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, root_components: usize) -> FileEntry {
        FileEntry {
            path: PathBuf::from("in").join(name),
            name: PathBuf::from(name),
            root_components,
            number: 0,
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
    fn the_host_of_a_record_is_a_site() {
        for (url, expected) in [
            ("https://www.Example.COM/a?b#c", Some("example.com")),
            (
                "http://user:secret@news.example.co.uk:8080",
                Some("news.example.co.uk"),
            ),
            ("//example.com./a", Some("example.com")),
            ("http://[2001:db8::1]:80/", Some("2001:db8::1")),
            ("https://münchen.example/", Some("münchen.example")),
            ("https:///a", None),
            ("example.com/a", None),
            ("", None),
        ] {
            assert_eq!(host(url).as_deref(), expected, "{url}");
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
