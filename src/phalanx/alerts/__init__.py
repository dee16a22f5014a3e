"""Telling people: facts from durable events, rules that pick them, channels that carry them out of the house.

Off the hot path: the loop matches and hands over, threads send. Nothing here can stop an order.
"""
