"""No test reaches another machine, so no real mail ever leaves one."""

from __future__ import annotations

import smtplib

import pytest

from tests.conftest import LeftTheMachine


def test_a_test_that_would_send_real_mail_fails():
    with pytest.raises(LeftTheMachine):
        smtplib.SMTP("192.0.2.1", 25, timeout=1)


def test_a_test_sends_its_own_mail_to_a_folder(settings):
    assert settings.mail_server is None
