//! Standard input that can be interrupted.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a read waits before it looks whether it is to stop, in nanoseconds.
const WAIT_NANOSECONDS: i64 = 100_000_000;

/// Standard input, which ends with an error soon after `stop` is set, even while nobody
/// writes to it.
pub struct Input {
    stop: Arc<AtomicBool>,
}

impl Input {
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Input { stop }
    }
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: WAIT_NANOSECONDS,
        };
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("stopped by a signal"));
            }
            let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut watched, Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&stdin, bytes)?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
