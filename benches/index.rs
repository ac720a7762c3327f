//! Pass one and its lookups, stage by stage, over made-up pages of several sites.
//!
//! All rows declare the bytes of the pages' text, so that the times of the stages add up. Every
//! count that a stage comes to is checked before it is timed. `README.md` beside this file
//! explains the rows.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use dechaff::collect::CorpusBuilder;
use dechaff::evidence::{Evidence, Needs, PageAddress};
use dechaff::fingerprint::FingerprintKey;
use dechaff::generate::{Generator, Shape};
use dechaff::index::keys::{SiteKey, SiteKeys};
use dechaff::index::runs::{MemoryStore, RunStore};
use dechaff::index::{CorpusIndex, Key, Names, Place, Settings, Sites};
use dechaff::templates::Templates;
use dechaff::{Config, collect};

const SEED: u64 = 1;
/// Bytes of pages, some 1,800 of them.
const CORPUS_BYTES: usize = 20_000_000;
/// Pages of the made-up corpus come site by site; so many are one site here.
const PAGES_A_SITE: usize = 90;
/// A memory limit that makes pass one write about ten runs.
const TIGHT_BYTES: usize = 2_000_000;

const SITE_NEEDS: Needs = Needs {
    page: false,
    site: true,
    sketch: false,
    corpus: None,
};

struct Corpus {
    pages: Vec<Vec<u8>>,
    sites: Vec<Vec<u8>>,
    bytes: u64,
}

impl Corpus {
    fn new() -> Self {
        let generator = Generator::new(SEED);
        let mut pages = Vec::new();
        let mut bytes = 0;
        while bytes < CORPUS_BYTES {
            let page = generator.page(Shape::Typical, pages.len() as u64);
            bytes += page.len();
            pages.push(page);
        }
        let sites = (0..pages.len())
            .map(|page| format!("site-{}.example", page / PAGES_A_SITE).into_bytes())
            .collect();
        Corpus {
            pages,
            sites,
            bytes: bytes as u64,
        }
    }

    fn each(&self, mut take: impl FnMut(&[u8], &PageAddress<'_>)) {
        for ((page, site), number) in self.pages.iter().zip(&self.sites).zip(0..) {
            let place = Place {
                file: number,
                ..Place::default()
            };
            let address = PageAddress {
                site: Some(site),
                place: Some(place),
            };
            take(page, &address);
        }
    }

    /// Pass one over the corpus.
    fn index(&self, settings: &Settings, max_bytes: usize) -> CorpusIndex {
        let key = FingerprintKey::default();
        let builder = CorpusBuilder::new(settings.clone(), &key, max_bytes, || {
            // In memory, so that no disk is timed.
            Arc::<MemoryStore>::default()
        });
        let mut counter = builder.counter();
        let mut sites = Sites::default();
        self.each(|page, address| {
            counter
                .add_page(page, address)
                .expect("memory does not fail");
            counter.settle(&mut sites);
        });
        counter.end().expect("memory does not fail");
        let index = builder.freeze(sites, Names::default());
        index.expect("memory does not fail")
    }
}

fn index(criterion: &mut Criterion) {
    let corpus = Corpus::new();
    let settings = collect::settings(&Config::default(), "caller", u64::MAX);
    let index = corpus.index(&settings, usize::MAX);
    let tight = corpus.index(&settings, TIGHT_BYTES);
    let mut bytes = [Vec::new(), Vec::new()];
    index.write(&mut bytes[0]).expect("memory does not fail");
    tight.write(&mut bytes[1]).expect("memory does not fail");
    assert!(bytes[0] == bytes[1], "runs change nothing");

    let mut group = criterion.benchmark_group("index");
    group.throughput(Throughput::Bytes(corpus.bytes));
    let mut evidence = Evidence::default();
    group.bench_function("gather", |bencher| {
        bencher.iter(|| {
            corpus.each(|page, _| {
                evidence.gather(page, SITE_NEEDS);
                black_box(&evidence.masked);
            });
        });
    });
    count_keys(&mut group, &corpus, &index);
    group.bench_function("pass_one", |bencher| {
        bencher.iter(|| black_box(corpus.index(&settings, usize::MAX)));
    });
    group.bench_function("pass_one_in_runs", |bencher| {
        bencher.iter(|| black_box(corpus.index(&settings, TIGHT_BYTES)));
    });
    look_up(&mut group, &corpus, &index);
    group.bench_function("write", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::new();
            index.write(&mut out).expect("memory does not fail");
            black_box(out)
        });
    });
    group.finish();
}

type Group<'c> = BenchmarkGroup<'c, criterion::measurement::WallTime>;

/// Keys in, counts out: ours, and the standard library's map.
fn count_keys(group: &mut Group<'_>, corpus: &Corpus, index: &CorpusIndex) {
    use dechaff::index::SiteFigures;
    use dechaff::index::builder::{Budget, Builder, Collector};
    let mut evidence = Evidence::default();
    let mut pages: Vec<Vec<Key>> = Vec::new();
    corpus.each(|page, address| {
        evidence.gather(page, SITE_NEEDS);
        let mut own = Vec::new();
        let site = SiteKey::of(address.site.unwrap_or_default(), &FingerprintKey::default());
        SiteKeys::of(site).each(&evidence.masked, |key| own.push(key));
        own.sort_unstable();
        own.dedup();
        pages.push(own);
    });
    let naive = || {
        let mut counts: HashMap<Key, u32> = HashMap::new();
        for &key in pages.iter().flatten() {
            *counts.entry(key).or_default() += 1;
        }
        counts
    };
    let ours = || {
        let store: Arc<dyn RunStore> = Arc::<MemoryStore>::default();
        let builder = Builder::new(Budget::new(usize::MAX), store);
        let mut collector = Collector::new(&builder);
        for page in &pages {
            let once = SiteFigures { pages: 1 };
            page.iter().for_each(|&key| collector.add_once(key, once));
            collector.end_page().expect("memory does not fail");
        }
        collector.flush().expect("memory does not fail");
        drop(collector);
        builder
    };
    let builder = ours();
    let ours_shared: usize = (0..256)
        .map(|at| builder.stretch(at, 2).expect("memory does not fail").len())
        .sum();
    let shared = naive().values().filter(|&&pages| pages > 1).count();
    assert_eq!(ours_shared, shared);
    // Near-duplicates count once in the index.
    assert!(index.on_sites.len() <= shared);
    group.bench_function("count", |bencher| {
        bencher.iter(|| black_box(ours()));
    });
    group.bench_function("count_naive", |bencher| bencher.iter(|| black_box(naive())));
}

/// Pages in, template lines out.
fn look_up(group: &mut Group<'_>, corpus: &Corpus, index: &CorpusIndex) {
    let mut gathered = Vec::new();
    corpus.each(|page, _| {
        let mut evidence = Evidence::default();
        evidence.gather(page, SITE_NEEDS);
        gathered.push(evidence);
    });
    let mut templates = Templates::default();
    let mut removed = || {
        let mut removed = 0;
        for (evidence, site) in gathered.iter_mut().zip(&corpus.sites) {
            let address = PageAddress {
                site: Some(site),
                place: None,
            };
            evidence.look_up(index, &address, 0);
            templates.find(evidence);
            let lines = 0..evidence.lines.len();
            removed += lines.filter(|&line| templates.has(line)).count();
        }
        removed
    };
    assert!(removed() > corpus.pages.len(), "the pages have menus");
    group.bench_function("look_up", |bencher| bencher.iter(|| black_box(removed())));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = index
}
criterion_main!(benches);
