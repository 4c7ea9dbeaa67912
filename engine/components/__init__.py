"""The register of components (部件): rows that hold, cells of the map, nearest and in view, changes and ownership."""
