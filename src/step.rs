//! The steps that a page goes through, and who is told when one is done. Whoever watches may
//! have a clock; nothing here has.

/// A step of the work on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The page was cut into lines, and their shapes were measured.
    Split,
    /// Lines were normalised and have fingerprints.
    Fingerprint,
    /// What repeats was looked for, on the page and in the index.
    Repeats,
    /// What pass one keeps of a page was counted.
    Count,
    /// Lines were scored.
    Score,
    /// Every line was decided on.
    Decide,
}

/// Is told of each step when it is done. A step may come several times for one page.
pub type Watch<'w> = dyn FnMut(Step) + 'w;
