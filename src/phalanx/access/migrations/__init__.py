"""How ``access.db`` came to its shape, step by step; `database.migrate` runs what is missing.

A step that was released is never changed. Each stands for itself and imports nothing of ours: it must mean
in ten years what it means today.
"""
