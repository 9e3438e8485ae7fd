use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::foreign::{Found, sniff};
use crate::{ClassFolders, DataError, Dataset, FileDivision, ImageFiles, ImageOptions, Images, Split};

/// A folder with images, in a folder for each class.
///
/// ```text
/// train/cat/one.png    train/dog/one.jpg    PNG or JPEG, of any names
/// test/cat/two.jpeg    test/dog/two.png     as [`ClassFolders`] has them
/// ```
/// An input has the shape `[3, height, width]`, or `[1, height, width]` in grey, with numbers from 0 to 1. Transparency is
/// left out. Examples stand in the order of their classes, and of their names within one.
///
/// `cat/one.png` and `dog/two.png` without `train` and `test` are divided here, if the first file is a picture.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    folders: ClassFolders,
    options: ImageOptions,
}

impl ImageFolder {
    /// Looks for folders as [`ClassFolders::find`] does. `None` if there are none.
    ///
    /// # Errors
    /// Those of [`ClassFolders::find`].
    pub fn find(dir: &Path, options: ImageOptions, division: &FileDivision) -> Result<Option<Self>, DataError> {
        let Some(folders) = ClassFolders::find(dir, division)? else { return Ok(None) };
        if folders.is_divided_here() {
            // Any folder may have folders with files in them.
            let files = folders.files(Split::Train, None).unwrap_or_default();
            let Some((first, _)) = files.first() else { return Ok(None) };
            let found = sniff(first).map_err(|source| DataError::Io { path: first.clone(), source })?;
            if matches!(found, Found::Else) {
                return Ok(None);
            }
        }
        Ok(Some(Self { folders, options }))
    }

    /// Whether the images of the test were drawn, as there is no folder of them.
    pub fn is_divided_here(&self) -> bool {
        self.folders.is_divided_here()
    }

    /// The class names of `classes.txt`, or those of the folders.
    pub fn classes(&self) -> &[String] {
        self.folders.classes()
    }

    /// Whether the folder lists its classes.
    pub fn is_listed(&self) -> bool {
        self.folders.is_listed()
    }

    /// The group of each image of a set, if its name says it.
    ///
    /// # Errors
    /// Those of [`ClassFolders::groups`].
    pub fn groups(&self, split: Split, classes: Option<&[String]>) -> Result<Option<Vec<String>>, DataError> {
        self.folders.groups(split, classes)
    }

    /// Whether there are images to choose settings on.
    pub fn has_validation(&self) -> bool {
        self.folders.has_validation()
    }

    /// Reads one split into memory, on all threads. The folders are among `classes`, or else those of the folder.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] and [`DataError::Damaged`] of an image, [`DataError::UnlistedClass`], and the errors of [`Images::new`].
    pub fn load(&self, split: Split, classes: Option<&[String]>) -> Result<Images, DataError> {
        self.load_all(&self.files(split, classes)?)
    }

    /// One split within `bound` bytes of memory: as [`load`](Self::load) if it fits, else as [`ImageFiles`].
    ///
    /// # Errors
    /// The same, and [`DataError::MemoryBound`] if not even the names of the files fit.
    pub fn load_within(
        &self,
        split: Split,
        classes: Option<&[String]>,
        bound: u64,
    ) -> Result<Arc<dyn Dataset>, DataError> {
        let files = self.files(split, classes)?;
        if files.in_memory_bytes(files.len()) <= bound {
            return Ok(Arc::new(self.load_all(&files)?));
        }
        let path = || Some(self.folders.folder(split));
        let files = files.within(bound).map_err(|needed| DataError::MemoryBound { path: path(), needed, bound })?;
        Ok(Arc::new(files))
    }

    fn load_all(&self, files: &ImageFiles) -> Result<Images, DataError> {
        files.load((0..files.len()).into_par_iter()).map_err(|error| error.in_file(self.folders.dir()))
    }

    /// The files of one split in their order.
    fn files(&self, split: Split, classes: Option<&[String]>) -> Result<ImageFiles, DataError> {
        let (dir, files) = (self.folders.folder(split), self.folders.files(split, classes)?);
        refuse_foreign(&dir, files.iter().map(|(path, _)| path.as_path()))?;
        let classes = classes.unwrap_or(self.classes()).to_vec();
        ImageFiles::new(files, classes, self.options).map_err(|error| error.in_file(&dir))
    }
}

/// Refuses files that are neither PNG nor JPEG, all at once and by their names. Only where the name does not say that it is
/// one of these is the file opened.
fn refuse_foreign<'a>(dir: &Path, files: impl Iterator<Item = &'a Path>) -> Result<(), DataError> {
    let mut found = vec![];
    for path in files {
        let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
        if end.is_some_and(|end| ["png", "jpg", "jpeg"].contains(&end.as_str())) {
            continue;
        }
        match sniff(path).map_err(|source| DataError::Io { path: path.to_owned(), source })? {
            Found::Ours => {}
            Found::Picture(format) => found.push((path, Some(format))),
            Found::Else => found.push((path, None)),
        }
    }
    ClassFolders::refuse(dir, &found, ["images", "neither PNG nor JPEG"], "")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;

    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;

    fn png(width: u32, height: u32, color: [u8; 3]) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        let image = RgbImage::from_pixel(width, height, Rgb(color));
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn write(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn find(dir: &tempfile::TempDir, options: ImageOptions) -> ImageFolder {
        ImageFolder::find(dir.path(), options, &FileDivision::default()).unwrap().unwrap()
    }

    #[test]
    fn folders_are_classes_and_channels_are_apart() {
        let dir = tempfile::tempdir().unwrap();
        assert!(ImageFolder::find(dir.path(), ImageOptions::default(), &FileDivision::default()).unwrap().is_none());
        write(&dir, "train/dog/b.png", &png(2, 1, [1, 2, 3]));
        write(&dir, "train/cat/z.png", &png(2, 1, [7, 8, 9]));
        write(&dir, "train/cat/.hidden", b"");
        write(&dir, "test/dog/c.png", &png(2, 1, [255, 0, 0]));
        let folder = find(&dir, ImageOptions::default());
        assert_eq!(folder.classes(), ["cat", "dog"]);
        let train = folder.load(Split::Train, None).unwrap();
        assert_eq!((train.labels(), train.pixels(0).unwrap()), (&[0, 1][..], &[7, 7, 8, 8, 9, 9][..]));
        let options = ImageOptions { size: Some([4, 6]), grey: true, crop: true };
        let test = find(&dir, options).load(Split::Test, None).unwrap();
        assert_eq!(test.pixels(0).unwrap().len(), 24);
        assert!(test.pixels(0).unwrap().iter().all(|&grey| (50..60).contains(&grey)), "{:?}", test.pixels(0));
    }

    #[test]
    fn folders_of_classes_alone_are_divided() {
        let dir = tempfile::tempdir().unwrap();
        for i in 0..40 {
            write(&dir, &format!("{}/{i:02}.png", if i % 4 == 0 { "cat" } else { "dog" }), &png(1, 1, [i; 3]));
        }
        write(&dir, "notes/.hidden", b"");
        let shades = |test: Option<f64>, split| {
            let division = FileDivision { test, group: None };
            let folder = ImageFolder::find(dir.path(), ImageOptions::default(), &division).unwrap().unwrap();
            assert_eq!((folder.classes(), folder.has_validation()), (&["cat".to_owned(), "dog".to_owned()][..], false));
            let images = folder.load(split, None).unwrap();
            let shades: Vec<u8> = (0..images.len()).map(|i| images.pixels(i).unwrap()[0]).collect();
            assert!(shades.iter().enumerate().all(|(i, shade)| images.label(i) == Some(u32::from(shade % 4 != 0))));
            shades
        };
        let (train, test) = (shades(None, Split::Train), shades(None, Split::Test));
        assert_eq!((train.len(), test.len(), test.iter().filter(|&shade| shade % 4 == 0).count()), (32, 8, 2));
        let mut all = [train, test.clone()].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..40));
        assert_eq!(shades(None, Split::Test), test);
        assert_eq!(shades(Some(0.5), Split::Test).len(), 20);
        // Other classes, or others of these, change nothing of who tests.
        let folder = ImageFolder::find(dir.path(), ImageOptions::default(), &FileDivision::default()).unwrap().unwrap();
        let other = ["dog", "bird", "cat"].map(str::to_owned);
        assert_eq!(folder.load(Split::Test, Some(&other)).unwrap().len(), 8);
        // Folders of anything are no images.
        let dir = tempfile::tempdir().unwrap();
        write(&dir, "src/main.c", b"int main;");
        write(&dir, "doc/notes.txt", b"none");
        assert!(ImageFolder::find(dir.path(), ImageOptions::default(), &FileDivision::default()).unwrap().is_none());
    }

    #[test]
    fn there_may_be_more_classes_than_a_byte_counts() {
        let dir = tempfile::tempdir().unwrap();
        for class in 0..300 {
            write(&dir, &format!("train/{class:03}/one.png"), &png(1, 1, [0; 3]));
        }
        let train = find(&dir, ImageOptions::default()).load(Split::Train, None).unwrap();
        assert_eq!((train.spec().classes.len(), train.label(299)), (300, Some(299)));
    }

    #[test]
    fn what_does_not_fit_stays_on_the_disk_and_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        for i in 0..40 {
            write(&dir, &format!("train/{}/{i:02}.png", ["cat", "dog"][i % 2]), &png(20, 20, [i as u8, 7, 200]));
        }
        let folder = find(&dir, ImageOptions::default());
        let whole = folder.load(Split::Train, None).unwrap();
        let within = |bound| folder.load_within(Split::Train, None, bound);
        let files = within(48_159).unwrap();
        assert!(within(48_160).unwrap().in_memory(&[0]).unwrap().is_none(), "it is in memory as a whole");
        let indices: Vec<usize> = (0..40).rev().chain([3, 3]).collect();
        let read = |data: &dyn Dataset, indices: &[usize]| {
            let mut out = ndarray::Array2::zeros((indices.len(), 1200));
            data.read(indices, out.view_mut()).unwrap();
            out
        };
        assert_eq!(read(&*files, &indices), read(&whole, &indices));
        assert!((0..40).all(|i| files.label(i) == whole.label(i)) && files.label(40).is_none());
        assert_eq!(files.windows(), None, "an epoch has the order that it has in memory");
        let copy = files.in_memory(&[30, 2]).unwrap().unwrap();
        assert_eq!((read(&*copy, &[1, 0]), copy.label(0)), (read(&whole, &[2, 30]), whole.label(30)));
        assert!(files.in_memory(&[30, 2]).unwrap().is_some() && files.in_memory(&[1]).unwrap().is_none());
        assert!(matches!(within(100).map(|_| ()), Err(DataError::MemoryBound { bound: 100, .. })));
        // A file that is replaced by another one is found out when it is read.
        write(&dir, "train/cat/00.png", &png(20, 19, [0; 3]));
        let mut out = ndarray::Array2::zeros((1, 1200));
        assert!(files.read(&[0], out.view_mut()).unwrap_err().to_string().contains("is 19x20,"));
    }

    #[test]
    fn the_first_bad_image_is_reported_however_many_threads_there_are() {
        let dir = tempfile::tempdir().unwrap();
        // Some take long to decode, and other threads meet the bad ones behind them before.
        let large = png(800, 800, [1, 2, 3]);
        for i in 0..40 {
            write(&dir, &format!("train/a/{i:02}.png"), if i < 5 { &large } else { b"no picture" });
        }
        let options = ImageOptions { size: Some([9, 9]), ..ImageOptions::default() };
        let (folder, classes) = (find(&dir, options), ["a".to_owned()]);
        let files = folder.load_within(Split::Train, Some(&classes), 9000).unwrap();
        let indices: Vec<usize> = (0..40).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let (loaded, read) = pool.install(|| {
            let mut out = ndarray::Array2::zeros((40, 9 * 9 * 3));
            (folder.load(Split::Train, Some(&classes)).unwrap_err(), files.read(&indices, out.view_mut()).unwrap_err())
        });
        for error in [loaded.to_string(), read.to_string()] {
            assert!(error.contains("05.png"), "{error}");
        }
    }

    #[test]
    fn what_is_no_image_or_has_another_size_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let whole = png(9, 9, [1, 2, 3]);
        write(&dir, "train/a/1.png", &whole);
        let error = |name: &str, bytes: &[u8]| {
            write(&dir, name, bytes);
            let folder = find(&dir, ImageOptions::default());
            let error = folder.load(Split::Train, Some(&["a".to_owned()])).unwrap_err();
            fs::remove_file(dir.path().join(name)).unwrap();
            error.to_string()
        };
        assert!(error("train/a/2.png", &png(9, 8, [0; 3])).contains("is 8x9,"));
        assert!(error("train/a/2.png", b"GIF89a").contains("is a picture in GIF, and not in PNG or JPEG"));
        assert!(error("train/a/2.png", b"text").contains("is not a PNG or JPEG image"));
        // What its name does not make one of ours may be one all the same.
        write(&dir, "train/a/3", &whole);
        let webp = error("train/a/2.webp", b"RIFF\x04\0\0\0WEBPVP8 ");
        assert!(webp.ends_with("a file among its images that is neither PNG nor JPEG: a/2.webp (WebP)"), "{webp}");
        for name in ["Thumbs.db", "notes é.txt", "x.bmp"] {
            write(&dir, &format!("train/a/{name}"), b"x");
        }
        let several = error("train/a/2.webp", b"RIFF\x04\0\0\0WEBPVP8 ");
        assert!(several.contains("files among its images that are neither PNG nor JPEG: a/2.webp (WebP), a/Thumbs.db, a/notes é.txt and 1 more"), "{several}");
        for name in ["Thumbs.db", "notes é.txt", "x.bmp"] {
            fs::remove_file(dir.path().join("train/a").join(name)).unwrap();
        }
        for n in [9, 30, whole.len() / 2] {
            assert!(error("train/a/2.png", &whole[..n]).contains("cannot be decoded"), "{n}");
        }
        // A header that claims 2^31 pixels a side.
        let mut lies = whole.clone();
        lies[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert!(error("train/a/2.png", &lies).contains("cannot be decoded"));
        assert!(error("train/b/2.png", &whole).contains("train/b has the class `b`, the classes are `a`"));
    }
}
