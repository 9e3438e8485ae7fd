use proptest::prelude::*;

use super::*;

/// A file from its chunks.
fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (id, content) in chunks {
        body.extend_from_slice(*id);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend_from_slice(content);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

fn format(code: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut format = [code.to_le_bytes(), channels.to_le_bytes()].concat();
    format.extend(rate.to_le_bytes());
    format.extend((rate * u32::from(block)).to_le_bytes());
    format.extend(block.to_le_bytes());
    format.extend(bits.to_le_bytes());
    format
}

fn extensible(code: u16) -> Vec<u8> {
    let mut format = format(EXTENSIBLE, 1, 16_000, 16);
    format.extend([22, 0, 16, 0, 4, 0, 0, 0]);
    format.extend(code.to_le_bytes());
    format.extend(GUID_TAIL);
    format
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A mono file at 8 kHz with three samples: 44 bytes of headers and 6 of samples.
fn small() -> Vec<u8> {
    riff(&[(b"fmt ", &format(PCM, 1, 8000, 16)), (b"data", &pcm(&[1, -32768, 32767]))])
}

#[track_caller]
fn refuse(bytes: &[u8], message: &str) {
    assert_eq!(parse(bytes, Path::new("a.wav")).unwrap_err().to_string(), format!("a.wav, byte {message}"));
}

fn patched(at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = small();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn reads_mono() {
    let wav = parse(&small(), Path::new("a.wav")).unwrap();
    assert_eq!(wav, Wav { rate: 8000, samples: vec![1.0 / 32768.0, -1.0, 32767.0 / 32768.0] });
}

#[test]
fn reads_the_mean_of_stereo() {
    let samples = pcm(&[100, 300, -32768, -32768, 32767, -32767]);
    let bytes = riff(&[(b"fmt ", &format(PCM, 2, 16_000, 16)), (b"data", &samples)]);
    let wav = parse(&bytes, Path::new("a.wav")).unwrap();
    assert_eq!(wav, Wav { rate: 16_000, samples: vec![200.0 / 32768.0, -1.0, 0.0] });
}

#[test]
fn reads_an_extensible_format_and_passes_over_other_chunks() {
    let chunks: [(&[u8; 4], &[u8]); 4] =
        [(b"LIST", b"odd"), (b"fmt ", &extensible(PCM)), (b"data", &pcm(&[16384])), (b"id3 ", b"a")];
    let mut bytes = riff(&chunks);
    let expected = Wav { rate: 16_000, samples: vec![0.5] };
    assert_eq!(parse(&bytes, Path::new("a.wav")).unwrap(), expected);
    // The padding of the last chunk is not there, counted or not.
    bytes.pop();
    assert_eq!(parse(&bytes, Path::new("a.wav")).unwrap(), expected);
    let len = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    assert_eq!(parse(&bytes, Path::new("a.wav")).unwrap(), expected);
}

#[test]
fn says_what_is_wrong_and_where() {
    refuse(b"", "0: the file ends inside a header");
    refuse(b"RIFX\0\0\0\0WAVE", "0: expected `RIFF`, found `RIFX`");
    refuse(&patched(8, b"AVI\n"), "8: expected `WAVE`, found `AVI\\n`");
    refuse(&small()[..48], "4: the header promises 50 bytes, the file has 48");
    refuse(&[small(), vec![0]].concat(), "4: the header promises 50 bytes, the file has 51");
    refuse(&patched(4, &[0xff; 4]), "4: the header promises 4294967303 bytes, the file has 50");
    refuse(&patched(16, &[0xff; 4]), "16: chunk `fmt ` promises 4294967295 bytes, 30 are left");
    refuse(&patched(40, &[8, 0, 0, 0]), "40: chunk `data` promises 8 bytes, 6 are left");
    refuse(&patched(40, &[5, 0, 0, 0]), "40: 5 bytes are not a whole number of samples of 2 bytes");
    refuse(&patched(20, &[3, 0]), "20: format 0x0003 is not supported, expected PCM (0x0001)");
    refuse(&patched(22, &[0, 0]), "22: 0 channels are not supported, expected 1 or 2");
    refuse(&patched(22, &[6, 0]), "22: 6 channels are not supported, expected 1 or 2");
    refuse(&patched(24, &[0; 4]), "24: a sample rate of 0");
    refuse(&patched(28, &[0; 4]), "28: the byte rate is 0, but rate, channels and bits make it 16000");
    refuse(&patched(32, &[3, 0]), "32: the block size is 3, but rate, channels and bits make it 2");
    refuse(&patched(34, &[24, 0]), "34: samples of 24 bits are not supported, expected 16");
    refuse(&patched(12, b"junk"), "36: no chunk `fmt ` up to here");
    refuse(&patched(36, b"junk"), "50: no chunk `data` up to here");
}

#[test]
fn says_what_is_wrong_with_chunks() {
    let (fmt, data) = (format(PCM, 1, 8000, 16), pcm(&[1]));
    refuse(&riff(&[]), "12: no chunk `fmt ` up to here");
    refuse(&riff(&[(b"fmt ", &fmt[..14])]), "20: the format has 14 bytes, expected at least 16");
    refuse(&riff(&[(b"fmt ", &fmt), (b"fmt ", &fmt)]), "36: a second chunk `fmt `");
    refuse(&riff(&[(b"fmt ", &fmt), (b"data", &data), (b"data", &data)]), "46: a second chunk `data`");
    refuse(&riff(&[(b"fmt ", &extensible(PCM)[..18])]), "20: the format has 18 bytes, expected at least 40");
    refuse(&riff(&[(b"fmt ", &extensible(3))]), "44: format 0x0003 is not supported, expected PCM (0x0001)");
    let mut other = extensible(PCM);
    other[39] = 0;
    refuse(&riff(&[(b"fmt ", &other)]), "46: the extensible format has an unknown identifier");
}

#[test]
fn a_missing_file_is_named() {
    let error = read("no/such.wav").unwrap_err();
    assert_eq!(
        (error.to_string(), error.path()),
        ("cannot read no/such.wav".to_owned(), Some(Path::new("no/such.wav")))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn never_panics_and_keeps_no_more_than_it_was_given(
        changes in prop::collection::vec((0_usize..64, any::<u8>()), 1..6),
        cut in prop::option::of(0_usize..64),
    ) {
        let mut bytes = riff(&[(b"fmt ", &format(PCM, 2, 8000, 16)), (b"note", b"abc"), (b"data", &pcm(&[1, 2]))]);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut.unwrap_or(bytes.len()));
        match parse(&bytes, Path::new("a.wav")) {
            Ok(wav) => prop_assert!(wav.samples.len() <= 2 && wav.rate > 0),
            Err(AudioError::Wav { offset, .. }) => prop_assert!(offset <= bytes.len() as u64),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
