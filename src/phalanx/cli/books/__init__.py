"""What the books hold and what happened in them: orders, positions, trades."""
