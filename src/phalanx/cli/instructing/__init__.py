"""Commands that make instructions: rehearsed, fired, waited for, followed up."""
