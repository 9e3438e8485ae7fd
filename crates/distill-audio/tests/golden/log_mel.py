#!/usr/bin/env python3
"""Log-mel values by torchaudio for a few synthetic signals: writes log_mel.json beside this file.

    pip install torch torchaudio
    python log_mel.py
"""

import json
import math
from pathlib import Path

import torch
import torchaudio

# In double precision, so that the values are those of the definition.
torch.set_default_dtype(torch.float64)


def quantised(values):
    return [max(-32768, min(32767, round(32768 * value))) for value in values]


def chirp(rate, seconds, low, high):
    """A tone that rises from `low` to `high` Hz, at three quarters of full scale."""
    times = [n / rate for n in range(int(rate * seconds))]
    return quantised(0.75 * math.sin(2 * math.pi * (low * t + (high - low) * t * t / (2 * seconds))) for t in times)


def noise(n, loudness):
    """Numbers of a linear congruential generator."""
    state, samples = 1, []
    for _ in range(n):
        state = (1664525 * state + 1013904223) % 2**32
        samples.append(((state >> 16) - 32768) * loudness // 32768)
    return samples


def tones_and_silence(rate):
    """Two tones, a pause without any sound, and very soft noise."""
    tones = [0.3 * math.sin(2 * math.pi * 440 * n / rate) + 0.1 * math.sin(2 * math.pi * 2500 * n / rate) for n in range(rate // 20)]
    return quantised(tones) + [0] * (rate // 20) + noise(rate // 20, 3)


def log_mel(samples, rate, window, step, n_fft, bands, low_hz, high_hz, floor):
    waveform = torch.tensor(samples, dtype=torch.float64) / 32768
    # torch.stft puts a short window into the middle of the transform; with these zeros it begins at the frame.
    before = (n_fft - window) // 2
    waveform = torch.nn.functional.pad(waveform, (before, n_fft - window - before))
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate=rate,
        n_fft=n_fft,
        win_length=window,
        hop_length=step,
        f_min=low_hz,
        f_max=high_hz,
        n_mels=bands,
        power=2.0,
        center=False,
        norm=None,
        mel_scale="htk",
    )
    return transform(waveform).clamp(min=floor).log().T


CASES = {
    "chirp": (chirp(8000, 0.3, 100, 3900), (8000, 200, 80, 256, 40, 0.0, 4000.0, 1e-10)),
    "noise": (noise(1200, 20000), (8000, 200, 80, 512, 30, 100.0, 3800.0, 1e-10)),
    "tones, silence and soft noise": (tones_and_silence(16000), (16000, 400, 160, 400, 23, 20.0, 7600.0, 1e-6)),
}
NAMES = ["rate", "window", "step", "n_fft", "bands", "low_hz", "high_hz", "floor"]

cases = []
for name, (samples, numbers) in CASES.items():
    values = log_mel(samples, *numbers)
    rows = [[float(f"{value:.7g}") for value in row] for row in values.tolist()]
    cases.append({"name": name, "config": dict(zip(NAMES, numbers)), "samples": samples, "log_mel": rows})
document = {"torch": torch.__version__.split("+")[0], "torchaudio": torchaudio.__version__.split("+")[0], "cases": cases}
text = json.dumps(document).replace('{"name"', '\n{"name"').replace('"log_mel"', '\n"log_mel"').replace("], [", "],\n[")
Path(__file__).with_name("log_mel.json").write_text(text + "\n")
