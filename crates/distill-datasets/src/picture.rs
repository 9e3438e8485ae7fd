use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits};

use crate::DataError;
use crate::foreign::{Found, of_bytes};

/// The longest side of an image that is decoded, and the most memory for that.
const MAX_SIDE: u32 = 1 << 14;
const MAX_ALLOC: u64 = 512 << 20;
const MAX_FILE: u64 = 256 << 20;
/// The most that deflate makes of a byte; JPEG makes less. Below so many bytes nobody looks.
const MAX_RATIO: u64 = 1032;
const SMALL: u64 = 1 << 20;

/// What is made of each image. Without any of it all images must have the same size and stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageOptions {
    /// Height and width that all images are brought to.
    pub size: Option<[u32; 2]>,
    /// Cuts the largest part with the proportions of `size` out of the middle, in place of distorting the image.
    pub crop: bool,
    /// One channel of brightness in place of red, green and blue.
    pub grey: bool,
}

/// A PNG or a JPEG as it is, turned as its EXIF says, as viewers do.
pub struct Picture {
    image: DynamicImage,
}

impl Picture {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Damaged`] and [`DataError::Content`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        if metadata.len() > MAX_FILE {
            return Err(content(path, format!("has {} bytes, no image is larger than {MAX_FILE}", metadata.len())));
        }
        let bytes = fs::read(path).map_err(io)?;
        decode(path, &bytes).map(|image| Self { image })
    }

    /// Channels, height and width. There is one channel where there are no colours; transparency is left out.
    pub fn shape(&self) -> [usize; 3] {
        let channels = if self.image.color().has_color() { 3 } else { 1 };
        [channels, self.image.height() as usize, self.image.width() as usize]
    }

    /// Channels, height and width of what the options make of it, and its bytes, channel by channel.
    pub fn made(self, options: &ImageOptions) -> ([usize; 3], Vec<u8>) {
        let image = match options.size {
            None => self.image,
            Some([height, width]) if options.crop => self.image.resize_to_fill(width, height, FilterType::Triangle),
            Some([height, width]) => self.image.resize_exact(width, height, FilterType::Triangle),
        };
        channels(image, options.grey)
    }
}

/// Channels, height and width of a PNG or a JPEG, and its bytes, channel by channel. An image is turned as its EXIF says, as
/// viewers do.
///
/// # Errors
/// [`DataError::Io`], [`DataError::Damaged`] and [`DataError::Content`].
pub fn read_image(path: &Path, options: &ImageOptions) -> Result<([usize; 3], Vec<u8>), DataError> {
    Picture::open(path).map(|picture| picture.made(options))
}

/// Decodes a PNG or a JPEG; what a file claims is bounded before memory is taken for it. `path` is for errors.
fn decode(path: &Path, bytes: &[u8]) -> Result<DynamicImage, DataError> {
    let damaged = |problem| DataError::Damaged { path: path.to_owned(), problem };
    let undecodable = |error: ImageError| damaged(format!("cannot be decoded: {error}"));
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| undecodable(error.into()))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(content(
            path,
            match of_bytes(bytes) {
                Found::Picture(format) => format!("is a picture in {format}, and not in PNG or JPEG"),
                Found::Ours | Found::Else => "is not a PNG or JPEG image".to_owned(),
            },
        ));
    }
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    let (needed, (width, height)) = (decoder.total_bytes(), decoder.dimensions());
    if needed > (MAX_RATIO * bytes.len() as u64).clamp(SMALL, MAX_ALLOC) {
        return Err(damaged(format!("promises {width}x{height} pixels, more than {} bytes can hold", bytes.len())));
    }
    // Cameras store what their sensor sees, and beside it how to turn that.
    let orientation = decoder.orientation().map_err(undecodable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn channels(image: DynamicImage, grey: bool) -> ([usize; 3], Vec<u8>) {
    let (width, height) = (image.width() as usize, image.height() as usize);
    if grey {
        return ([1, height, width], image.into_luma8().into_raw());
    }
    if !image.color().has_color() {
        // Three equal channels, without a copy of them side by side.
        return ([3, height, width], image.into_luma8().into_raw().repeat(3));
    }
    let interleaved = image.into_rgb8().into_raw();
    let planar = (0..3).flat_map(|channel| interleaved.iter().skip(channel).step_by(3).copied()).collect();
    ([3, height, width], planar)
}

fn content(path: &Path, problem: String) -> DataError {
    DataError::Content { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey image as JPEG, to be turned as the tag `Orientation` of its EXIF says.
    fn jpeg(image: &image::GrayImage, orientation: u16) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        let mut bytes = bytes.into_inner();
        // TIFF, big-endian: a directory at byte 8 with one entry, tag 0x0112, one number of type 3.
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
        exif.extend(orientation.to_be_bytes());
        exif.extend([0; 6]);
        let segment = [&[0xff, 0xe1][..], &(exif.len() as u16 + 2).to_be_bytes(), &exif].concat();
        bytes.splice(2..2, segment);
        bytes
    }

    #[test]
    fn an_image_is_turned_as_its_camera_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jpg");
        // The upper half is white: blocks of eight pixels survive JPEG.
        let image = image::GrayImage::from_fn(8, 16, |_, y| image::Luma([if y < 8 { 255 } else { 0 }]));
        let is_white = |[y, x]: [usize; 2], width: usize, pixels: &[u8]| pixels[y * width + x] > 127;
        let options = ImageOptions { grey: true, ..ImageOptions::default() };
        // How each is stored, and where the white half then is: its size, a place of white and one of black.
        for (orientation, size, white, black) in [
            (1, [16, 8], [2, 4], [13, 4]),
            (3, [16, 8], [13, 4], [2, 4]),
            // Turned to the right the top is at the right, turned to the left at the left.
            (6, [8, 16], [4, 13], [4, 2]),
            (8, [8, 16], [4, 2], [4, 13]),
        ] {
            fs::write(&path, jpeg(&image, orientation)).unwrap();
            let ([_, height, width], pixels) = read_image(&path, &options).unwrap();
            assert_eq!([height, width], size, "{orientation}");
            assert!(is_white(white, width, &pixels) && !is_white(black, width, &pixels), "{orientation}");
        }
    }

    #[test]
    fn a_picture_says_what_it_is_before_it_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        for (image, channels) in [(DynamicImage::new_luma_a8(5, 3), 1), (DynamicImage::new_rgba8(5, 3), 3)] {
            image.save_with_format(&path, ImageFormat::Png).unwrap();
            assert_eq!(Picture::open(&path).unwrap().shape(), [channels, 3, 5]);
            let options = ImageOptions { size: Some([2, 4]), grey: true, ..ImageOptions::default() };
            assert_eq!(Picture::open(&path).unwrap().made(&options), ([1, 2, 4], vec![0; 8]));
        }
    }
}
