"""``satseek``, with pauses so short that many deaths fit into a minute; nothing else differs.

Run as ``python -m chaos.hurried <words of satseek>``.
"""

from __future__ import annotations

from importlib import import_module

SHORTER = {
    ("satseek.jobs.protocol", "LEASE_SECONDS"): 4.0,
    ("satseek.jobs.retrying", "FIRST_SECONDS"): 0.2,
    ("satseek.jobs.retrying", "LONGEST_SECONDS"): 2.0,
}
"""A dead worker's job is another's after 4 seconds rather than 15; what failed is tried again
within 2 seconds rather than minutes."""


def hurry() -> None:
    """Shorten the pauses of this process, before anybody else takes them from where they stand."""
    for (module, name), seconds in SHORTER.items():
        owner = import_module(module)
        assert seconds < getattr(owner, name)
        setattr(owner, name, seconds)


if __name__ == "__main__":
    hurry()
    from satseek.cli import main

    main()
