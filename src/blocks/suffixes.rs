//! A sequence of numbers in, its suffixes in order and what neighbours share out.

use super::bits::Bits;

/// A place that nothing was put into yet.
const EMPTY: u32 = u32::MAX;

/// Where the suffixes of `text` begin, in the order of the suffixes.
///
/// `text` ends in 0, which stands nowhere else in it; its numbers are below `alphabet`.
///
/// Induced sorting (Nong, Zhang and Chan 2009): the suffixes that are smaller than the one
/// behind them and follow one that is not are few; sorted, by recursion over names for the
/// stretches between them, they give the order of all others in two sweeps.
///
/// Linear time. Memory besides the result: 8 bytes for each number of the alphabet and 1 bit
/// for each of the text, and half as much again for the recursion.
///
/// # Panics
///
/// `text` is empty, or longer than `u32::MAX`.
pub fn sort_suffixes(text: &[u32], alphabet: usize) -> Vec<u32> {
    assert!(!text.is_empty() && text.len() < EMPTY as usize);
    let mut order = vec![EMPTY; text.len()];
    sort(text, alphabet, &mut order);
    order
}

fn sort(text: &[u32], alphabet: usize, order: &mut [u32]) {
    let count = text.len();
    if count == 1 {
        order[0] = 0;
        return;
    }
    let kinds = Kinds::of(text);

    let mut buckets = Buckets::new(text, alphabet);
    order.fill(EMPTY);
    buckets.seek_ends();
    for place in kinds.valleys().rev() {
        buckets.put_last(order, text[place], place);
    }
    induce(text, &kinds, &mut buckets, order);
    drop(buckets);

    // The stretches from valley to valley are in order now; equal ones get one name.
    let mut valleys = 0;
    for rank in 0..count {
        if kinds.is_valley(order[rank] as usize) {
            order[valleys] = order[rank];
            valleys += 1;
        }
    }
    order[valleys..].fill(EMPTY);
    let mut names = 0;
    for rank in 0..valleys {
        let place = order[rank] as usize;
        if rank == 0 || !kinds.are_stretches_equal(text, order[rank - 1] as usize, place) {
            names += 1;
        }
        // Valleys are two apart at least, so halves of their places are places apart.
        order[valleys + place / 2] = names - 1;
    }
    let mut to = count;
    for from in (valleys..count).rev() {
        if order[from] != EMPTY {
            to -= 1;
            order[to] = order[from];
        }
    }
    let (front, reduced) = order.split_at_mut(count - valleys);
    let sorted = &mut front[..valleys];
    if (names as usize) < valleys {
        sort(reduced, names as usize, sorted);
    } else {
        for (place, &name) in reduced.iter().enumerate() {
            sorted[name as usize] = place as u32;
        }
    }
    for (to, place) in reduced.iter_mut().zip(kinds.valleys()) {
        *to = place as u32;
    }
    for place in sorted.iter_mut() {
        *place = reduced[*place as usize];
    }

    let mut buckets = Buckets::new(text, alphabet);
    order[valleys..].fill(EMPTY);
    buckets.seek_ends();
    for rank in (0..valleys).rev() {
        let place = std::mem::replace(&mut order[rank], EMPTY) as usize;
        buckets.put_last(order, text[place], place);
    }
    induce(text, &kinds, &mut buckets, order);
}

/// Puts all suffixes in order behind sorted valleys: those that are larger than the one
/// behind them from the front, then the others from the back.
fn induce(text: &[u32], kinds: &Kinds, buckets: &mut Buckets, order: &mut [u32]) {
    buckets.seek_starts();
    for rank in 0..order.len() {
        match order[rank] {
            EMPTY | 0 => {}
            place => {
                let before = place as usize - 1;
                if !kinds.small.has(before) {
                    buckets.put_first(order, text[before], before);
                }
            }
        }
    }
    buckets.seek_ends();
    for rank in (0..order.len()).rev() {
        match order[rank] {
            EMPTY | 0 => {}
            place => {
                let before = place as usize - 1;
                if kinds.small.has(before) {
                    buckets.put_last(order, text[before], before);
                }
            }
        }
    }
}

/// Which suffixes are smaller than the one behind them. The last one is.
struct Kinds {
    small: Bits,
    count: usize,
}

impl Kinds {
    fn of(text: &[u32]) -> Self {
        let mut small = Bits::none(text.len());
        let mut is_small = true;
        small.insert(text.len() - 1);
        for place in (0..text.len() - 1).rev() {
            let (own, behind) = (text[place], text[place + 1]);
            is_small = own < behind || own == behind && is_small;
            if is_small {
                small.insert(place);
            }
        }
        Kinds {
            small,
            count: text.len(),
        }
    }

    /// Whether the suffix is small and the one before it is not.
    fn is_valley(&self, place: usize) -> bool {
        place > 0 && self.small.has(place) && !self.small.has(place - 1)
    }

    fn valleys(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (1..self.count).filter(|&place| self.is_valley(place))
    }

    /// Whether the stretches from two valleys up to the next ones are the same.
    fn are_stretches_equal(&self, text: &[u32], left: usize, right: usize) -> bool {
        for step in 0.. {
            if text[left + step] != text[right + step] {
                return false;
            }
            let is_end = |place: usize| step > 0 && self.is_valley(place + step);
            match (is_end(left), is_end(right)) {
                (true, true) => return true,
                (false, false) => {}
                _ => return false,
            }
        }
        false
    }
}

/// For each number of the alphabet, the ranks of the suffixes that begin with it.
struct Buckets {
    sizes: Vec<u32>,
    /// The next free rank of each bucket, or the one behind it.
    at: Vec<u32>,
}

impl Buckets {
    fn new(text: &[u32], alphabet: usize) -> Self {
        let mut sizes = vec![0; alphabet];
        for &number in text {
            sizes[number as usize] += 1;
        }
        Buckets {
            at: vec![0; alphabet],
            sizes,
        }
    }

    fn seek_starts(&mut self) {
        let mut rank = 0;
        for (at, size) in self.at.iter_mut().zip(&self.sizes) {
            *at = rank;
            rank += size;
        }
    }

    fn seek_ends(&mut self) {
        let mut rank = 0;
        for (at, size) in self.at.iter_mut().zip(&self.sizes) {
            rank += size;
            *at = rank;
        }
    }

    fn put_first(&mut self, order: &mut [u32], number: u32, place: usize) {
        let at = &mut self.at[number as usize];
        order[*at as usize] = place as u32;
        *at += 1;
    }

    fn put_last(&mut self, order: &mut [u32], number: u32, place: usize) {
        let at = &mut self.at[number as usize];
        *at -= 1;
        order[*at as usize] = place as u32;
    }
}

/// For each place of `text`, how many numbers the suffix that begins there shares with the
/// suffix before it in `order`; 0 for the first.
///
/// Linear time (Kasai et al. 2001; in the order of the text, after Kärkkäinen, Manzini and
/// Puglisi 2009).
pub fn shared_with_previous(text: &[u32], order: &[u32]) -> Vec<u32> {
    let mut shared = vec![EMPTY; text.len()];
    for ranks in order.windows(2) {
        shared[ranks[1] as usize] = ranks[0];
    }
    let mut length = 0;
    for place in 0..text.len() {
        let previous = shared[place];
        if previous == EMPTY {
            length = 0;
        } else {
            let (own, other) = (&text[place..], &text[previous as usize..]);
            length += (own[length..].iter().zip(&other[length..]))
                .take_while(|(left, right)| left == right)
                .count();
        }
        shared[place] = length as u32;
        length = length.saturating_sub(1);
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(letters: &[u32]) {
        let text: Vec<u32> = letters.iter().map(|letter| letter + 1).chain([0]).collect();
        let alphabet = text.iter().max().unwrap_or(&0) + 1;
        let order = sort_suffixes(&text, alphabet as usize);
        let mut expected: Vec<u32> = (0..text.len() as u32).collect();
        expected.sort_by_key(|&place| &text[place as usize..]);
        assert_eq!(order, expected);
        let shared = shared_with_previous(&text, &order);
        assert_eq!(shared[order[0] as usize], 0);
        for ranks in order.windows(2) {
            let (own, other) = (&text[ranks[1] as usize..], &text[ranks[0] as usize..]);
            let pairs = own.iter().zip(other);
            let length = pairs.take_while(|(left, right)| left == right).count();
            assert_eq!(shared[ranks[1] as usize] as usize, length);
        }
    }

    proptest! {
        #[test]
        fn suffixes_are_sorted(
            few in prop::collection::vec(0_u32..2, 0..80),
            some in prop::collection::vec(0_u32..5, 0..200),
            many in prop::collection::vec(0_u32..300, 0..300),
        ) {
            [few, some, many].iter().for_each(|letters| check(letters));
        }
    }

    #[test]
    fn periodic_sequences_are_sorted() {
        check(&[]);
        for length in 1..70 {
            for period in 1..6 {
                let rising: Vec<u32> = (0..length).map(|at| at % period).collect();
                let falling: Vec<u32> = rising.iter().map(|letter| period - letter).collect();
                check(&rising);
                check(&falling);
            }
        }
    }
}
