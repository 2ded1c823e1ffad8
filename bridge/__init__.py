"""Drawbridge: signed webhooks in, messages worth reading out."""

__version__ = "0.1.0"
