"""Where processes come from: forked from one in which everything is imported already, as starting a Python takes longer
than most of what a test then does with it.
"""

import multiprocessing

NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(
    [
        "tests.commands",
        "tests.crash.lives",
        "tests.warm",
        *(f"bridge.cli.{room}" for room in ("config", "deliveries", "door", "health", "operate", "preview", "serve")),
        "bridge.cli.vendors",
        "bridge.store.postgres",
        "bridge.store.sqlite",
    ]
)
