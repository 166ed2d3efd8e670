"""The Celery task of `background`; the worker process imports this file, too."""

import socket

from loopviz.parts.celery import celery_app

app = celery_app("mails")


class MailRefusedError(Exception):
    pass


@app.task(
    acks_late=True, autoretry_for=(MailRefusedError,), default_retry_delay=0.2, max_retries=20
)
def send_mail(address: tuple[str, int], order: int) -> None:
    """Acknowledged when it is done: if its worker is killed meanwhile, it is done again."""
    with socket.create_connection(address) as connection:
        connection.recv(100)  # "220 ready", after a while
        connection.sendall(b"%d\n" % order)
        if not connection.recv(100).startswith(b"250"):
            raise MailRefusedError(order)
