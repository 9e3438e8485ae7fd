//! Event files of TensorBoard: a header and then one record for each value, ready to be appended.
//!
//! A file is found by its name, which must contain `tfevents`. Records are those of TFRecord (length, its checksum,
//! data, its checksum); the data is a protobuf message `Event`, of which only four fields are needed.

/// The first record of a file. `wall_time` is in seconds since 1970.
pub fn header(wall_time: f64) -> Vec<u8> {
    let mut event = event(wall_time, 0);
    push_bytes(&mut event, 3, b"brain.Event:2");
    record(&event)
}

/// One value of the curve `tag`. `wall_time` is in seconds since 1970.
pub fn scalar(wall_time: f64, step: u64, tag: &str, value: f32) -> Vec<u8> {
    // Event { wall_time, step, summary { value { tag, simple_value } } }
    let mut summary_value = Vec::new();
    push_bytes(&mut summary_value, 1, tag.as_bytes());
    push_key(&mut summary_value, 2, Wire::Fixed32);
    summary_value.extend(value.to_le_bytes());
    let mut summary = Vec::new();
    push_bytes(&mut summary, 1, &summary_value);
    let mut event = event(wall_time, step);
    push_bytes(&mut event, 5, &summary);
    record(&event)
}

fn event(wall_time: f64, step: u64) -> Vec<u8> {
    let mut event = Vec::new();
    push_key(&mut event, 1, Wire::Fixed64);
    event.extend(wall_time.to_le_bytes());
    push_key(&mut event, 2, Wire::Varint);
    push_varint(&mut event, step);
    event
}

/// How a field of a protobuf message is written.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

fn push_key(message: &mut Vec<u8>, field: u64, wire: Wire) {
    push_varint(message, field << 3 | wire as u64);
}

fn push_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    push_key(message, field, Wire::Bytes);
    push_varint(message, bytes.len() as u64);
    message.extend(bytes);
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn push_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked_crc32c(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc32c(data).to_le_bytes());
    record
}

/// TFRecord stores checksums turned and shifted, as data may itself contain checksums.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// CRC-32C: the polynomial of Castagnoli, bits reversed, as in RFC 3720.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| crc >> 8 ^ CRC_TABLE[(crc as u8 ^ byte) as usize])
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn checksums_equal_the_published_ones() {
        // The check value of the catalogue, and the examples of RFC 3720, B.4.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }

    /// The expected bytes were read with the tensorboard package: `tests/tensorboard/read.py` does it again, and says
    /// what to do after a change.
    #[test]
    fn records_equal_those_that_tensorboard_has_read() {
        let records = [
            header(1_700_000_000.5),
            scalar(1_700_000_001.25, 0, "loss/train", 2.287_1),
            scalar(1_700_000_002.0, 127, "loss/train", -0.0),
            scalar(1_700_000_002.5, 300, "loss/train", 1e-30),
            scalar(1_700_000_003.0, 5_000_000_000, "accuracy/überprüft", 0.987_5),
            scalar(1_700_000_004.0, 1, &"long/".repeat(60), f32::INFINITY),
        ];
        let hex = |record: &Vec<u8>| {
            record.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        let actual: Vec<String> = records.iter().map(hex).collect();
        let expected: Vec<&str> = include_str!("../../../tests/tensorboard/events.hex").lines().collect();
        assert_eq!(actual, expected);
    }
}
