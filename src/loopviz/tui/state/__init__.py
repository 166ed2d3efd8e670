"""The person's choices, and the keys that change them. Free of Textual."""
