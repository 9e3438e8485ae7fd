use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use png::{BitDepth, ColorType, Encoder};

use distill_lab::view::data::ImageShape;

/// The pixels `[channels, height, width]` as the data URI of a PNG.
///
/// Nothing if they are not as many as the shape says, or have neither one channel nor three.
pub(super) fn data_uri(pixels: &[u8], shape: ImageShape) -> Option<String> {
    let color = match shape.channels {
        1 => ColorType::Grayscale,
        3 => ColorType::Rgb,
        _ => return None,
    };
    let n_pixels = usize::try_from(shape.width).ok()?.checked_mul(usize::try_from(shape.height).ok()?)?;
    if n_pixels == 0 || n_pixels.checked_mul(shape.channels) != Some(pixels.len()) {
        return None;
    }
    let interleaved: Vec<u8> =
        (0..n_pixels).flat_map(|pixel| pixels[pixel..].iter().step_by(n_pixels).copied()).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, shape.width, shape.height);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&interleaved).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(uri: &str) -> (png::OutputInfo, Vec<u8>) {
        let file = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info, pixels)
    }

    #[test]
    fn one_channel_stays_as_it_is() {
        let shape = ImageShape { width: 3, height: 2, channels: 1 };
        let (info, pixels) = decoded(&data_uri(&[0, 1, 2, 3, 4, 255], shape).unwrap());
        assert_eq!((info.width, info.height, info.color_type), (3, 2, ColorType::Grayscale));
        assert_eq!(pixels, [0, 1, 2, 3, 4, 255]);
    }

    #[test]
    fn three_planes_become_colours() {
        let shape = ImageShape { width: 2, height: 1, channels: 3 };
        let (info, pixels) = decoded(&data_uri(&[1, 2, 10, 20, 100, 200], shape).unwrap());
        assert_eq!(info.color_type, ColorType::Rgb);
        assert_eq!(pixels, [1, 10, 100, 2, 20, 200]);
    }

    #[test]
    fn what_is_no_such_image_gives_none() {
        assert_eq!(data_uri(&[], ImageShape { width: 2, height: 2, channels: 1 }), None);
        assert_eq!(data_uri(&[0; 8], ImageShape { width: 2, height: 2, channels: 2 }), None);
        assert_eq!(data_uri(&[], ImageShape { width: 0, height: 2, channels: 1 }), None);
        assert_eq!(data_uri(&[1], ImageShape { width: u32::MAX, height: u32::MAX, channels: 3 }), None);
    }
}
