"""Ctrl-C in training: what was learned is kept, and a second Ctrl-C ends the command at once."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from fastmlp.callbacks import Callback, Fit

_log = logging.getLogger("fastmlp")


class EndEarly(Callback):
    """Ends the trainings of all members after their epochs, from when it is asked to.

    Attributes
    ----------
    is_asked : bool
        Whether the trainings are to end.
    has_learned : bool
        Whether any member has come to the end of an epoch.
    """

    def __init__(self) -> None:
        self.is_asked = self.has_learned = False
        self._first = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the callback itself, since all members hear of one Ctrl-C."""
        return self

    def on_epoch_end(self, fit: Fit) -> None:
        """End the training, if that is asked for."""
        self.has_learned = True
        if self.is_asked:
            # It is said here, since a handler of signals must not write in the middle of another message.
            if self._first.acquire(blocking=False):
                _log.warning("interrupted; what was learned is kept (Ctrl-C again ends at once, and keeps nothing)")
            fit.stop("interrupted")


@contextmanager
def ctrl_c_ends_training() -> Iterator[EndEarly]:
    """Give a callback for trainings, which Ctrl-C asks to end them; there must be something that it would keep.

    Before a member has come to the end of an epoch, and at the second Ctrl-C, KeyboardInterrupt is raised as ever. So
    it is outside the main thread, and where the process ignores Ctrl-C or has a handler of its own.
    """
    end = EndEarly()

    def interrupt(number: int, frame: Any) -> None:
        is_first, end.is_asked = not end.is_asked, True
        if not (is_first and end.has_learned):
            raise KeyboardInterrupt

    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield end
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield end
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
