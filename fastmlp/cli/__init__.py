r"""The command fastmlp trains on a table, predicts, evaluates, and says what a model is.

Results go to standard output, messages to standard error. The exit status is 0, 1 for data or files that cannot be
used, 2 for a wrong use of the command, 130 after Ctrl-C, and 141 when nobody reads on.

Characters that the encoding of standard output lacks are written as Python writes them, \xf6, and a message says so;
files are UTF-8.
"""

from fastmlp.cli.command import main

__all__ = ["main"]
