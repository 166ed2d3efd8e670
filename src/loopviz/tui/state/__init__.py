"""What the person has chosen, and which keys change it. Knows no Textual."""
