"""`python -m tests.halves`: the whole suite as two runs beside each other, each with servers of its own.

Much of it waits for servers and outages: one run alone leaves a core idle for half of the time. Arguments go to both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

LONG = ("tests/integration", "tests/crash", "tests/examples")
"""What takes about as long as all the rest: most of it waits."""


def main(arguments: list[str]) -> int:
    """The worse of the two exit codes; the second run's output comes when both are done."""
    command = [sys.executable, "-m", "pytest", *arguments]
    with tempfile.TemporaryFile() as output:
        long = subprocess.Popen([*command, *LONG], stdout=output, stderr=subprocess.STDOUT)
        rest = subprocess.run([*command, "tests", *(f"--ignore={path}" for path in LONG)], check=False)
        code = long.wait()
        output.seek(0)
        sys.stdout.write(f"\n{' '.join(LONG)}\n{output.read().decode(errors='replace')}")
        sys.stdout.flush()
    return max(rest.returncode, code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
