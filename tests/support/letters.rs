//! Lines that no masking of digits makes equal. Needs nothing of the program.

/// A number in letters: digits are masked, so numbers do not tell lines apart.
pub fn letters(number: usize) -> String {
    let letter = |digit: usize| char::from(b'a' + (digit % 26) as u8);
    [number / 676, number / 26, number]
        .map(letter)
        .iter()
        .collect()
}
