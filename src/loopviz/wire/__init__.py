"""What the watched process and the watching one agree on: records, the ring, control messages."""
