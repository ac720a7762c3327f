//! dechaff inside another program: cleans the pages of a small crawl held in memory, as a
//! preprocessing step, on all cores.
//!
//! ```text
//! cargo run --example clean_page
//! ```
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::thread;

use dechaff::{Cleaner, Config, Workspace};

const PAGES: [&str; 2] = [
    "Harbour light gets a new keeper\nMenu\nHarbour light gets a new keeper\n\
     The old lamp on the mole has had no keeper since the spring, when the last one moved to \
     her sister's farm and took the barometer with her.\n\
     On Tuesday the council chose a baker, who says he is awake at that hour anyway.\n\
     Share\nPrint\n© 2026 The Mole Gazette\n",
    "Log in\nRegister\nForgot password?\n",
];

fn main() -> Result<(), Box<dyn Error>> {
    let cleaner = Cleaner::new(Config::default())?;
    let bodies: Vec<Vec<u8>> = thread::scope(|scope| {
        let clean = |page: &'static str| {
            let cleaner = &cleaner;
            scope.spawn(move || {
                // One workspace a thread; with many pages a thread it is reused for all.
                let mut workspace = Workspace::default();
                let cleaned = cleaner.clean_page_with(page.as_bytes(), &mut workspace);
                let body = cleaned.body();
                workspace.reclaim(cleaned);
                body
            })
        };
        let threads: Vec<_> = PAGES.into_iter().map(clean).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("cleaning does not panic"))
            .collect()
    });
    for (number, body) in bodies.iter().enumerate() {
        println!("page {}: {} bytes of body", number + 1, body.len());
        println!("{}", String::from_utf8_lossy(body));
    }
    Ok(())
}
