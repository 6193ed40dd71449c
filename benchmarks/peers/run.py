"""manyhot beside its peers: every contender in a process of its own, in turn, several rounds, on the same data.

    python benchmarks/peers/run.py --data FOLDER [--cases criteo apps ...] [--rounds 5]

Makes the peers' environments (peers.toml) and data where they are missing, asserts that the first losses agree, prints
one table of medians and ratios (of manyhot as it comes, and in the precision of the peer), and stores everything with
machine, versions and date in benchmarks/results/. All have the same number of threads (Vowpal Wabbit two of its
own). A peer gets its batches in memory; manyhot reads its own from disk.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENTS, RESULTS = HERE / ".venvs", HERE.parent / "results"
CASES = ("criteo", "criteo-8m", "apps", "article", "article-4096", "lr")
OURS = {"manyhot": "auto", "manyhot_float32": "float32"}

Contender = tuple[str, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every contender")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    peers = tomllib.loads((HERE / "peers.toml").read_text())
    measured: list[dict[str, Any]] = []
    for case in options.cases:
        subprocess.run([sys.executable, HERE / "prepare.py", "--data", options.data, "--case", case], check=True)
        contenders = [*ours(case, options.data), *theirs(peers, case, options.data)]
        contenders = [(name, [*command, "--threads", str(options.threads)]) for name, command in contenders]
        facts = json.loads((options.data / case / "case.json").read_text())
        rounds = [{name: run(name, command) for name, command in contenders} for _ in range(options.rounds)]
        for one in rounds:  # each peer has compared its own with that of the same file
            assert_our_first_loss(facts, one["manyhot"]["first_loss"])
        measured += [summary(case, name, [result[name] for result in rounds], rounds) for name, _ in contenders]
    print(table(measured))
    store(measured, options.out)


def ours(case: str, data: Path) -> list[Contender]:
    """Logistic regression is compared by a whole pass and its log loss, everything else by `manyhot bench`."""
    if case == "lr":
        return [("manyhot", [sys.executable, str(HERE / "manyhot_lr.py"), "--data", str(data / case)])]
    bench = [sys.executable, "-m", "manyhot.cli", "bench", "--case", case, "--data", str(data), "--json"]
    brief = ["--repeats", "1", "--no-limits"]
    return [(name, [*bench, *brief, "--precision", precision]) for name, precision in OURS.items()]


def assert_our_first_loss(facts: dict[str, Any], loss: float) -> None:
    """Logistic regression starts at 0 everywhere, and reports its loss after training."""
    expected = facts.get("first_loss_features")
    if expected is not None and not abs(loss - expected) <= 1e-4 * expected:
        raise SystemExit(f"{facts['name']}: manyhot's first loss is {loss:.6f}, that of the case {expected:.6f}")


def theirs(peers: dict[str, Any], case: str, data: Path) -> list[Contender]:
    found = []
    for name, peer in peers.items():
        if case in peer["cases"]:
            python = environment(peer.get("environment", name), peers)
            script = str(HERE / peer["script"])
            found.append((name, [str(python), script, "--data", str(data / case), *peer.get("arguments", [])]))
    return found


def environment(name: str, peers: dict[str, Any]) -> Path:
    """The Python of a peer's environment, made where it is missing."""
    folder = ENVIRONMENTS / name
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *peers[name]["requirements"]], check=True)
        if bare := peers[name].get("without_dependencies"):
            subprocess.run([*install, "--no-deps", *bare], check=True)
        ready.touch()
    return folder / "bin" / "python"


def run(name: str, command: list[str]) -> dict[str, Any]:
    """The JSON that the process prints last."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    if done.returncode != 0:
        raise SystemExit(f"{name} failed:\n{' '.join(command)}\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{result['case']:14} {name:22} {result['examples_per_second']:>12,.0f}", file=sys.stderr)
    return result


def summary(case: str, name: str, results: list[dict[str, Any]], rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """rate: the median; ratio: manyhot's median over this one."""
    rates = [result["examples_per_second"] for result in results]
    manyhot = statistics.median(one["manyhot"]["examples_per_second"] for one in rounds)
    return {
        "case": case,
        "contender": name,
        "rates": rates,
        "rate": statistics.median(rates),
        "ratio": manyhot / statistics.median(rates),
        "precision": results[0]["precision"],
        "first_loss": results[0]["first_loss"],
        "versions": our_versions() if name in OURS else results[0]["versions"],
    }


def our_versions() -> dict[str, str]:
    """What manyhot ran on; this process runs in its environment."""
    show = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    commit = subprocess.run(show, capture_output=True, text=True).stdout.strip()
    return {**{name: version(name) for name in ("manyhot", "torch", "numpy")}, "commit": commit}


def table(measured: list[dict[str, Any]]) -> str:
    """One line for each contender of each case."""
    heads = ("case", "contender", "precision", "examples/s (median)", "least to most", "manyhot is faster by")
    lines = ["| " + " | ".join((*heads, "in the same precision", "loss")) + " |"]
    lines.append("| --- | --- | --- | ---: | --- | ---: | ---: | ---: |")
    ours = {(one["case"], one["precision"]): one["rate"] for one in reversed(measured) if one["contender"] in OURS}
    for one in measured:
        spread = f"{min(one['rates']):,.0f} to {max(one['rates']):,.0f}"
        ratio = "" if one["contender"] == "manyhot" else f"{one['ratio']:.2f} x"
        rival = None if one["contender"] in OURS else ours.get((one["case"], one["precision"]))
        same = "" if rival is None else f"{rival / one['rate']:.2f} x"
        cells = (one["case"], one["contender"], one["precision"], f"{one['rate']:,.0f}", spread, ratio, same)
        lines.append("| " + " | ".join((*cells, f"{one['first_loss']:.5f}")) + " |")
    return "\n".join(lines) + "\n"


def store(measured: list[dict[str, Any]], folder: Path) -> None:
    """A JSON with every number, and the table to read. What this machine measured on this day in other cases stays."""
    machine = describe_machine()
    day = datetime.date.today().isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{day}-{'-'.join(machine['processor'].split())}-{machine['cores']}-cores".lower()
    path = folder / f"{name}.json"
    new = {one["case"] for one in measured}
    kept = [one for one in json.loads(path.read_text())["measured"] if one["case"] not in new] if path.exists() else []
    measured = sorted([*kept, *measured], key=lambda one: CASES.index(one["case"]))
    path.write_text(json.dumps({"date": day, "machine": machine, "measured": measured}, indent=2) + "\n")
    facts = f"{day}, {machine['processor']}, {machine['cores']} cores, {', '.join(machine['extensions']) or 'no'} units"
    loss = "Loss: of the first batch before training; in case lr of the test rows after one pass."
    (folder / f"{name}.md").write_text(f"# manyhot and its peers\n\n{facts}.\n{loss}\n\n{table(measured)}")


def describe_machine() -> dict[str, Any]:
    """processor, cores, memory in GiB, and the instruction sets that matter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    return {
        "processor": facts.get("model name", platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "extensions": [flag for flag in wanted if flag in flags],
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
