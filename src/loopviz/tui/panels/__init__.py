"""Pure drawing: slices of a snapshot in, lines of styled cells out. Knows no app and no widget."""
