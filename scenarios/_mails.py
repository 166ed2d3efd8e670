"""The Celery task of `background`; the worker process imports this file, too."""

import asyncio

from loopviz.parts import mail
from loopviz.parts.celery import celery_app

app = celery_app("mails")


@app.task(acks_late=True, autoretry_for=(ConnectionError,), default_retry_delay=0.2, max_retries=20)
def send_mail(address: tuple[str, int], order: int) -> None:
    """The job is acknowledged once it is done: if its worker is killed before, it runs again."""
    asyncio.run(mail.send_mail(address, order))
