"""What the commands compare.py and scaling.py share: options, and the files they write."""

import argparse
import importlib.util
import json

import machine


def parser_of(doc):
    """A parser with the options of both commands."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--threads", type=int, default=machine.n_cpus(), help="default: all CPUs")
    parser.add_argument("--json", metavar="FILE", help="write the machine and what was measured")
    parser.add_argument("--chart", metavar="FILE", help="write a chart (PNG or whatever the name ends in)")
    return parser


def parse(parser, argument, known):
    """Parse the command line; the positional argument names some of what is known."""
    options = parser.parse_args()
    if unknown := set(getattr(options, argument)) - set(known):
        parser.error(f"unknown {argument}: {', '.join(sorted(unknown))}")
    if options.rounds < 1 or options.threads < 1:
        parser.error("--rounds and --threads must be positive")
    if options.chart and importlib.util.find_spec("matplotlib") is None:
        parser.error("--chart needs matplotlib, which is not installed")
    return options


def write(record, options, draw):
    """Write the files that were asked for; draw(record, path) makes the chart, None where there is nothing to draw."""
    if options.json:
        with open(options.json, "w") as file:
            json.dump(record, file, indent=2)
            file.write("\n")
    if options.chart and draw is not None:
        draw(record, options.chart)
