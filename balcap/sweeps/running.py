"""The runs of a sweep, so many at a time, until all are done or somebody says stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from balcap.console import clock, say
from balcap.sweeps import commands
from balcap.sweeps.file import Sweep
from balcap.sweeps.folder import Slot, lock
from balcap.sweeps.results import check_metrics, history, score

POLL = 0.1  # seconds
LOOK = 1.0  # seconds between two looks at the metric of a run in flight

ValuesOf = Callable[[Slot], Mapping[str, Any]]
"""Gives a run that was never started the values of its parameters."""


@dataclass
class Job:
    """A run in flight.

    Attributes:
        slot: its place.
        pid: of its process, which leads a group of its own.
        process: None where a sweep that was killed started it and left it running.
        share: which of the parallel jobs' shares of the machine it has.
        signals_sent: how often it was told to stop.
        began: seconds on the monotonic clock.
        looked: when its metric was last looked at.
    """

    slot: Slot
    pid: int
    process: subprocess.Popen[bytes] | None
    share: int
    signals_sent: int = 0
    began: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)


class Runner:
    """Works through the runs of a sweep.

    Args:
        sweep: the sweep.
        slots: the places of all its runs.
        values_of: gives a run its values when its turn comes.
        jobs: runs at the same time, at least 1.
    """

    def __init__(self, sweep: Sweep, slots: Sequence[Slot], values_of: ValuesOf, jobs: int) -> None:
        self.sweep = sweep
        self.slots = slots
        self.values_of = values_of
        self.jobs = jobs
        self.asked_to_stop = 0
        self.reached_target = False
        self.failed: list[Slot] = []
        self._flying: list[Job] = []

    def run(self) -> None:
        """Run what is missing. Afterwards `failed` and `asked_to_stop` say how it went."""
        waiting = [slot for slot in self.slots if not slot.is_finished()]
        for slot in self.slots:
            if slot.is_finished():
                self._look_at_target(slot)
        with self._signals():
            try:
                while self._flying or (waiting and not self.asked_to_stop):
                    if self.reached_target:
                        waiting.clear()
                    self._turn(waiting)
            except BaseException:  # a full disk, or a program that is not there
                self.asked_to_stop += 1
                self._tell_to_stop()
                raise

    def _turn(self, waiting: list[Slot]) -> None:
        """Start what there is room for, and see who has ended."""
        while waiting and not self.asked_to_stop and len(self._flying) < self.jobs:
            self._flying.append(self._launched(waiting.pop(0)))
        time.sleep(POLL)
        self._tell_to_stop()
        self._stop_those_behind()
        for job in [job for job in self._flying if self._has_ended(job)]:
            self._flying.remove(job)
            if job.process is None and not job.slot.is_finished():
                waiting.insert(0, job.slot)

    def _look_at_target(self, slot: Slot) -> None:
        """Start no further run if a finished one is as good as the file wants one to be."""
        targets = [metric for metric in self.sweep.metrics if metric.target is not None]
        reached = targets and all(m.reached(score(slot.run, m.name)) for m in targets)
        if reached and not self.reached_target:
            self.reached_target = True
            self._tell(slot, "has reached the target; no further run starts")

    def _stop_those_behind(self) -> None:
        """Stop for good the runs in flight that fall behind the others (`early_terminate`)."""
        hyperband = self.sweep.hyperband
        now = time.monotonic()
        due = [job for job in self._flying if job.process and now - job.looked > LOOK]
        if hyperband is None or not due:
            return
        metric = self.sweep.metrics[0]
        known = {slot.number: history(slot.run, metric) for slot in self.slots}
        for job in due:
            job.looked = now
            band = hyperband.behind(known[job.slot.number], list(known.values()))
            if band is None or job.slot.read_job().get("stopped_at") is not None:
                continue
            job.slot.write_job(stopped_at=band)
            self._tell(
                job.slot,
                f"is stopped: its best {metric.name} is not among the top 1/{hyperband.eta:g} "
                f"after {band} steps",
            )
            job.signals_sent += 1
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGINT)

    def _launched(self, slot: Slot) -> Job:
        share = min(set(range(self.jobs)) - {job.share for job in self._flying})
        held = lock(slot.path)
        if held is None:
            self._tell(slot, "still runs, left by a sweep that was killed; waiting for its end")
            return Job(slot, slot.read_job().get("pid", 0), None, share)
        try:
            process = self._started(slot, held, share)
        finally:
            os.close(held)  # the run has inherited it
        slot.write_job(pid=process.pid)
        return Job(slot, process.pid, process, share)

    def _started(self, slot: Slot, held: int, share: int) -> subprocess.Popen[bytes]:
        values = slot.read_job().get("values") or dict(self.values_of(slot))
        words, continues = command_of(self.sweep, slot, values)
        if not continues:
            slot.clear()
        commands.write_args_file(self.sweep.command, values, slot.path)
        slot.write_job(values=values, command=words, exit_code=None, output=None)
        varying = {p.name for p in self.sweep.parameters if not p.is_constant}
        shown = "  ".join(f"{name}={values[name]}" for name in values if name in varying)
        self._tell(slot, f"{'continues' if continues else 'starts'}: {shown}")
        environment = commands.environment(self.jobs, share)
        if commands.asks_for_wandb(commands.expand(self.sweep.command, "", values)):
            environment |= commands.wandb_variables(self.sweep.name)
        try:
            with slot.output.open("ab") as output:
                return subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    pass_fds=(held,),
                    process_group=0,  # the terminal's Ctrl-C reaches it through us alone, once
                )
        except OSError as error:
            raise commands.not_startable(words, error) from error

    def _has_ended(self, job: Job) -> bool:
        if job.process is None:
            held = lock(job.slot.path)
            if held is not None:
                os.close(held)
            return held is not None
        code = job.process.poll()
        if code is None:
            return False
        seconds = time.monotonic() - job.began
        job.slot.write_job(exit_code=code, seconds=round(seconds, 1))
        if job.slot.read_job().get("stopped_at") is not None:
            self._tell(job.slot, f"ended after {clock(seconds)}, stopped early")
        elif job.slot.is_finished():
            self._tell(job.slot, f"finished in {clock(seconds)}")
            self._look_at_target(job.slot)
            if self.sweep.searches:
                check_metrics(job.slot, self.sweep.metrics)
        elif self.asked_to_stop:
            self._tell(job.slot, "stopped")
        else:
            self._record_failure(job.slot, code)
        return True

    def _record_failure(self, slot: Slot, code: int) -> None:
        self.failed.append(slot)
        tail = slot.tail()
        slot.write_job(output=tail)
        last = tail.splitlines()[-1] if tail else "it printed nothing"
        self._tell(slot, f"failed with exit code {code}: {last}")

    def _tell(self, slot: Slot, text: str) -> None:
        say(f"run {slot.number}/{len(self.slots)} {text}")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Count Ctrl-C and SIGTERM instead of ending at once."""
        before = {s: signal.signal(s, self._count) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _count(self, *_: Any) -> None:
        self.asked_to_stop += 1
        if self.asked_to_stop == 1:
            say("\nstopping; every run is told to (again: at once; a third time: killed)")

    def _tell_to_stop(self) -> None:
        """Hand each Ctrl-C on to every run, the third one as SIGKILL."""
        for job in self._flying:
            while job.signals_sent < self.asked_to_stop:
                job.signals_sent += 1
                sent = signal.SIGKILL if job.signals_sent > 2 else signal.SIGINT
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(job.pid, sent)


def command_of(sweep: Sweep, slot: Slot, values: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The command that a run needs now, and whether it continues the run."""
    if slot.can_resume():
        words = commands.resume(sweep.command, slot.path)
        if words is not None:
            return words, True
    return commands.start(sweep.command, sweep.program, values, slot.path), False
