"""Runs of GitHub Actions that go on alone: queued, in progress with one job after the other, and ended as ordered."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.state import Job, Repository, Run, User
from sandbox.workflows import Workflow

if TYPE_CHECKING:
    from sandbox.server import Sandbox

BEAT = 0.3
"""Seconds that a job takes when `speed` is 1, give or take a fifth."""
LAST_WORD = ("verify", "prod")
"""Jobs without which the later ones do not begin."""


class Actions:
    """Makes runs and lets each go on in a thread of its own until it ends or the sandbox stops."""

    def __init__(self, sandbox: Sandbox, dice: random.Random) -> None:
        self._sandbox = sandbox
        self._dice = dice
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._orders: dict[str, str] = {}

    def next_run(self, job: str, ends: str) -> None:
        """Let that job of the next run end so (`failure`, `cancelled`)."""
        self._orders[job] = ends

    def stop(self) -> None:
        """End all runs where they are."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def start(
        self, repository: Repository, workflow: Workflow, branch: str, inputs: dict[str, str], actor: User
    ) -> Run:
        """A new run, queued."""
        world = self._sandbox.world
        orders, self._orders = self._orders, {}
        names = ["verify", "prod", *(each for each in inputs.get("formats", "").split(",") if each)]
        now = world.now()
        run = Run(
            id=world.next_id(),
            number=sum(each.workflow == workflow.file for each in repository.runs) + 1,
            workflow=workflow.file,
            title=workflow.title,
            name=workflow.name(inputs),
            branch=branch,
            head=workflow.commit,
            inputs=inputs,
            actor=actor,
            created_at=now,
            updated_at=now,
            jobs=[Job(world.next_id(), name, orders.get(name, "success")) for name in names],
        )
        repository.runs.append(run)
        self._begin(repository, run)
        return run

    def _begin(self, repository: Repository, run: Run) -> None:
        run.began_at = self._sandbox.world.now()
        self._tell(repository, run, "requested")
        for job in run.jobs:
            if job.status == "queued":
                self._tell_job(repository, run, job)
        self._threads = [each for each in self._threads if each.is_alive()]
        arguments = (repository, run, run.attempt)
        thread = threading.Thread(target=self._go_on, args=arguments, name=f"run-{run.id}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _go_on(self, repository: Repository, run: Run, attempt: int) -> None:
        """One attempt from queued to its end. Cancelled or begun anew meanwhile, it leaves the run alone."""
        if not self._beat(run, attempt):
            return
        self._change(repository, run, "in_progress", None)
        for job in run.jobs:
            if job.status == "completed":
                continue
            self._change_job(repository, run, job, "in_progress", None)
            if not self._beat(run, attempt):
                return
            self._change_job(repository, run, job, "completed", job.ends)
            if job.ends != "success" and job.name in LAST_WORD:
                break
        with self._sandbox.world.lock:
            if run.attempt != attempt or run.status == "completed":
                return
            for job in run.jobs:
                if job.status != "completed":
                    self._change_job(repository, run, job, "completed", "skipped")
            bad = [job.conclusion for job in run.jobs if job.conclusion not in ("success", "skipped")]
            self._change(repository, run, "completed", bad[0] if bad else "success")

    def _beat(self, run: Run, attempt: int) -> bool:
        """Wait as long as a job takes. Whether this attempt is still the one that counts."""
        with self._sandbox.world.lock:
            seconds = BEAT * self._sandbox.speed * self._dice.uniform(0.8, 1.2)
        self._ending.wait(seconds)
        return not self._ending.is_set() and run.attempt == attempt and run.status != "completed"

    def _change(self, repository: Repository, run: Run, status: str, conclusion: str | None) -> None:
        with self._sandbox.world.lock:
            run.status, run.conclusion, run.updated_at = status, conclusion, self._sandbox.world.now()
            self._tell(repository, run, status)

    def _change_job(self, repository: Repository, run: Run, job: Job, status: str, conclusion: str | None) -> None:
        with self._sandbox.world.lock:
            if run.status == "completed":
                return
            now = self._sandbox.world.now()
            job.status, job.conclusion = status, conclusion
            if status == "in_progress":
                job.started_at = now
            else:
                job.completed_at = now
            self._tell_job(repository, run, job)

    def cancel(self, repository: Repository, run: Run) -> None:
        """End it as cancelled."""
        with self._sandbox.world.lock:
            for job in run.jobs:
                if job.status != "completed":
                    self._change_job(repository, run, job, "completed", "cancelled")
            self._change(repository, run, "completed", "cancelled")

    def rerun(self, repository: Repository, run: Run, only_failed: bool) -> None:
        """Begin its next attempt; all jobs run again, or only those that did not succeed."""
        world = self._sandbox.world
        run.attempt += 1
        run.status, run.conclusion, run.updated_at = "queued", None, world.now()
        kept = [job for job in run.jobs if only_failed and job.conclusion == "success"]
        run.jobs = [job if job in kept else Job(world.next_id(), job.name) for job in run.jobs]
        self._begin(repository, run)

    def _tell(self, repository: Repository, run: Run, action: str) -> None:
        shapes = self._sandbox.shapes
        workflow = shapes.workflow(repository, run.workflow, run.title)
        parts = {"workflow_run": shapes.run(repository, run), "workflow": workflow}
        self._sandbox.webhooks.emit("workflow_run", action, repository, run.actor, parts)

    def _tell_job(self, repository: Repository, run: Run, job: Job) -> None:
        shape = self._sandbox.shapes.job(repository, run, replace(job))
        self._sandbox.webhooks.emit("workflow_job", job.status, repository, run.actor, {"workflow_job": shape})
