"""What the program, its framework and its server log goes to the file `APPLICATION_LOG`."""

import atexit
import logging
import os

file = logging.FileHandler(os.environ["APPLICATION_LOG"])
file.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
LOGGERS = ("program", "asyncio", "uvicorn", "hypercorn.error", "_granian", "daphne", "django")
for name in LOGGERS:
    logger = logging.getLogger(name)
    logger.addHandler(file)
    logger.setLevel(logging.INFO)
    logger.propagate = False
log = logging.getLogger("program")
log.info("pid %d", os.getpid())
atexit.register(log.info, "ended")
