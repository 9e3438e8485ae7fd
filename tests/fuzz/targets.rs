use distill_train::{SoftTargetFile, SoftTargets};
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
        let encode = |shape, classes: &[&str]| {
            let file = SoftTargetFile {
                targets: SoftTargets::new(Array2::from_shape_fn(shape, |(i, j)| i as f32 - 2.5 * j as f32)),
                classes: classes.iter().map(|&name| name.to_owned()).collect(),
                data_sha256: "d1".into(),
                teacher_sha256: "e2".into(),
            };
            file.to_bytes().unwrap()
        };
        vec![encode((3, 2), &["a", "é"]), encode((1, 4), &["0", "1", "2", "3"])]
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
