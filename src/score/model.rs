//! A model: what words weigh, and a forest for each step.

use super::cut;
use super::features::Features;
use super::forest::{Forest, MAX_DEPTH, MAX_TREES, Split};
use super::hints::{HintTable, LETTER_SLOTS};
use super::learned::Tables;
use super::letters::{self, LetterTable};
use super::lexical::{KNOWN_WORDS, LexicalTable, Scale, Slot};
use super::network::{Network, weight_count};
use super::{KINDS, Reads};
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::ModelError;
use crate::simd::trees::Trees;

/// The first bytes of every model file.
const MAGIC: [u8; 8] = *b"dechaffm";
/// The version of the file and of the features.
const VERSION: u32 = 6;
/// Most steps of a model.
const MAX_STEPS: u32 = 16;
/// Most slots of a table: two to the power of this many.
const MAX_TABLE_BITS: u32 = 28;
/// Most networks of a model.
const MAX_NETWORKS: u32 = 16;
/// Most bytes of a model file that is read.
pub const MAX_BYTES: usize = 256 << 20;

/// What lines are scored with.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name, and what it was fitted on.
    pub name: String,
    /// Where less than this share of a page's words is known, words say nothing.
    pub least_known: f32,
    /// What words weigh.
    pub lexical: LexicalTable,
    /// What places in the markup weigh; a model that has it reads HTML.
    pub places: Option<LexicalTable>,
    /// What words hint of places in the markup; a model of text may have it.
    pub hints: Option<HintTable>,
    /// The line alone, then its neighbourhood, once or several times.
    pub steps: Vec<Step>,
    /// What else is asked at the last step; a line's log-odds are the mean of all answers.
    pub networks: Vec<Network>,
    /// The F1 that each of a page's cuts promises, in log-odds; without trees a page is cut by its
    /// expected F1.
    pub cut: Forest,
}

/// A forest for each [`Kind`](super::Kind); one without trees says the same of all lines.
pub type Step = [Forest; KINDS];

/// The names and order of all features, as one number.
fn schema(reads: Reads) -> u64 {
    let names = [Features::of(reads).names.as_slice(), &cut::FEATURES];
    xxh3_64(names.concat().join("\n").as_bytes())
}

/// Takes fields off the front of a model's bytes.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn bytes(&mut self, length: usize) -> Result<&'b [u8], ModelError> {
        let cut = ModelError::Damaged("it ends early");
        let (front, behind) = self.0.split_at_checked(length).ok_or(cut)?;
        self.0 = behind;
        Ok(front)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let bytes = self.bytes(N)?;
        Ok(bytes.try_into().expect("as many bytes as asked for"))
    }

    fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ModelError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number that is one.
    fn f32(&mut self) -> Result<f32, ModelError> {
        let value = f32::from_le_bytes(self.array()?);
        let is_good = value.is_finite();
        is_good
            .then_some(value)
            .ok_or(ModelError::Damaged("a number is none"))
    }
}

impl Model {
    /// A model that comes with the program, of the pair of that name: `fast` or `accurate`; None
    /// for another name.
    pub fn built_in(name: &str, reads: Reads) -> Option<Arc<Model>> {
        fn read(bytes: &[u8]) -> Arc<Model> {
            let model = Model::read(bytes);
            Arc::new(model.expect("the models that come with the program are whole"))
        }
        static FAST: LazyLock<Arc<Model>> =
            LazyLock::new(|| read(include_bytes!("../../models/fast.bin")));
        static ACCURATE: LazyLock<Arc<Model>> =
            LazyLock::new(|| read(include_bytes!("../../models/accurate.bin")));
        static FAST_HTML: LazyLock<Arc<Model>> =
            LazyLock::new(|| read(include_bytes!("../../models/fast-html.bin")));
        static ACCURATE_HTML: LazyLock<Arc<Model>> =
            LazyLock::new(|| read(include_bytes!("../../models/accurate-html.bin")));
        let model = match (name, reads) {
            ("fast", Reads::Text) => &FAST,
            ("accurate", Reads::Text) => &ACCURATE,
            ("fast", Reads::Html) => &FAST_HTML,
            ("accurate", Reads::Html) => &ACCURATE_HTML,
            _ => return None,
        };
        Some(Arc::clone(model))
    }

    /// What it reads.
    pub fn reads(&self) -> Reads {
        self.tables().reads()
    }

    /// What its words and places weigh.
    pub(crate) fn tables(&self) -> Tables<'_> {
        Tables {
            lexical: &self.lexical,
            places: self.places.as_ref(),
            hints: self.hints.as_ref(),
        }
    }

    /// The model as a file; the same model gives the same bytes on every machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
        put(&VERSION.to_le_bytes());
        put(&schema(self.reads()).to_le_bytes());
        put(&(self.name.len() as u32).to_le_bytes());
        put(self.name.as_bytes());
        put(&self.least_known.to_le_bytes());
        for table in std::iter::once(&self.lexical).chain(&self.places) {
            let LexicalTable {
                front_bytes,
                scales,
                weights,
                known,
                letters,
            } = table;
            put(&front_bytes.map_or(0, NonZeroU32::get).to_le_bytes());
            put_weights(scales, weights, &mut put);
            known.iter().for_each(|bits| put(&bits.to_le_bytes()));
            put(&(letters.slots.len() as u32).to_le_bytes());
            put_letters(letters, &mut put);
        }
        if self.reads() == Reads::Text {
            put(&u32::from(self.hints.is_some()).to_le_bytes());
        }
        if let Some(hints) = &self.hints {
            put_weights(&hints.scales, &hints.weights, &mut put);
            put_letters(&hints.letters, &mut put);
        }
        put(&(self.steps.len() as u32).to_le_bytes());
        for forest in self.steps.iter().flatten().chain([&self.cut]) {
            put(&forest.bias.to_le_bytes());
            put(&forest.step.to_le_bytes());
            put(&(forest.trees.depth() as u32).to_le_bytes());
            put(&(forest.trees() as u32).to_le_bytes());
            for split in forest.trees.splits() {
                put(&[split.feature, split.above]);
            }
            let leaves = forest.each_tree().flat_map(|(_, leaves)| leaves);
            leaves.for_each(|leaf| put(&leaf.to_le_bytes()));
        }
        put(&(self.networks.len() as u32).to_le_bytes());
        let weights = self.networks.iter().flat_map(Network::weights);
        weights.for_each(|weight| put(&weight.to_le_bytes()));
        let check = xxh3_64(&out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    /// Reads what [`Model::to_bytes`] wrote. Memory grows with what is there, not with what
    /// the bytes say.
    ///
    /// # Errors
    ///
    /// See [`ModelError`].
    pub fn read(bytes: &[u8]) -> Result<Model, ModelError> {
        let damaged = ModelError::Damaged;
        let mut fields = Fields(bytes);
        if fields.bytes(MAGIC.len()).map_err(|_| ModelError::Foreign)? != MAGIC {
            return Err(ModelError::Foreign);
        }
        let version = fields.u32()?;
        if version != VERSION {
            return Err(ModelError::Version {
                found: version,
                expected: VERSION,
            });
        }
        let (found, expected) = (fields.u64()?, schema(Reads::Text));
        let reads = match found {
            found if found == expected => Reads::Text,
            found if found == schema(Reads::Html) => Reads::Html,
            _ => return Err(ModelError::Features { found, expected }),
        };
        let Some((body, check)) = bytes.split_last_chunk::<8>() else {
            return Err(damaged("it ends early"));
        };
        if xxh3_64(body) != u64::from_le_bytes(*check) {
            return Err(damaged("the checksum is another"));
        }
        let name_bytes = fields.u32()? as usize;
        let name = std::str::from_utf8(fields.bytes(name_bytes)?);
        let name = name.map_err(|_| damaged("the name is no text"))?.to_owned();
        let least_known = fields.f32()?;
        let lexical = read_table(&mut fields)?;
        let places = match reads {
            Reads::Text => None,
            Reads::Html => Some(read_table(&mut fields)?),
        };
        let hints = match reads {
            Reads::Text if fields.u32()? != 0 => Some(read_hints(&mut fields)?),
            _ => None,
        };
        let features = Features::of(reads);
        let is_there = |feature: usize| {
            feature < features.count() && (hints.is_some() || !features.hints.contains(&feature))
        };
        let mut steps = Vec::new();
        let step_count = fields.u32()?;
        if !(1..=MAX_STEPS).contains(&step_count) {
            return Err(damaged("it has no steps, or too many"));
        }
        for step in 0..step_count {
            let is_known =
                |feature: usize| is_there(feature) && (step > 0 || features.is_of_line(feature));
            let mut forest = || read_forest(&mut fields, is_known);
            steps.push([forest()?, forest()?, forest()?]);
        }
        let cut = read_forest(&mut fields, |feature| feature < cut::FEATURES.len())?;
        let network_count = fields.u32()?;
        if network_count > MAX_NETWORKS {
            return Err(damaged("it has too many networks"));
        }
        let networks = (0..network_count).map(|_| read_network(&mut fields, features.count()));
        let networks = networks.collect::<Result<Vec<Network>, ModelError>>()?;
        let asks_beyond = |network: &Network| {
            (0..features.count()).any(|feature| network.asks(feature) && !is_there(feature))
        };
        if networks.iter().any(asks_beyond) {
            return Err(damaged("a network asks about no feature"));
        }
        if fields.0.len() != 8 {
            return Err(damaged("its steps do not fill it"));
        }
        Ok(Model {
            name,
            least_known,
            lexical,
            places,
            hints,
            steps,
            networks,
            cut,
        })
    }
}

fn put_weights<const N: usize>(
    scales: &[Scale; N],
    weights: &[Slot<N>],
    put: &mut impl FnMut(&[u8]),
) {
    for Scale { bias, step } in scales {
        put(&bias.to_le_bytes());
        put(&step.to_le_bytes());
    }
    put(&weights.len().ilog2().to_le_bytes());
    for weight in weights.as_flattened() {
        put(&weight.to_le_bytes());
    }
}

fn put_letters<const N: usize, const SIZE: usize>(
    letters: &LetterTable<N, SIZE>,
    put: &mut impl FnMut(&[u8]),
) {
    for step in &letters.steps {
        put(&step.to_le_bytes());
    }
    for weight in letters.slots.as_flattened() {
        put(&weight.to_le_bytes());
    }
}

fn read_table(fields: &mut Fields<'_>) -> Result<LexicalTable, ModelError> {
    let front_bytes = NonZeroU32::new(fields.u32()?);
    let (scales, weights) = read_weights(fields)?;
    let known = fields.bytes(KNOWN_WORDS * 8)?.as_chunks::<8>().0;
    let known = known.iter().map(|bits| u64::from_le_bytes(*bits)).collect();
    let letter_slots = fields.u32()?;
    if ![0, letters::SLOTS as u32].contains(&letter_slots) {
        return Err(ModelError::Damaged("the table of letters has a wrong size"));
    }
    Ok(LexicalTable {
        front_bytes,
        scales,
        weights,
        known,
        letters: read_letters(fields, letter_slots as usize)?,
    })
}

fn read_hints(fields: &mut Fields<'_>) -> Result<HintTable, ModelError> {
    let (scales, weights) = read_weights(fields)?;
    Ok(HintTable {
        scales,
        weights,
        letters: read_letters(fields, LETTER_SLOTS)?,
    })
}

/// What grams weigh.
fn read_weights<const N: usize>(
    fields: &mut Fields<'_>,
) -> Result<([Scale; N], Vec<Slot<N>>), ModelError> {
    let mut scales = [Scale::default(); N];
    for scale in &mut scales {
        scale.bias = fields.f32()?;
        scale.step = fields.f32()?;
    }
    let weight_bits = fields.u32()?;
    if weight_bits > MAX_TABLE_BITS {
        return Err(ModelError::Damaged("the table is too large"));
    }
    Ok((scales, read_slots(fields, 1 << weight_bits)?))
}

fn read_letters<const N: usize, const SIZE: usize>(
    fields: &mut Fields<'_>,
    slots: usize,
) -> Result<LetterTable<N, SIZE>, ModelError> {
    let mut steps = [0.0; N];
    for step in &mut steps {
        *step = fields.f32()?;
    }
    let slots = read_slots(fields, slots)?;
    Ok(LetterTable { steps, slots })
}

/// The weights of so many slots.
fn read_slots<const N: usize>(
    fields: &mut Fields<'_>,
    slots: usize,
) -> Result<Vec<Slot<N>>, ModelError> {
    let bytes = fields.bytes(N * slots)?;
    let mut weights = vec![[0; N]; slots];
    for (weight, byte) in weights.as_flattened_mut().iter_mut().zip(bytes) {
        *weight = byte.cast_signed();
    }
    Ok(weights)
}

fn read_network(fields: &mut Fields<'_>, features: usize) -> Result<Network, ModelError> {
    let stored = fields.bytes(4 * weight_count(features))?;
    let mut fields = Fields(stored);
    let weights: Result<Vec<f32>, ModelError> =
        (0..weight_count(features)).map(|_| fields.f32()).collect();
    Network::new(features, weights?).ok_or(ModelError::Damaged("its network is not whole"))
}

fn read_forest(
    fields: &mut Fields<'_>,
    is_known: impl Fn(usize) -> bool,
) -> Result<Forest, ModelError> {
    let damaged = ModelError::Damaged;
    let bias = fields.f32()?;
    let step = fields.f32()?;
    let depth = fields.u32()? as usize;
    let trees = fields.u32()? as usize;
    if !(1..=MAX_DEPTH).contains(&depth) || trees > MAX_TREES {
        return Err(damaged("a step has too many trees, or too deep ones"));
    }
    let splits = fields.bytes(trees * 2 * depth)?.as_chunks::<2>().0.iter();
    let splits: Vec<Split> = splits
        .map(|&[feature, above]| Split { feature, above })
        .collect();
    if splits
        .iter()
        .any(|split| !is_known(usize::from(split.feature)))
    {
        return Err(damaged("a question is about no feature"));
    }
    let leaves = fields.bytes(trees << depth << 1)?.as_chunks::<2>().0.iter();
    let leaves = leaves.map(|leaf| i16::from_le_bytes(*leaf)).collect();
    let trees = Trees::new(depth, splits, leaves);
    Ok(Forest {
        bias,
        step,
        trees: trees.ok_or(damaged("its leaves add up to too much"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns that nothing fills hold what an earlier page left in them.
    #[test]
    fn without_hints_nothing_may_ask_about_them() {
        let accurate = Model::built_in("accurate", Reads::Text).expect("it is built in");
        let without_hints = |model: &Model| {
            let model = Model {
                hints: None,
                ..model.clone()
            };
            Model::read(&model.to_bytes())
        };
        let damaged = |why| Err(ModelError::Damaged(why));
        assert_eq!(
            without_hints(&accurate),
            damaged("a question is about no feature")
        );
        let networks_alone = Model {
            steps: vec![Step::default()],
            ..Model::clone(&accurate)
        };
        assert!(Model::read(&networks_alone.to_bytes()).is_ok());
        assert_eq!(
            without_hints(&networks_alone),
            damaged("a network asks about no feature")
        );
    }
}
