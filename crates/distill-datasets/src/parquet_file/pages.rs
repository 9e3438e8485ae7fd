use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use super::Fault;
use super::header::{DATA, DATA_V2, DICTIONARY, INDEX, PageHeader};

/// Writers make pages of about a megabyte.
const MAX_PAGE: usize = 64 << 20;
/// Most headers are shorter than the first; statistics make some longer.
const HEADERS: [u64; 3] = [256, 16 << 10, 1 << 20];

/// A file from which several columns are read in turn.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<File>>);

impl Shared {
    pub(super) fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(file)))
    }

    /// Reads so many bytes, or up to the end of the file.
    fn read(&self, from: u64, n: u64) -> io::Result<Vec<u8>> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = vec![];
        (&mut *file).take(n).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The pages of a column in one group of rows. No page takes more memory than [`MAX_PAGE`], whatever it claims.
pub(super) struct Pages {
    file: Shared,
    at: u64,
    end: u64,
    compression: Compression,
    /// Values that are still to come.
    n_values: i64,
}

impl Pages {
    pub(super) fn new(file: Shared, chunk: &ColumnChunkMetaData) -> std::result::Result<Self, Fault> {
        let damaged = || Fault::damaged("the list of its columns");
        // Some writers give the dictionary the place 0 where there is none.
        let dictionary = chunk.dictionary_page_offset().filter(|&at| at > 0);
        let start = dictionary.map_or(chunk.data_page_offset(), |at| at.min(chunk.data_page_offset()));
        let at = u64::try_from(start).map_err(|_| damaged())?;
        let len = u64::try_from(chunk.compressed_size()).map_err(|_| damaged())?;
        let end = at.checked_add(len).ok_or_else(damaged)?;
        Ok(Self { file, at, end, compression: chunk.compression(), n_values: chunk.num_values() })
    }

    fn header(&self) -> std::result::Result<(PageHeader, u64), Fault> {
        for most in HEADERS {
            let bytes = self.file.read(self.at, most.min(self.end - self.at)).map_err(Fault::Io)?;
            if let Some((header, len)) = PageHeader::parse(&bytes)? {
                return Ok((header, len as u64));
            }
        }
        Err(Fault::damaged("the header of a page"))
    }

    fn page(&mut self) -> std::result::Result<Option<Page>, Fault> {
        // A column ends with its last value; there may be bytes after it.
        while self.at < self.end && self.n_values > 0 {
            let (header, len) = self.header()?;
            let body = self.at + len;
            let packed = u64::try_from(header.packed).ok().filter(|&n| n <= self.end.saturating_sub(body));
            let packed = packed.ok_or_else(|| Fault::damaged("the size of a page"))?;
            self.at = body + packed;
            if header.kind == INDEX {
                continue;
            }
            let unpacked = usize::try_from(header.unpacked).map_err(|_| Fault::damaged("the size of a page"))?;
            if unpacked > MAX_PAGE || packed > MAX_PAGE as u64 {
                return Err(Fault::Cannot(format!(
                    "has a page of {} bytes; write it with pages of at most {} MiB",
                    unpacked as u64 | packed,
                    MAX_PAGE >> 20
                )));
            }
            let bytes = self.file.read(body, packed).map_err(Fault::Io)?;
            if bytes.len() as u64 != packed {
                return Err(Fault::damaged("its end, which is missing"));
            }
            return self.decode(&header, bytes, unpacked).map(Some);
        }
        match self.n_values {
            0 => Ok(None),
            _ => Err(Fault::damaged("the number of values in a column")),
        }
    }

    fn decode(&mut self, header: &PageHeader, bytes: Vec<u8>, unpacked: usize) -> std::result::Result<Page, Fault> {
        let damaged = || Fault::damaged("the header of a page");
        let count = |n: i64| u32::try_from(n).map_err(|_| damaged());
        let n_values = count(header.n_values)?;
        if header.kind == DICTIONARY {
            let buf = self.unpack(&bytes, unpacked)?;
            // Memory is taken for each, and a value has a byte at least.
            if n_values as usize > buf.len() {
                return Err(Fault::damaged("the size of a dictionary"));
            }
            let encoding = encoding(header.encoding)?;
            return Ok(Page::DictionaryPage { buf: buf.into(), num_values: n_values, encoding, is_sorted: false });
        }
        self.n_values -= i64::from(n_values);
        if self.n_values < 0 {
            return Err(Fault::damaged("the number of values in a page"));
        }
        match header.kind {
            DATA => Ok(Page::DataPage {
                buf: self.unpack(&bytes, unpacked)?.into(),
                num_values: n_values,
                encoding: encoding(header.encoding)?,
                def_level_encoding: encoding(header.definition_encoding)?,
                rep_level_encoding: encoding(header.repetition_encoding)?,
                statistics: None,
            }),
            DATA_V2 => {
                let (definition, repetition) = (count(header.definition_levels)?, count(header.repetition_levels)?);
                // The levels stand before the values, and are never compressed.
                let n_levels = definition as usize + repetition as usize;
                let values = bytes.get(n_levels..).ok_or_else(damaged)?;
                let rest = unpacked.checked_sub(n_levels).ok_or_else(damaged)?;
                let buf = match header.is_packed {
                    true => [&bytes[..n_levels], &self.unpack(values, rest)?].concat(),
                    false => bytes,
                };
                Ok(Page::DataPageV2 {
                    buf: buf.into(),
                    num_values: n_values,
                    encoding: encoding(header.encoding)?,
                    num_nulls: count(header.n_nulls)?,
                    num_rows: count(header.n_rows)?,
                    def_levels_byte_len: definition,
                    rep_levels_byte_len: repetition,
                    is_compressed: header.is_packed,
                    statistics: None,
                })
            }
            _ => Err(damaged()),
        }
    }

    /// The bytes before compression, of which there must be so many.
    fn unpack(&self, bytes: &[u8], n: usize) -> std::result::Result<Vec<u8>, Fault> {
        let damaged = |_| Fault::damaged("a compressed page");
        // The memory grows with what is there, not with what is claimed, and ends one byte after that.
        let read = |source: &mut dyn Read| -> io::Result<Vec<u8>> {
            let mut out = vec![];
            source.take(n as u64 + 1).read_to_end(&mut out)?;
            Ok(out)
        };
        let out = match self.compression {
            _ if n == 0 => vec![],
            Compression::UNCOMPRESSED => bytes.to_vec(),
            Compression::SNAPPY => {
                // Three bytes become 64 at most.
                if snap::raw::decompress_len(bytes).is_ok_and(|claimed| claimed != n || n / 32 > bytes.len()) {
                    return Err(Fault::damaged("a compressed page"));
                }
                snap::raw::Decoder::new().decompress_vec(bytes).map_err(|_| Fault::damaged("a compressed page"))?
            }
            Compression::GZIP(_) => read(&mut flate2::read::MultiGzDecoder::new(bytes)).map_err(damaged)?,
            Compression::ZSTD(_) => {
                let mut source =
                    ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|_| Fault::damaged("a compressed page"))?;
                read(&mut source).map_err(damaged)?
            }
            other => {
                let name = other.to_string();
                let name = name.split('(').next().unwrap_or_default().to_owned();
                return Err(Fault::Cannot(format!(
                    "is compressed with {name}, which is not read here: write it with snappy, zstd, gzip or none"
                )));
            }
        };
        if out.len() == n { Ok(out) } else { Err(Fault::damaged("a compressed page")) }
    }
}

fn encoding(number: i64) -> std::result::Result<Encoding, Fault> {
    Ok(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        // Old programs name it for levels that are not there.
        #[expect(deprecated, reason = "it is read nevertheless")]
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        // Their decoders take memory for as many values as they claim.
        6 | 7 => {
            return Err(Fault::Cannot(
                "has a column in an encoding of differences of texts, which is not read here: write it with a dictionary".to_owned(),
            ));
        }
        _ => return Err(Fault::damaged("the encoding of a page")),
    })
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.page().map_err(|fault| ParquetError::External(Box::new(fault)))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(ParquetError::NYI("pages are read one after the other".to_owned()))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.get_next_page().map(|_| ())
    }
}
