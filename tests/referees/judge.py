"""What the referees in Python share: a check is told either way, and the first that does not hold ends the run."""
import sys


def fail(text):
    print("DIFFERENT:", text)
    sys.exit(1)


def check(what, holds, told=""):
    if not holds:
        fail(f"{what}: {told}")
    print(f"ok   {what}")
