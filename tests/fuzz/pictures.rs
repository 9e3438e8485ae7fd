//! Pictures as files: CIFAR's records, PNG and JPEG.

use distill_datasets::{CifarFolder, Dataset as _, ImageOptions, Split, read_image};

use crate::files::{Folder, message};
use crate::mutate;
use crate::random::Random;
use crate::run::{Parser, run};

struct CifarFiles(Folder);

#[test]
fn cifar() {
    let folder = Folder::new();
    folder.write("fine_label_names.txt", (0..100).map(|i| format!("c{i}\n")).collect::<String>().as_bytes());
    run(&CifarFiles(folder));
}

impl Parser for CifarFiles {
    const NAME: &str = "cifar";

    type Parsed = usize;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let record = |label: u8| [vec![0, label], vec![7; 3072]].concat();
        vec![record(3), [record(0), record(99)].concat()]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        // A label, or the length, or anything.
        if random.once_in(2)
            && let Some(label) = bytes.get_mut(1)
        {
            *label = label.wrapping_add(random.below(256) as u8);
        } else {
            mutate::bytes(bytes, other, random);
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        vec![vec![0; 3074 * 300], vec![255; 3074 * 300]]
    }

    fn parse(&self, bytes: &[u8]) -> Result<usize, String> {
        self.0.write("train.bin", bytes);
        let folder = message(CifarFolder::find(self.0.path(), false))?.ok_or("no folder")?;
        Ok(message(folder.load(Split::Train, None, u64::MAX))?.len())
    }

    fn check(&self, n: &usize) {
        assert!(*n > 0);
    }
}

struct Pictures(Folder);

#[test]
fn pictures() {
    run(&Pictures(Folder::new()));
}

/// A JPEG of 8 x 8 pixels of one grey, written by hand: quantisation of ones, the shortest codes, a difference of 0.
fn jpeg() -> Vec<u8> {
    let table = |class: u8, value: u8| {
        let mut segment = vec![0xff, 0xc4, 0, 20, class, 1];
        segment.extend([0; 15]);
        segment.push(value);
        segment
    };
    let parts: [&[u8]; 7] = [
        &[0xff, 0xd8],
        &[&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat(),
        &[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
        &table(0x00, 0),
        &table(0x10, 0),
        &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x3f],
        &[0xff, 0xd9],
    ];
    parts.concat()
}

/// A PNG of 2 x 2 pixels, which compresses nothing.
fn png() -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::NoCompression);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[9; 12]).unwrap();
    writer.finish().unwrap();
    bytes
}

impl Parser for Pictures {
    const NAME: &str = "pictures";

    // A file of a few bytes may hold a picture of a million pixels: the decoder has it, and then each channel.
    const SET: usize = 8 << 20;

    type Parsed = ([usize; 3], Vec<u8>);

    fn corpus(&self) -> Vec<Vec<u8>> {
        vec![png(), jpeg()]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        mutate::bytes(bytes, other, random);
        // Check sums of PNG are those of what was changed, every other time.
        if random.once_in(2) {
            right_sums(bytes);
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let claim = |width: u32, height: u32| {
            let mut bytes = png();
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            right_sums(&mut bytes);
            bytes
        };
        let mut wide = jpeg();
        let size = wide.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap() + 5;
        wide[size..size + 4].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
        vec![claim(16_000, 16_000), claim(u32::MAX, 1), claim(5000, 5000), wide]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("a.png", bytes);
        message(read_image(&path, &ImageOptions::default()))
    }

    fn check(&self, (sides, pixels): &Self::Parsed) {
        assert_eq!(sides.iter().product::<usize>(), pixels.len());
    }
}

/// Puts the right check sum behind every chunk of a PNG.
fn right_sums(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(len) = bytes.get(at..at + 4) {
        let len = u32::from_be_bytes(len.try_into().unwrap()) as usize;
        let Some(chunk) = bytes.get(at + 4..).and_then(|rest| rest.get(..len.saturating_add(4))) else { return };
        let sum = crate::npz::crc32(chunk);
        let end = at + 8 + len;
        if let Some(place) = bytes.get_mut(end..end + 4) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        at = end + 4;
    }
}
