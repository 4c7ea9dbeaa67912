"""Traffic: vehicles on pavements, parking berths, shared bikes, road damage."""
