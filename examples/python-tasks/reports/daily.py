"""A task that the operators wrote: it needs a thread and a program, and has both."""

import subprocess
from concurrent.futures import ThreadPoolExecutor


def count(text):
    return subprocess.run(["wc", "-l"], input=text, capture_output=True, text=True, check=True).stdout


def run():
    with ThreadPoolExecutor(max_workers=1) as pool:
        rows = pool.submit(count, "one\ntwo\nthree\n").result()
    yield f"{int(rows)} rows"
