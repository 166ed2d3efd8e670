"""The broker in an SQLite file: who takes a message, and that it stays until it is acknowledged."""

import pytest

pytest.importorskip("celery", reason="needs the extra celery")

from kombu import Connection, Queue

from loopviz.errors import TargetError
from loopviz.parts.broker import SCHEME, give_back, run
from loopviz.parts.celery import VARIABLE, celery_app


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "broker.sqlite")


@pytest.fixture
def connect(path):
    """A new connection, as each process has its own."""
    made = []

    def connection():
        made.append(Connection(f"{SCHEME}:///{path}"))
        return made[-1].SimpleQueue(Queue("jobs", routing_key="jobs"))

    yield connection
    for each in made:
        each.release()


def left(path):
    """How many messages are in the file: free ones, and taken ones."""
    counted = dict(run(path, "SELECT taken, count(*) FROM messages GROUP BY taken"))
    return counted.get(0, 0), counted.get(1, 0)


def take(queue):
    return queue.get(block=False)


def test_messages_come_in_order_to_whoever_takes_them_first(connect):
    sender, one, other = connect(), connect(), connect()
    for number in range(4):
        sender.put(number)
    assert [take(queue).payload for queue in (one, other, other, one)] == [0, 1, 2, 3]
    with pytest.raises(one.Empty):
        take(one)


def test_a_message_stays_until_it_is_acknowledged(connect, path):
    queue = connect()
    queue.put("a")
    queue.put("b")
    first, second = take(queue), take(queue)
    assert left(path) == (0, 2)
    first.ack()
    assert left(path) == (0, 1)
    second.reject()
    assert left(path) == (0, 0)


def test_what_a_killed_worker_had_taken_is_offered_again_and_no_more(connect, path):
    queue = connect()
    for number in range(5):
        queue.put(number)
    take(queue).ack()
    take(queue)
    take(queue)
    give_back(path)  # the worker is killed here, and another one starts
    again = connect()
    assert [take(again).payload for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(again.Empty):
        take(again)


def test_a_message_that_is_given_back_comes_again_once(connect, path):
    queue = connect()
    queue.put("a")
    take(queue).requeue()
    assert left(path) == (1, 0)
    message = take(queue)
    assert message.payload == "a"
    message.ack()
    assert left(path) == (0, 0)


def test_a_consumer_that_ends_in_order_gives_back_what_it_has(connect, path):
    queue = connect()
    queue.put("a")
    take(queue)
    queue.channel.close()
    assert left(path) == (1, 0)


def test_its_length_and_how_it_is_emptied(connect, path):
    queue = connect()
    for number in range(3):
        queue.put(number)
    take(queue)
    assert queue.qsize() == 2
    queue.clear()
    assert left(path) == (0, 0)


def test_giving_back_makes_the_table_that_is_not_there_yet(path):
    give_back(path)
    assert left(path) == (0, 0)


def test_a_broker_url_that_cannot_be_used_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setenv(VARIABLE, "nosuch://user:secret@host/0")
    with pytest.raises(TargetError, match=f"^{VARIABLE} is .*: write redis") as error:
        celery_app("x")
    assert "secret" not in str(error.value)
