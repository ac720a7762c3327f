//! A sequence and its sorted suffixes in, its maximal repeats out.

/// A repeat: a run of numbers that stands in several places of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The first of its ranks in the order of suffixes.
    pub from: u32,
    /// Its places, overlapping ones counted; at least 2.
    pub occurrences: u32,
    /// Its length.
    pub lines: u32,
    /// Its first place in the sequence.
    pub first: u32,
}

/// Runs that begin in these ranks, and what stands before them.
#[derive(Clone, Copy)]
struct Open {
    from: u32,
    lines: u32,
    first: u32,
    before: Before,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Always(u32),
    Different,
}

impl Open {
    fn take_in(&mut self, part: Open) {
        self.first = self.first.min(part.first);
        if self.before != part.before {
            self.before = Before::Different;
        }
    }
}

/// Gives every maximal repeat of `text`: a run that stands in at least two places and that
/// neither the same number before it in every place nor the same number behind it in every
/// place makes longer.
///
/// These are the nodes of the suffix tree that have different numbers before them (Gusfield
/// 1997, section 7.12), read off the sorted suffixes as intervals of shared beginnings
/// (Abouelhoda, Kurtz and Ohlebusch 2004). `shared` is that of
/// [`super::suffixes::shared_with_previous`]. At most `text.len() - 1` repeats.
///
/// Linear time; memory 20 bytes for each interval around the one at hand.
pub fn each_maximal_repeat(
    text: &[u32],
    order: &[u32],
    shared: &[u32],
    mut give: impl FnMut(Repeat),
) {
    let mut open: Vec<Open> = Vec::new();
    for rank in 1..=order.len() {
        let lines = order.get(rank).map_or(0, |&place| shared[place as usize]);
        let place = order[rank - 1];
        let mut closed = Open {
            from: rank as u32 - 1,
            lines: 0,
            first: place,
            before: match place {
                0 => Before::Different,
                _ => Before::Always(text[place as usize - 1]),
            },
        };
        while let Some(mut top) = open.pop_if(|top| top.lines > lines) {
            top.take_in(closed);
            if top.before == Before::Different {
                give(Repeat {
                    from: top.from,
                    occurrences: rank as u32 - top.from,
                    lines: top.lines,
                    first: top.first,
                });
            }
            closed = top;
        }
        match open.last_mut() {
            Some(top) if top.lines == lines => top.take_in(closed),
            _ if lines == 0 => {}
            _ => open.push(Open { lines, ..closed }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::suffixes::{shared_with_previous, sort_suffixes};
    use super::*;
    use proptest::prelude::*;

    /// The rule word for word, in cubic time: each repeat with all its places.
    fn naive(text: &[u32]) -> BTreeMap<Vec<u32>, Vec<u32>> {
        let mut places: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        for start in 0..text.len() {
            for end in start + 1..=text.len() {
                let run = text[start..end].to_vec();
                places.entry(run).or_default().push(start as u32);
            }
        }
        let differ = |neighbours: Vec<Option<&u32>>| {
            neighbours.contains(&None) || neighbours.windows(2).any(|pair| pair[0] != pair[1])
        };
        places.retain(|run, places| {
            let before = places.iter().map(|&at| text[..at as usize].last());
            let behind = places.iter().map(|&at| text.get(at as usize + run.len()));
            places.len() > 1 && differ(before.collect()) && differ(behind.collect())
        });
        places
    }

    fn found(text: &[u32], alphabet: usize) -> BTreeMap<Vec<u32>, Vec<u32>> {
        let order = sort_suffixes(text, alphabet);
        let shared = shared_with_previous(text, &order);
        let mut found = BTreeMap::new();
        each_maximal_repeat(text, &order, &shared, |repeat| {
            let (from, count) = (repeat.from as usize, repeat.occurrences as usize);
            let mut places = order[from..from + count].to_vec();
            places.sort_unstable();
            assert_eq!(places[0], repeat.first);
            let start = repeat.first as usize;
            let run = text[start..start + repeat.lines as usize].to_vec();
            assert_eq!(found.insert(run, places), None, "given once");
        });
        found
    }

    proptest! {
        #[test]
        fn repeats_are_those_of_the_cubic_rule(
            letters in prop::collection::vec(1_u32..5, 0..50),
            pages in prop::collection::vec(0_usize..50, 0..5),
        ) {
            // Every separator stands once.
            let mut text = letters;
            for (number, at) in pages.into_iter().enumerate() {
                text.insert(at.min(text.len()), 5 + number as u32);
            }
            text.push(0);
            prop_assert_eq!(found(&text, 10), naive(&text));
        }
    }

    #[test]
    fn periodic_text_has_a_repeat_for_each_length() {
        let equal = [vec![1; 40], vec![0]].concat();
        assert_eq!(found(&equal, 2).len(), 39);
        assert_eq!(found(&equal, 2), naive(&equal));
        let pairs = [[1, 2].repeat(20), vec![0]].concat();
        assert_eq!(found(&pairs, 3), naive(&pairs));
        assert_eq!(found(&pairs, 3).len(), 19);
        assert!(found(&[0], 1).is_empty());
    }
}
