"""Classes, filing conditions and limits, versioned."""
