use distill_losses::Term;
use distill_models::{MlpConfig, Network, Trainable};
use distill_train::{Best, Checkpoint, CheckpointContext, OptimizerConfig, OptimizerKind, Snapshot, TrainState};
use sha2::{Digest as _, Sha256};

use crate::mutate;
use crate::random::Random;
use crate::run::{Parser, run};

/// Magic, version and length, which the hash that follows them covers.
const HASHED: usize = 20;
const HEADER: usize = HASHED + 32;

struct CheckpointFile;

#[test]
fn checkpoint() {
    run(&CheckpointFile);
}

fn model() -> Network {
    let config = MlpConfig { hidden: vec![2], ..MlpConfig::default() };
    Network::new(config, vec![3], vec!["a".into(), "b".into()], 1).unwrap()
}

fn optimizer(kind: OptimizerKind) -> OptimizerConfig {
    OptimizerConfig { kind, ..OptimizerConfig::default() }
}

#[derive(Debug)]
struct Restored {
    context: CheckpointContext,
    model: Network,
    state: TrainState,
}

impl Restored {
    fn encode(&self) -> Vec<u8> {
        let snapshot = Snapshot { params: self.model.params(), state: &self.state };
        Checkpoint::encode(&self.context, snapshot).unwrap()
    }
}

fn decode(bytes: &[u8]) -> Result<Restored, String> {
    let checkpoint = Checkpoint::decode(bytes).map_err(|error| error.to_string())?;
    let kind = if checkpoint.n_slots() == 1 { OptimizerKind::Sgd } else { OptimizerKind::AdamW };
    let (context, mut model) = (checkpoint.context.clone(), model());
    let state = checkpoint.restore(&mut model, &optimizer(kind)).map_err(|error| error.to_string())?;
    Ok(Restored { context, model, state })
}

impl Parser for CheckpointFile {
    const NAME: &str = "checkpoint";

    type Parsed = Restored;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let encode = |kind, best: bool| {
            let model = model();
            let mut state = TrainState::new(optimizer(kind), model.params());
            state.step = 7;
            state.loss.terms.set(Term::new("kl", 0.5));
            state.average = best.then(|| model.params().clone());
            state.best = best.then(|| Best { epoch: 2, errors: 3, nll: 0.25, params: model.params().clone() });
            let context = CheckpointContext::from([("role".to_owned(), "student".to_owned())]);
            Restored { context, model, state }.encode()
        };
        vec![encode(OptimizerKind::Sgd, false), encode(OptimizerKind::AdamW, true)]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if bytes.len() < HEADER || random.once_in(6) {
            return mutate::bytes(bytes, other, random);
        }
        let mut body = bytes.split_off(HEADER);
        let other = other.get(HEADER..).unwrap_or_default();
        match random.below(3) {
            0 => mutate::bytes(&mut body, other, random),
            // A length or a counter: the body begins with the head, where numbers have eight bytes or four.
            1 => {
                let at = random.below(body.len().min(300));
                let number = mutate::integer(body.len(), random).to_le_bytes();
                let n = *random.pick(&[4, 8]);
                for (byte, new) in body[at..].iter_mut().zip(&number[..n]) {
                    *byte = *new;
                }
            }
            _ => {
                let at = random.below(body.len().min(300));
                if let Some(byte) = body.get_mut(at) {
                    *byte = byte.wrapping_add(*random.pick(&[1, 2, 255, 254]));
                }
            }
        }
        bytes.extend(body);
        seal(bytes);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        const N: usize = 1 << 20;
        let start = self.corpus()[0][..HEADER].to_vec();
        let with_body = |body: Vec<u8>| {
            let mut bytes = [&start[..], &body].concat();
            seal(&mut bytes);
            bytes
        };
        let claim = |n: u64, rest: Vec<u8>| with_body([&n.to_le_bytes()[..], &rest].concat());
        let mut bodies: Vec<_> = [0, 1, N as u64 / 16, N as u64, 1 << 32, u64::MAX / 2, u64::MAX]
            .into_iter()
            .map(|n| claim(n, vec![0; 4 * N]))
            .collect();
        // No context; a layout of shapes of nothing, or of one shape with very many sides.
        bodies.push(claim(0, [&(N as u64 / 16 - 64).to_le_bytes()[..], &vec![0; 4 * N]].concat()));
        bodies.push(claim(
            0,
            [&1_u64.to_le_bytes()[..], &0_u64.to_le_bytes(), &100_000_u64.to_le_bytes(), &vec![1; 4 * N]].concat(),
        ));
        bodies
    }

    fn parse(&self, bytes: &[u8]) -> Result<Restored, String> {
        decode(bytes)
    }

    /// The bytes are compared, as the state may hold values that are not equal to themselves.
    fn check(&self, parsed: &Restored) {
        let bytes = parsed.encode();
        let again = decode(&bytes).unwrap();
        assert_eq!(again.encode(), bytes);
        assert_eq!(again.context, parsed.context);
        assert_eq!(again.model.params(), parsed.model.params());
    }
}

/// Puts the right length and the right hash into the header.
fn seal(bytes: &mut [u8]) {
    let len = (bytes.len() - HEADER) as u64;
    bytes[12..HASHED].copy_from_slice(&len.to_le_bytes());
    let hash = Sha256::new().chain_update(&bytes[..HASHED]).chain_update(&bytes[HEADER..]).finalize();
    bytes[HASHED..HEADER].copy_from_slice(&hash);
}
