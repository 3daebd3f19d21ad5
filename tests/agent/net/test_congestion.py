"""The congestion control is chosen where the kernel has it, and what is in force is told."""

import socket

from doxa_agent.net import congestion


def test_every_loaded_algorithm_can_be_chosen_or_the_truth_is_told() -> None:
    for name in congestion.available():
        with socket.socket() as sock:
            assert congestion.choose(sock, name) in congestion.available()


def test_reno_is_chosen_by_its_name() -> None:
    with socket.socket() as sock:
        assert congestion.choose(sock, "reno") == "reno"


def test_auto_takes_bbr_where_the_kernel_has_it() -> None:
    with socket.socket() as sock, socket.socket() as untouched:
        system = congestion.in_force(untouched)
        assert congestion.choose(sock, congestion.AUTO) == ("bbr" if "bbr" in congestion.available() else system)


def test_an_unknown_algorithm_leaves_the_systems_one() -> None:
    with socket.socket() as sock:
        system = congestion.in_force(sock)
        assert congestion.choose(sock, "nosuch") == system
        assert congestion.choose(sock, congestion.SYSTEM) == system
