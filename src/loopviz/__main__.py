"""`python -m loopviz` is `loopviz`."""

from loopviz.entry import main

if __name__ == "__main__":
    main()
