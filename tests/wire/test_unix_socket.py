"""A socket in a folder with a long name."""

import socket

import pytest

from loopviz.wire.unix_socket import bind, connect


@pytest.mark.parametrize("depth", [0, 5])
def test_a_socket_is_where_it_was_asked_for(tmp_path, depth):
    folder = tmp_path.joinpath(*["a folder with a long name"] * depth)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "control"
    with socket.socket(socket.AF_UNIX) as here, socket.socket(socket.AF_UNIX) as there:
        bind(here, path)
        here.listen()
        assert path.is_socket()
        connect(there, path)
        with here.accept()[0] as accepted:
            there.sendall(b"hello")
            assert accepted.recv(5) == b"hello"


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path):
    path = tmp_path.joinpath(*["not there, and with a long name"] * 5, "control")
    with socket.socket(socket.AF_UNIX) as one, pytest.raises(FileNotFoundError):
        connect(one, path)
