"""Tools to draw with: text, tables, time columns, colours. They know nothing of what is drawn."""
