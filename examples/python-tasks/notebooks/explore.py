"""What a user wrote: it may compute, and that is all."""

import subprocess
import threading


def thread():
    made = threading.Thread(target=len, args=((),))
    made.start()
    made.join()
    return "done"


def program():
    return f"status {subprocess.run(['true']).returncode}"


def attempt(what):
    try:
        return what()
    except (RuntimeError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def run():
    yield f"a sum: {sum(range(5))}"
    yield f"a thread: {attempt(thread)}"
    yield f"a program: {attempt(program)}"
