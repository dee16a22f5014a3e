"""What is held back: instructions until their time or another person's approval, orders in an undo window."""
