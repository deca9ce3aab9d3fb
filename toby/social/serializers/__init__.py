"""What social's requests may hold and what its answers look like."""
