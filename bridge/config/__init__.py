"""The operator's file. In: config.yaml and the environment; out: a `Config`, or every problem of the file at once.

Each room declares its own keys; here they are composed, looked up and compared. Nothing else reads YAML or `${...}`.
"""

from bridge.config.config import Config, Source, needs_restart, serving_problems
from bridge.config.load import admin_address, load, load_for_store
from bridge.config.schema import json_schema
from bridge.config.watch import fingerprint, watch

__all__ = [
    "Config",
    "Source",
    "admin_address",
    "fingerprint",
    "json_schema",
    "load",
    "load_for_store",
    "needs_restart",
    "serving_problems",
    "watch",
]
