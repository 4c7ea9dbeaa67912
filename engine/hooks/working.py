"""Jobs of plugins: run when they are due by the city's clock, each at most once a due moment.

A job is taken before it runs: when the process dies meanwhile, its row says started and not ended, and it runs again
when it is next due.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from cronsim import CronSim
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.errors import NotFound
from engine.hooks.contributions import Job
from engine.models import PluginJob
from engine.pace import Pace, at_once
from engine.platform import Platform

log = logging.getLogger("wangge.plugins")


def run_due_jobs(session: Session, platform: Platform, now: datetime, *, pace: Pace | None = None) -> int:
    """Run what is due; commits. Returns how many ran."""
    ran, pace = 0, pace or at_once()
    for plugin, job in all_jobs(platform):
        if pace.spent:
            break
        with pace.transaction():
            ran += _run_if_due(session, platform, plugin, job, now)
    return ran


def run_job(session: Session, platform: Platform, plugin: str, job_id: str, now: datetime) -> PluginJob:
    """Run a job now, whether it is due or not; commits. Raises NotFound naming the jobs there are."""
    known = {(name, job.id): job for name, job in all_jobs(platform)}
    job = known.get((plugin, job_id))
    if job is None:
        there = ", ".join(f"{name}.{each}" for name, each in known) or "none"
        raise NotFound(f"there is no job {plugin}.{job_id}; there are {there}")
    begin_write(session)
    row = _row(session, platform, plugin, job, now)
    return _run(session, platform, row, job, now)


def all_jobs(platform: Platform) -> Iterator[tuple[str, Job]]:
    """Every job with its plugin."""
    for plugin, given in platform.host.registry.plugins.items():
        for job in given.jobs:
            yield plugin, job


def next_due(platform: Platform, job: Job, after: datetime) -> datetime:
    """When a job is due next after a moment, by the city's clock; days on which clocks change are cron's."""
    return next(CronSim(job.cron, after.astimezone(platform.city.time_zone)))


def _run_if_due(session: Session, platform: Platform, plugin: str, job: Job, now: datetime) -> bool:
    """The row's lock keeps a second scheduler out."""
    due = session.scalar(
        select(PluginJob.due_at).where(PluginJob.plugin == plugin, PluginJob.job == job.id, PluginJob.cron == job.cron)
    )
    session.rollback()
    if due is not None and due > now:
        return False
    begin_write(session)
    row = _row(session, platform, plugin, job, now)
    if row.due_at > now:
        session.commit()
        return False
    _run(session, platform, row, job, now)
    return True


def _row(session: Session, platform: Platform, plugin: str, job: Job, now: datetime) -> PluginJob:
    row = session.get(PluginJob, (plugin, job.id), with_for_update=True)
    if row is None:
        row = PluginJob(
            plugin=plugin, job=job.id, cron=job.cron, due_at=next_due(platform, job, now), started_at=None,
            ended_at=None, told="", failure="",
        )  # fmt: skip
        session.add(row)
        session.flush()
    elif row.cron != job.cron:
        row.cron, row.due_at = job.cron, next_due(platform, job, now)
    return row


def _run(session: Session, platform: Platform, row: PluginJob, job: Job, now: datetime) -> PluginJob:
    """Take the job first, so that nobody else runs it; then run it in transactions of its own."""
    row.started_at, row.ended_at, row.due_at = now, None, next_due(platform, job, now)
    session.commit()
    told = failure = ""
    try:
        told = str(job.run(session, platform, now))
        session.commit()
    except Exception as error:  # whatever the plugin's own code raises
        log.exception("job %s.%s failed", row.plugin, row.job)
        failure = repr(error)
    begin_write(session)
    kept = session.get_one(PluginJob, (row.plugin, row.job))
    kept.ended_at, kept.told, kept.failure = platform.clock.now(), told, failure
    session.commit()
    return kept
