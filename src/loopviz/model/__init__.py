"""Events in, an immutable snapshot out. Pure: no clock, no thread, no I/O."""
