"""What a person has to say: which live accounts are armed, and with ``two_persons`` what is loosened."""
