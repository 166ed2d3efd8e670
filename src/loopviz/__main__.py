"""Makes `python -m loopviz` run the `loopviz` command."""

from loopviz.cli.main import main

if __name__ == "__main__":
    main()
