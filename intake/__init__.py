"""Intake: citizen contact and case intake."""
