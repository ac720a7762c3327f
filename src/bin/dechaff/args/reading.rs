//! What is read, and as what.

use clap::{Args, ValueEnum};
use dechaff::charset::Charset;
use dechaff::pipeline::{RunOptions, memory};
use dechaff::source::content::TextFormat;
use dechaff::source::inputs::InputFormat;
use dechaff::source::rows::FieldNames;

use super::{CorpusArgs, Size};

/// What texts are in.
#[derive(Args, Clone, Debug)]
pub struct EncodingArgs {
    /// The character set of text and HTML without a byte-order mark, such as euc-kr, shift_jis,
    /// gbk, windows-1252 [default: told by the bytes, and by what HTML says]. Output is UTF-8
    #[arg(long, value_name = "NAME", value_parser = charset)]
    pub encoding: Option<Charset>,
}

/// Which fields of a row are read, and as what.
#[derive(Args, Clone, Debug)]
pub struct FieldArgs {
    /// The field of a JSON row, or the column of Parquet, that holds the text
    #[arg(long, default_value = "text", value_name = "NAME")]
    pub text_field: String,

    /// What that field holds; `auto` tells by content. The lines of HTML take its place
    #[arg(long, default_value = "auto", value_name = "WHAT")]
    pub text_format: FieldFormat,

    /// The field of a JSON row, or the column of Parquet, that holds its URL
    #[arg(long, default_value = "url", value_name = "NAME")]
    pub url_field: String,
}

impl FieldArgs {
    pub fn names(&self) -> FieldNames {
        FieldNames {
            text: self.text_field.clone(),
            url: self.url_field.clone(),
            id: None,
        }
    }

    pub fn format(&self) -> TextFormat {
        match self.text_format {
            FieldFormat::Auto => TextFormat::Auto,
            FieldFormat::Text => TextFormat::Text,
            FieldFormat::Html => TextFormat::Html,
        }
    }
}

/// How the input is read.
#[derive(Args, Clone, Debug)]
pub struct ReadingArgs {
    /// What the input is; `auto` tells by name and content. gzip and zstd are unpacked first, of
    /// tar and zip the members are read (also with `html`)
    #[arg(long, default_value = "auto")]
    pub format: Format,

    #[command(flatten)]
    pub encoding: EncodingArgs,

    /// Follow symbolic links in directories, also those that lead out of them; what several paths
    /// lead to is read for each. Links that lead back to a directory around them, or to what is
    /// written, are problems
    #[arg(long)]
    pub follow: bool,

    #[command(flatten)]
    pub fields: FieldArgs,

    /// Worker threads, 512 at most; 0 is one for each core
    #[arg(long, default_value_t = 0, value_name = "N", env = "DECHAFF_THREADS", value_parser = clap::value_parser!(u16).range(0..=512))]
    pub threads: u16,

    /// Largest page in memory; longer text, or of more than a line for 64 bytes of it, is cleaned
    /// in parts, longer rows and HTML are rejected (K, M, G: powers of 1000; KiB, MiB, GiB: of
    /// 1024) [default: 64MiB, or 1/32 of --max-memory if that is less]
    #[arg(long, value_name = "SIZE", value_parser = page_size)]
    pub max_page_bytes: Option<Size>,
}

impl ReadingArgs {
    /// The library's settings, with those that come from elsewhere as they are by default.
    pub fn options(&self, corpus: &CorpusArgs) -> RunOptions {
        let options = RunOptions {
            site_by: corpus.site.by(),
            max_page_bytes: corpus.memory.largest_page_bytes(),
            ..corpus.memory.options()
        };
        self.options_from(options)
    }

    pub(super) fn options_from(&self, options: RunOptions) -> RunOptions {
        let largest = self.max_page_bytes.map(|size| size.0);
        RunOptions {
            fields: self.fields.names(),
            max_page_bytes: largest.unwrap_or(options.max_page_bytes),
            indexed_page_bytes: Some(largest.unwrap_or(memory::LARGEST_PAGE_BYTES)),
            threads: usize::from(self.threads),
            charset: self.encoding.encoding,
            page_format: match self.format {
                Format::Text => TextFormat::Text,
                Format::Html => TextFormat::Html,
                Format::Auto | Format::Jsonl | Format::Warc | Format::Parquet => TextFormat::Auto,
            },
            field_format: self.fields.format(),
            ..options
        }
    }

    pub fn format(&self) -> InputFormat {
        match self.format {
            Format::Auto => InputFormat::Auto,
            Format::Text => InputFormat::Text,
            Format::Html => InputFormat::Html,
            Format::Jsonl => InputFormat::Jsonl,
            Format::Warc => InputFormat::Warc,
            Format::Parquet => InputFormat::Parquet,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Auto,
    Text,
    Html,
    Jsonl,
    /// WARC and WET: pages are answers with status 200 that hold HTML or text, and what was
    /// made of such before
    Warc,
    /// Parquet: pages are the rows, their text is the column that --text-field names
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FieldFormat {
    Auto,
    Text,
    Html,
}

pub(super) fn page_size(text: &str) -> Result<Size, String> {
    match text.parse()? {
        Size(bytes) if bytes < memory::LEAST_PAGE_BYTES => {
            Err("below the workable minimum of 64KiB".to_owned())
        }
        size => Ok(size),
    }
}

pub(super) fn charset(name: &str) -> Result<Charset, String> {
    Charset::named(name).ok_or_else(|| "no character set that is read".to_owned())
}
