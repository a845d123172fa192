"""`make proof`: a real corpus ($JIRAKB_CORPUS, a site file) synced from the simulated site and compared with the site's own truth.

Every step drives the installed commands in processes of their own, as a user would: first sync, comparison word by word,
a sync without change, edits, a deletion, kills at random moments, derived indexes deleted. Prints what it sees and
keeps it in bench/results/. Exit 1 when anything is not as promised, 3 when there is no corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from bench.truth import Comparison, Told, compare, rows_of, told_by_cloud, told_by_corpus
from jirakb import __version__

RESULTS = Path(__file__).parent / "results"
JIRAKB = [sys.executable, "-m", "jirakb"]
Json = dict[str, Any]


@dataclass
class Proof:
    """The steps so far: what was looked at, what was seen, and whether it is as promised."""

    rows: list[Json] = field(default_factory=list)

    def see(self, what: str, seen: object, ok: bool) -> None:
        """Print and keep one observation."""
        self.rows.append({"what": what, "seen": seen, "ok": ok})
        print(f"{'ok  ' if ok else 'FAIL'} {what}: {seen}", flush=True)

    @property
    def failed(self) -> bool:
        """Whether any observation was not as promised."""
        return any(not row["ok"] for row in self.rows)


@dataclass(frozen=True)
class Simulated:
    """A simulated site in a process of its own."""

    told: Json

    @property
    def url(self) -> str:
        """Its base URL."""
        return str(self.told["base_url"])

    def record(self) -> Json:
        """What it was asked so far."""
        return dict(httpx2.get(f"{self.url}/_sim/record", timeout=60).json())

    def edit(self, verb: str, **args: object) -> Any:
        """Run one of its verbs."""
        answer = httpx2.post(f"{self.url}/_sim/edit", json={"verb": verb, "args": args}, timeout=60)
        answer.raise_for_status()
        return answer.json().get("result")

    def truth(self, corpus: Path) -> Iterator[Told]:
        """What it says of each issue: the corpus itself where texts are wiki markup, else what it serves as ADF."""
        return told_by_corpus(corpus) if self.told["flavor"] == "dc" else told_by_cloud(self._served(corpus))

    def _served(self, corpus: Path) -> Iterator[Json]:
        held = self.told["credentials"]
        ids = [row["id"] for row in rows_of(corpus) if "key" in row]
        with httpx2.Client(auth=(held["email"], held["token"]), timeout=60) as client:
            for start in range(0, len(ids), 100):
                asked = {"issueIdsOrKeys": ids[start : start + 100], "fields": ["summary", "description", "comment"]}
                yield from client.post(f"{self.url}/rest/api/3/issue/bulkfetch", json=asked).json()["issues"]

    def login(self) -> list[str]:
        """The options that sign in."""
        held = self.told["credentials"]
        if self.told["flavor"] == "cloud":
            return ["--email", held["email"], "--token", held["token"]]
        return ["--token", held["token"]]


@contextmanager
def simulated(flavor: str, corpus: Path) -> Iterator[Simulated]:
    """Serve the corpus for the block."""
    command = [sys.executable, "-m", "jirakb.simulator", "--flavor", flavor, "--site", str(corpus)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Simulated(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


@dataclass(frozen=True)
class Home:
    """A home directory and the commands that work on it."""

    folder: Path
    site: Simulated
    embeddings: str

    def sync(self, *more: str) -> Json:
        """Sync and give the report, with the process's peak memory in MB as `peak_mb`."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(self._sync(*more), stdout=out, stderr=err, env=self._env())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            if code not in (0, 3):
                raise RuntimeError(f"sync ended with {code}: {err.read()[-2000:]!r}")
            report: Json = json.loads(out.read().splitlines()[-1])
        return {**report, "peak_mb": usage.ru_maxrss / 1024, "exit": code}

    def start_sync(self) -> subprocess.Popen[bytes]:
        """Begin a sync, to be killed."""
        return subprocess.Popen(self._sync(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._env())

    def run(self, *arguments: str) -> str:
        """Run another command and give its output."""
        done = subprocess.run(
            [*JIRAKB, *arguments, "--home", str(self.folder)],
            capture_output=True,
            text=True,
            check=True,
            env=self._env(),
        )
        return done.stdout

    def search(self, query: str) -> list[str]:
        """The keys found, best first."""
        found = json.loads(self.run("search", query, "--json").splitlines()[-1])
        return [hit["key"] for hit in found["hits"]]

    def export(self) -> Path:
        """Every document as JSON lines."""
        out = self.folder / "export"
        self.run("export", "--format", "jsonl", "--out", str(out))
        return out / "documents.jsonl"

    def kb(self) -> Path:
        """The folder of the knowledge base."""
        return next((self.folder / "kb").iterdir())

    def _sync(self, *more: str) -> list[str]:
        options = ["--project", "*", "--embeddings", self.embeddings, "--home", str(self.folder), "--json"]
        return [*JIRAKB, "sync", "--base-url", self.site.url, *self.site.login(), *options, *more]

    def _env(self) -> dict[str, str]:
        return {**os.environ, "JIRAKB_GATEWAY_URL": self.site.told["gateway_url"]}


def prove_first_sync(proof: Proof, home: Home, corpus: Path, count: int) -> None:
    """Everything arrives, with few calls and in bounded memory, and the second time nothing is done."""
    report = home.sync()
    counts = report["counts"]
    proof.see(
        "every issue is indexed", counts, counts["listed"] == counts["indexed"] == count and counts["omitted"] == 0
    )
    proof.see("seconds by stage", report["seconds"], ok=True)
    calls = report["requests"]
    if report["flavor"] == "cloud":
        limit = 1.05 * (count / 100 + count / 5000)
        reading = sum(n for name, n in calls["by_endpoint"].items() if "bulkfetch" in name or "search/jql" in name)
        proof.see(f"calls of the full sync (limit {limit:.0f}, all {calls['total']})", reading, reading <= limit)
    else:
        proof.see("calls of the full sync", calls, ok=True)
    proof.see("peak memory in MB, limit 600", round(report["peak_mb"]), report["peak_mb"] < 600)
    prove_words(proof, home, corpus)
    again = home.sync()
    searches = sum(n for name, n in again["requests"]["by_endpoint"].items() if "search" in name)
    proof.see(
        "search calls of a sync without change, limit 2", searches, searches <= 2 and again["counts"]["indexed"] == 0
    )
    proof.see("seconds of a sync without change", again["seconds"]["total"], ok=True)


def prove_words(proof: Proof, home: Home, corpus: Path) -> None:
    """What stands in the exported documents is what the site says, issue by issue."""
    found: Comparison = compare(home.site.truth(corpus), home.export())
    proof.see("issues on the site and in the export", (found.issues, found.exported), found.issues == found.exported)
    proof.see("words of the site found (>= 0.999)", round(found.recall, 6), found.recall >= 0.999)
    proof.see("words of bodies that the site has (>= 0.99)", round(found.precision, 6), found.precision >= 0.99)
    proof.see(
        "issues with a recall below 0.99, and the worst", found.worst[:5], len(found.worst) <= found.issues / 1000
    )
    proof.see("marks of macros left outside code", found.debris, found.debris <= found.issues / 500)


def prove_changes(proof: Proof, home: Home, keys: list[str]) -> None:
    """An edit, a comment and a move arrive with the next sync, a deletion with the next census."""
    edited, commented, moved, deleted = keys[:4]
    home.site.edit("edit", issue=edited, summary="The quokka gauge reads backwards")
    home.site.edit("comment", issue=commented, body="A wombat sat on the manifold.")
    new = home.site.edit("move", issue=moved, project="MOVED")
    home.site.edit("delete", issue=deleted)
    report = home.sync()
    proof.see("changed issues indexed by the next sync", report["counts"]["indexed"], report["counts"]["indexed"] == 3)
    proof.see("the edit is found", home.search("quokka gauge")[:1], home.search("quokka gauge")[:1] == [edited])
    proof.see(
        "the comment is found", home.search("wombat manifold")[:1], home.search("wombat manifold")[:1] == [commented]
    )
    proof.see("the old key shows the moved issue", new, f"key: {new}" in home.run("show", moved))
    report = home.sync("--prune", "always")
    proof.see("deleted by the census", report["counts"]["deleted"], report["counts"]["deleted"] == 1)


def prove_kills(proof: Proof, home: Home, reference: Path, seed: int, seconds: float) -> None:
    """Killed ten times at random moments, then finished: the same documents, each once."""
    chance = random.Random(seed)
    at: list[str] = []
    for _ in range(10):
        process = home.start_sync()
        time.sleep(chance.uniform(0.5, seconds))
        if process.poll() is not None:
            at.append("had ended")
            continue
        process.send_signal(signal.SIGKILL)
        process.wait()
        at.append(_stored(home))
    report = home.sync()
    proof.see(f"issues stored at each of ten kills (seed {seed})", at, ok=True)
    proof.see("the run that finished", report["counts"], report["exit"] == 0)
    mine, theirs = _documents(home.export()), _documents(reference)
    proof.see("documents equal to those of an undisturbed sync", len(mine), mine == theirs)
    found = home.search("application crashes on rotation")
    proof.see("search after the kills", found[:3], len(found) == 10)


def prove_rebuild(proof: Proof, home: Home) -> None:
    """Derived indexes deleted: the next search makes them again and finds the same."""
    queries = ["crash on startup", "memory leak in table view", "NullPointerException TiUIWindowProxy"]
    before = [home.search(query) for query in queries]
    for path in home.kb().iterdir():
        if not path.name.startswith("kb.sqlite") and path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    after = [home.search(query) for query in queries]
    # Rarities shift in the fourth digit with the number of commits, so that near-equal hits may change places.
    same = [len(set(b) & set(a)) for b, a in zip(before, after, strict=True)]
    proof.see("of ten hits found again after the derived indexes were deleted", same, min(same) >= 9)


def _stored(home: Home) -> str:
    found = json.loads(home.run("status", "--json").splitlines()[-1])["kbs"]
    return str(found[0]["issues"]) if found else "none"


def _documents(path: Path) -> dict[str, str]:
    """Documents by site-independent name; the same site runs at another port, so its URL is cut out."""
    found: dict[str, str] = {}
    for line in path.open(encoding="utf-8"):
        row = json.loads(line)
        assert row["id"] not in found, f"{row['id']} stands twice"
        found[row["id"]] = row["markdown"]
    return found


def prove(corpus: Path, flavors: list[str], embeddings: str, seed: int) -> Proof:
    """Everything, for each flavor."""
    proof = Proof()
    keys = _keys(corpus)
    for flavor in flavors:
        print(f"== {flavor}, {len(keys)} issues, embeddings {embeddings}", flush=True)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jirakb-proof-")))
            site = stack.enter_context(simulated(flavor, corpus))
            home = Home(folder / "one", site, embeddings)
            prove_first_sync(proof, home, corpus, len(keys))
            prove_rebuild(proof, home)
            reference = shutil.copy(home.export(), folder / "reference.jsonl")
            prove_kills(proof, Home(folder / "killed", site, "none"), Path(reference), seed, 12.0)
            prove_changes(proof, home, random.Random(seed).sample(keys, 40))
            violations = site.record()["violations"]
            proof.see("violations on the site's record", violations, not violations)
    return proof


def _keys(corpus: Path) -> list[str]:
    return [row["key"] for row in rows_of(corpus) if "key" in row]


def main() -> int:
    """Run the proof; the exit code says how it went."""
    options = argparse.ArgumentParser(description="Compare a synced corpus with the site's own truth.")
    options.add_argument("--flavor", choices=["cloud", "dc"], action="append")
    options.add_argument("--embeddings", choices=["minilm", "none"], default="minilm")
    options.add_argument("--seed", type=int, default=20261123)
    chosen = options.parse_args()
    corpus = os.environ.get("JIRAKB_CORPUS")
    if not corpus or not Path(corpus).is_file():
        print("not run: set JIRAKB_CORPUS to a site file (JSON lines of issues)")
        return 3
    began = time.monotonic()
    proof = prove(Path(corpus), chosen.flavor or ["cloud", "dc"], chosen.embeddings, chosen.seed)
    _keep(proof, chosen, time.monotonic() - began)
    return 1 if proof.failed else 0


def _keep(proof: Proof, chosen: argparse.Namespace, seconds: float) -> None:
    RESULTS.mkdir(exist_ok=True)
    name = f"proof-{'-'.join(chosen.flavor or ['cloud', 'dc'])}-{chosen.embeddings}.json"
    facts = {
        "command": "make proof",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "version": __version__,
        "seed": chosen.seed,
        "processors": os.cpu_count(),
        "seconds": round(seconds),
        "rows": proof.rows,
    }
    (RESULTS / name).write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
