"""The single writer's brain: ``decide`` and ``apply``, pure.

``decide(state, command, context)`` returns events or raises ``Refused``; it never changes state.
``apply(state, event)`` is the only thing that does. No I/O, no clock, no randomness, no logging.
"""
