"""Names for paper clients, drawn from a list with a seed: the same seed, the same people."""

import random
from itertools import product

FIRST_NAMES = (
    "Aarav", "Aditi", "Ananya", "Arjun", "Asha", "Bhavna", "Chetan", "Deepa", "Dev", "Divya",
    "Esha", "Farhan", "Gauri", "Harsh", "Hema", "Imran", "Isha", "Jaya", "Kabir", "Kavya",
    "Kiran", "Lakshmi", "Leela", "Manish", "Meera", "Mohan", "Naina", "Naveen", "Neha", "Nikhil",
    "Omkar", "Pallavi", "Pooja", "Pranav", "Priya", "Rahul", "Ravi", "Rekha", "Ritu", "Rohan",
    "Sanjay", "Sara", "Shreya", "Sunil", "Tara", "Uma", "Varun", "Vidya", "Vikram", "Zoya",
)  # fmt: skip
LAST_NAMES = (
    "Agarwal", "Ahmed", "Bansal", "Banerjee", "Bhat", "Chandra", "Chopra", "Das", "Desai", "Dutta",
    "Gandhi", "Ghosh", "Gill", "Gupta", "Hegde", "Iyer", "Jain", "Joshi", "Kapoor", "Kaur",
    "Khan", "Kulkarni", "Kumar", "Mehta", "Menon", "Mishra", "Nair", "Naidu", "Pandey", "Patel",
    "Pillai", "Prasad", "Rao", "Reddy", "Roy", "Saxena", "Sen", "Shah", "Sharma", "Shetty",
    "Singh", "Sinha", "Sood", "Thakur", "Trivedi", "Varma", "Verma", "Vyas", "Wadhwa", "Yadav",
)  # fmt: skip


def people(count: int, seed: int, known: tuple[str, ...] = ()) -> list[str]:
    """``count`` different names that begin with ``known``."""
    names = list(known[:count])
    drawn = [" ".join(pair) for pair in product(FIRST_NAMES, LAST_NAMES)]
    random.Random(f"people/{seed}").shuffle(drawn)
    round_number = 1
    while len(names) < count:
        # When every pair is taken they come again with a number, as namesakes do.
        suffix = f" {round_number}" if round_number > 1 else ""
        names += [name + suffix for name in drawn[: count - len(names)]]
        round_number += 1
    return names
