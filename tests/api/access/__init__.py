"""Who may come through which door, and what of the book is shown to them."""
