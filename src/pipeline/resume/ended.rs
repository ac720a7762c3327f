//! That a run has ended, written on its output, where nothing else of it stays: it may be killed
//! when its state is gone and its exit code is not told yet.

use std::path::Path;

use crate::fingerprint::Fingerprint;

/// The attribute of the output.
#[cfg(target_os = "linux")]
const NAME: &str = "user.dechaff.ended";

/// A run that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Tells its settings and inputs from any others.
    pub run: u128,
    /// What the program ended with.
    pub code: u8,
}

impl Ended {
    /// A run with these settings and this list of inputs.
    pub fn new(settings: &[u8], listing: &[u8], code: u8) -> Self {
        Ended {
            run: Fingerprint::of(&[settings, listing].concat()).0,
            code,
        }
    }

    /// Writes it on an output. A file system without attributes goes without.
    pub fn write(self, output: &Path) {
        #[cfg(target_os = "linux")]
        {
            let mut bytes = self.run.to_le_bytes().to_vec();
            bytes.push(self.code);
            let _ = rustix::fs::setxattr(output, NAME, &bytes, rustix::fs::XattrFlags::empty());
        }
        #[cfg(not(target_os = "linux"))]
        let _ = output;
    }

    /// What is written on an output.
    pub fn read(output: &Path) -> Option<Self> {
        #[cfg(target_os = "linux")]
        {
            let mut bytes = [0; 17];
            let length = rustix::fs::getxattr(output, NAME, &mut bytes[..]).ok()?;
            let (&code, run) = bytes.split_last().filter(|_| length == bytes.len())?;
            Some(Ended {
                run: u128::from_le_bytes(run.try_into().ok()?),
                code,
            })
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = output;
            None
        }
    }

    /// Takes away what is written on an output.
    pub fn clear(output: &Path) {
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::removexattr(output, NAME);
        #[cfg(not(target_os = "linux"))]
        let _ = output;
    }
}
