"""`python -m loopviz` is `loopviz`."""

from loopviz.cli.main import main

if __name__ == "__main__":
    main()
