use distill_train::{SoftTargetFile, SoftTargets, TargetStorage};
use ndarray::Array2;
use sha2::{Digest as _, Sha256};

use crate::random::Random;
use crate::run::{Parser, run};
use crate::safetensors;

/// The entry of the metadata that is ours.
const KEY: &str = "distill-soft-targets";

struct TargetFile;

#[test]
fn soft_targets() {
    run(&TargetFile);
}

impl Parser for TargetFile {
    const NAME: &str = "soft targets";

    type Parsed = SoftTargetFile;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let encode = |storage, shape, classes: &[&str]| {
            let targets = SoftTargets::new(Array2::from_shape_fn(shape, |(i, j)| i as f32 - 2.5 * j as f32));
            let classes = classes.iter().map(|&name| name.to_owned()).collect();
            SoftTargetFile::new(&targets, storage, classes, "d1".into(), "e2".into()).unwrap().to_bytes().unwrap()
        };
        let four = ["0", "1", "2", "3"];
        vec![
            encode(TargetStorage::F32, (3, 2), &["a", "é"]),
            encode(TargetStorage::F32, (1, 4), &four),
            encode(TargetStorage::F16, (2, 4), &four),
            encode(TargetStorage::TopK(2), (2, 4), &four),
        ]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        safetensors::mutate(bytes, other, KEY, random);
        // Half of the time the hash is made right, to reach what is behind it.
        if random.once_in(2)
            && let Some((mut header, data)) = safetensors::split(bytes)
        {
            safetensors::edit_description(&mut header, KEY, |text| with_hash(text, &data));
            *bytes = safetensors::join(&header, &data);
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let description = serde_json::json!({
            "version": 1, "classes": [], "data_sha256": "", "teacher_sha256": "", "logits_sha256": "",
        });
        safetensors::large(KEY, &description)
    }

    fn parse(&self, bytes: &[u8]) -> Result<SoftTargetFile, String> {
        SoftTargetFile::from_bytes(bytes).map_err(|error| error.to_string())
    }

    fn check(&self, parsed: &SoftTargetFile) {
        let bytes = parsed.to_bytes().unwrap();
        assert_eq!(&SoftTargetFile::from_bytes(&bytes).unwrap(), parsed);
        assert!(parsed.clone().into_targets().logits().iter().all(|logit| logit.is_finite()));
    }
}

/// Puts the hash of the logits into the description, where its place is to be found.
fn with_hash(text: &mut Vec<u8>, data: &[u8]) {
    const NAME: &[u8] = b"\"logits_sha256\":\"";
    let hash: String = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    let Some(at) = text.windows(NAME.len()).position(|window| window == NAME) else { return };
    let start = at + NAME.len();
    let end = text[start..].iter().position(|&byte| byte == b'"').map_or(text.len(), |len| start + len);
    text.splice(start..end, hash.into_bytes());
}
