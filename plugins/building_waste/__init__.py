"""Construction waste: licences, carriers, trucks, manifests, alarms, volumes."""
