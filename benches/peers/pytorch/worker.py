"""PyTorch on the work of the benchmark: one JSON request a line in, one JSON answer a line out."""

import argparse
import json
import sys

import training


def answer(session, request):
    work = request["work"]
    if work == "train":
        return session.measure(request["seconds"])
    if work == "product":
        return training.product(request["layers"][0], request["seconds"])
    return session.measure(request["batch"], request["seconds"], work == "latency")


def session_for(request, folder):
    if request["work"] == "train":
        return training.Session(request, folder)
    if request["work"] == "product":
        return None
    import inference

    return inference.Session(folder, request["layers"], request["inputs"])


def hello(threads):
    import torch

    features = [torch.backends.cpu.get_cpu_capability().lower()]
    features += [name for name in ("mkl", "mkldnn") if getattr(torch.backends, name).is_available()]
    # The wheel with CUDA takes longer to load and more memory, and computes the same.
    features.append("CPU wheel" if torch.version.cuda is None else "CUDA wheel")
    return {"name": "PyTorch", "version": torch.__version__, "threads": threads, "features": features}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    # What compilers print must not come between the answers.
    out, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(hello(args.threads)), file=out, flush=True)
    training.torch.set_num_threads(args.threads)
    key, session = None, None
    for line in sys.stdin:
        request = json.loads(line)
        wanted = {name: value for name, value in request.items() if name != "seconds"}
        try:
            if wanted != key:
                key, session = None, None
                session = session_for(request, args.data)
                key = wanted
            reply = answer(session, request)
        except Exception as error:  # The driver goes on without this row.
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=out, flush=True)


main()
