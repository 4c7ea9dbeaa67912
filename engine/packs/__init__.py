"""City packs: which layer a file comes from, signed packages of a city, and what differs between two of them."""
