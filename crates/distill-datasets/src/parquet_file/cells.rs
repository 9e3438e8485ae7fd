use half::f16;
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::schema::types::ColumnDescriptor;

use super::Fault;
use crate::columns::Cell;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Bool,
    Signed,
    Unsigned,
    /// Whole numbers, to be multiplied.
    Decimal(f64),
    Real,
    Half,
    Text,
}

impl Kind {
    /// # Errors
    /// What is in a column that cannot be read, in words.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        if column.max_rep_level() > 0 || column.max_def_level() > 1 {
            return Err("lists or structures".to_owned());
        }
        let (logical, converted) = (column.logical_type_ref(), column.converted_type());
        let is_decimal = converted == ConvertedType::DECIMAL || matches!(logical, Some(LogicalType::Decimal { .. }));
        match column.physical_type() {
            Type::INT32 | Type::INT64 if is_decimal => Ok(Self::Decimal(10_f64.powi(-column.type_scale()))),
            _ if is_decimal => Err("decimal numbers of more than 18 digits".to_owned()),
            Type::BOOLEAN => Ok(Self::Bool),
            Type::INT32 | Type::INT64 => {
                let is_unsigned = matches!(
                    converted,
                    ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
                );
                Ok(if is_unsigned { Self::Unsigned } else { Self::Signed })
            }
            Type::FLOAT | Type::DOUBLE => Ok(Self::Real),
            Type::FIXED_LEN_BYTE_ARRAY
                if matches!(logical, Some(LogicalType::Float16)) && column.type_length() == 2 =>
            {
                Ok(Self::Half)
            }
            Type::BYTE_ARRAY => Ok(Self::Text),
            Type::INT96 => Err("points in time of 96 bits".to_owned()),
            Type::FIXED_LEN_BYTE_ARRAY => Err("blocks of bytes".to_owned()),
        }
    }
}

/// Some values of a column, decoded.
pub(super) struct Cells {
    kind: Kind,
    reader: ColumnReader,
    /// Of each row, whether it has a value; empty if all have.
    levels: Vec<i16>,
    values: Values,
    /// Of each row, which value is its own; none where it has none.
    places: Vec<Option<usize>>,
}

#[derive(Debug)]
enum Values {
    Bool(Vec<bool>),
    Whole(Vec<i64>),
    Real(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl Cells {
    pub(super) fn new(kind: Kind, reader: ColumnReader) -> Self {
        Self { kind, reader, levels: vec![], values: Values::Bool(vec![]), places: vec![] }
    }

    /// Decodes so many rows more; false if there are fewer.
    pub(super) fn read(&mut self, n: usize) -> Result<bool, Fault> {
        self.levels.clear();
        let (kind, levels) = (self.kind, &mut self.levels);
        let n_rows;
        (n_rows, self.values) = match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => {
                let (n_rows, values) = decode(reader, n, levels)?;
                (n_rows, Values::Bool(values))
            }
            ColumnReader::Int32ColumnReader(reader) => {
                let (n_rows, values) = decode(reader, n, levels)?;
                let widen = |value: i32| match kind {
                    Kind::Unsigned => i64::from(value.cast_unsigned()),
                    _ => i64::from(value),
                };
                (n_rows, whole(kind, values.into_iter().map(widen).collect()))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                let (n_rows, values) = decode(reader, n, levels)?;
                (n_rows, whole(kind, values))
            }
            ColumnReader::FloatColumnReader(reader) => {
                let (n_rows, values) = decode(reader, n, levels)?;
                (n_rows, Values::Real(values.into_iter().map(f64::from).collect()))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                let (n_rows, values) = decode(reader, n, levels)?;
                (n_rows, Values::Real(values))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                let (n_rows, values) = decode(reader, n, levels)?;
                let number = |value: FixedLenByteArray| match *value.data() {
                    [low, high] => f64::from(f16::from_le_bytes([low, high])),
                    _ => f64::NAN,
                };
                (n_rows, Values::Real(values.into_iter().map(number).collect()))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let (n_rows, values) = decode(reader, n, levels)?;
                if values.iter().any(|value: &ByteArray| str::from_utf8(value.data()).is_err()) {
                    return Err(Fault::Cannot("has a text that is not UTF-8".to_owned()));
                }
                (n_rows, Values::Text(values))
            }
            ColumnReader::Int96ColumnReader(_) => return Err(Fault::damaged("the type of a column")),
        };
        self.places.clear();
        let mut next = 0;
        self.places.extend((0..n_rows).map(|row| {
            let has_one = self.levels.get(row).is_none_or(|&level| level > 0);
            next += usize::from(has_one);
            has_one.then(|| next - 1)
        }));
        Ok(n_rows == n && next <= self.values.len())
    }

    pub(super) fn get(&self, row: usize) -> Option<Cell<'_>> {
        let Some(at) = *self.places.get(row)? else { return Some(Cell::Text("")) };
        Some(match &self.values {
            Values::Bool(values) => Cell::Text(if *values.get(at)? { "true" } else { "false" }),
            Values::Whole(values) => Cell::Whole(*values.get(at)?),
            Values::Real(values) => Cell::Real(*values.get(at)?),
            Values::Text(values) => Cell::Text(str::from_utf8(values.get(at)?.data()).ok()?),
        })
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::Whole(values) => values.len(),
            Self::Real(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "inputs have fewer digits")]
fn whole(kind: Kind, values: Vec<i64>) -> Values {
    match kind {
        Kind::Decimal(unit) => Values::Real(values.into_iter().map(|value| value as f64 * unit).collect()),
        Kind::Unsigned if values.iter().any(|&value| value < 0) => {
            Values::Real(values.into_iter().map(|value| value.cast_unsigned() as f64).collect())
        }
        _ => Values::Whole(values),
    }
}

fn decode<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    n: usize,
    levels: &mut Vec<i16>,
) -> Result<(usize, Vec<T::T>), Fault> {
    let mut values = vec![];
    let (n_rows, _, _) = reader.read_records(n, Some(levels), None, &mut values)?;
    Ok((n_rows, values))
}
