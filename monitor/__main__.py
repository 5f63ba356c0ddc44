"""`python -m monitor` is `leeway`."""

from monitor.cli import main

if __name__ == "__main__":
    main()
