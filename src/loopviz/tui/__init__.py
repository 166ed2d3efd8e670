"""The terminal interface: one frame clock, one poll per frame, custom line widgets.

`draw` is pure (a frame's slice → lines of cells), `widgets` shows lines, `screens` puts them
together, `actions` is the one table of keys.
"""
