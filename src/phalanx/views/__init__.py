"""The read side: SQL projections of the journal in ``DATA/views.db``, for lists, trees and logs.

``feed`` follows the durable journal with one thread and writes; ``queries`` reads. Nothing here can
stop or slow an order: another schema version, a damaged file or another journal's views are dropped
and built again from the journal, never migrated and never mended.
"""
