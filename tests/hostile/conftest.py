"""Fixtures: a person at the form, handlers at their desks, and the check of files run as a worker does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.extensions import db
from intake.models import Job
from intake.scanner import Scan
from tests.citizen.conftest import person
from tests.handler.conftest import anna, owner_app, sit
from tests.scanners import Scanner
from workers import process, tasks

__all__ = ["anna", "owner_app", "person", "sit"]

FILES_A_FORM = 20


@pytest.fixture
def scanner():
    """A scanner that finds every file clean until it is told otherwise."""
    return Scanner(Scan(is_infected=False, signature=None))


@pytest.fixture
def waiting(make_app, scanner, monkeypatch, clock):
    """Do every job of a kind that waits, as a worker does."""
    worker = make_app("citizen", "worker", scanner=scanner)
    monkeypatch.setattr(process, "app", lambda: worker)

    def run(kind):
        clock.at += timedelta(minutes=10)
        with worker.app_context():
            jobs = db.session.scalars(select(Job.id).where(Job.kind == kind, Job.done_at.is_(None))).all()
            db.session.rollback()
        for job in jobs:
            getattr(tasks, kind)(str(job))

    return run


@pytest.fixture
def check(waiting):
    """Check every file that waits for it."""
    return lambda: waiting("check_file")


@pytest.fixture
def draw(waiting):
    """Make the safe views of every file that was checked."""
    return lambda: waiting("draw_file")


@pytest.fixture
def send(person):
    """Send files, so many in each form; returns what the receipts say."""

    def all_of(files):
        given, receipts = list(files.items()), []
        for start in range(0, len(given), FILES_A_FORM):
            person.begin().tell()
            chosen = given[start : start + FILES_A_FORM]
            added = person.add(*((data, name) for name, data in chosen))
            assert added.status_code == 303, added.text
            assert person.send().location == "/kvitto"
            receipts.append(person.get("/kvitto").text)
        return receipts

    return all_of


@pytest.fixture
def files_of():
    """Return the files on the page of each matter on a desk: their name, address and state."""

    def found(desk):
        listed = {}
        for reference in dict.fromkeys(re.findall(r'href="(/arende/[^"/]+)"', desk.get("/").text)):
            page = desk.get(reference).text
            for address, name, state in re.findall(
                r'<a href="([^"]+/fil/[^"]+)"><bdi>(.*?)</bdi>.*?class="state[^"]*">(.*?)<', page, re.DOTALL
            ):
                listed[name] = (address, state)
        return listed

    return found
