"""The contract of the watched and the watching process: records, rings, control messages."""
