"""The callback that shows how far a fit is: a bar in terminals and notebooks, lines elsewhere."""

import multiprocessing
import os
import shutil
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit
from fastmlp.exceptions import FILTERING
from fastmlp.registration import stored_as

#: The number of columns that figures must leave for the bar, so that it is worth looking at.
USEFUL_BAR = 10
#: The number of columns that are kept for a figure, as 0.01234 needs them, so that the line keeps its form.
_FIGURE = 7
#: The number of columns that is assumed where nothing tells it.
_COLUMNS = 80


@stored_as("callbacks.ProgressBar")
class ProgressBar(Callback):
    """Shows a bar with epochs done, time left, loss and scores, on stderr or in a notebook, as ``verbose=1`` does.

    The bar is as wide as the terminal. Where not all figures have room beside a bar of ten columns, their names become
    shorter (``val_loss``, ``lr``), and then the last ones are left out, the learning rate first and the loss last; no
    figure is cut. Each call of partial_fit has a line of its own.

    Parameters
    ----------
    show : {'auto', 'always'}, default='auto'
        'auto' shows the bar in a terminal or a notebook alone, where it can be drawn again in its place. 'always'
        writes lines everywhere else, as to a log file: one at the end, and before it at most one in ten seconds. The
        processes of a parallel search, whose bars would lie upon each other, write lines, too.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import ProgressBar
    >>> clf = MLPClassifier(callbacks=[ProgressBar()], max_iter=1000, random_state=0).fit(*load_iris(return_X_y=True))
    """

    _parameter_constraints: ClassVar[dict] = {"show": [StrOptions({"auto", "always"})]}
    steers = False
    #: The number of seconds between two times that the bar is drawn.
    _INTERVAL = 0.1

    def __init__(self, show: str = "auto") -> None:
        self.show = show

    def on_fit_begin(self, fit: Fit) -> None:
        """Draw the bar for the first time."""
        self._output = self._made(fit)
        self._drawn = 0.0

    def on_fit_resume(self, fit: Fit) -> None:
        """Draw the bar, with the epochs that the checkpoint knows of."""
        self.on_fit_begin(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Draw the bar again, unless it was drawn a moment ago."""
        now = time.monotonic()
        if self._output is not None and now - self._drawn >= self._INTERVAL:
            self._drawn = now
            self._output.draw(fit)

    def on_fit_end(self, fit: Fit) -> None:
        """Draw the bar for the last time."""
        if self._output is not None:
            self._output.close(fit)
        del self._output

    def _made(self, fit: Fit) -> "_Lines | _Bar | None":
        """Return what can be shown where the fit runs; None where nothing can."""
        if sys.stderr is None:
            return None
        # The processes of a search would draw in the same place without knowing of each other.
        alone = multiprocessing.current_process().name == "MainProcess"
        drawable = alone and (_in_kernel() or sys.stderr.isatty())
        widget = _notebook_bar() if alone else None
        if not fit.is_incremental and (widget is not None or drawable):
            return _Bar(fit) if widget is None else _NotebookBar(fit, widget)
        return _Lines() if drawable or widget is not None or self.show == "always" else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_output", "_drawn")}


class _Lines:
    """Lines for places that cannot be drawn over; the longer the fit takes, the rarer they get."""

    #: The least number of seconds from one line to the next, and from the beginning to the first.
    _LEAST = 10.0

    def __init__(self) -> None:
        self._begin = self._last = time.monotonic()

    def draw(self, fit: Fit) -> None:
        """Write a line, when it is time."""
        now = time.monotonic()
        if now - self._last >= max(self._LEAST, (now - self._begin) / 20):
            self._last = now
            self._write(fit)

    def close(self, fit: Fit) -> None:
        """Write the last line, if an epoch has ended."""
        if fit.epoch:
            self._write(fit)

    def _write(self, fit: Fit) -> None:
        count = str(fit.epoch_number) if fit.is_incremental else f"{fit.epoch}/{fit.max_epochs}"
        seconds = interval(time.monotonic() - self._begin)
        figures = [f"epoch {count}", *([] if fit.is_incremental else [seconds]), *texts(figures_of(fit))]
        reason = f"; {fit.stop_reason}" if fit.stop_reason else ""
        print(f"{type(fit.estimator).__name__}: {', '.join(figures)}{reason}", file=sys.stderr, flush=True)


class _Bar:
    """A bar of characters, in one line of a terminal."""

    def __init__(self, fit: Fit) -> None:
        from tqdm import tqdm

        self._first = fit.epoch
        # With leave=None, a bar below a bar of the user's own, or of another thread, goes away when the fit is over.
        self._bar: Any = self._new(tqdm, fit, ncols=columns(sys.stderr), leave=None, bar_format="{n_fmt}/{total_fmt}")

    @staticmethod
    def _new(of_tqdm: Any, fit: Fit, **options: Any) -> Any:
        return of_tqdm(total=fit.max_epochs, initial=fit.epoch, unit="epoch", file=sys.stderr, **options)

    def draw(self, fit: Fit, *, is_over: bool = False) -> None:
        """Draw the bar with the figures of the last epoch."""
        bar = self._bar
        bar.n, bar.ncols = fit.epoch, columns(sys.stderr)
        bar.bar_format, bar.desc = line_of(
            fit.epoch, fit.max_epochs, self._time(fit.epoch, is_over), figures_of(fit), bar.ncols
        )
        bar.refresh()

    def _time(self, epoch: int, is_over: bool) -> str:
        """Return the time that the fit has taken, and the time that is left unless it is over."""
        elapsed = self._bar.format_dict["elapsed"]
        n_done, n_left = epoch - self._first, self._bar.total - epoch
        if is_over or not n_left:
            return interval(elapsed)
        return f"{interval(elapsed)}<{interval(elapsed / n_done * n_left) if n_done else '?'}"

    def close(self, fit: Fit) -> None:
        """Draw the bar for the last time, and print why a callback ended the fit."""
        stays = not self._bar.pos
        self.draw(fit, is_over=True)
        self._bar.close()
        if fit.stop_reason and stays:
            print(fit.stop_reason, file=sys.stderr, flush=True)


class _NotebookBar(_Bar):
    """A widget, which has a width and a colour of its own."""

    def __init__(self, fit: Fit, of_tqdm: Any) -> None:
        self._first = fit.epoch
        self._bar = self._new(of_tqdm, fit)

    def draw(self, fit: Fit, *, is_over: bool = False) -> None:
        """Draw the widget with the figures of the last epoch."""
        figures = ", ".join(texts(figures_of(fit)))
        self._bar.n = fit.epoch
        self._bar.set_postfix_str(f"{figures}; {fit.stop_reason}" if fit.stop_reason else figures, refresh=True)

    def close(self, fit: Fit) -> None:
        """Draw the widget for the last time; it is full, since one that is not is red, unless the fit failed."""
        if fit.error is None:
            self._bar.total = fit.epoch
        self.draw(fit)
        self._bar.close()


def _in_kernel() -> bool:
    """Return whether this is a kernel of Jupyter, whose stderr is no terminal but understands carriage returns."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in (getattr(shell, "config", None) or ())


def _notebook_bar() -> Any:
    """Return tqdm's class for notebooks where a widget can be shown, else None."""
    from tqdm import TqdmExperimentalWarning, TqdmWarning

    with FILTERING, warnings.catch_warnings():  # without widgets there is another bar, so that no warning is needed
        warnings.simplefilter("ignore", TqdmWarning)
        warnings.simplefilter("ignore", TqdmExperimentalWarning)
        from tqdm.autonotebook import tqdm
    return tqdm if tqdm.__module__ == "tqdm.notebook" else None


def columns(stream: Any) -> int:
    """Return the number of columns of a terminal: what it says itself, the variable COLUMNS, or 80.

    Examples
    --------
    >>> import io
    >>> from fastmlp.callbacks.progress_bar import columns
    >>> columns(io.StringIO()) > 0
    True
    """
    try:
        size = os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, OSError, ValueError):  # the stream is not a file, or not one of a terminal
        size = 0
    return size or shutil.get_terminal_size((_COLUMNS, 1)).columns


def interval(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours where there are any.

    Examples
    --------
    >>> from fastmlp.callbacks.progress_bar import interval
    >>> interval(75.2), interval(3600)
    ('01:15', '1:00:00')
    """
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def four_digits(value: float) -> str:
    """Return a number with four digits.

    Examples
    --------
    >>> from fastmlp.callbacks.progress_bar import four_digits
    >>> [four_digits(value) for value in (0.5, 12345.6, 1234.0, 1e-300, float("nan"))]
    ['0.5000', '1.235e+04', '1234', '1.000e-300', 'nan']
    """
    return f"{value:#.4g}".rstrip(".")


def figures_of(fit: Fit) -> dict[str, float]:
    """Return the figures of the last epoch by name, the learning rate last."""
    figures = fit.latest()
    figures.pop("seconds", None)
    rate = figures.pop("learning_rate", np.nan)
    return figures if np.isnan(rate) else {**figures, "learning_rate": rate}


def texts(figures: dict[str, float]) -> list[str]:
    """Return names and values as they are shown."""
    return [f"{name}={four_digits(value)}" for name, value in figures.items()]


def line_of(epoch: int, n_epochs: int, time: str, figures: dict[str, float], width: int) -> tuple[str, str]:
    """Return a line with a bar for the width of a terminal: tqdm's bar_format, and the text that it calls desc.

    Parameters
    ----------
    epoch, n_epochs : int
        The number of epochs that are done, and of all epochs.
    time : str
        The time that the fit has taken, and the time that is left.
    figures : dict of str to float
        The figures by name, the most important ones first.
    width : int
        The number of columns of the terminal.

    Examples
    --------
    >>> from fastmlp.callbacks.progress_bar import line_of
    >>> figures = {"loss": 0.25, "validation_loss": 0.5, "learning_rate": 0.001}
    >>> line_of(7, 200, "00:10<04:36", figures, 120)[1]
    ' 00:10<04:36 loss=0.2500 validation_loss=0.5000 learning_rate=0.001000'
    >>> line_of(7, 200, "00:10<04:36", figures, 70)[1]
    ' 00:10<04:36 loss=0.2500 val_loss=0.5000'
    >>> line_of(7, 200, "00:10<04:36", figures, 40)
    ('  7/200 |{bar}|{desc}', ' loss=0.2500')
    >>> line_of(7, 200, "00:10<04:36", figures, 10)
    ('  7/200', '')
    """
    count = f"{epoch:>{len(str(n_epochs))}}/{n_epochs}"
    room = width - len(f"{count} ||") - USEFUL_BAR
    if room < 0:  # there is room for a shorter bar, or for none
        with_bar = room + USEFUL_BAR >= 3
        return f"{count} |{{bar}}|" if with_bar else count if len(count) <= width else "{percentage:.0f}%", ""
    short = {name.replace("validation_", "val_").replace("learning_rate", "lr"): v for name, v in figures.items()}
    candidates = [_shown(figures, time), _shown(short if len(short) == len(figures) else figures, time)]
    for shown in candidates:
        if sum(size for _, size in shown) <= room:
            break
    kept: list[str] = []
    for text, size in shown:
        room -= size
        if room < 0:
            break
        kept.append(f" {text}")
    kept.sort(key=f" {time}".__ne__)  # the time stands first, though the loss is more important
    return f"{count} |{{bar}}|{{desc}}", "".join(kept)


def _shown(figures: dict[str, float], time: str) -> Sequence[tuple[str, int]]:
    """Return the texts beside the bar, the most important first, and the columns of each with the space before it."""
    from tqdm.utils import disp_len

    parts = [
        (text, 1 + disp_len(name) + 1 + max(_FIGURE, len(text) - len(name) - 1))
        for name, text in zip(figures, texts(figures), strict=True)
    ]
    parts.insert(1, (time, 1 + len(time)))
    return parts
