"""A worker that runs tasks: modules of a directory, each with a function `run`.

usage: worker.py DIRECTORY MODULE...
"""

import importlib
import sys


def main():
    directory, *modules = sys.argv[1:]
    sys.path.insert(0, directory)
    for name in modules:
        for line in importlib.import_module(name).run():
            print(f"{name}: {line}", flush=True)


main()
