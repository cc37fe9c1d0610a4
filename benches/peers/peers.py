"""Runs ISNet in Rust and its rivals in turns, and prints one table: `python peers.py [--quick] [--only PATTERN] [--check]`.

README.md beside this file says what is compared and how. Needs nothing outside Python's library; the rivals run in the interpreter
given by `--python`, by default this one.
"""

import argparse
import dataclasses
import fnmatch
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LAYERS = ["3x3-64@56", "3x3-128@28", "3x3-256@14", "3x3-512@7", "1x1-256-64@56", "1x1-1024-256@14"]
LAYERS += ["7x7s2-3-64@224", "depthwise-192@28"]
NETWORKS = ["resnet18-b8", "densenet121-b4"]
NAMES = {
    "isnet": "ISNet: the classifier alone",
    "float64": "PyTorch float64",
    "nchw": "PyTorch NCHW",
    "channels_last": "PyTorch channels_last",
    "jit": "PyTorch jit, oneDNN",
    "onnxruntime": "ONNX Runtime",
    "epsilon": "zennit ε",
    "epsilon_plus": "zennit EpsilonPlus",
}


@dataclasses.dataclass
class Work:
    """A case of our benchmark programs, its rivals, and the ratio of times it must reach against each."""

    case: str
    goals: dict
    program: str = "steps"


def works():
    """Every line of the table of issue 3."""
    table = []
    for kind in ("forward", "data", "weight"):
        table += [Work(f"{kind}-{layer}", {"channels_last": 1.1}, "operations") for layer in LAYERS]
    table += [Work(f"step-plain-{network}", {"nchw": 1.0, "channels_last": 1.15}) for network in NETWORKS]
    for network, goal in zip(NETWORKS, (0.5, 0.4)):
        table.append(Work(f"step-selective-{network}", {"nchw": goal, "channels_last": goal}))
    table += [Work(f"step-all_classes-{network}", {"nchw": 0.4}) for network in NETWORKS]
    for network in ("resnet18", "vgg16"):
        table += [Work(f"explain-{network}-b{n}", {"epsilon": 0.6, "epsilon_plus": 0.6}) for n in (1, 8)]
    everyone = {"nchw": 1.1, "channels_last": 1.1, "jit": 1.1, "onnxruntime": 1.1}
    for network in ("resnet18", "densenet121"):
        table += [Work(f"infer-{network}-b{n}", everyone) for n in (1, 8)]
    # The pipeline of a U-Net and a classifier against that classifier, both ours: what the papers' comparison at run time is about.
    table += [Work(f"infer-pipeline-{network}-b{n}", {"isnet": None}) for network in ("resnet18", "densenet121") for n in (1, 8)]
    return table


class Contestant:
    """A process that stays alive between its turns."""

    def __init__(self, command, load, environment):
        self.command = command
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        self.times = []
        self.count = 1
        self.ask(load)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer.startswith("error") or self.process.poll() is not None:
            raise SystemExit(f"{' '.join(self.command)}: `{line}`: {answer or 'the process ended'}")
        return answer

    def facts(self):
        pairs = (fact.split("=") for fact in self.ask("facts").split())
        return {name: float(value) for name, value in pairs}

    def run(self):
        return [float(time) for time in self.ask(f"run {self.count}").split()]

    def warm_up(self, milliseconds):
        """Forgets the peak of preparing, then finds how many runs make a turn of this length."""
        self.reset_peak()
        self.run()
        # A gradient's own time may be a small part of what its run takes.
        start = time.perf_counter()
        self.run()
        self.count = max(1, min(200, int(milliseconds / 1e3 / (time.perf_counter() - start))))

    def turn(self):
        self.times += self.run()
        # Threads of some libraries spin for a while after their work.
        time.sleep(0.02)

    def median(self):
        return statistics.median(self.times)

    def reset_peak(self):
        try:
            pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        except OSError:
            pass  # then the peak includes the preparation

    def peak_mb(self):
        """Largest resident memory since `reset_peak`. Unlike `ru_maxrss`, it does not begin with that of this process."""
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return math.nan
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def programs(build):
    """Paths of our two benchmark programs."""
    if build:
        command = ["cargo", "bench", "--workspace", "--bench", "operations", "--bench", "steps", "--no-run"]
        command.append("--message-format=json-render-diagnostics")
        lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        messages = (json.loads(line) for line in lines)
        built = (message for message in messages if message.get("executable"))
        return {message["target"]["name"]: message["executable"] for message in built}
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "deps"
    found = {}
    for name in ("operations", "steps"):
        files = [file for file in folder.glob(f"{name}-*") if not file.suffix]
        if not files:
            raise SystemExit(f"no program `{name}` in {folder}: run without --no-build")
        found[name] = str(max(files, key=lambda file: file.stat().st_mtime))
    return found


class Arena:
    """Starts contestants."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.programs = programs(not options.no_build)
        threads = str(options.threads)
        own = {"RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PEERS_FOLDER": folder, "PYTHONWARNINGS": "ignore"}
        own["PYTHONDONTWRITEBYTECODE"] = "1"
        self.environment = os.environ | own

    def ours(self, work):
        return Contestant([self.programs[work.program], "--serve"], f"load {work.case}", self.environment)

    def rival(self, work, rival):
        if rival == "isnet":
            return self.ours(dataclasses.replace(work, case=work.case.replace("pipeline-", "")))
        command = [self.options.python, str(HERE / "rival.py")]
        if rival == "onnxruntime":
            # PyTorch writes the file, and its memory must not count.
            export = subprocess.run([*command, "--export", work.case, self.folder], capture_output=True, text=True)
            if export.returncode:
                raise SystemExit(f"cannot export {work.case}:\n{export.stderr}")
        return Contestant(command, f"load {work.case} {rival}", self.environment)


def compare(arena, work):
    """A row per rival: ours and all rivals take turns."""
    ours = arena.ours(work)
    rivals = {rival: arena.rival(work, rival) for rival in work.goals}
    everyone = [ours, *rivals.values()]
    for contestant in everyone:
        contestant.warm_up(arena.options.turn_ms)
    for _ in range(arena.options.turns):
        for contestant in everyone:
            contestant.turn()
    rows = []
    for rival, contestant in rivals.items():
        ratio, goal = ours.median() / contestant.median(), work.goals[rival]
        cells = [work.case, NAMES[rival], f"{ours.median():.2f}", f"{contestant.median():.2f}", f"{ratio:.2f}"]
        cells += [f"{goal or '–'}", f"{ours.peak_mb():.0f}", f"{contestant.peak_mb():.0f}"]
        cells.append(f"{ours.peak_mb() / contestant.peak_mb():.2f}")
        rows.append((ratio, cells))
    for contestant in everyone:
        contestant.close()
    return rows


def check(arena, work):
    """Prints how far the rivals' numbers are from ours, for those that compute the same thing."""
    if work.program == "operations" or work.case.startswith("explain-resnet") or "isnet" in work.goals:
        return True
    # Two ways to round a deep network differ more from each other than from the truth.
    same = ["float64"] if work.case.startswith("step-") else [rival for rival in work.goals if rival != "epsilon_plus"]
    ours = arena.ours(work)
    expected = ours.facts()
    ours.close()
    return all([check_rival(arena, work, rival, expected) for rival in same])


def check_rival(arena, work, rival, expected):
    contestant = arena.rival(work, rival)
    found = contestant.facts()
    contestant.close()
    assert set(found) == set(expected), set(found) ^ set(expected)
    gradients = [name for name in found if name.startswith("grad.")]
    values = set(found) - set(gradients)
    worst = max(abs(expected[name] - found[name]) / max(abs(found[name]), 1e-3) for name in values)
    text = f"{work.case}, {NAMES[rival]}: {len(values)} values differ by at most {worst:.1e}"
    fine = worst < 1e-3
    if gradients:
        norm = lambda facts: math.sqrt(sum(facts[name] ** 2 for name in gradients))
        total = abs(norm(expected) - norm(found)) / norm(found)
        floor = 1e-3 * max(found[name] for name in gradients)
        each = [abs(expected[name] - found[name]) / max(found[name], floor) for name in gradients]
        text += f"; gradient norm {norm(found):.4g} by {total:.1e}"
        text += f", of one parameter by {statistics.median(each):.1e} (median) and {max(each):.1e} (worst)"
        fine = fine and total < 3e-2 and statistics.median(each) < 2e-2
    print(text if fine else f"{text}: DIFFERS", flush=True)
    return fine


def measure(arena, chosen):
    heads = ["work", "rival", "ours ms", "rival ms", "ratio", "goal", "our peak MB", "rival peak MB", "ratio"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * 2 + "---:|" * 7)
    convolutions = []
    for work in chosen:
        for ratio, cells in compare(arena, work):
            print("| " + " | ".join(cells) + " |", flush=True)
            if work.program == "operations":
                convolutions.append(ratio)
    if convolutions:
        print(f"\nMedian ratio over {len(convolutions)} convolutions: {statistics.median(convolutions):.2f}")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PATTERN", action="append", help="cases to run, like `step-*` or `infer-resnet18-b1`")
    parser.add_argument("--rival", metavar="NAME", action="append", choices=NAMES, help="rivals: " + " ".join(NAMES))
    parser.add_argument("--check", action="store_true", help="compare numbers instead of times")
    parser.add_argument("--quick", action="store_true", help="few turns: to see that it works")
    parser.add_argument("--turns", type=int, help="turns of each contestant (15; quick: 3)")
    parser.add_argument("--turn-ms", type=float, help="least length of a turn (60; quick: 20)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each contestant (2)")
    parser.add_argument("--no-build", action="store_true", help="use the benchmark programs that were built last")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the rivals")
    found = parser.parse_args()
    found.turns = found.turns or (3 if found.quick else 15)
    found.turn_ms = found.turn_ms or (20 if found.quick else 60)
    return found


def main():
    chosen_options = options()
    chosen = works()
    if chosen_options.only:
        chosen = [work for work in chosen if any(fnmatch.fnmatch(work.case, only) for only in chosen_options.only)]
    if chosen_options.rival:
        for work in chosen:
            work.goals = {rival: goal for rival, goal in work.goals.items() if rival in chosen_options.rival}
    chosen = [work for work in chosen if work.goals]
    if not chosen:
        raise SystemExit("no such case; there are " + " ".join(work.case for work in works()))
    with tempfile.TemporaryDirectory() as folder:
        arena = Arena(chosen_options, folder)
        if chosen_options.check:
            # A list, so that every case is compared.
            sys.exit(0 if all([check(arena, work) for work in chosen]) else 1)
        measure(arena, chosen)


if __name__ == "__main__":
    main()
