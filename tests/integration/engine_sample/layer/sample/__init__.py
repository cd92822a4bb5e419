"""What the sample's functions share."""
