"""What happens while nobody waits: erasing for good, checking and repairing, keeping an audit log."""
