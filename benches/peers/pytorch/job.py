"""The main job of the project in PyTorch: a teacher, a student on labels and a student distilled.

It does what `recipes/mnist.toml` says: the same networks, epochs, optimizers and schedules, validation after each
epoch, and the test set once for each network. It prints one JSON object a line, as `distill run --json` does.
"""

import argparse
import copy
import json
import time

import torch
from torch import nn

import common

N_VALIDATION = 5000
EVALUATION_BATCH = 512
TEMPERATURE, ALPHA = 4.0, 0.95


class Job:
    def __init__(self, args):
        self.args = args
        pixels, labels = common.images(args.data, "train")
        order = torch.randperm(len(labels))
        held_out, rest = order[:N_VALIDATION], order[N_VALIDATION:]
        self.pixels, self.labels = pixels[rest], labels[rest]
        self.inputs = common.as_inputs(self.pixels)
        self.validation = common.as_inputs(pixels[held_out]), labels[held_out]
        test, test_labels = common.images(args.data, "test")
        self.test = common.as_inputs(test), test_labels

    def train(self, role, model, optimizer, lr, epochs, batch, read, loss_of, clip=None, max_norm=None):
        steps = epochs * -(-len(self.labels) // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, lr, total_steps=steps, pct_start=0.3, div_factor=25.0, cycle_momentum=False
        )
        hidden = common.hidden_weights(model)
        if self.args.compile:
            loss_of = torch.compile(loss_of, dynamic=False)
        for epoch in range(epochs):
            model.train()
            for rows in torch.randperm(len(self.labels)).split(batch):
                loss = loss_of(read(rows), rows)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                if clip:
                    nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
                schedule.step()
                if max_norm:
                    common.constrain(hidden, max_norm)
                if self.args.first_step:
                    say("first_step")
                    return False
            say("epoch_end", role=role, epoch=epoch + 1, validation_errors=errors(model, *self.validation))
        say("model_end", role=role, test_errors=errors(model, *self.test))
        return True

    def teacher(self):
        model = common.network([784, 1200, 1200, 10], dropout=0.1)
        # Decay is zero in the recipe.
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.002, weight_decay=0.0, fused=True)
        loss_of = lambda inputs, rows: nn.functional.cross_entropy(model(inputs), self.labels[rows])
        read = common.Shifted(self.pixels, 2)
        done = self.train("teacher", model, optimizer, 0.002, self.args.teacher_epochs, 256, read, loss_of, max_norm=3.0)
        return model if done else None

    def student(self, role, model, loss_of):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True, fused=True)
        read = lambda rows: self.inputs.index_select(0, rows)
        self.train(role, model, optimizer, 0.2, self.args.student_epochs, 128, read, loss_of, clip=5.0)

    def run(self):
        teacher = self.teacher()
        if teacher is None:
            return
        baseline = common.network([784, 800, 800, 10])
        student = copy.deepcopy(baseline)
        self.student("baseline", baseline, lambda x, rows: nn.functional.cross_entropy(baseline(x), self.labels[rows]))
        targets = nn.functional.softmax(logits(teacher, self.inputs) / TEMPERATURE, dim=1)
        distill = lambda x, rows: common.distillation(
            student(x), self.labels[rows], targets[rows], TEMPERATURE, ALPHA
        )
        self.student("student", student, distill)


@torch.inference_mode()
def logits(model, inputs):
    model.eval()
    return torch.cat([model(batch) for batch in inputs.split(EVALUATION_BATCH)])


def errors(model, inputs, labels):
    return int((logits(model, inputs).argmax(1) != labels).sum())


def say(event, **fields):
    print(json.dumps({"event": event, "time": time.time(), **fields}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--teacher-epochs", type=int, required=True)
    parser.add_argument("--student-epochs", type=int, required=True)
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--first-step", action="store_true", help="end after the first step")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    Job(args).run()


main()
