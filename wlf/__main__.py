"""`python -m wlf` is `wlf`."""

from wlf.cli import main

if __name__ == "__main__":
    main()
