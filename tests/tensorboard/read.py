"""Reads events.hex, one record of an event file on each line, with the tensorboard package.

    python -m pip install tensorboard && python tests/tensorboard/read.py

The test of crates/distill-cli/src/tensorboard.rs compares what the program writes with the lines of that file. When the
values of the test change, put the bytes that it shows for `left` into events.hex, one record on each line, the values
into EXPECTED, and run this: it fails unless tensorboard finds every value, step and time.
"""

import pathlib
import struct
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

f32 = lambda value: struct.unpack("<f", struct.pack("<f", value))[0]
EXPECTED = {
    "loss/train": [(1_700_000_001.25, 0, 2.2871), (1_700_000_002.0, 127, -0.0), (1_700_000_002.5, 300, 1e-30)],
    "accuracy/überprüft": [(1_700_000_003.0, 5_000_000_000, 0.9875)],
    "long/" * 60: [(1_700_000_004.0, 1, float("inf"))],
}

lines = pathlib.Path(__file__).with_name("events.hex").read_text().split()
with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "events.out.tfevents.1").write_bytes(bytes.fromhex("".join(lines)))
    events = EventAccumulator(folder, size_guidance={"scalars": 0})
    events.Reload()
    found = {tag: [(e.wall_time, e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    first, version = events.FirstEventTimestamp(), events.file_version

for tag, values in found.items():
    print(tag, values)
expected = {tag: [(time, step, f32(value)) for time, step, value in values] for tag, values in EXPECTED.items()}
if found != expected or first != 1_700_000_000.5 or version != 2:
    sys.exit(f"differs; first time {first}, version {version}, expected\n{expected}")
print(f"{sum(map(len, found.values()))} values in {len(lines)} records are what was written")
