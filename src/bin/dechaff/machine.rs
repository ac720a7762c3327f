//! What the program runs on and how it was built: for the run record. Nothing that names a
//! machine or its owner.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use dechaff::digest;
use dechaff::record::{Build, Machine};

/// The machine that this runs on.
pub fn machine() -> Machine {
    Machine {
        cpu: cpu_model(),
        cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64),
        memory_bytes: proc_kibibytes("/proc/meminfo", "MemTotal:").map(|size| size * 1024),
        arch: std::env::consts::ARCH.to_owned(),
        system: std::env::consts::OS.to_owned(),
        kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .ok()
            .map(|release| release.trim().to_owned()),
    }
}

/// How this program was built.
pub fn build() -> Build {
    let list = |names: &str| {
        let names = names.split(',').filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    };
    Build {
        profile: env!("DECHAFF_PROFILE").to_owned(),
        target: env!("DECHAFF_TARGET").to_owned(),
        features: list(env!("DECHAFF_FEATURES")),
        target_features: list(env!("DECHAFF_TARGET_FEATURES")),
        rustc: env!("DECHAFF_RUSTC").to_owned(),
        program_digest: program_digest().ok(),
    }
}

/// The digest of a sample of the program's file: its size, and 64 stretches of it from
/// the first byte on, which on Linux holds the build's own number. All of it would take longer
/// than cleaning a small corpus.
fn program_digest() -> io::Result<String> {
    const STRETCHES: u64 = 64;
    const STRETCH_BYTES: u64 = 4 << 10;
    let mut program = File::open(std::env::current_exe()?)?;
    let size = program.metadata()?.len();
    let mut sample = size.to_le_bytes().to_vec();
    for stretch in 0..STRETCHES {
        program.seek(SeekFrom::Start(size / STRETCHES * stretch))?;
        (&mut program)
            .take(STRETCH_BYTES)
            .read_to_end(&mut sample)?;
    }
    Ok(digest::hex(&sample))
}

/// Begins the program anew with what makes glibc give freed memory to any thread. Else each thread
/// keeps its own, and a limit on memory holds only twice over. Returns where that is so already, or
/// is not glibc's business.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn take_memory_as_one() {
    use std::os::unix::process::CommandExt;
    const ARENAS: &str = "MALLOC_ARENA_MAX";
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else {
        return;
    };
    if std::env::var_os(ARENAS).is_none() {
        let mut anew = std::process::Command::new(program);
        // It comes back only where it cannot be done: then the limit is a little looser.
        // Where memory runs out a backtrace asks for more of it.
        anew.env(ARENAS, "1").env_remove("RUST_BACKTRACE");
        let _ = anew.arg0(name).args(arguments).exec();
    }
}

/// Other allocators are as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn take_memory_as_one() {}

/// Address space that the process may take (`ulimit -v`); None without a limit.
pub fn address_space_bytes() -> Option<usize> {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::As);
        limit.current.and_then(|bytes| usize::try_from(bytes).ok())
    }
    #[cfg(not(unix))]
    None
}

/// Memory that the system could give; None where it does not tell.
pub fn free_memory_bytes() -> Option<usize> {
    let kibibytes = proc_kibibytes("/proc/meminfo", "MemAvailable:")?;
    usize::try_from(kibibytes * 1024).ok()
}

/// Largest resident size of this process, from the system's own account of it.
pub fn peak_memory_bytes() -> Option<u64> {
    Some(proc_kibibytes("/proc/self/status", "VmHWM:")? * 1024)
}

/// The processor's model: its name on most machines, its numbers on ARM.
fn cpu_model() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let numbers = || {
        let parts = ["CPU implementer", "CPU part", "CPU variant"];
        let numbers: Vec<String> = parts.iter().filter_map(|name| field(name)).collect();
        (!numbers.is_empty()).then(|| numbers.join(" "))
    };
    let Some(name) = field("model name") else {
        return numbers();
    };
    // Several processors bear one name in virtual machines.
    let model = field("cpu family").zip(field("model\t"));
    Some(match model {
        Some((family, model)) => format!("{name} (family {family}, model {model})"),
        None => name,
    })
}

fn proc_kibibytes(path: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(path).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
