"""From journaled plans to bytes on the wire, and from answers back to commands."""
