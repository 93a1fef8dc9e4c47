"""What the commands share: options, progress, and how they end."""
