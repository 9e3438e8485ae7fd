"""Writes the files in tests/golden/parquet, each by another program: what `distill-datasets` reads must be the same.

    pip install pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1 fastparquet==2026.9.0 pandas
    python tests/golden/parquet.py

Row i has values that crates/distill-datasets/src/parquet_file/tests.rs knows how to compute.
"""

import datetime
import decimal
import pathlib

import duckdb
import fastparquet
import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq

N = 1500
HERE = pathlib.Path(__file__).parent / "parquet"
HERE.mkdir(exist_ok=True)

rows = range(N)
table = pa.table(
    {
        "name": pa.array([f"r{i % 400}" for i in rows]),
        "size": pa.array([None if i % 7 == 3 else i * 0.25 - 3 for i in rows], pa.float64()),
        "weight": pa.array([i / 8 for i in rows], pa.float32()),
        "count": pa.array([i % 5 - 2 for i in rows], pa.int32()),
        "large": pa.array([4294967295 - i for i in rows], pa.uint32()),
        "half": pa.array(np.array([i % 16 * 0.5 for i in rows], np.float16)),
        "flag": pa.array([i % 3 == 0 for i in rows]),
        "price": pa.array([decimal.Decimal(i) / 4 for i in rows], pa.decimal128(9, 2)),
        "colour": pa.array([None if i % 11 == 0 else ["red", "green", "blue"][i % 3] for i in rows]),
        "day": pa.array([datetime.date(1970, 1, 1) + datetime.timedelta(days=i) for i in rows]),
        "label": pa.array([i % 3 for i in rows], pa.int64()),
    }
)
small = {"row_group_size": 1100, "data_page_size": 2048, "write_batch_size": 100, "store_decimal_as_integer": True}
pq.write_table(table, HERE / "pyarrow.parquet", **small)
pq.write_table(table, HERE / "pyarrow-v2.parquet", compression="zstd", data_page_version="2.0", use_dictionary=False, **small)
encodings = {
    "size": "BYTE_STREAM_SPLIT",
    "weight": "BYTE_STREAM_SPLIT",
    "count": "DELTA_BINARY_PACKED",
    "large": "DELTA_BINARY_PACKED",
    "label": "DELTA_BINARY_PACKED",
    "name": "PLAIN",
}
pq.write_table(table, HERE / "pyarrow-encodings.parquet", compression="gzip", use_dictionary=False, column_encoding=encodings, **small)
pq.write_table(table, HERE / "pyarrow-plain.parquet", compression="none", **small)

# The others lack some of the types.
plain = table.drop_columns(["half", "price"])
polars.from_arrow(plain).write_parquet(HERE / "polars.parquet", row_group_size=1100, data_page_size=2048)
duckdb.sql("COPY plain TO '" + str(HERE / "duckdb.parquet") + "' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
frame = plain.drop_columns(["day"]).to_pandas()
fastparquet.write(str(HERE / "fastparquet.parquet"), frame, row_group_offsets=1100, compression="SNAPPY")

# A teacher's answers to the rows, logits of three classes.
answers = {str(k): pa.array([2.0 * (i % 3 == k) + (i + k) % 4 * 0.25 for i in rows], pa.float32()) for k in range(3)}
pq.write_table(pa.table(answers), HERE / "answers.parquet")

# Small files, to be damaged.
few = plain.slice(0, 8)
bare = {"store_schema": False, "write_statistics": False}
pq.write_table(few.select(["size", "count", "colour"]), HERE / "few-snappy.parquet", **bare)
pq.write_table(few.select(["size", "flag", "name"]), HERE / "few-zstd.parquet", compression="zstd", data_page_version="2.0", **bare)
differences = {"compression": "gzip", "use_dictionary": False, "column_encoding": {name: encodings[name] for name in ("weight", "large")}}
pq.write_table(few.select(["weight", "large"]), HERE / "few-gzip.parquet", **differences, **bare)

# What is refused.
pq.write_table(few, HERE / "lz4.parquet", compression="lz4")
pq.write_table(few, HERE / "texts.parquet", use_dictionary=False, column_encoding={"name": "DELTA_BYTE_ARRAY"})
pq.write_table(pa.table({"x": [[1.0, 2.0], [3.0]], "label": [0, 1]}), HERE / "lists.parquet")
