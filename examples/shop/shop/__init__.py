"""A small shop: orders, prices from a supplier, receipts, and a stream of what was sold."""
