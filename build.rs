//! Tells the program how it is built, for the run record.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let value = |name: &str| env::var(name).unwrap_or_default();
    let features = env::vars().filter_map(|(name, _)| {
        let feature = name.strip_prefix("CARGO_FEATURE_")?;
        Some(feature.to_ascii_lowercase().replace('_', "-"))
    });
    let mut features: Vec<String> = features.collect();
    features.sort_unstable();
    let rustc = Command::new(value("RUSTC")).arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    for (name, value) in [
        ("PROFILE", value("PROFILE")),
        ("TARGET", value("TARGET")),
        ("FEATURES", features.join(",")),
        ("TARGET_FEATURES", value("CARGO_CFG_TARGET_FEATURE")),
        ("RUSTC", rustc.unwrap_or_default()),
    ] {
        println!("cargo:rustc-env=DECHAFF_{name}={value}");
    }
}
