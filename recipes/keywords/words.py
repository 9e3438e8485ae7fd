"""Sorts twelve words of the Arabic Speech Commands Dataset into folders for training, validation and tests, speakers apart.

    python -m pip install numpy scipy
    python recipes/keywords/words.py dataset words-ar

`dataset` is the folder of that name of https://github.com/abdulkaderghandoura/arabic-speech-commands-dataset, with a folder
for each of 40 words and recordings `SPEAKER_NO_ROUND.wav` of one second at 16 kHz (A. Ghandoura, F. Hjabo, O. Al Dakkak, 2021,
CC BY 4.0). The recordings are written at 8 kHz.
"""

import pathlib
import sys
import wave

import numpy as np
from scipy.signal import resample_poly

WORDS = "up down left right yes no start stop forward backward open close".split()
VALIDATION, TEST = {2, 7, 8, 12, 21, 25}, {3, 4, 10, 14, 26, 28}


def main():
    dataset, out = map(pathlib.Path, sys.argv[1:])
    for word in WORDS:
        for path in sorted((dataset / word).glob("*.wav")):
            speaker = int(path.name.split("_")[0])
            part = "validation" if speaker in VALIDATION else "test" if speaker in TEST else "train"
            with wave.open(str(path)) as file:
                assert file.getsampwidth() == 2 and file.getnchannels() == 1, path
                rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16)
            if rate != 8000:
                samples = resample_poly(samples.astype(float), 8000, rate).round().clip(-32768, 32767).astype(np.int16)
            target = out / part / word / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(target), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(samples.tobytes())


if __name__ == "__main__":
    main()
