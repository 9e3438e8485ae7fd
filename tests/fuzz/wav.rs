use std::path::Path;

use distill_audio::wav::{self, Wav};

use crate::mutate;
use crate::random::Random;
use crate::run::{Parser, run};

struct WavFile;

#[test]
fn wav() {
    run(&WavFile);
}

/// The chunk of a format for each kind that is read: mono, stereo, extensible.
fn formats() -> [Vec<u8>; 3] {
    let extension = b"\x16\0\x10\0\x04\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    [format(1, 1, 8000), format(1, 2, 44_100), [&format(0xfffe, 1, 16_000)[..], extension].concat()]
}

impl Parser for WavFile {
    const NAME: &str = "wav";

    type Parsed = Wav;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let [mono, stereo, extensible] = formats();
        let samples = pcm(&[0, 1, -1, i16::MAX, i16::MIN, 1000]);
        vec![
            riff(&[(b"fmt ", &mono), (b"data", &samples)]),
            riff(&[(b"fmt ", &stereo), (b"data", &samples)]),
            riff(&[(b"LIST", b"odd"), (b"fmt ", &extensible), (b"fact", &[6, 0, 0, 0]), (b"data", &samples)]),
            riff(&[(b"fmt ", &mono), (b"data", &[])]),
        ]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        match random.below(4) {
            0 => return mutate::bytes(bytes, other, random),
            // Behind a right length stands what was changed.
            1 => mutate::bytes(bytes, other, random),
            // A size or a field of the format.
            2 => {
                let number = mutate::integer(bytes.len(), random) as u32;
                let at = *random.pick(&[4, 16, 24, 28, 40]);
                if let Some(place) = bytes.get_mut(at..at + 4) {
                    place.copy_from_slice(&number.to_le_bytes());
                }
            }
            _ => {
                let number = *random.pick(&[0, 1, 2, 3, 4, 8, 16, 24, 32, 0xfffe, 0xffff]);
                let at = *random.pick(&[20, 22, 32, 34, 36, 38]);
                if let Some(place) = bytes.get_mut(at..at + 2) {
                    place.copy_from_slice(&u16::to_le_bytes(number));
                }
            }
        }
        let len = bytes.len() as u32;
        if let Some(place) = bytes.get_mut(4..8).filter(|_| random.once_in(2)) {
            place.copy_from_slice(&len.wrapping_sub(8).to_le_bytes());
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let [mono, stereo, _] = formats();
        let megabytes = vec![7; 4 << 20];
        let empty_chunks = vec![(b"note", &b""[..]); 500_000];
        let mut lying = riff(&[(b"fmt ", &mono), (b"data", &megabytes)]);
        lying[40..44].fill(0xff);
        vec![
            riff(&[(b"fmt ", &mono), (b"data", &megabytes)]),
            riff(&[(b"fmt ", &stereo), (b"data", &megabytes)]),
            riff(&[(b"note", &megabytes)]),
            riff(&empty_chunks),
            lying,
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Wav, String> {
        wav::parse(bytes, Path::new("file")).map_err(|error| error.to_string())
    }

    fn check(&self, parsed: &Wav) {
        // The sum of both channels of stereo may be odd, so it is written as stereo.
        let sums = parsed.samples.iter().map(|sample| (sample * 65536.0) as i32);
        let whole = sums.clone().all(|sum| sum % 2 == 0);
        let bytes = if whole {
            let samples: Vec<i16> = sums.map(|sum| i16::try_from(sum / 2).unwrap()).collect();
            riff(&[(b"fmt ", &format(1, 1, parsed.rate)), (b"data", &pcm(&samples))])
        } else {
            let halves = sums.flat_map(|sum| [sum / 2, sum - sum / 2]).map(|half| i16::try_from(half).unwrap());
            riff(&[(b"fmt ", &format(1, 2, parsed.rate)), (b"data", &pcm(&halves.collect::<Vec<_>>()))])
        };
        assert_eq!(&wav::parse(&bytes, Path::new("file")).unwrap(), parsed);
    }
}

fn format(code: u16, channels: u16, rate: u32) -> Vec<u8> {
    let block = 2 * channels;
    let mut bytes = [code.to_le_bytes(), channels.to_le_bytes()].concat();
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.wrapping_mul(u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

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
