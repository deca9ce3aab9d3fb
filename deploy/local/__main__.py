"""`python3 -m deploy.local COMMAND`, with the system's Python: `--help` lists the commands."""

import sys

OLDEST = (3, 11)

if __name__ == "__main__":
    if sys.version_info < OLDEST:
        version = sys.version.split()[0]
        sys.stderr.write(f"toby: Python 3.11 or newer is needed, this is {version}\n")
        sys.exit(2)
    from deploy.local.command_line import main

    sys.exit(main(sys.argv[1:]))
