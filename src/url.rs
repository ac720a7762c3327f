//! A URL in, its host out.

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

    #[test]
    fn the_host_stands_between_slashes() {
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
}
